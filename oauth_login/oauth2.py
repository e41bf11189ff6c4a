"""The messages of the authorization code grant, and nothing else.

RFC 6749 §4.1 with PKCE (RFC 7636) and issuer identification (RFC 9207), in the RFCs' own words. This
module does no input or output and knows no framework: it turns values into messages and messages into
values, and refuses whatever the RFCs refuse. Read top to bottom it is the flow.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

from oauth_login.errors import (
    AuthorizationDenied,
    AuthorizationResponseError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
    TokenRequestError,
)

#: Stands in the issuer of servers of many tenants, in Microsoft's spelling.
TENANT: Final = "{tenantid}"
CODE_LENGTH: Final = 2_048  # characters; RFC 6749 sets no limit, a log and a worker need one
TOKEN_LENGTH: Final = 8_192
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TEN_YEARS: Final = 10 * 365 * 24 * 3600  # seconds; "never expires" in the wild is shorter than this
VSCHAR: Final = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A
TOKEN_CHARS: Final = re.compile(r"[\x21-\x7e]+")  # what may stand in an Authorization header
SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


@dataclass(frozen=True, slots=True)
class Client:
    """The site, as the provider knows it (RFC 6749 §2.2, §2.3).

    ``auth_method`` is one of RFC 7591's names: ``client_secret_post``, ``client_secret_basic``, ``none``; or
    ``private_key_jwt``, whose ``assertion`` is made anew for each request.
    """

    client_id: str
    client_secret: str = field(repr=False)
    auth_method: str = "client_secret_post"
    assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """The provider's metadata, under the names of RFC 8414 §2.

    ``authorization_response_iss_parameter_supported`` is the promise of RFC 9207 §3: when true, an
    answer without ``iss`` is refused.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    revocation_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What is sent to the authorization endpoint (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    code_challenge: str = ""
    nonce: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def url(self, server: AuthorizationServer) -> str:
        """Return the URL to send the browser to. What the protocol says always beats ``extra``."""
        parameters = {
            **self.extra,
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
        }
        if self.scope:
            parameters["scope"] = self.scope
        if self.code_challenge:
            parameters["code_challenge"] = self.code_challenge
            parameters["code_challenge_method"] = "S256"
        if self.nonce:
            parameters["nonce"] = self.nonce
        parts = urlsplit(server.authorization_endpoint)
        query = "&".join(filter(None, [parts.query, urlencode(parameters)]))
        return urlunsplit(parts._replace(query=query))


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brings back (RFC 6749 §4.1.2), read but not yet believed.

    Only ``state`` may be looked at before :meth:`believe`; ``code`` and ``error`` mean nothing until
    the attempt is known and the issuer is right.
    """

    state: str
    code: str = field(repr=False)
    error: str
    error_description: str
    iss: str | None
    echoed: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_query(
        cls,
        query: Mapping[str, Sequence[str]],
        *,
        code_param: str = "code",
        echoes: Iterable[str] = (),
        cancels: Mapping[str, str] | None = None,
    ) -> "AuthorizationResponse":
        """Read the callback's parameters.

        :param query: every value of every parameter, e.g. ``dict(request.GET.lists())``.
        :param code_param: this provider's name for the code, where it is none of the RFC's.
        :param echoes: further parameters, which this provider wants to see again in the token request.
        :param cancels: parameters, with their values, that are this provider's ``access_denied``.
        :raises AuthorizationResponseError: a parameter is repeated (RFC 6749 §3.1), or is too
            long or has characters outside VSCHAR (appendix A).
        """

        def single(name: str, length: int) -> str | None:
            values = query.get(name, ())
            if len(values) > 1:
                raise AuthorizationResponseError("parameter_repeated", name)
            if not values:
                return None
            if len(values[0]) > length or (values[0] and not VSCHAR.fullmatch(values[0])):
                raise AuthorizationResponseError("parameter_malformed", name)
            return values[0]

        cancelled = [name for name, value in (cancels or {}).items() if single(name, CODE_LENGTH) == value]
        return cls(
            state=single("state", CODE_LENGTH) or "",
            code=(single(code_param, CODE_LENGTH) or "").strip(),
            error=single("error", CODE_LENGTH) or ("access_denied" if cancelled else ""),
            # Prose for people, in any language: it is only ever logged, cleaned and cut.
            error_description="".join(query.get("error_description", ())[:1])[:CODE_LENGTH],
            iss=single("iss", CODE_LENGTH),
            echoed={name: value for name in echoes if (value := single(name, CODE_LENGTH))},
        )

    def believe(self, *, issuer: str, iss_promised: bool) -> None:
        """Check that the answer comes from *issuer* and says exactly one thing.

        The issuer is compared as a string, byte for byte, without normalisation (RFC 9207 §2.4), and
        before ``error`` is looked at: an error, too, may come from somebody else.

        :param issuer: "" if nothing is known of the server's; then any ``iss`` is ignored (threat B08).
        :param iss_promised: the server promises to send ``iss`` (RFC 9207 §3).

        :raises AuthorizationResponseError: wrong or missing issuer; both or neither of code and error.
        """
        if self.iss is not None and issuer and self.iss != issuer:
            raise AuthorizationResponseError("issuer_mismatch", self.iss)
        if self.iss is None and iss_promised:
            raise AuthorizationResponseError("issuer_missing")
        if self.code and self.error:
            raise AuthorizationResponseError("code_and_error")
        if not self.code and not self.error:
            raise AuthorizationResponseError("code_missing")

    def raise_for_error(self) -> None:
        """Raise what the provider's ``error`` means (RFC 6749 §4.1.2.1); return if there is none.

        :raises AuthorizationDenied: the visitor, or their administrator, said no.
        :raises ProviderUnavailable: the provider says it is down.
        :raises ProviderMisconfigured: anything else: this client asked for what it may not have.
        """
        if not self.error:
            return
        evidence = f"{self.error}: {self.error_description}"
        if self.error == "access_denied":
            raise AuthorizationDenied(detail=evidence)
        if self.error in {"server_error", "temporarily_unavailable"}:
            raise ProviderUnavailable(detail=evidence)
        raise ProviderMisconfigured(detail=evidence)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request, ready to be sent as ``application/x-www-form-urlencoded`` by POST."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def for_code(
        cls,
        server: AuthorizationServer,
        client: Client,
        *,
        code: str,
        redirect_uri: str,
        code_verifier: str,
    ) -> "TokenRequest":
        """Exchange a code (RFC 6749 §4.1.3, RFC 7636 §4.5).

        ``redirect_uri`` must be the very string of the authorization request.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
        }
        if code_verifier:
            form["code_verifier"] = code_verifier
        credentials, headers = authenticate_client(client)
        return cls(server.token_endpoint, {**form, **credentials}, headers)


def authenticate_client(client: Client) -> tuple[dict[str, str], dict[str, str]]:
    """Return the form fields and the headers that prove who the client is (RFC 6749 §2.3.1).

    Or an assertion does, which only the client's own key can sign (RFC 7523 §2.2).
    """
    if client.auth_method == "client_secret_basic":
        # §2.3.1: form-urlencode both *before* joining them, or a colon in the id moves the border.
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        return {}, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    form = {"client_id": client.client_id}
    if client.auth_method == "client_secret_post":
        form["client_secret"] = client.client_secret
    if client.auth_method == "private_key_jwt":
        form |= {"client_assertion_type": JWT_BEARER, "client_assertion": client.assertion}
    return form, {}


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful token response (RFC 6749 §5.1), checked. Lifetimes are seconds, or None if untold.

    ``scope`` is what was *granted*: None when the answer is silent, which means "as requested". ``answer``
    is the rest of it: some providers say there who signed in.
    """

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int | None
    refresh_token: str = field(repr=False)
    refresh_token_expires_in: int | None
    scope: frozenset[str] | None
    id_token: object = field(default=None, repr=False)  # as it came; whether it is one, ``oidc`` says
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_answer(cls, status: int, answer: Mapping[str, Any]) -> "TokenResponse":
        """Read the token endpoint's answer.

        An ``error`` is a failure whatever the HTTP status says: GitHub, and others, answer errors
        with 200 (threats D19, D20).

        :raises TokenRequestError: the provider refuses the code or the visitor.
        :raises ProviderMisconfigured: the provider refuses the client.
        :raises ProviderResponseError: the answer is not a token response.
        """
        if not is_silent(error := answer.get("error")):
            raise token_error(error, answer.get("error_description", ""))
        if status != 200:
            raise ProviderResponseError("token_answer_invalid", f"HTTP {status}")
        if answer.get("ok") is False:  # Slack's word for "no", which may be all it says
            raise ProviderResponseError("token_answer_invalid", "not ok")
        token_type = answer.get("token_type")
        if not isinstance(token_type, str) or token_type.lower() != "bearer":
            raise ProviderResponseError("token_type_unsupported", type(token_type).__name__)
        return cls(
            access_token=_token(answer.get("access_token")),
            token_type="Bearer",  # noqa: S106  a type of token, not a token
            expires_in=_lifetime(answer.get("expires_in")),
            refresh_token=_token(answer["refresh_token"]) if answer.get("refresh_token") else "",
            refresh_token_expires_in=_lifetime(answer.get("refresh_token_expires_in")),
            scope=_scope(answer.get("scope")),
            id_token=answer.get("id_token"),
            answer={name: value for name, value in answer.items() if name not in TOKENS},
        )


#: What of an answer is never kept as display data.
TOKENS: Final = frozenset({"access_token", "refresh_token", "id_token"})
#: The RFC's, GitHub's and Slack's.
REJECTED_CODES: Final = frozenset(
    {"invalid_grant", "bad_verification_code", "invalid_code", "code_already_used", "code_expired"}
)
#: Slack's, which may come without the status that says it.
TOO_OFTEN: Final = "ratelimited"


def is_silent(error: object) -> bool:
    """Tell whether a member that is there in errors only says nothing: some servers leave it empty."""
    return error is None or error is False or error == ""


def token_error(error: object, description: object) -> Exception:
    """Return the exception that the token endpoint's *error* means (RFC 6749 §5.2, others' names).

    Only the words this library knows decide anything; the provider's text goes to the log, cut.
    """
    if not isinstance(error, str):
        # Some APIs answer an object here. It cannot be looked up, and may be nested too deeply to print.
        return ProviderResponseError("token_answer_invalid", f"error is a {type(error).__name__}")
    evidence = f"{error}: {description}" if isinstance(description, str) else error
    if error in REJECTED_CODES:
        return TokenRequestError(detail=evidence)
    if error == "unverified_user_email":
        return TokenRequestError("email_unverified_at_provider", evidence)
    if error == TOO_OFTEN:
        return RateLimited(detail=evidence)
    if error in {"server_error", "temporarily_unavailable"}:
        return ProviderUnavailable(detail=evidence)
    return ProviderMisconfigured(detail=evidence)


def _token(value: object) -> str:
    """Return a token that is safe to put in an Authorization header (RFC 6750 §2.1)."""
    if isinstance(value, str) and len(value) <= TOKEN_LENGTH and TOKEN_CHARS.fullmatch(value):
        return value
    raise ProviderResponseError("token_invalid", type(value).__name__)


def _lifetime(value: object) -> int | None:
    """Return a lifetime in whole seconds; None for whatever is no sensible number of them (threat D23).

    JSON has one kind of number: what is written ``28800.0`` is a lifetime, and must not become none at all.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= TEN_YEARS:
        return int(value)
    return None


def _scope(value: object) -> frozenset[str] | None:
    """Return granted scopes; RFC 6749 §3.3 separates by space, GitHub by comma.

    They are stored and shown, so what is no scope there is dropped, and no cut makes another one of it.
    """
    if not isinstance(value, str):
        return None
    if len(value) > TOKEN_LENGTH:
        raise ProviderResponseError("token_answer_invalid", "scope is too long")
    return frozenset(word for word in re.split(r"[ ,]+", value) if SCOPE_TOKEN.fullmatch(word))


def new_nonce() -> str:
    """Return 256 random bits that tie an ID Token to one attempt (OpenID Connect Core §15.5.2)."""
    return secrets.token_urlsafe(32)


def new_code_verifier() -> str:
    """Return 256 random bits as 43 unreserved characters (RFC 7636 §4.1)."""
    return secrets.token_urlsafe(32)


def code_challenge(code_verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 §4.2); ``plain`` does not exist here."""
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
