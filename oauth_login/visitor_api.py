"""The provider's API in the name of who is signing in, with the token of this very sign-in.

Nothing is stored yet when a policy is asked, so this is no ``account.session()``: it only reads, it never
renews, and what was asked once in a sign-in is not asked again.
"""

from collections.abc import Mapping
from typing import Any, Final

import requests
from django.views.decorators.debug import sensitive_variables

from oauth_login import conf
from oauth_login.answers import Answer
from oauth_login.errors import ProviderMisconfigured, ReauthorizationRequired, ScopeRequired
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Provider
from oauth_login.providers.parameters import with_query
from oauth_login.transport import USER_AGENT

MAX_BODY: Final = 4 << 20  # bytes of an answer: a hundred teams have more than a sign-in's own answers
OURS: Final = {"Accept": "application/json", "User-Agent": USER_AGENT}


class VisitorApi:
    """``api.get("/user/orgs")``: GET below the provider's API URL, within the deadline of the sign-in.

    :param alias: of the provider.
    :param token: what it has just granted; None if there is none.
    """

    __slots__ = ("_alias", "_answers", "_token")

    def __init__(self, alias: str, token: TokenResponse | None) -> None:
        self._alias, self._token = alias, token
        self._answers: dict[str, Answer] = {}

    def __repr__(self) -> str:
        return f"<VisitorApi {self._alias}>"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Return the answer, whose ``status`` may be 200 or any 4xx, and whose ``json(dict)`` is checked.

        :param path: below the API's URL, e.g. ``/user/orgs``.
        :raises ScopeRequired: the visitor has not granted what that takes.
        :raises RateLimited: the provider wants fewer requests.
        :raises ProviderError: HTTP 5xx, a redirect, no connection, no answer in time, or one that is none.
        """
        place = with_query(f"/{path.lstrip('/')}", query or {})
        if place not in self._answers:
            self._answers[place] = self._ask(place)
        return self._answers[place]

    @sensitive_variables()  # here, and in whatever this calls (H08)
    def _ask(self, place: str) -> Answer:
        provider = self._provider()
        base = provider.api_base()
        if not base:
            raise ProviderMisconfigured("settings_invalid", f"{self._alias!r} has no API_URL")
        if self._token is None:
            raise ReauthorizationRequired(detail=f"a sign-in through {self._alias} without a token")
        headers, named = provider.bearing(self._token.access_token)
        everything = {**OURS, **headers, "Accept-Encoding": "identity"}
        url = with_query(f"{base.rstrip('/')}{place}", named)
        request = requests.Request("GET", url, headers=everything).prepare()
        response = provider.transport.send(request, max_body=MAX_BODY)
        answer = Answer(response.status_code, response.headers, response.content)
        answer.raise_for_status()
        missing = provider.scope_missed(answer)
        if missing is not None:
            raise ScopeRequired(missing, f"HTTP {answer.status}: {' '.join(sorted(missing))}")
        return answer

    def _provider(self) -> Provider:
        try:
            return conf.provider(self._alias)
        except KeyError:
            raise ProviderMisconfigured("settings_invalid", f"no provider {self._alias!r}") from None

    def __reduce__(self) -> Any:
        raise TypeError("a visitor's token is not to be copied or stored")
