"""Parameters of requests to servers that have words of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from oauth_login.errors import ProviderResponseError
from oauth_login.providers.claims import fill

#: What an authorization request says by itself (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect §3.1.2.1).
OURS: Final = frozenset(
    {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    | {"code_challenge", "code_challenge_method"}
)


def query_of(endpoint: str) -> list[tuple[str, str]]:
    """Return the parameters that an endpoint has in its own query.

    :raises ValueError: *endpoint* is no URL.
    """
    return parse_qsl(urlsplit(endpoint).query, keep_blank_values=True)


def said_twice(asked: Iterable[tuple[str, str]]) -> list[str]:
    """Return which of an authorization endpoint's own parameters the request says by itself.

    Servers differ in which of two they take (RFC 6749 §3.1 allows one): another ``response_type`` before
    ours would have a token in the URL, and somebody's ``state`` or ``nonce`` would be no secret.
    """
    return sorted({name for name, _ in asked} & OURS)


def is_answered_by_query(asked: Iterable[tuple[str, str]]) -> bool:
    """Tell whether the callback will be one that is expected: a form is, only where RESPONSE_MODE says so."""
    return all(value == "query" for name, value in asked if name == "response_mode")


def renamed(asked: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return parameters under a server's own names; those renamed to "" it does not know."""
    return {new: value for name, value in asked.items() if (new := names.get(name, name))}


def with_query(url: str, asked: Mapping[str, str]) -> str:
    """Return *url* with more parameters in its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(asked)]))))


def filled(templates: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters with their places filled; one that is written as "" is left out.

    :raises ProviderResponseError: what is to be filled in is not in the answers so far.
    """
    values = {name: fill(template, known) for name, template in templates.items() if template}
    for name, value in values.items():
        if not value:
            raise ProviderResponseError("profile_refused", f"nothing to send as {name}")
    return values
