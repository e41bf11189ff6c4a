"""The one fake provider: GitHub's side of the protocol, over TLS, with a log of what it was asked.

It checks what GitHub checks (client, redirect URI, PKCE, single use), so a test that signs in through it
has proved those. A test that wants something else replaces ``token``, ``user`` or ``emails``.
"""

import base64
import hashlib
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import pytest

from oauth_login import transport
from tests.names import found_here
from tests.oauth_login.fake_grants import Grants
from tests.oauth_login.http_server import HANG_UP, RESET, Server, certificate, reply

CLIENT_ID = "client-id-of-the-tests"
CLIENT_SECRET = "client-secret-of-the-tests"
HOSTS = ("github.com", "api.github.com")
MEMBERSHIPS = "/user/memberships/orgs/"
GRANT = "/applications/{}/grant"
FORM = "application/x-www-form-urlencoded"


class SiteAtFault(AssertionError):
    """The site did what GitHub refuses, as GitHub would by ``answer``.

    It fails the test: what is raised in a thread of the server is noted there, and raised again at the end.
    """

    def __init__(self, fault, answer=None):
        super().__init__(fault)
        self.answer = answer


class GitHubServer(Server):
    """github.com and api.github.com: one server for all tests, so that few of them wait for a handshake.

    ``github`` is who answers for the test that runs; ``strays`` is what was asked when nobody did.
    """

    def __init__(self, context):
        self.github = None
        self.strays = []
        super().__init__(context)

    def respond(self, request):
        if self.github is None:
            self.strays.append(request)
            return reply({}, 503)
        return self.github.respond(request)


@contextmanager
def serving():
    """Start a :class:`GitHubServer` where the site looks for GitHub, with a certificate that it trusts."""
    with (
        tempfile.TemporaryDirectory() as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        context, bundle = certificate(Path(directory), *HOSTS)
        patch.setenv("SSL_CERT_FILE", bundle)
        patch.setattr(transport, "_shared", {})  # for those kept so far trust others
        with (
            GitHubServer(context) as server,
            found_here({(host, 443): server.port for host in HOSTS}),
        ):
            yield server
            close_connections()


def close_connections():
    """Close the connections that the site keeps."""
    for kept in transport._shared.values():
        kept._session.close()


class FakeGitHub(Grants):
    """GitHub, for as long as its ``with`` block lasts. It ends with :class:`SiteAtFault` if the site was.

    What ``token``, ``user``, ``emails``, ``teams`` and each of ``memberships`` may be:

    * a tuple: status, headers and body;
    * an iterator: parts, as they are put on the wire (see :class:`Server`);
    * an exception: a network that fails so. ``TimeoutError()`` never answers, ``ConnectionResetError()``
      breaks the connection off, any other hangs up;
    * a function: it is given the request and returns one of these. It runs in a thread of the server;
    * anything else: JSON, with status 200.

    ``renewal`` and ``revocation`` may be the same, see :class:`Grants`.
    """

    issuer = "https://github.com/login/oauth"
    authorization_endpoint = "https://github.com/login/oauth/authorize"
    token_endpoint = "https://github.com/login/oauth/access_token"
    api = "https://api.github.com"

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.client = (CLIENT_ID, CLIENT_SECRET)
        self.clients = dict([self.client])
        self.codes = {}
        self.faults = []
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
        self.memberships = {}  # organisation → what is answered about it; of others: 404
        self.teams = []

    def __enter__(self):
        self.server.github = self
        self.server.hung_up = False
        return self

    def __exit__(self, *_):
        self.server.settle()
        self.server.github = None
        if self.server.hung_up:
            close_connections()  # no test begins with what was ended in another
        if self.faults:
            raise SiteAtFault("\n".join(self.faults))

    @property
    def token_requests(self):
        """The token requests so far, oldest first, as dicts of their form fields."""
        return [dict(parse_qsl(request.body)) for request in self.requests if request.host == "github.com"]

    @property
    def api_requests(self):
        """The API requests so far, oldest first."""
        return [request for request in self.requests if request.host == "api.github.com"]

    def approve(self, location, **changes):
        """Return the callback's query as GitHub builds it for the authorize URL *location*.

        :raises SiteAtFault: GitHub would show the visitor an error instead.
        """
        endpoint, _, query = location.partition("?")
        asked = dict(parse_qsl(query))
        if endpoint != self.authorization_endpoint or asked.get("client_id") != self.client[0]:
            raise SiteAtFault(f"GitHub knows no such application: {location}")
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

    def respond(self, request):
        """Return the parts of the answer to *request*; note it if it is one that GitHub refuses."""
        self.requests.append(request)
        try:
            answer = self._answer(request)
        except SiteAtFault as fault:
            self.faults.append(f"{request.method} {request.host}{request.path}: {fault}")
            answer = fault.answer
        return self._parts(answer, request)

    def _answer(self, request):
        match request.method, request.host, request.path.partition("?")[0]:
            case "POST", "github.com", "/login/oauth/access_token":
                return self._exchange(request)
            case "GET", "api.github.com", "/user":
                _refuse_unknown(request)
                return self.user
            case "GET", "api.github.com", "/user/emails":
                _refuse_unknown(request)
                return self.emails
            case "GET", "api.github.com", "/user/teams":
                _refuse_unknown(request)
                return self.teams
            case "GET", "api.github.com", path if path.startswith(MEMBERSHIPS):
                _refuse_unknown(request)
                return self.memberships.get(path.removeprefix(MEMBERSHIPS), (404, {}, b"{}"))
            case "DELETE", "api.github.com", path if path in map(GRANT.format, self.clients):
                client, secret = _credentials(request, {})
                if path != GRANT.format(client) or self.clients[client] != secret:
                    raise SiteAtFault("the credentials are wrong", (401, {}, b"{}"))
                return self.revoked(request)
        raise SiteAtFault("there is no such thing", (404, {}, b"Not Found"))

    def _exchange(self, request):
        form = dict(parse_qsl(request.body))
        is_renewal = form.get("grant_type") == "refresh_token"
        asked = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if _credentials(request, form) != self.client:
            raise SiteAtFault("the credentials are wrong", {"error": "incorrect_client_credentials"})
        if request.headers.get("accept") != "application/json":
            as_form = (200, {"Content-Type": FORM}, b"access_token=gho_in_a_form&token_type=bearer")
            raise SiteAtFault("JSON was not asked for", as_form)
        if is_renewal:
            return self.renewed(request)
        if asked is None or challenge != asked["code_challenge"]:
            return {"error": "bad_verification_code", "error_description": "incorrect or expired"}
        if form.get("redirect_uri") != asked["redirect_uri"]:
            raise SiteAtFault("the redirect URI is another", {"error": "redirect_uri_mismatch"})
        return self.token

    def _parts(self, answer, request):
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Iterator):
            return answer
        if isinstance(answer, TimeoutError):
            return self.server.stall()
        if isinstance(answer, Exception):
            return [RESET if isinstance(answer, ConnectionResetError) else HANG_UP]
        if isinstance(answer, tuple):
            status, headers, body = answer
            return reply(body if isinstance(body, bytes) else body.encode(), status, **headers)
        return reply(answer, Content_Type="application/json")


def _credentials(request, form):
    """Return the client's id and secret, sent either way (RFC 6749 §2.3.1)."""
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        client_id, _, client_secret = base64.b64decode(pair).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(client_secret)
    return form.get("client_id"), form.get("client_secret")


def _refuse_unknown(request):
    """Refuse an API request that does not say who asks (GH22), or for whom.

    :raises SiteAtFault: it does not.
    """
    if not request.headers.get("user-agent"):
        raise SiteAtFault("it has no User-Agent", (403, {}, b"Forbidden"))
    if not request.headers.get("authorization", "").startswith("Bearer "):
        raise SiteAtFault("it has no token", (401, {}, b'{"message": "Requires authentication"}'))
