"""What can be wrong with ``settings.OAUTH_LOGIN``: one generator per level, without Django.

The system checks report every :class:`Problem` at start-up under its id; ``conf`` asks again at run
time, because a check can be silenced and a half-configured provider must fail closed (threat A26).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from oauth_login import providers
from oauth_login.expectations import (
    CREDENTIALS,
    EXPECTED,
    HINTS,
    PROVIDER_EXPECTED,
    RESPONSE_MODE,
    is_right,
    is_sayable,
)
from oauth_login.providers.base import Provider
from oauth_login.providers.namespaces import namespaces
from oauth_login.providers.parameters import is_answered_by_query, query_of, said_twice
from oauth_login.slips import meant, way_out
from oauth_login.transport import URL_LENGTH, is_secure

PROVIDER_KEYS: Final = frozenset(
    {
        *CREDENTIALS,
        "API_URL",
        "AUTHORIZATION_ENDPOINT",
        "AUTHORIZATION_PARAMS",
        "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED",
        "ISSUER",
        "LABEL",
        "PICTURE_HOSTS",
        "PKCE",
        "PRESET",
        "SCOPE",
        "TOKEN_ENDPOINT",
        "TOKEN_ENDPOINT_AUTH_METHOD",
    }
)
#: One of these makes a provider without a preset; with one of those somebody means to define one.
DEFINING: Final = ("ISSUER", "CLAIMS")
DEFINED: Final = frozenset({"AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT", "USERINFO_ENDPOINT"})
DOCUMENTS: Final = "/.well-known/"  # RFC 8615
#: What is easily taken for the address of such a document, and where else to look for what is meant.
DOCUMENTED: Final[Mapping[str, str]] = {
    "ISSUER": 'copy what the document calls "issuer": each byte of it counts, and some end with a slash',
    "BASE_URL": "where people open that server: the rest is added to it",
}
TENANT: Final = "{tenantid}"  # in the ISSUER of a server of many tenants
OTHERS: Final = "Leave it out: it is for other kinds of providers."
ALIAS_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
RESERVED_ALIASES: Final = frozenset({"login", "logout", "accounts", "confirm", "sandbox"})
# As many characters as the columns of the models hold; some databases would cut, others refuse.
ALIAS_LENGTH: Final = 50
ISSUER_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the id of the check that reports it, what is wrong, and what to do.

    ``unregistered`` is the alias of a provider that does not know this site yet.
    """

    id: str
    message: str
    hint: str
    unregistered: str = ""


def is_usable(alias: object) -> bool:
    """Tell whether *alias* can be part of our URLs and fits where it is stored."""
    return _is_spelled_well(alias) and alias not in RESERVED_ALIASES


def setting_problems(written: object, known: Iterable[str]) -> Iterator[Problem]:
    """Yield the mistakes in the dict itself; providers are looked at one by one."""
    if not isinstance(written, Mapping):
        yield Problem("E001", "OAUTH_LOGIN must be a dict.", 'OAUTH_LOGIN = {"PROVIDERS": {…}}')
        return
    for key in written:
        if key not in known:
            yield _unknown("E002", f"OAUTH_LOGIN[{key!r}]", key, known)
    for key, (_, expected) in EXPECTED.items():
        if key in written and not is_right(key, written[key]):
            yield Problem("E003", f"OAUTH_LOGIN[{key!r}] must be {expected}.", HINTS.get(key, ""))


def provider_problems(alias: object, written: object, *, sandboxed: bool) -> Iterator[Problem]:
    """Yield the mistakes in one provider's settings."""
    where = f"OAUTH_LOGIN['PROVIDERS'][{alias!r}]"
    if not isinstance(alias, str) or not _is_spelled_well(alias):
        hint = f"It is part of the callback URL: use up to {ALIAS_LENGTH} of a-z, 0-9, - and _ only."
        yield Problem("E004", f"{where}: this alias cannot be used.", hint)
    elif alias in RESERVED_ALIASES:
        yield Problem("E004", f"{where}: this alias is a page of ours.", "Choose another.")
    elif not isinstance(written, Mapping):
        yield Problem("E005", f"{where} must be a dict.", 'E.g. {"CLIENT_ID": "…"}.')
    elif unsayable := [key for key, value in written.items() if not is_sayable((key, value))]:
        yield from (_wrong(where, key, "text that UTF-8 can say") for key in unsayable)
    elif (kind := _kind(alias, written)) is None:
        yield _unknown_provider(alias, where, written)
    else:
        settled = providers.laid_over_preset(alias, written)
        yield from _option_problems(where, written, kind)
        yield from _long_names(where, alias, written)
        for key, flaw, hint in kind.flaws(settled):
            yield Problem("E017", f"{where}[{key!r}] {flaw}.", hint)
        if not sandboxed:
            yield from _missing(alias, where, settled, kind)
            yield from _mistakes(where, written, settled, kind)


def _long_names(where: str, alias: str, written: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield issuers that cannot be stored, so that nobody could sign in; an ISSUER is looked at as a URL."""
    for namespace in namespaces(alias, providers.laid_over_preset(alias, written)):
        if len(namespace) > ISSUER_LENGTH and namespace != written.get("ISSUER"):
            hint = f"{ISSUER_LENGTH} characters of it are stored with every account."
            yield _no_url(f"{where} means an issuer that is too long: {namespace[:40]}…", hint)


def _no_url(what: str, hint: str) -> Problem:
    return Problem("E009", f"{what}.", hint)


def _mistakes(
    where: str, written: Mapping[str, Any], settled: Mapping[str, Any], kind: type[Provider]
) -> Iterator[Problem]:
    for key, expected in kind.mistakes(settled):
        # What a preset alone has written means nothing at worst; what nobody has may well be missing.
        if key in written or key not in settled:
            yield _wrong(where, key, expected)


def _unknown_provider(alias: str, where: str, written: Mapping[str, Any]) -> Problem:
    """Say what a provider without a preset needs: whoever defines one may have written just that wrongly."""
    problem = _unknown("E006", f"{where}: the preset", written.get("PRESET", alias), providers.names())
    if "PRESET" in written:
        return problem
    close = next(filter(None, (meant(key, DEFINING, cutoff=0.7) for key in written)), "")
    hint = f"Did you mean {close!r}? " if close else f"{problem.hint} " if DEFINED.isdisjoint(written) else ""
    needs = "Without a preset it needs ISSUER (OpenID Connect), or CLAIMS and endpoints (OAuth 2.0)."
    return replace(problem, hint=f"{hint}{needs}")


def _kind(alias: str, written: Mapping[str, Any]) -> type[Provider] | None:
    try:
        return providers.kind(alias, written)
    except KeyError:
        return None


def _option_problems(where: str, written: Mapping[str, Any], kind: type[Provider]) -> Iterator[Problem]:
    known = PROVIDER_KEYS | kind.option_names
    ways = kind.auth_methods
    method = (lambda value: value in ways, f"one of {', '.join(ways)}")
    expectations = {**PROVIDER_EXPECTED, **kind.expected, "TOKEN_ENDPOINT_AUTH_METHOD": method}
    for key, value in written.items():
        if key not in known:
            problem = _unknown("E007", f"{where}[{key!r}]", key, known)
            yield replace(problem, hint=OTHERS) if _is_for_others(key) else problem
        elif wrong := _wrong_with_url(key, value):
            mistake, hint = wrong
            yield _no_url(f"{where}[{key!r}] {mistake}", hint)
        elif key in expectations and not expectations[key][0](value):
            yield _wrong(where, key, expectations[key][1])


def _is_for_others(key: object) -> bool:
    return any(key in providers.kind(name, {}).option_names for name in providers.names())


def _wrong(where: str, key: str, expected: str) -> Problem:
    return Problem("E010", f"{where}[{key!r}] must be {expected}.", "")


def _wrong_with_url(key: str, value: object) -> tuple[str, str] | None:
    """Return what is wrong with the URL under *key*, and a hint; None if nothing is, or it is no URL."""
    is_endpoint = key.endswith(("_ENDPOINT", "_URI"))
    if not is_endpoint and not key.endswith("_URL") and key != "ISSUER":
        return None
    tenantless = value.replace(TENANT, "tenant") if key == "ISSUER" and isinstance(value, str) else value
    if not isinstance(tenantless, str) or not is_secure(tenantless):
        return "is not an https URL", "Only 127.0.0.1, ::1 and localhost may be http."
    if key == "AUTHORIZATION_ENDPOINT" and (wrong := _wrong_in_query(tenantless)):
        return wrong
    if "#" in tenantless:
        return "has a fragment", "Remove what follows the # (RFC 6749 §3.1, RFC 8414 §2)."
    if "?" in tenantless and not is_endpoint:
        return (
            "has a query",
            "Remove the ? and what follows: this is a name, or paths are added to it.",
        )
    if key in DOCUMENTED and DOCUMENTS in f"{value}/":
        return "is where its documents are", f"Try {_issuer_of(str(value))!r}, or {DOCUMENTED[key]}."
    longest, use = (
        (ISSUER_LENGTH, "are stored with every account") if key == "ISSUER" else (URL_LENGTH, "fit")
    )
    return ("is too long", f"{longest} characters of it {use}.") if len(tenantless) > longest else None


def _issuer_of(document: str) -> str:
    """Return whose document that is: Discovery §4 appends its path to the issuer, RFC 8414 §3.1 inserts."""
    before, _, after = f"{document}/".partition(DOCUMENTS)
    return f"{before}{''.join(after[:-1].partition('/')[1:])}"


def _wrong_in_query(endpoint: str) -> tuple[str, str] | None:
    asked = query_of(endpoint)
    if not is_answered_by_query(asked):
        return "asks for an answer that is no query", RESPONSE_MODE
    if names := said_twice(asked):
        return (
            f"has {', '.join(names)} in its query",
            "Remove that: each request says it itself (SCOPE, PKCE).",
        )
    return None


def _missing(alias: str, where: str, settled: Mapping[str, Any], kind: type[Provider]) -> Iterator[Problem]:
    for key in kind.required(settled):
        value = settled.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            keys = [key, kind.alternatives[key]] if key in kind.alternatives else [key]
            hint = f"{_way_to_set(alias, keys)}{kind.whereabouts.get(key, '')}."
            yield Problem("E008", f"{where} has no {' and no '.join(keys)}.", hint, unregistered=alias)


def _way_to_set(alias: str, keys: list[str]) -> str:
    variables = " or ".join(f"OAUTH_{alias.upper()}_{key}" for key in keys)
    # No shell can set a variable with a hyphen in its name.
    in_environment = "" if "-" in alias else f" (or {variables})"
    return f"Register an application with the provider and set {' or '.join(keys)}{in_environment}"


def _unknown(check: str, where: str, given: object, known: Iterable[str]) -> Problem:
    return Problem(check, f"{where} is not known: {given!r}.", way_out(given, sorted(known)))


def _is_spelled_well(alias: object) -> bool:
    return isinstance(alias, str) and 0 < len(alias) <= ALIAS_LENGTH and set(alias) <= ALIAS_CHARS
