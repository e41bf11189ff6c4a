"""The only reader of ``settings.OAUTH_LOGIN``. Lazy and uncached, so ``override_settings`` just works."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.module_loading import import_string

from oauth_login import providers, transport
from oauth_login.dotted import function_at
from oauth_login.errors import HostNotNamed, ProviderMisconfigured
from oauth_login.expectations import CREDENTIALS, is_right
from oauth_login.membership_rules import Memberships, membership_problems
from oauth_login.problems import (
    PROVIDER_KEYS,
    Problem,
    is_usable,
    provider_problems,
    setting_problems,
)
from oauth_login.providers import openid_table, table
from oauth_login.providers.base import Provider
from oauth_login.providers.namespaces import shared

DEFAULTS: Final[dict[str, Any]] = {
    "PROVIDERS": {},
    "SANDBOX": False,
    "ATTEMPT_MAX_AGE": 600,  # seconds
    "STORE_TOKENS": True,
    "REMEMBER_PROVIDER": True,
    "ENCRYPTION_KEYS": None,
    "SESSIONS_END_ON_REVOCATION": False,
    "ON_EMAIL_COLLISION": "guide",
    "RECENT_SIGN_IN_AGE": 900,  # seconds
    "PASSWORD_LOGIN_URL": None,
    "MAIL_ON_CHANGE": True,
    "SIGN_IN_POLICY": None,
    "MEMBERSHIPS": {},
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
TRUTHS: Final = {
    "PKCE",
    "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED",
    "BACKCHANNEL_LOGOUT",
    "REAUTHENTICATES",
    "SIGN_OUT",
    "VERIFIES_EMAIL",
}
AS_TEXT: Final = {"true": True, "1": True, "false": False, "0": False}
LISTS: Final = {"AUDIENCES", "KEEP_CLAIMS", "PICTURE_HOSTS", "TENANTS", "WEBHOOK_SECRETS"}
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


def digest() -> bytes:
    """Return a digest of all that providers are made of: the settings themselves have secrets in them."""
    text = repr((settings.DEBUG, getattr(settings, "OAUTH_LOGIN", {})))
    return hashlib.sha256(text.encode(errors="backslashreplace")).digest()


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
    policy()
    memberships(alias)
    in_sandbox = sandboxed(alias)
    for problem in provider_problems(alias, options, sandboxed=in_sandbox):
        raise ProviderMisconfigured("settings_invalid", problem.message)
    if not in_sandbox and alias in _sharing_people():
        raise ProviderMisconfigured("settings_invalid", f"{alias!r} shares its namespace: E018")
    if in_sandbox:
        answered_locally: Provider = import_string(SANDBOX)(alias, options)
        return answered_locally.remembering(cache)
    shared = transport.shared(setting("CA_BUNDLE") or "", setting("PROXIES"))
    return providers.build(alias, options, shared).remembering(cache)


def policy() -> Any:
    """Return the site's rule about who may sign in, or None if it has none.

    :raises ProviderMisconfigured: ``SIGN_IN_POLICY`` leads to none, so that nobody is to sign in (E024).
    """
    path = setting("SIGN_IN_POLICY")
    try:
        return path and function_at(path)
    except ValueError as error:
        raise ProviderMisconfigured("settings_invalid", f"SIGN_IN_POLICY: {error}") from error


def memberships(alias: str) -> Memberships | None:
    """Return which groups the provider's people get by what it says of them; None if that is not declared.

    :raises ProviderMisconfigured: ``MEMBERSHIPS`` is wrong, for whichever provider (E025).
    """
    declared = setting("MEMBERSHIPS")
    for problem in membership_problems(declared, provider_settings()):
        raise ProviderMisconfigured("settings_invalid", problem.message)
    return Memberships.of(declared[alias]) if alias in declared else None


def callback_words(alias: str) -> dict[str, Any]:
    """Return what this provider's callback calls the code and a no, and what else is needed; if said.

    Right or wrong: a callback is read before anybody asks whether its provider is set up well (E017).
    """
    options = providers.laid_over_preset(alias, provider_settings()[alias])
    code_param, echoes = options.get("CODE_PARAM"), options.get("CALLBACK_PARAMS")
    cancels = options.get("CANCEL_PARAMS")
    return {
        "code_param": code_param if isinstance(code_param, str) else "code",
        "echoes": [name for name in echoes if isinstance(name, str)]
        if isinstance(echoes, list | tuple)
        else (),
        "cancels": {name: value for name, value in cancels.items() if isinstance(name, str)}
        if isinstance(cancels, Mapping)
        else {},
    }


def problems() -> Iterator[Problem]:
    """Yield every mistake in the settings: all of them, not only the first."""
    yield from setting_problems(getattr(settings, "OAUTH_LOGIN", {}), DEFAULTS)
    written = provider_settings()
    for alias, options in written.items():
        yield from provider_problems(alias, options, sandboxed=sandboxed(alias))
    yield from _shared_namespaces(written)
    yield from _rules_problems()


def _rules_problems() -> Iterator[Problem]:
    """Yield what is wrong with the rules about people, where E003 does not say so already."""
    path, declared = written("SIGN_IN_POLICY"), written("MEMBERSHIPS")
    try:
        policy: Any = function_at(path) if path and is_right("SIGN_IN_POLICY", path) else None
        wrong = list(policy.mistakes()) if hasattr(policy, "mistakes") else []  # a part of ``policy``
    except ValueError as error:
        wrong = [str(error)]
    except Exception as error:  # of a part of the site's own
        wrong = [f"its mistakes() fails: {type(error).__name__}: {error}"]
    for mistake in wrong:
        hint = 'E.g. "yourproject.policy.rule"; docs/policy.md has examples.'
        yield Problem("E024", f"OAUTH_LOGIN['SIGN_IN_POLICY']: {mistake}.", hint)
    if is_right("MEMBERSHIPS", declared):
        yield from membership_problems(declared, provider_settings())


def _sharing_people() -> set[Any]:
    """Return the aliases of which E018 speaks: at run time, too, nobody signs in as another's number 7."""
    written = provider_settings()
    found = shared({alias: providers.laid_over_preset(alias, options) for alias, options in written.items()})
    return {alias for one, other, _namespace in found for alias in (one, other)}


def _shared_namespaces(written: Mapping[Any, Any]) -> Iterator[Problem]:
    """Yield the providers that would take each other's people for their own."""
    definitions = {alias: providers.laid_over_preset(alias, options) for alias, options in written.items()}
    for one, other, namespace in shared(definitions):
        message = f"{one!r} and {other!r} name people of {namespace!r} in two ways, and would mix them up."
        hint = "Give one an ISSUER of its own; not an OpenID Provider, which has the one that it says it has."
        yield Problem("E018", f"OAUTH_LOGIN['PROVIDERS']: {message}", hint)


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
    counts as absent, so that a line left blank in a ``.env`` file sets nothing. What is a list is separated
    by commas, and what is true or false is written so.

    What begins like the variables of a provider that was found is kept under the name that it has, for the
    checks to say that there is no such key.
    """
    ours = {name: value for name, value in environ.items() if name.startswith("OAUTH_") and value}
    keys = sorted(PROVIDER_KEYS.union(*_option_names(ours)), key=len)
    found: dict[str, dict[str, Any]] = {}
    others: list[str] = []
    for name, value in ours.items():
        rest = name.removeprefix("OAUTH_")
        # The longest key wins: OAUTH_ACME_API_URL is API_URL of acme, not URL of acme_api.
        key = next((key for key in reversed(keys) if rest.endswith(f"_{key}")), "")
        alias = rest.removesuffix(f"_{key}").lower()
        if key and alias:
            found.setdefault(alias, {})[key] = _as_meant(key, value)
        else:
            others.append(rest)
    for rest in others:
        alias = next((alias for alias in found if rest.startswith(f"{alias.upper()}_")), "")
        if alias:
            found[alias][rest.removeprefix(f"{alias.upper()}_")] = ours[f"OAUTH_{rest}"]
    return found


def _as_meant(key: str, value: str) -> Any:
    if key in TRUTHS:
        return AS_TEXT.get(value.lower(), value)
    return value.split(",") if key in LISTS else value


def without_credentials(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Build ``PROVIDERS`` of presets for the sandbox to answer for.

    :raises ImproperlyConfigured: one is no preset; the message says which may be meant.
    """
    for name in names:
        for problem in provider_problems(name, {}, sandboxed=True):
            raise ImproperlyConfigured(f"{problem.message} {problem.hint}")
    return {name: {} for name in names}


def _option_names(environ: Mapping[str, str]) -> Iterator[frozenset[str]]:
    """Yield what kinds of providers understand; those of data only if a variable may be about one.

    With OpenID Connect comes a library for signed tokens, which nobody else's site is to load.
    """

    def names_one_of(rows: Iterable[str]) -> bool:
        chosen = environ.values()
        return any(f"OAUTH_{name.upper()}_CLIENT_ID" in environ or name in chosen for name in rows)

    for name in providers.KINDS:
        yield providers.kind(name, {}).option_names
    if names_one_of(table.ROWS):
        yield providers.kind("", {"CLAIMS": {}}).option_names
    is_about_openid = any(key.endswith(("_ISSUER", "_TENANT", "_TENANTS")) for key in environ)
    if is_about_openid or names_one_of(openid_table.ROWS):
        yield providers.kind("", {"ISSUER": ""}).option_names
