"""Somebody whose token expires, at a provider that has real ones."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from oauth_login import signals
from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.tokens.granting import Granting


@pytest.fixture
def granting(settings):
    """The provider, in the settings as ``ghe``."""
    with Granting() as server:
        settings.OAUTH_LOGIN = {"PROVIDERS": server.settings}
        yield server


@pytest.fixture
def account_of(granting):
    """A way to make accounts; those without a name are whoever is next."""

    def make(expires_in=-1, number=1, *, refresh_token=None, **fields):
        user = get_user_model().objects.create(username=f"user{number}")
        access, refresh = granting.grant()
        account = LinkedAccount.objects.create(
            user=user, provider="ghe", issuer=granting.issuer, subject=str(number), scope="read:user"
        )
        soon = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
        refresh = refresh if refresh_token is None else refresh_token
        Token.objects.create(
            account=account, **{"access_token": access, "expires_at": soon, **fields}, refresh_token=refresh
        )
        return account

    return make


@pytest.fixture
def stored():
    """What is in the row, opened."""

    def read(account):
        token = Token.objects.get(pk=account.pk)
        secrets = (token.access_token, token.refresh_token)
        return tuple(secret.reveal() if secret else "" for secret in secrets)

    return read


@pytest.fixture
def told():
    """The signals about tokens, as they come: name, primary key, reason."""
    heard: list[tuple[object, ...]] = []

    def refreshed(account, **_):
        heard.append(("refreshed", account.pk))

    def required(account, reason, **_):
        heard.append(("required", account.pk, reason))

    signals.token_refreshed.connect(refreshed)
    signals.reauthorization_required.connect(required)
    yield heard
    signals.token_refreshed.disconnect(refreshed)
    signals.reauthorization_required.disconnect(required)
