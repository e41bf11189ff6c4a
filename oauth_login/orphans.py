"""Orphans: linked accounts whose provider speaks in another issuer's name now (threat E36).

Who signed in under the old name would be somebody new under the new one. Nobody is mistaken for anybody, but
nobody finds their account again either, and the settings alone do not show it.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from django.core.checks import CheckMessage, Warning  # noqa: A004  Django's name
from django.db import connections

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured
from oauth_login.models import LinkedAccount

ORPHANED: Final = "W012"


def check_orphans(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Check the accounts in *databases*: for ``manage.py check --database default``, and ``migrate``."""
    return [message for alias in databases or () for message in _in_database(alias)]


def _in_database(database: str) -> Iterator[CheckMessage]:
    if LinkedAccount._meta.db_table not in connections[database].introspection.table_names():
        return  # not migrated yet
    accounts = LinkedAccount.objects.using(database).order_by()
    for alias, issuer in accounts.values_list("provider", "issuer").distinct():
        if _is_orphaned(alias, issuer):
            yield Warning(
                f"There are linked accounts of {alias!r} under the issuer {issuer!r}, which it has no more.",
                hint="Nobody finds them again under the new one. Give another server an alias of its own, or "
                "bring the accounts over.",
                id=f"oauth_login.{ORPHANED}",
            )


def _is_orphaned(alias: str, issuer: str) -> bool:
    if issuer.endswith(".invalid"):
        return False  # who tried the sandbox is nobody
    with suppress(KeyError, ProviderMisconfigured):  # gone for now, or reported by another check
        return not conf.sandboxed(alias) and not conf.provider(alias).speaks_for(issuer)
    return False
