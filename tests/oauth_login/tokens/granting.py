"""A GitHub Enterprise whose tokens expire: single-use refresh tokens, an API, and a log."""

import itertools
import json
import threading
from urllib.parse import parse_qsl

from tests.oauth_login.http_server import Server, reply

CLIENT = {"CLIENT_ID": "client-id-of-the-tests", "CLIENT_SECRET": "client-secret-of-the-tests"}
TOKEN_PATH, API = "/login/oauth/access_token", "/api/v3"
DEAD = {
    "error": "bad_refresh_token",
    "error_description": "The refresh token passed is incorrect or expired.",
}


class Granting(Server):
    """Grants what a refresh token entitles to, once; its API takes the newest token of each grant only.

    ``renews`` and ``answers_api`` replace what it answers: an answer, or a function of the request.
    """

    def __init__(self, context=None):
        self.live = {}  # refresh token → access token of its grant
        self.accepted = set()
        self.numbers = itertools.count(1)
        self.lifetime = 28800
        self.more = {}
        self.renews = self.answers_api = None
        self.at_work = threading.Lock()
        super().__init__(context)

    @property
    def settings(self):
        """What a site writes about it."""
        return {"ghe": {"PRESET": "github", "BASE_URL": self.url, **CLIENT}}

    @property
    def issuer(self):
        """Whose people these are."""
        return f"{self.url}/login/oauth"

    @property
    def refreshes(self):
        """The refresh tokens it was shown, oldest first."""
        forms = [dict(parse_qsl(request.body)) for request in self.requests if request.path == TOKEN_PATH]
        return [form["refresh_token"] for form in forms]

    @property
    def calls(self):
        """The API requests so far."""
        return [request for request in self.requests if request.path.startswith(API)]

    def grant(self):
        """Return a new access token and its refresh token."""
        number = next(self.numbers)
        access, refresh = f"ghu_access{number:06}", f"ghr_refresh{number:06}"
        self.accepted.add(access)
        self.live[refresh] = access
        return access, refresh

    def respond(self, request):
        self.requests.append(request)
        with self.at_work:
            if request.path == TOKEN_PATH:
                return self._parts(self.renews, request) or self.renew(request)
            return self._parts(self.answers_api, request) or self.serve(request)

    def renew(self, request):
        """Answer a token request as GitHub does."""
        form = dict(parse_qsl(request.body))
        old = self.live.pop(form.get("refresh_token"), None)
        known = (form.get("client_id"), form.get("client_secret")) == tuple(CLIENT.values())
        if not known or form.get("grant_type") != "refresh_token" or old is None:
            return reply(DEAD)
        self.accepted.discard(old)
        access, refresh = self.grant()
        granted = {"access_token": access, "refresh_token": refresh, "token_type": "bearer", "scope": ""}
        granted |= {"expires_in": self.lifetime, "refresh_token_expires_in": 15897600, **self.more}
        return reply({name: value for name, value in granted.items() if value is not None})

    def serve(self, request):
        """Answer an API request: with what was asked, if the token is good."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.accepted:
            return reply({"message": "Bad credentials"}, 401)
        return reply({"path": request.path, "body": request.body, "method": request.method})

    def _parts(self, instead, request):
        answer = instead(request) if callable(instead) else instead
        if isinstance(answer, tuple):
            status, headers, body = answer
            return reply(json.loads(body) if isinstance(body, str) else body, status, **headers)
        return answer
