"""From a provider's answers to OpenID Connect's claims, by paths that the settings say.

A path such as ``data.user.open_id`` or ``items.0.name`` leads into an answer. A template such as
``https://weibo.com/u/{idstr}`` has paths in braces. Of a list of these the first that says something counts.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from oauth_login.errors import ProviderResponseError

#: OpenID Connect Core §5.1, as far as a :class:`Profile` has a place for it.
NAMES: Final = ("sub", "preferred_username", "name", "email", "email_verified", "picture", "profile")
PATH: Final = re.compile(r"[A-Za-z0-9_$@:/-]+(?:\.[A-Za-z0-9_$@:/-]+)*")
PLACE: Final = re.compile(r"\{(\+?[A-Za-z0-9_.-]+)\}")
URLS: Final = ("https://", "http://")
#: A URL whose host and path begin as the settings say, whatever is filled into the rest.
ANCHORED: Final = re.compile(r"https?://[^/?#{}]+[/?#].*", re.DOTALL)
TEXT_LENGTH: Final = 2_048  # characters of what may be filled into a URL


def find(content: object, path: str) -> Any:
    """Return what *path* leads to in *content*, or None. ``""`` leads to *content* itself."""
    for step in path.split(".") if path else ():
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list) and step.isascii() and step.isdigit() and len(step) <= 3:
            content = content[int(step)] if int(step) < len(content) else None
        else:
            return None
    return content


def an_object(value: Any) -> dict[str, Any]:
    """Return *value*, which must be a JSON object.

    :raises ProviderResponseError: it is none.
    """
    if isinstance(value, dict):
        return value
    raise ProviderResponseError("json_type_wrong", type(value).__name__)


def fill(template: str, content: object) -> str:
    """Return *template* with its places filled, or "" if one of them would stay empty.

    In a URL what is filled in is one part of a path or a query, whatever it says: ``/`` and what else would
    end that part is encoded, except in a place such as ``{+path}`` (RFC 6570 §3.2.3), which may be several.
    What would climb out of where it stands (RFC 3986 §5.2.4) makes no URL.
    """
    values = {place: as_text(find(content, place.removeprefix("+"))) for place in PLACE.findall(template)}
    if not all(values.values()):
        return ""
    if not template.startswith(URLS):
        return PLACE.sub(lambda place: values[place[1]], template)
    url = PLACE.sub(lambda place: quote(values[place[1]], safe="/" if place[1][0] == "+" else ""), template)
    return "" if {".", ".."} & set(re.split("[/?#]", url)) else url


def as_text(value: object) -> str:
    """Return a string, or a number as one; "" for everything else."""
    if isinstance(value, str):
        return value if value.isprintable() and len(value) <= TEXT_LENGTH else ""
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return str(value) if is_number else ""


def say(expression: object, content: object) -> Any:
    """Return what a claim is: *expression* is a path, a template, a constant, or a list of these."""
    if isinstance(expression, bool):
        return expression
    if isinstance(expression, list | tuple):
        return next((value for one in expression if (value := say(one, content))), None)
    text = str(expression)
    return fill(text, content) if "{" in text else find(content, text)


def says(entry: Mapping[str, Any], path: str, wanted: object) -> bool:
    """Tell whether *entry* has the value *wanted* at *path*, alone or in a list."""
    value = find(entry, path)
    values = value if isinstance(value, list) else [value]
    return any(type(one) is type(wanted) and one == wanted for one in values)


def is_expression(value: object) -> bool:
    """Tell whether *value* is what :func:`say` understands."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, str) and is_expression(one) for one in value)
    if isinstance(value, bool):
        return True
    return isinstance(value, str) and (PATH.fullmatch(value) is not None or _is_template(value))


def _is_template(value: str) -> bool:
    return PLACE.search(value) is not None and not set(PLACE.sub("", value)) & set("{}")


def _alternatives(expression: object) -> list[object]:
    return list(expression) if isinstance(expression, list | tuple) else [expression]


def _stays_on_its_host(expression: object) -> bool:
    """Tell whether no answer can say which host a link or a picture of this expression is on, but by a path.

    A path leads to a URL that is the provider's own; one half of a URL is anybody's who chose their login.
    """
    is_template = isinstance(expression, str) and PLACE.search(expression) is not None
    return not is_template or ANCHORED.fullmatch(str(expression)) is not None


def claim_mistakes(claims: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the names of what is wrong in CLAIMS, each with what it must be."""
    wrong = []
    for name, expression in claims.items():
        if name == "email_verified":
            right = isinstance(expression, bool) or (isinstance(expression, str) and _is_path(expression))
            expected = "a path to what is true for a verified address, or True or False"
        elif name == "sub":
            right = isinstance(expression, str) and _is_path(expression)
            expected = "one path: somebody whose id is looked for in two places would be two people"
        elif name in {"picture", "profile"} and not all(map(_stays_on_its_host, _alternatives(expression))):
            right = False
            expected = (
                "a path, or the template of a URL whose host is written out, as in 'https://a.example/{id}'"
            )
        else:
            right = is_expression(expression) and not isinstance(expression, bool)
            expected = "a path such as 'user.name', a template such as '{first} {last}', or a list of these"
        if not right:
            wrong.append((name, expected))
    return wrong


def _is_path(value: str) -> bool:
    return PATH.fullmatch(value) is not None
