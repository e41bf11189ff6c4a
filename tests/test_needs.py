"""Tests that need a Chromium, servers of others or databases run, or it is said that they did not."""

import sys

import pytest

from scripts.servers.kinds import KINDS
from tests.needs import (
    DRIVERS,
    INSTALL_CHROMIUM,
    INSTALL_DATABASES,
    INSTALL_SERVERS,
    find_chromium,
    find_databases,
    find_servers,
)

SUITE = """
import pytest

@pytest.mark.browser
def test_in_a_browser(): pass

@pytest.mark.interop
def test_with_a_server(): pass

@pytest.mark.browser
@pytest.mark.interop
def test_with_both(): pass

@pytest.mark.servers
def test_with_a_database(): pass

def test_without(): pass
"""


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """No CI, nothing on the path, nothing installed."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("INTEROP", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


def program(directory, name):
    path = directory / name
    path.touch(mode=0o755)
    return str(path)


@pytest.fixture
def servers(tmp_path):
    """What ``make interop`` leaves, and the program that it needs."""
    program(tmp_path, "node")
    (tmp_path / ".installed").touch()
    return str(tmp_path)


@pytest.fixture
def databases(tmp_path, monkeypatch):
    """What ``make databases`` leaves, and what ``pip`` installs for them."""
    for kind in KINDS.values():
        for name in kind.needs:
            program(tmp_path, name)
    (tmp_path / "drivers").mkdir()
    for name in DRIVERS:
        (tmp_path / "drivers" / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "drivers")
    return str(tmp_path / "redis-server")


@pytest.fixture
def suite(pytester):
    pytester.makeconftest("from tests.needs import *")
    pytester.makeini("[pytest]\nmarkers =\n  browser\n  interop\n  servers")
    pytester.makepyfile(SUITE)

    def run(*args):
        # None of these is what is tested, and each would meet itself in the run around this one.
        others = ["django", "randomly", "cov", "hypothesispytest"]
        return pytester.runpytest_inprocess(*(f"-pno:{name}" for name in others), *args)

    return run


def test_a_bare_machine_has_nothing():
    assert (find_chromium(), find_servers(), find_databases()) == (None, None, None)


def test_the_first_known_program_on_the_path_is_taken(tmp_path):
    program(tmp_path, "google-chrome")
    chromium = program(tmp_path, "chromium")

    assert find_chromium() == chromium


def test_the_program_that_the_environment_names_is_taken(tmp_path, monkeypatch):
    program(tmp_path, "chromium")
    mine = program(tmp_path, "my-chromium")
    monkeypatch.setenv("CHROMIUM", mine)

    assert find_chromium() == mine


def test_another_program_does_not_stand_in_for_the_one_that_the_environment_names(tmp_path, monkeypatch):
    program(tmp_path, "chromium")
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "mistyped"))

    assert find_chromium() is None


def test_the_servers_are_found_where_they_are_installed(servers):
    assert find_servers() == servers


def test_servers_without_the_node_that_runs_them_are_none(servers, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert find_servers() is None


def test_a_node_without_servers_is_none(tmp_path):
    program(tmp_path, "node")

    assert find_servers() is None


def test_the_databases_are_found_where_they_are_installed(databases):
    assert find_databases() == databases


@pytest.mark.parametrize("missing", DRIVERS)
@pytest.mark.usefixtures("databases")
def test_databases_that_django_cannot_speak_to_are_none(monkeypatch, tmp_path, missing):
    (tmp_path / "drivers" / f"{missing}.py").unlink()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "drivers")])  # not those that are really installed
    monkeypatch.delitem(sys.modules, missing, raising=False)

    assert find_databases() is None


@pytest.mark.usefixtures("databases")
def test_databases_of_which_one_is_missing_are_none(tmp_path):
    (tmp_path / "redis-server").unlink()

    assert find_databases() is None


@pytest.mark.usefixtures("servers", "databases")
def test_with_all_that_is_needed_all_tests_run(suite, tmp_path):
    program(tmp_path, "chromium")

    result = suite()

    result.assert_outcomes(passed=5)
    result.stdout.no_fnmatch_line("*not run*")


def test_the_summary_says_what_did_not_run_and_how_to_change_that(suite):
    result = suite()

    result.assert_outcomes(passed=1, deselected=4)
    said = [line for line in result.outlines if "not run" in line]
    assert said == [
        f"browser tests: 2 not run (no Chromium found); install with: {INSTALL_CHROMIUM}",
        f"interop tests: 1 not run (no servers of others found); install with: {INSTALL_SERVERS}",
        "servers tests: 1 not run (no PostgreSQL, MariaDB and Redis found); "
        f"install with: {INSTALL_DATABASES}",
    ]


@pytest.mark.usefixtures("servers", "databases")
def test_in_ci_a_missing_chromium_is_a_failure(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")

    result = suite()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*2 browser tests cannot run: no Chromium found.*"])


@pytest.mark.usefixtures("servers")
def test_in_ci_a_missing_database_is_a_failure(suite, monkeypatch, tmp_path):
    program(tmp_path, "chromium")
    monkeypatch.setenv("CI", "true")

    result = suite()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*1 servers tests cannot run: no PostgreSQL, MariaDB and Redis found.*"])


@pytest.mark.usefixtures("databases")
def test_in_ci_a_missing_server_is_a_failure(suite, monkeypatch, tmp_path):
    program(tmp_path, "chromium")
    monkeypatch.setenv("CI", "true")

    result = suite()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*2 interop tests cannot run: no servers of others found. make interop*"])


def test_in_ci_who_leaves_those_tests_out_needs_nothing(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")

    result = suite("-m", "not browser and not interop and not servers")

    result.assert_outcomes(passed=1, deselected=4)
