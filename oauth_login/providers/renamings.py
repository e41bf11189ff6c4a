"""What a server may call the parameters that are sent to it, and which of them it cannot do without.

``state`` and PKCE are what a sign-in is safe by: no definition leaves them out, or gives their names away.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from oauth_login.slips import way_out

#: What is sent, in the words of RFC 6749, RFC 7636 and RFC 7009, by the setting that renames it.
SENT: Final[Mapping[str, tuple[str, ...]]] = {
    "AUTHORIZATION_NAMES": (
        *("response_type", "client_id", "redirect_uri", "scope", "state"),
        *("code_challenge", "code_challenge_method"),
    ),
    "TOKEN_REQUEST_NAMES": (
        *("grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"),
    ),
    "REFRESH_NAMES": ("grant_type", "refresh_token", "client_id", "client_secret"),
    "REVOCATION_NAMES": ("token", "token_type_hint", "client_id", "client_secret"),
}
#: What is read, in the words of RFC 6749.
READ: Final[Mapping[str, tuple[str, ...]]] = {
    "TOKEN_NAMES": (
        *("access_token", "token_type", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"),
    ),
}
#: What no server is spared; that one knows no PKCE is said by PKCE.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "AUTHORIZATION_NAMES": ("client_id", "state", "code_challenge", "code_challenge_method"),
    "TOKEN_REQUEST_NAMES": ("code", "code_verifier"),
    "REFRESH_NAMES": ("refresh_token",),
    "REVOCATION_NAMES": ("token",),
}

Flaw = tuple[str, str, str]


def renaming_flaws(options: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield what is wrong with the names: the key, what is wrong, and a hint."""
    for key, names in {**SENT, **READ}.items():
        yield from unknown_names(key, options.get(key), names, "a name")
    for key, names in SENT.items():
        written = _written(options, key)
        yield from (_unsent(key, name) for name in NEEDED[key] if written.get(name) == "")
        # A renewal is a token request, too.
        beneath = _written(options, "TOKEN_REQUEST_NAMES") if key == "REFRESH_NAMES" else {}
        yield from _collisions(key, {**beneath, **written}, names)


def unknown_names(key: str, written: object, names: tuple[str, ...], what: str) -> Iterator[Flaw]:
    """Yield the names in *written* that are none of *names*, each with the one that may be meant."""
    for name in written if isinstance(written, Mapping) else ():
        if name not in names:
            yield key, f"has {what} that is not known: {name!r}", way_out(name, names, cutoff=0.5)


def _written(options: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
    written = options.get(key)
    return written if isinstance(written, Mapping) else {}


def _unsent(key: str, name: str) -> Flaw:
    hint = "If the server knows no PKCE, set PKCE to False." if name.startswith("code_") else "It is needed."
    return key, f"leaves out {name}", hint


def _collisions(key: str, written: Mapping[Any, Any], names: tuple[str, ...]) -> Iterator[Flaw]:
    first: dict[str, str] = {}
    for name in names:
        own = str(written.get(name, name))
        if own and first.setdefault(own, name) != name:
            yield key, f"calls both {first[own]} and {name} {own!r}", "One would replace the other."
