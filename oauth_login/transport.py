"""The back channel: the only place where this package talks to a provider.

One pooled keep-alive session serves the whole process, because setting up TLS is three quarters of what a
naive sign-in costs. Everything a hostile or broken provider could do with our
worker is bounded here: time (one deadline for the whole exchange, so that a byte a second cannot hold a
worker), size, redirects, encodings, types. Environment proxies, ``~/.netrc`` and cookies are ignored.

Only :class:`ProviderError` and its subclasses leave this module, raised ``from None`` where the
original carries a URL or a body: tracebacks end up in error trackers.
"""

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from oauth_login import connections
from oauth_login.connections import CONNECT_TIMEOUT, PooledAdapter
from oauth_login.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from oauth_login.strict_json import parse_json

logger = logging.getLogger(__name__)

DEADLINE: Final = 10.0  # seconds, from the first byte sent to the last one read
MAX_BODY: Final = 1 << 20  # bytes; a GitHub user is 1.5 kB, a hundred addresses 10 kB
CHUNK: Final = 1 << 16
USER_AGENT: Final = "django-oauth-login"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

# Parsers disagree about what these mean in a URL, so that one would check what another does not call.
NOT_IN_URL: Final = re.compile(r'[\x00-\x20"<>\\^`{|}\x7f]')

T = TypeVar("T", dict[str, Any], list[Any])


def is_secure(url: str) -> bool:
    """Tell whether *url* is https, or http to a literal loopback host (RFC 8252 §8.3)."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or NOT_IN_URL.search(url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer of bounded size, uncompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def retry_after(self) -> int | None:
        """The seconds after which the provider wants to be asked again, if it says so (RFC 9110 §10.2.3)."""
        value = self.headers.get("Retry-After", "")
        # Up to eleven days; a number of five thousand digits would not even parse.
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None

    def json(self, kind: type[T]) -> T:
        """Return the body as a JSON object (``dict``) or array (``list``).

        :raises ProviderResponseError: it is not JSON, or JSON of another type.
        """
        value = parse_json(self.body)
        if not isinstance(value, kind):
            raise ProviderResponseError("json_type_wrong", type(value).__name__)
        return value


@contextmanager
def one_deadline() -> Iterator[None]:
    """Give everything within the ``with`` block one deadline; within another such block, that one's."""
    if connections.deadline.get(None) is not None:
        yield
        return
    token = connections.deadline.set(time.monotonic() + DEADLINE)
    try:
        yield
    finally:
        connections.deadline.reset(token)


@contextmanager
def only_public(*, when: bool = True) -> Iterator[None]:
    """Refuse, within the ``with`` block, to connect to an address that is not public (threats D10, D11).

    For URLs that somebody else has chosen: a document must not make this machine call its neighbours. The
    address that is checked is the one that is connected to.
    """
    token = connections.public_only.set(when)
    try:
        yield
    finally:
        connections.public_only.reset(token)


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
        self._session = session = _Session()
        session.trust_env = False
        session.proxies = dict(proxies or {})
        # A jar shared by all visitors would mix them up (threat D26).
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.clear()
        session.headers.update(
            # Asking for no compression, and refusing it below, disarms every bomb (D05, D06).
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
        )
        adapter = PooledAdapter(ca_bundle)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        for prefix, mounted in (mounts or {}).items():
            session.mount(prefix, mounted)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET *url*; a connection that breaks is tried once more, as nothing can happen twice.

        :raises ProviderError: see :meth:`post`.
        """
        with one_deadline():
            try:
                return self._exchange("GET", url, headers=headers)
            except ProviderUnavailable as error:
                if error.code != "connection_failed":
                    raise
            return self._exchange("GET", url, headers=headers)

    def post(self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST *form*, once: what it carries may be single use, so it is never sent again (B14).

        :raises ProviderTimeout: the deadline passed.
        :raises ProviderUnavailable: no connection, or HTTP 5xx; :class:`RateLimited` on 429.
        :raises ProviderResponseError: redirect, encoding, size or TLS certificate refused.
        :raises ProviderMisconfigured: *url* is not https.
        """
        with one_deadline():
            return self._exchange("POST", url, form=form, headers=headers)

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        if not is_secure(url):
            raise ProviderMisconfigured("endpoint_insecure")
        place = urlsplit(url)
        started = time.monotonic()
        try:
            with closing(
                self._session.request(
                    method,
                    url,
                    data=form,
                    headers=headers,
                    timeout=(CONNECT_TIMEOUT, DEADLINE),
                    allow_redirects=False,
                    stream=True,
                )
            ) as response:
                answer = _read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = _failure(error)
            logger.debug("%s %s%s: %s", method, place.hostname, place.path, failure)
            raise failure from None
        logger.debug(
            "%s %s%s: HTTP %d, %d bytes, %.0f ms",
            method,
            place.hostname,
            place.path,
            answer.status,
            len(answer.body),
            (time.monotonic() - started) * 1000,
        )
        _refuse_status(answer)
        return answer


class _Session(requests.Session):
    """A session that does not even prepare the next request of a redirect, and knows :func:`only_public`.

    ``requests`` does that also when it is told to follow none: it reads the whole body, unlimited and
    decompressed, and trips over a ``Location`` that is no URL (threats D04, D05, D07).
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None

    def get_adapter(self, url: str) -> BaseAdapter:
        adapter = super().get_adapter(url)
        if connections.public_only.get() and isinstance(adapter, PooledAdapter):
            return adapter.to_public
        return adapter


def _read(response: requests.Response) -> Answer:
    """Read the whole answer, but never more than MAX_BODY and never past the deadline."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in {"", "identity"}:
        raise ProviderResponseError("encoding_unasked", encoding)
    chunks, size = [], 0
    while chunk := response.raw.read(CHUNK, decode_content=False):
        size += len(chunk)
        if size > MAX_BODY:
            raise ProviderResponseError("answer_too_large")
        chunks.append(chunk)
    return Answer(response.status_code, response.headers, b"".join(chunks))


def _refuse_status(answer: Answer) -> None:
    """Refuse the statuses that mean the same for every provider and every endpoint."""
    if 300 <= answer.status < 400:
        # Following it would carry the secret or the bearer token elsewhere (D07, D08, D09).
        raise ProviderResponseError("redirect_refused", f"HTTP {answer.status}")
    if answer.status == 429:
        raise RateLimited(detail="HTTP 429", retry_after=answer.retry_after)
    if answer.status >= 500:
        raise ProviderUnavailable(detail=f"HTTP {answer.status}", retry_after=answer.retry_after)


def _failure(error: Exception) -> ProviderError:
    """Translate an exception of the HTTP library; its text is dropped, as it may hold a URL (H09)."""
    if connections.has_passed():
        return ProviderTimeout(detail="deadline passed")
    if isinstance(error, requests.exceptions.SSLError):
        return ProviderResponseError("tls_failed", "certificate or handshake refused")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return ProviderUnavailable("connection_timeout", "no connection in time")
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return ProviderTimeout(detail="no answer in time")
    return ProviderUnavailable("connection_failed", type(error).__name__)


_shared: dict[tuple[str, tuple[tuple[str, str], ...]], Transport] = {}
# A connection must not be used by two processes: a forked worker opens its own.
os.register_at_fork(after_in_child=_shared.clear)


def shared(ca_bundle: str = "", proxies: Mapping[str, str] | None = None) -> Transport:
    """Return this process's transport for these settings, making it on first use."""
    key = (ca_bundle, tuple(sorted((proxies or {}).items())))
    if key not in _shared:
        _shared[key] = Transport(ca_bundle=ca_bundle, proxies=proxies)
    return _shared[key]
