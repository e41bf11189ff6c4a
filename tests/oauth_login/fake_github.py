"""The one fake provider: GitHub's side of the protocol, in memory, with a log of what it was asked.

It checks what GitHub checks (client, redirect URI, PKCE, single use), so a test that signs in through it
has proved those. A test that wants something else replaces ``token``, ``user``, ``emails`` or answers.
"""

import base64
import hashlib
import json
import secrets
from urllib.parse import parse_qs, parse_qsl, urlsplit

import responses

CLIENT_ID = "client-id-of-the-tests"
CLIENT_SECRET = "client-secret-of-the-tests"


class FakeGitHub:
    """GitHub, as ``responses`` lets the site see it."""

    issuer = "https://github.com/login/oauth"
    authorization_endpoint = "https://github.com/login/oauth/authorize"
    token_endpoint = "https://github.com/login/oauth/access_token"
    api = "https://api.github.com"

    def __init__(self, mock):
        self.mock = mock
        self.codes = {}
        #: What the next answers are; a dict/list is sent as JSON with 200, a tuple is
        #: (status, headers, body), an exception is raised as a network failure, a callable is called.
        self.token = {
            "access_token": f"gho_{secrets.token_hex(18)}",
            "scope": "read:user,user:email",
            "token_type": "bearer",
        }
        self.user = {
            "login": "octocat",
            "id": 583231,
            "type": "User",
            "name": "The Octocat",
            "email": None,
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4",
            "html_url": "https://github.com/octocat",
        }
        self.emails = [
            {"email": "octocat@example.com", "primary": True, "verified": True, "visibility": "private"}
        ]
        mock.add_callback("POST", self.token_endpoint, self._token)
        mock.add_callback("GET", f"{self.api}/user", self._answer("user"))
        mock.add_callback("GET", f"{self.api}/user/emails", self._answer("emails"))

    @property
    def token_requests(self):
        """The token requests so far, oldest first, as dicts of their form fields."""
        return [
            dict(parse_qsl(call.request.body))
            for call in self.mock.calls
            if call.request.url == self.token_endpoint
        ]

    @property
    def api_requests(self):
        """The API requests so far, oldest first."""
        return [call.request for call in self.mock.calls if call.request.url.startswith(self.api)]

    def approve(self, location, **changes):
        """Return the callback's query as GitHub builds it for the authorize URL *location*."""
        parts = urlsplit(location)
        assert location.startswith(self.authorization_endpoint), location
        asked = dict(parse_qsl(parts.query))
        assert asked["client_id"] == CLIENT_ID
        code = secrets.token_hex(10)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **changes}
        return {name: value for name, value in answer.items() if value is not None}

    def deny(self, location):
        """Return the callback's query when the visitor says no."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return {
            "error": "access_denied",
            "error_description": "The user has denied your application access.",
            "error_uri": "https://docs.github.com/",
            "state": asked["state"],
            "iss": self.issuer,
        }

    def _token(self, request):
        form = dict(parse_qsl(request.body))
        asked = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        assert request.headers["Accept"] == "application/json"  # or it would answer with a form
        if asked is None or challenge != asked["code_challenge"]:
            return self._send({"error": "bad_verification_code", "error_description": "incorrect or expired"})
        assert form["redirect_uri"] == asked["redirect_uri"]
        return self._send(self.token)

    def _answer(self, name):
        def answer(request):
            assert request.headers["User-Agent"]  # or it would answer 403
            return self._send(getattr(self, name))

        return answer

    def _send(self, answer):
        if callable(answer) and not isinstance(answer, type):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, tuple):
            return answer
        return 200, {"Content-Type": "application/json"}, json.dumps(answer)


def activate():
    """Return a started ``responses`` mock that lets nothing else through."""
    return responses.RequestsMock(assert_all_requests_are_fired=False)
