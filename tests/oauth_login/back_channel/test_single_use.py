"""A code is worth one token request: it is sent again only if nobody can have read it whole (B14)."""

import logging
import threading
from functools import partial

import pytest
import urllib3

from oauth_login import transport as transport_module
from oauth_login.errors import ProviderUnavailable
from oauth_login.models import SignIn
from tests.oauth_login.back_channel.enterprise import EMAILS, EMAILS_PATH, TOKEN_PATH, sign_in
from tests.oauth_login.http_server import HANG_UP, RESET, Server, certificate, reply
from tests.oauth_login.test_concurrency import at_once

LARGE = {"code": "x" * (24 << 20)}  # more than the buffers of two sockets take


class Impolite(Server):
    """Hangs up after so many bytes of its first conversation, which are ``overheard``; then it is polite."""

    def __init__(self, size):
        self.size = size
        self.overheard = b""
        super().__init__()

    def _converse(self, connection):
        if self.overheard:
            super()._converse(connection)
        while len(self.overheard) < self.size:
            self.overheard += connection.recv(self.size - len(self.overheard))


@pytest.fixture
def impolite():
    """A server that hangs up after a hundred bytes."""
    with Impolite(100) as server:
        yield server


@pytest.fixture
def broken_later():
    """A way to answer, and to have the server break the connection off when the test says so."""
    now = threading.Event()

    def answer(content):
        def parts(_):
            yield from reply(content)
            now.wait(20)
            yield RESET

        return parts

    def break_off(server):
        now.set()
        for conversation in server._conversations:
            conversation.join(20)

    return answer, break_off


@pytest.fixture
def blind(monkeypatch):
    """A urllib3 that does not see that a connection was closed, as when it is closed a moment later."""
    unseen = property(lambda connection: connection.sock is not None)
    monkeypatch.setattr(urllib3.connection.HTTPConnection, "is_connected", unseen)


def token_requests(server):
    return [request for request in server.requests if request.path == TOKEN_PATH]


@pytest.mark.threat("B14")
@pytest.mark.usefixtures("blind")
def test_a_kept_connection_that_broke_meanwhile_costs_nobody_their_sign_in(
    enterprise, server, new_visitor, caplog, broken_later
):
    answer, break_off = broken_later
    server.answers[EMAILS_PATH] = answer(EMAILS)
    assert enterprise().status_code == 302
    break_off(server)

    with caplog.at_level(logging.DEBUG, "oauth_login"):
        assert sign_in(new_visitor()).status_code == 302

    assert "POST 127.0.0.1/login/oauth/access_token: connection_failed" in caplog.text
    assert len(token_requests(server)) == 2  # one for each of the two
    assert server.connections == 2
    assert SignIn.objects.filter(outcome="signed_in").count() == 2


@pytest.mark.threat("B14")
@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("over_tls", [False, True])
def test_what_could_not_be_sent_is_sent_over_a_new_connection(
    servers, new_transport, tmp_path, broken_later, over_tls
):
    context, bundle = certificate(tmp_path) if over_tls else (None, "")
    server, transport = servers(context), new_transport(ca_bundle=bundle)
    answer, break_off = broken_later
    server.answers = {"/": reply({"n": 1}), "/last": answer({})}
    transport.get(f"{server.url}/last")
    break_off(server)

    assert transport.post(f"{server.url}/", form={"code": "single-use"}).json(dict) == {"n": 1}
    assert [request.path for request in server.requests] == ["/last", "/"]
    assert server.connections == 2


@pytest.mark.threat("B14")
@pytest.mark.usefixtures("blind")
def test_where_one_kept_connection_broke_the_others_are_not_tried(server, transport, broken_later):
    answer, break_off = broken_later
    together = threading.Barrier(3, timeout=20)

    def answer_together(request):
        together.wait()
        return answer({})(request)

    server.answers = {"/": reply({"n": 1}), "/last": answer_together}
    at_once(*[partial(transport.get, f"{server.url}/last")] * 3)
    break_off(server)

    assert transport.post(f"{server.url}/", form={"code": "single-use"}).json(dict) == {"n": 1}
    assert server.connections == 4


@pytest.mark.threat("B14")
@pytest.mark.parametrize("end", [HANG_UP, RESET], ids=["hangs up", "breaks off"])
@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
def test_a_token_request_that_was_read_is_never_sent_again(
    enterprise, server, visitor, new_visitor, rows, kept, end
):
    if kept:
        assert sign_in(new_visitor()).status_code == 302
    before = rows()
    server.answers[TOKEN_PATH] = [end]

    answer = enterprise()

    assert (answer.status_code, answer.context["code"]) == (503, "connection_failed")
    assert len(token_requests(server)) == 1 + kept
    assert server.connections == 1
    assert visitor.user is None
    assert rows() == before


@pytest.mark.threat("B14")
def test_a_token_request_of_which_half_was_read_is_never_sent_again(
    enterprise, impolite, settings, visitor, rows
):
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = f"{impolite.url}/token"
    impolite.size = 400  # within the body: it was handed over whole, and who knows what became of it

    answer = enterprise()

    assert (answer.status_code, answer.context["code"]) == (503, "connection_failed")
    assert b"\r\n\r\ngrant_type=authorization_code&code=a-code&" in impolite.overheard
    assert len(impolite.overheard) == 400
    assert (impolite.connections, impolite.requests) == (1, [])
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("B14")
def test_a_request_that_was_not_sent_to_its_end_is_sent_again(impolite, new_transport):
    impolite.answers["/"] = reply({"n": 1})

    assert new_transport().post(f"{impolite.url}/", form=LARGE).json(dict) == {"n": 1}
    (request,) = impolite.requests
    assert len(request.body) == len("code=") + len(LARGE["code"])
    assert impolite.connections == 2


@pytest.mark.threat("B14")
def test_a_second_failure_is_the_last(impolite, new_transport, monkeypatch):
    monkeypatch.setattr(Impolite, "_converse", lambda server, connection: connection.recv(server.size))

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        new_transport().post(f"{impolite.url}/", form=LARGE)
    assert impolite.connections == 2


@pytest.mark.threat("B14")
def test_a_connection_that_rested_long_is_not_trusted_with_what_is_single_use(server, transport, monkeypatch):
    server.answers["/"] = reply({})
    transport.get(f"{server.url}/")
    transport.post(f"{server.url}/", form={})
    assert server.connections == 1

    monkeypatch.setattr(transport_module, "MAX_IDLE", 1e-9)
    transport.get(f"{server.url}/")  # may be tried again, and so may try
    assert server.connections == 1
    transport.post(f"{server.url}/", form={})
    assert server.connections == 2
