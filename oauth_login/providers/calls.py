"""What an API request in a visitor's name is made of, and what its answer says about the token."""

import re
from abc import ABC, abstractmethod
from typing import Final

from oauth_login.answers import Answer
from oauth_login.oauth2 import AuthorizationServer
from oauth_login.transport import origin_of

CHALLENGE: Final = re.compile(r'\b(error|scope)="([^"\\]{0,1000})"')
SCOPE_MISSED: Final = "insufficient_scope"


class Calls(ABC):
    """An API that takes tokens as RFC 6750 says; part of every provider."""

    __slots__ = ()

    api_url: str

    @abstractmethod
    def metadata(self) -> AuthorizationServer:
        """Return the server with all that is known of it."""

    def api_base(self) -> str:
        """Return the URL below which its API is: ``API_URL``, or the host of the UserInfo endpoint; or ""."""
        if self.api_url:
            return self.api_url
        endpoint = self.metadata().userinfo_endpoint
        return origin_of(endpoint) if endpoint else ""

    def bearing(self, access_token: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers, and the parameters of the query, of an API request in a visitor's name."""
        return {"Authorization": f"Bearer {access_token}"}, {}

    def covers(self, granted: frozenset[str], wanted: str) -> bool:
        """Tell whether *wanted* is in what was *granted*; a provider may know that one includes another."""
        return wanted in granted

    def token_rejected(self, answer: Answer) -> bool:
        """Tell whether an API request was refused for its token, by RFC 6750 §3.1."""
        return answer.status == 401

    def scope_missed(self, answer: Answer) -> frozenset[str] | None:
        """Return which scope an API request lacked, by RFC 6750 §3.1; None if it lacked none."""
        if answer.status != 403:
            return None
        told = dict(CHALLENGE.findall(answer.headers.get("WWW-Authenticate", "")))
        return frozenset(told.get("scope", "").split()) if told.get("error") == SCOPE_MISSED else None
