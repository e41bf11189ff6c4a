"""System checks: every way to get the settings wrong has an id, and a hint that says what to do.

The ids never change their meaning; the reference documentation lists them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import load_backend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  Django's names
from django.http.request import split_domain_port, validate_host
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from oauth_login import conf, redirects, session_index
from oauth_login.backends import OAuthBackend
from oauth_login.expectations import CREDENTIALS, is_origin
from oauth_login.problems import Problem

REQUEST_PROCESSOR: Final = "django.template.context_processors.request"
#: What examples have in the place of a credential, without what is around it and between its words.
PLACEHOLDERS: Final = frozenset(
    {"changeit", "changeme", "fixme", "none", "null", "password", "placeholder", "replaceme", "tbd", "todo"}
).union(
    f"{whose}{of_what}{what}{where}"
    for whose in ("", "my", "the", "your")
    for of_what in ("", "client", "githubclient", "oauthgithubclient")
    for what in ("id", "secret")
    for where in ("", "here")
)


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Check ``settings.OAUTH_LOGIN`` and what the app needs around it."""
    problems = (
        Error(problem.message, hint=_hint(problem), id=_id(problem.id)) for problem in conf.problems()
    )
    return [*problems, *_surroundings(), *_destinations(), *_sandbox(), *_sessions(), *_providers()]


def check_deployment(**_kwargs: Any) -> list[CheckMessage]:
    """Check what only matters in production (``manage.py check --deploy``)."""
    found: list[CheckMessage] = []
    origin = conf.written("ORIGIN")
    if origin is None and "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "The callback URL would follow any Host header.",
                hint="List the hosts in ALLOWED_HOSTS, or set OAUTH_LOGIN['ORIGIN'].",
                id=_id("E020"),
            )
        )
    return [*found, *_plain_origins(), *_throttling()]


def _plain_origins() -> Iterator[CheckMessage]:
    for place in (conf.written("ORIGIN"), *_relay_origins()):
        if isinstance(place, str) and place.startswith("http:"):
            yield Error(
                f"An origin in OAUTH_LOGIN is not https: {place!r}.",
                hint="Codes and cookies would travel in clear. Loopback is for development.",
                id=_id("E021"),
            )


def _throttling() -> Iterator[CheckMessage]:
    backend = settings.CACHES.get("default", {}).get("BACKEND", "")
    if backend.endswith((".LocMemCache", ".DummyCache", ".FileBasedCache", ".DatabaseCache")):
        yield Warning(
            "The default cache cannot count for all workers: it is one's own, miscounts, or is the database.",
            hint="The limits on starts and callbacks need a shared cache that counts, such as Redis.",
            id=_id("W006"),
        )
    if settings.CSRF_USE_SESSIONS:
        yield Warning(
            "CSRF_USE_SESSIONS is on: every page with a sign-in button writes a session, for any passer-by.",
            hint="Leave the token in its cookie, or limit anonymous requests in front of the site.",
            id=_id("W010"),
        )
    is_behind_proxy = settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST
    if is_behind_proxy and conf.written("TRUSTED_PROXIES") == 0:
        yield Warning(
            "A proxy stands in front of this site, but OAUTH_LOGIN['TRUSTED_PROXIES'] is 0.",
            hint="All visitors have the proxy's address, and one limit together. Say how many proxies.",
            id=_id("W007"),
        )


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


def _destinations() -> Iterator[CheckMessage]:
    origin, relays = conf.written("ORIGIN"), _relay_origins()
    for name, place in [("ORIGIN", origin), *(("RELAY_ORIGINS", relay) for relay in relays)]:
        if is_origin(place) and not _is_allowed(place):
            yield Warning(
                f"ALLOWED_HOSTS does not accept the host of OAUTH_LOGIN[{name!r}]: {place} would be a 400.",
                hint=f"Add the host, or correct {name}. Right only if a proxy rewrites the Host header.",
                id=_id("W005"),
            )
    if relays and origin is None:
        yield Warning(
            "OAUTH_LOGIN has RELAY_ORIGINS, but no ORIGIN: each start would come back to where it was made.",
            hint="Set ORIGIN to the address that is registered with the providers.",
            id=_id("W009"),
        )
    for relay in relays:
        if is_origin(origin) and urlsplit(relay).scheme != urlsplit(str(origin)).scheme:
            yield Warning(
                f"OAUTH_LOGIN['RELAY_ORIGINS'] has {relay!r}, but ORIGIN has another scheme.",
                hint="A site is reached over one scheme; nobody would be led there.",
                id=_id("W011"),
            )
    if not redirects.chosen_page():
        yield Error(
            "LOGIN_REDIRECT_URL names no page.",  # not which: a lazy one cannot even be shown
            hint="Set a path, a URL, or the name of one of your URL patterns.",
            id=_id("E016"),
        )
    if not _names_a_page(conf.written("PASSWORD_LOGIN_URL")):
        yield Error(
            "OAUTH_LOGIN['PASSWORD_LOGIN_URL'] names no page.",
            hint="Set a path, or the name of the URL pattern of your LoginView; or remove it.",
            id=_id("E026"),
        )


def _names_a_page(written: object) -> bool:
    """Tell whether a setting is a path or the name of a page; what cannot be either, E003 reports."""
    try:
        return not (isinstance(written, str) and written) or bool(urlsplit(resolve_url(written)))
    except (NoReverseMatch, ValueError):  # ValueError: it is no URL
        return False


def _sandbox() -> Iterator[CheckMessage]:
    if conf.written("SANDBOX") is True and not settings.DEBUG:
        yield Error(
            "OAUTH_LOGIN['SANDBOX'] is on, but DEBUG is off.",
            hint="The sandbox lets anybody be anybody. Remove SANDBOX and set credentials.",
            id=_id("E011"),
        )


def _sessions() -> Iterator[CheckMessage]:
    providers = [options for options in conf.provider_settings().values() if isinstance(options, Mapping)]
    asked = [options for options in providers if options.get("BACKCHANNEL_LOGOUT") is True]
    if (asked or conf.written("SESSIONS_END_ON_REVOCATION") is True) and not session_index.can_end():
        yield Error(
            "Sessions are to end when a provider says so, but SESSION_ENGINE keeps them in cookies only.",
            hint="Use sessions in the database, a cache or files; or remove BACKCHANNEL_LOGOUT "
            "and SESSIONS_END_ON_REVOCATION.",
            id=_id("E023"),
        )


def _providers() -> Iterator[CheckMessage]:
    providers = conf.provider_settings()
    if not providers:
        yield Warning(
            "OAUTH_LOGIN has no PROVIDERS: there is no way to sign in.",
            hint='OAUTH_LOGIN = {"PROVIDERS": {"github": {"CLIENT_ID": …, "CLIENT_SECRET": …}}}',
            id=_id("W001"),
        )
    if str(conf.written("ORIGIN")).startswith("http://localhost"):
        yield Warning(
            "OAUTH_LOGIN['ORIGIN'] is localhost, a name that other machines' listeners can answer to.",
            hint="Use http://127.0.0.1 (RFC 8252 §8.3), here and in the browser.",
            id=_id("W002"),
        )
    for alias, options in providers.items():
        if isinstance(options, Mapping):
            yield from _options(alias, options)


def _options(alias: object, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if options.get("PKCE") is False:
        yield Warning(
            f"PKCE is off for {alias!r}.",
            hint="Servers that do not know PKCE ignore it; remove the key unless one refuses it.",
            id=_id("W004"),
        )
    for key in CREDENTIALS:
        if _is_placeholder(options.get(key)):
            yield Warning(
                f"OAUTH_LOGIN['PROVIDERS'][{alias!r}][{key!r}] is still what an example has in its place.",
                hint="Copy the value that the provider gave you; this one is known to everybody.",
                id=_id("W008"),
            )


def _hint(problem: Problem) -> str:
    """Return the hint; where a registration is missing, with the exact URL to register."""
    if not problem.unregistered:
        return problem.hint
    path = _callback(problem.unregistered) or f"/…/{problem.unregistered}/callback/"
    return f"{problem.hint} Its callback URL: {_likely_origin()}{path}"


def _likely_origin() -> str:
    """Return where the site most likely is; there is no request to ask at start-up."""
    origin = conf.written("ORIGIN")
    if is_origin(origin):
        return str(origin)
    if settings.DEBUG:
        return "http://127.0.0.1:8000"
    hosts = [host for host in settings.ALLOWED_HOSTS if not host.startswith("*")]
    # A host that is written out is likelier than the top of a domain of many.
    likely = sorted(hosts, key=lambda host: host.startswith("."))
    return f"https://{likely[0].removeprefix('.')}" if likely else "https://<your host>"


def _relay_origins() -> list[str]:
    """Return ``RELAY_ORIGINS`` without what is none, which E003 reports."""
    relays = conf.written("RELAY_ORIGINS")
    return [relay for relay in relays if is_origin(relay)] if isinstance(relays, list | tuple) else []


def _is_allowed(origin: str) -> bool:
    """Tell whether Django will answer at *origin*."""
    host, _port = split_domain_port(urlsplit(origin).netloc)
    return bool(host) and validate_host(host, conf.allowed_hosts())


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


def _is_placeholder(value: object) -> bool:
    """Tell whether a credential was never filled in; one that is missing altogether, E008 reports."""
    if not isinstance(value, str) or not value.strip():
        return False
    words = re.sub(r"[ _-]", "", value.lower().strip("<>[]{}()$%'\"`*•.… "))
    return not words.strip("x") or words in PLACEHOLDERS


def _installed(middleware: type) -> bool:
    classes = (_imported(path) for path in settings.MIDDLEWARE)
    return any(isinstance(cls, type) and issubclass(cls, middleware) for cls in classes)


def _imported(path: str) -> object:
    try:
        return import_string(path)
    except Exception:  # whatever somebody's module does; Django reports it when it starts
        return None


def _processors(engine: Mapping[str, Any]) -> list[str]:
    return list(engine.get("OPTIONS", {}).get("context_processors", []))


def _id(number: str) -> str:
    return f"oauth_login.{number}"
