"""What is in this directory signs in through servers that others wrote."""

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.conftest import Visitor


def pytest_collection_modifyitems(items):
    """Mark what is in this directory."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture
def visitor(db):
    """A visitor with an empty browser."""
    return Visitor()


@pytest.fixture
def new_visitor(db):
    """A way to get more of them."""
    return Visitor


@pytest.fixture
def site(settings):
    """A way to have the site know a server, by the settings that any company would write."""

    def know(server, **changes):
        acme = {
            "ISSUER": server.issuer,
            "CLIENT_ID": server.client_id,
            "CLIENT_SECRET": server.client_secret,
            "LABEL": "Acme",
        }
        written = {key: value for key, value in (acme | changes).items() if value is not None}
        settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": written}}

    return know


@pytest.fixture
def acme(server, site):
    """Each server in turn, known to the site."""
    site(server)
    return server


@pytest.fixture
def oidc(oidc_provider, site):
    """npm's oidc-provider, known to the site."""
    site(oidc_provider)
    return oidc_provider


@pytest.fixture
def refused(db):
    """Assert that a sign-in has come to a page that says so, and to nothing but a line in the log."""

    def check(visitor, answer, status, code):
        assert (answer.status_code, answer.context["code"]) == (status, code)
        assert visitor.user is None
        assert (get_user_model().objects.count(), LinkedAccount.objects.count()) == (0, 0)
        assert not SignIn.objects.filter(outcome=SignIn.SIGNED_IN)

    return check
