"""The tokens of one provider on their way to be renewed: so many at once, so many in a second.

The threads only ask. Whatever touches the database is done in the thread that calls.
"""

import logging
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.db import connections, router
from django.views.decorators.debug import sensitive_variables

from oauth_login import tokens
from oauth_login.errors import (
    ProviderError,
    ProviderResponseError,
    ReauthorizationRequired,
    TokenRequestError,
)
from oauth_login.leases import CROWD
from oauth_login.models import Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Provider

logger = logging.getLogger("oauth_login")

RENEWED: Final = "renewed"
NEEDS_SIGN_IN: Final = "need a sign-in"
FAILED: Final = "failed"
UNREADABLE: Final = "that no key opens"
SKIPPED: Final = "skipped"
OUTCOMES: Final = (RENEWED, NEEDS_SIGN_IN, FAILED, UNREADABLE, SKIPPED)

LAG: Final = 1.0  # seconds that a lane which fell behind its rate may make up for
PATIENCE: Final = 5.0  # seconds to wait for rows that are locked by somebody who does not renew them
NONSENSE: Final = 10  # answers in a row that are none, after which a provider is left alone
TRIES: Final = (0.1, 1.0, 4.0)  # seconds after each attempt to save; the lease lasts longer than all of them


class Lane:
    """One provider's tokens, those that expire first in front. What it has claimed, it asks for at once.

    :ivar counts: what came of them, by outcome.
    :ivar obstacle: why the provider is left alone, or "".
    :ivar is_over: whether nobody is asked any more.
    """

    def __init__(self, provider: Provider, before: datetime, *, at_once: int, rate: float) -> None:
        self.provider, self.before, self.rate, self.at_once = provider, before, rate, at_once
        self.counts: Counter[str] = Counter()
        self.obstacle = ""
        self.is_over = False
        self.asked: dict[Future[TokenResponse | ProviderError], Token] = {}
        # A quarter of a second's worth, or half of the threads: a claim for each single one takes longer.
        self._step = max(1, min(at_once // 2, round(rate / 4)))
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=f"oauth_login {provider.alias}")
        self._next_at = self._claimed_at = time.monotonic()
        self._last: Token | None = None
        self._seen: set[Any] = set()  # a token may live for so short that it is due again in the same run
        self._nonsense = 0

    @property
    def is_finished(self) -> bool:
        """Whether nobody is asked any more, and everything is settled."""
        return self.is_over and not self.asked

    def ask(self) -> None:
        """Claim some tokens and ask for their successors, if threads are free and the rate allows it."""
        now = time.monotonic()
        if self.is_over or now < self._next_at or self.at_once - len(self.asked) < self._step:
            return
        if claimed := self._claim():
            self._claimed_at = now
            asked = sum(self._send(token) for token in claimed)
            self._next_at = max(self._next_at, now - LAG) + asked / self.rate
        else:
            self.is_over = now - self._claimed_at > PATIENCE or not self._remaining()

    def settle(self) -> None:
        """Write down what has been answered."""
        for answered in [future for future in self.asked if future.done()]:
            token, outcome = self.asked.pop(answered), answered.result()
            if saved(token, outcome):
                self._judge(outcome)
            else:
                self.counts[FAILED] += 1
                self._leave_alone("database_error")

    def finish(self) -> None:
        """Wait for what was asked, and write it down: a refresh token may be good for one use only."""
        self._pool.shutdown()
        self.settle()
        self.counts[SKIPPED] += len(self._remaining())

    def _claim(self) -> list[Token]:
        """Lease the next tokens; when none follow, what was passed over, as somebody had it for a moment."""
        due = partial(Token.objects.take_expiring, self.before, providers=[self.provider.alias])
        claimed: list[Token] = due(number=self._step, after=self._last)
        if claimed:
            self._last = claimed[-1]
            return claimed
        passed_over = self._remaining()[: self._step * CROWD]
        return due(number=self._step, among=passed_over) if passed_over else []

    def _remaining(self) -> list[Any]:
        """Return the keys of the tokens that are due, and that this lane has not come to."""
        due = Token.objects.expiring(self.before, providers=[self.provider.alias])
        return [pk for pk in due.values_list("pk", flat=True) if pk not in self._seen]

    def _send(self, token: Token) -> bool:
        """Ask for the successor of a token, or give the token back; tell which."""
        refresh_token = self._refresh_token(token)
        self._seen.add(token.pk)
        if not refresh_token:
            Token.objects.release(token)
            return False
        asked = self._pool.submit(ask, self.provider, token, refresh_token)
        self.asked[asked] = token
        return True

    def _refresh_token(self, token: Token) -> str:
        """Return what to ask with; "" if nobody is to be asked, or not again in this run."""
        if token.pk in self._seen:
            return ""
        if not self.provider.speaks_for(token.account.issuer):
            logger.warning("account %s is of another issuer than its provider by now", token.pk)
            self.counts[SKIPPED] += 1
            return ""
        try:
            return tokens.opened(token.account, token.refresh_token)
        except ReauthorizationRequired:
            self.counts[UNREADABLE] += 1
            return ""

    def _judge(self, outcome: TokenResponse | ProviderError) -> None:
        """Count an answer; leave a provider alone that fails, refuses us, or talks nonsense all the time."""
        kind = kind_of(outcome)
        self.counts[kind] += 1
        if kind != FAILED:
            self._nonsense = 0
            return
        self._nonsense += 1
        if not isinstance(outcome, ProviderResponseError) or self._nonsense == NONSENSE:
            self._leave_alone(str(outcome))

    def _leave_alone(self, obstacle: str) -> None:
        self.obstacle = self.obstacle or obstacle
        self.is_over = True


@sensitive_variables()  # here, and in whatever this calls (H08)
def ask(provider: Provider, token: Token, refresh_token: str) -> TokenResponse | ProviderError:
    """Ask, in a thread; what a provider keeps in a cache may have needed a connection to a database."""
    try:
        return tokens.ask(provider, token.account, refresh_token)
    finally:
        connections.close_all()


def kind_of(outcome: TokenResponse | ProviderError) -> str:
    """Return what to count an answer as."""
    if isinstance(outcome, TokenResponse):
        return RENEWED
    is_final = isinstance(outcome, TokenRequestError) or outcome.code == tokens.IDENTITY_CHANGED
    return NEEDS_SIGN_IN if is_final else FAILED


def saved(token: Token, outcome: TokenResponse | ProviderError) -> bool:
    """Write down an answer, even if the database is away for a moment; tell whether that was done."""
    for seconds in TRIES:
        try:
            tokens.settle(token.account, token, outcome)
        except DatabaseError:
            logger.exception("what the provider said about the token of account %s is not saved", token.pk)
            connections[router.db_for_write(Token)].close_if_unusable_or_obsolete()
            time.sleep(seconds)
        else:
            return True
    return False
