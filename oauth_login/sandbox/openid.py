"""An OpenID Provider over the strict server: discovery, real keys, real ID Tokens, UserInfo.

The keys are made of the site's secret and the day, so that every worker signs with the same ones, and each
day with another: yesterday's stays published, as at a provider that rotates its keys.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from oauth_login import conf
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import Grant, Refused
from oauth_login.sandbox.messages import Reply, Request, as_json
from oauth_login.sandbox.server import Authorization, AuthorizationServer

ALGORITHM: Final = "ES256"
BASIC: Final = "client_secret_basic"
#: Keys of a provider's settings that are as true of the sandbox: not how a client proves who it is, how
#: tokens are signed, and where the server is.
KEPT: Final = (
    "AUTHORIZATION_PARAMS",
    "BACKCHANNEL_LOGOUT",
    "KEEP_CLAIMS",
    "PKCE",
    "REAUTHENTICATES",
    "REFRESHES",
    "REPEATS_NONCE",
    "SCOPE",
    "SIGN_OUT",
    "VERIFIES_EMAIL",
)
#: Scopes whose claims UserInfo has (Core §5.4). What any other asks for is in the ID Token, where the
#: providers that have such scopes put it.
OF_USERINFO: Final = frozenset({"openid", "profile", "email"})
DAY: Final = 24 * 3600  # seconds
LIFETIME: Final = 300  # seconds, of an ID Token
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-4


class OpenIDFlavour(Flavour):
    """Answers the HTTP requests that a site sends to an OpenID Provider."""

    def make_server(self) -> AuthorizationServer:
        """Return a server that knows PKCE where the provider does."""
        knows_pkce = self.options.get("PKCE", True)
        return StrictOpenID(self.issuer, self.client, knows_pkce=knows_pkce, refreshes=self.refreshes)

    def addresses(self) -> dict[str, Any]:
        """Return what the issuer does not say: how ID Tokens are signed."""
        return {"ID_TOKEN_SIGNED_RESPONSE_ALG": ALGORITHM, "TOKEN_ENDPOINT_AUTH_METHOD": BASIC}

    def kept(self) -> dict[str, Any]:
        """Return what has nothing to do with who the server is, and who the client."""
        label = self.options.get("LABEL") or urlsplit(self.options.get("ISSUER", "")).hostname
        named = {"LABEL": label} if label else {}
        return {**named, **{key: value for key, value in self.options.items() if key in KEPT}}

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/.well-known/openid-configuration":
                return as_json(self._metadata())
            case "GET", "/jwks":
                return as_json({"keys": [_published(day) for day in (_today(), _today() - 1)]})
            case "POST", "/token":
                return self._token(request)
            case "POST", "/revoke":
                return self._revoke(request)
            case (("GET" | "POST"), "/userinfo"):
                return self._userinfo(request)
        return as_json({"error": "not_found"}, 404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base_url}{self.page}",
            "token_endpoint": f"{self.base_url}/token",
            "userinfo_endpoint": f"{self.base_url}/userinfo",
            "revocation_endpoint": f"{self.base_url}/revoke",
            "jwks_uri": f"{self.base_url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": [BASIC, "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _token(self, request: Request) -> Reply:
        try:
            grant = self.server.token({**request.form, **request.basic})
        except Refused as refused:
            return _refused(refused)
        answer = {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "expires_in": grant.expires_in,
            "scope": grant.scope,
            "id_token": self._id_token(grant),
        }
        return as_json({**answer, **({"refresh_token": grant.refresh_token} if self.refreshes else {})})

    def _revoke(self, request: Request) -> Reply:
        """End a token; of one that is none, there is nothing to say (RFC 7009 §2.2)."""
        form = {**request.form, **request.basic}
        try:
            self.server.revoke(form, form.get("token", ""))
        except Refused as refused:
            return _refused(refused)
        return 200, {}, b""

    def _id_token(self, grant: Grant) -> str:
        now = int(time.time())
        digest = hashlib.sha256(grant.access_token.encode()).digest()
        claims = {
            **self._groups(grant),
            "iss": self.issuer,
            "sub": str(grant.persona["id"]),
            "aud": self.client.client_id,
            "iat": now,
            "auth_time": int(grant.since),  # of the sign-in, however often it was renewed (Core §12.2)
            "exp": now + LIFETIME,
            "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode(),
            **({"nonce": grant.nonce} if grant.nonce else {}),
            **self._at_once(grant),
        }
        day = _today()
        return jwt.encode(claims, _key(day), algorithm=ALGORITHM, headers={"kid": _kid(day)})

    def _userinfo(self, request: Request) -> Reply:
        holder = self.server.holder(request.bearer)
        if holder is None:
            return as_json({"error": "invalid_token"}, 401)
        claims = self._claims(holder.persona, holder.scopes & OF_USERINFO)
        return as_json({"sub": str(holder.persona["id"]), **claims})

    def _at_once(self, grant: Grant) -> dict[str, Any]:
        """Return the claims that the ID Token itself has: of the provider's own scopes, and those asked for.

        A provider with no scope but ``openid`` tells a name with it.
        """
        own = (grant.scopes - OF_USERINFO) or (
            frozenset({"name"}) if grant.scopes == {"openid"} else frozenset()
        )
        everything = self._claims(grant.persona, frozenset({"profile", "email"}))
        asked = _asked_at_once(grant.claims)
        return self._claims(grant.persona, own) | {
            name: value for name, value in everything.items() if name in asked
        }

    def _groups(self, grant: Grant) -> dict[str, Any]:
        """Return somebody's groups, by the names that the site keeps: every provider has its own."""
        kept = self.options.get("KEEP_CLAIMS", ())
        return {name: grant.persona["teams"] for name in kept if re.search("groups|roles", name)}

    def _claims(self, persona: Mapping[str, Any], scopes: frozenset[str]) -> dict[str, Any]:
        words = " ".join(scopes)
        claims: dict[str, Any] = {}
        if "profile" in words or "name" in words:
            claims |= {
                "preferred_username": persona["login"],
                "name": persona["name"] or persona["login"],
                "picture": self.picture_of(persona),
                "profile": persona["profile"],
            }
        if "email" in words:
            claims |= {"email": persona["email"], "email_verified": persona["email_verified"]}
        return claims


class StrictOpenID(AuthorizationServer):
    """A server that can read the ``claims`` parameter (Core §5.5), and says so if it cannot."""

    __slots__ = ()

    def authorize(self, query: Mapping[str, Sequence[str]], registered_uri: str) -> Authorization:
        """Read an authorization request."""
        authorization = AuthorizationServer.authorize(self, query, registered_uri)
        if "openid" not in authorization.scope.split():
            raise Refused("invalid_scope", "The scope openid is missing: this is an OpenID Provider.")
        _asked_at_once(authorization.claims)
        return authorization


def _asked_at_once(claims: str) -> frozenset[str]:
    """Return the names of the claims that the ID Token is to have (Core §5.5).

    :raises Refused: *claims* is no JSON object of that form.
    """
    try:
        return frozenset(json.loads(claims or "{}").get("id_token", {}))
    except (AttributeError, TypeError, ValueError):
        raise Refused("invalid_request", "The claims parameter is not what it must be.") from None


def _refused(refused: Refused) -> Reply:
    status = 401 if refused.error == "invalid_client" else 400
    return as_json({"error": refused.error, "error_description": refused.description}, status)


def _today() -> int:
    return int(time.time()) // DAY


def _seed(day: int) -> bytes:
    return hmac.digest(conf.signing_secrets()[0].encode(), f"oauth_login.sandbox.{day}".encode(), "sha512")


def _kid(day: int) -> str:
    """Return the key's name, which is another for another secret: sites may share a cache."""
    return f"{day}-{hashlib.sha256(_seed(day)).hexdigest()[:8]}"


def _key(day: int) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(_seed(day))
    return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())


def _published(day: int) -> dict[str, str]:
    numbers = _key(day).public_key().public_numbers()
    coordinates = {
        name: base64.urlsafe_b64encode(value.to_bytes(32)).rstrip(b"=").decode()
        for name, value in (("x", numbers.x), ("y", numbers.y))
    }
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": ALGORITHM, "kid": _kid(day), **coordinates}
