"""What each setting may be: a test of the value, and the words for what it has to be.

At start-up the checks ask, and say those words; at run time ``conf`` asks again, as checks may be silenced.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

from oauth_login.providers.base import Expectation
from oauth_login.providers.parameters import is_answered_by_query
from oauth_login.providers.pictures import is_host
from oauth_login.transport import NOT_IN_URL, is_secure

COLLISION_POLICIES: Final = ("guide", "separate", "deny")
CREDENTIALS: Final = ("CLIENT_ID", "CLIENT_SECRET")
# A host as a browser sends it: no wildcard, no empty label, no letters that only Punycode can carry.
ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?", re.ASCII
)

SURROGATE: Final = re.compile("[\ud800-\udfff]")


def is_right(name: str, value: object) -> bool:
    """Tell whether a top-level setting may have that value; at run time the checks may be silenced."""
    # Each provider's settings are looked at when it is used.
    return EXPECTED[name][0](value) and (name == "PROVIDERS" or is_sayable(value))


def is_sayable(value: object) -> bool:
    """Tell whether all text in *value* can be sent and stored: half a surrogate pair cannot (RFC 3629 §3)."""
    if isinstance(value, str):
        return SURROGATE.search(value) is None
    if isinstance(value, Mapping):
        return all(is_sayable(part) for pair in value.items() for part in pair)
    return not isinstance(value, list | tuple) or all(map(is_sayable, value))


def is_origin(value: object) -> bool:
    """Tell whether *value* is scheme, host and port only: https, or http on a loopback host."""
    # Browsers leave the usual port out, so an origin that has it would equal no other.
    usual = (":443",) if str(value).startswith("https:") else (":80",)
    return (
        isinstance(value, str)
        and ORIGIN.fullmatch(value) is not None
        and not value.endswith(usual)
        and is_secure(value)
    )


def _is_strong(keys: object) -> bool:
    return keys is None or (
        isinstance(keys, list | tuple)
        and bool(keys)
        and all(isinstance(key, str) and len(key) >= 32 for key in keys)
    )


def _is_lifetime(value: object) -> bool:
    return _is_count(value, 60, 3600)


def _is_count(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text_map(value: object) -> TypeGuard[Mapping[str, str]]:
    return isinstance(value, Mapping) and all(
        isinstance(part, str) for pair in value.items() for part in pair
    )


def _is_file(path: object) -> bool:
    # Not Path.is_file(), which raises for a name that is too long, or in a directory we may not enter.
    return isinstance(path, str) and os.path.isfile(path)  # noqa: PTH113


def _is_proxy_map(value: object) -> bool:
    return _is_text_map(value) and all(
        scheme in {"http", "https"} and _is_proxy(url) for scheme, url in value.items()
    )


def _is_proxy(url: str) -> bool:
    # A proxy may be plain http on any host, and may want a name and a password.
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and parts.scheme in {"http", "https"} and not NOT_IN_URL.search(url)


def _is_credential(value: object) -> bool:
    """Tell whether nothing came along by copy and paste; that it is there at all, E008 asks."""
    if value is None:
        return True
    return isinstance(value, str) and (not value.strip() or (value == value.strip() and value.isprintable()))


def _is_label(value: Any) -> bool:
    # A lazy translation is no str, but strips to one; bytes do not, and other things do not strip.
    stripped = value.strip() if callable(getattr(value, "strip", None)) else ""
    return isinstance(stripped, str) and bool(stripped)


def _is_host_list(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(is_host, value))


def _is_limit(value: object) -> bool:
    # There is no way to say "none": a number too large to be reached is one, and says what it allows.
    return _is_count(value, 1, 1_000_000)


RESPONSE_MODE: Final = "An answer by form is asked for by RESPONSE_MODE, of OpenID Connect's providers"
_LIMIT: Final = "a whole number from 1 to 1000000"
EXPECTED: Final[Mapping[str, Expectation]] = {
    "PROVIDERS": (lambda value: isinstance(value, Mapping), "a dict"),
    "SANDBOX": (lambda value: isinstance(value, bool), "True or False"),
    "STORE_TOKENS": (lambda value: isinstance(value, bool), "True or False"),
    "REMEMBER_PROVIDER": (lambda value: isinstance(value, bool), "True or False"),
    "SESSIONS_END_ON_REVOCATION": (lambda value: isinstance(value, bool), "True or False"),
    "ATTEMPT_MAX_AGE": (_is_lifetime, "a whole number of seconds from 60 to 3600"),
    "ENCRYPTION_KEYS": (_is_strong, "None or a list of strings of at least 32 characters"),
    "ON_EMAIL_COLLISION": (
        lambda value: value in COLLISION_POLICIES,
        f"one of {', '.join(COLLISION_POLICIES)}",
    ),
    "RECENT_SIGN_IN_AGE": (
        lambda value: _is_count(value, 60, 86_400),
        "a whole number of seconds from 60 to 86400",
    ),
    "PASSWORD_LOGIN_URL": (
        lambda value: value is None or (isinstance(value, str) and bool(value)),
        "None, or the name or path of the page where passwords are typed",
    ),
    "MAIL_ON_CHANGE": (lambda value: isinstance(value, bool), "True or False"),
    "SIGN_IN_POLICY": (
        lambda value: value is None or (isinstance(value, str) and bool(value)),
        "None or the dotted path of a function",
    ),
    "MEMBERSHIPS": (lambda value: isinstance(value, Mapping), "a dict from providers to what they give"),
    "ORIGIN": (
        lambda value: value is None or is_origin(value),
        "None, or an https scheme and host (http for loopback hosts only), in lower case, no path",
    ),
    "RELAY_ORIGINS": (
        lambda value: isinstance(value, list | tuple) and all(map(is_origin, value)),
        "a list of https schemes and hosts (http for loopback hosts only), in lower case, no path",
    ),
    "TRUSTED_PROXIES": (lambda value: _is_count(value, 0, 10), "a whole number from 0 to 10"),
    "STARTS_PER_MINUTE": (_is_limit, _LIMIT),
    "CALLBACKS_PER_MINUTE": (_is_limit, _LIMIT),
    "CA_BUNDLE": (lambda value: value is None or _is_file(value), "None or the path of a file"),
    "PROXIES": (
        lambda value: value is None or _is_proxy_map(value),
        "None or a dict from 'http' and 'https' to the URLs of proxies",
    ),
}
HINTS: Final = {
    "ENCRYPTION_KEYS": "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one.",
    "SIGN_IN_POLICY": 'E.g. "yourproject.policy.rule"; docs/policy.md has examples.',
    "MEMBERSHIPS": 'E.g. {"acme": {"CLAIM": "groups", "GROUPS": {"editors": "Editors"}}}.',
    "ATTEMPT_MAX_AGE": "600 suits people, and authorization codes do not live longer.",
    "ORIGIN": 'E.g. "https://www.example.com".',
    "RELAY_ORIGINS": 'E.g. ["https://example.com"], if ORIGIN is "https://www.example.com".',
    "TRUSTED_PROXIES": "How many proxies of yours stand in front and add to X-Forwarded-For.",
    "PROXIES": 'E.g. {"https": "http://proxy.example:3128"}.',
}
PROVIDER_EXPECTED: Final[Mapping[str, Expectation]] = {
    **dict.fromkeys(
        CREDENTIALS,
        (_is_credential, "a string of printable characters without white space at the ends: copy it again"),
    ),
    "LABEL": (_is_label, "a name to show"),
    "SCOPE": (lambda value: isinstance(value, str), "a string, scopes separated by spaces"),
    "PICTURE_HOSTS": (
        _is_host_list,
        "a list of hosts in lower case, such as 'a.example', or '.example' for its subdomains",
    ),
    **dict.fromkeys(
        ("PKCE", "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED"),
        (lambda value: isinstance(value, bool), "True or False"),
    ),
    "AUTHORIZATION_PARAMS": (
        lambda value: _is_text_map(value) and is_answered_by_query(value.items()),
        f"a dict of strings. {RESPONSE_MODE}",
    ),
}
