"""A real OpenID provider over TLS: real keys, real ID Tokens, a log of what it was asked, and lies on demand.

It checks what a provider checks (client, redirect URI, PKCE, single use), so a test that signs in through it
has proved those. What it says can be changed: ``claims``, ``header`` and ``signer`` of its ID Tokens, the
whole ``id_token``, or the answer to any path in ``answers``.
"""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.oauth_login.fake_github import SiteAtFault
from tests.oauth_login.http_server import Server, reply

HOST = "op.example"
ELSEWHERE = "elsewhere.example"  # another machine of the provider's
ISSUER = f"https://{HOST}"
CLIENT_ID = "client-of-the-tests"
CLIENT_SECRET = "a secret of: more than 32 characters, to sign with"
MISSING = ...  # as a claim: leave it out
SUBJECT = "248289761001"
WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class SigningKey:
    """A key of the provider's: what it signs with, and what it publishes."""

    private: Any
    algorithm: str
    kid: str

    @property
    def jwk(self):
        """The public key as a JWK."""
        kind: Any = jwt.get_algorithm_by_name(self.algorithm)
        made = json.loads(kind.to_jwk(self.private.public_key()))
        return {**made, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    @property
    def pem(self):
        """The private key as PEM text."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def sign(self, claims, **header):
        """Return a signed token; *claims* may be bytes."""
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        return jwt.PyJWS().encode(payload, self.private, self.algorithm, {"kid": self.kid, **header})


RSA_KEYS = [
    SigningKey(rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256", f"rsa-{number}")
    for number in range(2)
]
EC_KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-0")
OTHER_CURVE_KEY = SigningKey(ec.generate_private_key(ec.SECP384R1()), "ES384", "ec-0")
WEAK_KEY = SigningKey(rsa.generate_private_key(65537, 1024), "RS256", "weak")  # noqa: S505  that is the point


class OpenIDServer(Server):
    """Where the site finds the provider: one server for all tests.

    ``provider`` is who answers for the test that runs; without one, whoever asks fails the test.
    """

    provider: Any = None

    def respond(self, request):
        return self.provider.respond(request)


class FakeOpenID:
    """The provider, for as long as its ``with`` block lasts."""

    authorization_endpoint = f"{ISSUER}/authorize"

    def __init__(self, server):
        self.server = server
        self.codes = {}
        self.refresh_tokens = set()  # that work, once
        self.renewal = {}  # what else an answer to a refresh says, or does not: MISSING
        self.requests = []
        self.faults = []
        self.keys = [RSA_KEYS[0].jwk]
        self.signer = RSA_KEYS[0]
        self.header = {}
        self.claims = {}
        self.id_token = None
        self.answers = {}
        self.client_public_key = None
        self.access_token = f"at-{secrets.token_hex(18)}"
        self.configuration = {
            "issuer": ISSUER,
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "jwks_uri": f"{ISSUER}/jwks",
            "revocation_endpoint": f"{ISSUER}/revoke",
            "end_session_endpoint": f"{ISSUER}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        self.userinfo = {"sub": SUBJECT, "name": "Jane Doe", "email": "jane@op.example"}

    def __enter__(self):
        self.server.provider = self
        return self

    def __exit__(self, *_):
        self.server.settle()
        self.server.provider = None
        if self.faults:
            raise SiteAtFault("\n".join(self.faults))

    def hits(self, path):
        """How often *path* was asked for."""
        return len([request for request in self.requests if request.path == path])

    @property
    def token_requests(self):
        """The token requests so far, oldest first, as dicts of their form fields."""
        return [dict(parse_qsl(request.body)) for request in self.requests if request.path == "/token"]

    def rotate(self):
        """Withdraw the key, and sign with a new one from now on."""
        self.signer = RSA_KEYS[1]
        self.keys = [RSA_KEYS[1].jwk]

    def approve(self, location, **changes):
        """Return the callback's query as the provider builds it for the authorize URL *location*."""
        endpoint, _, query = location.partition("?")
        asked = dict(parse_qsl(query))
        if endpoint != self.authorization_endpoint or asked.get("client_id") != CLIENT_ID:
            raise SiteAtFault(f"the provider knows no such application: {location}")
        code = secrets.token_hex(10)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], **changes}

    def new_claims(self, nonce):
        """Return the claims of a good ID Token."""
        now = int(time.time())
        return {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "name": "Jane Doe",
            "preferred_username": "jane",
            "email": "jane@op.example",
            "email_verified": True,
            "picture": f"{ISSUER}/jane.png",
        }

    def respond(self, request):
        """Return the parts of the answer to *request*, and note what the site has done wrong."""
        self.requests.append(request)
        path = urlsplit(request.path).path
        try:
            answer = self.answers[path](request) if path in self.answers else self._answer(path, request)
        except SiteAtFault as fault:
            self.faults.append(f"{request.method} {path}: {fault}")
            answer = {"error": "invalid_request"}
        if isinstance(answer, tuple):
            status, headers, body = answer
            return reply(body, status, **headers)
        return reply(answer, Content_Type="application/json")

    def _answer(self, path, request):
        match path:
            case "/.well-known/openid-configuration":
                return self.configuration
            case "/jwks":
                return {"keys": self.keys}
            case "/token":
                return self._exchange(request)
            case "/revoke":
                return self._revoke(request)
            case "/userinfo":
                if request.headers.get("authorization") != f"Bearer {self.access_token}":
                    raise SiteAtFault("the access token is another")
                return self.userinfo
        raise SiteAtFault("there is no such thing")

    def _exchange(self, request):
        form = dict(parse_qsl(request.body))
        if not self._knows(request, form):
            raise SiteAtFault("the client does not prove who it is")
        if form.get("grant_type") == "refresh_token":
            return self._renewed(form["refresh_token"])
        asked = self.codes.pop(form["code"], None)
        if asked is None:
            return {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            raise SiteAtFault("the redirect URI is another")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if "code_challenge" in asked and _base64(digest) != asked["code_challenge"]:
            raise SiteAtFault("the verifier is wrong")
        offline = {"refresh_token": self.new_refresh_token()} if "offline_access" in asked["scope"] else {}
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": asked["scope"],
            "id_token": self._id_token(asked.get("nonce")),
            **offline,
        }

    def new_refresh_token(self):
        """Return a refresh token that works, once."""
        made = f"rt-{secrets.token_hex(18)}"
        self.refresh_tokens.add(made)
        return made

    def _renewed(self, refresh_token):
        if refresh_token not in self.refresh_tokens:
            return 400, {"Content-Type": "application/json"}, b'{"error": "invalid_grant"}'
        self.refresh_tokens.remove(refresh_token)
        self.access_token = f"at-{secrets.token_hex(18)}"
        told = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": self.new_refresh_token(),
            "id_token": self._id_token(MISSING),
            **self.renewal,
        }
        return {name: value for name, value in told.items() if value is not MISSING}

    def _revoke(self, request):
        form = dict(parse_qsl(request.body))
        if not self._knows(request, form):
            raise SiteAtFault("the client does not prove who it is")
        self.refresh_tokens.discard(form["token"])
        return 200, {}, b""

    def _id_token(self, nonce):
        if self.id_token is not None:
            made = self.id_token(nonce) if callable(self.id_token) else self.id_token
            return made if made is not MISSING else None
        changed = self.new_claims(nonce) | self.claims
        claims = {name: value for name, value in changed.items() if value is not MISSING}
        return self.signer.sign(claims, **self.header)

    def _knows(self, request, form):
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            client_id, _, secret = base64.b64decode(pair).decode().partition(":")
            return (unquote_plus(client_id), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        if self.client_public_key:
            proof = form.get("client_assertion") or form["client_secret"]
            self.proof = jwt.decode(
                proof, self.client_public_key, ["RS256", "ES256"], audience=[f"{ISSUER}/token", ISSUER]
            )
            return self.proof["sub"] == CLIENT_ID
        return (form["client_id"], form.get("client_secret")) in [
            (CLIENT_ID, CLIENT_SECRET),
            (CLIENT_ID, None),
        ]


def at_hash(access_token, algorithm="sha256"):
    """Return the claim of that name (OpenID Connect Core §3.1.3.6)."""
    digest = hashlib.new(algorithm, access_token.encode()).digest()
    return _base64(digest[: len(digest) // 2])


def _base64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
