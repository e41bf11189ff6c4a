"""What the tests of the app share: the provider, somebody with a browser, servers, and what is stored."""

import html
import io
import re
from contextlib import ExitStack, contextmanager

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from oauth_login import lasting, leases, transport
from oauth_login.models import LinkedAccount, SignIn, Token
from oauth_login.policy import nobody
from tests.oauth_login.fake_github import FakeGitHub, serving
from tests.oauth_login.http_server import Server
from tests.oauth_login.policy import rule


class Visitor(Client):
    """A test client that walks the flow as a browser does."""

    def request(self, **request):
        """Send a request; forget, as browsers do, the cookies that its answer takes back."""
        answer = super().request(**request)
        for name, morsel in list(self.cookies.items()):
            if morsel["max-age"] == 0:
                del self.cookies[name]
        return answer

    def is_signed_in(self, user):
        """Be signed in by a view of the site's own, which sees the cookies of this browser."""
        request = RequestFactory().get("/")
        request.COOKIES = {name: morsel.value for name, morsel in self.cookies.items()}
        request.session, request.user = self.session, AnonymousUser()
        login(request, user, "django.contrib.auth.backends.ModelBackend")
        request.session.save()
        self.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)

    def start(self, alias="github", **fields):
        """Press the button; return the response, whose Location is the provider's page."""
        return self.post(reverse("oauth_login:authorize", args=[alias]), fields)

    def come_back(self, query, alias="github", **extra):
        """Arrive at the callback with *query* (a dict, or a ready query string)."""
        path = reverse("oauth_login:callback", args=[alias])
        if isinstance(query, str):
            return self.get(f"{path}?{query}", **extra)
        return self.get(path, query, **extra)

    def arrive(self, query, alias="github", **extra):
        """Come back, and once more if the page asks for it, as every browser does by itself."""
        answer = self.come_back(query, alias, **extra)
        again = asked_again(answer)
        return self.get(again, **extra) if again else answer

    def sign_in(self, github, alias="github", **fields):
        """Start, approve, come back; return the callback's response."""
        return self.come_back(github.approve(self.start(alias, **fields)["Location"]), alias)

    @property
    def user(self):
        """The user this browser is signed in as, or None."""
        if settings.SESSION_COOKIE_NAME not in self.cookies:
            return None  # reading Client.session would make one
        pk = self.session.get("_auth_user_id")
        return get_user_model().objects.get(pk=pk) if pk else None

    def attempt_cookies(self):
        """The attempts this browser remembers, as cookie name to value."""
        return {
            name: morsel.value
            for name, morsel in self.cookies.items()
            if "oauth_login_" in name and morsel.value
        }


def asked_again(answer):
    """Return where a page of the bounce sends the browser by itself, or "" if it is no such page."""
    found = re.findall(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', answer.content.decode())
    return html.unescape(found[0]) if found else ""


@pytest.fixture
def unlimited(settings):
    """Let one address send as much as a test needs to."""
    generous = {"STARTS_PER_MINUTE": 1_000_000, "CALLBACKS_PER_MINUTE": 1_000_000}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | generous


@pytest.fixture(scope="session")
def github_server():
    """Where the site finds GitHub."""
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def nobody_else_asks_github(github_server):
    """Fail the test whose site asks GitHub although the test has none."""
    yield
    strays, github_server.strays = github_server.strays, []
    assert strays == [], "asked without the fixture github"


@pytest.fixture(autouse=True)
def nothing_is_owed():
    """A test ends what it began: what is still to be written would be written in another."""
    yield
    left = len(lasting._owed)
    lasting._owed.clear()
    assert left == 0, "no request has ended: request_finished.send()"


@pytest.fixture
def github(github_server):
    """A GitHub that answers; nothing else on the network does."""
    with FakeGitHub(github_server) as github:
        yield github


@pytest.fixture
def servers():
    """A way to start servers, and to have them stopped."""
    with ExitStack() as stack:
        yield lambda context=None: stack.enter_context(Server(context))


@pytest.fixture
def canary(servers):
    """A server that nobody has any business with: whoever sends anybody there has failed."""
    server = servers()
    yield server
    assert (server.connections, server.requests) == (0, [])


@contextmanager
def impatience():
    """Cut the waiting times of the transport so that a test can wait for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "DEADLINE", 0.4)
        patch.setattr(transport, "CONNECT_TIMEOUT", 0.4)
        yield


@pytest.fixture
def impatient():
    """A site that waits as long as a test can."""
    with impatience():
        yield


@pytest.fixture
def failing(github, request):
    """A way to have GitHub answer badly. A site that it never answers is impatient."""

    def fail(**answers):
        for name, answer in answers.items():
            if isinstance(answer, TimeoutError):
                request.getfixturevalue("impatient")
            setattr(github, name, answer)

    return fail


@pytest.fixture
def one_clock(monkeypatch):
    """Have the site live by the clock that a test moves, and not by its database's."""
    monkeypatch.setattr(leases, "CLOCKS", {})


@pytest.fixture
def visitor(db):
    """A visitor with an empty browser."""
    return Visitor()


@pytest.fixture
def new_visitor(db):
    """A way to get more of them."""
    return Visitor


@pytest.fixture
def rows(db):
    """Count what must not change when a sign-in is refused: users, linked accounts, tokens."""

    def count():
        return (
            get_user_model().objects.count(),
            LinkedAccount.objects.count(),
            Token.objects.count(),
        )

    return count


@pytest.fixture
def refused(rows, github):
    """Assert REJ of the threat table: 400, no token request, nobody signed in, no row (not even a log)."""

    def check(visitor, answer, status=400, *, token_requests=0, sign_ins=0):
        assert answer.status_code == status
        assert "oauth_login/refusal.html" in [template.name for template in answer.templates]
        assert len(github.token_requests) == token_requests
        assert visitor.user is None
        assert rows() == (0, 0, 0)
        assert SignIn.objects.count() == sign_ins

    return check


@pytest.fixture
def purge(db):
    """A way to delete what is old, as a site does every night; it returns what that says."""

    def run(*arguments):
        out = io.StringIO()
        call_command("oauth_login", "purge", *arguments, stdout=out)
        return out.getvalue()

    return run


@pytest.fixture
def policy(settings):
    """A way to give the site a rule; what it returns keeps the questions in ``asked``."""

    def given(now):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"SIGN_IN_POLICY": rule.PATH}
        rule.of_the_test.now, rule.of_the_test.asked = now, []
        return rule.of_the_test

    yield given
    rule.of_the_test.now, rule.of_the_test.asked = nobody, []
