"""The presets: which name in the settings is which provider, imported only when it is used."""

from importlib import import_module
from typing import Final

from oauth_login.providers.base import Provider

PRESETS: Final = {"github": "oauth_login.providers.github.GitHub"}


def preset(name: str) -> type[Provider]:
    """Return the provider class of a preset.

    :raises KeyError: there is no preset of that name.
    """
    module, _, attribute = PRESETS[name].rpartition(".")
    provider: type[Provider] = getattr(import_module(module), attribute)
    return provider
