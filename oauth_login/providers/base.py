"""What every provider is: an authorization server plus how to learn who signed in.

A provider knows nothing of Django, users or attempts. It turns a code into a token, and a token into a
:class:`Profile`, whose fields are OpenID Connect's standard claims (Core §5.1) for all providers alike.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from oauth_login.oauth2 import (
    AuthorizationRequest,
    AuthorizationServer,
    Client,
    TokenRequest,
    TokenResponse,
)
from oauth_login.providers.calls import Calls
from oauth_login.providers.display import https_url
from oauth_login.providers.grants import Grants
from oauth_login.providers.pictures import is_on
from oauth_login.providers.secrecy import without
from oauth_login.transport import Transport

#: What a setting may be: the question, and its wording after "must be".
Expectation = tuple[Callable[[Any], bool], str]


@dataclass(frozen=True, slots=True)
class Profile:
    """Who signed in. The person is ``(issuer, subject)``; everything else is display data.

    ``email`` is an address the provider knows; only ``email_verified`` makes it evidence. ``claims``
    holds a few further display values, from an allow-list, never the provider's whole answer.
    """

    issuer: str
    subject: str
    preferred_username: str = ""
    name: str = ""
    email: str = ""
    email_verified: bool = False
    picture: str = ""
    profile: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provider(Grants, Calls):
    """One configured provider. ``alias`` is its key in the settings.

    Subclasses say in class attributes what a site need not, and answer :meth:`fetch_profile`.
    """

    alias: str
    label: str
    client: Client
    server: AuthorizationServer
    scope: str
    transport: Transport = field(repr=False)
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    api_url: str = ""
    grant_url: str = ""  # the provider's page where a visitor reviews and withdraws what they granted
    pkce: bool = True
    picture_hosts: tuple[str, ...] = ()  # ``a.example``, or ``.example`` for its subdomains
    form_post: bool = False  # it answers by a form that the browser posts (OAuth 2.0 Form Post Response Mode)
    refreshes: bool = True  # it has refresh tokens, at least for who asks for them
    signs_out: bool = False  # who signs out of the site is offered to do so there, too
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)  # what it signs its webhook with
    webhook_target_id: str = ""
    keep_claims: tuple[str, ...] = ()  # what else of its answer is kept: names of claims
    backchannel_logout: bool = False  # its word ends sessions of this site

    #: Settings keys, beyond the common ones, that this kind of provider understands.
    option_names: ClassVar[frozenset[str]] = frozenset()
    #: What their values may be, where that is not said by their names.
    expected: ClassVar[Mapping[str, Expectation]] = {}
    #: Of keys that a site has to set: another that does instead; and, after "set it", to what.
    alternatives: ClassVar[Mapping[str, str]] = {}
    whereabouts: ClassVar[Mapping[str, str]] = {}
    #: Whether the authorization request carries a nonce, for an ID Token to repeat.
    uses_nonce: ClassVar[bool] = False
    #: Whether its API says which teams a visitor is in, as GitHub's does (``organisations.py``).
    has_teams: ClassVar[bool] = False
    #: How it can be told who the client is, in RFC 7591's words.
    auth_methods: ClassVar[tuple[str, ...]] = ("client_secret_post", "client_secret_basic")

    @classmethod
    def required(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the keys that a site has to set, with its other settings being *options*."""
        return ("CLIENT_ID", "CLIENT_SECRET")

    @classmethod
    def mistakes(cls, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a key and what its value must be, where that depends on other settings or on a file."""
        yield from ()

    @classmethod
    def flaws(cls, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Yield what is wrong with a definition: the key, what is wrong, and a hint.

        :param options: the site's over the preset's; each may have any type.
        """
        yield from ()

    @classmethod
    @abstractmethod
    def from_options(cls, alias: str, options: Mapping[str, Any], transport: Transport) -> "Provider":
        """Build the provider from its settings, already checked by ``conf``."""

    @classmethod
    def settled(
        cls,
        alias: str,
        options: Mapping[str, Any],
        transport: Transport,
        *,
        server: AuthorizationServer,
        auth_method: str = "client_secret_post",
        **own: Any,
    ) -> Self:
        """Build it of the settings that mean the same for every kind, and of what is its *own*.

        :param auth_method: how this kind proves who the client is, unless the site says how.
        """
        promised = options.get("AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED", False)
        alike = {
            "client": Client(
                options["CLIENT_ID"],
                options.get("CLIENT_SECRET", ""),
                options.get("TOKEN_ENDPOINT_AUTH_METHOD", auth_method),
            ),
            "server": replace(server, authorization_response_iss_parameter_supported=promised),
            "scope": options.get("SCOPE", ""),
            "authorization_params": options.get("AUTHORIZATION_PARAMS", {}),
            "api_url": options.get("API_URL", ""),
            # Who does not know it ignores it (RFC 6749 §3.1): sent to GitHub Enterprise Server, it costs
            # nothing, and protects from the day that one learns it.
            "pkce": options.get("PKCE", True),
            "refreshes": options.get("REFRESHES", True),
            "picture_hosts": tuple(options.get("PICTURE_HOSTS", ())),
            "keep_claims": tuple(options.get("KEEP_CLAIMS", ())),
        }
        return cls(alias=alias, transport=transport, **{**alike, **own})

    def remembering(self, cache: Any) -> "Provider":
        """Return the provider, which keeps what it has to ask its server in *cache*; default: nothing.

        :param cache: Django's, or another with the same methods.
        """
        return self

    def credentials(self) -> Client:
        """Return the client as it proves itself in the next request; default: always the same way."""
        return self.client

    def hints(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Return what of the visitor's own wishes about the provider's page may be passed on.

        :param asked: ``prompt`` and ``login`` as they were posted, by anybody; default: nothing is.
        """
        return {}

    def with_scope(self, scope: Iterable[str]) -> "Provider":
        """Return the provider that asks for *scope*, too."""
        asked = dict.fromkeys([*self.scope.split(), *scope])
        return replace(self, scope=" ".join(asked))

    @property
    def proves_sign_in(self) -> bool:
        """Whether it can be told to let nobody pass who does not prove again who they are, and says when."""
        return False

    def proving(self) -> "Provider":
        """Return the provider that tells it so, if there is a way; default: there is none."""
        return self

    def parameters(self, endpoint: str) -> Mapping[str, str]:
        """Return what the site asks of the authorization page at *endpoint*; default: as it is set."""
        return self.authorization_params

    def metadata(self) -> AuthorizationServer:
        """Return the server with all that is known of it; a provider may have to ask it first.

        :raises ProviderError: it had to, and could not.
        """
        return self.server

    def response_issuer(self, named: str | None) -> str:
        """Return the ``iss`` that a response must have, if it has one (RFC 9207 §2.4).

        :param named: the one that it has; only servers that answer in several names have to know.
        """
        return self.server.issuer

    @property
    def issuers(self) -> frozenset[str]:
        """The issuers whose people it names: one, unless the server has many tenants."""
        return frozenset({self.server.issuer})

    @property
    def subject_type(self) -> str:
        """What type its ids are of: ``int`` or ``str``, or "" for either."""
        return ""

    def speaks_for(self, issuer: str) -> bool:
        """Tell whether the people it names are those of *issuer*."""
        return self.response_issuer(issuer) == issuer

    def authorization_url(
        self,
        *,
        redirect_uri: str,
        state: str,
        code_challenge: str,
        nonce: str = "",
        hints: Mapping[str, str] | None = None,
    ) -> str:
        """Return where to send the browser. What the site has set wins over the visitor's hints (B11)."""
        server = self.metadata()
        request = AuthorizationRequest(
            client_id=self.client.client_id,
            redirect_uri=redirect_uri,
            scope=self.scope,
            state=state,
            code_challenge=code_challenge if self.pkce else "",
            nonce=nonce if self.uses_nonce else "",
            extra={**(hints or {}), **self.parameters(server.authorization_endpoint)},
        )
        return request.url(server)

    def fetch_token(
        self, *, code: str, redirect_uri: str, code_verifier: str, echoed: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Exchange the code, in exactly one request.

        :param echoed: what else of the callback a provider of data wants to see again (``CALLBACK_PARAMS``).
        :raises ProviderError: with the class that says whose fault it is.
        """
        client = self.credentials()
        request = TokenRequest.for_code(
            self.metadata(),
            client,
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier if self.pkce else "",
        )
        answer = self.transport.post(request.url, form=request.form, headers=request.headers)
        secrets = (client.client_secret, client.assertion, code, code_verifier)
        return self.granted(TokenResponse.from_answer(answer.status, without(secrets, answer.json(dict))))

    def granted(self, token: TokenResponse) -> TokenResponse:
        """Return *token* with its scope: silence about it grants what was requested (RFC 6749 §5.1)."""
        return token if token.scope is not None else replace(token, scope=frozenset(self.scope.split()))

    def sign_out_url(self, *, back: str, state: str) -> str:
        """Return where a visitor is signed out of the provider, or "" if there is no such place.

        :param back: the page of this site to return to, registered there.

        :raises ProviderError: the server has to be asked, and does not answer.
        """
        endpoint = self.metadata().end_session_endpoint
        if not endpoint:
            return ""
        parameters = {
            "client_id": self.client.client_id,
            "post_logout_redirect_uri": back,
            "state": state,
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    @abstractmethod
    def fetch_profile(self, token: TokenResponse, *, nonce: str = "", started_at: int = 0) -> Profile:
        """Ask the provider who the token belongs to.

        :param nonce: of the attempt, for providers that answer with an ID Token.
        :param started_at: when the visitor left, in UNIX seconds; 0 for now.

        :raises ProviderError: no identity can be had from the answer.
        :raises SignInRefused: the identity is not a person's.
        """

    def session_id(self, token: TokenResponse) -> str:
        """Return the provider's name for the session of who just signed in, or ""; default: it has none."""
        return ""

    def picture(self, url: object) -> str:
        """Return *url*, which the provider gave, if it is on one of its :attr:`picture_hosts`, or ""."""
        shown = https_url(url)
        return shown if is_on(self.picture_hosts, shown) else ""
