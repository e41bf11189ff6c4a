"""What a linked account shows and keeps of a sign-in: the provider's newest display data, and its token.

Shared by those who write accounts: ``backends.py`` when somebody signs in, ``linking.py`` when they link one.
"""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError, IntegrityError, models, router

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured, ProviderResponseError
from oauth_login.fields import moment
from oauth_login.health import Health, health_of
from oauth_login.leases import DatabaseNow
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.providers.display import https_url, picture_url, text
from oauth_login.providers.subjects import SUBJECT_LENGTH

#: What Django raises of its own accord if a row is not there; before Django 6.0, DatabaseError itself.
NOT_UPDATED: Final = tuple(
    model.NotUpdated for model in (LinkedAccount, Token) if hasattr(model, "NotUpdated")
)
SERVING: Final = frozenset({Health.FRESH, Health.EXPIRING})  # now, or once they are renewed


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
    _keep(account, alias, token, kept=None)
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

    :param alias: the provider that has said it. One server may be known by several, each of them another
        client of it: a token can be renewed and given back only by the one that got it, which its row names.
    :param narrows: take the token even if it may do less than the one that is kept. Who only signs in does
        not take back what they agreed to on another day, nor with another client.
    :raises IntegrityError: the account is no more.
    """
    kept = getattr(account, "token", None)
    stays = not narrows and _is_worth_more(account, alias, kept, token)
    changed = _show(account, profile, None if stays else token)
    if not stays and alias != account.provider:
        account.provider = alias
        changed.append("provider")
    try:
        if changed:
            account.save(update_fields=changed)
        if not stays:
            _keep(account, alias, token, kept=kept)
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


def _is_worth_more(
    account: LinkedAccount, alias: str, kept: Token | None, granted: TokenResponse | None
) -> bool:
    """Tell whether the *kept* token serves, and is another client's or may do more than this one.

    A sign-in asks for the least. If the visitor cut even that, they mean it, and it counts (threat H26).
    """
    if kept is None or not conf.setting("STORE_TOKENS") or health_of(kept) not in SERVING:
        return False
    if not _is_there(client := account.client_of(kept), account.issuer):
        return False
    if not conf.is_one_client(client, alias):
        return True
    if granted is None or granted.scope is None or not granted.scope < frozenset(account.scope.split()):
        return False
    return frozenset(conf.provider(alias).scope.split()) <= granted.scope


def _is_there(alias: str, issuer: str) -> bool:
    """Tell whether the site still has a provider of that name, and it is that server."""
    try:
        return conf.provider(alias).speaks_for(issuer)
    except (KeyError, ProviderMisconfigured):
        return False


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


def _keep(account: LinkedAccount, alias: str, granted: TokenResponse | None, *, kept: Token | None) -> None:
    """Write the account's token row, or remove the one it has when the site keeps none."""
    if granted is None or not conf.setting("STORE_TOKENS"):
        if kept:
            kept.delete()
        return
    if kept:
        _leave(account, kept, alias)
    token = kept or Token(account=account)
    token.provider = alias
    token.access_token = granted.access_token
    token.refresh_token = granted.refresh_token
    token.token_type = granted.token_type
    # By the database's clock, as whoever reads it: this machine's may be wrong.
    lifetimes = {"expires_at": granted.expires_in, "refresh_expires_at": granted.refresh_token_expires_in}
    for name, seconds in lifetimes.items():
        setattr(token, name, None if seconds is None else DatabaseNow() + seconds)
    token.state = Token.State.ACTIVE
    token.reason, token.lease_until = "", None
    if kept:
        # In the database: whoever is renewing the old one must find that it is no more (threat H16).
        token.version = models.F("version") + 1
    token.save(force_insert=kept is None, force_update=kept is not None)
    for name, seconds in lifetimes.items():
        setattr(
            token, name, moment(seconds)
        )  # in place of the expression, for who looks at it in this request
    if kept:
        del token.version  # read again when it is asked for


def _leave(account: LinkedAccount, kept: Token, alias: str) -> None:
    """Have what another client was granted withdrawn, by the command: its token is about to be written over.

    Nobody could give it back any more when the account is unlinked (threat H24). That of the same client,
    under whatever name, is one grant with the new token's at providers such as GitHub, and stays.
    """
    client = account.client_of(kept)
    if conf.is_one_client(client, alias) or not _is_there(client, account.issuer):
        return
    database = router.db_for_write(Token)
    stored = Token.objects.using(database).locked(kept.pk)  # somebody may have renewed it meanwhile
    Revocation.objects.using(database).ask_for_what(stored, account, client=client, pause=0)
