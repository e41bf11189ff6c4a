"""Browser tests run, or it is said that they did not."""

import pytest

from tests.chromium import INSTALL, find_chromium

SUITE = """
import pytest

@pytest.mark.browser
def test_in_a_browser(): pass

def test_without(): pass
"""


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """No CI, nothing on the path."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def program(directory, name):
    path = directory / name
    path.touch(mode=0o755)
    return str(path)


@pytest.fixture
def suite(pytester):
    pytester.makeconftest("from tests.chromium import *")
    pytester.makeini("[pytest]\nmarkers = browser")
    pytester.makepyfile(SUITE)

    def run(*args):
        # None of these is what is tested, and each would meet itself in the run around this one.
        others = ["django", "randomly", "cov", "hypothesispytest"]
        return pytester.runpytest_inprocess(*(f"-pno:{name}" for name in others), *args)

    return run


def test_a_bare_machine_has_no_chromium():
    assert find_chromium() is None


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


def test_with_a_chromium_all_tests_run(suite, tmp_path):
    program(tmp_path, "chromium")

    result = suite()

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*not run*")


def test_without_a_chromium_the_summary_says_what_did_not_run_and_how_to_change_that(suite):
    result = suite()

    result.assert_outcomes(passed=1, deselected=1)
    assert f"browser tests: 1 not run (no Chromium found); install it with: {INSTALL}" in result.outlines


def test_in_ci_a_missing_chromium_is_a_failure(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")

    result = suite()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*1 browser tests cannot run: no Chromium found.*"])


def test_in_ci_who_leaves_the_browser_tests_out_needs_no_chromium(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")

    result = suite("-m", "not browser")

    result.assert_outcomes(passed=1, deselected=1)
