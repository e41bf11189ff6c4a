"""Leaving for the provider: where to, with what, from where, and what it leaves behind (nothing)."""

import base64
import hashlib
import json
import re
import string
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http.cookie import SimpleCookie
from django.urls import reverse

from oauth_login.models import SignIn

START = "/oauth2/github/authorize/"
TWO_PROVIDERS = {
    "PROVIDERS": {
        "github": {"CLIENT_ID": "client-id-of-the-tests", "CLIENT_SECRET": "client-secret-of-the-tests"},
        "ghe": {
            "PRESET": "github",
            "BASE_URL": "https://ghe.example",
            "CLIENT_ID": "client-id-of-the-tests",
            "CLIENT_SECRET": "client-secret-of-the-tests",
        },
    },
}


def asked(answer):
    """Return the authorization request that *answer* sends the browser away with, as a dict."""
    assert answer.status_code == 302
    pairs = parse_qsl(urlsplit(answer["Location"]).query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), "a parameter is repeated"
    return dict(pairs)


@pytest.fixture
def strict_visitor(new_visitor):
    """A visitor whose CSRF token is checked, as browsers' are."""
    return new_visitor(enforce_csrf_checks=True)


@pytest.fixture
def two_providers(settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | TWO_PROVIDERS


# --- The authorization request ---------------------------------------------------------------------


@pytest.mark.threat("B20")
def test_the_button_leads_to_the_providers_own_page_and_nowhere_else(visitor):
    answer = visitor.start()

    # 307 would send the form, with its CSRF token, on to the provider.
    assert answer.status_code == 302
    assert answer["Location"].partition("?")[0] == "https://github.com/login/oauth/authorize"
    assert answer.content == b""


def test_the_request_says_what_rfc_6749_and_rfc_7636_ask_for(visitor):
    request = asked(visitor.start())

    assert set(request) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    }
    assert request["response_type"] == "code"
    assert request["client_id"] == "client-id-of-the-tests"
    assert request["scope"] == "read:user user:email"
    assert request["code_challenge_method"] == "S256"
    assert len(request["code_challenge"]) == 43


@pytest.mark.threat("B11")
@pytest.mark.parametrize("where", ["body", "query"])
def test_nothing_that_is_typed_into_the_start_reaches_the_request(visitor, where):
    forged = {
        "auth_params": "redirect_uri=https://evil.example&state=X&client_id=evil&response_type=token",
        "client_id": "evil",
        "redirect_uri": "https://evil.example/",
        "response_type": "token",
        "scope": "delete_repo",
        "state": "chosen",
        "code_challenge": "chosen",
        "code_challenge_method": "plain",
        "login": "admin&scope=repo",
        "prompt": "none",
        "provider": "evil",
    }
    clean = asked(visitor.start())
    answer = visitor.start(**forged) if where == "body" else visitor.post(START, query_params=forged)
    request = asked(answer)

    for name in ("state", "code_challenge"):  # random each time, and never what was asked for
        assert request.pop(name) not in {clean.pop(name), "chosen"}
    assert request == clean


@pytest.mark.threat("A12")
@pytest.mark.usefixtures("unlimited")
def test_a_thousand_states_are_long_and_unlike_each_other_and_unlike_anything_known(new_visitor):
    visitor = new_visitor(enforce_csrf_checks=True)
    visitor.get(START)
    token = visitor.cookies["csrftoken"].value
    states = set()
    for _ in range(1000):
        state = asked(visitor.post(START, {"csrfmiddlewaretoken": token}))["state"]
        known = {token, *visitor.attempt_cookies().values()}
        assert state not in known | {hashlib.sha256(value.encode()).hexdigest() for value in known}
        states.add(state)

    assert len(states) == 1000
    assert all(len(state) >= 43 for state in states)
    assert set("".join(states)) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.threat("A13", "B05")
def test_state_and_cookie_are_opaque_to_the_browser_that_holds_them(visitor, github):
    answer = visitor.start(next="/where-to/")
    state = asked(answer)["state"]
    (cookie,) = visitor.attempt_cookies().values()
    visitor.come_back(github.approve(answer["Location"]))
    verifier = github.token_requests[0]["code_verifier"]

    for envelope in (state, cookie):
        body = envelope[len("v1") + 8 :]  # behind version and key id
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        for secret in (b"where-to", b"github", b"client-id-of-the-tests", b"testserver", verifier.encode()):
            assert secret not in raw
        with pytest.raises(ValueError):  # noqa: PT011  bytes that are no text, or text that is no JSON
            json.loads(raw)
    assert verifier not in answer["Location"]
    assert verifier not in str(answer.cookies)


# --- The callback URL --------------------------------------------------------------------------------


@pytest.mark.threat("C04", "GH07")
def test_the_callback_url_is_one_constant_whatever_next_is(visitor):
    uris = {asked(visitor.start(next=f"/page/{number}/?q={number}"))["redirect_uri"] for number in range(50)}

    assert uris == {"http://testserver/oauth2/github/callback/"}


@pytest.mark.threat("B21")
def test_every_provider_has_a_callback_url_of_its_own(visitor, two_providers):
    ours = asked(visitor.start("github"))["redirect_uri"]
    theirs = asked(visitor.start("ghe"))["redirect_uri"]

    assert ours == "http://testserver/oauth2/github/callback/"
    assert theirs == "http://testserver/oauth2/ghe/callback/"


@pytest.mark.threat("C01")
def test_a_poisoned_host_header_does_not_move_the_callback_url(visitor, settings):
    settings.ALLOWED_HOSTS = ["*"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://www.example.com"}

    answer = visitor.post(START, headers={"host": "evil.example"})

    assert asked(answer)["redirect_uri"] == "https://www.example.com/oauth2/github/callback/"


@pytest.mark.threat("C01")
def test_without_an_origin_a_host_that_is_not_ours_is_refused(visitor):
    answer = visitor.post(START, headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert not visitor.attempt_cookies()


@pytest.mark.threat("C02", "C03")
@pytest.mark.parametrize(
    "header",
    [
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-port": "666"},
        {"x-forwarded-proto": "https"},
        {"x-forwarded-scheme": "https"},
        {"forwarded": "host=evil.example;proto=https"},
        {"x-original-host": "evil.example"},
        {"origin-host": "evil.example"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_headers_of_proxies_that_the_site_does_not_trust_change_nothing(visitor, header):
    answer = visitor.post(START, headers=header)

    assert asked(answer)["redirect_uri"] == "http://testserver/oauth2/github/callback/"


@pytest.mark.threat("C03")
def test_behind_a_trusted_tls_proxy_the_callback_url_is_https(visitor, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    answer = visitor.post(START, headers={"x-forwarded-proto": "https", "host": "testserver"})

    assert asked(answer)["redirect_uri"] == "https://testserver/oauth2/github/callback/"


@pytest.mark.threat("C03")
def test_the_origin_of_the_settings_beats_the_scheme_of_the_request(visitor, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://testserver"}

    assert asked(visitor.start())["redirect_uri"] == "https://testserver/oauth2/github/callback/"


# --- Who may start ------------------------------------------------------------------------------------


@pytest.mark.threat("A17")
@pytest.mark.parametrize("signed_in", [False, True])
def test_opening_the_start_page_shows_the_button_and_starts_nothing(visitor, django_user_model, signed_in):
    if signed_in:
        visitor.force_login(django_user_model.objects.create_user("ada"))
    held = dict(visitor.cookies)

    answer = visitor.get(START, {"next": "/x", "intent": "link"})

    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert set(answer.cookies) <= {"csrftoken"}
    assert set(visitor.cookies) - set(held) <= {"csrftoken"}
    assert '<form class="oauth-login-form" method="post" action="/oauth2/github/authorize/">' in (
        answer.content.decode()
    )
    assert '<input type="hidden" name="next" value="/x">' in answer.content.decode()


@pytest.mark.threat("A17")
@pytest.mark.parametrize("method", ["head", "options", "put", "patch", "delete", "trace"])
def test_no_other_method_starts_anything(visitor, method):
    answer = getattr(visitor, method)(START)

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, POST"
    assert not visitor.attempt_cookies()


@pytest.mark.threat("A18")
@pytest.mark.parametrize("middleware", [True, False], ids=["middleware", "no-middleware"])
class TestAnotherSiteCannotPressTheButton:
    @pytest.fixture(autouse=True)
    def perhaps_without_middleware(self, settings, middleware):
        if not middleware:
            settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]

    def test_without_a_token(self, strict_visitor):
        answer = strict_visitor.start()

        assert answer.status_code == 403
        assert not strict_visitor.attempt_cookies()
        assert SignIn.objects.count() == Session.objects.count() == 0

    def test_with_somebody_elses_token(self, strict_visitor, new_visitor):
        strict_visitor.get(START)
        stranger = new_visitor(enforce_csrf_checks=True)
        stranger.get(START)

        answer = strict_visitor.start(csrfmiddlewaretoken=stranger.cookies["csrftoken"].value)

        assert answer.status_code == 403
        assert not strict_visitor.attempt_cookies()

    @pytest.mark.parametrize(
        "headers",
        [{"origin": "https://evil.example"}, {"origin": "null"}],
        ids=["foreign", "null"],
    )
    def test_from_another_origin(self, strict_visitor, headers):
        strict_visitor.get(START)
        token = strict_visitor.cookies["csrftoken"].value

        answer = strict_visitor.post(START, {"csrfmiddlewaretoken": token}, headers=headers)

        assert answer.status_code == 403
        assert not strict_visitor.attempt_cookies()

    def test_over_https_with_a_foreign_referer(self, strict_visitor):
        strict_visitor.get(START, secure=True)
        token = strict_visitor.cookies["csrftoken"].value
        form = {"csrfmiddlewaretoken": token}

        foreign = strict_visitor.post(START, form, secure=True, headers={"referer": "https://evil.example/"})
        own = strict_visitor.post(START, form, secure=True, headers={"referer": "https://testserver/x"})

        assert (foreign.status_code, own.status_code) == (403, 302)

    def test_while_the_visitor_can(self, strict_visitor):
        strict_visitor.get(START)

        answer = strict_visitor.start(csrfmiddlewaretoken=strict_visitor.cookies["csrftoken"].value)

        assert asked(answer)["client_id"] == "client-id-of-the-tests"


@pytest.mark.threat("A19")
@pytest.mark.parametrize(
    "alias", ["evil", "GitHub", "GITHUB", "github%00", "..%2Fgithub", "github ", "sandbox"]
)
@pytest.mark.parametrize(
    ("method", "page"), [("get", "authorize"), ("post", "authorize"), ("get", "callback")]
)
def test_a_provider_the_site_does_not_have_is_a_plain_404(visitor, alias, method, page):
    answer = getattr(visitor, method)(f"/oauth2/{alias}/{page}/?code=x&state=y")

    assert answer.status_code == 404
    assert not answer.cookies
    assert SignIn.objects.count() == Session.objects.count() == 0


@pytest.mark.threat("A26")
@pytest.mark.parametrize("missing", ["CLIENT_ID", "CLIENT_SECRET"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_provider_without_credentials_is_closed_and_the_check_says_why(visitor, settings, missing, value):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {missing: value}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    with pytest.raises(SystemCheckError, match=r"oauth_login\.E008"):
        call_command("check")
    for answer in (visitor.start(), visitor.get(START), visitor.get("/oauth2/login/")):
        assert answer.status_code in {503, 200}
        assert "Location" not in answer.headers
    assert visitor.start().status_code == 503
    assert not visitor.attempt_cookies()
    assert visitor.user is None


@pytest.mark.threat("A26")
def test_settings_that_break_between_start_and_callback_end_in_503(visitor, github, settings):
    query = github.approve(visitor.start()["Location"])
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {"CLIENT_ID": "client-id-of-the-tests"}}}

    answer = visitor.come_back(query)

    assert answer.status_code == 503
    assert github.token_requests == []
    assert visitor.user is None
    assert SignIn.objects.count() == 0  # nothing is spent on the owner's mistake


# --- What a flood leaves behind -----------------------------------------------------------------------


@pytest.mark.threat("J01")
def test_a_thousand_anonymous_visits_leave_nothing(visitor):
    for _ in range(250):
        for path in ("login/", "github/authorize/", "github/callback/", ""):
            visitor.cookies = SimpleCookie()
            answer = visitor.get(f"/oauth2/{path}", {"next": "/x"})
            assert set(answer.cookies) <= {"csrftoken"}

    assert Session.objects.count() == SignIn.objects.count() == 0


@pytest.mark.threat("J01")
def test_starts_that_are_never_finished_leave_nothing(new_visitor):
    for _ in range(50):
        assert new_visitor().start().status_code == 302

    assert Session.objects.count() == SignIn.objects.count() == 0


def test_a_signed_in_visitor_may_start_again(visitor, github):
    visitor.sign_in(github)

    assert visitor.sign_in(github, next="/again/")["Location"] == "/again/"


def test_the_start_page_names_the_provider_as_the_settings_do(visitor, settings):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"LABEL": "Our <Hub>"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    page = visitor.get(reverse("oauth_login:authorize", args=["github"])).content.decode()

    assert "Sign in with Our &lt;Hub&gt;" in page
    assert "Our <Hub>" not in page


def token_in(answer):
    """Return the CSRF token of a page's button."""
    (token,) = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', answer.content.decode())
    return token


@pytest.mark.threat("A18")
def test_an_old_tab_gets_a_fresh_button_that_keeps_its_page(new_visitor, github, rows):
    visitor = new_visitor(enforce_csrf_checks=True)
    old = token_in(visitor.get("/oauth2/login/"))
    visitor.cookies["csrftoken"] = "x" * 32  # signing in in another tab has changed it

    answer = visitor.start(next="/where/", csrfmiddlewaretoken=old)

    assert (answer.status_code, answer.context["code"]) == (403, "form_stale")
    assert visitor.attempt_cookies() == {}
    assert rows() == (0, 0, 0)
    again = visitor.start(next=answer.context["next"], csrfmiddlewaretoken=token_in(answer))
    assert again.status_code == 302
    assert visitor.come_back(github.approve(again["Location"]))["Location"] == "/where/"
