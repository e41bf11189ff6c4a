"""One connection serves many; what breaks is tried again only where nothing can happen twice."""

import pytest

from oauth_login.errors import ProviderResponseError, ProviderUnavailable
from tests.oauth_login.http_server import HANG_UP, reply


def test_one_connection_serves_many_requests(server, transport):
    server.answers["/"] = reply({"n": 1})

    for _ in range(3):
        assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    transport.post(f"{server.url}/", form={"a": "b"})

    assert server.connections == 1
    assert len(server.requests) == 4


def test_a_request_says_who_asks_and_what_for_and_nothing_else(server, transport):
    server.answers["/"] = reply({})

    transport.post(f"{server.url}/", form={"code": "a b"}, headers={"X-Own": "1"})

    (request,) = server.requests
    assert request.body == "code=a+b"
    assert {**request.headers, "host": ""} == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-length": "8",
        "content-type": "application/x-www-form-urlencoded",
        "host": "",
        "user-agent": "django-oauth-login",
        "x-own": "1",
    }


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(server, transport):
    server.answers["/"] = lambda _: [*reply({"n": 1}), HANG_UP]

    assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    assert server.connections == 2


@pytest.mark.threat("B14")
def test_a_broken_get_is_tried_once_more_and_a_broken_post_never(server, transport):
    server.answers["/"] = lambda _: [HANG_UP]

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.get(f"{server.url}/")
    assert len(server.requests) == 2
    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.post(f"{server.url}/", form={"code": "single-use"})
    assert len(server.requests) == 3


def test_the_second_try_may_succeed(server, transport):
    answers = iter([[HANG_UP], reply({"n": 2})])
    server.answers["/"] = lambda _: next(answers)

    assert transport.get(f"{server.url}/").json(dict) == {"n": 2}


@pytest.mark.parametrize(
    "answer",
    [
        reply(b'{"sub": "1"}', Content_Length="99"),
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b'4\r\n{"su'],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n"],
    ],
    ids=["a body", "within a chunk", "between chunks", "a chunk that is said to end with the connection"],
)
def test_an_answer_that_ends_too_early_is_no_answer(server, transport, answer):
    server.answers["/"] = [*answer, HANG_UP]

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.post(f"{server.url}/", form={})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [b"no http\r\n\r\n"],
        [b"HTTP/1.1 two hundred\r\n\r\n"],
        [b"HTTP/2 200 OK\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\n continued\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nX: y\r\r\nContent-Length: 2\r\n\r\n{}"],
        reply(b"{}", Content_Length="2, 3"),
        reply(b"{}", content_length="3"),
        reply(b"{}", Content_Length="+2"),
        reply(b"{}", Content_Length="0x2"),
        reply(b"{}", Content_Length="\xb2"),
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n"],
    ],
    ids=[
        "another protocol",
        "a status in words",
        "another version",
        "101 headers",
        "a line that is no header",
        "a line that continues none",
        "a head that ends within",
        "two lengths in a line",
        "two lengths",
        "a length with a sign",
        "a length of another base",
        "a length that only looks like a number",
        "a chunk of less than nothing",
    ],
)
def test_what_is_no_http_is_no_answer_and_not_asked_for_again(server, transport, caplog, answer):
    server.answers["/"] = [*answer, HANG_UP]

    with pytest.raises(ProviderResponseError, match="http_invalid"):
        transport.get(f"{server.url}/")
    assert len(server.requests) == 1
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize("status", [101, 102, 103])
def test_an_interim_answer_is_not_taken_for_the_answer_of_somebody_else(server, transport, status):
    early = f"HTTP/1.1 {status} Early\r\n\r\n".encode()
    server.answers = {"/": [early, *reply({"n": "the first's"})], "/next": reply({"n": "the next's"})}

    with pytest.raises(ProviderResponseError, match="http_invalid"):
        transport.get(f"{server.url}/")
    assert transport.get(f"{server.url}/next").json(dict) == {"n": "the next's"}


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2 \t",
        b"content-length:2\r\nContent-Length: 2",
        b"Transfer-Encoding: chunked\r\nX: folded\r\n\ttwice",
        b"X:\r\nX-Latin: \xe9\r\nConnection: close",
    ],
)
def test_a_head_may_be_written_loosely(server, transport, head):
    body = b"2\r\n{}\r\n0\r\n\r\n" if b"chunked" in head else b"{}"
    server.answers["/"] = [b"HTTP/1.1 200\r\n" + head + b"\r\n\r\n" + body, HANG_UP]

    assert transport.post(f"{server.url}/", form={}).json(dict) == {}


def test_a_server_may_say_that_it_goes_on_listening(server, transport):
    server.answers["/"] = [b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 3, *reply({"n": 1})]

    assert transport.post(f"{server.url}/", form={}).json(dict) == {"n": 1}
