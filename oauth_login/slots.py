"""Slots: how much may go on at once, so that one provider that hangs cannot hold every worker (D29)."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from oauth_login.errors import ProviderUnavailable


class Slots:
    """So many slots for each host. Thread-safe; of a host that nobody talks to, nothing is kept.

    :param number: slots per host.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken: Counter[str] = Counter()
        self._given_back = threading.Condition()

    @contextmanager
    def taken(self, host: str, patience: float) -> Iterator[None]:
        """Hold a slot of *host* for as long as the ``with`` block lasts.

        :param patience: seconds to wait for one.
        :raises ProviderUnavailable: ``provider_busy``: none was given back in that time.
        """
        with self._given_back:
            if not self._given_back.wait_for(lambda: self._taken[host] < self._number, patience):
                raise ProviderUnavailable("provider_busy", f"{self._number} at once")
            self._taken[host] += 1
        try:
            yield
        finally:
            with self._given_back:
                self._taken[host] -= 1
                if not self._taken[host]:
                    del self._taken[host]
                self._given_back.notify_all()
