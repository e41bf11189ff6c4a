"""What is shown of a provider: its name, its mark, its own page. From the settings only (threat I17).

Nothing here fails: the settings may not know a provider any more, and what was linked through it is there all
the same.
"""

from collections.abc import Mapping

from oauth_login import conf, providers
from oauth_login.errors import ProviderMisconfigured
from oauth_login.providers.base import Provider


def configured(alias: str) -> Provider | None:
    """Return the provider, or None if the site has none of that alias, or none that can be used."""
    try:
        return conf.provider(alias)
    except (KeyError, ProviderMisconfigured):
        return None


def label(alias: str) -> str:
    """Return the name to show for a provider."""
    provider = configured(alias)
    return provider.label if provider else alias


def preset(alias: str) -> str:
    """Return the preset of a provider, whose mark its button bears whatever it is called here, or ""."""
    written = conf.provider_settings().get(alias)
    name = written.get("PRESET", alias) if isinstance(written, Mapping) else ""
    return name if name in providers.names() else ""


def offers_choice(alias: str) -> bool:
    """Tell whether the provider can be asked which account, and the site has not decided that itself."""
    provider = configured(alias)
    if provider is None or "prompt" in provider.authorization_params:
        return False
    return provider.hints({"prompt": "select_account"}) != {}


def grant_url(alias: str) -> str:
    """Return the provider's page where visitors review what they granted, or "" (threat GH23)."""
    provider = configured(alias)
    return provider.grant_url if provider else ""
