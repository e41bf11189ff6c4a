"""OpenID Connect's two messages: what a server says of itself, and the ID Token.

OpenID Connect Discovery 1.0 §4 and Core 1.0 §3.1.3.7, in their own words and, for the ID Token, in the
order of the latter. No input or output: documents and tokens come in as values. Nothing that comes in can
relax a check (threat E04): what is expected is said by the site's settings and by the attempt.
"""

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from math import isfinite
from typing import Any, Final

from oauth_login.errors import ProviderResponseError, ProviderUnavailable
from oauth_login.jws import invalid
from oauth_login.logout import Logout
from oauth_login.oauth2 import TENANT, AuthorizationServer
from oauth_login.transport import URL_LENGTH, is_secure

CLOCK_SKEW: Final = 60  # seconds between the provider's clock and this one, both ways (E41)
OLDEST: Final = 600  # seconds since an ID Token was issued; it comes straight from the token endpoint
SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}")  # Core §2: ASCII, up to 255 characters

REQUIRED_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OTHER_ENDPOINTS: Final = ("userinfo_endpoint", "revocation_endpoint", "end_session_endpoint")
DEFAULT_AUTH_METHODS: Final = ("client_secret_basic",)  # Discovery §3, if nothing is said
_HASHES: Final[Mapping[str, str]] = {"256": "sha256", "384": "sha384", "512": "sha512", "DSA": "sha512"}


def discovery_url(issuer: str) -> str:
    """Return where an issuer's configuration is (Discovery §4.1)."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def server_of(document: Mapping[str, Any], *, issuer: str) -> AuthorizationServer:
    """Return the server that a configuration describes (Discovery §3).

    Whether the server advertises PKCE is not asked: S256 is sent always, and ignored by who does not know it.

    :param issuer: of the settings; the document must say the same, byte for byte (Discovery §4.3, E28).

    :raises ProviderUnavailable: it says something else, or names an endpoint that nobody may be sent to.
    """
    if document.get("issuer") != issuer:
        raise _wrong("the issuer is another")
    endpoints = {name: _endpoint(document, name, issuer) for name in REQUIRED_ENDPOINTS + OTHER_ENDPOINTS}
    for name in REQUIRED_ENDPOINTS:
        if not endpoints[name]:
            raise _wrong(f"there is no {name}")
    return AuthorizationServer(
        issuer=issuer,
        token_endpoint_auth_methods_supported=_auth_methods(document),
        authorization_response_iss_parameter_supported=(
            document.get("authorization_response_iss_parameter_supported") is True
        ),
        **endpoints,
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    value = document.get(name)
    if value is None or value == "":
        return ""
    # A server on the network has no business with this machine's own ports (D10).
    plain_is_fine = issuer.startswith("http:")
    if not isinstance(value, str) or not is_secure(value) or "#" in value:
        raise _wrong(f"{name} is no https URL")
    if value.startswith("http:") and not plain_is_fine:
        raise _wrong(f"{name} is no https URL")
    if len(value) > URL_LENGTH:
        raise _wrong(f"{name} is too long")
    return value


def _auth_methods(document: Mapping[str, Any]) -> tuple[str, ...]:
    listed = document.get("token_endpoint_auth_methods_supported")
    if not isinstance(listed, list):
        return DEFAULT_AUTH_METHODS
    return tuple(method for method in listed if isinstance(method, str))


def _wrong(what: str) -> ProviderUnavailable:
    return ProviderUnavailable("discovery_invalid", what)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID Token has to say to be about this attempt.

    ``issuer`` may have a :data:`TENANT` in it, and then the tenant is one of ``tenants``. ``nonce`` is ""
    only for a provider that is known to repeat none. ``audiences`` are others that the site trusts.
    """

    issuer: str
    client_id: str
    algorithm: str
    nonce: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    tenants: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    max_age: int | None = None  # seconds before the visitor left, if the authorization request had it
    started_at: int = 0  # UNIX seconds, when the visitor left; 0 for now
    acr_values: frozenset[str] = frozenset()  # those that the authorization request named
    required: frozenset[str] = frozenset()  # claims that it called essential

    def check(self, claims: Mapping[str, Any]) -> None:
        """Check the claims of an ID Token whose signature is right (Core §3.1.3.7).

        :raises ProviderResponseError: ``id_token_invalid``; the detail names the claim, and no value.
        """
        _require(claims.get("iss") == self._issuer_of(claims), "iss")
        self._check_audience(claims.get("aud"), claims)
        now = int(time.time())
        self._check_times(claims, now)
        self._check_nonce(claims.get("nonce"))
        self._check_demands(claims, self.started_at or now)
        self._check_access_token(claims)
        subject = claims.get("sub")
        _require(isinstance(subject, str) and SUBJECT.fullmatch(subject) is not None, "sub")
        # Back-Channel Logout 1.0 §2.4: a logout token is no ID Token.
        _require("events" not in claims, "events")

    def check_renewed(self, claims: Mapping[str, Any], *, subject: str) -> None:
        """Check the claims of an ID Token that came with a renewed grant (Core §12.2).

        It is as the first one was: no nonce, and no new sign-in of which anything was demanded.

        :param subject: of the first one.
        :raises ProviderResponseError: ``refresh_identity_changed``; the detail names the claim (E40).
        """
        try:
            replace(self, nonce="", max_age=None, acr_values=frozenset(), required=frozenset()).check(claims)
            _require(claims["sub"] == subject, "sub")
        except ProviderResponseError as error:
            raise ProviderResponseError("refresh_identity_changed", error.detail) from None

    def check_logout(self, claims: Mapping[str, Any]) -> Logout:
        """Check the claims of a logout token whose signature is right, and return what it says.

        :raises ProviderResponseError: ``id_token_invalid``; the detail names the claim.
        """
        _require(claims.get("iss") == self._issuer_of(claims), "iss")
        return Logout.of(claims, client_id=self.client_id)

    def _issuer_of(self, claims: Mapping[str, Any]) -> str:
        if TENANT not in self.issuer:
            return self.issuer
        tenant = claims.get("tid")
        _require(isinstance(tenant, str) and tenant in self.tenants, "tid")
        return self.issuer.replace(TENANT, str(tenant))

    def _check_audience(self, audience: object, claims: Mapping[str, Any]) -> None:
        listed = audience if isinstance(audience, list) else [audience]
        _require(all(isinstance(one, str) for one in listed), "aud")
        _require(self.client_id in listed, "aud")
        _require(set(listed) <= {self.client_id, *self.audiences}, "aud")
        _require("azp" in claims or len(listed) == 1, "azp")
        _require(claims.get("azp", self.client_id) == self.client_id, "azp")

    def _check_times(self, claims: Mapping[str, Any], now: int) -> None:
        _require(_instant(claims, "exp") + CLOCK_SKEW > now, "exp")
        _require(now - OLDEST <= _instant(claims, "iat") <= now + CLOCK_SKEW, "iat")
        if "nbf" in claims:
            _require(_instant(claims, "nbf") <= now + CLOCK_SKEW, "nbf")

    def _check_nonce(self, nonce: object) -> None:
        if self.nonce:
            # Bytes: compare_digest() takes no other characters than ASCII in a str.
            _require(isinstance(nonce, str) and _is_same(nonce, self.nonce), "nonce")

    def _check_demands(self, claims: Mapping[str, Any], asked_at: int) -> None:
        """Check that the sign-in is as new, and of the kind, that was demanded (E33).

        The server weighs ``max_age`` when the visitor arrives; the time they then take does not count.
        """
        if self.max_age is not None or "auth_time" in self.required:
            oldest = 0 if self.max_age is None else asked_at - self.max_age - CLOCK_SKEW
            newest = int(time.time()) + CLOCK_SKEW  # no sign-in was later than now
            _require(oldest <= _instant(claims, "auth_time") <= newest, "auth_time")
        if self.acr_values or "acr" in self.required:
            acr = claims.get("acr")
            _require(isinstance(acr, str) and acr in (self.acr_values or {acr}), "acr")

    def _check_access_token(self, claims: Mapping[str, Any]) -> None:
        """Check ``at_hash`` where it is (Core §3.1.3.8): the token answer is of one piece (E23)."""
        if "at_hash" in claims:
            digest = hashlib.new(_HASHES[self.algorithm[-3:]], self.access_token.encode()).digest()
            half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
            told = claims["at_hash"]
            _require(isinstance(told, str) and _is_same(told, half), "at_hash")


def _require(condition: bool, claim: str) -> None:  # noqa: FBT001  it is an assertion
    if not condition:
        raise invalid(claim)


def _is_same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise invalid(name)
    return int(value)
