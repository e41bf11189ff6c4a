"""What a provider documents: how it is asked, what it answers, and who that is."""

from dataclasses import dataclass, field
from typing import Any

CLIENT_ID = "the-client"
CLIENT_SECRET = "the-secret"
CODE = "the-code"
TOKEN = "the-token"
REDIRECT_URI = "http://testserver/oauth2/{alias}/callback/"
#: What RFC 6749 §4.1.3 has a form say.
FORM = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": REDIRECT_URI}
POST = {**FORM, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
BEARER = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}
#: RFC 6749 §2.3.1 for this client: base64 of "the-client:the-secret".
BASIC = "Basic dGhlLWNsaWVudDp0aGUtc2VjcmV0"


@dataclass(frozen=True)
class Case:
    """One preset against its documentation. ``{alias}`` in a value is the preset's name.

    Requests are written as they are on the wire, ``userinfo_request`` with its header after a space.
    """

    profile: dict[str, Any]
    userinfo: Any = None
    token: Any = field(default_factory=lambda: dict(BEARER))
    identity: Any = None
    emails: Any = None
    authorize: dict[str, str] = field(default_factory=dict)
    token_request: tuple[str, dict[str, str]] = ("form", POST)
    token_header: str | None = None
    userinfo_request: str = "GET /userinfo"
    userinfo_header: tuple[str, str] | None = ("authorization", f"Bearer {TOKEN}")
    userinfo_body: str = ""
    callback: dict[str, str] = field(default_factory=lambda: {"code": CODE})
    pkce: bool = True
    #: An error of the token endpoint: what it answers, and the code of the page that this leads to.
    error: tuple[Any, str] = ({"error": "invalid_grant", "error_description": "expired"}, "code_rejected")
    #: One of the profile's.
    profile_error: tuple[Any, str] = ({"error": "invalid_token"}, "profile_refused")
