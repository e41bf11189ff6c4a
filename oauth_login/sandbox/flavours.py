"""Which flavour of the sandbox stands in for which provider; a new one is a class and a line here."""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login import providers
from oauth_login.oauth2 import Client
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.github import GitHubFlavour
from oauth_login.sandbox.oauth2 import OAuth2Flavour
from oauth_login.sandbox.openid import OpenIDFlavour
from oauth_login.sandbox.qq import QQFlavour
from oauth_login.sandbox.server import SITE
from oauth_login.sandbox.weibo import WeiboFlavour

#: Those that are stricter than settings can say. For any other, the kind of provider decides.
FLAVOURS: Final[Mapping[str, type[Flavour]]] = {
    "github": GitHubFlavour,
    "qq": QQFlavour,
    "weibo": WeiboFlavour,
}


def flavour_for(
    alias: str, options: Mapping[str, Any], *, base_url: str = "", client: Client = SITE
) -> Flavour:
    """Return the sandbox of the provider with these settings.

    :param base_url: where it answers; default: a host of its own, which cannot exist (RFC 2606).
    :raises KeyError: the settings name no provider.
    """
    kind = providers.kind(alias, options)
    by_kind = OpenIDFlavour if kind.uses_nonce else OAuth2Flavour
    flavour = FLAVOURS.get(options.get("PRESET", alias), by_kind)
    merged = providers.laid_over_preset(alias, options)
    return flavour(base_url or f"https://{_host(alias)}.sandbox.invalid", client, merged)


def _host(alias: str) -> str:
    """Return labels of a host for *alias*; none may have an underscore, or be empty (RFC 1123 §2.1)."""
    return ".".join(part or "0" for part in alias.split("_"))
