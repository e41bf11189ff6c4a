"""Functions of the site's own that settings name by a dotted path."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.utils.module_loading import import_string


def function_at(path: str) -> Callable[..., Any]:
    """Return what can be called at *path*: a function, or an instance of a class with ``__call__``.

    :raises ValueError: nothing of that kind is there; the message says what instead.
    """
    try:
        found = import_string(path)
    except Exception as error:  # whatever somebody's module does
        raise ValueError(f"{path!r} cannot be imported: {type(error).__name__}: {error}") from error
    if wrong := flaw(found):
        raise ValueError(f"{path!r} {wrong}")
    return found  # type: ignore[no-any-return]  # it can be called: flaw() says so


def flaw(found: object) -> str:
    """Return what keeps *found* from being called for an answer, or ""."""
    if isinstance(found, type):
        return "is a class; write the path of an instance of it"
    if not callable(found):
        return f"cannot be called: it is of the type {type(found).__name__}"
    if iscoroutinefunction(found) or iscoroutinefunction(type(found).__call__):
        return "is asynchronous; write a function that answers at once"
    return ""
