"""What this site asks a visitor to grant, sealed for them: nobody else can ask for anything (threat B11)."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from oauth_login import conf
from oauth_login.errors import BodyUnreadable
from oauth_login.models import LinkedAccount
from oauth_login.providers.base import Provider
from oauth_login.redirects import url_to
from oauth_login.sealing import SealBroken, Sealer


class Ask(NamedTuple):
    """What is asked for, and of which of the visitor's accounts: its primary key, "" for any of them.

    No scope at all: what was granted before, once more.
    """

    scope: list[str]
    account: str


def accounts_of(user: Any, provider: Provider) -> list[LinkedAccount]:
    """Return the accounts of *user* that *provider* can be asked about, the one linked first in front.

    Not those of the server that its alias has meant before: there is nothing that this one could grant them.
    """
    accounts = user.linked_accounts.filter(provider=provider.alias).order_by("pk")
    return [account for account in accounts if provider.speaks_for(account.issuer)]


def url(user: Any, alias: str, scope: Iterable[str], next_page: str) -> str:
    """Return the page that asks *user* to grant *scope* at the provider, and leads on to *next_page*."""
    return page_of(sealed(user, alias, scope), alias, next_page)


def page_of(ask: str, alias: str, next_page: str) -> str:
    """Return the page that shows a sealed *ask*, and leads on to *next_page*."""
    return url_to("grant", alias, ask=ask, next=next_page)


def sealed(user: Any, alias: str, scope: Iterable[str], account: str = "") -> str:
    """Return an :class:`Ask` as only this site can write it, and only *user* can use it."""
    return _sealer().seal(json.dumps([sorted(set(scope)), account]), _context(user, alias))


def read(ask: str, user: Any, alias: str) -> Ask:
    """Return what this site asks for.

    :raises BodyUnreadable: ``ask_invalid``: it does not, at least not this user, or not that provider.
    """
    try:
        return Ask(*json.loads(_sealer().open(ask, _context(user, alias))))
    except SealBroken as broken:
        raise BodyUnreadable("ask_invalid", broken) from None


def _context(user: Any, alias: str) -> str:
    return f"{alias} {user.pk}"


def _sealer() -> Sealer:
    return Sealer(conf.signing_secrets(), "ask")
