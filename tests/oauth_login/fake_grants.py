"""What becomes of the fake provider's tokens: pairs that expire, are renewed once, and are revoked."""

import json
import secrets
from urllib.parse import parse_qsl

REFUSED = {"error": "bad_refresh_token", "error_description": "incorrect or expired"}


class Grants:
    """Half of the fake provider.

    * ``expires_in``: seconds that each new access token says it lives;
    * ``rotates``: whether a refresh token works once only, and each answer has the next one;
    * ``renewal``: None, or what is answered to a refresh instead, as ``token`` may be. A function may have
      the real answer by :meth:`renewed_pair`, after a while or before it breaks the connection off;
    * ``revocation``: the same for a revocation;
    * ``live``: the refresh tokens that work; ``dead``: the access tokens of revoked grants.
    """

    def __init__(self):
        self.requests = []
        self.expires_in = 28800
        self.rotates = True
        self.renewal = None
        self.revocation = None
        self.live = set()
        self.dead = []

    @property
    def refresh_requests(self):
        """The refresh requests so far, oldest first, as dicts of their form fields."""
        forms = [dict(parse_qsl(request.body)) for request in self.requests if request.method == "POST"]
        return [form for form in forms if form.get("grant_type") == "refresh_token"]

    @property
    def revocations(self):
        """The revocation requests so far, oldest first."""
        return [request for request in self.requests if request.method == "DELETE"]

    def new_pair(self, refresh_token=""):
        """Return a token answer with a pair that expires; *refresh_token* stays if it is given."""
        refresh_token = refresh_token or f"ghr_{secrets.token_hex(38)}"
        self.live.add(refresh_token)
        return {
            "access_token": f"ghu_{secrets.token_hex(18)}",
            "expires_in": self.expires_in,
            "refresh_token": refresh_token,
            "refresh_token_expires_in": 15811200,
            "scope": "",
            "token_type": "bearer",
        }

    def renewed(self, request):
        """Return what is answered to a refresh request."""
        return self.renewed_pair(request) if self.renewal is None else self.renewal

    def renewed_pair(self, request):
        """Return a new pair for a refresh token that works; the error for one that does not."""
        shown = dict(parse_qsl(request.body)).get("refresh_token", "")
        if shown not in self.live:
            return REFUSED
        if not self.rotates:
            return self.new_pair(shown)
        self.live.discard(shown)
        return self.new_pair()

    def revoked(self, request):
        """Return what is answered to a revocation: 204, and from then on 404."""
        if self.revocation is not None:
            return self.revocation
        token = json.loads(request.body)["access_token"]
        if token in self.dead:
            return 404, {}, b'{"message": "Not Found"}'
        self.dead.append(token)
        self.live.clear()
        return 204, {}, b""
