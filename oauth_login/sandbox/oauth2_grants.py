"""How a provider of data issues, renews and takes back tokens, in the words of its settings.

Half of :class:`~oauth_login.sandbox.oauth2.OAuth2Flavour`; the client's other half is
``providers/plain_grants.py``.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oauth_login.providers.plain_grants import BEARING
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import Grant, Refused
from oauth_login.sandbox.messages import Reply, Request, as_json

Form = Mapping[str, str]


class OAuth2Grants(Flavour):
    """A provider of data, as its clients' servers know it."""

    words: Mapping[str, Any]

    @abstractmethod
    def _token_answer(self, grant: Grant) -> dict[str, Any]:
        """Return what the token endpoint says of *grant*."""

    @abstractmethod
    def _said(self, answer: Mapping[str, Any], status: int, form: str) -> Reply:
        """Return *answer* in one of the forms that settings know."""

    @abstractmethod
    def _error(
        self, error: str, description: str, status: int, form: str = "json", codes: Sequence[Any] = ()
    ) -> Reply:
        """Return an error in the provider's words; *codes* are its own for this one, if it has any."""

    @abstractmethod
    def _unauthorized(self) -> Reply:
        """Return what is said of a token that is no good."""

    def _token(self, request: Request, asked: Form) -> Reply:
        names = self._renewal_names
        if not self.options.get("REFRESH_ENDPOINT") and names.get("refresh_token", "refresh_token") in asked:
            return self._renewal(request, asked)
        form = self._in_rfc_words(request, asked, self.words["TOKEN_REQUEST_NAMES"])
        return self._issued(self.server.exchange, form, asked)

    def _renewal(self, request: Request, asked: Form) -> Reply:
        names = self._renewal_names
        presumed = {
            "grant_type": "refresh_token",
            "client_id": self.client.client_id,
            "client_secret": self.client.client_secret,
        }
        unsaid = {name: value for name, value in presumed.items() if names.get(name) == ""}
        form = {**unsaid, **self._in_rfc_words(request, asked, names)}
        return self._issued(self.server.renew, form, asked, self.words["REFRESH_REJECTED"])

    @property
    def _renewal_names(self) -> Mapping[str, str]:
        return {**self.words["TOKEN_REQUEST_NAMES"], **self.words["REFRESH_NAMES"]}

    def _issued(
        self, issue: Callable[[Form], Grant], form: Form, asked: Form, dead: Sequence[Any] = ()
    ) -> Reply:
        try:
            _check(asked, self.words["TOKEN_PARAMS"])
            grant = issue(form)
        except Refused as refused:
            codes = dead if refused.error == "invalid_grant" else ()
            return self._error(refused.error, refused.description, 400, self.words["TOKEN_ANSWER"], codes)
        return self._said(self._token_answer(grant), 200, self.words["TOKEN_ANSWER"])

    def _revocation(self, request: Request, asked: Form) -> Reply:
        names, by_bearer = self.words["REVOCATION_NAMES"], self.words["REVOCATION_REQUEST"] in BEARING
        form = self._in_rfc_words(request, asked, names)
        try:
            _check(asked, self.words["REVOCATION_PARAMS"])
            if not by_bearer and names.get("client_id") != "":
                self.server.check_client(form)
        except Refused as refused:
            return self._error(refused.error, refused.description, 401)
        if by_bearer or "token" in names:
            # Under the RFC's name, one that is dead is as good as taken back (RFC 7009 §2.2).
            gone = as_json({}) if names.get("token") == "token" else self._unauthorized()
            return self._withdrawal(request.bearer if by_bearer else form.get("token", ""), gone)
        self.server.grants.revoke(form.get("token", ""))
        return as_json({})

    def _withdrawal(self, access_token: str, gone: Reply) -> Reply:
        """Take back the whole grant, as those do who want to see an access token and no other."""
        holder = self.server.holder(access_token)
        if holder is None:
            return gone
        self.server.grants.withdraw(str(holder.persona["id"]))
        return as_json({})

    def _in_rfc_words(self, request: Request, asked: Form, names: Mapping[str, str]) -> dict[str, str]:
        theirs = {own: name for name, own in names.items() if own}
        form = {theirs.get(name, name): value for name, value in asked.items()}
        if self.client.auth_method == "client_secret_basic":
            form = {**form, "client_id": "", "client_secret": "", **request.basic}
        return form


def _check(asked: Form, required: Form) -> None:
    if missing := required.items() - asked.items():
        raise Refused("invalid_request", f"Wrong or missing: {', '.join(dict(missing))}.")
