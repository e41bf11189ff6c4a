"""What need not be done twice: some tests run in one of ``.ci/run``'s runs only, and some are not traced.

Of a test with very many cases, one for each preset and each bad answer, some are enough to see which lines
are run, and that they run alike elsewhere. To trace a case costs as much again as to run it.
"""

from collections import defaultdict

import pytest

ENOUGH = 40  # cases of a test of presets, spread over all of them


@pytest.hookimpl(tryfirst=True)  # before -m
def pytest_collection_modifyitems(items):
    """Mark the cases beyond: the same ones in whatever order tests run.

    Not those of files in which each case has lines of its own.
    """
    cases = defaultdict(list)
    for item in items:
        if item.path.name == "test_presets.py":
            cases[item.nodeid.partition("[")[0]].append(item)
    for of_one in cases.values():
        of_one.sort(key=lambda item: item.nodeid)
        traced = {len(of_one) * number // ENOUGH for number in range(ENOUGH)}
        for place, item in enumerate(of_one):
            if len(of_one) > ENOUGH and place not in traced:
                item.add_marker(pytest.mark.no_cover)
                item.add_marker(pytest.mark.once)
