"""The only reader of ``settings.OAUTH_LOGIN``. Lazy and uncached, so ``override_settings`` just works."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.module_loading import import_string

from oauth_login import providers, transport
from oauth_login.errors import HostNotNamed, ProviderMisconfigured
from oauth_login.problems import (
    CREDENTIALS,
    PROVIDER_KEYS,
    Problem,
    is_right,
    is_usable,
    provider_problems,
    setting_problems,
)
from oauth_login.providers.base import Provider

DEFAULTS: Final[dict[str, Any]] = {
    "PROVIDERS": {},
    "SANDBOX": False,
    "ATTEMPT_MAX_AGE": 600,  # seconds
    "STORE_TOKENS": True,
    "ENCRYPTION_KEYS": None,
    "ON_EMAIL_COLLISION": "guide",
    "ORIGIN": None,
    "RELAY_ORIGINS": [],
    "TRUSTED_PROXIES": 0,
    "STARTS_PER_MINUTE": 60,
    "CALLBACKS_PER_MINUTE": 120,
    "CA_BUNDLE": None,
    "PROXIES": None,
}
# What Django accepts in DEBUG while ALLOWED_HOSTS is empty (HttpRequest.get_host).
HOSTS_IN_DEBUG: Final = (".localhost", "127.0.0.1", "[::1]")
NOT_TEXT: Final = {"PKCE", "AUTHORIZATION_PARAMS", "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED"}
SANDBOX: Final = "oauth_login.sandbox.provider"  # the one way in; no layer imports the sandbox


def written(name: str) -> Any:
    """Return a top-level setting as it is written, or its default; right or wrong, it never raises.

    For what must go on with wrong settings: the checks, and pages that only show something.
    """
    everything = getattr(settings, "OAUTH_LOGIN", {})
    return everything.get(name, DEFAULTS[name]) if isinstance(everything, Mapping) else DEFAULTS[name]


def setting(name: str) -> Any:
    """Return a top-level setting, or its default.

    :raises ProviderMisconfigured: the value is one that E003 reports; nobody is to sign in with it.
    """
    value = written(name)
    if not is_right(name, value):
        raise ProviderMisconfigured("settings_invalid", f"OAUTH_LOGIN[{name!r}]")
    return value


def provider_settings() -> Mapping[str, Any]:
    """Return the providers' settings by alias, in the site's order; none if they are no dict (E003)."""
    providers_by_alias = written("PROVIDERS")
    return providers_by_alias if isinstance(providers_by_alias, Mapping) else {}


def aliases() -> list[str]:
    """Return the configured providers' aliases, in the site's order, without those of no use (E004)."""
    return [alias for alias in provider_settings() if is_usable(alias)]


def sandboxed(alias: str) -> bool:
    """Tell whether the sandbox answers for *alias*: only in DEBUG, only without credentials."""
    options = provider_settings().get(alias)
    return (
        isinstance(options, Mapping)
        and settings.DEBUG
        and written("SANDBOX") is True
        and not any(options.get(key) for key in CREDENTIALS)
    )


def provider(alias: str) -> Provider:
    """Return the provider of that alias.

    :raises KeyError: the site has none.
    :raises ProviderMisconfigured: it has, but its settings, or those of the whole app, are wrong;
        ``manage.py check`` says how.
    """
    options = provider_settings()[alias]
    for name in DEFAULTS:
        setting(name)  # before anybody is sent anywhere, not when the token is to be encrypted
    in_sandbox = sandboxed(alias)
    for problem in provider_problems(alias, options, sandboxed=in_sandbox):
        raise ProviderMisconfigured("settings_invalid", problem.message)
    if in_sandbox:
        answered_locally: Provider = import_string(SANDBOX)(alias, options)
        return answered_locally
    shared = transport.shared(setting("CA_BUNDLE") or "", setting("PROXIES"))
    return providers.preset(options.get("PRESET", alias)).from_options(alias, options, shared)


def picture_hosts() -> set[str]:
    """Return the hosts that pictures of people may be on: none of a provider that is misconfigured."""
    hosts: set[str] = set()
    for alias in aliases():
        with suppress(ProviderMisconfigured):
            hosts |= set(provider(alias).picture_hosts)
    return hosts


def problems() -> Iterator[Problem]:
    """Yield every mistake in the settings: all of them, not only the first."""
    yield from setting_problems(getattr(settings, "OAUTH_LOGIN", {}), DEFAULTS)
    for alias, options in provider_settings().items():
        yield from provider_problems(alias, options, sandboxed=sandboxed(alias))


def origin(request: HttpRequest) -> str:
    """Return scheme and host of this site, e.g. ``https://www.example.com``, without a slash.

    :raises DisallowedHost: ``ORIGIN`` is not set and ``ALLOWED_HOSTS`` does not list the host.
    :raises ProviderMisconfigured: ``ORIGIN`` is set, to something else.
    """
    return str(setting("ORIGIN") or f"{request.scheme}://{request.get_host()}")


def origin_seen(request: HttpRequest) -> str:
    """Return the origin that the browser shows, which may be another of this site's than ``origin()``.

    The scheme is that of ``ORIGIN``, if it is set: a proxy that ends TLS may not say so.

    :raises DisallowedHost: ``ALLOWED_HOSTS`` does not list the host.
    :raises ProviderMisconfigured: ``ORIGIN`` is set, to something else.
    """
    return f"{urlsplit(origin(request)).scheme}://{request.get_host()}"


def redirect_uri(request: HttpRequest, alias: str) -> str:
    """Return the callback URL of a provider: one constant, to be registered there.

    :raises HostNotNamed: it would follow a host that only a wildcard accepts.
    """
    if setting("ORIGIN") is None and not is_host_named(request.get_host()):
        raise HostNotNamed(detail=request.get_host())
    return origin(request) + reverse("oauth_login:callback", kwargs={"alias": alias})


def allowed_hosts() -> list[str]:
    """Return the patterns of the hosts that Django answers at."""
    return list(settings.ALLOWED_HOSTS or (HOSTS_IN_DEBUG if settings.DEBUG else ()))


def is_host_named(netloc: str) -> bool:
    """Tell whether ``ALLOWED_HOSTS`` accepts the host by its name, or in DEBUG it is this machine's own."""
    named = [pattern for pattern in allowed_hosts() if pattern != "*"]
    host, _port = split_domain_port(netloc)
    return validate_host(host, [*named, *(HOSTS_IN_DEBUG if settings.DEBUG else ())])


def signing_secrets() -> list[str]:
    """Return ``SECRET_KEY`` and its fallbacks, newest first."""
    return [str(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def encryption_secrets() -> list[str]:
    """Return the secrets that stored tokens are encrypted under, newest first.

    :raises ProviderMisconfigured: ``ENCRYPTION_KEYS`` is wrong. No other key takes its place: an empty
        list, or a string of which each character were a key, would encrypt with what was never chosen.
    """
    return list(setting("ENCRYPTION_KEYS") or signing_secrets())


def providers_from_environ(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Build ``PROVIDERS`` from ``OAUTH_<ALIAS>_<KEY>`` variables.

    ``OAUTH_GITHUB_CLIENT_ID=…`` becomes ``{"github": {"CLIENT_ID": "…"}}``. A variable that is empty
    counts as absent, so that a line left blank in a ``.env`` file sets nothing. Hosts are separated by
    commas.
    """
    presets = (providers.preset(name).option_names for name in providers.PRESETS)
    keys = sorted(PROVIDER_KEYS.union(*presets) - NOT_TEXT, key=len)
    found: dict[str, dict[str, Any]] = {}
    for name, value in environ.items():
        prefix, _, rest = name.partition("_")
        # The longest key wins: OAUTH_ACME_API_URL is API_URL of acme, not URL of acme_api.
        key = next((key for key in reversed(keys) if rest.endswith(f"_{key}")), "")
        alias = rest.removesuffix(f"_{key}").lower()
        if prefix == "OAUTH" and key and alias and value:
            is_list = key == "PICTURE_HOSTS"
            found.setdefault(alias, {})[key] = value.split(",") if is_list else value
    return found
