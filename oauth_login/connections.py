"""Kept connections under one TLS context, bounded in time and size down to each read of a socket.

``requests`` offers a timeout per read, under which a server that drips a byte a second holds a worker for
hours (threat D01). No head is bounded: ``http.client`` reads on as long as interim answers and trailers
arrive, or to the end if a chunk is -1 bytes long. The whole CA bundle is read again for every new
connection unless there is a context, which with OpenSSL 3 takes over ten milliseconds. And nobody says
whether a request that failed had been sent. All of this is mended here, beneath them.
"""

import contextvars
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssl_ import ALPN_PROTOCOLS

from oauth_login.errors import ProviderMisconfigured, ProviderResponseError

CONNECT_TIMEOUT: Final = 3.0  # seconds, for TCP to one address and again for the TLS handshake
AT_ONCE: Final = 10  # exchanges with one host, and so as many connections are worth keeping
HOSTS: Final = 50  # hosts to keep connections to; a provider has two or three

MAX_HEAD: Final = 1 << 16  # bytes, together with what precedes it: interim answers, a proxy's answer
# Bytes; a GitHub user is 1.5 kB, a hundred addresses are at most 40. JSON can grow 45 times when it is
# parsed, and no answer may cost ten megabytes (D04).
MAX_BODY: Final = 1 << 17
MAX_FRAMED: Final = 2 * MAX_BODY  # bytes, with the sizes, extensions and trailers of chunks
LENGTH: Final = re.compile(r"[0-9]{1,18}")

#: When the sign-in that this thread is in must be over, as ``time.monotonic()`` counts.
deadline: contextvars.ContextVar[float] = contextvars.ContextVar("oauth_login_deadline")
#: Whether this thread connects to public addresses only (threats D10, D11).
public_only: contextvars.ContextVar[bool] = contextvars.ContextVar("oauth_login_public_only", default=False)


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
    :ivar handed_over: whether the socket took the request to its last byte. If not, no provider can have
        read it whole, let alone acted on it.
    """

    max_idle: float
    handed_over: bool = False
    _left: int = MAX_HEAD

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Make this the exchange that this thread is in."""
        token = _exchange.set(self)
        try:
            yield
        finally:
            _exchange.reset(token)

    def allow(self, size: int) -> None:
        """Let *size* bytes more arrive."""
        self._left += size

    def count(self, size: int) -> None:
        """Note that *size* bytes arrived.

        :raises ProviderResponseError: they are too many.
        """
        self._left -= size
        if self._left < 0:
            raise ProviderResponseError("answer_too_large")


_exchange: contextvars.ContextVar[Exchange] = contextvars.ContextVar("oauth_login_exchange")


class _Bounded:
    """Mixed into a socket: a read has what is left of the deadline, and of the size of the answer."""

    def recv(self, *args: Any, **kwargs: Any) -> bytes:  # what TLS within TLS reads by
        self.settimeout(seconds_left())  # type: ignore[attr-defined]  # a socket's
        received: bytes = super().recv(*args, **kwargs)  # type: ignore[misc]
        _exchange.get().count(len(received))
        return received

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())  # type: ignore[attr-defined]
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        _exchange.get().count(received)
        return received


class _Socket(_Bounded, socket.socket):
    """Plain TCP: a loopback provider, and what a proxy says before TLS."""


class _TLSSocket(_Bounded, ssl.SSLSocket):
    """TLS."""


def _connect(host: str, port: int, options: Sequence[Any], *, only_public: bool) -> socket.socket:
    """Connect to the first of the host's addresses that answers, within the deadline for all of them.

    urllib3 gives each address the whole timeout anew, however many there are.

    :param only_public: refuse a host that has any other address. What is looked up is checked and then
        connected to, so that a name cannot change its mind in between (threat D11).
    :raises OSError: what came of the last address.
    :raises ProviderResponseError: one of its addresses is not public, and has to be.
    """
    found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    if only_public and not all(_is_public(str(place[4][0])) for place in found):
        raise ProviderResponseError("address_refused", "an endpoint that it names has no public address")
    failure = OSError("no address")
    for family, kind, protocol, _name, address in found:
        plain = _Socket(family, kind, protocol)
        try:
            for option in options:
                plain.setsockopt(*option)
            plain.settimeout(min(CONNECT_TIMEOUT, seconds_left()))
            plain.connect(address)
            plain.settimeout(min(CONNECT_TIMEOUT, seconds_left()))  # for the handshake
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    return inner.is_global and not inner.is_multicast


class _Answer(http.client.HTTPResponse):
    """An answer whose head is final, and can be read in one way only."""

    def begin(self) -> None:
        super().begin()
        if self.status < 200:
            # Only 100 is passed over by http.client. After any other the true answer would follow, to be
            # read as the answer to the request of the next visitor.
            raise ProviderResponseError("http_invalid", f"HTTP {self.status} is no final answer")
        if self.msg.defects or self.msg.get_payload():
            # What follows such a line would count for nothing, and urllib3 would write it to the log.
            raise ProviderResponseError("http_invalid", "a line of the head is no header")
        lengths = {length.strip() for length in self.msg.get_all("Content-Length", ())}
        if len(lengths) > 1 or not all(map(LENGTH.fullmatch, lengths)):
            raise ProviderResponseError("http_invalid", "Content-Length")
        _exchange.get().allow(MAX_FRAMED)


class _Connection:
    """Mixed into a connection: connects, sends and answers as the :class:`Exchange` may."""

    response_class: Any = _Answer
    only_public = False
    timeout: Any
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Tell whether it is open, and not so long unused that something on the way may have dropped it."""
        alive: bool = super().is_connected  # type: ignore[misc]  # a connection's
        return alive and time.monotonic() - self._used_at < _exchange.get().max_idle

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._used_at = time.monotonic()
        self.timeout = seconds_left()
        super().request(*args, **kwargs)  # type: ignore[misc]
        # Not reached if sending failed, even where urllib3 goes on and looks for an answer.
        _exchange.get().handed_over = True

    def _new_conn(self) -> socket.socket:
        this: Any = self
        try:
            options = this.socket_options or ()
            return _connect(this.host, this.port, options, only_public=self.only_public)
        except socket.gaierror as error:
            raise NameResolutionError(this.host, this, error) from None
        except TimeoutError:
            raise ConnectTimeoutError(this, "no address answered in time") from None
        except OSError as error:
            raise NewConnectionError(this, type(error).__name__) from None


class _HTTPConnection(_Connection, urllib3.connection.HTTPConnection):
    """To a provider on loopback, or to a proxy."""


class _HTTPSConnection(_Connection, urllib3.connection.HTTPSConnection):
    """To a provider."""


class _PublicHTTPSConnection(_HTTPSConnection):
    """To a host that the site has not chosen: never to this machine, nor to its neighbours."""

    only_public = True


class _HTTPConnectionPool(urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _HTTPConnection


class _HTTPSConnectionPool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _HTTPSConnection


class _PublicHTTPSConnectionPool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _PublicHTTPSConnection


POOLS: Final = {"http": _HTTPConnectionPool, "https": _HTTPSConnectionPool}
#: Plain http is for loopback, which is not public: there is no pool that could connect.
PUBLIC_POOLS: Final = {"https": _PublicHTTPSConnectionPool}


class PooledAdapter(HTTPAdapter):
    """Keeps connections, and gives all of them one TLS context. Thread-safe.

    ``to_public`` keeps others, to public addresses only, under the same context. A proxy is the site's own
    choice and looks names up itself: to it this difference is not made.

    :param ca_bundle: path of a CA bundle; default: ``SSL_CERT_FILE``, else certifi's.
    """

    def __init__(self, ca_bundle: str) -> None:
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._making_it = threading.Lock()
        super().__init__(pool_connections=HOSTS, pool_maxsize=AT_ONCE)
        self.to_public: HTTPAdapter = _PublicAdapter(self)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def close(self) -> None:
        super().close()
        self.to_public.close()

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, _tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self.tls_context()} if host["scheme"] == "https" else {}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=self.tls_context(), **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the context verifies, always; there is no ``verify=False`` here (D14)."""

    def tls_context(self) -> ssl.SSLContext:
        with self._making_it:
            if self._context is None:
                self._context = _new_tls_context(self._ca_bundle)
            return self._context


def _new_tls_context(ca_bundle: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=ca_bundle or os.environ.get("SSL_CERT_FILE") or certifi.where()
        )
    except OSError as error:  # no such file, or no certificate in it: SSLError is an OSError
        raise ProviderMisconfigured("settings_invalid", "the CA bundle cannot be used") from error
    context.sslsocket_class = _TLSSocket
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 does that again for every connection. OpenSSL then frees the list, which a connection that
    # another thread is making from the same context may just be copying.
    context.set_alpn_protocols = lambda alpn_protocols: None  # type: ignore[method-assign]
    return context


class _PublicAdapter(PooledAdapter):
    """What :attr:`PooledAdapter.to_public` is."""

    def __init__(self, adapter: PooledAdapter) -> None:
        self._adapter = adapter
        HTTPAdapter.__init__(self)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        HTTPAdapter.init_poolmanager(self, *args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = PUBLIC_POOLS

    def close(self) -> None:
        HTTPAdapter.close(self)

    def tls_context(self) -> ssl.SSLContext:
        return self._adapter.tls_context()
