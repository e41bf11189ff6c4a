"""The GitHub of the tests is as strict as GitHub, and what it refuses fails the test."""

import os

import pytest
import requests

from oauth_login.errors import ProviderUnavailable
from oauth_login.oauth2 import code_challenge
from oauth_login.transport import shared
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET, FakeGitHub, SiteAtFault
from tests.oauth_login.http_server import HANG_UP, reply

TOKEN, API = FakeGitHub.token_endpoint, FakeGitHub.api
GRANT = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "code": "a-code",
    "redirect_uri": "https://me.example/",
    "code_verifier": "v",
}
ASKED = {"code_challenge": code_challenge("v"), "redirect_uri": "https://me.example/"}
JSON = {"Accept": "application/json"}
BEARER = {"Authorization": "Bearer gho_1"}


def ask(method, url, **sent):
    """Send a request without anything that the site adds."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, verify=os.environ["SSL_CERT_FILE"], **sent)


@pytest.mark.parametrize(
    ("method", "url", "sent", "fault", "status", "told"),
    [
        (
            "POST",
            TOKEN,
            {"data": GRANT | {"client_secret": "guessed"}, "headers": JSON},
            "the credentials are wrong",
            200,
            '"incorrect_client_credentials"',
        ),
        ("POST", TOKEN, {"data": GRANT}, "JSON was not asked for", 200, "access_token=gho_"),
        (
            "POST",
            TOKEN,
            {"data": GRANT | {"redirect_uri": "https://me.example/x"}, "headers": JSON},
            "the redirect URI is another",
            200,
            '"redirect_uri_mismatch"',
        ),
        ("GET", f"{API}/user", {"headers": BEARER | {"User-Agent": ""}}, "no User-Agent", 403, "Forbidden"),
        ("GET", f"{API}/user/emails", {}, "no token", 401, "Requires authentication"),
        ("GET", f"{API}/users", {"headers": BEARER}, "no such thing", 404, "Not Found"),
        ("GET", "https://github.com/user", {"headers": BEARER}, "no such thing", 404, "Not Found"),
        ("GET", TOKEN, {"headers": JSON}, "no such thing", 404, "Not Found"),
    ],
)
def test_what_github_refuses_is_refused_and_fails_the_test(
    github_server, method, url, sent, fault, status, told
):
    github = FakeGitHub(github_server)
    github.codes["a-code"] = ASKED

    with pytest.raises(SiteAtFault, match=fault), github:
        answer = ask(method, url, **sent)

    assert answer.status_code == status
    assert told in answer.text


@pytest.mark.parametrize("change", [{"code": "another"}, {"code_verifier": "w"}])
def test_a_code_that_is_not_good_is_refused_as_any_visitor_may_bring_one(github, change):
    github.codes["a-code"] = ASKED

    assert ask("POST", TOKEN, data=GRANT | change, headers=JSON).json()["error"] == "bad_verification_code"


def test_a_code_is_good_once(github):
    github.codes["a-code"] = ASKED

    answers = [ask("POST", TOKEN, data=GRANT, headers=JSON).json() for _ in range(2)]

    assert answers[0] == github.token
    assert answers[1]["error"] == "bad_verification_code"


@pytest.mark.parametrize(
    "location",
    [
        "https://github.com/login/oauth/authorize?client_id=another&state=s",
        "https://github.com/login/oauth/authorize?state=s",
        f"https://github.com/login/oauth/authorized?client_id={CLIENT_ID}&state=s",
        f"https://evil.example/login/oauth/authorize?client_id={CLIENT_ID}&state=s",
    ],
)
def test_a_visitor_who_is_sent_elsewhere_is_not_approved(github, location):
    with pytest.raises(SiteAtFault, match="no such application"):
        github.approve(location)


def test_a_test_without_github_has_none(github_server):
    with pytest.raises(ProviderUnavailable, match="HTTP 503"):
        shared().get(f"{API}/user")

    (stray,) = github_server.strays
    assert (stray.host, stray.path) == ("api.github.com", "/user")
    github_server.strays = []  # or this test would fail


def test_no_page_of_the_site_hides_that_another_host_was_looked_up(visitor, settings, github):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"TOKEN_ENDPOINT": "https://elsewhere.example/"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    with pytest.raises(pytest.fail.Exception, match=r"elsewhere\.example was looked up"):
        visitor.sign_in(github)


def test_many_tests_share_one_connection_and_none_gets_one_that_another_ended(github_server):
    shared()._session.close()
    before = github_server.connections

    def call(**changes):
        with FakeGitHub(github_server) as github:
            vars(github).update(changes)
            github.codes["a-code"] = ASKED
            return shared().post(TOKEN, form=GRANT).status

    for _ in range(5):
        assert call() == 200
    assert github_server.connections == before + 1
    for _ in range(5):
        assert call(token=lambda _: iter([*reply({}), HANG_UP])) == 200
    assert github_server.connections == before + 5


def test_a_revocation_by_somebody_else_is_a_fault(github_server):
    with FakeGitHub(github_server) as github:
        answer = shared().delete(f"{API}/applications/{CLIENT_ID}/grant", json={"access_token": "gho_1"})
        faults, github.faults = github.faults, []

    assert answer.status == 401
    assert faults == [f"DELETE api.github.com/applications/{CLIENT_ID}/grant: the credentials are wrong"]
