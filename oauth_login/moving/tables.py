"""The tables of others, read without their code: it may be gone already, and their models with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps.registry import Apps
from django.db import connections, models

from oauth_login.errors import ProviderResponseError
from oauth_login.moving.found import CannotRead
from oauth_login.strict_json import parse_json

Row = dict[str, Any]


class Table:
    """A table whose rows have an integer key named ``id``.

    Each database keeps JSON and moments in its own way; the fields of an unmanaged model know them. It is in
    a registry of its own, so that no migration and no admin ever hears of it. A column that an earlier
    version did not have yet is not read.
    """

    def __init__(self, name: str, database: str, fields: Mapping[str, Any]) -> None:
        self.name, self._database = name, database
        meta = type("Meta", (), {"app_label": "moving", "apps": Apps(), "db_table": name, "managed": False})
        key = models.BigIntegerField(primary_key=True)
        members = {"__module__": __name__, "Meta": meta, "id": key, **fields}
        self._model: Any = type("Row", (models.Model,), members)
        there = self._columns_there()
        self._columns = ["id", *(column for column in fields if column in there)]

    @property
    def is_there(self) -> bool:
        """Whether the database has it, with anything of what is to be read."""
        return len(self._columns) > 1

    def count(self) -> int:
        """Return how many rows there are."""
        return int(self._rows().count())

    def batches(self, size: int) -> Iterator[list[Row]]:
        """Walk through the rows by key: what is written meanwhile moves none of them."""
        rest = self._rows().order_by("id").values(*self._columns)
        batch = list(rest[:size])
        while batch:
            yield batch
            batch = list(rest.filter(id__gt=batch[-1]["id"])[:size])

    def where(self, **wanted: Any) -> list[Row]:
        """Return the rows of which that is true, by key."""
        return list(self._rows().filter(**wanted).order_by("id").values(*self._columns))

    def _rows(self) -> Any:
        return self._model._base_manager.using(self._database)

    def _columns_there(self) -> set[str]:
        connection = connections[self._database]
        with connection.cursor() as cursor:
            if self.name not in connection.introspection.table_names(cursor):
                return set()
            return {
                column.name for column in connection.introspection.get_table_description(cursor, self.name)
            }


def required(table: Table, package: str) -> Table:
    """Return *table*.

    :raises CannotRead: it is not there.
    """
    if not table.is_there:
        raise CannotRead(
            f"There is no table {table.name}: this database is not one that {package} was used with."
        )
    return table


def an_object(value: object) -> Mapping[str, Any]:
    """Return what is kept as a JSON object, or was, by an earlier version, as a text with one in it."""
    if isinstance(value, str):
        try:
            value = parse_json(value.encode())
        except (ProviderResponseError, UnicodeError):
            return {}
    return value if isinstance(value, dict) else {}
