"""What every test may use."""

import pytest
from django.core.cache import cache
from django.utils import translation

from oauth_login.documents import MEMORY
from tests.names import only_this_machine

# pytester runs pytest inside a test: the tests of tests/needs.py need it.
pytest_plugins = [
    "tests.needs",
    "tests.threats",
    "tests.databases",
    "tests.tracing",
    "tests.interop.servers",
    "pytester",
]


@pytest.fixture(autouse=True)
def language_of_the_settings():
    """Forget the language that another test's request has left active in this thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def nobody_counted_yet():
    """Forget what another test's visitors, who all have one address, have been counted for."""
    cache.clear()


@pytest.fixture
def cache_with_our_clock(settings):
    """A cache that forgets when a test moves the clock: one in a server has a clock of its own."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Forget what providers have told another test's site."""
    MEMORY.clear()


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Fail the test that looks up a host other than this machine."""
    with only_this_machine():
        yield
