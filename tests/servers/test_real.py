"""The servers that ``scripts/services`` starts are there for Django, and for nobody without the password."""

import json
import sys
from pathlib import Path

import pytest

from scripts.servers.kinds import KINDS
from tests.servers.traces import is_gone

pytestmark = pytest.mark.servers

USE = """
import os, sys
import django
from django.db import connection
from django.core.cache import cache

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE kept (what VARCHAR(9))")
    cursor.execute("INSERT INTO kept VALUES ('Äpfel 🍎')")
    cursor.execute("SELECT what FROM kept")
    cache.set("kept", cursor.fetchone()[0])
sys.stdout.write(f"{connection.vendor}: {cache.get('kept')}")
"""
LISTENING = "0A"
LOOPBACK = "0100007F"


@pytest.mark.parametrize(("name", "vendor"), [("postgresql", "postgresql"), ("mariadb", "mysql")])
def test_django_works_with_a_database_and_a_cache_that_were_started(services, name, vendor):
    done = services("run", name, "redis", "--", sys.executable, "-c", USE, PYTHONUTF8="1")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{vendor}: Äpfel 🍎"


def listening(port):
    """Return at which addresses of this machine somebody listens on *port*."""
    tables = [Path("/proc/net", name).read_text() for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()]
    places = [line[1].split(":") for line in lines if line[3] == LISTENING]
    return {address for address, place in places if int(place, 16) == port}


def test_each_listens_on_the_loopback_only_and_is_run_by_nobody_who_may_do_much(services, state):
    services("start")
    records = [json.loads(path.read_text()) for path in (state / "started").glob("*.json")]
    owners = [Path("/proc", str(record["pid"])).stat().st_uid for record in records]
    modes = [Path(record["directory"]).stat().st_mode & 0o777 for record in records]
    addresses = [listening(record["port"]) for record in records]
    services("stop")

    assert addresses == [{LOOPBACK}] * len(KINDS)
    assert 0 not in owners
    assert modes == [0o700] * len(KINDS)
    assert all(is_gone(record) for record in records)


WITHOUT_A_PASSWORD = """
import os, sys
import MySQLdb, psycopg, redis
from urllib.parse import urlsplit

database, cache = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["CACHE_URL"])
tries = {
    "postgres": [lambda: psycopg.connect(f"postgres://tests@127.0.0.1:{database.port}/postgres")],
    "mysql": [
        lambda name=name: MySQLdb.connect(host="127.0.0.1", port=database.port, user=name)
        for name in ("root", "tests", "")
    ],
}[database.scheme]
for get_in in [*tries, lambda: redis.Redis(port=cache.port).ping()]:
    try:
        get_in()
    except (psycopg.OperationalError, MySQLdb.OperationalError, redis.AuthenticationError):
        continue
    sys.exit("it lets everybody in")
"""


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_nobody_gets_in_without_the_password(services, name):
    done = services("run", name, "redis", "--", sys.executable, "-c", WITHOUT_A_PASSWORD)

    assert done.returncode == 0, done.stderr
