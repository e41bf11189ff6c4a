"""A run says at its end which rows of the threat table it has proved, and no more than that."""

import pytest

SUITE = """
import pytest

pytestmark = pytest.mark.threat("A01")

@pytest.mark.threat("A02", "A03")
def test_of_two_more(record_property):
    record_property("something else", "A09")

@pytest.mark.parametrize("value", [
    1, pytest.param(2, marks=pytest.mark.threat("A04")), pytest.param(3, marks=pytest.mark.threat("A02")),
])
def test_of_cases(value): pass

class TestOfAClass:
    pytestmark = pytest.mark.threat("A05")

    def test_of_the_class(self): pass
"""
UNPROVED = """
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError

@pytest.mark.threat("B01")
def test_that_fails(): raise RuntimeError

@pytest.mark.threat("B01", "B02")
def test_that_passes(): pass

@pytest.mark.threat("B03")
@pytest.mark.skip(reason="today")
def test_that_does_not_run(): raise RuntimeError

@pytest.mark.threat("B04")
@pytest.mark.xfail
def test_that_is_known_to_fail(): raise RuntimeError

@pytest.mark.threat("B05")
def test_that_fails_after_all(broken): pass
"""
PLAIN = """
def test_of_nothing(): pass
"""


@pytest.fixture
def run(pytester):
    pytester.makeconftest("from tests.threats import *")
    pytester.makeini("[pytest]\nmarkers = threat")

    def run_suite(source, *args):
        pytester.makepyfile(source)
        # None of these is what is tested, and each would meet itself in the run around this one.
        others = ["django", "randomly", "cov", "hypothesispytest"]
        return pytester.runpytest_inprocess(*(f"-pno:{name}" for name in others), *args).outlines

    return run_suite


def test_rows_are_counted_once_and_tests_by_their_cases(run):
    assert "threats: 5 rows proved by 5 tests" in run(SUITE)


def test_only_what_has_run_counts(run):
    assert "threats: 3 rows proved by 1 tests" in run(SUITE, "-k", "of_two_more")


def test_a_row_is_not_proved_while_a_test_of_it_fails_or_does_not_run(run):
    assert "threats: 1 rows proved by 2 tests" in run(UNPROVED)


@pytest.mark.parametrize(("source", "args"), [(PLAIN, []), (SUITE, ["--collect-only"])])
def test_a_run_that_proves_nothing_does_not_speak_of_it(run, source, args):
    assert not [line for line in run(source, *args) if "threats:" in line]
