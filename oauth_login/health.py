"""How a token is doing, in five words: for the visitor, the owner, and whoever looks for those in trouble."""

from typing import Any, Final

from django.db import models
from django.db.models import Q
from django.db.models.lookups import In
from django.utils.translation import gettext_lazy as _

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured
from oauth_login.fields import EncryptedTextField, beginning
from oauth_login.leases import DatabaseNow
from oauth_login.sealing import SealBroken, Sealer

EARLY: Final = 60  # seconds before its end that a token is renewed


class Health(models.TextChoices):
    """What can be expected of an account's token."""

    FRESH = "fresh", _("fresh")
    EXPIRING = "expiring", _("renewed when it is needed")
    SIGN_IN = "sign_in", _("needs sign-in")
    REVOKED = "revoked", _("revoked")
    NONE = "none", _("none kept")


def health_of(token: Any) -> Health:
    """Return the health of a token, which may be None; opens it, and asks nobody."""
    if token is None or not (token.state != token.State.ACTIVE or token.access_token):
        return Health.NONE
    if token.state != token.State.ACTIVE:
        return Health.REVOKED if token.state == token.State.REVOKED else Health.SIGN_IN
    if not _opens(token.access_token):
        return Health.SIGN_IN
    if not token.expires_within(EARLY):
        return Health.FRESH
    if _is_renewable(token):
        return Health.EXPIRING
    return Health.SIGN_IN if token.expires_within(0) else Health.FRESH


def _is_renewable(token: Any) -> bool:
    return bool(token.refresh_token) and not token.is_past_refresh() and _opens(token.refresh_token)


def _opens(secret: Any) -> bool:
    try:
        secret.reveal()
    except (SealBroken, ProviderMisconfigured):  # the latter: ``ENCRYPTION_KEYS`` is wrong, and no key at all
        return False
    return True


def condition(health: str) -> Q:
    """Return the condition for tokens that are so; of accounts that have none, there is none.

    It reads no secret, but which key has sealed it: what was changed, or is another row's, passes for good.
    """
    active, has_one = Q(state="active"), ~Q(access_token="")
    known, renewable = (
        _of_known_key("access_token"),
        _of_known_key("refresh_token")
        & (Q(refresh_expires_at=None) | Q(refresh_expires_at__gt=DatabaseNow())),
    )
    lasts = Q(expires_at=None) | Q(expires_at__gt=DatabaseNow() + EARLY)
    serves = Q(expires_at=None) | Q(expires_at__gt=DatabaseNow())
    good = active & has_one & known
    conditions = {
        Health.FRESH.value: good & (lasts | (serves & ~renewable)),
        Health.EXPIRING.value: good & ~lasts & renewable,
        Health.SIGN_IN.value: Q(state="reauthorize")
        | (active & has_one & ~known)
        | (good & ~serves & ~renewable),
        Health.REVOKED.value: Q(state="revoked"),
        Health.NONE.value: active & ~has_one,
    }
    return conditions[health]


def unusable() -> Q:
    """Return the condition for tokens that were found to be of no use, or that no key opens any more.

    Those that have merely run out are not among them: perhaps nobody needs them, and who does finds out.
    """
    return Q(state="reauthorize") | (Q(state="active") & ~Q(access_token="") & ~_of_known_key("access_token"))


def _of_known_key(name: str) -> Q:
    return Q(In(beginning(name), _prefixes()))


def _prefixes() -> list[str]:
    try:
        return Sealer(conf.encryption_secrets(), EncryptedTextField.purpose).prefixes
    except ProviderMisconfigured:
        return []
