"""The settings of an OpenID Connect provider: their names, and what they may be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from oauth_login.assertions import read_key
from oauth_login.jws import ALGORITHMS, SECRET_BYTES, SHARED_SECRET
from oauth_login.oauth2 import TENANT, AuthorizationServer
from oauth_login.oidc import OTHER_ENDPOINTS, REQUIRED_ENDPOINTS
from oauth_login.providers import kept_claims
from oauth_login.providers.base import Expectation
from oauth_login.providers.openid_demands import DemandError, Demands
from oauth_login.providers.pictures import own_hosts

BASE_URL: Final = "{BASE_URL}"  # in the ISSUER of a preset for servers that anybody may have
ENDPOINTS: Final[Mapping[str, str]] = {name.upper(): name for name in REQUIRED_ENDPOINTS + OTHER_ENDPOINTS}
#: What stands in a tenant's place in addresses, and answers as whichever tenant somebody is from.
NOT_ONE_TENANT: Final = frozenset({"common", "organizations", "consumers"})
TENANT_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
RESPONSE_MODES: Final = ("query", "form_post")


def verifies_email(issuer: str, options: Mapping[str, Any]) -> bool:
    """Tell whether the server's word that an address was verified is taken.

    The table may say so for one issuer, whose operator is known to verify addresses, and not for others that
    run the same software: whoever runs those may have that switched off.
    """
    return bool(options.get("VERIFIES_EMAIL", options.get("VERIFIES_EMAIL_AT", issuer) == issuer))


def _is_filled_in(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_filled_in, value))


def _is_tenant(value: object) -> bool:
    """Tell whether an issuer can have *value* in it: tenants are named by ids."""
    is_id = isinstance(value, str) and TENANT_ID.fullmatch(value) is not None
    return is_id and str(value).lower() not in NOT_ONE_TENANT


def _is_list_of_tenants(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_tenant, value))


_TENANT: Final = "a tenant's id: 'common' and domains lead to tenants, and are no issuer's name"
EXPECTED: Final[Mapping[str, Expectation]] = {
    "ID_TOKEN_SIGNED_RESPONSE_ALG": (
        lambda value: value in ALGORITHMS,
        f"one of {', '.join(ALGORITHMS)}",
    ),
    "RESPONSE_MODE": (lambda value: value in RESPONSE_MODES, f"one of {', '.join(RESPONSE_MODES)}"),
    **dict.fromkeys(
        ("BACKCHANNEL_LOGOUT", "REAUTHENTICATES", "SIGN_OUT", "VERIFIES_EMAIL"),
        (lambda value: isinstance(value, bool), "True or False"),
    ),
    "AUDIENCES": (_is_list_of_texts, "a list of strings"),
    "TENANT": (_is_tenant, _TENANT),
    "TENANTS": (_is_list_of_tenants, f"a list, each of them {_TENANT}"),
    **kept_claims.EXPECTED,
    **dict.fromkeys(("CLIENT_KEY", "KEY_ID", "TEAM_ID"), (_is_filled_in, "a string that is not empty")),
}
#: What does where another is required: people of one tenant get in, or of each that is listed.
ALTERNATIVES: Final = {"TENANT": "TENANTS"}
WHEREABOUTS: Final = {
    "ISSUER": ' to what the server calls "issuer" in its document at …/.well-known/openid-configuration'
}
NAMES: Final = frozenset({*ENDPOINTS, *EXPECTED, "BASE_URL"})


def _wrong_demand(endpoint: str, parameters: object) -> str:
    """Return what a demand must be that no answer could be held to; "" if there is none."""
    texts = parameters.items() if isinstance(parameters, Mapping) else ()
    try:
        Demands.of(endpoint, {name: value for name, value in texts if isinstance(value, str)})
    except DemandError as error:
        return str(error)
    except ValueError:  # in the endpoint, which is no URL: E009 says so
        return ""
    return ""


def required(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that have to be there, with the others being *options*."""
    needed = ["ISSUER", "CLIENT_ID"]
    if TENANT in str(options.get("ISSUER")) and "TENANTS" not in options:
        needed.append("TENANT")
    method = options.get("TOKEN_ENDPOINT_AUTH_METHOD")
    if "TEAM_ID" in options or options.get("SIGNS_SECRET"):
        return (*needed, "TEAM_ID", "KEY_ID", "CLIENT_KEY")
    if method == "private_key_jwt":
        return (*needed, "CLIENT_KEY")
    return tuple(needed) if method == "none" else (*needed, "CLIENT_SECRET")


def _meaningless(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what would change nothing where it stands: somebody expects that it does."""
    issuer = str(options.get("ISSUER", ""))
    if not issuer:
        if "BASE_URL" in options:
            yield "BASE_URL", "replaced by ISSUER, which is missing: no issuer follows from a BASE_URL here"
        return
    for key in ("TENANT", "TENANTS"):
        if key in options and TENANT not in issuer:
            yield key, f"left out: no {TENANT} is in this ISSUER"
    if "TENANT" in options and "TENANTS" in options:
        yield "TENANTS", "left out, or TENANT: either one tenant's people get in, or several tenants'"
    if "BASE_URL" in options and BASE_URL not in issuer:
        yield "BASE_URL", "left out: ISSUER says where this server is"


def _wrong_key(options: Mapping[str, Any]) -> str:
    """Return what the key that signs for the site must be; "" if it is that, or nothing (E010 says so)."""
    try:
        key = read_key(str(options["CLIENT_KEY"])) if options["CLIENT_KEY"] else None
    except ValueError as error:
        return f"a private key in PEM, or the path of one ({error})"
    if "TEAM_ID" in options and isinstance(key, RSAPrivateKey):
        return "the P-256 key that Apple has given out: it takes no other"
    return ""


def mistakes(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a key and what it must be, where one depends on another or on a file."""
    is_shared = options.get("ID_TOKEN_SIGNED_RESPONSE_ALG") == SHARED_SECRET
    if is_shared and len(str(options.get("CLIENT_SECRET", "")).encode()) < SECRET_BYTES:
        yield "CLIENT_SECRET", f"of {SECRET_BYTES} bytes or more, as ID Tokens are signed with it"
    if "openid" not in str(options.get("SCOPE", "openid")).split():
        yield "SCOPE", "one with openid in it: without, there is no ID Token"
    yield from _meaningless(options)
    endpoint, parameters = str(options.get("AUTHORIZATION_ENDPOINT", "")), options.get("AUTHORIZATION_PARAMS")
    if wrong := _wrong_demand(endpoint, {}):
        yield "AUTHORIZATION_ENDPOINT", wrong
    elif wrong := _wrong_demand("", parameters) or _wrong_demand(endpoint, parameters):
        yield "AUTHORIZATION_PARAMS", wrong
    if "CLIENT_KEY" in options and (wrong := _wrong_key(options)):
        yield "CLIENT_KEY", wrong


def server(issuer: str, options: Mapping[str, Any]) -> AuthorizationServer:
    """Return the server as the settings describe it."""
    endpoints: dict[str, Any] = {name: str(options.get(key, "")) for key, name in ENDPOINTS.items()}
    return AuthorizationServer(issuer=issuer, **endpoints)


def picture_hosts(issuer: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the hosts that are set, or those of the issuer, for which ``{BASE_URL}`` stands among them."""
    own = own_hosts(issuer)
    listed = options.get("PICTURE_HOSTS", own)
    return tuple(host for one in listed for host in (own if one == BASE_URL else (one,)))
