"""How a site proves to an OpenID Connect provider who it is: by a secret, by a key, or not at all."""

from dataclasses import replace

from oauth_login.assertions import assertion
from oauth_login.errors import ProviderMisconfigured
from oauth_login.oauth2 import Client
from oauth_login.providers.base import Provider


class OpenIDClient(Provider):
    """The client's part of an OpenID Connect provider."""

    __slots__ = ()

    client_key: str
    key_id: str
    team_id: str

    def credentials(self) -> Client:
        """Return the client as it proves itself in the next request (RFC 7523, and Apple's way).

        :raises ProviderError: the server has to be asked which way, and does not answer, or takes no secret.
        """
        if self.team_id:
            secret = assertion(
                self.client_key,
                issuer=self.team_id,
                subject=self.client.client_id,
                audience=self.server.issuer,
                key_id=self.key_id,
            )
            return replace(self.client, client_secret=secret, auth_method="client_secret_post")
        method = self.client.auth_method or self._auth_method()
        if method != "private_key_jwt":
            return replace(self.client, auth_method=method)
        client_id = self.client.client_id
        proof = assertion(
            self.client_key,
            issuer=client_id,
            subject=client_id,
            audience=self.metadata().token_endpoint,
            key_id=self.key_id,
        )
        return replace(self.client, auth_method=method, assertion=proof)

    def _auth_method(self) -> str:
        """Return the first way that the server offers; a secret is not sent to one that takes none."""
        ways: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
        if self.client_key:
            ways += ("private_key_jwt",)
        offered = self.metadata().token_endpoint_auth_methods_supported or ways
        for way in ways:
            if way in offered:
                return way
        raise ProviderMisconfigured(detail="the server takes no secret; see TOKEN_ENDPOINT_AUTH_METHOD")
