"""The settings of the tests, with these people."""

from tests import settings
from tests.settings import *  # noqa: F403

AUTH_USER_MODEL = "members.Member"
AUTHENTICATION_BACKENDS = [
    "tests.oauth_login.people.members.backends.MemberBackend",
    "django.contrib.auth.backends.ModelBackend",
]
INSTALLED_APPS = ["tests.oauth_login.people.members", *settings.INSTALLED_APPS]
ROOT_URLCONF = "tests.oauth_login.people.members.site"
