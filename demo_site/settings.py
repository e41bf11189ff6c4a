"""Settings from the environment, explained in ``.env.example``. Secure unless ``DEBUG`` is asked for."""

import os
from pathlib import Path
from urllib.parse import quote

import django
import environ
from django.core.exceptions import ImproperlyConfigured

from demo_site.mail import mail_settings
from oauth_login.conf import providers_from_environ, without_credentials

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# What the environment already says wins over the file.
env.read_env(env.str("ENV_FILE", default="") or BASE_DIR / ".env")

# --- Who may see what ------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)

# A key that everybody can read here is no key: it serves a DEBUG site on the loopback, nothing else.
SECRET_KEY = env.str("SECRET_KEY", default="") or (
    "django-insecure-the-demo-runs-with-debug-on-and-with-this-key" if DEBUG else ""
)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set, and DEBUG is off. Set it in the environment or in .env; "
        "python -c 'import secrets; print(secrets.token_urlsafe(64))' makes one. "
        "To try the site out, set DEBUG=1 instead."
    )
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOOPBACK if DEBUG else [])

SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEBUG
SECURE_HSTS_PRELOAD = not DEBUG
SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SECURE = not DEBUG
LANGUAGE_COOKIE_SECURE = not DEBUG
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# Never by default: without a proxy that overwrites this header, any visitor could send it.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

# Browsers apply form-action to the redirect that follows a form too, and a sign-in starts with a form.
FORM_ACTION_ORIGINS = env.list("FORM_ACTION_ORIGINS", default=["https://github.com"])
# Visitors' pictures stay where their providers keep them, and anybody else would see who reads the page.
IMG_ORIGINS = env.list("IMG_ORIGINS", default=["https://avatars.githubusercontent.com"])

# Behind one proxy, visitors' addresses are what that one says; see TRUSTED_PROXIES in the README.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=int(BEHIND_PROXY))

# --- What the site is made of ------------------------------------------------------------------------

INSTALLED_APPS = [
    "demo_site",
    "guestbook",
    "oauth_login",
    "whitenoise.runserver_nostatic",  # before staticfiles: runserver serves files as production does
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "demo_site.csp.ContentSecurityPolicyMiddleware",  # around everything that answers
    "whitenoise.middleware.WhiteNoiseMiddleware",
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
ASGI_APPLICATION = "demo_site.asgi.application"

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

# --- Where it keeps things ---------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{quote(str(BASE_DIR / 'demo.sqlite3'))}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Two visitors who write at once wait for each other. Without IMMEDIATE the second one fails instead:
    # a transaction that has read cannot wait for the right to write.
    DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # The manifest exists after collectstatic only, so not while trying things out.
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

# --- Who signs in, and how ---------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "oauth_login.backends.OAuthBackend",
    "django.contrib.auth.backends.ModelBackend",  # the owner's password, for the admin
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "oauth_login:login"
CSRF_FAILURE_VIEW = "guestbook.views.stale_form"  # keeps what was typed
LOGIN_REDIRECT_URL = "guestbook:index"
LOGOUT_REDIRECT_URL = "guestbook:index"

ORIGIN = env.str("ORIGIN", default="") or None
if ORIGIN:
    # There the provider sends the visitor back, still in the chain of redirects that the form began.
    FORM_ACTION_ORIGINS = [*FORM_ACTION_ORIGINS, ORIGIN]
# The buttons to try out. In production there are those of configured providers, and GitHub's.
OAUTH_SANDBOX_PROVIDERS = env.list("OAUTH_SANDBOX_PROVIDERS", default=["github"]) if DEBUG else ["github"]
OAUTH_LOGIN = {
    "PROVIDERS": {**without_credentials(OAUTH_SANDBOX_PROVIDERS), **providers_from_environ(os.environ)},
    # It answers for providers without credentials only: with GitHub's set, GitHub itself is asked.
    "SANDBOX": DEBUG,
    "ORIGIN": ORIGIN,
    "RELAY_ORIGINS": env.list("RELAY_ORIGINS", default=[]),
    "TRUSTED_PROXIES": TRUSTED_PROXIES,
    "PASSWORD_LOGIN_URL": "password",
}

# --- Mail --------------------------------------------------------------------------------------------

# Who links or unlinks an account gets a letter: on the terminal, while trying things out.
mail = env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
vars().update(mail_settings(mail, django.VERSION))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="webmaster@localhost")

# --- Languages and logs ------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO"},
        "oauth_login": {"handlers": ["console"], "level": "INFO"},
    },
}
