"""A site behind a proxy, whose database, provider and limits are the test's.

Its workers share nothing but the database: each has a cache in its own memory, and so counts for itself.
"""

from tests import settings
from tests.settings import *  # noqa: F403

ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {
    "default": {
        **settings.env.db("DATABASE_URL"),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            # A disk that is waited for at each of hundreds of writes would be most of a flood.
            "init_command": "PRAGMA synchronous=OFF",
        },
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
OAUTH_LOGIN = settings.env.json("OAUTH_LOGIN")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
