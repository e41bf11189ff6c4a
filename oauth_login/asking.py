"""The scopes that this site asks a visitor for, sealed: nobody else can ask for any (threat B11)."""

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from oauth_login import conf
from oauth_login.errors import BodyUnreadable
from oauth_login.sealing import SealBroken, Sealer

LONGEST: Final = 1_000  # characters


def url(alias: str, scope: Iterable[str], next_page: str) -> str:
    """Return the page that asks the visitor to grant *scope* at the provider, and leads on to *next_page*."""
    parameters = {"ask": sealed(alias, scope), **({"next": next_page} if next_page else {})}
    return f"{reverse('oauth_login:grant', kwargs={'alias': alias})}?{urlencode(parameters)}"


def sealed(alias: str, scope: Iterable[str]) -> str:
    """Return *scope* as only this site can write it."""
    return _sealer().seal(json.dumps(sorted(set(scope))), alias)


def read(ask: str, alias: str) -> list[str]:
    """Return the scope that this site asks for.

    :raises BodyUnreadable: ``ask_invalid``: it does not, at least not that provider.
    """
    try:
        scope: list[str] = json.loads(_sealer().open(ask[:LONGEST], alias))
    except SealBroken as broken:
        raise BodyUnreadable("ask_invalid", broken) from None
    return scope


def _sealer() -> Sealer:
    return Sealer(conf.signing_secrets(), "ask")
