"""The provider of the tests is as strict as a real one, and what it refuses fails the test."""

import base64
from urllib.parse import quote_plus

import pytest
import requests

from oauth_login.oauth2 import code_challenge
from tests.oauth_login.fake_github import SiteAtFault
from tests.oauth_login.oidc.fake_openid import CLIENT_ID, CLIENT_SECRET, EC_KEY, ISSUER, FakeOpenID

pytestmark = pytest.mark.provider

GRANT = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "code": "a-code",
    "redirect_uri": "https://me.example/",
    "code_verifier": "v",
}
ASKED = {"code_challenge": code_challenge("v"), "redirect_uri": "https://me.example/", "scope": "openid"}


@pytest.fixture
def ask(openid_server):
    """Send a request without anything that the site adds."""

    def asked(path, **sent):
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{ISSUER}{path}", verify=openid_server[1], **sent)

    return asked


@pytest.mark.parametrize(
    ("path", "sent", "fault"),
    [
        ("/token", {"data": GRANT | {"client_secret": "guessed"}}, "the client does not prove who it is"),
        ("/token", {"data": GRANT | {"redirect_uri": "https://me.example/x"}}, "the redirect URI is another"),
        ("/token", {"data": GRANT | {"code_verifier": "w"}}, "the verifier is wrong"),
        ("/revoke", {"data": GRANT | {"client_secret": "guessed"}}, "the client does not prove who it is"),
        ("/userinfo", {"headers": {"Authorization": "Bearer another"}}, "the access token is another"),
        ("/elsewhere", {}, "there is no such thing"),
    ],
)
def test_what_the_site_does_wrong_fails_the_test(openid_server, ask, path, sent, fault):
    openid = FakeOpenID(openid_server[0])
    openid.codes["a-code"] = ASKED
    openid.__enter__()

    assert ask(path, **sent).json() == {"error": "invalid_request"}
    with pytest.raises(SiteAtFault, match=fault):
        openid.__exit__()


def test_a_code_is_taken_once(openid_server, ask):
    with FakeOpenID(openid_server[0]) as openid:
        openid.codes["a-code"] = ASKED
        pair = base64.b64encode(f"{CLIENT_ID}:{quote_plus(CLIENT_SECRET)}".encode()).decode()
        basic = {"Authorization": f"Basic {pair}"}
        first, second = (ask("/token", data=GRANT, headers=basic) for _ in range(2))

    assert first.json()["access_token"] == openid.access_token
    assert second.json() == {"error": "invalid_grant"}


def test_an_application_that_the_provider_does_not_know_fails_the_test(openid_server):
    with FakeOpenID(openid_server[0]) as openid, pytest.raises(SiteAtFault, match="no such application"):
        openid.approve(f"{ISSUER}/authorize?client_id=another")


def test_keys_are_published_without_what_is_private():
    assert EC_KEY.jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
