"""Whose people are whose: an id means somebody within the namespace of its server only.

That is the issuer. A server that names none has the origin of its authorization endpoint, which outlives new
versions of an API. Two servers behind one origin would then share their people: number 7 of the one could
sign in as number 7 of the other.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from oauth_login.transport import is_secure


def origin_of(url: str) -> str:
    """Return scheme and host of *url*."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def shared(definitions: Mapping[Any, Mapping[str, Any]]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the aliases of two definitions of different servers with one namespace, and that.

    :param definitions: alias → settings, right or wrong, over those of the preset.
    """
    first: dict[str, tuple[Any, Any]] = {}
    for alias, options in definitions.items():
        endpoint, server = options.get("AUTHORIZATION_ENDPOINT"), options.get("TOKEN_ENDPOINT")
        if "CLAIMS" not in options or not isinstance(endpoint, str) or not is_secure(endpoint):
            continue
        namespace = str(options.get("ISSUER") or origin_of(endpoint))
        other, others_server = first.setdefault(namespace, (alias, server))
        if others_server != server:
            yield other, alias, namespace
