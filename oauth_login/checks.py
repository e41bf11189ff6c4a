"""System checks: every way to get the settings wrong has an id, and a hint that says what to do.

The ids never change their meaning; the reference documentation lists them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import load_backend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's names
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from oauth_login import conf
from oauth_login.backends import OAuthBackend
from oauth_login.problems import Problem

REQUEST_PROCESSOR: Final = "django.template.context_processors.request"


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Check ``settings.OAUTH_LOGIN`` and what the app needs around it."""
    problems = (
        Error(problem.message, hint=_hint(problem), id=_id(problem.id)) for problem in conf.problems()
    )
    return [*problems, *_surroundings(), *_sandbox(), *_providers()]


def check_deployment(**_kwargs: Any) -> list[CheckMessage]:
    """Check what only matters in production (``manage.py check --deploy``)."""
    found: list[CheckMessage] = []
    origin = conf.setting("ORIGIN")
    if origin is None and "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "The callback URL would follow any Host header.",
                hint="List the hosts in ALLOWED_HOSTS, or set OAUTH_LOGIN['ORIGIN'].",
                id=_id("E020"),
            )
        )
    if isinstance(origin, str) and origin.startswith("http:"):
        found.append(
            Error(
                f"OAUTH_LOGIN['ORIGIN'] is not https: {origin!r}.",
                hint="Codes and cookies would travel in clear. Loopback is for development.",
                id=_id("E021"),
            )
        )
    return found


def _surroundings() -> Iterator[CheckMessage]:
    if not any(_is_ours(path) for path in settings.AUTHENTICATION_BACKENDS):
        yield Error(
            "No OAuthBackend in AUTHENTICATION_BACKENDS: nobody could sign in.",
            hint="Add 'oauth_login.backends.OAuthBackend', or your subclass of it.",
            id=_id("E012"),
        )
    for middleware in (SessionMiddleware, AuthenticationMiddleware):
        if not _installed(middleware):
            yield Error(
                f"{middleware.__name__} is not in MIDDLEWARE.",
                hint=f"Add '{middleware.__module__}.{middleware.__qualname__}'.",
                id=_id("E013"),
            )
    if _callback("alias") is None:
        yield Error(
            "The pages of oauth_login are not in the URL configuration.",
            hint='Add path("oauth2/", include("oauth_login.urls")) to urlpatterns.',
            id=_id("E014"),
        )
    if not any(REQUEST_PROCESSOR in _processors(engine) for engine in settings.TEMPLATES):
        yield Error(
            f"{REQUEST_PROCESSOR} is not among the context processors.",
            hint="{% sign_in_buttons %} needs the request. Add it to TEMPLATES.",
            id=_id("E015"),
        )
    if not _installed(MessageMiddleware):
        yield Warning(
            "Messages are not installed: a visitor who cancels is told nothing.",
            hint="Add django.contrib.messages and its middleware.",
            id=_id("W003"),
        )


def _sandbox() -> Iterator[CheckMessage]:
    if conf.setting("SANDBOX") is True and not settings.DEBUG:
        yield Error(
            "OAUTH_LOGIN['SANDBOX'] is on, but DEBUG is off.",
            hint="The sandbox lets anybody be anybody. Remove SANDBOX and set credentials.",
            id=_id("E011"),
        )


def _providers() -> Iterator[CheckMessage]:
    providers = conf.provider_settings()
    if not providers:
        yield Warning(
            "OAUTH_LOGIN has no PROVIDERS: there is no way to sign in.",
            hint='OAUTH_LOGIN = {"PROVIDERS": {"github": {"CLIENT_ID": …, "CLIENT_SECRET": …}}}',
            id=_id("W001"),
        )
    if str(conf.setting("ORIGIN")).startswith("http://localhost"):
        yield Warning(
            "OAUTH_LOGIN['ORIGIN'] is localhost, a name that other machines' listeners can answer to.",
            hint="Use http://127.0.0.1 (RFC 8252 §8.3), here and in the browser.",
            id=_id("W002"),
        )
    for alias, options in providers.items():
        if isinstance(options, Mapping) and options.get("PKCE") is False:
            yield Warning(
                f"PKCE is off for {alias!r}.",
                hint="Servers that do not know PKCE ignore it; remove the key unless one refuses it.",
                id=_id("W004"),
            )


def _hint(problem: Problem) -> str:
    """Return the hint; where a registration is missing, with the exact URL to register."""
    if not problem.unregistered:
        return problem.hint
    path = _callback(problem.unregistered) or f"/…/{problem.unregistered}/callback/"
    return f"{problem.hint} Its callback URL: {_likely_origin()}{path}"


def _likely_origin() -> str:
    """Return where the site most likely is; there is no request to ask at start-up."""
    named = [host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))]
    if origin := conf.setting("ORIGIN"):
        return str(origin)
    return f"https://{named[0]}" if named and not settings.DEBUG else "http://127.0.0.1:8000"


def _callback(alias: str) -> str | None:
    try:
        return reverse("oauth_login:callback", kwargs={"alias": alias})
    except NoReverseMatch:
        return None


def _is_ours(path: str) -> bool:
    try:
        return isinstance(load_backend(path), OAuthBackend)
    except ImportError:
        return False


def _installed(middleware: type) -> bool:
    classes = (import_string(path) for path in settings.MIDDLEWARE)
    return any(isinstance(cls, type) and issubclass(cls, middleware) for cls in classes)


def _processors(engine: Mapping[str, Any]) -> list[str]:
    return list(engine.get("OPTIONS", {}).get("context_processors", []))


def _id(number: str) -> str:
    return f"oauth_login.{number}"
