"""People with grants at a provider that takes them back, or does not."""

import base64
import itertools
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount, Revocation, Token
from tests.oauth_login.http_server import Server, reply

CLIENT = {"CLIENT_ID": "client-id-of-the-tests", "CLIENT_SECRET": "client-secret-of-the-tests"}


class Revoking(Server):
    """A GitHub Enterprise that takes grants back, and keeps a log. ``says`` is what it says instead."""

    def __init__(self, context=None):
        self.says = None
        self.renews: Any = {
            "access_token": "gho_renewed",
            "refresh_token": "ghr_renewed",
            "token_type": "bearer",
            "expires_in": 28800,
        }
        super().__init__(context)

    @property
    def issuer(self):
        """Whose people these are."""
        return f"{self.url}/login/oauth"

    @property
    def revoked(self):
        """The access tokens whose grants were to be taken back, oldest first."""
        given = [request.body for request in self.requests if request.method == "DELETE"]
        return [json.loads(body)["access_token"] for body in given]

    @property
    def refreshed(self):
        """The refresh tokens that it was shown, oldest first."""
        posted = [dict(parse_qsl(request.body)) for request in self.requests if request.method == "POST"]
        return [form["refresh_token"] for form in posted]

    def respond(self, request):
        self.requests.append(request)
        if request.method == "POST":
            renewed = self.renews(request) if callable(self.renews) else self.renews
            return reply(renewed) if isinstance(renewed, dict) else renewed
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == ":".join(CLIENT.values())
        assert (request.method, request.path) == (
            "DELETE",
            f"/api/v3/applications/{CLIENT['CLIENT_ID']}/grant",
        )
        answer = self.says(request) if callable(self.says) else self.says
        return answer or reply(b"", 204)


def fails(status=503, **headers):
    """Return the answer of a provider that does not take grants back at the moment."""
    return reply({}, status, **headers)


@pytest.fixture
def revoking(settings):
    """The provider, in the settings as ``ghe``; and ``other``, which never answers."""
    with Revoking() as server:
        ghe = {"PRESET": "github", "BASE_URL": server.url, **CLIENT}
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"ghe": ghe}}
        yield server


@pytest.fixture
def person(revoking):
    """A way to make users with an account and tokens; the token says whose it is."""
    numbers = itertools.count(1)

    def make(access_token="gho_", refresh_token="ghr_", *, user=None, **values):
        number = next(numbers)
        user = user or get_user_model().objects.create_user(f"user{number}", password="typed")
        account = LinkedAccount.objects.create(
            **{"user": user, "provider": "ghe", "issuer": revoking.issuer, "subject": str(number)} | values
        )
        Token.objects.create(
            account=account,
            access_token=access_token and f"{access_token}{number}",
            refresh_token=refresh_token and f"{refresh_token}{number}",
        )
        return account

    return make


@pytest.fixture
def waiting():
    """What is still to be withdrawn: of each row subject, attempts and reason."""
    return lambda: list(
        Revocation.objects.order_by("created_at").values_list("subject", "attempts", "reason")
    )
