"""Whose people are whose: an id means somebody within the namespace of its server only.

That is the issuer. A server that names none has the origin of its authorization endpoint, which outlives new
versions of an API. Two servers behind one origin would then share their people: number 7 of the one could
sign in as number 7 of the other.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from oauth_login.oauth2 import TENANT
from oauth_login.transport import is_secure


def origin_of(url: str) -> str:
    """Return scheme and host of *url*."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def shared(definitions: Mapping[Any, Mapping[str, Any]]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the aliases of two definitions with one namespace that do not name its people alike, and that.

    Two registrations at one server do. Another server does not, nor does another claim of the same one:
    a login may be somebody else's number. Nor does a definition that takes an OpenID Provider's issuer.

    :param definitions: alias → settings, right or wrong, over those of the preset.
    """
    first: dict[str, tuple[Any, str]] = {}
    for alias, options in definitions.items():
        way = _way_of_naming(options)
        for namespace in _namespaces(alias, options):
            other, others_way = first.setdefault(namespace, (alias, way))
            if others_way != way:
                yield other, alias, namespace


def _namespaces(alias: Any, options: Mapping[str, Any]) -> set[str]:
    issuer, base = options.get("ISSUER"), str(options.get("BASE_URL", "")).rstrip("/")
    if isinstance(issuer, str) and issuer:
        tenants = options.get("TENANTS", [options.get("TENANT")])
        listed = tenants if isinstance(tenants, list | tuple) else [tenants]
        based = issuer.replace("{BASE_URL}", base)
        return {based.replace(TENANT, str(tenant)) for tenant in listed}
    if "CLAIMS" in options:
        endpoint = options.get("AUTHORIZATION_ENDPOINT")
        return {origin_of(endpoint)} if isinstance(endpoint, str) and is_secure(endpoint) else set()
    return (
        {f"{base or 'https://github.com'}/login/oauth"} if options.get("PRESET", alias) == "github" else set()
    )


def _way_of_naming(options: Mapping[str, Any]) -> str:
    claims = options.get("CLAIMS")
    if claims is None:
        return "as its issuer does"
    subject = claims.get("sub") if isinstance(claims, Mapping) else claims
    return repr((options.get("TOKEN_ENDPOINT"), options.get("USERINFO_ENDPOINT"), subject))
