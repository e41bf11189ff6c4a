"""Says at the end of a run how many threats it has proved to come to nothing: ``pytest -m threat``."""

from collections.abc import Iterable

import pytest

THREAT = "threat"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note the ids that a test cites where its reports carry them, even from another process (xdist)."""
    ids = {str(id_) for mark in item.iter_markers(THREAT) for id_ in mark.args}
    item.user_properties += [(THREAT, id_) for id_ in sorted(ids)]


def cited(reports: Iterable[pytest.TestReport]) -> dict[str, set[str]]:
    """Return the tests among *reports* by the ids they cite."""
    tests: dict[str, set[str]] = {}
    for report in reports:
        for name, id_ in getattr(report, "user_properties", ()):
            if name == THREAT:
                tests.setdefault(str(id_), set()).add(report.nodeid)
    return tests


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the rows that a test has passed for and none has failed for."""
    passed = cited(terminalreporter.stats.get("passed", []))
    broken = cited([*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])])
    tests = set().union(*passed.values())
    if tests:
        rows = passed.keys() - broken.keys()
        terminalreporter.line(f"threats: {len(rows)} rows proved by {len(tests)} tests")
