"""Kept connections under one TLS context, whose answers have one meaning.

No head is bounded by ``http.client``: it reads on as long as interim answers and trailers arrive, or to the
end if a chunk is -1 bytes long. ``requests`` reads the whole CA bundle again for every new connection unless
there is a context, which with OpenSSL 3 takes over ten milliseconds. And nobody says whether a request that
failed had been sent. All of this is mended here, beneath them.
"""

import contextvars
import http.client
import logging
import os
import re
import socket
import ssl
import threading
import time
from typing import Any, Final

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import ALPN_PROTOCOLS

from oauth_login.errors import ProviderMisconfigured, ProviderResponseError
from oauth_login.exchange import current, seconds_left
from oauth_login.sockets import TLSSocket, connect

AT_ONCE: Final = 10  # exchanges with one host, and so as many connections are worth keeping
HOSTS: Final = 50  # hosts to keep connections to; a provider has two or three
LENGTH: Final = re.compile(r"[0-9]{1,18}")

#: Whether this thread connects to public addresses only (threats D10, D11).
public_only: contextvars.ContextVar[bool] = contextvars.ContextVar("oauth_login_public_only", default=False)


class _WithoutQueries(logging.Filter):
    """Drops what urllib3 says about a URL of ours with a query: some providers want a token there (H07).

    What we log ourselves has host and path. What other code of the site asks for is none of our business.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return current.get(None) is None or "?" not in record.getMessage()


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQueries())


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
        current.get().allow_body()


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
        return alive and time.monotonic() - self._used_at < current.get().max_idle

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._used_at = time.monotonic()
        self.timeout = seconds_left()
        super().request(*args, **kwargs)  # type: ignore[misc]
        # Not reached if sending failed, even where urllib3 goes on and looks for an answer.
        current.get().handed_over = True

    def _new_conn(self) -> socket.socket:
        this: Any = self
        try:
            options = this.socket_options or ()
            return connect(this.host, this.port, options, only_public=self.only_public)
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
    context.sslsocket_class = TLSSocket
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
