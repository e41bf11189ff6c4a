"""What becomes of a grant after the sign-in: it is renewed, and one day it is given back.

Half of every :class:`~oauth_login.providers.base.Provider`. Neither is tried twice here: a refresh token may
work once only, and who asks for a revocation knows when to ask again.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from oauth_login.answers import Answer
from oauth_login.errors import ProviderMisconfigured, ProviderResponseError
from oauth_login.oauth2 import AuthorizationServer, Client, TokenRequest, TokenResponse
from oauth_login.providers.secrecy import without
from oauth_login.renewal import refresh_request, renewed_token
from oauth_login.revocation import is_revoked, revocation_request
from oauth_login.transport import Transport


class Grants(ABC):
    """A server that is told about its grants as RFC 6749 §6 and RFC 7009 say."""

    __slots__ = ()

    transport: Transport
    refreshes: bool

    @abstractmethod
    def metadata(self) -> AuthorizationServer:
        """Return the server with all that is known of it."""

    @abstractmethod
    def credentials(self) -> Client:
        """Return the client as it proves itself in the next request."""

    @property
    def can_refresh(self) -> bool:
        """Whether the provider has a way to renew tokens; one account may have no refresh token yet."""
        return self.refreshes

    @property
    def can_revoke(self) -> bool:
        """Whether the provider has a way to give a grant back.

        :raises ProviderError: the server has to be asked, and does not answer.
        """
        return bool(self.metadata().revocation_endpoint)

    def refresh(
        self, refresh_token: str, *, subject: str, known: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Renew the access token, in exactly one request.

        ``scope`` of what is returned is None where the answer is silent, which widens and narrows nothing;
        ``refresh_token`` is "" where the old one stays (threat H17).

        :param subject: whose grant it is; an answer that says somebody else's is refused (E40).
        :param known: what else is known of the account, for providers that want to hear it again.

        :raises TokenRequestError: the grant is dead; only a new sign-in helps. None is left to try (H18).
        :raises ProviderError: nothing is known to have changed; the tokens are kept.
        """
        client = self.credentials()
        request = refresh_request(self.metadata(), client, refresh_token)
        answer = self._posted(request)
        told = without((client.client_secret, client.assertion, refresh_token), answer.json(dict))
        return renewed_token(answer.status, told)

    def revoke(self, *, access_token: str, refresh_token: str) -> bool:
        """Give the grant back; return whether it is gone, and False if the provider knows no way.

        The refresh token goes first: with it goes the whole grant, where the server can (RFC 7009 §2.1). The
        access token follows, as some servers revoke just what they are shown.

        :raises ProviderUnavailable: not now; ``retry_after`` may say when.
        :raises ProviderError: it was refused, or not understood.
        """
        endpoint = self.metadata().revocation_endpoint
        tokens = {"refresh_token": refresh_token, "access_token": access_token}
        held = {hint: token for hint, token in tokens.items() if token}
        if not endpoint or not held:
            return False
        gone = [self._is_revoked(endpoint, token, hint) for hint, token in held.items()]
        if not any(gone):
            raise ProviderMisconfigured(detail="unsupported_token_type")
        return True

    def _is_revoked(self, endpoint: str, token: str, hint: str) -> bool:
        client = self.credentials()  # an assertion is good for one request
        answer = self._posted(revocation_request(endpoint, client, token, hint))
        return is_revoked(
            answer.status, without((client.client_secret, client.assertion, token), said(answer))
        )

    def _posted(self, request: TokenRequest) -> Answer:
        return self.transport.post(request.url, form=request.form, headers=request.headers)


def said(answer: Answer) -> dict[str, object]:
    """Return the JSON of an answer that need not have any: success is a status there."""
    try:
        return answer.json(dict)
    except ProviderResponseError:
        return {}
