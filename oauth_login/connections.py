"""Kept connections under one TLS context, whose every read has what is left of one deadline.

``requests`` offers a timeout per read, under which a server that drips a byte a second holds a worker for
hours (threat D01); and it reads the whole CA bundle again for every new connection unless it is given a
context, which with OpenSSL 3 takes over ten milliseconds each time. Both are mended here, beneath it.
"""

import contextvars
import ipaddress
import os
import socket
import ssl
import time
from typing import Any, Final

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from oauth_login.errors import ProviderMisconfigured, ProviderResponseError

CONNECT_TIMEOUT: Final = 3.0  # seconds, for TCP and again for the TLS handshake

#: When the exchange that this thread is in must be over, as ``time.monotonic()`` counts.
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


class _Timed:
    """Mixed into a socket: each of its reads has what is left of the deadline, not a timeout of its own."""

    def recv(self, *args: Any, **kwargs: Any) -> bytes:  # what TLS within TLS reads by
        self.settimeout(seconds_left())  # type: ignore[attr-defined]  # a socket's
        received: bytes = super().recv(*args, **kwargs)  # type: ignore[misc]
        return received

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())  # type: ignore[attr-defined]
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        return received


class _Socket(_Timed, socket.socket):
    """Plain TCP: a loopback provider, and what a proxy says before TLS."""


class _TLSSocket(_Timed, ssl.SSLSocket):
    """TLS."""


class _TimedConnection:
    """Mixed into a connection: connects within what is left of the deadline, through a timed socket."""

    timeout: Any

    def _new_conn(self) -> socket.socket:
        self.timeout = min(CONNECT_TIMEOUT, max(deadline.get() - time.monotonic(), 0.001))
        plain: socket.socket = super()._new_conn()  # type: ignore[misc]  # a connection's
        timed = _Socket(fileno=plain.detach())
        timed.settimeout(self.timeout)
        return timed


class _HTTPConnection(_TimedConnection, urllib3.connection.HTTPConnection):
    """To a provider on loopback, or to a proxy."""


class _HTTPSConnection(_TimedConnection, urllib3.connection.HTTPSConnection):
    """To a provider."""


class _PublicHTTPSConnection(_HTTPSConnection):
    """To a host that the site has not chosen: never to this machine, nor to its neighbours.

    What is looked up is checked and then connected to, so that a name cannot change its mind in between.
    """

    def _new_conn(self) -> socket.socket:
        name: str = self._dns_host
        try:
            self._dns_host = _public_address(name, self.port)
            return super()._new_conn()
        finally:
            self._dns_host = name  # whom TLS asks for, and whose certificate it expects


def _public_address(host: str, port: int) -> str:
    """Return an address of *host*.

    :raises ProviderResponseError: one of its addresses is not public.
    :raises OSError: it has none.
    """
    found = [place[4][0] for place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(_is_public(str(address)) for address in found):
        raise ProviderResponseError("address_refused", "an endpoint that it names has no public address")
    return str(found[0])


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    return inner.is_global and not inner.is_multicast


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
    """Keeps connections, and gives all of them one TLS context.

    ``to_public`` keeps others, to public addresses only, under the same context. A proxy is the site's own
    choice and looks names up itself: to it this difference is not made.

    :param ca_bundle: path of a CA bundle; default: ``SSL_CERT_FILE``, else certifi's.
    """

    def __init__(self, ca_bundle: str) -> None:
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        super().__init__()
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
        if self._context is None:
            bundle = self._ca_bundle or os.environ.get("SSL_CERT_FILE") or certifi.where()
            try:
                context = ssl.create_default_context(cafile=bundle)
            except OSError as error:  # no such file, or no certificate in it: SSLError is an OSError
                raise ProviderMisconfigured("settings_invalid", "the CA bundle cannot be used") from error
            context.sslsocket_class = _TLSSocket
            self._context = context
        return self._context


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
