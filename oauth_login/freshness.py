"""For how long an answer says that it may be kept (RFC 9111), by a cache that many visitors share.

What cannot be read keeps nothing fresh, as §4.2.1 advises: to ask once more is cheaper than to believe a key
that was withdrawn.
"""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

#: A directive (§5.2): a token, and perhaps an argument, which may be a quoted string with commas in it.
DIRECTIVE: Final = re.compile(
    r"""[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,"]*))?\s*(?:,[\s,]*|$)"""
)
SECONDS: Final = re.compile(r"[0-9]{1,9}")
LONG: Final = 10**9  # seconds; who says more than nine digits means for ever (§1.2.2)


def freshness(headers: Mapping[str, str]) -> int | None:
    """Return for how many seconds the answer stays fresh from now on; None if it does not say.

    ``s-maxage`` goes before ``max-age``, and that before ``Expires`` (§4.2.1). The time that it has spent in
    caches on its way (``Age``, §5.1) is over.
    """
    said = _directives(headers.get("Cache-Control", ""))
    if said.keys() & {"no-store", "no-cache"}:
        return 0
    limit = said.get("s-maxage", said.get("max-age"))
    lifetime = _until(headers) if limit is None else _seconds(limit)
    return None if lifetime is None else max(lifetime - _seconds(headers.get("Age", "")), 0)


def _directives(header: str) -> dict[str, str]:
    """Return the directives by name; of two of one name the first counts (§4.2.1)."""
    found: dict[str, str] = {}
    place = 0
    while place < len(header):
        match = DIRECTIVE.match(header, place)
        if not match:
            return {"no-cache": ""}  # what stands there may be one
        found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
        place = match.end()
    return found


def _seconds(written: str) -> int:
    if SECONDS.fullmatch(written):
        return int(written)
    return LONG if written.isascii() and written.isdigit() else 0


def _until(headers: Mapping[str, str]) -> int | None:
    """Return how long it is until ``Expires`` (§5.3), by the server's own clock where it tells the time."""
    if "Expires" not in headers:
        return None
    try:
        end = parsedate_to_datetime(headers["Expires"]).timestamp()
        now = parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else time.time()
    except (ValueError, OverflowError):
        return 0  # "0" is usual, and means: over
    return int(end - now)
