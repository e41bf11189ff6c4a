"""What a provider publishes and seldom changes: its configuration and its keys, kept for a while.

They are kept where the workers of a site share them, for as long as the server says and never for good. A
server that fails is given a pause, and what was kept goes on being used meanwhile, for a day (threat E29).
A cache that is down, or keeps nothing, breaks nothing and loosens nothing: each process remembers, too.
"""

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from oauth_login.answers import Answer
from oauth_login.errors import ProviderError, ProviderResponseError, ProviderUnavailable
from oauth_login.freshness import freshness
from oauth_login.transport import Transport, only_public

logger = logging.getLogger("oauth_login")

USUAL_LIFETIME: Final = 3_600  # seconds, if the server says nothing
SHORTEST: Final = 60  # seconds
LONGEST: Final = 24 * 3_600  # seconds; how long a key that was withdrawn is accepted at most
STALE: Final = 24 * 3_600  # seconds past its lifetime, while there is nothing newer
PAUSE: Final = 30  # seconds after a failure
RENEWAL: Final = 300  # seconds between two renewals that visitors can bring about (E17)
MOST_REMEMBERED: Final = 500  # documents and marks, in each process


class Cache(Protocol):
    """As much of Django's cache as is used here. Times are seconds."""

    def get(self, key: str) -> Any:
        """Return what is kept, or None."""

    def set(self, key: str, value: Any, timeout: int) -> None:
        """Keep a value."""

    def add(self, key: str, value: Any, timeout: int) -> bool:
        """Keep a value unless there is one; tell whether it was kept."""


class Memory:
    """What this process remembers itself, so that no cache is needed for a bound (E17, E29)."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, float]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        """Return what is kept, or None."""
        value, until = self._kept.get(key, (None, 0))
        return value if until > time.time() else None

    def set(self, key: str, value: Any, timeout: int) -> None:
        """Keep a value; what has been here longest gives way to it."""
        with self._lock:
            self._keep(key, value, timeout)

    def add(self, key: str, value: Any, timeout: int) -> bool:
        """Keep a value unless there is one; tell whether it was kept."""
        with self._lock:
            if self.get(key) is not None:
                return False
            self._keep(key, value, timeout)
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _keep(self, key: str, value: Any, timeout: int) -> None:
        self._kept.pop(key, None)
        if len(self._kept) >= MOST_REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (value, time.time() + timeout)


#: Of this process, for all that fetch documents in it.
MEMORY: Final = Memory()


@dataclass(frozen=True, slots=True)
class Documents:
    """Fetches JSON documents, and keeps them in *cache*, if there is one, and in this process."""

    transport: Transport = field(repr=False)
    cache: Cache | None = field(default=None, repr=False)

    def get(self, url: str, *, public: bool) -> dict[str, Any]:
        """Return the document at *url*.

        :param public: refuse to fetch it from a private address.

        :raises ProviderError: it cannot be had, and nothing is kept.
        """
        kept = self._recall(url)
        document, fresh_until = kept or (None, 0)
        if document is not None and fresh_until > time.time():
            return dict(document)
        try:
            if self._recall(url, "failed"):
                raise ProviderUnavailable(detail=f"it failed less than {PAUSE} s ago")
            return self._fetch(url, public=public)
        except ProviderError as error:
            if document is None:
                raise
            logger.warning("a stale document goes on being used: %s", error)
            return dict(document)

    def renewed(self, url: str, *, public: bool, mark: str = "renewed") -> dict[str, Any] | None:
        """Fetch the document anew; or return None, if that was done a moment ago.

        One that cannot be had is tried again after a pause, and not only when the next renewal is due (E30).

        :param mark: whose moment: what anybody can bring about is not to use up what visitors need.

        :raises ProviderError: it cannot be had.
        """
        if not self._is_first(url, mark, RENEWAL):
            return None
        try:
            return self._fetch(url, public=public)
        except ProviderError:
            self._keep(url, mark, 1, PAUSE)
            raise

    def _fetch(self, url: str, *, public: bool) -> dict[str, Any]:
        try:
            with only_public(when=public):
                answer = self.transport.get(url)
            document = _read(answer)
        except ProviderError:
            self._keep(url, "failed", 1, PAUSE)
            raise
        lifetime = _lifetime(answer)
        self._keep(url, "", (document, time.time() + lifetime), lifetime + STALE)
        return document

    def _recall(self, url: str, mark: str = "") -> Any:
        """Return what the cache has, as another worker may know better, or else what this process has."""
        name = _name(url, mark)
        shared = self._ask("get", name)
        return MEMORY.get(name) if shared is None else shared

    def _keep(self, url: str, mark: str, value: Any, timeout: int) -> None:
        name = _name(url, mark)
        MEMORY.set(name, value, timeout)
        self._ask("set", name, value, timeout)

    def _is_first(self, url: str, mark: str, timeout: int) -> bool:
        """Leave a mark; tell whether there was none, neither of this process nor of another.

        Another's is its own to shorten: none is left here beside it.
        """
        name = _name(url, mark)
        if MEMORY.get(name) is not None or self._ask("add", name, 1, timeout) is False:
            return False
        return MEMORY.add(name, 1, timeout)

    def _ask(self, verb: str, name: str, *value: Any) -> Any:
        """Ask the cache; None, if there is none or it is down."""
        try:
            return getattr(self.cache, verb)(name, *value) if self.cache is not None else None
        except Exception:  # whatever a cache's driver raises; a sign-in does not depend on it
            logger.exception("the cache keeps no documents of providers")
            return None


def _name(url: str, mark: str) -> str:
    return f"oauth_login.documents.{mark}.{hashlib.sha256(url.encode()).hexdigest()}"


def _read(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ProviderResponseError("document_refused", f"HTTP {answer.status}")
    return answer.json(dict)


def _lifetime(answer: Answer) -> int:
    """Return for how many seconds the answer is used, which is what it says of itself, within reason.

    ``no-store`` and ``no-cache`` do not go below a minute either, nor does ``must-revalidate`` end what a
    failing server is bridged with: frameworks send them by default, and every visitor would be a request.
    """
    told = freshness(answer.headers)
    return USUAL_LIFETIME if told is None else min(max(told, SHORTEST), LONGEST)
