"""Asking a provider of data, and reading its answers, in the words of its settings."""

from collections.abc import Mapping
from typing import Any

from oauth_login.answers import Answer
from oauth_login.errors import ProviderResponseError
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers import dialects
from oauth_login.providers.base import Provider
from oauth_login.providers.claims import an_object, find
from oauth_login.providers.parameters import with_query


class PlainRequests(Provider):
    """What all requests to a provider of data have in common."""

    __slots__ = ()

    words: Mapping[str, Any]

    def bearing(self, access_token: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return where this provider wants the token (``USERINFO_TOKEN``)."""
        carrier, _, name = self.words["USERINFO_TOKEN"].rpartition(":")
        if not carrier:
            return {"Authorization": f"{name} {access_token}"}, {}
        shown = {name: access_token}
        return (shown, {}) if carrier == "header" else ({}, shown)

    def _send(
        self,
        token: TokenResponse,
        url: str,
        asked: Mapping[str, str],
        request: str = "query",
    ) -> Answer:
        """Send a request with the token where this provider wants it, which is in no query if in a form."""
        shown, named = self.bearing(token.access_token)
        in_form = self.words["USERINFO_TOKEN"].startswith("form:") and request == "query"
        headers = {**self.words["USERINFO_HEADERS"], **shown}
        return self._ask(url, "form" if in_form else request, {**asked, **named}, headers)

    def _content(self, answer: Answer, token: TokenResponse) -> Any:
        form, secrets = self.words["USERINFO_ANSWER"], (token.access_token,)
        told = self._told(answer, form, "profile_refused", secrets)
        if answer.status != 200:
            raise ProviderResponseError("profile_refused", f"HTTP {answer.status}")
        return told

    def _ask(
        self,
        url: str,
        request: str,
        asked: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        once: bool = False,
    ) -> Answer:
        if request == "query":
            encoding = "identity" if once else self.words["USERINFO_ENCODING"]
            return self.transport.get(with_query(url, asked), headers=headers, once=once, encoding=encoding)
        if request == "json":
            return self.transport.post(url, json=asked, headers=headers)
        return self.transport.post(url, form=asked, headers=headers)

    def _told(
        self,
        answer: Answer,
        form: str,
        otherwise: str,
        secrets: tuple[str, ...],
        also: Mapping[object, str] | None = None,
    ) -> Any:
        """Return what *answer* says.

        :raises ProviderError: it says that something is wrong, or cannot be read.
        """
        try:
            told = dialects.read(answer, form)
        except ProviderResponseError:
            if answer.status == 200:
                raise
            # An error page in HTML: the status says all there is.
            raise ProviderResponseError(otherwise, f"HTTP {answer.status}") from None
        dialects.refuse_errors(
            told,
            self.words["ERRORS"],
            {**self.words["ERROR_CODES"], **(also or {})},
            otherwise=otherwise,
            secrets=(self.client.client_secret, *secrets),
        )
        return told

    def _in_rfc_words(self, told: Any) -> dict[str, Any]:
        """Return a token answer in the words of RFC 6749 §5.1."""
        found = {name: find(told, path) for name, path in self.words["TOKEN_NAMES"].items()}
        presumed = {"token_type": "Bearer"} if self.words["TOKEN_TYPE_OPTIONAL"] else {}
        return {**presumed, **an_object(told), **found}
