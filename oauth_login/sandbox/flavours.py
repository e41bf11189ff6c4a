"""Which flavour of the sandbox stands in for which provider; a new one is a class and a line here."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from oauth_login import providers
from oauth_login.sandbox.github import GitHubFlavour
from oauth_login.sandbox.messages import Reply, Request
from oauth_login.sandbox.openid import OpenIDFlavour
from oauth_login.sandbox.qq import QQFlavour
from oauth_login.sandbox.server import AuthorizationServer
from oauth_login.sandbox.weibo import WeiboFlavour


class Flavour(Protocol):
    """A provider's quirks over the strict server. ``label`` is what its button says, if the preset does not."""

    label: str
    base_url: str
    issuer: str
    server: AuthorizationServer

    def respond(self, request: Request) -> Reply:
        """Answer one request of the back channel."""


FLAVOURS: Final[Mapping[str, Callable[[str], Flavour]]] = {
    "github": GitHubFlavour,
    "qq": QQFlavour,
    "weibo": WeiboFlavour,
}


def flavour_for(alias: str, options: Mapping[str, Any]) -> Flavour | None:
    """Return the sandbox of the provider with these settings, or None if nothing can stand in for it."""
    named = FLAVOURS.get(options.get("PRESET", alias))
    if named:
        return named(alias)
    return OpenIDFlavour(alias) if providers.kind(alias, options).uses_nonce else None
