"""GitHub's quirks over the strict server: errors with status 200, forms by default, comma scopes.

Tokens expire, as those of GitHub Apps do (and of OAuth apps do not): a client that can do with these can do
with the others.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import REFRESH_LIFETIME, Grant, Refused
from oauth_login.sandbox.messages import Reply, Request, as_form, as_json

#: What GitHub calls the errors of RFC 6749.
GITHUB_NAMES: Final = {
    "invalid_client": "incorrect_client_credentials",
    "invalid_grant": "bad_verification_code",
}
APPLICATIONS: Final = "/api/v3/applications"
TEAMS: Final = "/api/v3/user/teams"
MEMBERSHIPS: Final = "/api/v3/user/memberships/orgs/"
ABOUT_ORGANISATIONS: Final = (TEAMS, MEMBERSHIPS)
#: Each of these lets an application see organisations; GitHub says so to one that may not.
SEEING: Final = ("read:org", "write:org", "admin:org")
ORGANISATION_ID: Final = 9_900_001


class GitHubFlavour(Flavour):
    """Answers the HTTP requests that a site sends to GitHub."""

    page = "/login/oauth/authorize"
    grants_page = "/settings/connections/applications"
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
        application, _, what = request.path.rpartition("/")
        if request.method == "DELETE" and application == f"{APPLICATIONS}/{self.client.client_id}":
            return self._delete(request, what)
        holder = self.server.holder(request.bearer)
        if holder is None:
            return as_json({"message": "Bad credentials"}, 401)
        if (request.method, request.path) == ("GET", "/api/v3/user"):
            return as_json(self._user(holder.persona))
        if (request.method, request.path) == ("GET", "/api/v3/user/emails") and "user:email" in holder.scopes:
            return as_json(self._emails(holder.persona))
        if request.method == "GET" and request.path.startswith(ABOUT_ORGANISATIONS):
            return _about_organisations(request.path, request.query, holder)
        return as_json({"message": "Not Found"}, 404)

    def _token(self, request: Request) -> Reply:
        form = {**request.form, **request.basic}
        try:
            answer = _token_answer(self.server.token(form))
        except Refused as refused:
            is_renewal = form.get("grant_type") == "refresh_token" and refused.error == "invalid_grant"
            named = "bad_refresh_token" if is_renewal else GITHUB_NAMES.get(refused.error, refused.error)
            answer = {"error": named, "error_description": refused.description}
        wants_json = "application/json" in request.headers.get("accept", "")
        return as_json(answer) if wants_json else as_form(answer)

    def _delete(self, request: Request, what: str) -> Reply:
        """Take back a token, or all that its owner has granted this client. Only the client may."""
        try:
            self.server.check_client(request.basic)
            token = str(json.loads(request.body)["access_token"])
        except Refused:
            return as_json({"message": "Bad credentials"}, 401)
        except (ValueError, TypeError, KeyError):
            return as_json({"message": "Validation Failed"}, 422)
        holder = self.server.holder(token)
        if holder is None or what not in {"grant", "token"}:
            return as_json({"message": "Not Found"}, 404)
        if what == "token":
            self.server.grants.revoke(token)
        else:
            self.server.grants.withdraw(str(holder.persona["id"]))
        return 204, {}, b""

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


def _about_organisations(path: str, query: Mapping[str, str], holder: Grant) -> Reply:
    """Say where somebody is a member, and in which teams; only to who was granted to ask."""
    if holder.scopes.isdisjoint(SEEING):
        status, headers, body = as_json({"message": "You need at least read:org scope."}, 403)
        scopes = {
            "X-OAuth-Scopes": ", ".join(sorted(holder.scopes)),
            "X-Accepted-OAuth-Scopes": ", ".join(SEEING),
        }
        return status, headers | scopes, body
    name, teams = holder.persona["organisation"], holder.persona["teams"]
    organisation = {"login": name, "id": ORGANISATION_ID}
    if path == TEAMS:
        first = query.get("page", "1") == "1"
        return as_json([{"slug": slug, "organization": organisation} for slug in teams if first])
    if name and path.lower() == f"{MEMBERSHIPS}{name}":
        return as_json({"state": "active", "role": "member", "organization": organisation})
    return as_json({"message": "Not Found"}, 404)


def _token_answer(grant: Grant) -> dict[str, Any]:
    return {
        "access_token": grant.access_token,
        "expires_in": grant.expires_in,
        "refresh_token": grant.refresh_token,
        "refresh_token_expires_in": REFRESH_LIFETIME,
        "scope": ",".join(grant.scope.split()),
        "token_type": "bearer",
    }
