"""A provider that hangs takes ten workers and no more, and none from another provider (D29, J05)."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connections as database_connections

from oauth_login import transport as transport_module
from oauth_login.connections import AT_ONCE
from oauth_login.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from oauth_login.models import SignIn
from tests.oauth_login.back_channel.enterprise import (
    CREDENTIALS,
    PLACES,
    TOKEN,
    TOKEN_PATH,
    query_back,
    sign_in,
)
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.http_server import HANG_UP, reply


class Gate:
    """Holds every answer until it is opened."""

    def __init__(self, content):
        self.content = content
        self.arrived = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, _request):
        self.arrived.release()
        self.opened.wait(60)
        return reply(self.content)

    def await_arrivals(self, number):
        for _ in range(number):
            assert self.arrived.acquire(timeout=30)


@pytest.fixture
def gate():
    """An answer of the token endpoint that comes when it is told to."""
    gate = Gate(TOKEN)
    yield gate
    gate.opened.set()


@pytest.fixture
def pool(gate):
    """As many threads as a test needs; none of them outlives it."""
    with ThreadPoolExecutor(60) as pool:
        yield pool
        gate.opened.set()


@pytest.fixture
def patient(monkeypatch):
    """A deadline so far away that a slow machine does not come near it."""
    monkeypatch.setattr(transport_module, "DEADLINE", 60)


@pytest.fixture
def crowded(server, transport, pool, gate, patient):
    """The server's place for one more, and ten who hold all slots of its host."""
    server.answers = {"/hangs": gate, "/": reply({"n": 1}), "/ends": [HANG_UP], "/no": reply([], 500)}
    held = [pool.submit(transport.get, f"{server.url}/hangs") for _ in range(AT_ONCE)]
    gate.await_arrivals(AT_ONCE)
    return held


def come_back(visitor, query, alias):
    try:
        return visitor.come_back(query, alias)
    finally:
        database_connections.close_all()


@pytest.mark.threat("D29", "J05")
@pytest.mark.usefixtures("database", "patient")
def test_of_fifty_who_return_from_a_provider_that_hangs_ten_wait_and_the_others_are_told(
    enterprise, server, pool, gate
):
    server.answers[TOKEN_PATH] = gate
    visitors = [Visitor() for _ in range(50)]
    returning = [pool.submit(come_back, visitor, query_back(visitor), "ghe") for visitor in visitors]
    gate.await_arrivals(AT_ONCE)

    told: list[Any] = []
    waiting = set(returning)
    while len(told) < 40:
        done, waiting = wait(waiting, timeout=30, return_when="FIRST_COMPLETED")
        assert done
        told += [future.result() for future in done]

    assert {(answer.status_code, answer.context["code"]) for answer in told} == {(503, "provider_busy")}
    assert b"The provider cannot be reached" in told[0].content
    assert len(server.requests) == server.connections == AT_ONCE
    for page in ("/", "/oauth2/login/"):  # and meanwhile the site is there
        assert Visitor().get(page).status_code == 200
    assert len(waiting) == AT_ONCE

    gate.opened.set()  # all slots serve again
    assert [future.result().status_code for future in waiting] == [302] * AT_ONCE
    assert SignIn.objects.filter(outcome="provider_busy").count() == 40
    assert sum(visitor.user is not None for visitor in visitors) == AT_ONCE
    assert server.connections == AT_ONCE
    assert sign_in(Visitor()).status_code == 302
    assert server.connections == AT_ONCE


@pytest.mark.threat("D29")
@pytest.mark.usefixtures("database", "patient")
def test_a_provider_that_hangs_takes_nothing_from_another(enterprise, server, servers, pool, gate, settings):
    other = servers()
    other.answers = {path: reply(answer) for path, answer in PLACES.items()}
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    providers["other"] = {**CREDENTIALS, "PRESET": "github", "BASE_URL": other.url}
    server.answers[TOKEN_PATH] = gate
    for visitor in (Visitor() for _ in range(AT_ONCE)):
        pool.submit(come_back, visitor, query_back(visitor), "ghe")
    gate.await_arrivals(AT_ONCE)

    visitor = Visitor()
    assert sign_in(visitor, "other").status_code == 302
    assert visitor.user is not None


@pytest.mark.threat("D29")
def test_who_finds_no_slot_waits_for_one_and_not_for_long(crowded, server, transport, pool, gate):
    with pytest.raises(ProviderUnavailable, match=r"provider_busy \(10 at once\)"):
        transport.get(f"{server.url}/")
    assert len(server.requests) == AT_ONCE

    one_more = pool.submit(transport.get, f"{server.url}/")
    gate.opened.set()
    assert one_more.result().json(dict) == {"n": 1}
    assert [future.result().status for future in crowded] == [200] * AT_ONCE


def test_as_many_connections_are_kept_as_there_are_slots(crowded, server, transport, pool, gate):
    gate.opened.set()
    assert {future.result().status for future in crowded} == {200}

    gate.opened.clear()
    again = [pool.submit(transport.get, f"{server.url}/hangs") for _ in range(AT_ONCE)]
    gate.await_arrivals(AT_ONCE)
    gate.opened.set()
    assert {future.result().status for future in again} == {200}
    assert server.connections == AT_ONCE


@pytest.mark.threat("D29")
@pytest.mark.usefixtures("crowded")
def test_nobody_waits_for_a_slot_past_the_deadline(server, transport, monkeypatch):
    monkeypatch.setattr(transport_module, "PATIENCE", 60)
    monkeypatch.setattr(transport_module, "DEADLINE", 0.2)
    with pytest.raises(ProviderUnavailable, match="provider_busy"):
        transport.get(f"{server.url}/")

    monkeypatch.setattr(transport_module, "DEADLINE", 0)
    with pytest.raises(ProviderTimeout):
        transport.get(f"{server.url}/")
    assert len(server.requests) == AT_ONCE


@pytest.mark.threat("D29")
@pytest.mark.parametrize("path", ["/ends", "/no", "/hangs", "closed"])
def test_a_slot_is_given_back_whatever_happens(server, transport, gate, path):
    server.answers = {"/hangs": gate, "/": reply({"n": 1}), "/ends": [HANG_UP], "/no": reply([], 500)}
    url = "https://127.0.0.1:1/" if path == "closed" else f"{server.url}{path}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport_module, "DEADLINE", 0.1)
        for _ in range(AT_ONCE):
            with pytest.raises(ProviderError) as failure:
                transport.get(url)
            assert failure.value.code != "provider_busy"

    assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    assert dict(transport._slots._taken) == {}  # and forgotten, however many hosts there were
