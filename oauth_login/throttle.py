"""How many starts and callbacks one client may send in a minute, counted in Django's cache.

It keeps one client from burning the provider's limits and this site's workers. It is no defence that a
sign-in rests on: a cache that is down lets everybody through, and says so in the log (threat J07).

A client is an address, or the /64 that an IPv6 customer has for themselves (threat J06). Behind proxies it
is what the ``TRUSTED_PROXIES`` nearest ones say in ``X-Forwarded-For``; whatever stands left of that, anybody
can write. Never a username or an address of e-mail: that would let one visitor lock out another (J08).
"""

import ipaddress
import logging
import time
from typing import Final

from django.core.cache import cache
from django.http import HttpRequest

from oauth_login import conf
from oauth_login.errors import TooManyRequests

logger = logging.getLogger("oauth_login")

WINDOW: Final = 60  # seconds
IPV6_CUSTOMER: Final = 64  # bits of an address that a provider of access gives away as a whole


def count_start(request: HttpRequest) -> None:
    """Count one start.

    :raises TooManyRequests: the client has had ``STARTS_PER_MINUTE`` of them.
    """
    _count(request, "start", conf.setting("STARTS_PER_MINUTE"))


def count_proof(request: HttpRequest, user: str) -> None:
    """Count one try to prove again that one is *user*, from wherever: a stolen session has many addresses.

    Only who has a session of that user can use it up, and nothing but this page, for a minute (J08).

    :param user: the primary key of whoever is signed in.
    :raises TooManyRequests: there have been ``STARTS_PER_MINUTE`` of them.
    """
    _count_one(request, "proof", conf.setting("STARTS_PER_MINUTE"), f"user.{user}")


def count_callback(request: HttpRequest, *, own: bool) -> None:
    """Count one callback, of an attempt of this browser's *own* or of nobody's.

    They are counted apart: another site can make a browser send callbacks, but none of its own attempts,
    and so cannot use up what the visitor needs to come back (J08).

    :raises TooManyRequests: the client has had ``CALLBACKS_PER_MINUTE`` of them.
    """
    _count(request, "callback" if own else "stray", conf.setting("CALLBACKS_PER_MINUTE"))


def client(request: HttpRequest) -> str:
    """Return who sends the request, as far as an address tells, or "" if nothing does.

    A server behind a Unix socket has no address of the other side; then only a proxy can tell.
    """
    trusted = conf.setting("TRUSTED_PROXIES")
    hops = [hop for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    # With fewer hops than proxies, somebody came past one of them: then the header is theirs.
    forwarded = hops[-trusted] if 0 < trusted <= len(hops) else ""
    return _network(forwarded) or _network(request.META.get("REMOTE_ADDR", ""))


def _count(request: HttpRequest, kind: str, limit: int) -> None:
    if who := client(request):
        _count_one(request, kind, limit, who)


def _count_one(request: HttpRequest, kind: str, limit: int, who: str) -> None:
    window, into = divmod(int(time.time()), WINDOW)
    try:
        sent = _increment(f"oauth_login.throttle.{kind}.{window}.{who}")
    except Exception:  # whatever a cache's driver raises; a sign-in does not depend on it
        logger.exception("the cache does not count %ss: nobody is held back", kind)
        return
    if sent > limit:
        detail = f"{sent} {kind}s of {who} in this minute"
        if not conf.setting("TRUSTED_PROXIES") and "HTTP_X_FORWARDED_FOR" in request.META:
            detail += "; it came through a proxy, but TRUSTED_PROXIES is 0"
        raise TooManyRequests(detail=detail, retry_after=WINDOW - into)


def _increment(key: str) -> int:
    cache.add(key, 0, timeout=2 * WINDOW)
    try:
        return int(cache.incr(key))
    except ValueError:  # it was thrown out in between, to make room
        return 1


def _network(address: str) -> str:
    """Return the canonical name of a client's network, or "" if *address* is none."""
    bare = address.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]  # some proxies add a port
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_CUSTOMER), strict=False))
