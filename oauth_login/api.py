"""The provider's API in a visitor's name: a ``requests.Session`` that has a token, and always a good one.

It works wherever Python runs: in a view, a task, a cron job, a shell. What it sends goes through the
transport, with its one pool and its limits; the token goes to the provider's API and nowhere else.
"""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urljoin

import requests
from django.views.decorators.debug import sensitive_variables
from requests.adapters import BaseAdapter
from requests.exceptions import UnrewindableBodyError
from requests.structures import CaseInsensitiveDict
from requests.utils import rewind_body

from oauth_login import tokens
from oauth_login.answers import Answer
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    ScopeRequired,
)
from oauth_login.models import LinkedAccount, Token
from oauth_login.providers.base import Provider
from oauth_login.providers.parameters import with_query
from oauth_login.transport import USER_AGENT, is_stream, origin_of

MAX_BODY: Final = 4 << 20  # bytes of an answer
REDIRECTS: Final = 5
#: What a caller may say otherwise, and what not.
OURS: Final = {"Accept": "application/json", "User-Agent": USER_AGENT}
FIXED: Final = {"Accept-Encoding": "identity"}


class ApiSession(requests.Session):
    """``session.get("/user")``: as :class:`requests.Session`, below the provider's API URL.

    The token is renewed before it expires, and once more if the API does not take it: by HTTP 401, or by what
    the provider says instead (``API_REJECTED``). Redirects are followed
    within the API only; any other is returned as it came. Time and size are limited by the transport,
    whatever ``timeout`` and ``stream`` say. HTTP 4xx that is none of these errors is for the caller:

    :ivar base_url: where the API is.
    A body that is a stream, and cannot be wound back, is not sent again: the token is renewed, and the caller
    told by ``token_renewed``.

    :raises ReauthorizationRequired: here and by each request: only the visitor can get another token.
    :raises ScopeRequired: here and by each request: the visitor has not granted what that takes.
    :raises RateLimited: by a request; ``retry_after`` says when to go on.
    :raises ProviderError: by a request: HTTP 5xx, no connection, no answer in time, or one that is none.
    """

    def __init__(self, account: LinkedAccount, scope: Collection[str] = ()) -> None:
        super().__init__()
        provider = tokens.provider_of(account.provider, account.issuer)
        granted = frozenset(account.scope.split())
        if missing := frozenset(name for name in scope if not provider.covers(granted, name)):
            raise ScopeRequired(missing, provider=account.provider)
        base = provider.api_base()
        if not base:
            raise ProviderMisconfigured("settings_invalid", f"{account.provider!r} has no API_URL")
        self.base_url = f"{base.rstrip('/')}/"
        self.trust_env = False
        self.max_redirects = REDIRECTS
        self.headers.clear()
        self._bearing = _Bearing(account, provider, tokens.current(account))

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request to *url*: a path below the API's URL, or the whole of such a URL."""
        place = str(url)
        if "://" not in place:
            place = urljoin(self.base_url, place.lstrip("/"))
        try:
            return super().request(method, place, *args, **kwargs)
        except requests.TooManyRedirects:
            raise ProviderResponseError("redirect_refused", f"more than {REDIRECTS} redirects") from None

    def get_adapter(self, url: Any) -> BaseAdapter:
        """Return the one that has the token.

        :raises ProviderMisconfigured: *url* is not the API's, and nobody else gets the token.
        """
        if not self._is_api(str(url)):
            raise ProviderMisconfigured("endpoint_foreign", origin_of(str(url)))
        return self._bearing

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a redirect within the API leads."""
        try:
            target = super().get_redirect_target(resp)
            return target if target and self._is_api(urljoin(resp.url, target)) else None
        except ValueError:  # it is no URL
            return None

    def _is_api(self, url: str) -> bool:
        return origin_of(url) == origin_of(self.base_url)


class _Bearing(BaseAdapter):
    """Sends each request with the token of the moment, by the provider's transport."""

    def __init__(self, account: LinkedAccount, provider: Provider, token: Token) -> None:
        super().__init__()
        self.account, self.provider = account, provider
        self.token: Token | None = token

    @sensitive_variables()  # here, and in whatever this calls (H08)
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        token = self._current()
        response = self._carry(request, token)
        if self._is_rejected(response):
            token = self._current(rejected=token)
            if not _can_be_sent_again(request):
                text = "the body was a stream that cannot be rewound"
                raise ProviderUnavailable("token_renewed", text, retry_after=0)
            response = self._carry(request, token)
        if self._is_rejected(response):
            self.token = None
            tokens.reject(self.account, token)
        answer = _answer(response)
        if not 300 <= answer.status < 400:
            answer.raise_for_status()
        missing = self.provider.scope_missed(answer)
        if missing is not None:
            raise ScopeRequired(missing, f"HTTP {answer.status}", provider=self.account.provider)
        return response

    def close(self) -> None:
        """Do nothing: the connections are the process's."""

    def _is_rejected(self, response: requests.Response) -> bool:
        return self.provider.token_rejected(_answer(response))

    def _current(self, *, rejected: Token | None = None) -> Token:
        """Return the token of the moment; one that still lasts is not read from the database again."""
        if rejected or self.token is None or self.token.expires_within(tokens.EARLY):
            self.token = tokens.current(self.account, rejected=rejected.version if rejected else None)
        return self.token

    def _carry(self, request: requests.PreparedRequest, token: Token) -> requests.Response:
        """Send a copy of *request* that has the token, and show the caller the one that has none."""
        secret = tokens.opened(self.account, token.access_token)
        headers, named = self.provider.bearing(secret)
        sent = request.copy()
        sent.url = with_query(str(request.url), named)
        sent.headers = CaseInsensitiveDict({**OURS, **headers, **request.headers, **FIXED})
        sent.headers.update({name: value for name, value in headers.items() if secret in value})
        response = self.provider.transport.send(sent, max_body=MAX_BODY)
        response.request, response.url = request, str(request.url)
        return response


def _can_be_sent_again(request: requests.PreparedRequest) -> bool:
    """Tell whether the body is what it was; a stream is wound back to where it began, if it can be."""
    if not is_stream(request):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def _answer(response: requests.Response) -> Answer:
    """Return *response* as the provider reads it; the caller has yet to."""
    body: Any = response.raw  # as the transport has left it: read whole
    return Answer(response.status_code, response.headers, body.getvalue())
