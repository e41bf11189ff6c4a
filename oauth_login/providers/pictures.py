"""Where somebody's picture may be: with their provider, and nowhere else (threat I03).

Whoever serves a picture sees who looks at the page it is on. Hosts are compared letter by letter, in the one
spelling that providers use: what is written otherwise, two parsers could read as two hosts.
"""

import re
from collections.abc import Iterable
from typing import Final

from oauth_login.transport import is_secure

# As a Content-Security-Policy can name it: no literal IPv6 address, no underscore, no empty label.
_HOST: Final = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-9][0-9]{0,4})?"
HOST: Final = re.compile(rf"\.?{_HOST}")
PICTURE: Final = re.compile(rf"https://({_HOST})(?:[/?#].*)?")


def is_host(value: object) -> bool:
    """Tell whether *value* is a host such as ``a.example``, or ``.example`` for its subdomains.

    It may have a port, without which it is https' own.
    """
    return (
        isinstance(value, str)
        and HOST.fullmatch(value) is not None
        and is_secure(f"https://{value.removeprefix('.')}")
    )


def over_https(url: object) -> object:
    """Return *url* with https for http: hosts of pictures have both, and pages of ours load one only."""
    return f"https://{url.removeprefix('http://')}" if isinstance(url, str) and url[:7] == "http://" else url


def own_hosts(base_url: str) -> tuple[str, ...]:
    """Return the host of an https URL and its subdomains; nothing for plain http, which no page may load."""
    scheme, _, rest = base_url.lower().partition("://")
    host = rest.partition("/")[0]
    return (host, f".{host}") if scheme == "https" and is_host(host) else ()


def is_on(hosts: Iterable[str], url: str) -> bool:
    """Tell whether *url* is one of https on one of *hosts*."""
    picture = PICTURE.fullmatch(url)
    return picture is not None and any(
        picture[1].endswith(host) if host.startswith(".") else picture[1] == host for host in hosts
    )


def source(host: str) -> str:
    """Return *host* as the source expression of a Content-Security-Policy (CSP 3 §2.3.1)."""
    return f"https://{'*' if host.startswith('.') else ''}{host}"
