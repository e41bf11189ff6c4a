"""What a view asks for by a decorator: an account, a scope, that it is still you. Of any kind of view."""

import json

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import AsyncClient

from oauth_login import asking
from oauth_login.decorators import recent_sign_in_required, scope_required
from oauth_login.models import LinkedAccount
from tests.oauth_login.asking.conftest import PASSWORD, forms_of, query_of
from tests.oauth_login.asking.site import Repositories

GRANT = "/oauth2/github/grant/?ask="
CLASSES = [f"/repositories/{kind}/{when}" for kind in ("class", "wrapped") for when in ("", "later/")]
PAGES = ["/repositories/", "/repositories/later/", *CLASSES]


def through_asgi(visitor, method, path):
    """Send a request of the same browser to the asynchronous side of Django."""
    client = AsyncClient()
    client.cookies = visitor.cookies
    return async_to_sync(getattr(client, method))(path)


@pytest.fixture(params=["wsgi", "asgi"])
def send(request, octocat):
    """A way to send a request to either side of Django."""

    def sent(method, path):
        return (
            through_asgi(octocat, method, path) if request.param == "asgi" else getattr(octocat, method)(path)
        )

    return sent


# --- A scope ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_any_kind_of_view_is_shown_to_who_has_granted_the_scope_and_to_nobody_else(send, octocat, page):
    assert send("get", page)["Location"].startswith(GRANT)

    LinkedAccount.objects.update(scope="repo")

    assert send("get", page).content == b"account 1"


@pytest.mark.parametrize("page", CLASSES)
def test_a_view_that_finds_out_in_the_middle_is_answered_too(send, octocat, page):
    LinkedAccount.objects.update(scope="repo")

    assert send("post", page)["Location"].startswith(GRANT)


@pytest.mark.parametrize("page", ["/decorated/scope/", "/decorated/scope/later/"])
def test_another_decorator_of_ours_answers_that_as_well(send, page):
    assert send("get", page)["Location"].startswith(GRANT)


def test_what_is_no_question_of_a_grant_is_raised_as_before(octocat):
    with pytest.raises(ZeroDivisionError):
        octocat.get("/decorated/other/")


@pytest.mark.parametrize("is_atomic", [True, False])
def test_what_a_view_wrote_before_it_found_out_is_undone_where_requests_are_atomic(
    octocat, monkeypatch, is_atomic
):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)

    assert octocat.get("/half-done/")["Location"].startswith(GRANT)

    assert get_user_model().objects.filter(username="half done").exists() is not is_atomic
    assert octocat.session["_auth_user_id"]


@pytest.mark.django_db(transaction=True)
def test_a_view_that_is_exempt_from_that_keeps_what_it_wrote(octocat, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    assert octocat.get("/half-done/for-good/")["Location"].startswith(GRANT)

    assert get_user_model().objects.filter(username="half done").exists()


def test_the_decorated_view_keeps_its_name():
    assert Repositories.dispatch.__name__ == "dispatch"
    assert scope_required("github", "repo")(through_asgi).__name__ == "through_asgi"


@pytest.mark.parametrize("scope", [[], [""], [" "]])
def test_a_scope_that_is_none_is_a_mistake(scope):
    with pytest.raises(ImproperlyConfigured, match="scope_required"):
        scope_required("github", *scope)


# --- An account -------------------------------------------------------------------------------------------


def test_who_has_no_account_there_links_one_and_is_back(visitor, somebody, agree, is_at_github):
    somebody()
    visitor.login(username="bob", password=PASSWORD)
    is_at_github(7)

    page = visitor.get("/linked/", follow=True)
    assert page.redirect_chain == [("/oauth2/github/link/?next=/linked/", 302)]
    answer = agree(visitor, visitor.start(**forms_of(page)[0]))

    assert answer["Location"] == "/linked/"
    assert visitor.get("/linked/").content == b"account 7"


def test_a_page_that_wants_a_scope_wants_an_account_first(visitor, somebody):
    somebody()
    visitor.login(username="bob", password=PASSWORD)

    assert visitor.get("/repositories/")["Location"] == "/oauth2/github/link/?next=/repositories/"
    told = visitor.post("/repositories/", headers={"Accept": "application/json"})
    assert json.loads(told.content) == {"error": "linked_account_required", "url": "/oauth2/github/link/"}


@pytest.mark.parametrize("page", ["/linked/", "/repositories/"])
def test_an_account_of_the_server_that_an_alias_meant_before_is_none(visitor, somebody, page):
    former = LinkedAccount.objects.create(
        user=somebody(),
        provider="github",
        issuer="https://ghe.example/login/oauth",
        subject="583231",
        scope="repo",
    )
    visitor.login(username="bob", password=PASSWORD)

    asked = visitor.get(page, follow=True)

    assert [url.partition("?")[0] for url, _ in asked.redirect_chain] == ["/oauth2/github/link/"]
    assert LinkedAccount.objects.get() == former


def test_what_was_asked_of_such_an_account_is_asked_of_a_new_one(visitor, somebody):
    LinkedAccount.objects.create(
        user=somebody(), provider="github", issuer="https://ghe.example/login/oauth", subject="1"
    )
    visitor.login(username="bob", password=PASSWORD)

    page = visitor.get(asking.url(visitor.user, "github", ["repo"], "/repositories/"), follow=True)

    assert [url.partition("?")[0] for url, _ in page.redirect_chain] == ["/oauth2/github/link/"]


def test_of_several_accounts_the_view_is_given_the_first_that_has_what_it_needs(octocat, agree, is_at_github):
    is_at_github(2)
    agree(octocat, octocat.start(intent="link"), scope="repo")

    assert octocat.get("/linked/").content == b"account 1"
    assert octocat.get("/repositories/").content == b"account 2"


@pytest.mark.parametrize("is_scripted", [False, True])
def test_a_provider_that_there_is_not_is_the_developers_mistake_and_told_to_nobody_else(
    octocat, caplog, is_scripted
):
    headers = {"Accept": "application/json"} if is_scripted else {}

    answer = octocat.get("/unknown/", headers=headers)

    assert answer.status_code == 503
    assert answer["Cache-Control"] == "no-store, private"
    assert "githup" not in answer.content.decode()
    if is_scripted:
        assert json.loads(answer.content) == {"error": "settings_invalid", "url": None}
    else:
        assert answer.context["code"] == "settings_invalid"
    [line] = [
        record for record in caplog.records if record.levelname == "ERROR" and record.name == "oauth_login"
    ]
    assert "a decorator names 'githup', which is not in PROVIDERS" in line.getMessage()


def test_settings_that_are_wrong_are_no_visitors_fault_either(octocat, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": {"CLIENT_ID": "alone"}}}

    assert octocat.get("/linked/").status_code == 503


# --- Somebody ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["/repositories/", "/linked/", "/confirmed/"])
def test_nobody_in_particular_signs_in_first_and_is_back(visitor, github, page):
    answer = visitor.get(page)

    assert answer["Location"] == f"/oauth2/login/?next={page}"
    told = visitor.get(page, headers={"HX-Request": "true"})
    assert json.loads(told.content) == {"error": "sign_in_required", "url": "/oauth2/login/"}


@pytest.mark.parametrize(
    ("setting", "page"),
    [
        ("/door/?a=b", "/door/?a=b&next=/linked/"),
        ("guestbook:index", "/?next=/linked/"),
        ("/accounts/login/", "/oauth2/login/?next=/linked/"),
        ("no:such", "/oauth2/login/?next=/linked/"),
        (None, "/oauth2/login/?next=/linked/"),
        (7, "/oauth2/login/?next=/linked/"),
    ],
    ids=["a path", "a name", "Django's default, which is not there", "nothing", "None", "a number"],
)
def test_they_sign_in_on_the_page_that_the_site_has_for_it(visitor, db, settings, setting, page):
    settings.LOGIN_URL = setting

    assert visitor.get("/linked/")["Location"] == page


def test_djangos_default_is_taken_where_it_is_there(visitor, db, settings):
    settings.LOGIN_URL = "/accounts/login/"
    settings.ROOT_URLCONF = "tests.oauth_login.asking.site_with_accounts"

    assert visitor.get("/linked/")["Location"] == "/accounts/login/?next=/linked/"


# --- Recently ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_age", [0, 59, -1])
def test_an_age_in_which_nobody_could_be_back_is_a_mistake(max_age):
    with pytest.raises(ImproperlyConfigured, match="max_age"):
        recent_sign_in_required(max_age=max_age)


def test_the_shortest_age_is_a_minute():
    assert callable(recent_sign_in_required(max_age=60))


def test_who_has_just_signed_in_is_let_in(octocat):
    assert octocat.get("/confirmed/").content == b"confirmed"


@pytest.mark.threat("G02")
def test_who_signed_in_long_ago_proves_it_again_and_is_back(at, octocat, github, agree):
    at(minutes=16)
    page = octocat.get("/confirmed/", follow=True)
    assert page.redirect_chain == [("/oauth2/confirm/?next=/confirmed/", 302)]
    told = octocat.post("/confirmed/", headers={"HX-Request": "true"})
    assert json.loads(told.content) == {"error": "recent_sign_in_required", "url": "/oauth2/confirm/"}

    answer = agree(octocat, octocat.start(**forms_of(page)[0]))

    assert answer["Location"] == "/confirmed/"
    assert octocat.get("/confirmed/").content == b"confirmed"


def test_a_page_may_want_it_more_or_less_often(at, octocat):
    at(minutes=59)
    assert octocat.get("/confirmed/hour/").content == b"confirmed"
    at(minutes=2)
    assert octocat.get("/confirmed/hour/")["Location"] == "/oauth2/confirm/?next=/confirmed/hour/"


def test_who_says_no_to_proving_it_is_back_on_the_page_that_asks(at, octocat, github):
    at(minutes=16)
    start = octocat.start(intent="reauthenticate", next="/confirmed/")

    answer = octocat.come_back(github.deny(start["Location"]))

    assert answer["Location"] == "/oauth2/confirm/?next=/confirmed/"
    assert "You said no there. Nothing was changed." in octocat.get(answer["Location"]).content.decode()
    assert octocat.get("/confirmed/").status_code == 302


def test_who_says_no_and_came_from_nowhere_is_back_on_that_page_too(octocat, github):
    answer = octocat.come_back(github.deny(octocat.start(intent="reauthenticate")["Location"]))

    assert answer["Location"] == "/oauth2/confirm/"


@pytest.mark.threat("G02")
@pytest.mark.parametrize("is_linked", [False, True], ids=["nobody's", "somebody else's"])
def test_another_identity_is_no_proof(at, octocat, agree, is_at_github, somebody, is_linked):
    if is_linked:
        row = {"provider": "github", "issuer": "https://github.com/login/oauth", "subject": "2"}
        LinkedAccount.objects.create(user=somebody(), **row)
    at(minutes=16)
    is_at_github(2)
    user = octocat.user

    answer = agree(octocat, octocat.start(intent="reauthenticate", next="/confirmed/"))

    assert (answer.status_code, answer.context["code"]) == (409, "somebody_else")
    assert octocat.user == user
    assert octocat.get("/confirmed/").status_code == 302


def test_any_account_of_ones_own_is_a_proof(at, octocat, agree, is_at_github):
    is_at_github(2)
    agree(octocat, octocat.start(intent="link"))
    at(minutes=16)

    agree(octocat, octocat.start(intent="reauthenticate"))

    assert octocat.get("/confirmed/").content == b"confirmed"


def test_a_proof_changes_neither_the_session_nor_what_was_granted(octocat, agree):
    LinkedAccount.objects.update(scope="repo")
    key, user = octocat.session.session_key, octocat.user

    agree(octocat, octocat.start(intent="reauthenticate"))

    assert (octocat.session.session_key, octocat.user) == (key, user)
    assert LinkedAccount.objects.get().scope == "repo"


def test_a_provider_that_asks_nobody_anew_is_a_recent_proof_and_no_new_one(octocat, agree):
    page = octocat.get("/confirmed/anew/", follow=True)
    assert query_of(page.redirect_chain[0][0]) == {"anew": "1", "next": "/confirmed/anew/"}
    text = page.content.decode()
    assert "None of your ways to sign in can do that" in text
    assert "sign out" in text
    assert forms_of(page) == []

    agree(octocat, octocat.start(intent="reauthenticate"))

    assert octocat.get("/confirmed/").content == b"confirmed"
    assert octocat.get("/confirmed/anew/").status_code == 302


def test_a_password_is_a_new_proof(octocat, somebody):
    somebody()
    octocat.login(username="bob", password=PASSWORD)

    assert octocat.get("/confirmed/anew/").content == b"confirmed"


def test_github_is_sent_no_more_than_in_a_sign_in(octocat):
    plain, proof = (query_of(octocat.start(intent=it)["Location"]) for it in ("sign_in", "reauthenticate"))

    assert plain.keys() == proof.keys()
    assert plain["scope"] == proof["scope"]
