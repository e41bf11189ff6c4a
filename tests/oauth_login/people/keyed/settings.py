"""The settings of the tests, with these people."""

from tests import settings
from tests.settings import *  # noqa: F403

AUTH_USER_MODEL = "keyed.Person"
INSTALLED_APPS = [
    "tests.oauth_login.people.keyed",
    "tests.oauth_login.people.badges",
    *settings.INSTALLED_APPS,
]
