"""Checks of what ``MEMBERSHIPS`` gives: can users have it here, is it there, and is it still declared."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's names
from django.core.exceptions import FieldDoesNotExist
from django.db import connections

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured
from oauth_login.memberships import group_model, undeclared
from oauth_login.models import LinkedAccount

#: Key of the settings → the field of the user model that it writes.
WRITTEN: Final = {"GROUPS": "groups", "STAFF": "is_staff"}
MISSING: Final = "W013"
UNDECLARED: Final = "W016"


def check_users(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the user model has a place for what is to be given."""
    return [message for alias, rules in _declared() for message in _without_a_place(alias, rules)]


def check_groups(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Check the groups in *databases*: for ``manage.py check --database default``, and ``migrate``."""
    return [message for alias in databases or () for message in _in_database(alias)]


def check_given(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Check what accounts in *databases* have given: for the same."""
    return [message for alias in databases or () for message in _given_in_database(alias)]


def _declared() -> Iterator[tuple[Any, Mapping[Any, Any]]]:
    """Yield what is declared for each provider, as far as it can be read; E003 and E025 report the rest."""
    declared = conf.written("MEMBERSHIPS")
    for alias, rules in declared.items() if isinstance(declared, Mapping) else ():
        if isinstance(rules, Mapping):
            yield alias, rules


def _without_a_place(alias: object, rules: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for key, field in WRITTEN.items():
        if rules.get(key) and not _has(field):
            yield Error(
                f"OAUTH_LOGIN['MEMBERSHIPS'][{alias!r}] has {key}, but users have no field {field!r} here.",
                hint="Remove the key, or give the user model Django's PermissionsMixin or AbstractUser.",
                id="oauth_login.E025",
            )


def _has(field: str) -> bool:
    try:
        get_user_model()._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True


def _in_database(database: str) -> Iterator[CheckMessage]:
    names = {str(name) for _, rules in _declared() for name in _values(rules.get("GROUPS"))}
    if not names or not _has("groups"):
        return
    model = group_model()
    if model._meta.db_table not in connections[database].introspection.table_names():
        return  # not migrated yet
    there = set(model._base_manager.using(database).filter(name__in=names).values_list("name", flat=True))
    for name in sorted(names - there):
        yield Warning(
            f"OAUTH_LOGIN['MEMBERSHIPS'] gives the group {name!r}, which does not exist.",
            hint="Create it in the admin, with the permissions that it is to have, or correct the name.",
            id=f"oauth_login.{MISSING}",
        )


def _given_in_database(database: str) -> Iterator[CheckMessage]:
    if not _is_migrated(database):
        return
    try:
        counts = Counter(account.provider for account in undeclared(LinkedAccount.objects.using(database)))
    except ProviderMisconfigured:
        return
    for alias, number in sorted(counts.items()):
        yield Warning(
            f"There are {number} accounts of {alias!r} that gave groups or staff, which "
            "OAUTH_LOGIN['MEMBERSHIPS'] does not declare any more.",
            hint="It is taken back when they sign in with it, which many never do, and nobody can if the "
            "alias is gone. Run manage.py oauth_login settle, or declare it again.",
            id=f"oauth_login.{UNDECLARED}",
        )


def _is_migrated(database: str) -> bool:
    """Tell whether it is written down what accounts gave; ``migrate`` asks before it migrates."""
    connection, table = connections[database], LinkedAccount._meta.db_table
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, table)
    return "given" in {column.name for column in columns}


def _values(groups: object) -> Iterable[Any]:
    return groups.values() if isinstance(groups, Mapping) else ()
