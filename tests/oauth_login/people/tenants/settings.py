"""The settings of the tests, with these people."""

from tests import settings
from tests.settings import *  # noqa: F403

AUTH_USER_MODEL = "tenants.Person"
AUTHENTICATION_BACKENDS = [
    "tests.oauth_login.people.tenants.backends.TenantBackend",
    "django.contrib.auth.backends.ModelBackend",
]
INSTALLED_APPS = ["tests.oauth_login.people.tenants", *settings.INSTALLED_APPS]
ALLOWED_HOSTS = ["testserver", "one.example", "two.example", "nobody.example"]
