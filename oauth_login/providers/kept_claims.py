"""Further claims that a site keeps of what a provider says, by name (``KEEP_CLAIMS``): groups, for example.

Everything else that a provider says about a person is forgotten when they are signed in.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from oauth_login.errors import ProviderResponseError
from oauth_login.providers.base import Expectation

MOST: Final = 20  # names
NAME_LENGTH: Final = 200  # characters; some providers' names are URLs
SIZE: Final = 16 << 10  # bytes of JSON, which are stored with the account and read with each sign-in


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH and value.isprintable()


EXPECTED: Final[Mapping[str, Expectation]] = {
    "KEEP_CLAIMS": (
        lambda value: isinstance(value, list | tuple) and len(value) <= MOST and all(map(_is_name, value)),
        f"a list of up to {MOST} names of claims",
    )
}


def kept(said: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the claims of these names, as far as they were said.

    :raises ProviderResponseError: they are too large together. Half a list of groups would be a wrong one.
    """
    found = {name: _storable(said[name]) for name in names if said.get(name) is not None}
    size = len(json.dumps(found))
    if size > SIZE:
        raise ProviderResponseError("claims_too_large", f"{size} bytes")
    return found


def _storable(value: Any) -> Any:
    """Return *value* without NUL, which PostgreSQL stores in no text."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value
