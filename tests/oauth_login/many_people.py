"""A GitHub Enterprise Server on the loopback: for many people at once, or a site in another process."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qsl, urlsplit

from tests.oauth_login.http_server import Server, reply

TOKEN = "/login/oauth/access_token"
JSON = {"Content_Type": "application/json"}


class ManyPeople(Server):
    """Every code is somebody else's: the access token names the person, and the API answers by the token."""

    def __init__(self):
        super().__init__()
        self.asked = {}
        self.answers = {
            TOKEN: self._token,
            "/api/v3/user": self._user,
            "/api/v3/user/emails": reply([], **JSON),
        }

    @property
    def options(self):
        """The settings that make this server the site's GitHub."""
        return {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret-of-the-tests", "BASE_URL": self.url}

    def approve(self, location):
        """Return the callback's query for the authorization URL *location*; its code names the person."""
        assert location.startswith(f"{self.url}/login/oauth/authorize?"), location
        asked = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_hex(7)
        self.asked[code] = asked
        return {"code": code, "state": asked["state"], "iss": f"{self.url}/login/oauth"}

    def _token(self, request):
        form = dict(parse_qsl(request.body))
        asked = self.asked.pop(form["code"], {})
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (challenge, form["redirect_uri"]) != (asked.get("code_challenge"), asked.get("redirect_uri")):
            return reply({"error": "bad_verification_code"}, **JSON)
        return reply({"access_token": f"gho_{form['code']}", "token_type": "bearer"}, **JSON)

    def _user(self, request):
        code = request.headers["authorization"].removeprefix("Bearer gho_")
        return reply({"login": f"p-{code}", "id": int(code, 16), "type": "User"}, **JSON)
