"""GitHub's quirks over the strict server: errors with status 200, forms by default, comma scopes."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from oauth_login.sandbox.server import AuthorizationServer, Refused

#: What GitHub calls the errors of RFC 6749.
GITHUB_NAMES: Final = {
    "invalid_client": "incorrect_client_credentials",
    "invalid_grant": "bad_verification_code",
}
Reply = tuple[int, dict[str, str], bytes]


class GitHubFlavour:
    """Answers the HTTP requests that a site sends to GitHub."""

    label = "GitHub"

    def __init__(self, alias: str) -> None:
        self.base_url = f"https://{alias.replace('_', '.')}.sandbox.invalid"
        self.issuer = f"{self.base_url}/login/oauth"
        self.server = AuthorizationServer(self.issuer)

    def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request; *headers* has lower-case names."""
        if method == "POST" and path == "/login/oauth/access_token":
            return self._token(headers, body)
        if not headers.get("user-agent"):
            return _json(403, {"message": "Request forbidden by administrative rules."})
        scheme, _, access_token = headers.get("authorization", "").partition(" ")
        holder = self.server.holder(access_token)
        if holder is None or scheme != "Bearer":
            return _json(401, {"message": "Bad credentials"})
        if method == "GET" and path == "/api/v3/user":
            return _json(200, self._user(holder[0]))
        if method == "GET" and path == "/api/v3/user/emails" and "user:email" in holder[1]:
            return _json(200, self._emails(holder[0]))
        return _json(404, {"message": "Not Found"})

    def _token(self, headers: Mapping[str, str], body: bytes) -> Reply:
        form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        try:
            token, scope = self.server.exchange(form)
        except Refused as refused:
            error = GITHUB_NAMES.get(refused.error, refused.error)
            answer = {"error": error, "error_description": refused.description}
        else:
            granted = ",".join(scope.split())
            answer = {"access_token": token, "scope": granted, "token_type": "bearer"}
        if "application/json" in headers.get("accept", ""):
            return _json(200, answer)
        kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return 200, kind, urlencode(answer).encode()

    def _user(self, persona: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "login": persona["login"],
            "id": persona["id"],
            "type": "User",
            "name": persona["name"],
            "email": persona["email"] if persona["email_public"] else None,
            "avatar_url": f"{self.base_url}/avatars/{persona['key']}.svg",
            "html_url": persona["profile"],
        }

    def _emails(self, persona: Mapping[str, Any]) -> list[dict[str, Any]]:
        noreply = f"{persona['id']}+{persona['login']}@users.noreply.github.com"
        primary = {
            "email": persona["email"],
            "primary": True,
            "verified": persona["email_verified"],
            "visibility": "public" if persona["email_public"] else "private",
        }
        private = {"email": noreply, "primary": False, "verified": True, "visibility": None}
        return [primary, private]


def _json(status: int, answer: Any) -> Reply:
    return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(answer).encode()
