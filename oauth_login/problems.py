"""What can be wrong with ``settings.OAUTH_LOGIN``: one generator per level, pure, without Django.

The system checks report every :class:`Problem` at start-up under its id; ``conf`` asks again at run
time, because a check can be silenced and a half-configured provider must fail closed (threat A26).
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from oauth_login import providers
from oauth_login.transport import is_secure

COLLISION_POLICIES: Final = ("guide", "separate", "deny")
AUTH_METHODS: Final = ("client_secret_post", "client_secret_basic")
CREDENTIALS: Final = ("CLIENT_ID", "CLIENT_SECRET")
PROVIDER_KEYS: Final = frozenset(
    {
        *CREDENTIALS,
        "AUTHORIZATION_ENDPOINT",
        "AUTHORIZATION_PARAMS",
        "ISSUER",
        "LABEL",
        "PKCE",
        "PRESET",
        "SCOPE",
        "TOKEN_ENDPOINT",
        "TOKEN_ENDPOINT_AUTH_METHOD",
    }
)
ALIAS_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
RESERVED_ALIASES: Final = frozenset({"login", "logout", "accounts", "sandbox"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the id of the check that reports it, what is wrong, and what to do.

    ``unregistered`` is the alias of a provider that does not know this site yet.
    """

    id: str
    message: str
    hint: str
    unregistered: str = ""


def setting_problems(written: object, known: Iterable[str]) -> Iterator[Problem]:
    """Yield the mistakes in the dict itself; providers are looked at one by one."""
    if not isinstance(written, Mapping):
        yield Problem("E001", "OAUTH_LOGIN must be a dict.", 'OAUTH_LOGIN = {"PROVIDERS": {…}}')
        return
    for key in written:
        if key not in known:
            yield _unknown("E002", f"OAUTH_LOGIN[{key!r}]", key, known)
    for key, (is_right, expected) in _EXPECTED.items():
        if key in written and not is_right(written[key]):
            yield Problem("E003", f"OAUTH_LOGIN[{key!r}] must be {expected}.", _HINTS.get(key, ""))


def provider_problems(alias: object, written: object, *, sandboxed: bool) -> Iterator[Problem]:
    """Yield the mistakes in one provider's settings."""
    where = f"OAUTH_LOGIN['PROVIDERS'][{alias!r}]"
    if not isinstance(alias, str) or not alias or not set(alias) <= ALIAS_CHARS:
        hint = "It is part of the callback URL: use a-z, 0-9, - and _ only."
        yield Problem("E004", f"{where}: this alias cannot be used.", hint)
    elif alias in RESERVED_ALIASES:
        yield Problem("E004", f"{where}: this alias is a page of ours.", "Choose another.")
    elif not isinstance(written, Mapping):
        yield Problem("E005", f"{where} must be a dict.", 'E.g. {"CLIENT_ID": "…"}.')
    elif (name := written.get("PRESET", alias)) not in list(providers.PRESETS):  # it may be unhashable
        yield _unknown("E006", f"{where}: the preset", name, providers.PRESETS)
    else:
        yield from _option_problems(alias, where, written)
        if not sandboxed:
            yield from _credential_problems(alias, where, written)


def _option_problems(alias: str, where: str, written: Mapping[str, Any]) -> Iterator[Problem]:
    known = PROVIDER_KEYS | providers.preset(written.get("PRESET", alias)).option_names
    for key, value in written.items():
        if key not in known:
            yield _unknown("E007", f"{where}[{key!r}]", key, known)
        elif (key.endswith(("_ENDPOINT", "_URL")) or key == "ISSUER") and not (
            isinstance(value, str) and is_secure(value)
        ):
            hint = "Only 127.0.0.1, ::1 and localhost may be http."
            yield Problem("E009", f"{where}[{key!r}] is not an https URL.", hint)
        elif key in _PROVIDER_EXPECTED and not _PROVIDER_EXPECTED[key][0](value):
            expected = _PROVIDER_EXPECTED[key][1]
            yield Problem("E010", f"{where}[{key!r}] must be {expected}.", "")


def _credential_problems(alias: str, where: str, written: Mapping[str, Any]) -> Iterator[Problem]:
    for key in CREDENTIALS:
        value = written.get(key)
        if not isinstance(value, str) or not value.strip():
            variable = f"OAUTH_{alias.upper()}_{key}"
            hint = f"Register an application with the provider and set {key} (or {variable})."
            yield Problem("E008", f"{where} has no {key}.", hint, unregistered=alias)


def _unknown(check: str, where: str, given: object, known: Iterable[str]) -> Problem:
    names = sorted(known)
    close = difflib.get_close_matches(str(given).upper(), [n.upper() for n in names], n=1)
    meant = next((name for name in names if close and name.upper() == close[0]), "")
    hint = f"Did you mean {meant!r}?" if meant else f"Known: {', '.join(names)}."
    return Problem(check, f"{where} is not known: {given!r}.", hint)


def is_origin(value: object) -> bool:
    """Tell whether *value* is scheme, host and port only: https, or http on a loopback host."""
    if not isinstance(value, str) or not is_secure(value):
        return False
    parts = urlsplit(value)
    return value == f"{parts.scheme}://{parts.netloc}".lower()


def _is_strong(keys: object) -> bool:
    return keys is None or (
        isinstance(keys, list | tuple)
        and bool(keys)
        and all(isinstance(key, str) and len(key) >= 32 for key in keys)
    )


def _is_lifetime(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 60 <= value <= 3600


def _is_text_map(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(part, str) for pair in value.items() for part in pair
    )


_Expectation = tuple[Callable[[Any], bool], str]
_EXPECTED: Final[Mapping[str, _Expectation]] = {
    "PROVIDERS": (lambda value: isinstance(value, Mapping), "a dict"),
    "SANDBOX": (lambda value: isinstance(value, bool), "True or False"),
    "STORE_TOKENS": (lambda value: isinstance(value, bool), "True or False"),
    "ATTEMPT_MAX_AGE": (_is_lifetime, "a whole number of seconds from 60 to 3600"),
    "ENCRYPTION_KEYS": (_is_strong, "None or a list of strings of at least 32 characters"),
    "ON_EMAIL_COLLISION": (
        lambda value: value in COLLISION_POLICIES,
        f"one of {', '.join(COLLISION_POLICIES)}",
    ),
    "ORIGIN": (
        lambda value: value is None or is_origin(value),
        "None, or an https scheme and host (http for loopback hosts only), in lower case, no path",
    ),
    "CA_BUNDLE": (lambda value: value is None or isinstance(value, str), "None or a path"),
    "PROXIES": (lambda value: value is None or _is_text_map(value), "None or a dict of strings"),
}
_HINTS: Final = {
    "ENCRYPTION_KEYS": "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one.",
    "ATTEMPT_MAX_AGE": "600 suits people, and authorization codes do not live longer.",
    "ORIGIN": 'E.g. "https://www.example.com".',
}
_PROVIDER_EXPECTED: Final[Mapping[str, _Expectation]] = {
    "LABEL": (lambda value: isinstance(value, str) and bool(value.strip()), "a name to show"),
    "SCOPE": (lambda value: isinstance(value, str), "a string, scopes separated by spaces"),
    "PKCE": (lambda value: isinstance(value, bool), "True or False"),
    "AUTHORIZATION_PARAMS": (_is_text_map, "a dict of strings"),
    "TOKEN_ENDPOINT_AUTH_METHOD": (
        lambda value: value in AUTH_METHODS,
        f"one of {', '.join(AUTH_METHODS)}",
    ),
}
