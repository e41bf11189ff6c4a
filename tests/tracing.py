"""What is not traced: to trace a test costs as much again as to run it.

Of a test of presets with very many cases, one for each preset and each bad answer, some are enough to see
which lines are run. And what a browser or somebody else's server does to a site is done to it in other tests,
too.
"""

from collections import defaultdict

import pytest

from tests.oauth_login.fake_github import close_connections

ENOUGH = 40  # cases of a test of presets, spread over all of them
ELSEWHERE = ("browser", "interop")


@pytest.hookimpl(tryfirst=True)  # before pytest-cov looks
def pytest_collection_modifyitems(config, items):
    """Mark what is in those directories, and the cases beyond: the same ones in whatever order tests run."""
    elsewhere = tuple(config.rootpath / "tests" / name for name in ELSEWHERE)
    presets = config.rootpath / "tests" / "oauth_login" / "presets"
    cases = defaultdict(list)
    for item in items:
        if any(item.path.is_relative_to(place) for place in elsewhere):
            item.add_marker(pytest.mark.no_cover)
        elif item.path.is_relative_to(presets):
            cases[item.nodeid.partition("[")[0]].append(item)
    for of_one in cases.values():
        of_one.sort(key=lambda item: item.nodeid)
        traced = {len(of_one) * number // ENOUGH for number in range(ENOUGH)}
        for place, item in enumerate(of_one):
            if len(of_one) > ENOUGH and place not in traced:
                item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    """Close the connections that such a test has kept: whoever answers there is never traced."""
    if item.get_closest_marker("no_cover"):
        close_connections()
