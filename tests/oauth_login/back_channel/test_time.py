"""No server, however slow, holds a worker past the deadline."""

import socket
import time
from contextlib import ExitStack, closing
from itertools import chain

import pytest

from oauth_login import sockets
from oauth_login import transport as transport_module
from oauth_login.errors import ProviderTimeout, ProviderUnavailable
from tests.oauth_login.back_channel.enterprise import PLACES, TOKEN, TOKEN_PATH
from tests.oauth_login.http_server import HANG_UP, Tunnel, certificate, reply

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.threat("D01")
@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("slow", ["head", "body"])
def test_a_byte_now_and_then_does_not_hold_a_worker(
    servers, new_transport, tmp_path, impatient, over_tls, slow
):
    context, bundle = certificate(tmp_path) if over_tls else (None, "")
    server = servers(context)
    whole = reply(b" " * 200)[0]
    fast = 5 if slow == "head" else 100
    parts = [whole[:fast], *(bytes([byte]) for byte in whole[fast:])]
    server.answers["/"] = lambda _: server.drip(parts)
    started = time.monotonic()

    with pytest.raises(ProviderTimeout):
        new_transport(ca_bundle=bundle).get(f"{server.url}/")
    assert time.monotonic() - started < 5
    assert len(server.requests) == 1


@pytest.mark.threat("D01")
@pytest.mark.parametrize("path", PLACES)
def test_a_sign_in_at_a_provider_that_drips_ends_with_a_page_in_time(turned_away, server, impatient, path):
    server.answers[path] = lambda _: server.drip([reply(TOKEN)[0][:50], *[b" "] * 200])

    assert b"The provider takes too long to answer" in turned_away(504).content


@pytest.mark.threat("D01")
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"HTTP/1.1 200", b" "),
        (b"HTTP/1.1 100 Continue\r\n", b"\r\nHTTP/1.1 100 Continue\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
    ids=["status line", "interim answers", "headers", "chunks", "size", "extension", "trailers"],
)
def test_no_part_of_an_answer_may_drip(turned_away, server, impatient, begin, drop):
    server.answers[TOKEN_PATH] = lambda _: server.drip([begin, *[drop] * 200])

    turned_away(504)


@pytest.mark.threat("D01", "D03")
@pytest.mark.parametrize("path", PLACES)
def test_a_sign_in_at_a_provider_that_never_answers_ends_with_a_page_in_time(
    turned_away, server, impatient, path
):
    server.answers[path] = server.stall

    turned_away(504)


@pytest.mark.threat("D01")
def test_both_tries_have_one_deadline_together(server, transport, impatient):
    def late(_):
        server.closing.wait(0.3)
        yield HANG_UP

    server.answers["/"] = late

    with pytest.raises(ProviderTimeout):
        transport.get(f"{server.url}/")
    assert len(server.requests) == 2


@pytest.mark.threat("D03")
def test_a_server_that_never_answers_is_given_up(server, transport, impatient):
    server.answers["/"] = server.stall

    with pytest.raises(ProviderTimeout, match="provider_timeout"):
        transport.post(f"{server.url}/", form={})


@pytest.mark.threat("D01")
def test_a_server_that_no_longer_listens_is_given_up(server, transport, monkeypatch):
    monkeypatch.setattr(transport_module, "CONNECT_TIMEOUT", 60)
    server.answers["/"] = lambda _: chain(reply({}), server.stall())
    transport.get(f"{server.url}/")
    monkeypatch.setattr(transport_module, "DEADLINE", 0.4)
    started = time.monotonic()

    with pytest.raises(ProviderTimeout):
        transport.post(f"{server.url}/", form={"code": "x" * (24 << 20)})
    assert time.monotonic() - started < 30
    assert server.connections == 1


@pytest.mark.threat("D01")
def test_what_comes_after_the_deadline_is_not_even_read(server, transport, monkeypatch):
    monkeypatch.setattr(transport_module, "DEADLINE", 1e-9)
    server.answers["/"] = reply({})

    with pytest.raises(ProviderTimeout):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D03")
def test_no_wait_is_endless_as_delivered():
    assert 0 < sockets.CONNECT_TIMEOUT <= 3
    assert 0 < transport_module.DEADLINE <= 10


@pytest.mark.threat("D02")
def test_a_server_that_shakes_no_hands_is_given_up(transport, monkeypatch):
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ProviderTimeout):
            transport.get(url)


@pytest.mark.threat("D02")
def test_a_closed_port_is_unavailable_at_once(transport, closed_port):
    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.get(f"https://127.0.0.1:{closed_port}/")


@pytest.fixture
def black_hole():
    """The port of a host that takes no connection: its queue is full, and the kernel drops the rest."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@pytest.fixture
def addresses(monkeypatch):
    """A way to give every host addresses on this machine: the ports say which."""

    def give(*ports):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)

    return give


@pytest.fixture
def closed_port():
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.threat("D02")
def test_a_host_that_takes_no_connection_is_unavailable_in_time(transport, monkeypatch, black_hole):
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 0.2)

    with pytest.raises(ProviderUnavailable, match="connection_timeout"):
        transport.get(f"http://127.0.0.1:{black_hole}/")


@pytest.mark.threat("D02")
def test_a_host_with_many_addresses_has_one_deadline_for_all(transport, monkeypatch, black_hole, addresses):
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(transport_module, "DEADLINE", 0.5)
    addresses(*[black_hole] * 50)
    started = time.monotonic()

    with pytest.raises(ProviderTimeout):
        transport.post("http://127.0.0.1/", form={})
    assert time.monotonic() - started < 5


@pytest.mark.threat("D02")
def test_the_first_address_that_answers_is_good_enough(
    server, transport, monkeypatch, black_hole, closed_port, addresses
):
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 0.2)
    server.answers["/"] = reply({"n": 1})
    addresses(closed_port, black_hole, server.port, black_hole)

    assert transport.post("http://127.0.0.1/", form={}).json(dict) == {"n": 1}


@pytest.mark.parametrize("failure", [socket.gaierror("no such name"), None])
def test_a_host_without_an_address_is_unavailable(transport, monkeypatch, failure):
    def look_up(*_args, **_kwargs):
        if failure:
            raise failure
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.post("https://provider.example/", form={})


@pytest.mark.threat("D02")
def test_a_sign_in_at_a_provider_that_is_not_there_ends_with_a_page(turned_away, settings, closed_port):
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = f"https://127.0.0.1:{closed_port}/token"

    assert b"The provider cannot be reached" in turned_away(503).content


@pytest.mark.threat("D02")
def test_a_sign_in_at_a_provider_that_takes_no_connection_ends_with_a_page(
    turned_away, settings, monkeypatch, black_hole
):
    monkeypatch.setattr(sockets, "CONNECT_TIMEOUT", 0.2)
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = f"https://127.0.0.1:{black_hole}/token"

    assert turned_away(503).context["code"] == "connection_timeout"


@pytest.mark.threat("D01")
def test_one_deadline_holds_for_all_requests_of_a_sign_in(server, transport, monkeypatch):
    monkeypatch.setattr(transport_module, "DEADLINE", 0.5)
    server.answers["/"] = reply({})

    with transport_module.one_deadline():
        transport.get(f"{server.url}/")
        time.sleep(0.6)
        with pytest.raises(ProviderTimeout):
            transport.get(f"{server.url}/")
    assert transport.get(f"{server.url}/").status == 200


@pytest.mark.threat("D01")
def test_the_deadline_holds_through_an_https_proxy_too(servers, new_transport, tmp_path, monkeypatch):
    monkeypatch.setattr(transport_module, "DEADLINE", 1)
    context, bundle = certificate(tmp_path)
    provider = servers(context)
    provider.answers["/"] = reply({"through": "both"})
    provider.answers["/slow"] = lambda _: provider.drip([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 200], 0.05)
    with Tunnel(context, provider) as proxy:
        transport = new_transport(ca_bundle=bundle, proxies={"https": proxy.url})

        assert transport.get(f"{provider.url}/").json(dict) == {"through": "both"}
        started = time.monotonic()
        with pytest.raises(ProviderTimeout):
            transport.get(f"{provider.url}/slow")

    assert time.monotonic() - started < 5
