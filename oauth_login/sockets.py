"""Sockets that are bounded down to each read, and that lead where they may.

urllib3 gives each address of a host the whole timeout anew, and looks a name up without saying what it found.
"""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from urllib3.util.connection import allowed_gai_family

from oauth_login.errors import ProviderResponseError
from oauth_login.exchange import current, seconds_left

#: What has an IPv4 address in its last 32 bits: RFC 4291 §2.5.5, RFC 2765 §2.1, and for NAT64 RFC 6052 §2.1.
TRANSLATED: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)
#: A network's own, which not every Python's ``is_global`` knows: NAT64's (RFC 8215) and site-local addresses.
LOCAL: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10")))
CONNECT_TIMEOUT: Final = 3.0  # seconds, for TCP to one address and again for the TLS handshake


class _Bounded:
    """Mixed into a socket: a read has what is left of the deadline, and of the size of the answer."""

    def recv(self, *args: Any, **kwargs: Any) -> bytes:  # what TLS within TLS reads by
        self.settimeout(seconds_left())  # type: ignore[attr-defined]  # a socket's
        received: bytes = super().recv(*args, **kwargs)  # type: ignore[misc]
        current.get().count(len(received))
        return received

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())  # type: ignore[attr-defined]
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        current.get().count(received)
        return received


class _Socket(_Bounded, socket.socket):
    """Plain TCP: a loopback provider, and what a proxy says before TLS."""


class TLSSocket(_Bounded, ssl.SSLSocket):
    """TLS."""


def connect(host: str, port: int, options: Sequence[Any], *, only_public: bool) -> socket.socket:
    """Connect to the first of the host's addresses that answers, within the deadline for all of them.

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
    """Tell whether *address* is one of the Internet, and so is the IPv4 address that may be written in it."""
    parsed = ipaddress.ip_address(address)
    inner = _led_to(parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
    return inner.is_global and not inner.is_multicast and not any(inner in network for network in LOCAL)


def _led_to(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that a translator or a tunnel makes of *address*, or *address* itself."""
    if any(address in network for network in TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address
