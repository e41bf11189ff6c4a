"""The sites are there for all floods: each flood has addresses, and so counters, of its own."""

import sys

import pytest

from tests.floods.site import running
from tests.oauth_login.many_people import ManyPeople


@pytest.fixture(scope="session")
def provider():
    """A provider, and everything it was asked."""
    with ManyPeople() as provider:
        yield provider


@pytest.fixture(scope="session")
def limited(tmp_path_factory, new_database, provider):
    """A site with the limits that every site has."""
    with running(tmp_path_factory.mktemp("limited"), new_database("limited"), provider, {}) as site:
        yield site


@pytest.fixture(scope="session")
def unlimited(tmp_path_factory, new_database, provider):
    """A site that counts, but holds nobody back."""
    generous = {"STARTS_PER_MINUTE": 1_000_000, "CALLBACKS_PER_MINUTE": 1_000_000}
    database = new_database("unlimited")
    with running(tmp_path_factory.mktemp("unlimited"), database, provider, generous) as site:
        yield site


@pytest.fixture
def figures(request):
    """Say what was counted; ``pytest -s`` shows it."""

    def say(**counts):
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        sys.stdout.write(f"\n{request.node.name}: {told}\n")

    return say
