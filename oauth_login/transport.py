"""The back channel: the only place where this package talks to a provider.

One pooled keep-alive session serves the whole process, because setting up TLS is three quarters of what a
naive sign-in costs. Everything a hostile or broken provider could do with our
workers is bounded here: their number, time (one deadline for the whole exchange, so that a byte a second
cannot hold a worker), size, redirects, encodings, types. Environment proxies, ``~/.netrc`` and cookies are
ignored. What was sent once is sent again only if nothing can have come of it.

Only :class:`ProviderError` and its subclasses leave this module, raised ``from None`` where the
original carries a URL or a body: tracebacks end up in error trackers.
"""

import http.client
import io
import logging
import math
import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from oauth_login.answers import Answer
from oauth_login.connections import AT_ONCE, PooledAdapter, public_only
from oauth_login.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderTimeout,
    ProviderUnavailable,
)
from oauth_login.exchange import MAX_BODY, Exchange, deadline, has_passed, seconds_left
from oauth_login.slots import Slots
from oauth_login.sockets import CONNECT_TIMEOUT

logger = logging.getLogger(__name__)

DEADLINE: Final = 10.0  # seconds, from the first byte sent to the last one read
PATIENCE: Final = 1.0  # seconds, to wait until somebody else is done with the same host
MAX_IDLE: Final = 30.0  # seconds; what drops a silent connection seldom says so, and waits longer than that
USER_AGENT: Final = "django-oauth-login"
LONGEST_LABEL: Final = 63  # characters between two dots of a host
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

# Parsers disagree about what these mean in a URL, so that one would check what another does not call.
NOT_IN_URL: Final = re.compile(r'[\x00-\x20"<>\\^`{|}\x7f]')


#: Characters of an endpoint, which has a query added to it: some browsers and servers take no more than that.
URL_LENGTH: Final = 2_000


def is_secure(url: str) -> bool:
    """Tell whether *url* is https, or http to a literal loopback host (RFC 8252 §8.3).

    A host that has no place in the DNS (RFC 1035 §2.3.4) is none: looking it up raises what is no OSError.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or NOT_IN_URL.search(url):
        return False
    if not all(0 < len(label) <= LONGEST_LABEL for label in host.removesuffix(".").split(".")):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def origin_of(url: str) -> str:
    """Return scheme and host of *url*."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def one_deadline(at: float | None = None) -> Iterator[None]:
    """Give everything within the ``with`` block one deadline; within another such block, that one's.

    :param at: when that is, as ``time.monotonic()`` counts; default: DEADLINE from now.
    """
    if deadline.get(None) is not None:
        yield
        return
    token = deadline.set(time.monotonic() + DEADLINE if at is None else at)
    try:
        yield
    finally:
        deadline.reset(token)


@contextmanager
def only_public(*, when: bool = True) -> Iterator[None]:
    """Refuse, within the ``with`` block, to connect to an address that is not public (threats D10, D11).

    For URLs that somebody else has chosen: a document must not make this machine call its neighbours. The
    address that is checked is the one that is connected to.
    """
    token = public_only.set(when)
    try:
        yield
    finally:
        public_only.reset(token)


class Transport:
    """A ``requests`` session behind the rules above. Thread-safe.

    :param ca_bundle: path of a CA bundle; default: ``SSL_CERT_FILE``, else certifi's.
    :param proxies: ``requests``' mapping of scheme to proxy URL; the environment's are ignored.
    :param mounts: adapters that answer for URL prefixes in process (the sandbox is one).
    """

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Mapping[str, str] | None = None,
        mounts: Mapping[str, BaseAdapter] | None = None,
    ) -> None:
        self._slots = Slots(AT_ONCE)
        self._session = session = _Session()
        session.trust_env = False
        session.proxies = dict(proxies or {})
        # A jar shared by all visitors would mix them up (threat D26).
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.clear()
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        adapter = PooledAdapter(ca_bundle)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        for prefix, mounted in (mounts or {}).items():
            session.mount(prefix, mounted)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        encoding: str = "identity",
    ) -> Answer:
        """GET *url*; a connection that breaks is tried once more, as nothing can happen twice.

        :param once: something can: the query carries a code, which some providers want there (B14).
        :param encoding: which one the answer may have; its body is left as it came.
        :raises ProviderError: see :meth:`post`.
        """
        return self._ask("GET", url, once=once, headers=headers, accepted=encoding)

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST *form* or *json*, once: what it carries may be single use (B14).

        It is sent again only if it was not sent to its last byte, so that nobody can have acted on it: a
        kept connection may turn out to be closed. What was sent and not answered is lost.

        :raises ProviderTimeout: the deadline passed.
        :raises ProviderUnavailable: no connection, no slot, or HTTP 5xx; :class:`RateLimited` on 429.
        :raises ProviderResponseError: redirect, encoding, size, HTTP or TLS certificate refused.
        :raises ProviderMisconfigured: *url* is not https.
        """
        return self._ask("POST", url, once=True, form=form, json=json, headers=headers)

    def delete(
        self, url: str, *, json: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """DELETE *url*, with *json* as its body; once, as in :meth:`post`, which says what is raised."""
        return self._ask("DELETE", url, once=True, json=json, headers=headers)

    def send(self, request: requests.PreparedRequest, *, max_body: int = MAX_BODY) -> requests.Response:
        """Send what somebody else has prepared, under the same rules; return its answer, read whole.

        No status is refused here. What may be tried once more is as for :meth:`get` and :meth:`post`; a body
        that is a stream is never sent twice.

        :param max_body: bytes that the answer may have.
        :raises ProviderError: see :meth:`post`.
        """
        accepted = request.headers.get("Accept-Encoding", "identity")
        once = request.method not in {"GET", "HEAD", "OPTIONS"}
        response, answer = self._try(
            request, str(request.url), once=once, accepted=accepted, max_body=max_body
        )
        response.raw = io.BytesIO(answer.body)
        return response

    def _ask(
        self,
        method: str,
        url: str,
        *,
        once: bool,
        accepted: str = "identity",
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        # Asking for no compression, and refusing it below, disarms every bomb (D05, D06).
        headers = {**(headers or {}), "Accept-Encoding": accepted}
        request = requests.Request(method, url, data=form, json=json, headers=headers)
        _, answer = self._try(request, url, once=once, accepted=accepted)
        answer.raise_for_status()
        return answer

    def _try(
        self, request: requests.Request | requests.PreparedRequest, url: str, *, once: bool, **allowed: Any
    ) -> tuple[requests.Response, Answer]:
        """Exchange, and once more if nothing can have come of the first time."""
        if not is_secure(url):
            raise ProviderMisconfigured("endpoint_insecure")
        max_idle = MAX_IDLE if once else math.inf
        max_body = allowed.pop("max_body", MAX_BODY)
        exchange = Exchange(max_idle, max_body)
        with one_deadline():
            try:
                return self._exchange(exchange, request, url, **allowed)
            except ProviderUnavailable as error:
                is_lost = once and exchange.handed_over
                if error.code != "connection_failed" or is_lost or is_stream(request):
                    raise
            return self._exchange(Exchange(max_idle, max_body), request, url, **allowed)

    def _exchange(
        self,
        exchange: Exchange,
        request: requests.Request | requests.PreparedRequest,
        url: str,
        *,
        accepted: str,
    ) -> tuple[requests.Response, Answer]:
        place = urlsplit(url)
        started = time.monotonic()
        try:
            if isinstance(request, requests.Request):
                request = self._session.prepare_request(request)
            with (
                self._slots.taken(place.netloc, min(PATIENCE, seconds_left())),
                exchange.under_way(),
                closing(
                    self._session.send(
                        request, timeout=(CONNECT_TIMEOUT, DEADLINE), allow_redirects=False, stream=True
                    )
                ) as response,
            ):
                answer = Answer.of(response, accepted)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = _failure(error)
            logger.debug("%s %s%s: %s", request.method, place.hostname, place.path, failure)
            raise failure from None
        logger.debug(
            "%s %s%s: HTTP %d, %d bytes, %.0f ms",
            request.method,
            place.hostname,
            place.path,
            answer.status,
            len(answer.body),
            (time.monotonic() - started) * 1000,
        )
        return response, answer


def is_stream(request: requests.Request | requests.PreparedRequest) -> bool:
    """Tell whether the body may be half read after it was sent in vain."""
    body = getattr(request, "body", None)
    return not isinstance(body, bytes | str | None)


class _Session(requests.Session):
    """A session that does not even prepare the next request of a redirect, and knows :func:`only_public`.

    ``requests`` does that also when it is told to follow none: it reads the whole body, unlimited and
    decompressed, and trips over a ``Location`` that is no URL (threats D04, D05, D07).
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None

    def get_adapter(self, url: str) -> BaseAdapter:
        adapter = super().get_adapter(url)
        if public_only.get() and isinstance(adapter, PooledAdapter):
            return adapter.to_public
        return adapter


def _failure(error: Exception) -> ProviderError:
    """Translate an exception of the HTTP library; its text is dropped, as it may hold a URL (H09)."""
    if has_passed():
        return ProviderTimeout(detail="deadline passed")
    # The other side is gone, as it may be from a kept connection: that says nothing about its certificate.
    ended = _came_of(error, ssl.SSLEOFError, http.client.RemoteDisconnected, http.client.IncompleteRead)
    if isinstance(error, requests.exceptions.SSLError) and not ended:
        return ProviderResponseError("tls_failed", "certificate or handshake refused")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return ProviderUnavailable("connection_timeout", "no connection in time")
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return ProviderTimeout(detail="no answer in time")
    if _came_of(error, http.client.HTTPException) and not ended:
        return ProviderResponseError("http_invalid", type(error).__name__)
    return ProviderUnavailable("connection_failed", type(error).__name__)


def _came_of(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Tell whether *error*, or any that it was raised for, is of these *kinds*."""
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__context__
    return False


_shared: dict[tuple[object, ...], Transport] = {}


def shared(ca_bundle: str = "", proxies: Mapping[str, str] | None = None) -> Transport:
    """Return this process's transport for these settings, making it on first use.

    A forked worker finds none of its parent's, and leaves those alone: a connection, TLS context or slot is
    of use to one process only, and a thread that held one of their locks at the fork does not exist here to
    let go of it, not even for closing.
    """
    key = (os.getpid(), ca_bundle, *sorted((proxies or {}).items()))
    return _shared.get(key) or _shared.setdefault(key, Transport(ca_bundle=ca_bundle, proxies=proxies))
