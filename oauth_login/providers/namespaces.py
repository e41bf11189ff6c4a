"""Whose people are whose: an id means somebody within the namespace of its server only.

That is the issuer. A server that names none has the origin of its authorization endpoint, which outlives new
versions of an API. Two servers behind one origin would then share their people: number 7 of the one could
sign in as number 7 of the other.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from oauth_login.oauth2 import TENANT
from oauth_login.providers.definition import WORDS
from oauth_login.providers.github import api_of, token_endpoint_of
from oauth_login.transport import is_secure, origin_of

#: What a definition asks, and whom; the rest is how a site proves itself, and what it makes of the answer.
ASKED: Final = (
    "IDENTITY_ENDPOINT",
    "IDENTITY_PARAMS",
    "TOKEN_ENDPOINT",
    "TOKEN_PARAMS",
    "USERINFO_ENDPOINT",
    "USERINFO_HEADERS",
    "USERINFO_PARAMS",
    "USERINFO_ROOT",
)
DEFAULTS: Final = {key: word.default for key, word in WORDS.items()}


def shared(definitions: Mapping[Any, Mapping[str, Any]]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the aliases of two definitions with one namespace that do not name its people alike, and that.

    Two registrations at one server do. Another server does not, nor does another claim of the same one:
    a login may be somebody else's number. Nor does a definition that takes an OpenID Provider's issuer.

    :param definitions: alias → settings, right or wrong, over those of the preset.
    """
    first: dict[str, tuple[Any, str]] = {}
    for alias, options in definitions.items():
        way = _way_of_naming(alias, options)
        for namespace in namespaces(alias, options):
            other, others_way = first.setdefault(namespace, (alias, way))
            if others_way != way:
                yield other, alias, namespace


def namespaces(alias: Any, options: Mapping[str, Any]) -> set[str]:
    """Return the issuers of a definition, or what stands for one; none if it does not say so rightly.

    :param options: settings, right or wrong, over those of the preset.
    """
    issuer, base = options.get("ISSUER"), str(options.get("BASE_URL", "")).rstrip("/")
    if isinstance(issuer, str) and issuer:
        tenants = options.get("TENANTS", [options.get("TENANT")])
        listed = tenants if isinstance(tenants, list | tuple) else [tenants]
        based = issuer.replace("{BASE_URL}", base)
        return {based.replace(TENANT, str(tenant)) for tenant in listed}
    if "CLAIMS" in options:
        endpoint = options.get("AUTHORIZATION_ENDPOINT")
        return {origin_of(endpoint)} if isinstance(endpoint, str) and is_secure(endpoint) else set()
    return {f"{base or 'https://github.com'}/login/oauth"} if _is_github(alias, options) else set()


def _way_of_naming(alias: Any, options: Mapping[str, Any]) -> str:
    """Return what says who somebody is: the server that is asked, how, and for what of its answer."""
    claims = options.get("CLAIMS")
    if claims is not None:
        subject = claims.get("sub") if isinstance(claims, Mapping) else claims
        asked = [options.get(key, DEFAULTS.get(key)) for key in ASKED]
        return repr((*map(_sorted, asked), subject))
    if _is_github(alias, options):
        base = str(options.get("BASE_URL", "https://github.com")).rstrip("/")
        asked = [options.get("API_URL", api_of(base)), options.get("TOKEN_ENDPOINT", token_endpoint_of(base))]
        return repr(("GitHub", *(str(url).rstrip("/") for url in asked)))
    return "OpenID Connect"


def _sorted(value: object) -> object:
    return (
        sorted((repr(name), repr(one)) for name, one in value.items())
        if isinstance(value, Mapping)
        else value
    )


def _is_github(alias: Any, options: Mapping[str, Any]) -> bool:
    return bool(options.get("PRESET", alias) == "github")
