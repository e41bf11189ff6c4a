"""Any OAuth 2.0 provider that settings can describe: a table of words (``definition.py``) and no code.

Read top to bottom it is a sign-in: the authorization request, the code's exchange, then who it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from oauth_login.errors import ProviderResponseError
from oauth_login.oauth2 import (
    AuthorizationServer,
    TokenRequest,
    TokenResponse,
)
from oauth_login.providers import kept_claims
from oauth_login.providers.base import Expectation, Profile, Provider
from oauth_login.providers.claims import an_object, as_text, find, say, says
from oauth_login.providers.definition import WORDS, flaws
from oauth_login.providers.display import email_address, https_url, login_name, text
from oauth_login.providers.parameters import filled, renamed
from oauth_login.providers.pictures import over_https
from oauth_login.providers.plain_grants import PlainGrants
from oauth_login.providers.subjects import subject
from oauth_login.transport import Transport, origin_of


@dataclass(frozen=True, slots=True)
class OAuth2(PlainGrants):
    """A provider that is its settings. ``issuer`` is the namespace of its subjects.

    That is ``ISSUER``, or the origin of the authorization endpoint; only the former is expected to be told
    by ``iss`` (RFC 9207).
    """

    issuer: str = ""
    words: Mapping[str, Any] = field(default_factory=dict)

    expected: ClassVar[Mapping[str, Expectation]] = kept_claims.EXPECTED
    option_names: ClassVar[frozenset[str]] = frozenset({*WORDS, *kept_claims.EXPECTED, "REVOCATION_ENDPOINT"})
    auth_methods: ClassVar[tuple[str, ...]] = (*Provider.auth_methods, "none")

    @classmethod
    def required(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a site has to say; a public client has no secret."""
        public = options.get("TOKEN_ENDPOINT_AUTH_METHOD") == "none"
        return ("CLIENT_ID",) if public else ("CLIENT_ID", "CLIENT_SECRET")

    @classmethod
    def flaws(cls, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Yield what is wrong with a definition."""
        yield from flaws(options)

    @classmethod
    def from_options(cls, alias: str, options: Mapping[str, Any], transport: Transport) -> "OAuth2":
        """Build from settings, which are laid over a row of the table if there is one of that name."""
        issuer = options.get("ISSUER", "")
        endpoint = options["AUTHORIZATION_ENDPOINT"]
        return cls.settled(
            alias,
            options,
            transport,
            label=options.get("LABEL", alias.capitalize()),
            server=AuthorizationServer(
                issuer=issuer,
                authorization_endpoint=endpoint,
                token_endpoint=options["TOKEN_ENDPOINT"],
                userinfo_endpoint=options.get("USERINFO_ENDPOINT", ""),
                revocation_endpoint=options.get("REVOCATION_ENDPOINT", ""),
            ),
            issuer=issuer or origin_of(endpoint),
            words={key: options.get(key, word.default) for key, word in WORDS.items()},
        )

    @property
    def issuers(self) -> frozenset[str]:
        """The namespace of its subjects."""
        return frozenset({self.issuer})

    @property
    def subject_type(self) -> str:
        """As the settings say."""
        return str(self.words["SUBJECT_TYPE"])

    def speaks_for(self, issuer: str) -> bool:
        """Tell whether *issuer* is the namespace of its subjects."""
        return self.issuer == issuer

    def authorization_url(
        self,
        *,
        redirect_uri: str,
        state: str,
        code_challenge: str,
        nonce: str = "",
        hints: Mapping[str, str] | None = None,
    ) -> str:
        """Return where to send the browser, in this server's own words."""
        # Not super(): a dataclass with slots is another class than the one that this was written in.
        url = Provider.authorization_url(
            self,
            redirect_uri=redirect_uri,
            state=state,
            code_challenge=code_challenge,
            nonce=nonce,
            hints=hints,
        )
        parts, names = urlsplit(url), self.words["AUTHORIZATION_NAMES"]
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "scope" in asked:
            asked["scope"] = self.words["SCOPE_SEPARATOR"].join(self.scope.split())
        query = urlencode(renamed(asked, names))
        return urlunsplit(parts._replace(query=query, fragment=self.words["AUTHORIZATION_FRAGMENT"]))

    # --- Code → token -------------------------------------------------------------------------------------

    def fetch_token(
        self, *, code: str, redirect_uri: str, code_verifier: str, echoed: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """Exchange the code, in exactly one request."""
        request = TokenRequest.for_code(
            self.server,
            self.client,
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier if self.pkce else "",
        )
        asked = renamed(request.form, self.words["TOKEN_REQUEST_NAMES"])
        answer = self._ask(
            request.url,
            self.words["TOKEN_REQUEST"],
            {**(echoed or {}), **self.words["TOKEN_PARAMS"], **asked},  # nothing replaces the protocol's own
            request.headers,
            once=True,
        )
        told = self._told(answer, self.words["TOKEN_ANSWER"], "token_answer_invalid", (code, code_verifier))
        return self.granted(TokenResponse.from_answer(answer.status, self._in_rfc_words(told)))

    # --- Token → who it is --------------------------------------------------------------------------------

    def fetch_profile(self, token: TokenResponse, *, nonce: str = "", started_at: int = 0) -> Profile:
        """Ask whatever the settings name, then look for each claim where they say it is."""
        known: dict[str, Any] = {"client_id": self.client.client_id, "token": dict(token.answer)}
        known["identity"] = self._identity(token, known)
        userinfo = self._userinfo(token, known)
        # An answer's own members cannot hide those of the answers before it.
        found = {**userinfo, **known}
        claims = {name: say(expression, found) for name, expression in self.words["CLAIMS"].items()}
        email, verified = self._email(token, claims)
        return Profile(
            issuer=self.issuer,
            subject=subject(claims["sub"], self.words["SUBJECT_TYPE"]),
            preferred_username=login_name(claims.get("preferred_username")),
            name=text(claims.get("name")),
            email=email,
            email_verified=verified,
            picture=self.picture(over_https(claims.get("picture"))),
            profile=https_url(claims.get("profile")),
            claims=kept_claims.kept(userinfo, self.keep_claims),  # of no answer that has a token in it
        )

    def _identity(self, token: TokenResponse, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the step before the profile answers; nothing where there is none.

        :raises ProviderResponseError: the token is another client's: somebody else's site got it.
        """
        endpoint, path = self.words["IDENTITY_ENDPOINT"], self.words["IDENTITY_CLIENT"]
        if not endpoint:
            return {}
        asked = filled(self.words["IDENTITY_PARAMS"], known)
        identity = an_object(self._content(self._send(token, endpoint, asked), token))
        if path and find(identity, path) != self.client.client_id:
            raise ProviderResponseError("token_audience_wrong")
        return identity

    def _userinfo(self, token: TokenResponse, known: Mapping[str, Any]) -> dict[str, Any]:
        if not self.server.userinfo_endpoint:
            return {}
        answer = self._send(
            token,
            self.server.userinfo_endpoint,
            filled(self.words["USERINFO_PARAMS"], known),
            self.words["USERINFO_REQUEST"],
        )
        profile = an_object(find(self._content(answer, token), self.words["USERINFO_ROOT"]))
        for path, expected in filled(self.words["USERINFO_MATCHES"], known).items():
            if as_text(find(profile, path)) != expected:
                raise ProviderResponseError("userinfo_of_another", path)
        return profile

    def _email(self, token: TokenResponse, claims: Mapping[str, Any]) -> tuple[str, bool]:
        """Return an address, and whether the provider vouches for it; one that is no address is none."""
        if address := self._listed_address(token):
            return address, bool(self.words["EMAILS_WHERE"])  # without it, nothing says so
        address = email_address(claims.get("email"))
        return address, bool(address) and claims.get("email_verified") is True

    def _listed_address(self, token: TokenResponse) -> str:
        """Return the one address that is listed as it must be; "" if none is, or several are."""
        endpoint, where = self.words["EMAILS_ENDPOINT"], self.words["EMAILS_WHERE"]
        if not endpoint:
            return ""
        answer = self._send(token, endpoint, {})
        if answer.status in {403, 404}:
            return ""  # the visitor withheld the scope, and is welcome without an address
        listed = find(self._content(answer, token), self.words["EMAILS_ROOT"])
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise ProviderResponseError("emails_invalid", type(listed).__name__)
        chosen = [entry for entry in listed if all(says(entry, path, value) for path, value in where.items())]
        return email_address(chosen[0].get("email")) if len(chosen) == 1 else ""
