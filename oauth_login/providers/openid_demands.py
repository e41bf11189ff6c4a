"""What the authorization request demands of the sign-in, and the ID Token has to say was met (threat E33).

It is read from what is really sent: the query of the endpoint, and the parameters of the settings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

MAX_AGE: Final = re.compile(r"[0-9]{1,9}")  # seconds
NEW_SIGN_IN: Final = 600  # seconds since a new sign-in, at most: as long as an attempt usually lasts


@dataclass(frozen=True, slots=True)
class Demands:
    """How long ago the sign-in may be, in seconds; which ``acr`` it may have, empty for any."""

    max_age: int | None = None
    acr_values: frozenset[str] = frozenset()

    @classmethod
    def of(cls, endpoint: str, parameters: Mapping[str, str]) -> "Demands":
        """Return the demands of a request; of two that differ, the stricter (Core §3.1.2.1).

        :raises ValueError: ``max_age`` is no number of seconds.
        """
        asked = [*parse_qsl(urlsplit(endpoint).query, keep_blank_values=True), *parameters.items()]
        ages = [_seconds(value) for name, value in asked if name == "max_age"]
        if any(name == "prompt" and "login" in value.split() for name, value in asked):
            ages.append(NEW_SIGN_IN)
        acrs = [frozenset(value.split()) for name, value in asked if name == "acr_values"]
        return cls(min(ages, default=None), frozenset.intersection(*acrs) if acrs else frozenset())


def _seconds(written: str) -> int:
    if not MAX_AGE.fullmatch(written):
        raise ValueError("max_age is no whole number of seconds")
    return int(written)
