"""What the authorization request demands of the sign-in, and the ID Token has to say was met (threat E33).

It is read from what is really sent: the query of the endpoint, and the parameters of the settings.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from oauth_login.errors import ProviderResponseError, ProviderUnavailable
from oauth_login.providers.parameters import is_answered_by_query, query_of, said_twice
from oauth_login.strict_json import parse_json

MAX_AGE: Final = re.compile(r"[0-9]{1,9}")  # seconds
#: They carry, or name, parameters that go before all others (Core §6), so that nobody knows what is asked.
HIDING: Final = frozenset({"request", "request_uri"})
CHECKED: Final = ("acr", "auth_time")


class DemandError(ValueError):
    """A demand is written so that no answer could be held to it; the text is what it must be instead."""


@dataclass(frozen=True, slots=True)
class Demands:
    """How old the sign-in may be when the visitor leaves, in seconds; which ``acr`` it may have, or any.

    ``required`` are claims that have to be there, whatever they say.
    """

    max_age: int | None = None
    acr_values: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()

    @classmethod
    def of(cls, endpoint: str, parameters: Mapping[str, str]) -> "Demands":
        """Return the demands of a request; of two that differ, the stricter (Core §3.1.2.1, §5.5).

        :raises DemandError: one cannot be read, is hidden, or excludes another.
        :raises ValueError: *endpoint* is no URL.
        """
        asked = [*query_of(endpoint), *parameters.items()]
        if any(name in HIDING for name, _ in asked):
            raise DemandError("one without request and request_uri, which hide what is asked")
        ages = [_seconds(value) for name, value in asked if name == "max_age"]
        if any(_is_new_sign_in(*one) for one in asked):
            ages.append(0)
        wanted = [_id_token_claims(value) for name, value in asked if name == "claims"]
        acrs = [frozenset(value.split()) for name, value in asked if name == "acr_values"]
        acrs += [values for claims in wanted for values in _acr_values(claims.get("acr"))]
        allowed = frozenset.intersection(*acrs) if acrs else frozenset()
        if acrs and not allowed:
            raise DemandError("one whose demands for an acr have one in common")
        required = {name for claims in wanted for name in CHECKED if _is_essential(claims.get(name))}
        return cls(min(ages, default=None), allowed, frozenset(required))


def with_new_sign_in(endpoint: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters; with ``prompt=login``, also the demand that makes a server say when it was.

    ``max_age=0`` means the same, but only with a ``max_age`` has the server to send ``auth_time`` (Core §2).
    What the site says of ``max_age`` itself stays.
    """
    said, asked = dict(parameters), query_of(endpoint)
    if any(_is_new_sign_in(*one) for one in [*asked, *said.items()]) and "max_age" not in dict(asked):
        said.setdefault("max_age", "0")
    return said


def demands_at(endpoint: str, parameters: Mapping[str, str]) -> Demands:
    """Return the demands of a request to an address that the server may have named itself.

    :raises ProviderUnavailable: nobody may be sent there: no answer could be believed, or read.
    """
    try:
        asked = query_of(endpoint)
        if said_twice(asked) or not is_answered_by_query(asked):
            raise DemandError("one without what the request says by itself")
        return Demands.of(endpoint, parameters)
    except ValueError as error:
        raise ProviderUnavailable("discovery_invalid", f"authorization_endpoint: {error}") from None


def _is_new_sign_in(name: str, value: str) -> bool:
    return name == "prompt" and "login" in value.split()


def _seconds(written: str) -> int:
    if not MAX_AGE.fullmatch(written):
        raise DemandError("one whose max_age is a whole number of seconds")
    return int(written)


def _id_token_claims(written: str) -> dict[str, Any]:
    """Return what ``claims`` asks of the ID Token (Core §5.5)."""
    try:
        value = parse_json(written.encode())
    except (ProviderResponseError, UnicodeError):
        value = None
    claims = value.get("id_token") or {} if isinstance(value, dict) else None
    if not isinstance(claims, dict):
        raise DemandError("one whose claims are a JSON object of objects")
    return claims


def _acr_values(asked: object) -> Iterator[frozenset[str]]:
    """Yield the values of ``acr`` that are asked for, if any are (Core §5.5.1.1)."""
    if isinstance(asked, dict) and not asked.keys().isdisjoint({"value", "values"}):
        values = asked.get("values", [asked.get("value")])
        listed = values if isinstance(values, list) else []
        yield frozenset(value for value in listed if isinstance(value, str))


def _is_essential(asked: object) -> bool:
    return isinstance(asked, dict) and asked.get("essential") is True
