"""What the tests do only on a database that is a server: PostgreSQL or MariaDB."""

from contextlib import contextmanager
from urllib.parse import quote

SCHEMES = {"postgresql": "postgres", "mysql": "mysql"}


def url_of(connection, name=None):
    """Return the ``DATABASE_URL`` of *connection*, or of the database of that *name* beside it."""
    there = connection.settings_dict
    login = f"{quote(there['USER'], safe='')}:{quote(there['PASSWORD'], safe='')}"
    return f"{SCHEMES[connection.vendor]}://{login}@{there['HOST']}:{there['PORT']}/{name or there['NAME']}"


@contextmanager
def neighbour(connection, name, blocker):
    """Have an empty database beside the tests' own, for as long as the block lasts; yield its URL."""
    name = f"{connection.settings_dict['NAME']}_{name}"

    def do(*statements):
        # A connection of its own: PostgreSQL makes no database within a transaction.
        with blocker.unblock(), connection._nodb_cursor() as cursor:
            for statement in statements:
                cursor.execute(f"{statement} {connection.ops.quote_name(name)}")

    do("DROP DATABASE IF EXISTS", "CREATE DATABASE")
    yield url_of(connection, name)
    do("DROP DATABASE")
