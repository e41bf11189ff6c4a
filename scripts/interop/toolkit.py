"""An OpenID Provider on this machine, made of django-oauth-toolkit: a Django project in one file.

Start it with the Python that has it: ``.interop/venv/bin/python scripts/interop/toolkit.py``, and a redirect
URI and a post-logout redirect URI if they are not those of ``make demo``.

It speaks as ``oidc-provider.mjs`` does: first a line of JSON with the issuer and one client, then a line for
each request, written before the answer. It ends when its input does. Its one person is ``ada`` with the
password ``right``.
"""

import json
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urljoin
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

REDIRECT_URI = sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:8000/oauth2/acme/callback/"
POST_LOGOUT_REDIRECT_URI = sys.argv[2] if sys.argv[2:] else urljoin(REDIRECT_URI, "/")

PERSON = {"username": "ada", "password": "right", "email": "ada@acme.example"}
CLIENT = {"client_id": "acme", "client_secret": "only-the-site-and-the-toolkit-know-this"}

PAGES = {
    "registration/login.html": """<h1>Sign in</h1><form method="post">{% csrf_token %}{{ form }}
        <input type="hidden" name="next" value="{{ next }}"><button>Continue</button></form>""",
}


def new_key() -> str:
    """Return a signing key in PEM."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def configure(database: Path) -> None:
    """Set Django up for this file, with *database* as its only memory."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY="not-much-of-a-secret-as-it-lives-as-long-as-the-process",
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", PAGES),
                        "django.template.loaders.app_directories.Loader",
                    ]
                },
            }
        ],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": {"timeout": 20}}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGIN_URL="/login/",
        PASSWORD_HASHERS=[
            "django.contrib.auth.hashers.MD5PasswordHasher"
        ],  # fast: there is nothing to protect
        STATIC_URL="static/",
        USE_TZ=True,
        OAUTH2_PROVIDER={
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.People",
            "OIDC_ENABLED": True,
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": new_key(),
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "Sign in", "profile": "Your name", "email": "Your address"},
        },
    )
    django.setup()


directory = TemporaryDirectory(prefix="toolkit-")
configure(Path(directory.name, "db.sqlite3"))

# Django lets nobody import models before it is set up.
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from oauth2_provider.models import Application
from oauth2_provider.oauth2_validators import OAuth2Validator


class People(OAuth2Validator):
    """What is told about a person, in the ID Token and by UserInfo."""

    def get_additional_claims(self, request: Any) -> dict[str, object]:
        """Return the claims; the package leaves those out whose scope was not granted."""
        user = request.user
        return {
            "preferred_username": user.username,
            "name": f"{user.username} of Acme",
            "email": user.email,
            "email_verified": True,
        }


urlpatterns = [
    path("login/", LoginView.as_view()),
    path("o/", include("oauth2_provider.urls")),
]


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request: an open connection must not keep others waiting."""

    daemon_threads = True


class Handler(WSGIRequestHandler):
    """Says what is asked, on the output."""

    def log_message(self, *args: object) -> None:
        """Say nothing when a request has been answered: it has been said before."""

    def get_environ(self) -> dict[str, Any]:
        """Say what is asked, and return what WSGI calls it."""
        environ = super().get_environ()
        say(f"{self.command} {environ['PATH_INFO']}")
        return environ


def say(line: str) -> None:
    """Write a line of output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fill() -> None:
    """Make the tables, the person and the client."""
    call_command("migrate", verbosity=0)
    User.objects.create_user(**PERSON)
    Application.objects.create(
        **CLIENT,
        name="The site",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        algorithm=Application.RS256_ALGORITHM,
        redirect_uris=REDIRECT_URI,
        post_logout_redirect_uris=POST_LOGOUT_REDIRECT_URI,
    )


def main() -> None:
    """Serve until the input ends."""
    fill()
    with make_server("127.0.0.1", 0, get_wsgi_application(), Server, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say(json.dumps({"issuer": f"http://127.0.0.1:{server.server_port}/o", **CLIENT}))
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    with directory:
        main()
