"""Weibo's quirks over the strict server: JSON that calls itself text, who it is in the token answer.

Facts: https://open.weibo.com/wiki/Oauth2/access_token, https://open.weibo.com/wiki/Oauth2/revokeoauth2 and
https://open.weibo.com/wiki/2/users/show. Sites get no refresh tokens there; settings that say otherwise
(``REFRESHES``) are believed, as Weibo's own apps for phones get some.
"""

from typing import Any, Final

from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import Grant, Refused
from oauth_login.sandbox.messages import Reply, Request, as_json
from oauth_login.sandbox.server import AuthorizationServer

TEXT: Final = "text/plain;charset=UTF-8"
LIFETIME: Final = 157_679_999  # seconds: five years, less one
#: Weibo's numbers for the errors of RFC 6749.
NUMBERS: Final = {
    "redirect_uri_mismatch": 21322,
    "invalid_client": 21324,
    "invalid_grant": 21325,
    "unsupported_grant_type": 21328,
}


class WeiboFlavour(Flavour):
    """Answers the HTTP requests that a site sends to Weibo."""

    page = "/oauth2/authorize"

    def make_server(self) -> AuthorizationServer:
        """Return a server that does not know PKCE."""
        return AuthorizationServer(
            self.issuer, self.client, knows_pkce=False, lifetime=LIFETIME, refreshes=self.refreshes
        )

    def addresses(self) -> dict[str, Any]:
        """Return Weibo's endpoints."""
        return {
            "AUTHORIZATION_ENDPOINT": f"{self.base_url}{self.page}",
            "TOKEN_ENDPOINT": f"{self.base_url}/oauth2/access_token",
            "USERINFO_ENDPOINT": f"{self.base_url}/2/users/show.json",
            "REVOCATION_ENDPOINT": f"{self.base_url}/oauth2/revokeoauth2",
        }

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        match request.method, request.path:
            case "POST", "/oauth2/access_token":
                return self._token(request)
            case "GET", "/2/users/show.json":
                return self._user(request)
            case (("GET" | "POST"), "/oauth2/revokeoauth2"):
                return self._revoke(request)
        return _error(request, "Request Api not found!", 10020, 404)

    def _token(self, request: Request) -> Reply:
        try:
            grant = self.server.token(request.form)
        except Refused as refused:
            number = NUMBERS.get(refused.error, 21323)
            return _error(request, refused.error, number, 400, error_description=refused.description)
        answer = {
            "access_token": grant.access_token,
            "remind_in": str(grant.expires_in),
            "expires_in": grant.expires_in,
            "uid": str(grant.persona["id"]),
            "isRealName": "true",
        }
        if self.refreshes:
            answer["refresh_token"] = grant.refresh_token
        return as_json(answer, kind=TEXT)

    def _revoke(self, request: Request) -> Reply:
        """Take back all that somebody has granted; whoever has a token of theirs may ask for it."""
        holder = self.server.holder({**request.form, **request.query}.get("access_token", ""))
        if holder is None:
            return _error(request, "invalid_access_token", 21332, 400)
        self.server.grants.withdraw(str(holder.persona["id"]))
        return as_json({"result": "true"}, kind=TEXT)

    def _user(self, request: Request) -> Reply:
        holder = self.server.holder(request.query.get("access_token", ""))
        if holder is None:
            return _error(request, "invalid_access_token", 21332, 400)
        if request.query.get("uid") != str(holder.persona["id"]):
            return _error(request, "User does not exists!", 20003, 400)
        return as_json(self._shown(holder))

    def _shown(self, holder: Grant) -> dict[str, Any]:
        persona = holder.persona
        picture = self.picture_of(persona)
        return {
            "id": persona["id"],
            "idstr": str(persona["id"]),
            "screen_name": persona["name"] or persona["login"],
            "name": persona["name"] or persona["login"],
            "profile_image_url": picture,
            "avatar_large": picture,
            "avatar_hd": picture,
            "profile_url": f"u/{persona['id']}",
            "gender": "n",
            "verified": False,  # a badge, and nothing about an address
        }


def _error(request: Request, error: str, number: int, status: int, **more: str) -> Reply:
    return as_json({"error": error, "error_code": number, "request": request.path, **more}, status, TEXT)
