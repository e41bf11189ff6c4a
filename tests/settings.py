"""The smallest site that has everything: what a test does not set itself is said here, not in a ``.env``."""

import os
from urllib.parse import urlsplit

import environ

env = environ.Env()

DEBUG = False
SECRET_KEY = "only-the-tests-know-this-key-and-everybody-knows-the-tests-0123456789"
ALLOWED_HOSTS = ["testserver"]

INSTALLED_APPS = [
    "demo_site",
    "guestbook",
    "oauth_login",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "demo_site.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_site.urls"
WSGI_APPLICATION = "demo_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Other servers are a command away: scripts/services run postgresql redis -- make test
DATABASES = {"default": env.db("DATABASE_URL", default="sqlite://:memory:")}
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}
# Tests empty the cache. So each process of a run has one of its own, which at a server is one of that number.
number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
CACHES["default"]["LOCATION"] = urlsplit(CACHES["default"]["LOCATION"])._replace(path=number).geturl()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "oauth_login.backends.OAuthBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Made to be fast, which is what makes it unfit for anything but tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Of no effect before Django 6.1, which tells of its absence.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
LOGIN_URL = "oauth_login:login"
CSRF_FAILURE_VIEW = "guestbook.views.stale_form"  # keeps what was typed
LOGIN_REDIRECT_URL = "guestbook:index"
LOGOUT_REDIRECT_URL = "guestbook:index"

OAUTH_LOGIN = {
    "PROVIDERS": {
        "github": {"CLIENT_ID": "client-id-of-the-tests", "CLIENT_SECRET": "client-secret-of-the-tests"},
    },
    "PASSWORD_LOGIN_URL": "/password/",
}
FORM_ACTION_ORIGINS = ["https://github.com"]
IMG_ORIGINS = ["https://avatars.githubusercontent.com"]

STATIC_URL = "static/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True
