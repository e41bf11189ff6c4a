"""What becomes of a grant and of a session after the sign-in at an OpenID Connect provider."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oauth_login.errors import ProviderTimeout, ProviderUnavailable
from oauth_login.jws import SignedToken
from oauth_login.logout import TYPES, Logout, session_id
from oauth_login.oauth2 import TokenResponse
from oauth_login.oidc import Expected
from oauth_login.providers.base import Provider
from oauth_login.transport import only_public


class OpenIDGrants(Provider):
    """Half of an OpenID Connect provider."""

    __slots__ = ()

    algorithm: str
    tenants: frozenset[str]

    @abstractmethod
    def _is_chosen_by_server(self, url: str) -> bool:
        """Tell whether only the server's word says where *url* leads."""

    @abstractmethod
    def _expected(self, token: TokenResponse, nonce: str, started_at: int) -> Expected:
        """Return what an ID Token that came with *token* has to say."""

    @abstractmethod
    def _verified(self, token: SignedToken, *, mark: str = "renewed") -> dict[str, Any]:
        """Return the claims of *token*, whose signature is checked."""

    def refresh(
        self, refresh_token: str, *, subject: str, known: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Renew; if the answer has an ID Token, it is about *subject* as the first one was (E40).

        :param known: ``issuer``: the one of the first, of a server that answers in several names.
        """
        with only_public(when=self._is_chosen_by_server(self.metadata().token_endpoint)):
            token = Provider.refresh(self, refresh_token, subject=subject)
        if token.id_token:
            issuer = (known or {}).get("issuer") or self.server.issuer
            self._check_renewed(token, replace(self._expected(token, "", 0), issuer=issuer), subject)
        return token

    def _check_renewed(self, token: TokenResponse, expected: Expected, subject: str) -> None:
        signed = SignedToken.parse(token.id_token)
        try:
            claims = self._verified(signed)
        except (ProviderUnavailable, ProviderTimeout):
            # Nothing is taken from this token, and the old refresh token may be dead: the new one is worth
            # more than a signature that cannot be checked before the keys are there again. Whom the token
            # is about is compared all the same: the server itself has said it, over TLS.
            claims = signed.unverified()
        expected.check_renewed(claims, subject=subject)

    def revoke(self, *, access_token: str, refresh_token: str) -> bool:
        """Give the grant back, where the server says it takes it (RFC 7009)."""
        with only_public(when=self._is_chosen_by_server(self.metadata().revocation_endpoint)):
            return Provider.revoke(self, access_token=access_token, refresh_token=refresh_token)

    def session_id(self, token: TokenResponse) -> str:
        """Return the ``sid`` of the ID Token that :meth:`fetch_profile` has believed."""
        return session_id(SignedToken.parse(token.id_token).unverified())

    def logged_out(self, logout_token: str) -> Logout:
        """Return whose sessions are over (Back-Channel Logout 1.0 §2.6), by the checks of an ID Token.

        :raises ProviderError: the token is wrong, or the provider's keys cannot be had.
        """
        claims = self._verified(SignedToken.parse(logout_token, TYPES), mark="renewed-for-logout")
        expected = Expected(
            issuer=self.server.issuer,
            client_id=self.client.client_id,
            algorithm=self.algorithm,
            tenants=self.tenants,
        )
        return expected.check_logout(claims)
