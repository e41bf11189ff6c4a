"""What is shown of a provider: its name, its mark, its own page. From the settings only (threat I17).

Nothing here fails: the settings may not know a provider any more, and what was linked through it is there all
the same.
"""

from collections.abc import Mapping
from typing import Any

from oauth_login import conf, providers
from oauth_login.aliases import alias_of, configured


def label(alias: str) -> str:
    """Return the name to show for a provider."""
    provider = configured(alias)
    return provider.label if provider else alias


def label_of(account: Any) -> str:
    """Return the name to show for the provider of a linked account, by whichever alias it is known now."""
    return label(alias_of(account) or account.provider)


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
