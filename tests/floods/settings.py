"""A site behind a proxy, whose database, provider and limits are the test's.

Its workers share the database, and the cache if that is a server; else each has one in its own memory, and
so counts for itself.
"""

from tests import settings
from tests.settings import *  # noqa: F403

ALLOWED_HOSTS = ["127.0.0.1"]
IN_A_FILE = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    # A disk that is waited for at each of hundreds of writes would be most of a flood.
    "init_command": "PRAGMA synchronous=OFF",
}
DATABASES = {
    "default": {
        **settings.DATABASES["default"],
        "OPTIONS": IN_A_FILE if settings.DATABASES["default"]["ENGINE"].endswith(".sqlite3") else {},
    }
}
OAUTH_LOGIN = settings.env.json("OAUTH_LOGIN")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
