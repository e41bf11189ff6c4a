"""A strict authorization server for the code grant, without any provider's quirks.

Codes and tokens are sealed values that carry their own facts, so any worker can answer for any other;
that a code was used is noted in Django's cache. It refuses whatever a good server refuses, because a
sandbox that is more lenient than the real thing hides bugs until production. What becomes of tokens later is
in ``grants.py``.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.core.cache import cache

from oauth_login.oauth2 import Client
from oauth_login.sandbox.grants import BRIEF, TOKEN_LIFETIME, Grant, Grants, Refused, opened, sealed
from oauth_login.sandbox.personas import Persona

CLIENT_ID: Final = "sandbox-client"
CLIENT_SECRET: Final = "sandbox-secret"  # noqa: S105  opens nothing but the sandbox
#: The site as the sandbox knows it, unless it is told of another client.
SITE: Final = Client(CLIENT_ID, CLIENT_SECRET)
CODE_LIFETIME: Final = 600  # seconds
SCOPES: Final = re.compile(r"[^ ,]+")  # some providers separate them by commas


@dataclass(frozen=True, slots=True)
class Authorization:
    """A valid authorization request (RFC 6749 §4.1.1)."""

    redirect_uri: str
    scope: str
    state: str
    code_challenge: str
    nonce: str
    claims: str
    echoed: Mapping[str, str]

    @property
    def withholdable(self) -> list[str]:
        """What of the scope somebody can say no to, and yes to the rest: not to who they are."""
        return [name for name in SCOPES.findall(self.scope) if name != "openid"]

    def without(self, withheld: Collection[str]) -> "Authorization":
        """Return the request as somebody agrees to it who ticked what they do not grant (RFC 6749 §3.3)."""
        separator = "," if "," in self.scope else " "
        kept = [name for name in SCOPES.findall(self.scope) if name == "openid" or name not in withheld]
        return replace(self, scope=separator.join(kept))


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """The server of one provider.

    ``issuer`` goes into every answer to the browser (RFC 9207). A client whose method is ``none`` has no
    secret. A server that does not know PKCE ignores it, as those of old days ignore what they do not know.
    """

    issuer: str
    client: Client = SITE
    knows_pkce: bool = True
    #: What its authorization requests call the parameters, as AUTHORIZATION_NAMES says it.
    names: Mapping[str, str] = field(default_factory=dict)
    code_param: str = "code"
    #: What its answer to the browser has besides, and the token request must repeat.
    echoes: Sequence[str] = ()
    #: What it says of a visitor who said no, and nothing else, if not what RFC 6749 has it say.
    cancels: Mapping[str, str] = field(default_factory=dict)
    #: Parameters that its token requests have not.
    unasked: frozenset[str] = frozenset()
    lifetime: int = TOKEN_LIFETIME  # seconds, of access tokens
    refreshes: bool = True

    @property
    def grants(self) -> Grants:
        """What becomes of tokens after they were issued."""
        return Grants(self.issuer, self.refreshes)

    def authorize(self, query: Mapping[str, Sequence[str]], registered_uri: str) -> Authorization:
        """Read an authorization request.

        :param query: every value of every parameter.
        :param registered_uri: the callback URL that this client registered.
        :raises Refused: it repeats a parameter, names the wrong client or URI, or has no PKCE S256
            challenge; none of these may be answered by a redirect.
        """
        if any(len(values) > 1 for values in query.values()):
            raise Refused("invalid_request", "A parameter is repeated.")
        parameters = self._in_rfc_words({name: values[0] for name, values in query.items()})
        if parameters.get("client_id") != self.client.client_id:
            raise Refused("unknown_client", "There is no client of this client_id.")
        if parameters.get("redirect_uri") != registered_uri:
            raise Refused("redirect_uri_mismatch", "The redirect_uri is not the registered one.")
        if parameters.get("response_type") != "code":
            raise Refused("unsupported_response_type", "Only the code grant is offered.")
        challenge = parameters.get("code_challenge", "")
        if self.knows_pkce and (parameters.get("code_challenge_method") != "S256" or len(challenge) != 43):
            raise Refused("invalid_request", "A PKCE code_challenge by S256 is required.")
        return Authorization(
            redirect_uri=registered_uri,
            scope=parameters.get("scope", ""),
            state=parameters.get("state", ""),
            code_challenge=challenge if self.knows_pkce else "",
            nonce=parameters.get("nonce", ""),
            claims=parameters.get("claims", ""),
            echoed={name: secrets.token_hex(8) for name in self.echoes if name != "state"},
        )

    def _in_rfc_words(self, parameters: Mapping[str, str]) -> dict[str, str]:
        presumed = {"response_type": "code"} if self.names.get("response_type") == "" else {}
        theirs = {own: name for name, own in self.names.items() if own}
        return presumed | {theirs.get(name, name): value for name, value in parameters.items()}

    def approve(self, authorization: Authorization, persona: Persona, *, is_brief: bool = False) -> str:
        """Return where to send a browser whose visitor said yes.

        :param is_brief: the tokens expire so soon that one can wait for it.
        """
        content = {
            "id": secrets.token_hex(8),
            "expires": time.time() + CODE_LIFETIME,
            "issuer": self.issuer,
            "authorization": asdict(authorization),
            "persona": _facts(persona),
            "lifetime": BRIEF if is_brief else self.lifetime,
        }
        code = sealed(content, "code")
        return self._back(authorization, {self.code_param: code, **authorization.echoed})

    def deny(self, authorization: Authorization) -> str:
        """Return where to send a browser whose visitor said no (RFC 6749 §4.1.2.1, or the server's way)."""
        if self.cancels:
            query = {**self.cancels, "state": authorization.state}
            return f"{authorization.redirect_uri}?{urlencode(query)}"
        description = "The user has denied your application access."
        answer = {"error": "access_denied", "error_description": description}
        return self._back(authorization, answer)

    def token(self, form: Mapping[str, str]) -> Grant:
        """Answer a token request of either kind, by its ``grant_type``.

        :raises Refused: with the error that a good server answers.
        """
        return self.renew(form) if form.get("grant_type") == "refresh_token" else self.exchange(form)

    def renew(self, form: Mapping[str, str]) -> Grant:
        """Redeem a refresh token (RFC 6749 §6).

        :raises Refused: with the error that a good server answers.
        """
        self.check_client(form)
        if not self.refreshes or form.get("grant_type") != "refresh_token":
            raise Refused("unsupported_grant_type", "Nothing is renewed by this.")
        return self.grants.renew(form.get("refresh_token", ""))

    def exchange(self, form: Mapping[str, str]) -> Grant:
        """Redeem a code (RFC 6749 §4.1.3).

        :raises Refused: with the error that a good server answers.
        """
        self.check_client(form)
        if form.get("grant_type", self._presumed("grant_type", "authorization_code")) != "authorization_code":
            raise Refused("unsupported_grant_type", "Only the code grant is offered.")
        code = opened(form.get("code", ""), "code")
        if code is None or code["expires"] < time.time() or code["issuer"] != self.issuer:
            raise Refused("invalid_grant", "The code is incorrect or expired.")
        asked = code["authorization"]
        uri = form.get("redirect_uri", self._presumed("redirect_uri", asked["redirect_uri"]))
        if uri != asked["redirect_uri"]:
            raise Refused("redirect_uri_mismatch", "The redirect_uri is not the one of the request.")
        if any(form.get(name) != value for name, value in asked["echoed"].items()):
            raise Refused("invalid_grant", "The answer to the browser said something else.")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.knows_pkce and challenge != asked["code_challenge"]:
            raise Refused("invalid_grant", "The code_verifier does not match the code_challenge.")
        if not cache.add(f"oauth_login.sandbox.code.{code['id']}", 1, CODE_LIFETIME):
            raise Refused("invalid_grant", "The code was used before.")
        grant = self.grants.begin(code["persona"], asked["scope"], code["lifetime"])
        return replace(grant, nonce=asked["nonce"], claims=asked["claims"])

    def check_client(self, form: Mapping[str, str]) -> None:
        """Let nobody pass but the client.

        :raises Refused: these are not its credentials.
        """
        secret = form.get("client_secret", "").encode()
        is_public = self.client.auth_method == "none"
        known = is_public or hmac.compare_digest(secret, self.client.client_secret.encode())
        if form.get("client_id") != self.client.client_id or not known:
            raise Refused("invalid_client", "The client_id and/or client_secret are incorrect.")

    def _presumed(self, name: str, value: str) -> str:
        """Return *value* if the server's token requests do not have it said, else ""."""
        return value if name in self.unasked else ""

    def holder(self, access_token: str) -> Grant | None:
        """Return whose token it is, and for what, or None if it is no good."""
        return self.grants.holder(access_token)

    def revoke(self, credentials: Mapping[str, str], token: str) -> None:
        """End a token, if it is one (RFC 7009).

        :raises Refused: it is not the client who asks.
        """
        self.check_client(credentials)
        self.grants.revoke(token)

    def _back(self, authorization: Authorization, answer: Mapping[str, str]) -> str:
        query = {**answer, "state": authorization.state, "iss": self.issuer}
        return f"{authorization.redirect_uri}?{urlencode(query)}"


def _facts(persona: Persona) -> dict[str, Any]:
    facts = asdict(persona)
    del facts["description"]
    return facts
