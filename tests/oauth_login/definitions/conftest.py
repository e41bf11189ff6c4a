"""What the tests of definitions share: a site."""

import pytest

from tests.oauth_login.definitions.forge import Site


@pytest.fixture
def site(servers, visitor, settings, unlimited):
    return Site(servers(), visitor, settings)
