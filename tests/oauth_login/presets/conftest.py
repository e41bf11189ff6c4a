"""What the tests of presets share: a way to set one up, and what it is to be turned away."""

import pytest

from oauth_login.causes import CAUSES
from oauth_login.models import SignIn
from tests.oauth_login.presets.site import Preset


@pytest.fixture
def preset(servers, visitor, settings, unlimited):
    """A way to set one up."""
    return lambda name: Preset(name, servers(), visitor, settings)


@pytest.fixture
def turned_away(rows):
    """Assert that nobody is signed in and nothing is written, but a line of the log."""

    def check(preset, answer, *codes):
        assert answer.context["code"] in codes
        assert answer.status_code == CAUSES[answer.context["code"]].status
        assert preset.visitor.user is None
        assert rows() == (0, 0, 0)
        assert [log.outcome for log in SignIn.objects.all()] == [answer.context["code"]]

    return check
