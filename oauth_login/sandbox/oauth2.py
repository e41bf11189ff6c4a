"""Any OAuth 2.0 provider that is its settings, over the strict server: it speaks as the settings read.

It is as strict as they let it be: parameters, headers and the place of the token are what they say, or the
answer is an error in the provider's own words.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from oauth_login.oauth2 import Client
from oauth_login.providers.claims import PLACE
from oauth_login.providers.definition import WORDS
from oauth_login.providers.parameters import filled
from oauth_login.sandbox.claims import EARLIER, below, nested, of_answer, written
from oauth_login.sandbox.grants import Grant
from oauth_login.sandbox.messages import Reply, Request, as_form, as_json
from oauth_login.sandbox.oauth2_grants import OAuth2Grants
from oauth_login.sandbox.server import SITE, AuthorizationServer

#: Setting → where that endpoint is.
ENDPOINTS: Final = {
    "TOKEN_ENDPOINT": "/token",
    "IDENTITY_ENDPOINT": "/identity",
    "USERINFO_ENDPOINT": "/userinfo",
    "EMAILS_ENDPOINT": "/emails",
    "REFRESH_ENDPOINT": "/refresh",
    "REVOCATION_ENDPOINT": "/revoke",
}
#: What the errors of RFC 6749 mean, in the words of ERROR_CODES.
#: By which method a kind of request is sent, if not by POST.
METHODS: Final = {"query": "GET", "delete": "DELETE"}
MEANINGS: Final = {
    "invalid_grant": "code_rejected",
    "invalid_client": "provider_misconfigured",
    "redirect_uri_mismatch": "provider_misconfigured",
}


class OAuth2Flavour(OAuth2Grants):
    """Answers the HTTP requests that a site sends to a provider of data."""

    def __init__(
        self, base_url: str, client: Client = SITE, options: Mapping[str, Any] | None = None
    ) -> None:
        given = options or {}
        self.words = {key: given.get(key, word.default) for key, word in WORDS.items()}
        method = given.get("TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_post")
        super().__init__(base_url, replace(client, auth_method=method), given)

    def make_server(self) -> AuthorizationServer:
        """Return a server that asks for what the provider's settings send."""
        sent = self.words["TOKEN_REQUEST_NAMES"].items()
        return AuthorizationServer(
            self.issuer,
            self.client,
            knows_pkce=self.options.get("PKCE", True),
            names=self.words["AUTHORIZATION_NAMES"],
            code_param=self.words["CODE_PARAM"],
            echoes=tuple(self.words["CALLBACK_PARAMS"]),
            cancels=self.words["CANCEL_PARAMS"],
            unasked=frozenset(name for name, own in sent if not own),
            refreshes=self.refreshes,
        )

    def addresses(self) -> dict[str, Any]:
        """Return the endpoints that the provider has."""
        found = {key: f"{self.base_url}{path}" for key, path in ENDPOINTS.items() if self.options.get(key)}
        return {"AUTHORIZATION_ENDPOINT": f"{self.base_url}{self.page}", **found}

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        words = self.words
        doors = {
            ("TOKEN_ENDPOINT", words["TOKEN_REQUEST"]): self._token,
            ("IDENTITY_ENDPOINT", "query"): self._identity,
            ("USERINFO_ENDPOINT", words["USERINFO_REQUEST"]): self._userinfo,
            ("EMAILS_ENDPOINT", "query"): self._emails,
            ("REFRESH_ENDPOINT", words["TOKEN_REQUEST"]): self._renewal,
            ("REVOCATION_ENDPOINT", words["REVOCATION_REQUEST"]): self._revocation,
        }
        for (endpoint, kind), door in doors.items():
            method = METHODS.get(kind, "POST")
            if (request.method, request.path) == (method, ENDPOINTS[endpoint]) and self.options.get(endpoint):
                return door(request, _parameters(request, kind))
        return self._error("not_found", "There is no such endpoint.", 404)

    # --- Code → token: what is asked for is in OAuth2Grants

    def _token_answer(self, grant: Grant) -> dict[str, Any]:
        kind = {} if self.words["TOKEN_TYPE_OPTIONAL"] else {"token_type": "Bearer"}
        told = {"access_token": grant.access_token, "expires_in": grant.expires_in, **kind}
        if grant.refresh_token:
            told["refresh_token"] = grant.refresh_token
        if grant.scope:
            told["scope"] = grant.scope
        names = self.words["TOKEN_NAMES"]
        named = {names.get(name, name): value for name, value in told.items()}
        answer: dict[str, Any] = nested({**of_answer(self._told(grant), "token"), **named})
        return answer

    # --- Token → who it is

    def _identity(self, request: Request, asked: Mapping[str, str]) -> Reply:
        grant = self._holder(request, asked, "IDENTITY_PARAMS")
        return as_json(self._identity_answer(grant)) if grant else self._unauthorized()

    def _identity_answer(self, grant: Grant) -> dict[str, Any]:
        path = self.words["IDENTITY_CLIENT"]
        client = {path: self.client.client_id} if path else {}
        answer: dict[str, Any] = nested({**of_answer(self._told(grant), "identity"), **client})
        return answer

    def _userinfo(self, request: Request, asked: Mapping[str, str]) -> Reply:
        grant = self._holder(request, asked, "USERINFO_PARAMS")
        headers = self.words["USERINFO_HEADERS"].items()
        if grant is None or any(request.headers.get(name.lower()) != value for name, value in headers):
            return self._unauthorized()
        matches = filled(self.words["USERINFO_MATCHES"], self._known(grant))
        profile = below(self.words["USERINFO_ROOT"], {**of_answer(self._told(grant), ""), **matches})
        status, kind, body = as_json(nested({**self._all_well(), **profile}))
        if self.words["USERINFO_ENCODING"] != "gzip":
            return status, kind, body
        return status, {**kind, "Content-Encoding": "gzip"}, gzip.compress(body)

    def _emails(self, request: Request, asked: Mapping[str, str]) -> Reply:
        grant = self._holder(request, asked, "")
        if grant is None:
            return self._unauthorized()
        persona = grant.persona
        evidence = self.words["EMAILS_WHERE"] if persona["email_verified"] else {}
        entry = nested({**evidence, "email": persona["email"]})
        return as_json(nested(below(self.words["EMAILS_ROOT"], {"": [entry]})))

    def _holder(self, request: Request, asked: Mapping[str, str], templates: str) -> Grant | None:
        """Return whose token it is, if it is where it belongs and all else that is to be sent was."""
        carrier, _, name = self.words["USERINFO_TOKEN"].rpartition(":")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if carrier:
            token = request.headers.get(name.lower(), "") if carrier == "header" else asked.get(name, "")
        elif scheme != name:
            return None
        grant = self.server.holder(token)
        if grant is None or not templates:
            return grant
        return grant if filled(self.words[templates], self._known(grant)).items() <= asked.items() else None

    def _known(self, grant: Grant) -> dict[str, Any]:
        """Return what the client has been told when it asks for the profile."""
        told = {"token": self._token_answer(grant), "identity": self._identity_answer(grant)}
        return {"client_id": self.client.client_id, **told}

    def _told(self, grant: Grant) -> dict[str, Any]:
        """Return what the provider knows of somebody, and where it says it."""
        persona, claims = grant.persona, self.words["CLAIMS"]
        number = persona["id"] if self.words["SUBJECT_TYPE"] == "int" else str(persona["id"])
        # A server of which every address is verified has none to tell that is not.
        is_told = persona["email_verified"] or claims.get("email_verified") is not True
        values = {
            "sub": number,
            "preferred_username": persona["login"],
            "name": persona["name"],
            "email": persona["email"] if is_told else None,
            "email_verified": persona["email_verified"],
            "picture": self.picture_of(persona),
            "profile": persona["profile"] or None,
        }
        words = ("IDENTITY_PARAMS", "USERINFO_PARAMS", "USERINFO_MATCHES")
        templates = (template for key in words for template in self.words[key].values())
        places = [place for template in templates for place in PLACE.findall(template)]
        wanted = {place: str(number) for place in places if place.partition(".")[0] in EARLIER}
        return {**wanted, **written(claims, values, persona["key"])}

    # --- Errors

    def _all_well(self) -> dict[str, Any]:
        return {path: well for path, well in self.words["ERRORS"].items() if well is not None}

    def _unauthorized(self) -> Reply:
        return self._error("invalid_token", "The token, or what was to be sent with it, is no good.", 401)

    def _error(
        self, error: str, description: str, status: int, form: str = "json", codes: Sequence[Any] = ()
    ) -> Reply:
        meaning = MEANINGS.get(error)
        meant = (code for code, means in self.words["ERROR_CODES"].items() if means == meaning)
        path = next(iter(self.words["ERRORS"]), "error")
        answer = nested({path: next(chain(codes, meant), error), "error_description": description})
        return self._said(answer, status, form)

    def _said(self, answer: Mapping[str, Any], status: int, form: str) -> Reply:
        return as_form(answer) if form == "form" else as_json(answer, status)


def _parameters(request: Request, kind: str) -> Mapping[str, str]:
    if kind == "query":
        return request.query
    if kind in {"form", "bearer"}:
        return request.form
    try:
        asked = json.loads(request.body)
    except ValueError:
        return {}
    if not isinstance(asked, dict):
        return {}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
