"""What a linked account shows: the provider's newest display data. What it keeps is in ``granted.py``.

Shared by those who write accounts: ``backends.py`` when somebody signs in, ``linking.py`` when they link one.
"""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError, IntegrityError

from oauth_login import aliases, conf, granted
from oauth_login.errors import ProviderResponseError
from oauth_login.models import LinkedAccount
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.providers.display import https_url, picture_url, text
from oauth_login.providers.subjects import SUBJECT_LENGTH

#: What Django raises of its own accord if a row is not there; before Django 6.0, DatabaseError itself.
NOT_UPDATED: Final = getattr(LinkedAccount, "NotUpdated", ())


def require_identity(profile: Profile) -> None:
    """Refuse what the columns could not hold: cut to fit, two people would become one (threats F01, F03).

    Providers check it for their own kind of subject; this holds for every provider a site may write.
    """
    for part in (profile.issuer, profile.subject):
        if not 0 < len(part) <= SUBJECT_LENGTH:
            raise ProviderResponseError("subject_invalid", f"{len(part)} characters")


def first(user: Any, alias: str, profile: Profile, token: TokenResponse | None) -> LinkedAccount:
    """Return the new account of *user*, saved with its token.

    :raises IntegrityError: somebody has it already.
    """
    account = LinkedAccount(user=user, provider=alias, issuer=profile.issuer, subject=profile.subject)
    _show(account, profile, token)
    account.save(force_insert=True)
    granted.first(account, alias, token)
    return account


def renew(
    account: LinkedAccount,
    alias: str,
    profile: Profile,
    token: TokenResponse | None,
    *,
    narrows: bool = False,
) -> None:
    """Take over what the provider says now; save what changed.

    :param alias: the provider that has said it.
    :param narrows: as of :func:`granted.keep`.
    :raises IntegrityError: the account is no more.
    """
    counts = granted.keep(account, alias, token, narrows=narrows)
    changed = _show(account, profile, token if counts else None)
    is_renamed = alias != account.provider and aliases.is_one_client(alias, account.provider, account.issuer)
    if alias != account.provider and (counts or is_renamed):
        account.provider = alias
        changed.append("provider")
    if not changed:
        # Its row may be all that there is; nobody is to sign in through an account that is no more.
        changed = ["provider"] if token is None or not conf.setting("STORE_TOKENS") else []
    try:
        account.save(update_fields=changed)
    except DatabaseError as error:
        if type(error) is DatabaseError or isinstance(error, NOT_UPDATED):
            raise IntegrityError(f"account {account.pk} was unlinked meanwhile") from None
        raise


def address(profile: Profile) -> str:
    """Return the profile's address if it is one, in ASCII, or "" (threats F10, F11)."""
    try:
        validate_email(profile.email)
    except ValidationError:
        return ""
    return profile.email if profile.email.isascii() and len(profile.email) <= 254 else ""


def _show(account: LinkedAccount, profile: Profile, token: TokenResponse | None) -> list[str]:
    """Take over the display data; return the names of what changed.

    Providers clean what they say; here it holds for those that a site may write (threats I02, I14).
    """
    email = address(profile)
    shown = {
        "username": text(profile.preferred_username),
        "name": text(profile.name),
        "email": email,
        "email_verified": profile.email_verified and bool(email),
        "picture": picture_url(profile.picture),
        "profile_url": https_url(profile.profile),
        "claims": dict(profile.claims),
    }
    if token and token.scope is not None:
        shown["scope"] = " ".join(sorted(token.scope))
    changed = [name for name, value in shown.items() if getattr(account, name) != value]
    for name in changed:
        setattr(account, name, shown[name])
    return changed
