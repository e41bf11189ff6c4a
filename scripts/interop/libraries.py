"""A site as it was before it moved: its people signed in through another library, which writes them itself.

Start it with the Python that has them: ``.interop/libraries/bin/python scripts/interop/libraries.py allauth
db.sqlite3 300``, with ``allauth``, ``social-auth`` or ``mozilla-oidc``, the file to make, and how many.
No provider is asked: what one would have answered is made up, and goes through the library's own code from
there.

The last line of output is JSON: what each person is called by whom, and the user they are.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

LIBRARY, DATABASE, NUMBER = sys.argv[1], sys.argv[2], int(sys.argv[3])

ISSUER = "https://op.example"
GITHUB_CLIENT = "client-id-of-the-tests"
APPS = {
    "allauth": (
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.github",
        "allauth.socialaccount.providers.google",
        "allauth.socialaccount.providers.openid_connect",
    ),
    "social-auth": ("social_django",),
    "mozilla-oidc": ("mozilla_django_oidc",),
}
Person = tuple[str, str, Any]


def configure() -> None:
    """Set Django up, as each library's documentation says."""
    settings.configure(
        SECRET_KEY="not-much-of-a-secret-as-it-lives-as-long-as-the-process",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            *APPS[LIBRARY],
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *(["allauth.account.middleware.AccountMiddleware"] if LIBRARY == "allauth" else []),
        ],
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            *(
                [
                    "social_core.backends.github.GithubOAuth2",
                    "social_core.backends.google.GoogleOAuth2",
                    "social_core.backends.open_id_connect.OpenIdConnectAuth",
                ]
                if LIBRARY == "social-auth"
                else []
            ),
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SOCIALACCOUNT_STORE_TOKENS=True,
        SOCIALACCOUNT_PROVIDERS={
            "google": {"APPS": [{"client_id": "client-of-google", "secret": "a secret"}]},
            "openid_connect": {
                "APPS": [
                    {
                        "provider_id": "acme",
                        "name": "Acme",
                        "client_id": "client-of-the-tests",
                        "secret": "a secret",
                        "settings": {"server_url": ISSUER},
                    }
                ]
            },
        },
        OIDC_OP_TOKEN_ENDPOINT=f"{ISSUER}/token",
        OIDC_OP_USER_ENDPOINT=f"{ISSUER}/userinfo",
        OIDC_RP_CLIENT_ID="client-of-the-tests",
        OIDC_RP_CLIENT_SECRET="a secret",
        OIDC_USERNAME_ALGO=f"{__name__}.sub_as_name",
    )
    django.setup()


def sub_as_name(_email: str, claims: dict[str, Any]) -> str:
    """Name users of mozilla-django-oidc as sites do that want to know them again."""
    return str(claims["sub"])


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a provider, and what it would have said of somebody who has just signed in there."""
    for number in range(1, NUMBER + 1):
        name, email = f"person{number}", f"person{number}@example.com"
        if number % 5 == 3:
            sub = f"11{number:019d}"
            yield "google", {"iss": "https://accounts.google.com", "sub": sub, "email": email, "name": name}
        elif number % 5 == 4:
            whom = {"iss": ISSUER, "sub": f"sub-{number}", "aud": "client-of-the-tests"}
            yield "acme", {**whom, "email": email, "preferred_username": name}
        else:
            page = f"https://github.com/{name}"
            yield "github", {"id": number, "login": name, "name": name, "email": email, "html_url": page}


def granted(number: int, **more: Any) -> dict[str, Any]:
    """Return what the token endpoint would have said."""
    return {
        "access_token": f"access-token-{number}",
        "refresh_token": f"refresh-token-{number}",
        "token_type": "bearer",
        "expires_in": 28_800,
        **more,
    }


def by_allauth() -> Iterator[Person]:
    """Sign people up as its views do, once a provider has answered."""
    from allauth.account.models import EmailAddress
    from allauth.core import context
    from allauth.socialaccount.adapter import get_adapter
    from allauth.socialaccount.models import SocialApp
    from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory

    app = SocialApp.objects.create(
        provider="github", name="GitHub", client_id=GITHUB_CLIENT, secret="a secret"
    )
    request = RequestFactory().get("/")
    request.session = SessionStore()
    with context.request_context(request):
        for number, (name, said) in enumerate(answers(), 1):
            provider = get_adapter().get_provider(request, name)
            told = {"userinfo": said, "id_token": said} if name == "acme" else said
            login = provider.sociallogin_from_response(request, told)
            login.token = OAuth2Adapter(request).parse_token(granted(number))
            login.token.app = app if name == "github" else None
            login.user.username = f"person{number}"
            login.save(request)
            yield name, login.account.uid, login.user.pk
    if EmailAddress.objects.count() < NUMBER:
        raise SystemExit("allauth has not saved what it saves.")


def by_social_auth() -> Iterator[Person]:
    """Associate people as its pipeline does: its own backends say what the id and the extra data are."""
    import jwt
    from django.contrib.auth.models import User
    from social_django.models import UserSocialAuth
    from social_django.utils import load_backend, load_strategy

    names = {"github": "github", "google": "google-oauth2", "acme": "oidc"}
    for number, (name, said) in enumerate(answers(), 1):
        backend = load_backend(load_strategy(), names[name], redirect_uri=None)
        signed = {"id_token": jwt.encode(said, "x" * 32, algorithm="HS256")} if name == "acme" else {}
        backend.id_token = said
        response = said | granted(number, **signed)
        details = backend.get_user_details(response)
        user = User.objects.create_user(details["username"] or f"person{number}", details["email"])
        uid = backend.get_user_id(details, response)
        made = UserSocialAuth.create_social_auth(user, uid, backend.name, backend.id_key())
        extra = backend.extra_data(user, uid, response, details, {})
        made.set_extra_data({"auth_time": int(time.time()), **extra})
        yield backend.name, made.uid, user.pk


def by_mozilla_oidc() -> Iterator[Person]:
    """Create users as its backend does when it has got the claims."""
    from mozilla_django_oidc.auth import OIDCAuthenticationBackend

    backend = OIDCAuthenticationBackend()
    for number in range(1, NUMBER + 1):
        claims = {"iss": ISSUER, "sub": f"sub-{number}", "email": f"person{number}@example.com"}
        user = backend.create_user(claims)
        yield "mozilla-oidc", claims["sub"], user.pk


def main() -> None:
    """Fill the database."""
    configure()
    call_command("migrate", verbosity=0)
    from django.db import transaction

    fill = {"allauth": by_allauth, "social-auth": by_social_auth, "mozilla-oidc": by_mozilla_oidc}[LIBRARY]
    with transaction.atomic():
        people = list(fill())
    sys.stdout.write(json.dumps(people) + "\n")


if __name__ == "__main__":
    main()
