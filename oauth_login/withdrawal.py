"""Withdrawing grants: who unlinks an account, or is deleted, leaves no grant behind at the provider (H24).

What is to be withdrawn is written down in the transaction that ends the account, and tried when that is
committed: a rollback withdraws nothing, and a provider that is down loses nothing. What could not be done
then is tried again by ``manage.py oauth_login revoke``. Deleting an account never fails because of it.
"""

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.db import connections, router, transaction
from django.views.decorators.debug import sensitive_variables

from oauth_login import aliases, lasting, tokens, transport
from oauth_login.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderResponseError,
    TokenRequestError,
)
from oauth_login.exchange import has_passed
from oauth_login.fields import revealed
from oauth_login.leases import LEASE, DatabaseNow
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.providers.base import Provider
from oauth_login.sealing import SealBroken

logger = logging.getLogger("oauth_login")

UNREADABLE: Final = "token_unreadable"
REVOKED: Final = "revoked_here"


class Outcome(Enum):
    """What became of a grant that was to be withdrawn."""

    WITHDRAWN = "withdrawn"
    AWAITED = "awaited"  # it will be, as soon as the provider answers
    NO_WAY = "no way"  # the provider does not offer it, or no token is there to do it with
    SUPERSEDED = "superseded"  # nor is it to be any more: the person has signed in again since


#: Of several grants, what the visitor has to know.
BY_WEIGHT: Final = (Outcome.AWAITED, Outcome.NO_WAY, Outcome.WITHDRAWN, Outcome.SUPERSEDED)


@dataclass
class Round:
    """Some tries in a row: a provider that has just failed is not asked again in it.

    :ivar database: where the rows are.
    :ivar failed: whom not to ask, as pairs of provider and issuer.
    :ivar trouble: how many tries failed, by provider and code.
    """

    database: str
    failed: set[tuple[str, str]] = field(default_factory=set)
    trouble: Counter[tuple[str, str]] = field(default_factory=Counter)

    def is_worthwhile(self, row: Revocation) -> bool:
        """Tell whether the row's provider may be asked."""
        return (row.provider, row.issuer) not in self.failed

    @sensitive_variables()  # here, and in whatever this calls (H08)
    def settle(self, row: Revocation) -> Outcome:
        """Try a row that the caller has leased, and write down what came of it."""
        rows = Revocation.objects.using(self.database)
        outcome = Outcome.SUPERSEDED
        if not _is_superseded(row):
            try:
                outcome = self._revoked(row)
            except ProviderError as error:
                self._note(row, error)
                rows.put_off(row, error.code, error.retry_after)
                return Outcome.AWAITED
        rows.filter(pk=row.pk).delete()
        logger.info("revocation %s at %s: %s", row.pk, row.provider, outcome.value)
        return outcome

    def _revoked(self, row: Revocation) -> Outcome:
        """Ask the provider, once.

        :raises ProviderError: it is to be asked again.
        """
        provider = tokens.provider_of(row.provider, row.issuer)
        try:
            access_token, refresh_token = revealed(row.access_token, row.refresh_token)
        except SealBroken as error:
            raise ProviderMisconfigured("token_unreadable", error) from None
        try:
            if refresh_token and row.is_expired:
                access_token, refresh_token = self._renewed(provider, row, access_token, refresh_token)
            is_gone = provider.revoke(access_token=access_token, refresh_token=refresh_token)
        except (ProviderError, DatabaseError):
            raise
        except Exception as error:  # it must not keep the command from what is other providers'
            raise tokens.mistake(provider, error) from None
        return Outcome.WITHDRAWN if is_gone else Outcome.NO_WAY

    def _renewed(
        self, provider: Provider, row: Revocation, access_token: str, refresh_token: str
    ) -> tuple[str, str]:
        """Return a pair that lives: of a dead access token GitHub says that there is no such grant."""
        if not (provider.can_refresh and provider.can_revoke):
            return access_token, refresh_token
        try:
            granted = provider.refresh(refresh_token, subject=row.subject)
        except TokenRequestError:
            return access_token, refresh_token  # the grant is dead, or as good as
        pair = granted.access_token, granted.refresh_token or refresh_token
        Revocation.objects.using(self.database).keep(row, *pair, granted.expires_in)
        return pair

    def _note(self, row: Revocation, error: ProviderError) -> None:
        self.trouble[row.provider, error.code] += 1
        # One answer that nobody understands, or one token that no key opens, says nothing of the next.
        if error.code != UNREADABLE and not isinstance(error, ProviderResponseError):
            self.failed.add((row.provider, row.issuer))
        logger.warning("revocation %s at %s was not done: %s", row.pk, row.provider, error)


def _is_superseded(row: Revocation) -> bool:
    """Tell whether the person has agreed once more, to the same client.

    GitHub withdraws all that a person has granted to a client, whichever token it is shown; others do the
    like. The revocation of an old token would end the new one.
    """
    by_now = row.granted_again
    is_again = by_now is not None and aliases.is_one_client(by_now, row.provider, row.issuer)
    return is_again or row.is_put_aside


@dataclass
class Batch:
    """What one transaction withdraws: tried after its commit, all of it within one deadline.

    Whoever deletes a thousand users waits for ten seconds at most; the rest is for the command.

    :ivar block: the transaction, as Django keeps it.
    :ivar until: when the deadline is, as ``time.monotonic()`` counts; None before the commit.
    """

    block: object
    round: Round
    until: float | None = None
    known: dict[tuple[str, str], bool] = field(default_factory=dict)
    outcomes: dict[UUID, Outcome] = field(default_factory=dict)

    def knows_client(self, account: LinkedAccount, token: Token) -> bool:
        """Tell whether the provider that got the token is in the settings; those are asked once for all."""
        key = (account.client_of(token), account.issuer)
        if key not in self.known:
            self.known[key] = _is_known(account, token)
        return self.known[key]

    def run(self, pk: UUID) -> None:
        """Try what was committed under that key, if there is time."""
        self.until = self.until or time.monotonic() + transport.DEADLINE
        with transport.one_deadline(self.until):
            if has_passed():
                return
            rows = Revocation.objects.using(self.round.database)
            # The transaction may have outlasted the row's lease: then it is the command's as much as ours.
            row = rows.as_they_are().filter(pk=pk, attempts=0).first()
            if row and self.round.is_worthwhile(row) and rows.lease(row):
                row.attempts += 1
                self.outcomes[pk] = self.round.settle(row)


@dataclass(frozen=True)
class Withdrawal:
    """What was written down about one account: its grant, and those of other clients that were put aside."""

    pks: tuple[UUID, ...]
    batch: Batch

    @property
    def outcome(self) -> Outcome:
        """What has become of it so far: of several, what there is still to be done counts."""
        found = {self.batch.outcomes.get(pk, Outcome.AWAITED) for pk in self.pks}
        return next(outcome for outcome in BY_WEIGHT if outcome in found)


class _Open(threading.local):
    """The batches of the transactions that this thread has open, by database."""

    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}


_open: Final = _Open()


def before_deletion(*, instance: LinkedAccount, using: str, **_signal: Any) -> None:
    """Write down what is to be withdrawn, before an account and its token are deleted."""
    token = _as_it_is(instance, using)
    instance.withdrawal = _withdrawal(instance, token, using)


def outcome_of(account: LinkedAccount) -> Outcome:
    """Tell what became of the grant of an account that was unlinked or revoked."""
    withdrawal = account.withdrawal
    return withdrawal.outcome if withdrawal else Outcome.NO_WAY


def withdraw(account: LinkedAccount) -> None:
    """Give the grant of a linked account back; the account stays, and its next sign-in is a new grant.

    The tokens are wiped at once. ``outcome_of`` tells what the provider has said to it.
    """
    database = router.db_for_write(Token)
    account.withdrawal = None
    with transaction.atomic(using=database):
        token = _as_it_is(account, database)
        if token and token.revoke(REVOKED):
            account.withdrawal = _withdrawal(account, token, database)


def _as_it_is(account: LinkedAccount, database: str) -> Token | None:
    """Return the account's token, which nobody renews any more before the transaction has ended.

    What this thread has renewed, and a rollback has undone, is the one that has to go: it is written again.
    """
    lasting.write_again()
    token: Token | None = Token.objects.using(database).locked(account.pk)
    return token


def _withdrawal(account: LinkedAccount, token: Token | None, database: str) -> Withdrawal | None:
    """Have all that an account was granted tried after the commit; None if there is nothing to be done.

    :param token: of the account; None if it has none that could be withdrawn.
    """
    batch = _batch(database)
    rows = Revocation.objects.using(database)
    pks = list(rows.aside(account).values_list("pk", flat=True))
    # As if they had been asked for now: how long ago they were put aside does not count (``--abandon``).
    rows.filter(pk__in=pks).update(created_at=DatabaseNow(), next_try_at=DatabaseNow() + LEASE)
    if token and (token.access_token or token.refresh_token) and batch.knows_client(account, token):
        row = rows.ask_for_what(token, account, client=account.client_of(token))
        pks += [row.pk] if row else []
    for pk in pks:
        _try_after_commit(batch, pk, database)
    return Withdrawal(tuple(pks), batch) if pks else None


def _try_after_commit(batch: Batch, pk: UUID, database: str) -> None:
    # Not a partial: of what fails, Django logs the name, which that has none of.
    transaction.on_commit(lambda: batch.run(pk), using=database, robust=True)


def _batch(database: str) -> Batch:
    """Return the batch of the transaction that is open there."""
    block = connections[database].atomic_blocks[0]
    batch = _open.batches.get(database)
    if batch is None or batch.block is not block or batch.until is not None:
        batch = _open.batches[database] = Batch(block, Round(database))
    return batch


def _is_known(account: LinkedAccount, token: Token) -> bool:
    """Tell whether the provider can be asked, once the transaction is over: it may have to be asked how."""
    try:
        tokens.provider_of(account.client_of(token), account.issuer)
    except ProviderMisconfigured as error:
        logger.warning("grants of %s cannot be withdrawn: %s", account.client_of(token), error)
        return False
    return True
