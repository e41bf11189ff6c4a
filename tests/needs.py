"""What a machine may lack that some tests cannot do without, and what happens then.

They are never silently skipped: the summary says that they did not run and how to change that, and with
``CI=true`` the run fails.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.servers.kinds import KINDS

DRIVERS = ("MySQLdb", "psycopg", "redis")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTALL_CHROMIUM = "sudo apt-get install chromium  (elsewhere: any Chrome, with CHROMIUM set to its path)"
INSTALL_DATABASES = "make databases  (as root, on Debian or Ubuntu); then make test EXTRAS=check,databases"
INSTALL_SERVERS = "make interop  (which takes Node.js 20.12 or newer)"


def find_chromium() -> str | None:
    """Return the program that ``CHROMIUM`` names, or else the first known one on the path."""
    candidates = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else PROGRAMS
    return next((found for name in candidates if (found := shutil.which(name))), None)


def find_servers() -> str | None:
    """Return where ``make interop`` has installed servers, if Node.js is there to run them."""
    directory = Path(os.environ.get("INTEROP") or Path(__file__).parent.parent / ".interop")
    return str(directory) if shutil.which("node") and (directory / ".installed").exists() else None


def find_databases() -> str | None:
    """Return a server of ``scripts/services``, if all are there, with Django's drivers."""
    lacking = [package for kind in KINDS.values() for package in kind.missing()]
    lacking += [driver for driver in DRIVERS if not find_spec(driver)]
    return None if lacking else str(KINDS["redis"].find("redis-server"))


@dataclass(frozen=True)
class Need:
    """What the tests with a marker need."""

    marker: str
    thing: str
    find: Callable[[], str | None]
    install: str


NEEDS = (
    Need("browser", "Chromium", find_chromium, INSTALL_CHROMIUM),
    Need("interop", "servers of others", find_servers, INSTALL_SERVERS),
    Need("servers", "PostgreSQL, MariaDB and Redis", find_databases, INSTALL_DATABASES),
)

not_run = pytest.StashKey[dict[Need, int]]()


@pytest.hookimpl(trylast=True)  # after -m and -k: who asked for other tests misses nothing
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, aloud, the tests that lack what they need."""
    config.stash[not_run] = {}
    for need in NEEDS:
        needy = [item for item in items if item.get_closest_marker(need.marker)]
        if not needy or need.find():
            continue
        if os.environ.get("CI") == "true":
            raise pytest.UsageError(
                f"{len(needy)} {need.marker} tests cannot run: no {need.thing} found. {need.install}"
            )
        config.stash[not_run][need] = len(needy)
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in needy]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say what did not run, where everybody looks."""
    for need, count in config.stash.get(not_run, {}).items():
        terminalreporter.section(f"{need.marker} tests", yellow=True)
        terminalreporter.line(
            f"{need.marker} tests: {count} not run (no {need.thing} found); install with: {need.install}",
            yellow=True,
        )
