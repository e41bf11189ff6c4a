"""A strict authorization server for the code grant, without any provider's quirks.

Codes and tokens are sealed values that carry their own facts, so any worker can answer for any other;
that a code was used is noted in Django's cache. It refuses whatever a good server refuses, because a
sandbox that is more lenient than the real thing hides bugs until production.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from django.core.cache import cache

from oauth_login import conf
from oauth_login.sandbox.personas import Persona
from oauth_login.sealing import SealBroken, Sealer

CLIENT_ID: Final = "sandbox-client"
CLIENT_SECRET: Final = "sandbox-secret"  # noqa: S105  opens nothing but the sandbox
CODE_LIFETIME: Final = 600  # seconds
TOKEN_LIFETIME: Final = 8 * 3600


class Refused(Exception):
    """The server says no, with RFC 6749's or the flavour's ``error``."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(error)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A valid authorization request (RFC 6749 §4.1.1)."""

    redirect_uri: str
    scope: str
    state: str
    code_challenge: str
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a token stands for: whose, and for what."""

    persona: Mapping[str, Any]
    scope: str
    nonce: str = ""
    access_token: str = field(default="", repr=False)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that were granted, however the provider separates them."""
        return frozenset(self.scope.replace(",", " ").split())


class AuthorizationServer:
    """The server of one provider.

    :param issuer: goes into every answer to the browser (RFC 9207).
    :param knows_pkce: whether it requires PKCE; a server of old days ignores what it does not know.
    """

    def __init__(self, issuer: str, *, knows_pkce: bool = True) -> None:
        self.issuer, self.knows_pkce = issuer, knows_pkce

    def authorize(self, query: Mapping[str, Sequence[str]], registered_uri: str) -> Authorization:
        """Read an authorization request.

        :param query: every value of every parameter.
        :param registered_uri: the callback URL that this client registered.
        :raises Refused: it repeats a parameter, names the wrong client or URI, or has no PKCE S256
            challenge; none of these may be answered by a redirect.
        """
        if any(len(values) > 1 for values in query.values()):
            raise Refused("invalid_request", "A parameter is repeated.")
        parameters = {name: values[0] for name, values in query.items()}
        if parameters.get("client_id") != CLIENT_ID:
            raise Refused("unknown_client", "There is no client of this client_id.")
        if parameters.get("redirect_uri") != registered_uri:
            raise Refused("redirect_uri_mismatch", "The redirect_uri is not the registered one.")
        if parameters.get("response_type") != "code":
            raise Refused("unsupported_response_type", "Only the code grant is offered.")
        challenge = parameters.get("code_challenge", "")
        if self.knows_pkce and (parameters.get("code_challenge_method") != "S256" or len(challenge) != 43):
            raise Refused("invalid_request", "A PKCE code_challenge by S256 is required.")
        return Authorization(
            registered_uri,
            parameters.get("scope", ""),
            parameters.get("state", ""),
            challenge if self.knows_pkce else "",
            parameters.get("nonce", ""),
        )

    def approve(self, authorization: Authorization, persona: Persona) -> str:
        """Return where to send a browser whose visitor said yes."""
        content = {
            "id": secrets.token_hex(8),
            "expires": time.time() + CODE_LIFETIME,
            "issuer": self.issuer,
            "authorization": asdict(authorization),
            "persona": _facts(persona),
        }
        return self._back(authorization, {"code": _sealer().seal(json.dumps(content), "code")})

    def deny(self, authorization: Authorization) -> str:
        """Return where to send a browser whose visitor said no (RFC 6749 §4.1.2.1)."""
        description = "The user has denied your application access."
        answer = {"error": "access_denied", "error_description": description}
        return self._back(authorization, answer)

    def exchange(self, form: Mapping[str, str]) -> Grant:
        """Redeem a code (RFC 6749 §4.1.3).

        :raises Refused: with the error that a good server answers.
        """
        known = hmac.compare_digest(form.get("client_secret", "").encode(), CLIENT_SECRET.encode())
        if form.get("client_id") != CLIENT_ID or not known:
            raise Refused("invalid_client", "The client_id and/or client_secret are incorrect.")
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "Only the code grant is offered.")
        code = _open(form.get("code", ""), "code")
        if code is None or code["expires"] < time.time() or code["issuer"] != self.issuer:
            raise Refused("invalid_grant", "The code is incorrect or expired.")
        asked = code["authorization"]
        if form.get("redirect_uri") != asked["redirect_uri"]:
            raise Refused("redirect_uri_mismatch", "The redirect_uri is not the one of the request.")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.knows_pkce and challenge != asked["code_challenge"]:
            raise Refused("invalid_grant", "The code_verifier does not match the code_challenge.")
        if not cache.add(f"oauth_login.sandbox.code.{code['id']}", 1, CODE_LIFETIME):
            raise Refused("invalid_grant", "The code was used before.")
        content = {
            "expires": time.time() + TOKEN_LIFETIME,
            "issuer": self.issuer,
            "scope": asked["scope"],
            "persona": code["persona"],
        }
        access_token = _sealer().seal(json.dumps(content), "token")
        return Grant(code["persona"], asked["scope"], asked["nonce"], access_token)

    def holder(self, access_token: str) -> Grant | None:
        """Return whose token it is, and for what, or None if it is no good."""
        token = _open(access_token, "token")
        if token is None or token["expires"] < time.time() or token["issuer"] != self.issuer:
            return None
        return Grant(token["persona"], token["scope"])

    def _back(self, authorization: Authorization, answer: Mapping[str, str]) -> str:
        query = {**answer, "state": authorization.state, "iss": self.issuer}
        return f"{authorization.redirect_uri}?{urlencode(query)}"


def _facts(persona: Persona) -> dict[str, Any]:
    facts = asdict(persona)
    del facts["description"]
    return facts


def _open(envelope: str, kind: str) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(_sealer().open(envelope, kind))
    except SealBroken:
        return None
    return content


def _sealer() -> Sealer:
    return Sealer(conf.signing_secrets(), "sandbox")
