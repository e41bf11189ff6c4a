"""Tokens over time: a token that expires is renewed, once, whoever asks for it and how many ask at once.

Any thread of any process on any machine may ask. One of them takes the lease on the row (``leases.py``), asks
the provider, and saves what it got before anything else happens: a refresh token may be good for one use
only, and what is lost then is the whole grant. The others wait for that one, or go on with the old token
while it lasts. Nothing is locked meanwhile.
"""

import logging
import time
from functools import partial
from typing import Any, Final, NoReturn

from django.db import connections, router, transaction
from django.db.models import F
from django.views.decorators.debug import sensitive_variables

from oauth_login import aliases, conf, health, lasting, signals
from oauth_login.errors import (
    GrantError,
    ProviderError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    ReauthorizationRequired,
    TokenRequestError,
)
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Provider
from oauth_login.sealing import SealBroken

logger = logging.getLogger("oauth_login")

EARLY: Final = health.EARLY
PATIENCE: Final = 12.0  # seconds to wait for somebody else, who has not much longer than ten to succeed
FOR_A_MOMENT: Final = 1.0  # seconds to wait for a row that nobody renews
POLL: Final = 0.05  # seconds between two looks
PAUSE: Final = 5  # seconds in which nobody asks again a provider that has just failed
LONGEST_PAUSE: Final = 300  # seconds; a provider may wish for days
REJECTED: Final = "refresh_rejected"
TOKEN_REJECTED: Final = "token_rejected"  # noqa: S105  a code, not a token
IDENTITY_CHANGED: Final = "refresh_identity_changed"


def access_token(account: LinkedAccount) -> str:
    """Return a token that the provider takes now; never one that is expired. See :func:`current`."""
    return opened(account, current(account).access_token)


def current(account: LinkedAccount, *, rejected: int | None = None) -> Token:
    """Return the account's token, renewed if it expires within EARLY or was refused.

    A renewal is in the database when this returns, even if the site's own transaction, within which it is
    called, is rolled back (``lasting.py``).

    :param rejected: the ``version`` of the token that the provider's API answered 401 to.
    :raises ReauthorizationRequired: only the visitor can get another.
    :raises ProviderError: the provider cannot be asked for another, and the one there is does not serve.
    """
    token = _stored(account)
    if _serves(token, rejected, EARLY):
        return token
    return lasting.outside_transactions(partial(_renewed, account, rejected, token.version))


def renew(account: LinkedAccount) -> Token:
    """Renew the account's token now, although it may last; return the new one.

    One that cannot be renewed stays as it is, and so does one whose provider fails.

    :raises ReauthorizationRequired: only the visitor can get another.
    :raises ProviderError: the provider does not give another at the moment.
    """
    token = _stored(account)
    if obstacle := _obstacle(provider_of(account.client_of(token), account.issuer), token, None):
        raise _reauthorize(account, obstacle)
    return lasting.outside_transactions(partial(_renewed, account, token.version, token.version))


def provider_of(alias: str, issuer: str) -> Provider:
    """Return the provider that has got a token of *issuer*'s.

    :param alias: its name, as the token's row or that of its revocation has it. One that is gone was renamed
        if a single provider of the settings is that server: another client of it could do nothing with it.
    :raises ProviderMisconfigured: the settings have none, or another authorization server under its name:
        that one is never shown a token of the former.
    """
    alias = aliases.called_now(alias, issuer)
    try:
        provider = conf.provider(alias)
    except KeyError:
        raise ProviderMisconfigured("settings_invalid", f"no provider {alias!r}") from None
    if not provider.speaks_for(issuer):
        raise ProviderMisconfigured("settings_invalid", f"{alias!r} is another issuer by now")
    return provider


def mistake(provider: Provider, error: Exception) -> ProviderMisconfigured:
    """Log a mistake in a provider class of the site's own; return it as a failure of that provider alone."""
    logger.error("%s has a mistake in it", type(provider).__name__, exc_info=error)
    return ProviderMisconfigured("settings_invalid", type(error).__name__)


def opened(account: LinkedAccount, secret: Any) -> str:
    """Return the text of a stored secret.

    :raises ReauthorizationRequired: no key opens it. Nothing is written: perhaps only this machine lacks it.
    """
    try:
        return str(secret.reveal())
    except SealBroken as error:
        logger.error("the token of account %s cannot be opened: %s", account.pk, error)
        raise _reauthorize(account, "no key opens its token") from None


def end(account: LinkedAccount, token: Token, reason: str) -> bool:
    """Drop what is of no use any more; tell whether that is so by now, by us or by others (H18, H22).

    Not if a row is locked that the site's own transaction may have locked, which waits for us: then it is
    done as soon as that is over.

    :param reason: a code, for the log, the signal and the row.
    """
    nothing = {"access_token": "", "refresh_token": "", "state": Token.State.REAUTHORIZE, "reason": reason}
    change = partial(Token.objects.replace, token, **nothing)
    if lasting.is_apart() and not Token.objects.is_free(token.pk):
        lasting.owe(change, token.pk)
        return False
    if lasting.write(change, token.pk):
        logger.warning("account %s has to sign in again: %s", account.pk, reason)
        told = partial(signals.reauthorization_required.send_robust, account=account, reason=reason)
        lasting.afterwards(partial(told, LinkedAccount))
    return True


def reject(account: LinkedAccount, token: Token) -> NoReturn:
    """Drop a token that the provider's API does not take, although it was renewed if it could be (H22).

    :raises ReauthorizationRequired: always.
    """
    lasting.outside_transactions(partial(end, account, token, TOKEN_REJECTED))
    raise _reauthorize(account, TOKEN_REJECTED)


def _reauthorize(account: LinkedAccount, why: str) -> ReauthorizationRequired:
    return ReauthorizationRequired(detail=f"account {account.pk}: {why}", provider=account.provider)


def _stored(account: LinkedAccount) -> Token:
    token = Token.objects.current(account.pk)
    if token is None:
        raise _reauthorize(account, "there is no token")
    return token  # type: ignore[no-any-return]


def _serves(token: Token, rejected: int | None, margin: int) -> bool:
    """Tell whether the token can be used, and will be in *margin* seconds."""
    is_active = token.state == Token.State.ACTIVE and bool(token.access_token)
    return is_active and token.version != rejected and not token.expires_within(margin)


def ask(provider: Provider, account: LinkedAccount, refresh_token: str) -> TokenResponse | ProviderError:
    """Return what the provider answers to one request for a new token. We touch no database meanwhile.

    A mistake in a provider class of the site's own is a provider that fails: the lease is not to stay, and no
    page or run is to break, because of it.
    """
    try:
        return provider.refresh(refresh_token, subject=account.subject, known={"issuer": account.issuer})
    except ProviderError as error:
        return error
    except Exception as error:
        return mistake(provider, error)


@sensitive_variables()  # here, and in whatever this calls (H08)
def settle(
    account: LinkedAccount, token: Token, outcome: TokenResponse | ProviderError
) -> ProviderError | GrantError | None:
    """Write down what came of a leased *token*. It is to be read again, unless an error is returned.

    If the provider failed, the token is what it was, and nobody asks again for a while. If the token is of no
    use any more, that could not be written yet.
    """
    if isinstance(outcome, TokenResponse):
        _save(account, token, outcome)
        return None
    if isinstance(outcome, TokenRequestError) or outcome.code == IDENTITY_CHANGED:
        # Perhaps another was faster, whose lease had run out, and this refresh token was good only once.
        reason = REJECTED if isinstance(outcome, TokenRequestError) else IDENTITY_CHANGED
        return None if end(account, token, reason) else _reauthorize(account, reason)
    logger.warning("the token of account %s was not renewed: %s", account.pk, outcome)
    seconds = min(outcome.retry_after or PAUSE, LONGEST_PAUSE)
    return outcome if Token.objects.pause(token, seconds, outcome.code) else None


@sensitive_variables()  # here, and in whatever this calls (H08)
def _renewed(account: LinkedAccount, rejected: int | None, found: int) -> Token:
    """Return a token that serves, by asking the provider or by waiting for whoever does.

    :param found: the version of the one that does not. Any later one was made this very moment, and is good
        however short it lives: asking again would not end.
    """
    patience = time.monotonic() + PATIENCE
    while True:
        token = _stored(account)
        is_new = token.version not in {found, rejected} and token.state == Token.State.ACTIVE
        if is_new and token.expires_within(0):
            raise ProviderResponseError(
                "token_answer_invalid", f"account {account.pk}: it was expired at once"
            )
        if is_new or _serves(token, rejected, EARLY):
            return token
        if token.state != Token.State.ACTIVE:
            raise _reauthorize(account, token.reason or token.state)
        if one := _found(account, token, rejected, patience):
            return one


def _found(account: LinkedAccount, token: Token, rejected: int | None, patience: float) -> Token | None:
    """Return *token* if it has to do, or None if it is worth another look by now."""
    provider = provider_of(account.client_of(token), account.issuer)
    still = token if _serves(token, rejected, 0) else None
    if obstacle := _obstacle(provider, token, rejected):
        if not still and not end(account, token, obstacle):
            raise _reauthorize(account, obstacle)
        return still
    refresh_token = opened(account, token.refresh_token)
    if not Token.objects.take(token):
        if not still:
            _wait(account, token, patience)
        return still
    failure = settle(account, token, ask(provider, account, refresh_token))
    if failure and not _serves(token, rejected, 0):  # by now: the provider may have taken its time
        raise failure
    return token if failure else None


def _obstacle(provider: Provider, token: Token, rejected: int | None) -> str:
    """Return, as a code, why a token cannot be renewed, or ""."""
    if not token.refresh_token or not provider.can_refresh:
        # An access token must never be tried in its place (H20).
        return TOKEN_REJECTED if token.version == rejected else "token_expired"
    if token.is_past_refresh():
        return "refresh_token_expired"
    return ""


def _wait(account: LinkedAccount, token: Any, patience: float) -> None:
    """Wait a moment for whoever is at work on the row.

    :raises ProviderUnavailable: nobody is, as the provider has just failed; or it took too long.
    """
    left = token.lease_left or 0
    if token.reason and left > 0:
        raise ProviderUnavailable(detail=f"account {account.pk}: {token.reason}", retry_after=left)
    # Without a lease it is a transaction that has the row: perhaps the site's own, which waits for us.
    is_in_vain = lasting.is_apart() and left <= 0 and time.monotonic() > patience - PATIENCE + FOR_A_MOMENT
    if is_in_vain or time.monotonic() > patience:
        raise ProviderUnavailable("refresh_pending", f"account {account.pk}", retry_after=PAUSE)
    time.sleep(POLL)


def _save(account: LinkedAccount, token: Token, granted: TokenResponse) -> None:
    """Save the new token, before anything else happens (H21); one of a sign-in meanwhile is newer (H16)."""
    values = {
        "access_token": granted.access_token,
        "refresh_token": granted.refresh_token or token.refresh_token.reveal(),  # H17
        "expires_at": token.moment(granted.expires_in),
        "refresh_expires_at": token.moment(granted.refresh_token_expires_in) or token.refresh_expires_at,
        "state": Token.State.ACTIVE,
        "reason": "",
    }
    scope = None if granted.scope is None else " ".join(sorted(granted.scope))
    if lasting.write(partial(_replace, account, token, values, scope), token.pk):
        account.scope = account.scope if scope is None else scope
        lasting.afterwards(partial(signals.token_refreshed.send_robust, LinkedAccount, account=account))


def _replace(account: LinkedAccount, token: Token, values: dict[str, Any], scope: str | None) -> bool:
    """Write *values* in place of *token*, or of its end: whoever lost to us may have been first to say so.

    What it is good for is written along. If somebody has ended the grant instead, the new token goes, too.
    Done once more, it does what is left of it.
    """
    is_written = Token.objects.replace(token, **values)
    if not is_written:
        there = Token.objects.current(account.pk)
        if _is_its_end(there, token):
            is_written = Token.objects.replace(there, **values)
            token = there
        elif not _holds(there, values["access_token"]):
            _give_back(account, token, there, values)
            return False
    if scope is None:  # an answer that says nothing of it changes nothing (H26)
        return is_written
    return lasting.along(partial(_write_scope, account.pk, scope, token.version + 1)) or is_written


def _is_its_end(there: Token | None, token: Token) -> bool:
    if there is None:
        return False
    return (there.version, there.state, there.reason) == (
        token.version + 1,
        Token.State.REAUTHORIZE,
        REJECTED,
    )


def _holds(there: Token | None, access_token: str) -> bool:
    """Tell whether the row is what was written before, and not what others have written since."""
    return bool(there and there.access_token and there.access_token.reveal() == access_token)


def _write_scope(pk: Any, scope: str, version: int) -> bool:
    """Write the *scope* of a token, unless there is a later one by now.

    The site's own connection may not see that token yet, as its transaction has begun before; and it does not
    lock it, as that would last as long. Otherwise a sign-in that is writing one is waited for.
    """
    database = router.db_for_write(Token)
    is_within = connections[database].in_atomic_block
    with transaction.atomic(using=database):
        rows = Token.objects.using(database).filter(pk=pk)
        if not is_within:
            rows.update(version=F("version"))
        later = rows.filter(version__gt=version).values("pk")
        accounts = LinkedAccount.objects.using(database).filter(pk=pk).exclude(scope=scope)
        return accounts.exclude(pk__in=later).update(scope=scope) == 1


def _give_back(account: LinkedAccount, token: Token, there: Token | None, values: dict[str, Any]) -> None:
    """Have the new token withdrawn, if the grant was ended meanwhile: with the old one it cannot be (H24).

    Or have it put aside, if another client's has taken its place.
    """
    client = account.client_of(token)
    by_now = account.client_of(there) if there and there.state != Token.State.REVOKED else ""
    if by_now and aliases.is_one_client(by_now, client, account.issuer):
        return
    rows = Revocation.objects.using(router.db_for_write(Revocation))
    grant = {name: values[name] for name in ("access_token", "refresh_token", "expires_at")}
    if by_now:
        rows.put_aside(account, Token(account_id=account.pk, **grant), client=client)
    else:
        rows.ask_for_once(account, client=client, pause=0, **grant)
