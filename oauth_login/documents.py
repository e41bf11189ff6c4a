"""What a provider publishes and seldom changes: its configuration and its keys, kept for a while.

They are kept where the workers of a site share them, for as long as the server says and never for good. A
server that fails is given a pause, and what was kept goes on being used meanwhile, for a day (threat E29).
A cache that is down keeps nothing and breaks nothing.
"""

import hashlib
import logging
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from oauth_login.answers import Answer
from oauth_login.errors import ProviderError, ProviderResponseError, ProviderUnavailable
from oauth_login.transport import Transport, only_public

logger = logging.getLogger("oauth_login")

USUAL_LIFETIME: Final = 3_600  # seconds, if the server says nothing
SHORTEST: Final = 60  # seconds
LONGEST: Final = 24 * 3_600  # seconds; how long a key that was withdrawn is accepted at most
STALE: Final = 24 * 3_600  # seconds past its lifetime, while there is nothing newer
PAUSE: Final = 30  # seconds after a failure
RENEWAL: Final = 300  # seconds between two renewals that visitors can bring about (E17)
MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})(?![0-9])", re.IGNORECASE)


class Cache(Protocol):
    """As much of Django's cache as is used here. Times are seconds."""

    def get(self, key: str) -> Any:
        """Return what is kept, or None."""

    def set(self, key: str, value: Any, timeout: int) -> None:
        """Keep a value."""

    def add(self, key: str, value: Any, timeout: int) -> bool:
        """Keep a value unless there is one; tell whether it was kept."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Fetches JSON documents, and keeps them in *cache*, if there is one."""

    transport: Transport = field(repr=False)
    cache: Cache | None = field(default=None, repr=False)

    def get(self, url: str, *, public: bool) -> dict[str, Any]:
        """Return the document at *url*.

        :param public: refuse to fetch it from a private address.

        :raises ProviderError: it cannot be had, and nothing is kept.
        """
        kept = self._ask("get", url)
        document, fresh_until = kept or (None, 0)
        if document is not None and fresh_until > time.time():
            return dict(document)
        try:
            if self._ask("get", url, "failed"):
                raise ProviderUnavailable(detail=f"it failed less than {PAUSE} s ago")
            return self._fetch(url, public=public)
        except ProviderError as error:
            if document is None:
                raise
            logger.warning("a stale document goes on being used: %s", error)
            return dict(document)

    def renewed(self, url: str, *, public: bool, mark: str = "renewed") -> dict[str, Any] | None:
        """Fetch the document anew; or return None, if that was done a moment ago.

        :param mark: whose moment: what anybody can bring about is not to use up what visitors need.

        :raises ProviderError: it cannot be had.
        """
        if self.cache is not None and not self._ask("add", url, mark, 1, RENEWAL):
            return None
        return self._fetch(url, public=public)

    def _fetch(self, url: str, *, public: bool) -> dict[str, Any]:
        try:
            with only_public(when=public):
                answer = self.transport.get(url)
            document = _read(answer)
        except ProviderError:
            self._ask("set", url, "failed", 1, PAUSE)
            raise
        lifetime = _lifetime(answer)
        self._ask("set", url, "", (document, time.time() + lifetime), lifetime + STALE)
        return document

    def _ask(self, verb: str, url: str, mark: str = "", *value: Any) -> Any:
        """Ask the cache; None, if there is none or it is down."""
        name = f"oauth_login.documents.{mark}.{hashlib.sha256(url.encode()).hexdigest()}"
        try:
            return getattr(self.cache, verb)(name, *value) if self.cache is not None else None
        except Exception:  # whatever a cache's driver raises; a sign-in does not depend on it
            logger.exception("the cache keeps no documents of providers")
            return None


def _read(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ProviderResponseError("document_refused", f"HTTP {answer.status}")
    return answer.json(dict)


def _lifetime(answer: Answer) -> int:
    """Return for how many seconds the answer may be kept (RFC 9111 §5.2.2.1), within reason."""
    told = MAX_AGE.search(answer.headers.get("Cache-Control", ""))
    return min(max(int(told[1]), SHORTEST), LONGEST) if told else USUAL_LIFETIME
