"""Checks of what views ask for by decorators: a provider that the settings do not know is a slip."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  Django's name
from django.urls import get_resolver

from oauth_login import conf
from oauth_login.decorators import NAMED
from oauth_login.slips import way_out

UNKNOWN: Final = "W014"


def check_views(**_kwargs: Any) -> list[CheckMessage]:
    """Check the views of the URL configuration, which this imports, as Django's own checks of URLs do."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    aliases = conf.aliases()
    found = dict.fromkeys(_named(get_resolver().url_patterns))  # a view may have several URLs
    return [_unknown(*slip, aliases) for slip in found if slip[-1] not in aliases]


def _named(patterns: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the views that name a provider, by which decorator, and which provider."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _named(pattern.url_patterns)
            continue
        for name, decorator in getattr(pattern.callback, "__dict__", {}).items():
            if name.startswith(NAMED):
                yield pattern.lookup_str, decorator, name.removeprefix(NAMED)


def _unknown(view: str, decorator: str, alias: str, aliases: list[str]) -> CheckMessage:
    return Warning(
        f"{view} has @{decorator}({alias!r}), but OAUTH_LOGIN['PROVIDERS'] has no {alias!r}: nobody gets in.",
        hint=way_out(alias, aliases),
        id=f"oauth_login.{UNKNOWN}",
    )
