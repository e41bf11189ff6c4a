"""QQ's quirks over the strict server: GET for tokens, forms and JSONP, two steps to who it is, ``ret``, a no.

Facts: https://wiki.connect.qq.com/ (*Using Authorization_Code to get Access_Token*, *get_user_info*).
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import Grant, Refused
from oauth_login.sandbox.messages import Reply, Request, as_form, as_json, as_jsonp
from oauth_login.sandbox.server import AuthorizationServer

#: QQ's numbers for the errors of RFC 6749.
NUMBERS: Final = {
    "invalid_client": 100009,
    "unsupported_grant_type": 100004,
    "redirect_uri_mismatch": 100010,
    "invalid_grant": 100019,
}
#: The one for a refresh token that is used, or no longer good.
DEAD: Final = 100021
LIFETIME: Final = 7_776_000  # seconds: three months
BAD_TOKEN: Final = {"error": 100016, "error_description": "access token check failed"}


class QQFlavour(Flavour):
    """Answers the HTTP requests that a site sends to QQ."""

    page = "/oauth2.0/authorize"

    def make_server(self) -> AuthorizationServer:
        """Return a server that does not know PKCE."""
        return AuthorizationServer(
            self.issuer,
            self.client,
            knows_pkce=False,
            cancels={"usercancel": "1"},
            lifetime=LIFETIME,
            refreshes=self.refreshes,
        )

    def addresses(self) -> dict[str, Any]:
        """Return QQ's endpoints."""
        return {
            "AUTHORIZATION_ENDPOINT": f"{self.base_url}{self.page}",
            "TOKEN_ENDPOINT": f"{self.base_url}/oauth2.0/token",
            "IDENTITY_ENDPOINT": f"{self.base_url}/oauth2.0/me",
            "USERINFO_ENDPOINT": f"{self.base_url}/user/get_user_info",
        }

    def respond(self, request: Request) -> Reply:
        """Answer one request: always with status 200, whatever went wrong."""
        match request.method, request.path:
            case "GET", "/oauth2.0/token":
                return self._token(request)
            case "GET", "/oauth2.0/me":
                return self._identity(request)
            case "GET", "/user/get_user_info":
                return as_json(self._shown(request))
        return as_json({"ret": -1, "msg": "unknown api"}, 404)

    def _token(self, request: Request) -> Reply:
        is_renewal = request.query.get("grant_type") == "refresh_token"
        try:
            grant = self.server.token(request.query)
        except Refused as refused:
            number = NUMBERS.get(refused.error, 100000)
            number = DEAD if is_renewal and refused.error == "invalid_grant" else number
            return _said(request, {"error": number, "error_description": refused.description})
        answer = {"access_token": grant.access_token, "expires_in": str(grant.expires_in)}
        if self.refreshes:
            answer["refresh_token"] = grant.refresh_token
        return as_json(answer) if request.query.get("fmt") == "json" else as_form(answer)

    def _identity(self, request: Request) -> Reply:
        holder = self.server.holder(request.query.get("access_token", ""))
        if holder is None:
            return _said(request, BAD_TOKEN)
        return _said(request, {"client_id": self.client.client_id, "openid": self._openid_of(holder)})

    def _shown(self, request: Request) -> Mapping[str, Any]:
        holder = self.server.holder(request.query.get("access_token", ""))
        if holder is None:
            return {"ret": 100016, "msg": BAD_TOKEN["error_description"]}
        named = (request.query.get("oauth_consumer_key"), request.query.get("openid"))
        if named != (self.client.client_id, self._openid_of(holder)):
            return {"ret": -22, "msg": "openid is invalid"}
        persona = holder.persona
        picture = self.picture_of(persona)
        return {
            "ret": 0,
            "msg": "",
            "nickname": persona["name"] or persona["login"],
            "figureurl_qq_1": picture,
            "figureurl_qq_2": picture,
            "gender": "男",
        }

    def _openid_of(self, holder: Grant) -> str:
        """Return what stands for the person in this application: 32 hexadecimal digits."""
        whose = f"{self.client.client_id} {holder.persona['id']}"
        return hashlib.sha256(whose.encode()).hexdigest()[:32].upper()


def _said(request: Request, answer: Mapping[str, Any]) -> Reply:
    return as_json(answer) if request.query.get("fmt") == "json" else as_jsonp(answer)
