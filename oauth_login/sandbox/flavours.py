"""Which flavour of the sandbox stands in for which preset; a new one is a class and a line here."""

from collections.abc import Mapping
from typing import Final, Protocol

from oauth_login.sandbox.github import GitHubFlavour, Reply
from oauth_login.sandbox.server import AuthorizationServer


class Flavour(Protocol):
    """A provider's quirks over the strict server. ``label`` is what its button says."""

    label: str
    base_url: str
    issuer: str
    server: AuthorizationServer

    def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request of the back channel; *headers* has lower-case names."""


FLAVOURS: Final[Mapping[str, type[Flavour]]] = {"github": GitHubFlavour}


def flavour_for(alias: str, preset: str) -> Flavour:
    """Return the sandbox of the provider *alias*, which is configured by *preset*."""
    flavour: Flavour = FLAVOURS[preset](alias)  # type: ignore[call-arg]  # each takes its alias
    return flavour
