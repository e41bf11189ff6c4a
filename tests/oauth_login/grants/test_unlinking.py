"""Visitors unlink an account themselves, on purpose, and are told what becomes of what they granted."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.db import connection
from django.template import RequestContext, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

from oauth_login import signals
from oauth_login.models import LinkedAccount, SignIn, Token
from tests.databases import unquoted
from tests.oauth_login.grants.conftest import fails

pytestmark = pytest.mark.django_db(transaction=True)
#: A site without an admin, and without a page for passwords.
urlpatterns = [path("", include("guestbook.urls")), path("oauth2/", include("oauth_login.urls"))]
FORMER = {"issuer": "https://former.example/login/oauth"}
OTHER_KEY = "another-key-that-has-never-encrypted-anything-here-0123456789"


class Knowing(BaseBackend):
    """Knows everybody by their key."""

    def get_user(self, user_id):
        return get_user_model().objects.get(pk=user_id)


class Permissions(Knowing):
    """Knows what somebody may do, and signs nobody in."""


class AdmitsNobody:
    """Knows what somebody may do, as a backend that is older than Django's base class."""

    def authenticate(self, request, username=None, password=None):
        """Admit nobody."""


class TakesAnything(BaseBackend):
    """Knows what somebody may do, and has an ``authenticate`` of its own."""

    def authenticate(self, *args, **kwargs):
        """Admit nobody."""


class KnowsNobody(AdmitsNobody):
    """Knows what somebody may do, and says of each key that it is nobody's."""

    def get_user(self, user_id):
        """Know nobody."""


class ByAddress(Knowing):
    """Takes an address and a password."""

    def authenticate(self, request, email=None, password=None):  # type: ignore[override]
        return get_user_model().objects.get(email=email)


def signed_in(user, **options):
    client = Client(**options)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def page_of(account):
    return reverse("oauth_login:unlink", args=[account.pk])


def message_of(answer):
    """Return the one thing the visitor is told, as markup."""
    (message,) = get_messages(answer.wsgi_request)
    return str(message)


def test_it_is_asked_first_whether_it_is_meant_and_nothing_happens(person, revoking):
    account = person(username="octocat")

    answer = signed_in(account.user).get(page_of(account))

    assert answer.status_code == 200
    assert "Unlink <bdi>octocat</bdi>?" in answer.content.decode()
    assert (
        f'<form class="oauth-login-form" method="post" action="{page_of(account)}">'
        in answer.content.decode()
    )
    assert LinkedAccount.objects.count() == 1
    assert revoking.requests == []


@pytest.mark.threat("H24", "GH16", "G10")
def test_the_account_goes_and_the_grant_is_withdrawn_and_the_visitor_told(person, revoking, waiting):
    account, other = person(username="<b>octocat"), person()

    answer = signed_in(account.user).post(page_of(account))

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/")
    assert message_of(answer) == (
        "&lt;b&gt;octocat is unlinked, and GitHub Enterprise has withdrawn what you granted to this site."
    )
    assert revoking.revoked == ["gho_1"]
    assert list(LinkedAccount.objects.all()) == [other]
    assert waiting() == []


@pytest.mark.threat("H24", "G10")
def test_while_the_provider_is_down_the_account_goes_all_the_same(person, revoking, waiting):
    revoking.says = fails()
    account = person()

    answer = signed_in(account.user).post(page_of(account))

    assert message_of(answer) == (
        "1 is unlinked. GitHub Enterprise does not answer at the moment: what you granted to this site will "
        "be withdrawn as soon as it does."
    )
    assert LinkedAccount.objects.count() == 0
    assert waiting() == [("1", 1, "provider_unavailable")]


@pytest.mark.threat("GH23")
def test_what_only_the_visitor_can_withdraw_leads_to_where_that_is(person, revoking):
    account = person()
    account.token.delete()

    answer = signed_in(account.user).post(page_of(account))

    page = f"{revoking.url}/settings/connections/applications/client-id-of-the-tests"
    assert f'on <a href="{page}" rel="noopener noreferrer">a page of GitHub Enterprise</a>.' in message_of(
        answer
    )


@pytest.mark.threat("H24")
def test_an_account_of_an_alias_that_was_renamed_gives_its_grant_back(person, revoking):
    account = person(provider="former")

    answer = signed_in(account.user).post(page_of(account))

    assert message_of(answer).endswith("GitHub Enterprise has withdrawn what you granted to this site.")
    assert revoking.revoked == ["gho_1"]


def test_without_such_a_page_the_settings_there_are_named(person):
    account = person(provider="gone", issuer="https://gone.example")

    answer = signed_in(account.user).post(page_of(account))

    assert message_of(answer).endswith("can only be withdrawn by you, in your settings at gone.")


def test_others_are_told_after_the_commit(person):
    account = person()
    heard = []

    def hear(user, account, **_):
        heard.append((user.username, account.subject, connection.in_atomic_block))
        raise LookupError("a mistake of the site's own")

    signals.account_unlinked.connect(hear)
    answer = signed_in(account.user).post(page_of(account))
    signals.account_unlinked.disconnect(hear)

    assert heard == [("user1", "1", False)]
    assert answer.status_code == 302
    assert LinkedAccount.objects.count() == 0


@pytest.mark.threat("D28")
def test_a_site_that_brackets_its_requests_has_no_transaction_open_meanwhile(person, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    account = person()

    answer = signed_in(account.user).post(page_of(account))

    assert "has withdrawn what you granted" in message_of(answer)


@pytest.mark.threat("G08")
def test_of_two_at_the_same_moment_the_second_waits_where_the_database_can_have_it_wait(person):
    account = person()
    browser = signed_in(account.user)

    with CaptureQueriesContext(connection) as queries:
        browser.post(page_of(account))

    locked = [query["sql"] for query in queries if "FOR UPDATE" in query["sql"]]
    locked = [sql for sql in locked if "oauth_login_linkedaccount" in sql]
    assert len(locked) == connection.features.has_select_for_update


@pytest.mark.threat("G06")
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_account_of_somebody_else_is_not_there(person, method, revoking):
    account, other = person(), person()

    answer = getattr(signed_in(other.user), method)(page_of(account))

    assert answer.status_code == 404
    assert "<code>account_unknown</code>" in answer.content.decode()
    assert LinkedAccount.objects.count() == 2
    assert revoking.requests == []


@pytest.mark.threat("G07")
@pytest.mark.parametrize("number", [0, 404, 10**30])
def test_nor_is_one_that_nobody_has(person, number):
    answer = signed_in(person().user).post(f"/oauth2/accounts/{number}/unlink/")

    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_signed_out_signs_in_first(person, method):
    account = person()

    answer = getattr(Client(), method)(page_of(account))

    assert answer["Location"] == f"/oauth2/login/?next={page_of(account)}"
    assert LinkedAccount.objects.count() == 1


def test_a_form_without_its_token_unlinks_nothing(person):
    account = person()

    answer = signed_in(account.user, enforce_csrf_checks=True).post(page_of(account))

    assert answer.status_code == 403
    page = answer.content.decode()
    assert "<code>unlink_stale</code>" in page
    assert "See your linked accounts" in page
    assert LinkedAccount.objects.count() == 1


def test_no_other_method_is_taken(person):
    account = person()

    assert signed_in(account.user).delete(page_of(account)).status_code == 405


@pytest.mark.threat("G08")
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_only_way_in_stays(person, method, revoking):
    account = person()
    account.user.set_unusable_password()
    account.user.save()

    answer = getattr(signed_in(account.user), method)(page_of(account))

    assert answer.status_code == 409
    assert "<code>last_way_in</code>" in answer.content.decode()
    assert LinkedAccount.objects.count() == 1
    assert revoking.requests == []


def test_of_two_ways_in_one_can_go(person):
    account = person()
    account.user.set_unusable_password()
    account.user.save()
    other = person(user=account.user)

    assert signed_in(account.user).post(page_of(account)).status_code == 302
    assert signed_in(account.user).post(page_of(other)).status_code == 409


@pytest.mark.threat("G08")
@pytest.mark.parametrize(
    "backends",
    [
        [],
        ["django.contrib.auth.backends.RemoteUserBackend"],
        [f"{__name__}.Permissions"],
        [f"{__name__}.AdmitsNobody", f"{__name__}.TakesAnything", f"{__name__}.KnowsNobody"],
    ],
    ids=["no backend", "no backend takes one", "for permissions only", "for permissions, with authenticate"],
)
def test_a_password_that_opens_nothing_is_no_way_in(person, settings, backends):
    account = person()
    account.user.set_password("correct horse")
    account.user.save()
    settings.AUTHENTICATION_BACKENDS = ["oauth_login.backends.OAuthBackend", *backends]
    client = Client()
    assert not client.login(username=account.user.username, password="correct horse")
    client.force_login(account.user, "oauth_login.backends.OAuthBackend")

    assert client.post(page_of(account)).status_code == 409
    assert LinkedAccount.objects.count() == 1


@pytest.mark.threat("G08")
def test_nor_is_an_empty_one(person):
    account = person()
    get_user_model().objects.update(password="")

    assert signed_in(get_user_model().objects.get()).post(page_of(account)).status_code == 409


@pytest.mark.threat("G08")
@pytest.mark.parametrize(
    ("changes", "is_staff"),
    [
        ({"ROOT_URLCONF": __name__}, True),
        ({}, False),
        ({"LOGIN_URL": "admin:login"}, False),
    ],
    ids=["no page", "the admin's, for staff", "the admin's, which LOGIN_URL is"],
)
def test_a_password_that_can_be_typed_nowhere_is_no_way_in(person, settings, changes, is_staff):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": None}
    for name, value in changes.items():
        setattr(settings, name, value)
    account = person()
    get_user_model().objects.update(is_staff=is_staff)
    assert Client().login(username=account.user.username, password="typed")

    assert signed_in(account.user).post(page_of(account)).status_code == 409
    assert LinkedAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("login_url", "is_staff"),
    [("oauth_login:login", True), ("admin:login", True), ("/typed/here/", False)],
    ids=["the admin's, for staff", "the admin's, which LOGIN_URL is", "the site's own"],
)
def test_one_that_can_be_typed_is(person, settings, login_url, is_staff):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": None}
    settings.LOGIN_URL = login_url
    account = person()
    get_user_model().objects.update(is_staff=is_staff)

    assert signed_in(account.user).post(page_of(account)).status_code == 302


@pytest.mark.threat("G09")
def test_nor_is_a_password_that_another_tab_has_given_up_meanwhile(person):
    account = person()
    browser = signed_in(account.user)

    def meanwhile(execute, sql, params, many, context):
        if f"INSERT INTO {SignIn._meta.db_table}" in unquoted(sql):
            get_user_model().objects.update(password="!")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        answer = browser.post(page_of(account))

    assert answer.status_code == 409
    assert LinkedAccount.objects.count() == 1


def test_a_password_is_a_way_in_whatever_its_backend_calls_the_name(person, settings):
    account = person()
    get_user_model().objects.update(email="ada@example.com")
    settings.AUTHENTICATION_BACKENDS = ["oauth_login.backends.OAuthBackend", f"{__name__}.ByAddress"]
    client = Client()
    assert client.login(email="ada@example.com", password="correct horse")

    assert client.post(page_of(account)).status_code == 302


@pytest.mark.threat("G08")
@pytest.mark.parametrize(
    "other",
    [FORMER | {"provider": "gone"}, FORMER],
    ids=["not there any more", "another server by now"],
)
def test_nor_is_a_provider_that_knows_nobody_of_it(person, other):
    account = person()
    account.user.set_unusable_password()
    account.user.save()
    person(user=account.user, **other)

    assert signed_in(account.user).post(page_of(account)).status_code == 409


@pytest.mark.threat("G08")
def test_an_account_whose_alias_was_renamed_leads_in_as_before(person):
    account = person(provider="renamed")
    account.user.set_unusable_password()
    account.user.save()
    other = person(user=account.user, provider="renamed")
    browser = signed_in(account.user)

    assert "Confirm with GitHub Enterprise</button>" in browser.get("/oauth2/confirm/").content.decode()
    assert browser.post(page_of(account)).status_code == 302
    assert browser.post(page_of(other)).status_code == 409


# --- The page of accounts ---------------------------------------------------------------------------------


def test_each_account_says_what_it_may_do_and_how_that_is_doing(person):
    account = person(scope="read:user user:email")

    page = signed_in(account.user).get("/oauth2/").content.decode()

    assert "granted to this site: <bdi>read:user user:email</bdi>" in page
    assert "access of this site: fresh" in page
    assert f'href="{page_of(account)}"' in page
    assert "again</button>" not in page
    assert "You cannot sign in with it any more" not in page


@pytest.mark.threat("H04")
def test_who_has_to_sign_in_again_can_do_so_there(person, settings):
    account = person()
    person("", "", user=account.user)
    person(user=account.user, provider="gone", **FORMER)
    client = signed_in(account.user)
    # A session is signed with the key as well: only what tokens are encrypted with has changed.
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": [OTHER_KEY]}

    answer = client.get("/oauth2/")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.count("access of this site: needs sign-in") == 2
    assert page.count("Sign in with GitHub Enterprise again</button>") == 1
    assert '<input type="hidden" name="next" value="/oauth2/">' in page


@pytest.mark.threat("E36")
@pytest.mark.parametrize(
    "values",
    [FORMER | {"provider": "gone"}, FORMER],
    ids=["not there any more", "another server by now"],
)
@pytest.mark.parametrize("state", ["active", "reauthorize"])
def test_an_account_of_a_server_that_the_site_does_not_use_says_so(person, values, state):
    account = person(**values)
    Token.objects.update(state=state)

    page = signed_in(account.user).get("/oauth2/").content.decode()

    assert (
        "You cannot sign in with it any more: this site does not use the server that it was linked at."
        in page
    )
    assert "again</button>" not in page


def test_an_account_whose_alias_was_renamed_is_signed_in_with_again_under_the_new_one(person, front):
    account = person(provider="renamed")
    Token.objects.update(state="reauthorize")
    browser = signed_in(account.user)

    for shown in (browser.get("/oauth2/").content.decode(), front(browser)):
        assert 'method="post" action="/oauth2/ghe/authorize/"' in shown
        assert "Sign in with GitHub Enterprise again</button>" in shown
        assert "You cannot sign in with it any more" not in shown


# --- The banner -------------------------------------------------------------------------------------------


@pytest.fixture
def front():
    """The banner on the guestbook's front page, or ""."""

    def show(client, path="/"):
        page = client.get(path).content.decode()
        return "".join(
            re.findall(r'<div class="oauth-login-banner" role="status">(.*?)</div>', page, re.DOTALL)
        )

    return show


def test_who_has_to_sign_in_again_is_asked_to_on_every_page(person, front):
    account = person(username="<b>octocat")
    Token.objects.update(state="reauthorize", access_token="", refresh_token="")

    banner = front(signed_in(account.user), "/?page=2&x=")

    assert "<bdi>&lt;b&gt;octocat</bdi>" in banner
    assert 'method="post" action="/oauth2/ghe/authorize/"' in banner
    assert 'name="next" value="/?page=2&amp;x="' in banner
    assert re.search(r'name="csrfmiddlewaretoken" value="\w{64}"', banner)
    assert "Sign in with GitHub Enterprise again</button>" in banner


@pytest.mark.threat("H04")
def test_so_is_whose_token_no_key_opens_any_more(person, front, settings):
    account = person()
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": [OTHER_KEY]}

    assert front(signed_in(account.user)) != ""


@pytest.mark.parametrize(
    "values",
    [{}, {"state": "revoked"}, {"expires_at": 0, "refresh_token": ""}],
    ids=["fresh", "revoked", "run out, and nobody minds"],
)
def test_nobody_else_is(person, front, values):
    account, other = person(), person()
    Token.objects.filter(pk=account.pk).update(**values)
    Token.objects.filter(pk=other.pk).update(state="reauthorize")

    assert front(signed_in(account.user)) == ""
    assert front(Client()) == ""


@pytest.mark.threat("E36")
@pytest.mark.parametrize(
    "values",
    [FORMER | {"provider": "gone"}, FORMER],
    ids=["not there any more", "another server by now"],
)
def test_nobody_is_sent_to_a_provider_that_does_not_know_the_account(person, front, values):
    account = person(**values)
    Token.objects.update(state="reauthorize")
    client = signed_in(account.user)
    assert front(client) == ""

    person(user=account.user, username="octocat")
    Token.objects.update(state="reauthorize")

    assert "<bdi>octocat</bdi>" in front(client)


def test_there_is_one_banner_however_many_accounts_need_it(person, front):
    account = person()
    person(user=account.user)
    Token.objects.update(state="reauthorize")

    banner = front(signed_in(account.user))

    assert banner.count("</form>") == 1
    assert "<bdi>1</bdi>" in banner


def test_it_costs_one_query_and_a_stranger_none(person, django_assert_num_queries, rf):

    account = person()
    template = Template("{% load oauth_login %}{% reauthorization_banner %}")
    for user, number in ((get_user_model().objects.get(pk=account.user.pk), 1), (AnonymousUser(), 0)):
        request = rf.get("/")
        request.user = user
        with django_assert_num_queries(number):
            assert template.render(RequestContext(request)).strip() == ""
