"""Kept connections under one TLS context, whose every read has what is left of one deadline.

``requests`` offers a timeout per read, under which a server that drips a byte a second holds a worker for
hours (threat D01); and it reads the whole CA bundle again for every new connection unless it is given a
context, which with OpenSSL 3 takes over ten milliseconds each time. Both are mended here, beneath it.
"""

import contextvars
import os
import socket
import ssl
import time
from typing import Any, Final

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from oauth_login.errors import ProviderMisconfigured

CONNECT_TIMEOUT: Final = 3.0  # seconds, for TCP and again for the TLS handshake

#: When the exchange that this thread is in must be over, as ``time.monotonic()`` counts.
deadline: contextvars.ContextVar[float] = contextvars.ContextVar("oauth_login_deadline")


def _seconds_left() -> float:
    left = deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline passed")
    return left


class _Socket(socket.socket):
    """A socket whose every read has what is left of the deadline, not a timeout of its own."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_seconds_left())
        return super().recv_into(*args, **kwargs)


class _TLSSocket(ssl.SSLSocket):
    """The same over TLS."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_seconds_left())
        return super().recv_into(*args, **kwargs)


class _HTTPConnection(urllib3.connection.HTTPConnection):
    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        timed = _Socket(fileno=plain.detach())
        timed.settimeout(CONNECT_TIMEOUT)
        return timed


class _HTTPConnectionPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class PooledAdapter(HTTPAdapter):
    """Keeps connections, and gives all of them one TLS context.

    :param ca_bundle: path of a CA bundle; default: ``SSL_CERT_FILE``, else certifi's.
    """

    def __init__(self, ca_bundle: str) -> None:
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _HTTPConnectionPool,
            "https": urllib3.HTTPSConnectionPool,
        }

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, _tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._tls_context()} if host["scheme"] == "https" else {}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, proxy_ssl_context=self._tls_context(), **kwargs)

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the context verifies, always; there is no ``verify=False`` here (D14)."""

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            bundle = self._ca_bundle or os.environ.get("SSL_CERT_FILE") or certifi.where()
            try:
                context = ssl.create_default_context(cafile=bundle)
            except OSError as error:  # no such file, or no certificate in it: SSLError is an OSError
                raise ProviderMisconfigured("settings_invalid", "the CA bundle cannot be used") from error
            context.sslsocket_class = _TLSSocket
            self._context = context
        return self._context
