"""JSON as RFC 8259 §4 advises to write it, and nothing that two parsers could read as two things."""

import json
import math
from typing import Any, Final

from oauth_login.errors import ProviderResponseError

DEEPEST: Final = 20  # levels
LARGEST_INTEGER: Final = 1 << 64  # what is larger is nobody's id, and no database takes it


def parse_json(body: bytes) -> Any:
    """Parse strict RFC 8259 JSON: UTF-8, no repeated names, no NaN, no lone surrogates.

    Numbers are finite and of up to 64 bits, and nothing is nested more than 20 deep (threat E38).

    :raises ProviderResponseError: for everything else, however it is broken.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
        _refuse_depth(value, DEEPEST)
        if b"\\u" in body:
            # An escaped half of a surrogate pair parses, then breaks every later .encode().
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ProviderResponseError("json_invalid", type(error).__name__) from None
    return value


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated name")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _bounded(digits: str) -> int:
    value = int(digits)
    if abs(value) >= LARGEST_INTEGER:
        raise ValueError("too large")
    return value


def _refuse_depth(value: Any, levels: int) -> None:
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError("nested too deeply")
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_depth(inner, levels - 1)
