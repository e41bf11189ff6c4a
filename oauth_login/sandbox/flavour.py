"""What every flavour of the sandbox is: a provider's quirks over the strict server, at some address."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from oauth_login.oauth2 import Client
from oauth_login.sandbox.messages import Reply, Request
from oauth_login.sandbox.server import SITE, AuthorizationServer

#: Keys of settings that are addresses; real ones are not for the sandbox's codes and tokens.
ADDRESSES: Final = ("_URL", "_URI", "_ENDPOINT")


class Flavour(ABC):
    """A provider of this kind that lets anybody be anybody.

    :param base_url: what its addresses begin with, without a slash at the end.
    :param client: the only one that it knows.
    :param options: of the provider in whose place it answers, over those of its preset.
    """

    #: Where its page is, below ``base_url``.
    page: ClassVar[str] = "/authorize"
    #: Where people take back what they granted; what is below is the same page.
    grants_page: ClassVar[str] = "/grants"
    #: What follows ``base_url`` in its issuer.
    issuer_path: ClassVar[str] = ""

    def __init__(
        self, base_url: str, client: Client = SITE, options: Mapping[str, Any] | None = None
    ) -> None:
        self.base_url, self.client, self.options = base_url, client, dict(options or {})
        self.issuer = f"{base_url}{self.issuer_path}"
        self.server = self.make_server()

    def make_server(self) -> AuthorizationServer:
        """Return the server, with what this provider asks of requests."""
        return AuthorizationServer(self.issuer, self.client, refreshes=self.refreshes)

    @property
    def refreshes(self) -> bool:
        """Whether the provider has refresh tokens, as its settings say."""
        return bool(self.options.get("REFRESHES", True))

    @abstractmethod
    def respond(self, request: Request) -> Reply:
        """Answer one request of the back channel."""

    @abstractmethod
    def addresses(self) -> dict[str, Any]:
        """Return the settings with which a client finds this flavour, beside ``ISSUER``."""

    def kept(self) -> dict[str, Any]:
        """Return the provider's own settings that are true of the sandbox, too."""
        kept = {key: value for key, value in self.options.items() if not key.endswith(ADDRESSES)}
        if claims := kept.get("CLAIMS"):
            kept["CLAIMS"] = {name: found for name, found in claims.items() if not _leads_out(name, found)}
        return kept

    def settings(self) -> dict[str, Any]:
        """Return settings of a client of this flavour."""
        return {
            "CLIENT_ID": self.client.client_id,
            "CLIENT_SECRET": self.client.client_secret,
            "ISSUER": self.issuer,
            **self.addresses(),
        }

    def picture_of(self, persona: Mapping[str, Any]) -> str:
        """Return where the picture of *persona* is."""
        return f"{self.base_url}/avatars/{persona['key']}.svg"


def _leads_out(name: str, expression: object) -> bool:
    """Tell whether a claim would make the address of a stranger's page of a persona's number."""
    return name == "profile" and "{" in str(expression)
