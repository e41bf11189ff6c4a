"""The settings of the tests, with these people."""

from tests import settings
from tests.settings import *  # noqa: F403

AUTH_USER_MODEL = "addressed.Person"
INSTALLED_APPS = ["tests.oauth_login.people.addressed", *settings.INSTALLED_APPS]
