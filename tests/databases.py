"""The database that the tests run on, which ``DATABASE_URL`` names, for several threads and processes."""

import os
from contextlib import ExitStack, closing, contextmanager, nullcontext
from fnmatch import fnmatch

import environ
import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.utils import ConnectionHandler

from tests import on_servers

PATIENCE = "timeout=20"  # seconds, for which a connection to a file waits for another
#: Which of the app's tests are about what is done differently by each database: those of models, of sign-ins
#: from end to end, of tokens. Others mark themselves.
ON_EVERY_DATABASE = (
    *("grants", "linking", "moving", "policy", "tokens", "two_clients"),
    *(
        "test_admin*",
        "test_attempts*",
        "test_backends*",
        "test_callback*",
        "test_concurrency*",
        "test_counts*",
    ),
    *(
        "test_failing_site*",
        "test_fields*",
        "test_migrations*",
        "test_models*",
        "test_orphans*",
        "test_purge*",
    ),
    *(
        "test_sessions*",
        "test_start*",
        "test_story*",
        "test_subjects*",
        "test_token*",
        "test_webhook*",
    ),
)


def pytest_report_header():
    """Say what the tests run on, so that whoever asked for another database sees that it is this one."""
    database, cache = settings.DATABASES["default"], settings.CACHES["default"]
    return f"database: {database['ENGINE']}, cache: {cache['BACKEND']}"


@pytest.hookimpl(tryfirst=True)  # before -m
def pytest_collection_modifyitems(config, items):
    """Mark what ``.ci/run`` runs on a database on which it does not run everything."""
    app = config.rootpath / "tests" / "oauth_login"
    for item in items:
        if item.path.is_relative_to(app) and is_for_every_database(item.path.relative_to(app).parts[0]):
            item.add_marker(pytest.mark.databases)


def is_for_every_database(name):
    """Return whether *name*, of a directory or a file, is one of those in :data:`ON_EVERY_DATABASE`."""
    return any(fnmatch(name, pattern) for pattern in ON_EVERY_DATABASE)


def unquoted(sql):
    """Return *sql* with its names as they are: each database puts quotes of its own around them."""
    return sql.translate({ord(quote): None for quote in '"`'})


# --- For a test ----------------------------------------------------------------------------------------


@contextmanager
def copied_to(path):
    """Use a copy of the in-memory database in a file, in every thread.

    In memory, SQLite is either private to a connection or locks whole tables without waiting, unlike
    anything a site runs on.
    """
    memory = connections["default"]
    with memory.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    kept = dict(memory.settings_dict)
    # The dict is every thread's; the connection object is this thread's only, and stays open.
    memory.settings_dict.update(NAME=str(path), OPTIONS={"timeout": 20})
    connections["default"] = connections.create_connection("default")
    with connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")  # as sites have it: who reads keeps nobody from writing
    try:
        yield f"sqlite:///{path}?{PATIENCE}"
    finally:
        connections["default"].close()
        memory.settings_dict.update(kept)
        connections["default"] = memory


@pytest.fixture
def database(transactional_db, tmp_path):
    """A database that threads and processes can share; its value is the URL.

    What a test writes is committed. On SQLite it is a file, elsewhere the tests' own database.
    """
    on_server = connection.vendor != "sqlite"
    with nullcontext(on_servers.url_of(connection)) if on_server else copied_to(tmp_path / "db") as url:
        yield url


@pytest.fixture
def environment(database):
    """The environment of a process that is to share the settings and the database with the test.

    The cache, too, if it is a server; else each process has one in its memory.
    """
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database}


# --- For a site that outlives a test -------------------------------------------------------------------


class Database:
    """A database that no test empties, beside the tests' own.

    :ivar url: what ``DATABASE_URL`` is for whoever uses it
    """

    def __init__(self, url, blocker):
        self.url = url
        self._blocker = blocker

    def rows(self):
        """Count the rows of every table there is."""
        handler = ConnectionHandler({"default": environ.Env.db_url_config(self.url)})
        with self._blocker.unblock(), closing(handler["default"]) as there, there.cursor() as cursor:
            return {
                name: self._count(there, cursor, name) for name in there.introspection.table_names(cursor)
            }

    def _count(self, there, cursor, name):
        cursor.execute(f"SELECT count(*) FROM {there.ops.quote_name(name)}")  # noqa: S608
        return cursor.fetchone()[0]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory, django_db_setup, django_db_blocker):
    """A way to get an empty database by a name of one's own; it stays until the end of the run."""
    with ExitStack() as made:

        def make(name):
            on_server = connection.vendor != "sqlite"
            place = (
                on_servers.neighbour(connection, name, django_db_blocker)
                if on_server
                else nullcontext(f"sqlite:///{tmp_path_factory.mktemp(name)}/db?{PATIENCE}")
            )
            return Database(made.enter_context(place), django_db_blocker)

        yield make
