"""Whether a grant that another library has kept serves here, and what our row of it is."""

from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from oauth_login import conf
from oauth_login.errors import ProviderError
from oauth_login.models import Token
from oauth_login.moving.destinations import Destination
from oauth_login.moving.found import Kept, LeftOut
from oauth_login.oauth2 import TokenResponse

UNREADABLE: Final = "unreadable"
EXPIRED: Final = "expired"
OTHER_CLIENT: Final = "of another client"
NOT_KEPT: Final = "not kept here"


def scope_of(kept: Kept | None) -> str:
    """Return what was granted, as accounts have it; "" if nobody says."""
    if kept is None:
        return ""
    words = kept.scope if isinstance(kept.scope, list) else [kept.scope]
    answer = {"access_token": "-", "token_type": "bearer", "scope": " ".join(map(str, filter(None, words)))}
    try:
        return " ".join(sorted(TokenResponse.from_answer(200, answer).scope or ()))
    except ProviderError:
        return ""


def token_of(kept: Kept, to: Destination) -> Token:
    """Return the row to write, except whose it is.

    What is read here was plain text; the field encrypts it when the row is saved.

    :raises LeftOut: it does not serve here, or this site keeps none.
    """
    if not conf.setting("STORE_TOKENS"):
        raise LeftOut(NOT_KEPT)
    if kept.client_id not in {"", to.provider.client.client_id}:
        raise LeftOut(OTHER_CLIENT)
    if to.naming and not to.naming.has_bearer_tokens:
        raise LeftOut(UNREADABLE)
    answer = {
        "access_token": kept.access_token,
        "refresh_token": kept.refresh_token,
        "token_type": kept.token_type,
    }
    try:
        granted = TokenResponse.from_answer(200, answer)
    except ProviderError:
        raise LeftOut(UNREADABLE) from None
    expires_at = kept.expires_at
    if expires_at and timezone.is_naive(expires_at):
        expires_at = timezone.make_aware(expires_at)
    can_last = granted.refresh_token and to.provider.can_refresh
    if expires_at and expires_at <= datetime.now(UTC) and not can_last:
        raise LeftOut(EXPIRED)
    return Token(
        access_token=granted.access_token,
        refresh_token=granted.refresh_token,
        expires_at=expires_at,
    )
