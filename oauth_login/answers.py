"""A provider's answer: read whole but never without a bound, and strict about what it says.

Compression is neither asked for nor accepted, which disarms every bomb; JSON is RFC 8259 or refused.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import requests

from oauth_login.errors import ProviderResponseError, ProviderUnavailable, RateLimited
from oauth_login.exchange import current
from oauth_login.strict_json import parse_json

PART: Final = 1 << 14  # bytes that are read at once
NUMBER: Final = re.compile(r"[0-9]{1,99}")
LONGEST_WAIT: Final = 6  # digits of seconds: eleven days

T = TypeVar("T", dict[str, Any], list[Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer of bounded size, uncompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, response: requests.Response, accepted: str = "identity") -> "Answer":
        """Read *response*, but never more than its exchange allows and never past the deadline.

        :param accepted: the encoding that it may have besides none; the body is left as it came.
        :raises ProviderResponseError: it is larger, compressed, or no HTTP.
        """
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.strip().lower() not in {"", "identity", accepted}:
            raise ProviderResponseError("encoding_unasked", encoding)
        max_body = current.get().max_body
        if (response.raw.length_remaining or 0) > max_body:
            raise ProviderResponseError("answer_too_large")  # by its own word: it need not even arrive
        parts, size = [], 0
        while part := _next_part(response):
            size += len(part)
            if size > max_body:
                raise ProviderResponseError("answer_too_large")
            parts.append(part)
        return cls(response.status_code, response.headers, b"".join(parts))

    def raise_for_status(self) -> None:
        """Refuse the statuses that mean the same for every provider and every endpoint.

        :raises ProviderResponseError: a redirect.
        :raises ProviderUnavailable: HTTP 5xx; :class:`RateLimited` if it wants fewer requests.
        """
        if 300 <= self.status < 400:
            # Following it would carry the secret or the bearer token elsewhere (D07, D08, D09).
            raise ProviderResponseError("redirect_refused", f"HTTP {self.status}")
        if self.is_limited:
            raise RateLimited(detail=f"HTTP {self.status}", retry_after=self.retry_after)
        if self.status >= 500:
            raise ProviderUnavailable(detail=f"HTTP {self.status}", retry_after=self.retry_after)

    @property
    def is_limited(self) -> bool:
        """Whether there were too many requests: HTTP 429, or GitHub's 403 that says when to go on."""
        exhausted = "Retry-After" in self.headers or self.headers.get("X-RateLimit-Remaining") == "0"
        return self.status == 429 or (self.status == 403 and exhausted)

    @property
    def retry_after(self) -> int | None:
        """The seconds after which the provider wants to be asked again, if it says so (RFC 9110 §10.2.3).

        It says a number, or a date. GitHub may only say when its limit is reset, in UNIX seconds.
        """
        told = _seconds(self.headers.get("Retry-After", ""))
        if told is None and self.headers.get("X-RateLimit-Remaining") == "0":
            return _until(self.headers.get("X-RateLimit-Reset", ""))
        return told

    def json(self, kind: type[T]) -> T:
        """Return the body as a JSON object (``dict``) or array (``list``).

        :raises ProviderResponseError: it is not JSON, or JSON of another type.
        """
        value = parse_json(self.body)
        if not isinstance(value, kind):
            raise ProviderResponseError("json_type_wrong", type(value).__name__)
        return value


def _seconds(value: str) -> int | None:
    if NUMBER.fullmatch(value):
        return int(value) if len(value) <= LONGEST_WAIT else None
    try:
        return _wait(parsedate_to_datetime(value).timestamp())
    except (ValueError, OverflowError):  # no date, or one of another age
        return None


def _until(value: str) -> int | None:
    return _wait(int(value)) if NUMBER.fullmatch(value) and len(value) <= 12 else None


def _wait(moment: float) -> int | None:
    seconds = max(0, math.ceil(moment - time.time()))
    return seconds if len(str(seconds)) <= LONGEST_WAIT else None


def _next_part(response: requests.Response) -> bytes:
    try:
        part: bytes = response.raw.read(PART, decode_content=False)
    except ValueError:  # http.client's, about a chunk that is less than nothing
        raise ProviderResponseError("http_invalid", "the size of a chunk") from None
    return part
