"""What the tests of OpenID Connect share: the provider, a site that uses it, and what a refusal is."""

import os
from pathlib import Path

import pytest

from oauth_login.models import SignIn
from tests.names import found_here
from tests.oauth_login.http_server import certificate
from tests.oauth_login.oidc.fake_openid import (
    CLIENT_ID,
    CLIENT_SECRET,
    ELSEWHERE,
    HOST,
    ISSUER,
    FakeOpenID,
    OpenIDServer,
)


@pytest.fixture(scope="session")
def openid_server(github_server, tmp_path_factory):
    """Where the site finds the provider, and the CA bundle that vouches for it."""
    context, bundle = certificate(tmp_path_factory.mktemp("op"), HOST, ELSEWHERE)
    with Path(bundle).open("a") as authorities:  # GitHub's is trusted as before
        authorities.write(Path(os.environ["SSL_CERT_FILE"]).read_text())
    with OpenIDServer(context) as server, found_here({(HOST, 443): server.port}):
        yield server, bundle


@pytest.fixture
def configure(settings, openid_server):
    """A way to say how the site uses the provider: the settings of the alias ``acme``."""

    def configured(alias="acme", *, without=(), **options):
        everything = {
            "ISSUER": ISSUER,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "LABEL": "Acme",
            **options,
        }
        kept = {key: value for key, value in everything.items() if key not in without}
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
            "PROVIDERS": settings.OAUTH_LOGIN["PROVIDERS"] | {alias: kept},
            "CA_BUNDLE": openid_server[1],
        }

    return configured


@pytest.fixture
def openid(openid_server, configure):
    """A provider that answers, and a site that knows it."""
    configure()
    with FakeOpenID(openid_server[0]) as provider:
        yield provider


@pytest.fixture
def rejected(rows, openid, visitor):
    """Assert that a sign-in through it is refused: the page, the code in the log, no user, no row."""

    def check(code, *, status=502, reason="", userinfo=0, who=visitor):
        answer = who.sign_in(openid, "acme")
        assert answer.status_code == status
        assert "oauth_login/refusal.html" in [template.name for template in answer.templates]
        assert SignIn.objects.latest("pk").outcome == code
        assert who.user is None
        assert rows() == (0, 0, 0)
        assert openid.hits("/userinfo") == userinfo

    return check
