"""Renewing and giving back the grants of a provider of data, in the words of its settings."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from oauth_login.answers import Answer
from oauth_login.errors import AuthorizationDenied, ProviderResponseError, TokenRequestError
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers import dialects
from oauth_login.providers.base import Provider
from oauth_login.providers.claims import as_text, find
from oauth_login.providers.grants import said
from oauth_login.providers.parameters import renamed
from oauth_login.providers.plain_requests import PlainRequests
from oauth_login.providers.secrecy import without
from oauth_login.renewal import refresh_request, rejected, renewed_token
from oauth_login.revocation import is_revoked, revocation_request

#: Ways to give a grant back in which the access token, in a header, is all there is.
BEARING: Final = ("bearer", "delete")
MAX_REFUSAL: Final = 1 << 12  # bytes of an API's answer; a longer one says more than that a token is dead


class PlainGrants(PlainRequests):
    """Half of a provider of data."""

    __slots__ = ()

    def refresh(
        self, refresh_token: str, *, subject: str, known: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Renew the access token, in exactly one request."""
        request = refresh_request(self.server, self.client, refresh_token)
        names = {**self.words["TOKEN_REQUEST_NAMES"], **self.words["REFRESH_NAMES"]}
        answer = self._ask(
            self.words["REFRESH_ENDPOINT"] or request.url,
            self.words["TOKEN_REQUEST"],
            {**self.words["TOKEN_PARAMS"], **renamed(request.form, names)},
            request.headers,
            once=True,
        )
        dead = dict.fromkeys(self.words["REFRESH_REJECTED"], "code_rejected")
        try:
            told = self._told(
                answer, self.words["TOKEN_ANSWER"], "token_answer_invalid", (refresh_token,), dead
            )
        except (TokenRequestError, AuthorizationDenied) as error:
            raise rejected(error.detail) from None
        return renewed_token(answer.status, self._in_rfc_words(told))

    def revoke(self, *, access_token: str, refresh_token: str) -> bool:
        """Give the grant back: RFC 7009's way, or with the access token alone where settings say so."""
        if not self._takes_access_token_only:
            # Not super(): see OAuth2.authorization_url.
            return Provider.revoke(self, access_token=access_token, refresh_token=refresh_token)
        if not self.server.revocation_endpoint or not access_token:
            return False
        answer = self._ask_to_revoke(access_token)
        told = without((self.client.client_secret, access_token), said(answer))
        if self._is_dead(answer.status, told):
            return True
        if told.get("result") in (False, "false", "0"):  # and 0, which equals False
            raise ProviderResponseError("revocation_refused", "the result is false")
        return is_revoked(answer.status, told)

    def token_rejected(self, answer: Answer) -> bool:
        """Tell whether an API request was refused for its token, as this API says it (``API_REJECTED``)."""
        codes = self.words["API_REJECTED"]
        if answer.status == 401 or not codes or len(answer.body) > MAX_REFUSAL:
            return answer.status == 401
        try:
            told = dialects.read(answer, self.words["USERINFO_ANSWER"])
        except ProviderResponseError:
            return False  # it may be a picture
        return any(_says(told, path, known) for path, known in codes.items())

    def _is_dead(self, status: int, told: Mapping[str, Any]) -> bool:
        """Tell whether the grant was gone before anybody asked (H25)."""
        if status == 401 and self._is_shown_token_alone:
            return True  # whoever sends no credentials can only have sent a token that is dead
        dead = set(map(as_text, self.words["REFRESH_REJECTED"]))
        return any(as_text(find(told, path)) in dead for path in self.words["ERRORS"])

    @property
    def _takes_access_token_only(self) -> bool:
        return self.words["REVOCATION_REQUEST"] in BEARING or "token" in self.words["REVOCATION_NAMES"]

    @property
    def _is_shown_token_alone(self) -> bool:
        names: Mapping[str, str] = self.words["REVOCATION_NAMES"]
        return self.words["REVOCATION_REQUEST"] in BEARING or names.get("client_id") == ""

    def _ask_to_revoke(self, access_token: str) -> Answer:
        url, kind = self.server.revocation_endpoint, self.words["REVOCATION_REQUEST"]
        if kind in BEARING:
            send = self.transport.delete if kind == "delete" else self.transport.post
            return send(url, headers={"Authorization": f"Bearer {access_token}"})
        request = revocation_request(url, self.client, access_token, "access_token")
        named = renamed(request.form, self.words["REVOCATION_NAMES"])
        asked = {**self.words["REVOCATION_PARAMS"], **named}
        return self._ask(url, kind, asked, request.headers, once=True)


def _says(told: Any, path: str, codes: Iterable[object]) -> bool:
    """Tell whether *told* has one of *codes* there; a number is the same as text."""
    code = as_text(find(told, path))
    return code != "" and code in map(as_text, codes)
