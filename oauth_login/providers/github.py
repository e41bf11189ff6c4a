"""GitHub, and GitHub Enterprise by ``BASE_URL``.

Facts: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
https://docs.github.com/en/rest/users. GitHub is OAuth 2.0, not OpenID Connect: it issues no ID Token,
although a discovery document exists; the issuer below serves RFC 9207 only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

from oauth_login.answers import Answer
from oauth_login.errors import ProviderMisconfigured, ProviderResponseError, SignInRefused
from oauth_login.oauth2 import AuthorizationServer, TokenResponse, authenticate_client
from oauth_login.providers import github_webhook
from oauth_login.providers.base import Expectation, Profile
from oauth_login.providers.display import https_url, login_name, text
from oauth_login.providers.github_scopes import GitHubScopes
from oauth_login.providers.pictures import own_hosts
from oauth_login.providers.subjects import positive_integer_subject
from oauth_login.transport import Transport

API_VERSION: Final = "2022-11-28"
PICTURE_HOST: Final = "avatars.githubusercontent.com"
#: What DELETE answers when there is nothing left: it was done, was done before, or never was a token's (H23).
GONE: Final = frozenset({204, 404, 422})
LOGIN: Final = re.compile(r"[A-Za-z0-9-]{1,39}")
NOREPLY: Final = re.compile(r"[\w.+-]{1,100}@users\.noreply\.([\w.-]+)", re.ASCII | re.IGNORECASE)


def api_of(base: str) -> str:
    """Return where the API of the GitHub at *base* is."""
    return "https://api.github.com" if base == "https://github.com" else f"{base}/api/v3"


def token_endpoint_of(base: str) -> str:
    """Return where the GitHub at *base* gives out tokens."""
    return f"{base}/login/oauth/access_token"


@dataclass(frozen=True, slots=True)
class GitHub(GitHubScopes):
    """Identity is the numeric id; logins are renamed, recycled and never trusted."""

    api_version: str = API_VERSION
    host: str = "github.com"

    has_teams: ClassVar[bool] = True
    expected: ClassVar[Mapping[str, Expectation]] = github_webhook.EXPECTED
    option_names: ClassVar[frozenset[str]] = frozenset({"BASE_URL", "API_VERSION", *github_webhook.EXPECTED})

    @classmethod
    def from_options(cls, alias: str, options: Mapping[str, Any], transport: Transport) -> "GitHub":
        """Build from settings; every endpoint follows from ``BASE_URL`` unless it is given itself."""
        base = str(options.get("BASE_URL", "https://github.com")).rstrip("/")
        enterprise = base != "https://github.com"
        return cls.settled(
            alias,
            options,
            transport,
            label=options.get("LABEL", "GitHub Enterprise" if enterprise else "GitHub"),
            server=AuthorizationServer(
                issuer=options.get("ISSUER", f"{base}/login/oauth"),
                authorization_endpoint=options.get("AUTHORIZATION_ENDPOINT", f"{base}/login/oauth/authorize"),
                token_endpoint=options.get("TOKEN_ENDPOINT", token_endpoint_of(base)),
            ),
            scope=options.get("SCOPE", "read:user user:email"),
            api_url=str(options.get("API_URL", api_of(base))).rstrip("/"),
            grant_url=f"{base}/settings/connections/applications/{quote(options['CLIENT_ID'], safe='')}",
            picture_hosts=tuple(
                options.get("PICTURE_HOSTS", own_hosts(base) if enterprise else (PICTURE_HOST,))
            ),
            api_version=options.get("API_VERSION", API_VERSION),
            host=urlsplit(base).hostname or "",
            webhook_secrets=tuple(options.get("WEBHOOK_SECRETS", ())),
            webhook_target_id=options.get("WEBHOOK_TARGET_ID", ""),
        )

    @property
    def subject_type(self) -> str:
        """Numbers, always."""
        return "int"

    def hints(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Take an account chooser, and a login to suggest; nothing else that GitHub understands (GH17)."""
        hints = {"prompt": "select_account"} if asked.get("prompt") == "select_account" else {}
        if LOGIN.fullmatch(asked.get("login", "")):
            hints["login"] = asked["login"]
        return hints

    @property
    def can_revoke(self) -> bool:
        """Whether there is a way: always, and not RFC 7009's."""
        return True

    def revoke(self, *, access_token: str, refresh_token: str) -> bool:
        """Delete the visitor's grant, with all its tokens. No secret is in the URL (H23).

        GitHub is shown an access token; of one that is dead already it says that there is no such thing, so
        that a grant whose access token has expired should be renewed before it is given back.
        """
        if not access_token:
            return False
        _, headers = authenticate_client(replace(self.client, auth_method="client_secret_basic"))
        client_id = quote(self.client.client_id, safe="")
        url = f"{self.api_url}/applications/{client_id}/grant"
        answer = self.transport.delete(
            url, json={"access_token": access_token}, headers=headers | self._versioned
        )
        if answer.status in GONE:
            return True
        if answer.status in {401, 403}:
            raise ProviderMisconfigured(detail=f"HTTP {answer.status}")
        raise ProviderResponseError("revocation_refused", f"HTTP {answer.status}")

    def fetch_profile(self, token: TokenResponse, *, nonce: str = "", started_at: int = 0) -> Profile:
        """Read ``/user`` after every token: the visitor may have switched accounts at GitHub."""
        user = self._get("/user", token).json(dict)
        subject = positive_integer_subject(user.get("id"))
        if user.get("type", "User") != "User" or user.get("suspended_at"):
            raise SignInRefused("not_a_person", text(user.get("type")))
        email, noreply = self._addresses(token)
        return Profile(
            issuer=self.server.issuer,
            subject=subject,
            preferred_username=login_name(user.get("login")),
            name=text(user.get("name")),
            email=email,
            email_verified=bool(email),
            picture=self.picture(user.get("avatar_url")),
            profile=https_url(user.get("html_url")),
            claims={"noreply_email": noreply} if noreply else {},
        )

    def bearing(self, access_token: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers of an API request; its answers are of one version for as long as that lasts."""
        return {"Authorization": f"Bearer {access_token}"} | self._versioned, {}

    @property
    def _versioned(self) -> dict[str, str]:
        return {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": self.api_version}

    def _addresses(self, token: TokenResponse) -> tuple[str, str]:
        """Return the primary verified address, and the private ``noreply`` one, or "".

        ``/user``'s own ``email`` is what the visitor shows in public; it proves nothing and is never
        used (threat GH10). A visitor without the scope, or without addresses, still signs in (GH09).
        An empty scope says nothing: GitHub Apps have permissions instead.
        """
        if token.scope and not token.scope & {"user", "user:email"}:
            return "", ""
        answer = self._get("/user/emails?per_page=100", token, missing_ok=True)
        if answer.status in {403, 404}:
            return "", ""
        email = noreply = ""
        primaries = 0
        for entry in answer.json(list):
            if not isinstance(entry, dict) or not isinstance(entry.get("email"), str):
                raise ProviderResponseError("emails_invalid")
            if entry.get("verified") is not True:
                continue
            private = NOREPLY.fullmatch(entry["email"])
            if private and private[1].lower() in {"github.com", self.host}:
                noreply = noreply or entry["email"]
            elif entry.get("primary") is True:
                email = entry["email"]
                primaries += 1
        return (email if primaries == 1 else ""), noreply

    def _get(self, path: str, token: TokenResponse, *, missing_ok: bool = False) -> Answer:
        headers, _ = self.bearing(token.access_token)
        answer = self.transport.get(f"{self.api_url}{path}", headers=headers)
        if answer.status == 200 or (missing_ok and answer.status in {403, 404}):
            return answer
        raise ProviderResponseError("profile_refused", f"HTTP {answer.status}")
