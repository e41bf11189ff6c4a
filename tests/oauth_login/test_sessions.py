"""What a sign-in does to the session: every engine, fixation, other people's data, strict cookies."""

import base64
import html
import json
import logging
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection

from oauth_login.models import LinkedAccount, SignIn

ENGINES = ["db", "cache", "cached_db", "file", "signed_cookies"]
SERVER_SIDE = ["db", "cache", "cached_db", "file"]


@pytest.fixture
def engine(request, settings, tmp_path):
    """The session engine of a parametrized test."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    cache.clear()
    yield request.param
    cache.clear()


def remember(visitor, **marks):
    """Put marks into the visitor's session, as the site's own code does for anonymous visitors."""
    session = visitor.session
    session.update(marks)
    session.save()
    visitor.cookies["sessionid"] = session.session_key


def holds(new_visitor, key):
    """Return what a browser that shows the session key *key* finds in it."""
    thief = new_visitor()
    thief.cookies["sessionid"] = key
    return dict(thief.session.items())


def readings(text):
    """Yield *text* as it stands, and as base64url from each of the four places where that may begin."""
    yield text.encode()
    for start in range(4):
        part = re.sub(r"[^\w-]", "", text, flags=re.ASCII)[start:]
        yield base64.urlsafe_b64decode(part[: len(part) // 4 * 4])


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_visitor_signs_in_reloads_and_signs_out_with_every_engine(visitor, github, engine):
    query = github.approve(visitor.start(next="/where/")["Location"])

    assert visitor.come_back(query)["Location"] == "/where/"
    assert visitor.user.get_username() == "octocat"
    assert visitor.come_back(query)["Location"] == "/where/"  # a reload
    assert len(github.token_requests) == 1
    assert visitor.session[BACKEND_SESSION_KEY] == "oauth_login.backends.OAuthBackend"
    assert visitor.get("/oauth2/").status_code == 200

    visitor.post("/oauth2/logout/")
    assert visitor.user is None
    assert visitor.get("/oauth2/")["Location"] == "/oauth2/login/?next=/oauth2/"
    visitor.sign_in(github)
    assert get_user_model().objects.count() == 1


@pytest.mark.threat("A15")
@pytest.mark.parametrize("engine", SERVER_SIDE, indirect=True)
def test_a_session_key_from_before_is_worth_nothing_after(visitor, new_visitor, github, engine):
    remember(visitor, draft="mine")
    planted = visitor.cookies["sessionid"].value

    visitor.sign_in(github)

    assert visitor.cookies["sessionid"].value != planted
    assert holds(new_visitor, planted) == {}
    assert visitor.session["draft"] == "mine"  # an anonymous visitor loses nothing


@pytest.mark.threat("A15")
@pytest.mark.parametrize("engine", SERVER_SIDE, indirect=True)
def test_a_made_up_session_key_is_not_taken_over(visitor, new_visitor, github, engine):
    visitor.cookies["sessionid"] = "a" * 32

    visitor.sign_in(github)

    assert visitor.cookies["sessionid"].value != "a" * 32
    assert holds(new_visitor, "a" * 32) == {}
    assert visitor.user is not None


@pytest.mark.threat("A15")
@pytest.mark.parametrize("engine", SERVER_SIDE, indirect=True)
def test_signing_in_again_gives_a_new_key_too(visitor, new_visitor, github, engine):
    visitor.sign_in(github)
    first = visitor.cookies["sessionid"].value

    visitor.sign_in(github)

    assert visitor.cookies["sessionid"].value != first
    assert holds(new_visitor, first) == {}
    assert visitor.user is not None


@pytest.mark.threat("A15")
def test_the_csrf_token_changes_with_the_session(visitor, github):
    visitor.get("/oauth2/login/")
    before = visitor.cookies["csrftoken"].value

    visitor.sign_in(github)

    assert visitor.cookies["csrftoken"].value != before


@pytest.mark.threat("A16")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_nothing_of_one_user_is_found_by_the_next_in_the_same_browser(visitor, github, engine):
    visitor.sign_in(github)
    remember(visitor, secret="of the first")
    github.user, github.emails = github.user | {"id": 7, "login": "mona"}, []

    assert visitor.sign_in(github).status_code == 409  # not while the first is there
    visitor.post("/oauth2/logout/")
    visitor.sign_in(github)

    assert visitor.user.get_username() == "mona"
    assert "secret" not in visitor.session


@pytest.mark.threat("A28")
@pytest.mark.parametrize("engine", ["signed_cookies"], indirect=True)
def test_with_sessions_in_cookies_old_cookies_bring_no_attempt_back(visitor, new_visitor, github, engine):
    remember(visitor, draft="mine")
    query = github.approve(visitor.start()["Location"])
    before = {name: morsel.value for name, morsel in visitor.cookies.items()}
    visitor.come_back(query)
    verifier = github.token_requests[0]["code_verifier"]

    restored = new_visitor()
    restored.cookies.load(before)
    answer = restored.come_back(query)

    assert (answer.status_code, answer.context["code"]) == (400, "attempt_replayed")
    assert len(github.token_requests) == 1
    assert restored.user is None
    assert "code_verifier" not in restored.session
    for value in [*before.values(), *(morsel.value for morsel in visitor.cookies.values())]:
        assert not any(verifier.encode() in text for text in readings(value))


@pytest.mark.threat("H10")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_no_token_code_or_state_is_in_the_session(visitor, github, engine):
    query = github.approve(visitor.start()["Location"])
    visitor.come_back(query)

    kept = json.dumps(dict(visitor.session.items()))
    for secret in (github.token["access_token"], query["code"], query["state"]):
        assert secret not in kept


@pytest.mark.threat("I10")
@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete"])
def test_only_a_form_signs_anybody_out(visitor, github, method):
    visitor.sign_in(github)

    assert getattr(visitor, method)("/oauth2/logout/").status_code == 405
    assert visitor.user is not None


@pytest.mark.threat("I10")
@pytest.mark.parametrize("middleware", [True, False], ids=["middleware", "no-middleware"])
def test_another_sites_form_signs_nobody_out(new_visitor, github, settings, middleware):
    visitor = new_visitor(enforce_csrf_checks=True)
    visitor.force_login(get_user_model().objects.create_user("ada"))
    if not middleware:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]

    assert visitor.post("/oauth2/logout/").status_code == 403
    assert visitor.user is not None


@pytest.mark.threat("I11")
def test_signing_out_leaves_an_empty_session_and_no_way_to_reload_in(visitor, github):
    query = github.approve(visitor.start()["Location"])
    visitor.come_back(query)
    remember(visitor, draft="mine")
    before = visitor.cookies["sessionid"].value

    visitor.post("/oauth2/logout/")

    assert not Session.objects.filter(session_key=before).exists()
    assert visitor.come_back(query).status_code == 400
    assert visitor.user is None


# --- SESSION_COOKIE_SAMESITE = "Strict" --------------------------------------------------------------


@pytest.fixture(params=["Strict", "strict"])
def strict(request, settings):
    settings.SESSION_COOKIE_SAMESITE = request.param


def from_elsewhere(visitor, query):
    """Come back as a browser does whose session cookie is strict: it stays at home."""
    held = visitor.cookies.pop("sessionid", None)
    answer = visitor.come_back(query)
    if held is not None:
        visitor.cookies["sessionid"] = held.value
    return answer


def bounced_to(answer):
    """Return where a page of the bounce sends the browser on its own, and where its link leads."""
    page = answer.content.decode()
    (target,) = re.findall(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', page)
    (link,) = re.findall(r'<a href="([^"]*)">', page)
    assert target == link
    return html.unescape(target)


@pytest.mark.threat("A20")
@pytest.mark.usefixtures("strict")
def test_a_strict_session_gets_one_reload_and_then_everything_is_there(visitor, github):
    remember(visitor, draft="mine")
    query = github.approve(visitor.start(next="/where/")["Location"])

    answer = from_elsewhere(visitor, query)
    assert answer.status_code == 200
    assert github.token_requests == []
    assert SignIn.objects.count() == 0
    assert "sessionid" not in answer.cookies

    again = bounced_to(answer)
    assert again.startswith("/oauth2/github/callback/?")
    assert dict(parse_qsl(urlsplit(again).query)).items() >= query.items()
    answer = visitor.get(again)
    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert visitor.session["draft"] == "mine"
    assert visitor.user is not None


@pytest.mark.threat("A20")
@pytest.mark.usefixtures("strict")
def test_a_signed_in_visitor_with_a_strict_session_is_still_who_they_were(visitor, github):
    visitor.sign_in(github)
    query = github.approve(visitor.start()["Location"])

    answer = visitor.get(bounced_to(from_elsewhere(visitor, query)))

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert LinkedAccount.objects.count() == 1


@pytest.mark.threat("A20")
@pytest.mark.usefixtures("strict")
def test_a_visitor_without_any_session_signs_in_after_one_reload(visitor, github):
    answer = visitor.come_back(github.approve(visitor.start()["Location"]))

    assert visitor.get(bounced_to(answer)).status_code == 302
    assert visitor.user is not None


@pytest.mark.threat("A20")
@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("query", ["", "code=x&state=forged", "oauth_login_bounced=1&code=x&state=y"])
def test_a_forged_callback_is_refused_without_a_reload(visitor, refused, query):
    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert "http-equiv" not in answer.content.decode()


@pytest.mark.usefixtures("strict")
def test_a_strict_session_that_did_come_along_needs_no_reload(visitor, github):
    remember(visitor, draft="mine")

    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"


@pytest.mark.parametrize("samesite", ["Lax", "None", False])
def test_other_sessions_need_no_reload(visitor, github, settings, samesite):
    settings.SESSION_COOKIE_SAMESITE = samesite

    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"


@pytest.mark.threat("A20", "I04")
@pytest.mark.usefixtures("strict")
def test_the_page_of_the_reload_repeats_the_url_harmlessly(visitor, github):
    query = github.approve(visitor.start()["Location"])

    answer = visitor.come_back(query | {"x": "\"><script>alert(1)</script>';0;url=//evil.example"})

    assert "<script" not in answer.content.decode()
    assert bounced_to(answer).startswith("/oauth2/github/callback/?code=")
    assert "&x=%22%3E%3Cscript%3E" in bounced_to(answer)


# --- What the rest of the site may have switched on ------------------------------------------------------


def test_a_site_that_requires_signing_in_everywhere_can_still_be_signed_in_to(visitor, github, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    for path in ("/oauth2/login/", "/oauth2/github/authorize/"):
        assert visitor.get(path).status_code == 200
    assert visitor.get("/oauth2/")["Location"] == "/oauth2/login/?next=/oauth2/"

    assert visitor.sign_in(github, next="/oauth2/")["Location"] == "/oauth2/"
    assert visitor.get("/oauth2/").status_code == 200
    assert visitor.post("/oauth2/logout/").status_code == 302
    assert visitor.post("/oauth2/logout/").status_code == 302  # twice is no mistake


@pytest.mark.usefixtures("strict")
def test_a_site_that_requires_signing_in_everywhere_may_have_strict_sessions(visitor, github, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]

    answer = visitor.come_back(github.approve(visitor.start()["Location"]))

    assert visitor.get(bounced_to(answer)).status_code == 302
    assert visitor.user is not None


@pytest.mark.threat("D28", "A04")
@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(visitor, github, caplog, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    seen = []

    def look(record):
        # What another worker would see: the claim is already committed, and nothing is held.
        seen.append((record.getMessage(), connection.in_atomic_block, SignIn.objects.count()))
        return True

    # It writes a line with HTTP/1.1 in it when it has an answer's head; the body is yet to come.
    library = logging.getLogger("urllib3.connectionpool")
    monkeypatch.setattr(library, "filters", [look])
    with caplog.at_level(logging.DEBUG, library.name):
        answer = visitor.sign_in(github, next="/where/")

    assert answer["Location"] == "/where/"
    assert [what for line, *what in seen if "HTTP/1.1" in line] == [[False, 1]] * 3


@pytest.mark.threat("A05")
@pytest.mark.django_db(transaction=True)
def test_a_site_with_atomic_requests_spends_a_failed_attempt_all_the_same(new_visitor, github, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    visitor = new_visitor(raise_request_exception=False)
    query = github.approve(visitor.start()["Location"])
    cookies = visitor.attempt_cookies()
    github.token, good = (500, {}, b""), github.token
    assert visitor.come_back(query).status_code == 503

    github.token = good
    visitor.cookies.load(cookies)
    assert visitor.come_back(query).context["code"] == "attempt_replayed"


def test_a_session_saved_on_every_request_changes_nothing(visitor, github, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True

    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"
    assert visitor.user is not None


def test_csrf_tokens_may_live_in_the_session(new_visitor, github, settings):
    settings.CSRF_USE_SESSIONS = True
    visitor = new_visitor(enforce_csrf_checks=True)
    page = visitor.get("/oauth2/login/", {"next": "/where/"}).content.decode()
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)

    leaving = visitor.start(csrfmiddlewaretoken=token, next="/where/")

    assert visitor.come_back(github.approve(leaving["Location"]))["Location"] == "/where/"
