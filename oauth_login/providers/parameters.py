"""Parameters of requests to servers that have words of their own."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from oauth_login.errors import ProviderResponseError
from oauth_login.providers.claims import fill


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
