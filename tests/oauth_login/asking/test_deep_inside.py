"""A view finds out in the middle that the visitor has to agree to more, or again: the middleware answers."""

import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from oauth_login.errors import ScopeRequired
from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.asking.conftest import LEAST, PASSWORD, asked_of, forms_of, kept, query_of

MIDDLEWARE = "oauth_login.middleware.GrantMiddleware"


@pytest.fixture(autouse=True)
def watched(settings):
    """The site, with the middleware."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]


@pytest.mark.parametrize("page", ["/deep/scope/", "/deep/scope/later/"])
def test_a_scope_that_is_found_missing_is_asked_for(octocat, page):
    asks = octocat.get(f"{page}?page=2")

    assert query_of(asks["Location"])["next"] == f"{page}?page=2"
    [form] = forms_of(octocat.get(asks["Location"]))
    assert asked_of(octocat.start(**form))["scope"] == f"{LEAST} repo"


def test_so_is_one_in_an_asynchronous_server(octocat):
    client = AsyncClient()
    client.cookies = octocat.cookies

    asks = async_to_sync(client.get)("/deep/scope/later/")

    assert asks["Location"].startswith("/oauth2/github/grant/?ask=")


def test_a_session_of_the_api_says_where_it_lacks_what(octocat):
    asks = octocat.get("/calls/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/feed/"})

    told = json.loads(asks.content)
    assert (asks.status_code, told["error"]) == (403, "scope_required")
    assert query_of(told["url"])["next"] == "/feed/"
    assert "<li><code>repo</code></li>" in octocat.get(told["url"]).content.decode()


@pytest.mark.parametrize("kept_scope", [f"{LEAST} repo", ""], ids=["what it had", "nothing"])
def test_who_has_no_token_any_more_agrees_once_more_to_what_they_had(octocat, agree, kept_scope):
    LinkedAccount.objects.update(scope=kept_scope)
    Token.objects.all().delete()

    page = octocat.get("/renewed/", follow=True)

    text = page.content.decode()
    assert "GitHub has to be asked again" in text
    assert ("<li><code>repo</code></li>" in text) is bool(kept_scope)
    assert "Granted so far" not in text
    start = octocat.start(**forms_of(page)[0])
    assert asked_of(start)["scope"] == (kept_scope or LEAST)
    assert agree(octocat, start)["Location"] == "/renewed/"
    assert octocat.get("/renewed/").content.decode() == kept()[0][2]


def test_where_no_tokens_are_kept_nobody_is_asked_for_another_without_end(octocat, settings, caplog):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    Token.objects.all().delete()

    answer = octocat.get("/renewed/")

    assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")
    assert "account.session() needs STORE_TOKENS" in caplog.text


def test_who_says_no_to_that_is_asked_again_for_the_same(octocat, github):
    Token.objects.all().delete()
    form = forms_of(octocat.get("/renewed/", follow=True))[0]

    denied = octocat.come_back(github.deny(octocat.start(**form)["Location"]))

    assert asked_of(octocat.start(**forms_of(octocat.get(denied["Location"]))[0]))["scope"] == LEAST


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("nobody-knows-which", "scope_required"),
        ("nobody-knows-where", "reauthorization_required"),
        ("elsewhere", "reauthorization_required"),
    ],
)
def test_what_nobody_knows_to_ask_for_is_explained(octocat, caplog, why, code):
    # What is linked may be of a provider that the settings do not know any more.
    octocat.user.linked_accounts.create(provider="elsewhere", issuer="https://elsewhere.example", subject="1")

    answer = octocat.get(f"/deep/{why}/")

    assert (answer.status_code, answer.context["code"]) == (403, code)
    assert "This page needs more from your provider" in answer.content.decode()
    assert "See your linked accounts" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Referrer-Policy"] == "no-referrer"
    [line] = [record for record in caplog.records if record.name == "oauth_login" and "refused" in record.msg]
    assert (line.levelname, answer.context["support_id"] in line.getMessage()) == ("WARNING", True)


def test_a_script_is_told_that_there_is_no_way(octocat):
    answer = octocat.get("/deep/nobody-knows-which/", headers={"Sec-Fetch-Mode": "cors"})

    assert answer.status_code == 403
    assert json.loads(answer.content) == {"error": "scope_required", "url": None}
    assert "HX-Redirect" not in answer


@pytest.mark.parametrize("who", ["nobody", "somebody without an account there"])
def test_who_could_not_mend_it_is_not_sent_to_do_so(visitor, somebody, who):
    somebody()
    visitor.login(username="bob" if who != "nobody" else "", password=PASSWORD)

    answer = visitor.get("/deep/scope/")

    assert (answer.status_code, answer.context["code"]) == (403, "scope_required")


def test_errors_of_another_kind_are_none_of_its_business(octocat):
    with pytest.raises(ZeroDivisionError):
        octocat.get("/deep/other/")


def test_without_it_the_error_is_the_views_own(octocat, new_visitor, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != MIDDLEWARE]
    later = new_visitor()  # the middleware of the first is loaded
    later.cookies = octocat.cookies

    with pytest.raises(ScopeRequired):
        later.get("/deep/scope/")
