"""One request and its answer, within a time and a size.

``requests`` offers a timeout per read, under which a server that drips a byte a second holds a worker for
hours (threat D01), and bounds no head. Here is what an exchange may take; the sockets count it down.
"""

import contextvars
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from oauth_login.errors import ProviderResponseError

MAX_HEAD: Final = 1 << 16  # bytes, together with what precedes it: interim answers, a proxy's answer
# Bytes; a GitHub user is 1.5 kB, a hundred addresses are at most 40. JSON can grow 45 times when it is
# parsed, and no answer may cost ten megabytes (D04).
MAX_BODY: Final = 1 << 17
FRAMING: Final = 2  # times the body, with the sizes, extensions and trailers of chunks

#: When the sign-in that this thread is in must be over, as ``time.monotonic()`` counts.
deadline: contextvars.ContextVar[float] = contextvars.ContextVar("oauth_login_deadline")
#: The exchange that this thread is in.
current: contextvars.ContextVar["Exchange"] = contextvars.ContextVar("oauth_login_exchange")


def has_passed() -> bool:
    """Tell whether the deadline has passed."""
    return deadline.get() <= time.monotonic()


def seconds_left() -> float:
    """Return what is left of the deadline.

    :raises TimeoutError: nothing is.
    """
    left = deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline passed")
    return left


@dataclass(slots=True)
class Exchange:
    """One request and its answer: what it may still take, and how far it came.

    :ivar max_idle: a kept connection is used if its last request is less than so many seconds ago.
    :ivar max_body: bytes that the answer's body may have.
    :ivar handed_over: whether the socket took the request to its last byte. If not, no provider can have
        read it whole, let alone acted on it.
    """

    max_idle: float
    max_body: int = MAX_BODY
    handed_over: bool = False
    _left: int = MAX_HEAD

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Make this the exchange that this thread is in."""
        token = current.set(self)
        try:
            yield
        finally:
            current.reset(token)

    def allow_body(self) -> None:
        """Let the body arrive, too, however it is framed."""
        self._left += FRAMING * self.max_body

    def count(self, size: int) -> None:
        """Note that *size* bytes arrived.

        :raises ProviderResponseError: they are too many.
        """
        self._left -= size
        if self._left < 0:
            raise ProviderResponseError("answer_too_large")
