"""An OpenID Provider over the strict server: discovery, real keys, real ID Tokens, UserInfo.

The keys are made of the site's secret and the day, so that every worker signs with the same ones, and each
day with another: yesterday's stays published, as at a provider that rotates its keys.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from oauth_login import conf
from oauth_login.sandbox.messages import Reply, Request, as_json
from oauth_login.sandbox.server import CLIENT_ID, AuthorizationServer, Grant, Refused

ALGORITHM: Final = "ES256"
DAY: Final = 24 * 3600  # seconds
LIFETIME: Final = 300  # seconds, of an ID Token
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-4


class OpenIDFlavour:
    """Answers the HTTP requests that a site sends to an OpenID Provider."""

    label = ""  # whatever the preset, or the site, calls it

    def __init__(self, alias: str) -> None:
        self.base_url = f"https://{alias.replace('_', '.')}.sandbox.invalid"
        self.issuer = self.base_url
        self.server = AuthorizationServer(self.issuer)

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/.well-known/openid-configuration":
                return as_json(self._metadata())
            case "GET", "/jwks":
                return as_json({"keys": [_published(day) for day in (_today(), _today() - 1)]})
            case "POST", "/token":
                return self._token(request)
            case ("GET" | "POST"), "/userinfo":
                return self._userinfo(request)
        return as_json({"error": "not_found"}, 404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base_url}/authorize",  # the page of the sandbox stands in for it
            "token_endpoint": f"{self.base_url}/token",
            "userinfo_endpoint": f"{self.base_url}/userinfo",
            "jwks_uri": f"{self.base_url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _token(self, request: Request) -> Reply:
        try:
            grant = self.server.exchange({**request.form, **_basic(request)})
        except Refused as refused:
            status = 401 if refused.error == "invalid_client" else 400
            return as_json({"error": refused.error, "error_description": refused.description}, status)
        answer = {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "expires_in": 8 * 3600,
            "scope": grant.scope,
            "id_token": self._id_token(grant),
        }
        return as_json(answer)

    def _id_token(self, grant: Grant) -> str:
        now = int(time.time())
        digest = hashlib.sha256(grant.access_token.encode()).digest()
        claims = {
            "iss": self.issuer,
            "sub": str(grant.persona["id"]),
            "aud": CLIENT_ID,
            "iat": now,
            "auth_time": now,
            "exp": now + LIFETIME,
            "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode(),
            **({"nonce": grant.nonce} if grant.nonce else {}),
        }
        day = _today()
        return jwt.encode(claims, _key(day), algorithm=ALGORITHM, headers={"kid": _kid(day)})

    def _userinfo(self, request: Request) -> Reply:
        holder = self.server.holder(request.bearer)
        if holder is None:
            return as_json({"error": "invalid_token"}, 401)
        return as_json(self._claims(holder))

    def _claims(self, holder: Grant) -> dict[str, Any]:
        persona = holder.persona
        claims: dict[str, Any] = {"sub": str(persona["id"])}
        if "profile" in holder.scopes:
            claims |= {
                "preferred_username": persona["login"],
                "name": persona["name"] or persona["login"],
                "picture": f"{self.base_url}/avatars/{persona['key']}.svg",
                "profile": persona["profile"],
            }
        if "email" in holder.scopes:
            claims |= {"email": persona["email"], "email_verified": persona["email_verified"]}
        return claims


def _basic(request: Request) -> Mapping[str, str]:
    """Return the credentials of the ``Authorization`` header (RFC 6749 §2.3.1)."""
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return {}
    client_id, _, secret = base64.b64decode(pair).decode().partition(":")
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _today() -> int:
    return int(time.time()) // DAY


def _kid(day: int) -> str:
    return f"day-{day}"


def _key(day: int) -> ec.EllipticCurvePrivateKey:
    secret = conf.signing_secrets()[0].encode()
    number = int.from_bytes(hmac.digest(secret, f"oauth_login.sandbox.{_kid(day)}".encode(), "sha512"))
    return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())


def _published(day: int) -> dict[str, str]:
    numbers = _key(day).public_key().public_numbers()
    coordinates = {
        name: base64.urlsafe_b64encode(value.to_bytes(32)).rstrip(b"=").decode()
        for name, value in (("x", numbers.x), ("y", numbers.y))
    }
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": ALGORITHM, "kid": _kid(day), **coordinates}
