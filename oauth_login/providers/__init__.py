"""The presets: which settings mean which provider. A kind of provider is imported only when it is used.

What a site writes is laid over a preset of that name, so whatever a preset knows can be overridden; and a
provider without a preset is nothing but such settings: ``ISSUER`` for OpenID Connect, ``CLAIMS`` and
endpoints for any other OAuth 2.0.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from oauth_login.providers import openid_table, table
from oauth_login.providers.base import Provider

OPENID: Final = "oauth_login.providers.openid.OpenID"
OAUTH2: Final = "oauth_login.providers.plain.OAuth2"
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {**table.ROWS, **openid_table.ROWS}
#: The preset that is a class: its addresses, revocation, scopes and webhook are like nobody else's.
KINDS: Final[dict[str, str]] = {"github": "oauth_login.providers.github.GitHub"}


def names() -> list[str]:
    """Return the names of all presets."""
    return sorted({*KINDS, *ROWS})


def row(name: object) -> Mapping[str, Any]:
    """Return the settings that the preset of that name starts from; none for what is no row."""
    return ROWS.get(name, {}) if isinstance(name, str) else {}


def laid_over_preset(alias: str, options: object) -> dict[str, Any]:
    """Return *options* over the row of their preset. A dict within is laid over the row's, name by name.

    So a site can change one claim, or add one parameter, and the rest stays as the preset knows it.
    """
    written = options if isinstance(options, Mapping) else {}
    merged = dict(row(written.get("PRESET", alias)))
    for key, value in written.items():
        beneath = merged.get(key)
        if isinstance(value, Mapping) and isinstance(beneath, Mapping):
            merged[key] = {**beneath, **value}
        else:
            merged[key] = value
    return merged


def kind(alias: str, options: Mapping[str, Any]) -> type[Provider]:
    """Return what builds the provider of these settings.

    :raises KeyError: ``PRESET``, or the alias where there is none, names no preset, and the settings do not
        say what a provider without one has to.
    """
    name = options.get("PRESET", alias)
    if "PRESET" in options and name not in names():
        raise KeyError(name)  # a slip, even where the rest would do without a preset
    path = KINDS.get(name) if isinstance(name, str) else None
    return _imported(path or _kind_of_data(name, laid_over_preset(alias, options)))


def _kind_of_data(name: object, options: Mapping[str, Any]) -> str:
    if "CLAIMS" in options:
        return OAUTH2
    if "ISSUER" in options or name in openid_table.ROWS:
        return OPENID
    raise KeyError(name)


def build(alias: str, options: Mapping[str, Any], transport: Any) -> Provider:
    """Return the provider of these settings, which are checked already."""
    merged = laid_over_preset(alias, options)
    return kind(alias, options).from_options(alias, merged, transport)


def _imported(path: str) -> type[Provider]:
    module, _, attribute = path.rpartition(".")
    provider: type[Provider] = getattr(import_module(module), attribute)
    return provider
