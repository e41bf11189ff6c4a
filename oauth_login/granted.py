"""What a sign-in was granted: kept as the account's token, or put aside for the day when it is unlinked.

An account has one token. One server may be known by several aliases, each of them another client of it: a
token can be renewed and given back by the client that got it only, which its row names. What other clients
were granted is put aside (``outstanding.py``), as it has to be given back, too (threat H24).
"""

from typing import Any, Final

from django.db import IntegrityError, models, router

from oauth_login import aliases, conf
from oauth_login.fields import moment
from oauth_login.health import Health, health_of
from oauth_login.leases import DatabaseNow
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.outstanding import RevocationQuerySet

SERVING: Final = frozenset({Health.FRESH, Health.EXPIRING})  # now, or once they are renewed
READ_AGAIN: Final = ("provider", "scope", "given", "token")


def keep(account: LinkedAccount, alias: str, granted: TokenResponse | None, *, narrows: bool) -> bool:
    """Write down what was *granted*; tell whether it counts, or the token that was there before stays.

    First of all that an account has: whoever ends a grant locks the token, and then the account.

    :param narrows: take it even if it may do less than the one that is kept. Who only signs in does not take
        back what they agreed to on another day, nor with another client.
    :raises IntegrityError: the account is no more, or its first token was written by another sign-in.
    """
    counts = _kept(account, alias, granted, narrows=narrows)
    if counts is None:
        _read_again(account)
        counts = _kept(account, alias, granted, narrows=narrows)
    return counts is True


def first(account: LinkedAccount, alias: str, granted: TokenResponse | None) -> None:
    """Write the first token of an account, if the site keeps any."""
    if granted is None or not conf.setting("STORE_TOKENS"):
        return
    token = Token(account=account, **_columns(alias, granted))
    token.save(force_insert=True)
    # In place of expressions, for who looks at them in this request.
    token.expires_at, token.refresh_expires_at = (
        moment(seconds) for seconds in (granted.expires_in, granted.refresh_token_expires_in)
    )


def _kept(account: LinkedAccount, alias: str, granted: TokenResponse | None, *, narrows: bool) -> bool | None:
    """Tell whether *granted* counts; None if the account's token is not what was looked at."""
    kept = getattr(account, "token", None)
    if kept is not None and not narrows and _is_worth_more(account, alias, kept, granted):
        is_one = aliases.is_one_client(account.client_of(kept), alias, account.issuer)
        if not Token.objects.hold(kept, provider=alias if is_one else account.client_of(kept)):
            return None
        if granted and not is_one:
            _rows().put_aside(account, Token(account_id=account.pk, **_columns(alias, granted)), client=alias)
        return False
    if kept is None:
        first(account, alias, granted)
        return True
    return _written_over(account, alias, granted, kept)


def _written_over(
    account: LinkedAccount, alias: str, granted: TokenResponse | None, kept: Token
) -> bool | None:
    """Write the new token over the one that was *kept*, or remove it if the site keeps none."""
    if granted is None or not conf.setting("STORE_TOKENS"):
        kept.delete()
        return True
    # Whoever is renewing the old one must find that it is no more (threat H16).
    if not Token.objects.replace(kept, **_columns(alias, granted)):
        return None
    LinkedAccount._meta.get_field("token").delete_cached_value(account)  # read again when it is asked for
    client = account.client_of(kept)
    if not aliases.is_one_client(client, alias, account.issuer):
        _rows().aside(account).filter(provider=alias).delete()  # of one grant with what is kept now
        if _is_there(client, account.issuer):
            _rows().put_aside(account, kept, client=client)
    return True


def _is_worth_more(account: LinkedAccount, alias: str, kept: Token, granted: TokenResponse | None) -> bool:
    """Tell whether the *kept* token serves, and is another client's or may do more than this one.

    A sign-in asks for the least. If the visitor cut even that, they mean it, and it counts (threat H26).
    """
    if not conf.setting("STORE_TOKENS") or health_of(kept) not in SERVING:
        return False
    client = aliases.called_now(account.client_of(kept), account.issuer)
    if not _is_there(client, account.issuer):
        return False
    if not aliases.is_one_client(client, alias, account.issuer):
        return True
    if granted is None or granted.scope is None or not granted.scope < frozenset(account.scope.split()):
        return False
    return frozenset(conf.provider(alias).scope.split()) <= granted.scope


def _read_again(account: LinkedAccount) -> None:
    """Read what was renewed, or is of another sign-in, since the site's rule was asked; it stays so now.

    :raises IntegrityError: the account is no more.
    """
    database = router.db_for_write(Token)
    Token.objects.using(database).filter(pk=account.pk).update(version=models.F("version"))
    try:
        account.refresh_from_db(using=database, fields=READ_AGAIN)
    except LinkedAccount.DoesNotExist:
        raise IntegrityError(f"account {account.pk} was unlinked meanwhile") from None


def _is_there(client: str, issuer: str) -> bool:
    """Tell whether the site still has the client that got a token."""
    provider = aliases.configured(client)
    return provider is not None and provider.speaks_for(issuer)


def _columns(alias: str, granted: TokenResponse) -> dict[str, Any]:
    """Return what to write; when it expires by the database's clock, as this machine's may be wrong."""
    return {
        "provider": alias,
        "access_token": granted.access_token,
        "refresh_token": granted.refresh_token,
        "token_type": granted.token_type,
        "state": Token.State.ACTIVE,
        "reason": "",
        "expires_at": _from_now(granted.expires_in),
        "refresh_expires_at": _from_now(granted.refresh_token_expires_in),
    }


def _from_now(seconds: int | None) -> Any:
    return None if seconds is None else DatabaseNow() + seconds


def _rows() -> RevocationQuerySet:
    rows: RevocationQuerySet = Revocation.objects.using(router.db_for_write(Revocation))
    return rows
