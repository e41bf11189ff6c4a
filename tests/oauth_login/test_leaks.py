"""No code, state, verifier, token or secret gets anywhere that somebody reads."""

import json
import logging
import sys
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.signals import got_request_exception
from django.views.debug import ExceptionReporter
from requests.exceptions import ChunkedEncodingError, ReadTimeout, SSLError

from oauth_login import signals
from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login import odd_providers
from tests.oauth_login.fake_github import CLIENT_SECRET, FakeGitHub

PLACES = {"token": ("POST", FakeGitHub.token_endpoint), "user": ("GET", f"{FakeGitHub.api}/user")}
FAILURES: dict[str, dict[str, object]] = {
    "success": {},
    "code refused": {"token": {"error": "bad_verification_code", "error_description": "no"}},
    "credentials refused": {"token": {"error": "incorrect_client_credentials"}},
    "form instead of JSON": {"token": (200, {}, b"access_token=gho_sent_as_a_form&token_type=bearer")},
    "no JSON": {"token": (200, {}, b"<html>gho_in_html</html>")},
    "redirect": {"token": (307, {"Location": "https://evil.example/?code=1"}, b"")},
    "down": {"token": (502, {}, b"gho_in_a_bad_gateway")},
    "busy": {"token": (429, {"Retry-After": "1"}, b"")},
    "timeout": {"token": TimeoutError()},
    "no answer": {"token": EOFError()},
    "no connection": {"token": ConnectionResetError()},
    "bad token type": {"token": {"access_token": "gho_of_a_bad_type", "token_type": "mac"}},
    "token with a line break": {"token": {"access_token": "gho_with\r\nbreak", "token_type": "bearer"}},
    "user refused": {"user": (401, {}, b'{"message": "Bad credentials"}')},
    "user without id": {"user": {"login": "octocat"}},
    "bot": {"user": {"login": "octocat", "id": 1, "type": "Bot"}},
    "user down": {"user": (500, {}, b"")},
    "user times out": {"user": TimeoutError()},
    "addresses broken": {"emails": {"no": "list"}},
    "addresses limited": {"emails": (403, {"X-RateLimit-Remaining": "0"}, b"")},
}


@pytest.fixture
def secrets_of(github):
    """Return everything secret about a sign-in that came back with *query*."""

    def collect(query, cookies):
        asked = github.token_requests[-1]
        return {
            "code": query["code"],
            "state": query["state"],
            "cookie": next(iter(cookies.values())),
            "verifier": asked["code_verifier"],
            "client secret": CLIENT_SECRET,
            "access token": "gho_",
        }

    return collect


@pytest.mark.threat("B05", "H07", "H09")
@pytest.mark.parametrize("failure", FAILURES)
def test_no_log_at_any_level_holds_a_secret(new_visitor, github, caplog, secrets_of, failing, failure):
    visitor = new_visitor(raise_request_exception=False)
    failing(**FAILURES[failure])

    with caplog.at_level(logging.DEBUG):
        leaving = visitor.start(next="/where/")
        cookies = visitor.attempt_cookies()
        query = github.approve(leaving["Location"])
        answer = visitor.come_back(query)
        visitor.come_back(query)

    assert (answer.status_code == 302) is (failure == "success")
    plain = logging.Formatter()  # with tracebacks
    logged = "".join(f"{plain.format(record)} {record.args}" for record in caplog.records)
    assert "sign" in logged
    for name, secret in secrets_of(query, cookies).items():
        assert secret not in logged, name


@pytest.mark.threat("B05")
@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_that_the_browser_gets_holds_a_secret(new_visitor, github, secrets_of, failing, failure):
    visitor = new_visitor(raise_request_exception=False)
    failing(**FAILURES[failure])
    leaving = visitor.start(next="/where/")
    cookies = visitor.attempt_cookies()
    query = github.approve(leaving["Location"])

    answer = visitor.come_back(query)
    after = [visitor.get("/oauth2/login/"), visitor.get("/oauth2/")]

    secrets = secrets_of(query, cookies)
    verifier = secrets["verifier"]
    assert verifier not in leaving["Location"] + str(leaving.cookies)
    for got in (answer, *after):
        shown = got.content.decode() + str(got.headers) + str(got.cookies)
        for name, secret in secrets.items():
            assert secret not in shown, name


@pytest.mark.threat("H07", "H09")
@pytest.mark.parametrize("error", [ReadTimeout, SSLError, ChunkedEncodingError, OSError])
@pytest.mark.parametrize("where", PLACES)
def test_what_the_http_library_says_is_neither_logged_nor_shown(new_visitor, github, caplog, where, error):
    visitor = new_visitor(raise_request_exception=False)
    query = github.approve(visitor.start()["Location"])
    said = error("https://github.com/?code=secret-in-an-exception with Authorization: Bearer gho_secret")

    # Only a library that is replaced can be made to say the worst it could.
    with responses.RequestsMock() as library, caplog.at_level(logging.DEBUG):
        if where == "user":
            library.post(github.token_endpoint, json=github.token)
        library.add(*PLACES[where], body=said)
        answer = visitor.come_back(query)

    assert answer.status_code in {502, 503, 504}
    logged = "".join(map(logging.Formatter().format, caplog.records))  # with tracebacks
    assert "secret" not in logged + answer.content.decode()


@pytest.mark.threat("B05", "H07")
def test_what_is_refused_before_anything_is_asked_is_logged_without_it(visitor, github, caplog):
    query = github.approve(visitor.start()["Location"])
    (cookie,) = visitor.attempt_cookies().values()
    refusals = [
        query | {"iss": "https://evil.example"},
        query | {"error": "access_denied"},
        query | {"state": query["state"][:-1]},
        query | {"code": query["code"] * 1000},
        {"code": query["code"]},
        {"state": query["state"]},
    ]

    with caplog.at_level(logging.DEBUG):
        for refused in refusals:
            assert visitor.come_back(refused).status_code == 400
        visitor.cookies.clear()
        assert visitor.arrive(query).status_code == 400

    assert len([record for record in caplog.records if record.name == "oauth_login"]) == 8  # the bounce, too
    for secret in (query["code"], query["state"], query["state"][:-1], cookie):
        assert secret not in caplog.text


@pytest.mark.threat("H08")
@pytest.mark.parametrize("where", ["provider", "login"])
def test_a_report_of_an_error_shows_the_owner_no_secret(
    new_visitor, github, settings, monkeypatch, secrets_of, where
):
    visitor = new_visitor(raise_request_exception=False)
    reports = []

    def report(**_):
        # What Django mails to ADMINS: every frame, with its variables. The request, which it shows as
        # well, holds what the browser sent; that is for the site to filter.
        reports.append(ExceptionReporter(None, *sys.exc_info()).get_traceback_html())

    def fail(**_):
        raise RuntimeError("a receiver of the site's own")

    if where == "provider":
        odd_providers.registered(monkeypatch, settings, odd_providers.HasABug)
    else:
        user_logged_in.connect(fail)
    got_request_exception.connect(report)
    try:
        leaving = visitor.start()
        cookies = visitor.attempt_cookies()
        query = github.approve(leaving["Location"])
        assert visitor.come_back(query).status_code == 503
    finally:
        got_request_exception.disconnect(report)
        user_logged_in.disconnect(fail)

    (text,) = reports
    assert "views.py" in text
    assert "octocat@example.com" not in text
    for name, secret in secrets_of(query, cookies).items():
        assert secret not in text, name


@pytest.mark.threat("B05")
@pytest.mark.django_db(transaction=True)  # account_linked is sent after a commit
def test_no_signal_is_told_a_secret(visitor, github, secrets_of):
    told = []

    def listen(**arguments):
        arguments.pop("request", None)
        told.append(repr(arguments))

    listened = (
        signals.signed_in,
        signals.sign_in_failed,
        signals.account_linked,
        user_logged_in,
        user_login_failed,
    )
    for signal in listened:
        signal.connect(listen)
    try:
        query = github.approve(visitor.start()["Location"])
        cookies = visitor.attempt_cookies()
        visitor.come_back(query)
        github.user = {"login": "nobody"}
        visitor.sign_in(github)
    finally:
        for signal in listened:
            signal.disconnect(listen)

    assert len(told) == 4
    for name, secret in secrets_of(query, cookies).items():
        assert secret not in "".join(told), name


@pytest.mark.threat("B05")
def test_no_row_holds_a_code_a_state_or_a_verifier(visitor, github):
    query = github.approve(visitor.start()["Location"])
    visitor.come_back(query)
    rows = [*SignIn.objects.values(), *LinkedAccount.objects.values(), *LogEntry.objects.values()]

    kept = json.dumps(rows, default=str)

    for secret in (query["code"], query["state"], github.token_requests[0]["code_verifier"]):
        assert secret not in kept


def test_the_request_that_leaves_names_no_secret(visitor):
    location = visitor.start(next="/where/")["Location"]

    assert CLIENT_SECRET not in location
    assert "where" not in dict(parse_qsl(urlsplit(location).query))["state"]
