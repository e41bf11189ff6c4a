"""Real servers, transports that talk to them, and a site whose GitHub Enterprise is such a server."""

from contextlib import ExitStack

import pytest

from oauth_login import transport as transport_module
from oauth_login.models import SignIn
from oauth_login.transport import Transport
from tests.oauth_login.back_channel.enterprise import CREDENTIALS, PLACES, sign_in
from tests.oauth_login.http_server import reply


@pytest.fixture
def server(servers):
    """A server that answers what a test wants."""
    return servers()


@pytest.fixture
def new_transport(servers):
    """A way to make transports; asked for after the servers, so that it hangs up before they stop."""
    with ExitStack() as stack:

        def make(**options):
            made = Transport(**options)
            stack.callback(made._session.close)
            return made

        yield make


@pytest.fixture
def transport(new_transport):
    return new_transport()


@pytest.fixture
def enterprise(server, visitor, settings, monkeypatch):
    """A GitHub Enterprise on a real server, at which somebody signs in."""
    kept: dict[object, Transport] = {}
    monkeypatch.setattr(transport_module, "_shared", kept)
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {"ghe": {**CREDENTIALS, "PRESET": "github", "BASE_URL": server.url}},
    }
    server.answers = {path: reply(answer) for path, answer in PLACES.items()}
    yield lambda: sign_in(visitor)
    for transport in kept.values():
        transport._session.close()


@pytest.fixture
def turned_away(enterprise, visitor, rows, canary):
    """Sign in, and be turned away with a page of this status and without a trace but a line in the log."""
    session = visitor.session  # makes one
    session["draft"] = "mine"
    session.save()
    before = session.session_key, dict(session)

    def check(status):
        answer = enterprise()
        assert answer.status_code == status
        assert "oauth_login/refusal.html" in [template.name for template in answer.templates]
        assert SignIn.objects.get().outcome == answer.context["code"] != "site_unavailable"
        assert (visitor.session.session_key, dict(visitor.session)) == before
        assert visitor.user is None
        assert rows() == (0, 0, 0)
        return answer

    return check
