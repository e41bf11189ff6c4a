"""From personas to a provider's answers: what its settings read, written.

The other direction of ``providers/claims.py``. A claim's path says where its value goes; the places of a
template are filled with what makes it say the value again, as far as that can be.
"""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.providers.claims import PLACE

#: What is written last wins where two claims are read from one place: a login is stricter than a name.
ORDER: Final = ("profile", "picture", "name", "email", "email_verified", "preferred_username", "sub")
#: Answers that come before the profile; a path that begins with one of these leads into it.
EARLIER: Final = ("token", "identity")


def nested(told: Mapping[str, Any]) -> Any:
    """Return the JSON in which each path leads to its value: objects, and arrays where steps are numbers.

    A path that leads on through another's value wins over it. The path "" alone is the value itself.
    """
    if set(told) == {""}:
        return told[""]
    beneath: dict[str, dict[str, Any]] = {}
    for path, value in told.items():
        step, _, rest = path.partition(".")
        beneath.setdefault(step, {})[rest] = value
    members = {
        step: nested({path: value for path, value in parts.items() if path or len(parts) == 1})
        for step, parts in beneath.items()
        if step
    }
    if members and all(step.isdigit() for step in members):
        return [members.get(str(index), {}) for index in range(max(map(int, members)) + 1)]
    return members


def written(claims: Mapping[str, Any], values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return where which value stands so that *claims* say *values*.

    :param key: of the persona; it fills what only makes up a URL.
    """
    told: dict[str, Any] = {}
    for name in ORDER:
        if values.get(name) is not None:
            told |= _places(claims.get(name), values[name], key)
    return told


def _places(expression: object, value: Any, key: str) -> dict[str, Any]:
    if isinstance(expression, list | tuple):
        return _places(expression[0], value, key)
    if not isinstance(expression, str):
        return {}  # a constant, or nothing: there is nothing to read
    places = PLACE.findall(expression)
    if not places:
        return {expression: value}
    if expression.startswith("https://"):
        return dict.fromkeys(places, key)
    return dict(zip(places, str(value).split(maxsplit=len(places) - 1), strict=False))


def of_answer(told: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """Return what of *told* stands in *answer*: one of :data:`EARLIER`, or "" for the profile."""
    if answer:
        return {
            path.removeprefix(f"{answer}."): value
            for path, value in told.items()
            if path.startswith(f"{answer}.")
        }
    return {path: value for path, value in told.items() if path.partition(".")[0] not in EARLIER}


def below(root: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return *told* as it is below *root*, which is a path or ""."""
    return {".".join(filter(None, (root, path))): value for path, value in told.items()}
