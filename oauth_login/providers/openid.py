"""Any OpenID Connect provider, from its ``ISSUER`` alone.

OpenID Connect Core 1.0 §3.1, code flow. The server says where its endpoints are (Discovery 1.0), when
somebody is about to use them and not before; what a site's settings say themselves is not asked for. Who
signed in is what the ID Token says; UserInfo is asked only for what the site wants and the token lacks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from oauth_login.documents import Cache, Documents
from oauth_login.errors import ProviderResponseError, ProviderUnavailable
from oauth_login.jws import SECRET_BYTES, SHARED_SECRET, SignedToken, invalid, keys_of
from oauth_login.oauth2 import TENANT, AuthorizationServer, TokenResponse
from oauth_login.oidc import REQUIRED_ENDPOINTS, Expected, discovery_url, server_of
from oauth_login.providers import openid_options
from oauth_login.providers.base import Expectation, Profile, Provider
from oauth_login.providers.display import email_address, https_url, login_name, text
from oauth_login.providers.kept_claims import kept
from oauth_login.providers.openid_client import OpenIDClient
from oauth_login.providers.openid_demands import demands_at, with_new_sign_in
from oauth_login.providers.openid_grants import OpenIDGrants
from oauth_login.providers.openid_options import ENDPOINTS
from oauth_login.providers.openid_tenants import authority
from oauth_login.providers.openid_userinfo import user_info
from oauth_login.providers.subjects import subject
from oauth_login.transport import LOOPBACK, only_public

#: Which scope asks for which claims (Core §5.4); the token has what is wanted if it has one of them.
CLAIMS_OF_SCOPE: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": ("name", "preferred_username", "nickname"),
    "email": ("email",),
}


@dataclass(frozen=True, slots=True)
class OpenID(OpenIDClient, OpenIDGrants):
    """Identity is ``(iss, sub)``. ``server`` holds what the settings say; :meth:`metadata` knows the rest."""

    algorithm: str = "RS256"
    tenants: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    repeats_nonce: bool = True
    verifies_email: bool = True
    client_key: str = field(default="", repr=False)
    key_id: str = ""
    team_id: str = ""  # Apple's: the client secret is a token that the team signs
    signs_out: bool = False
    reauthenticates: bool = True
    cache: Cache | None = field(default=None, repr=False)

    uses_nonce: ClassVar[bool] = True
    expected: ClassVar[Mapping[str, Expectation]] = openid_options.EXPECTED
    auth_methods: ClassVar[tuple[str, ...]] = (*Provider.auth_methods, "none", "private_key_jwt")
    option_names: ClassVar[frozenset[str]] = openid_options.NAMES
    alternatives: ClassVar[Mapping[str, str]] = openid_options.ALTERNATIVES
    whereabouts: ClassVar[Mapping[str, str]] = openid_options.WHEREABOUTS

    @classmethod
    def required(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a site has to say; how it proves who it is decides what of."""
        return openid_options.required(options)

    @classmethod
    def mistakes(cls, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a key and what it must be, where one depends on another or on a file."""
        return openid_options.mistakes(options)

    @classmethod
    def from_options(cls, alias: str, options: Mapping[str, Any], transport: Any) -> "OpenID":
        """Build from settings, laid over a preset's row; nothing is asked of the server here."""
        issuer = str(options["ISSUER"]).replace(
            openid_options.BASE_URL, str(options.get("BASE_URL", "")).rstrip("/")
        )
        if tenant := options.get("TENANT"):
            issuer = issuer.replace(TENANT, str(tenant))
        by_form = options.get("RESPONSE_MODE") == "form_post"
        return cls.settled(
            alias,
            options,
            transport,
            auth_method="",
            label=options.get("LABEL") or _host(issuer) or alias,
            server=openid_options.server(issuer, options),
            scope=options.get("SCOPE", "openid profile email"),
            authorization_params={
                **options.get("AUTHORIZATION_PARAMS", {}),
                **({"response_mode": "form_post"} if by_form else {}),
            },
            grant_url=options.get("GRANT_URL", ""),
            form_post=by_form,
            picture_hosts=openid_options.picture_hosts(issuer, options),
            algorithm=options.get("ID_TOKEN_SIGNED_RESPONSE_ALG", "RS256"),
            tenants=frozenset(options.get("TENANTS", ())),
            audiences=frozenset(options.get("AUDIENCES", ())),
            repeats_nonce=options.get("REPEATS_NONCE", True),
            verifies_email=openid_options.verifies_email(issuer, options),
            client_key=options.get("CLIENT_KEY", ""),
            key_id=options.get("KEY_ID", ""),
            team_id=options.get("TEAM_ID", ""),
            signs_out=options.get("SIGN_OUT", False),
            reauthenticates=options.get("REAUTHENTICATES", True),
            backchannel_logout=options.get("BACKCHANNEL_LOGOUT", False),
        )

    def remembering(self, cache: Any) -> "OpenID":
        """Return the provider, which keeps the server's documents in *cache*."""
        return replace(self, cache=cache)

    def parameters(self, endpoint: str) -> Mapping[str, str]:
        """Return what the site asks of the page at *endpoint*; with a new sign-in, also when it was.

        :raises ProviderUnavailable: the server has named a page from which no answer could be believed.
        """
        demands_at(endpoint, self.authorization_params)
        return with_new_sign_in(endpoint, self.authorization_params)

    def hints(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Take an account chooser (Core §3.1.2.1), and nothing that could weaken a check."""
        return {"prompt": "select_account"} if asked.get("prompt") == "select_account" else {}

    @property
    def proves_sign_in(self) -> bool:
        """Whether the server asks anew and says when it did, as it has to by Core §3.1.2.1."""
        return self.reauthenticates

    def proving(self) -> "OpenID":
        """Return the provider that asks for a sign-in of this moment, of which its ID Token has to tell."""
        if not self.reauthenticates:
            return self
        asked = {"prompt": "login", "max_age": "0"}
        return replace(self, authorization_params={**self.authorization_params, **asked})

    # --- Who the server is

    @property
    def issuers(self) -> frozenset[str]:
        """The issuer; of a server of many tenants, those of the tenants that are listed."""
        return frozenset(self._tenant_issuers()) or frozenset({self.server.issuer})

    @property
    def subject_type(self) -> str:
        """Text, even where it looks like a number."""
        return "str"

    def response_issuer(self, named: str | None) -> str:
        """Return the issuer; of a server of many tenants, the one of those listed that *named* is (E37)."""
        issuer = self.server.issuer
        return next((own for own in self._tenant_issuers() if own == named), issuer)

    def _tenant_issuers(self) -> set[str]:
        return {self.server.issuer.replace(TENANT, tenant) for tenant in self.tenants}

    def metadata(self) -> AuthorizationServer:
        """Return what the settings say, and of the rest what the server says of itself.

        :raises ProviderUnavailable: it does not, or says that it is another.
        """
        if all(getattr(self.server, name) for name in REQUIRED_ENDPOINTS):
            return self.server
        return self._discovered()

    def _discovered(self) -> AuthorizationServer:
        issuer, place = self.server.issuer, authority(self.tenants)
        at_place = issuer.replace(TENANT, place)
        try:
            document = self._documents.get(discovery_url(at_place), public=False)
        except ProviderResponseError as error:
            raise ProviderUnavailable("discovery_invalid", error) from None
        found = server_of(document, issuer=at_place if place in self.tenants else issuer)
        said = {name: value for name in ENDPOINTS.values() if (value := getattr(self.server, name))}
        promised = self.server.authorization_response_iss_parameter_supported
        promised = promised or found.authorization_response_iss_parameter_supported
        return replace(found, **said, authorization_response_iss_parameter_supported=promised)

    @property
    def _documents(self) -> Documents:
        return Documents(self.transport, self.cache)

    def _is_chosen_by_server(self, url: str) -> bool:
        """Tell whether only the server's word says where *url* leads, so that it must lead to a public host.

        The issuer's own host is the site's choice, and so is what its settings name; a server on this very
        machine may be in several pieces.
        """
        issuer, host = urlsplit(self.server.issuer).hostname, urlsplit(url).hostname
        by_site = {getattr(self.server, name) for name in ENDPOINTS.values()}
        return host != issuer and issuer not in LOOPBACK and url not in by_site

    # --- Code → token

    def fetch_token(
        self, *, code: str, redirect_uri: str, code_verifier: str, echoed: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Exchange the code; the answer must have an ID Token (Core §3.1.3.3), whatever else it has (E24)."""
        with only_public(when=self._is_chosen_by_server(self.metadata().token_endpoint)):
            token = Provider.fetch_token(
                self, code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
            )
        if not token.id_token:
            raise ProviderResponseError("id_token_missing")
        return token

    # --- Who signed in

    def fetch_profile(self, token: TokenResponse, *, nonce: str = "", started_at: int = 0) -> Profile:
        """Believe the ID Token, and ask UserInfo for no more than it lacks.

        What the token says wins. Claims that are kept elsewhere (Core §5.6.2) are not fetched (E42).
        """
        claims = self._verified(SignedToken.parse(token.id_token))
        self._expected(token, nonce, started_at).check(claims)
        who = subject(claims["sub"], "str")
        told = {name: value for name, value in claims.items() if value not in (None, "")}  # Core §5.3.2
        wanted = [CLAIMS_OF_SCOPE.get(scope, tuple(told)) for scope in self.scope.split()]
        wanted += [(name,) for name in self.keep_claims]
        if any(told.keys().isdisjoint(alternatives) for alternatives in wanted):
            asked = self._user_info(token, who)
            # A verdict is about the address beside it, and about no other document's (E34).
            verdict = told if "email" in told else asked
            claims = {**asked, **told, "email_verified": verdict.get("email_verified")}
        email = email_address(claims.get("email"))
        return Profile(
            issuer=claims["iss"],
            subject=who,
            preferred_username=login_name(claims.get("preferred_username") or claims.get("nickname")),
            name=_name(claims),
            email=email,
            email_verified=bool(email) and self.verifies_email and claims.get("email_verified") is True,
            picture=self.picture(claims.get("picture")),
            profile=https_url(claims.get("profile")),
            claims=kept(claims, self.keep_claims),
        )

    def _expected(self, token: TokenResponse, nonce: str, started_at: int) -> Expected:
        demands = demands_at(self.metadata().authorization_endpoint, self.authorization_params)
        return Expected(
            issuer=self.server.issuer,
            client_id=self.client.client_id,
            algorithm=self.algorithm,
            nonce=nonce if self.repeats_nonce else "",
            access_token=token.access_token,
            tenants=self.tenants,
            audiences=self.audiences,
            max_age=demands.max_age,
            started_at=started_at,
            acr_values=demands.acr_values,
            required=demands.required,
        )

    def _verified(self, token: SignedToken, *, mark: str = "renewed") -> dict[str, Any]:
        """Return the claims of *token*, whose signature is checked although it came over TLS (E12).

        :param mark: see :meth:`Documents.renewed`.

        :raises ProviderResponseError: it is not signed with a key of the provider's.
        """
        if self.algorithm == SHARED_SECRET:
            secret = self.client.client_secret.encode()
            # With an empty one anybody could sign, whatever the library makes of it.
            claims = token.claims([secret], self.algorithm) if len(secret) >= SECRET_BYTES else None
            if claims is None:
                raise invalid("signature")
            return claims
        for renewed in (False, True):
            claims = self._claims(token, mark=mark if renewed else "")
            if claims is not None:
                return claims
        raise ProviderResponseError("id_token_key_unknown")

    def _claims(self, token: SignedToken, *, mark: str) -> dict[str, Any] | None:
        url = self.metadata().jwks_uri
        public = self._is_chosen_by_server(url)
        documents = self._documents
        key_set = (
            documents.renewed(url, public=public, mark=mark) if mark else documents.get(url, public=public)
        )
        if key_set is None:
            return None
        keys = keys_of(key_set, self.algorithm, token.header.get("kid"))
        return token.claims(keys, self.algorithm)

    def _user_info(self, token: TokenResponse, subject: str) -> dict[str, Any]:
        """Return what UserInfo says about *subject*, and nothing if there is no such endpoint."""
        url = self.metadata().userinfo_endpoint
        if not url:
            return {}
        with only_public(when=self._is_chosen_by_server(url)):
            return user_info(self.transport, url, token.access_token, subject)


def _host(issuer: str) -> str:
    """Return what to call a server that has no label; "" if each of its tenants is a host."""
    host = urlsplit(issuer).hostname or ""
    return "" if TENANT in host else host


def _name(claims: Mapping[str, Any]) -> str:
    """Return what somebody is called; some servers know the two parts of it and no whole (ORCID)."""
    parts = (text(claims.get(part)) for part in ("given_name", "family_name"))
    return text(claims.get("name")) or text(" ".join(filter(None, parts)))
