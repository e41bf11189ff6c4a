"""GitHub's quirks over the strict server: errors with status 200, forms by default, comma scopes."""

import json
from collections.abc import Mapping
from typing import Any, Final

from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.messages import Reply, Request, as_form, as_json
from oauth_login.sandbox.server import Refused

#: What GitHub calls the errors of RFC 6749.
GITHUB_NAMES: Final = {
    "invalid_client": "incorrect_client_credentials",
    "invalid_grant": "bad_verification_code",
}


class GitHubFlavour(Flavour):
    """Answers the HTTP requests that a site sends to GitHub."""

    page = "/login/oauth/authorize"
    issuer_path = "/login/oauth"

    def addresses(self) -> dict[str, Any]:
        """Return ``BASE_URL``, from which the rest follows."""
        return {"BASE_URL": self.base_url}

    def kept(self) -> dict[str, Any]:
        """Return the settings of GitHub itself, of which this is no enterprise's own server."""
        return {"LABEL": "GitHub", **super().kept()}

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        if (request.method, request.path) == ("POST", "/login/oauth/access_token"):
            return self._token(request)
        if not request.headers.get("user-agent"):
            return as_json({"message": "Request forbidden by administrative rules."}, 403)
        if (request.method, request.path.rpartition("/")[2]) == ("DELETE", "grant"):
            return self._revoke(request)
        holder = self.server.holder(request.bearer)
        if holder is None:
            return as_json({"message": "Bad credentials"}, 401)
        if (request.method, request.path) == ("GET", "/api/v3/user"):
            return as_json(self._user(holder.persona))
        if (request.method, request.path) == ("GET", "/api/v3/user/emails") and "user:email" in holder.scopes:
            return as_json(self._emails(holder.persona))
        return as_json({"message": "Not Found"}, 404)

    def _token(self, request: Request) -> Reply:
        try:
            grant = self.server.exchange({**request.form, **request.basic})
        except Refused as refused:
            error = GITHUB_NAMES.get(refused.error, refused.error)
            answer = {"error": error, "error_description": refused.description}
        else:
            granted = ",".join(grant.scope.split())
            answer = {"access_token": grant.access_token, "scope": granted, "token_type": "bearer"}
        wants_json = "application/json" in request.headers.get("accept", "")
        return as_json(answer) if wants_json else as_form(answer)

    def _revoke(self, request: Request) -> Reply:
        """Take a grant back. GitHub wants the client's credentials for that, and the token in the body."""
        try:
            body = json.loads(request.body)
            is_gone = self.server.withdraw(request.basic, str(body["access_token"]))
        except Refused:
            return as_json({"message": "Bad credentials"}, 401)
        except (ValueError, TypeError, KeyError):
            return as_json({"message": "Validation Failed"}, 422)
        return (204, {}, b"") if is_gone else as_json({"message": "Not Found"}, 404)

    def _user(self, persona: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "login": persona["login"],
            "id": persona["id"],
            "type": "User",
            "name": persona["name"],
            "email": persona["email"] if persona["email_public"] else None,
            "avatar_url": self.picture_of(persona),
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
