"""Traces some cases of each test for coverage: to trace one costs as much again as to run it.

Of a test with very many cases, such as one for each preset and each bad answer, the others show nothing new
of which lines are run. What only they reach is reported as not covered, and then wants a test of its own.
"""

from collections import defaultdict

import pytest

TRACED = 12  # cases of a test, spread over all of them


def pytest_collection_modifyitems(items):
    """Mark the cases that pytest-cov is not to trace: the same ones in whatever order tests run."""
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    for of_one in cases.values():
        of_one.sort(key=lambda item: item.nodeid)
        traced = {len(of_one) * number // TRACED for number in range(TRACED)}
        for place, item in enumerate(of_one):
            if len(of_one) > TRACED and place not in traced:
                item.add_marker(pytest.mark.no_cover)
