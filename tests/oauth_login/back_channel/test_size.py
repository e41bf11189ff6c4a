"""No answer, however large it gets, costs ten megabytes, nor more time than it takes to see that."""

import zlib
from itertools import chain, repeat

import pytest

from oauth_login.errors import ProviderResponseError
from oauth_login.exchange import MAX_BODY
from tests.oauth_login.back_channel.enterprise import (
    PLACES,
    REDIRECTS,
    TOKEN_PATH,
    USER_PATH,
    bomb,
    less_memory_than,
)
from tests.oauth_login.http_server import reply

MEGABYTE = b"x" * (1 << 20)
OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def without_end(begin, part):
    """Return an answer that goes on for as long as it is read, made while it is sent."""
    return lambda _: chain([begin], repeat(part))


def array(item, number):
    """Return an answer that is an array of so many items, made while it is sent."""
    return lambda _: reply(b"[" + b",".join([item] * number) + b"]")


#: Answers that are large, or may become so; and the codes they are refused with.
LARGE = {
    "thirty megabytes": (lambda _: [reply(b"", Content_Length=str(30 << 20))[0], *[MEGABYTE] * 30], "size"),
    "a gigabyte, announced": (lambda _: reply(b"", Content_Length=str(1 << 30)), "size"),
    "a number of gigabytes": (lambda _: reply(b"", Content_Length="9" * 4000), "http"),
    "a body without a length": (without_end(OK + b"\r\n", MEGABYTE), "size"),
    "a status line": (without_end(b"HTTP/1.1 200 ", b"x" * 4096), "http or size"),
    "a version": (without_end(b"HTTP/", b"1" * 4096), "http or size"),
    "a header": (without_end(OK + b"X: ", b"x" * 4096), "http or size"),
    "large headers": (without_end(OK, b"X: " + b"x" * 60_000 + b"\r\n"), "http or size"),
    "many headers": (without_end(OK, b"X: y\r\n" * 1000), "http or size"),
    "many lines of a header": (without_end(OK + b"X: y\r\n", b" y\r\n" * 1000), "http or size"),
    "many cookies": (without_end(OK, b"Set-Cookie: a=b; expires=" + b"1 " * 9_000 + b"\r\n"), "http or size"),
    "interim answers": (without_end(INTERIM, INTERIM * 100), "size"),
    "headers of interim answers": (
        without_end(INTERIM, INTERIM[:-2] + b"X: y\r\n" * 90 + b"\r\n"),
        "size",
    ),
    "other interim answers": (without_end(INTERIM, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), "http"),
    "a chunk of all there can be": (without_end(CHUNKED + b"f" * 16 + b"\r\n", MEGABYTE), "size"),
    "a chunk as long as the connection": (without_end(CHUNKED + b"-1\r\n", MEGABYTE), "size"),
    "a size of a chunk": (without_end(CHUNKED, b"0" * 4096), "http"),
    "chunks of a byte": (without_end(CHUNKED, b"1\r\nx\r\n" * 1000), "size"),
    "an extension of a chunk": (without_end(CHUNKED + b"1;", b"x" * 4096), "http"),
    "extensions of chunks": (without_end(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\nx\r\n"), "size"),
    "a trailer": (without_end(CHUNKED + b"0\r\nX: ", b"x" * 4096), "http"),
    "trailers": (without_end(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), "size"),
    "lists in lists": (array(b"[" * 900 + b"]" * 900, 72), "json"),
    "objects in objects": (array(b'{"":' * 900 + b"1" + b"}" * 900, 29), "json"),
    "lists": (array(b"[]", 43_000), "list"),
    "names": (lambda _: reply({f"{number:x}": [] for number in range(10_000)}), "object"),
    "a text in four bytes a letter": (lambda _: reply('{"":"😀'.encode() + b"x" * 130_000 + b'"}'), "object"),
}
CODES = {
    "size": {"answer_too_large"},
    "http": {"http_invalid"},
    "http or size": {"http_invalid", "answer_too_large"},
    "json": {"json_invalid"},
    "list": {"json_type_wrong"},
    "object": {"token_type_unsupported", "subject_invalid"},
}


@pytest.mark.threat("D04", "D05", "D15")
@pytest.mark.parametrize(("answer", "kind"), LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("path", [TOKEN_PATH, USER_PATH])
def test_what_is_large_or_becomes_so_is_refused_before_it_is(turned_away, server, path, answer, kind):
    server.answers[path] = answer

    with less_memory_than(10):
        page = turned_away(502)

    assert page.context["code"] in CODES[kind]


@pytest.mark.threat("D04")
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_the_status_makes_no_difference_to_what_is_too_large(server, transport, status):
    head = f"HTTP/1.1 {status} Whatever\r\nLocation: /elsewhere\r\n\r\n".encode()
    server.answers["/"] = without_end(head, MEGABYTE)

    with less_memory_than(10), pytest.raises(ProviderResponseError, match="answer_too_large"):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D04")
def test_the_largest_answer_allowed_is_read_whole(server, transport):
    server.answers = {"/most": reply(b" " * MAX_BODY), "/more": reply(b" " * (MAX_BODY + 1))}

    assert len(transport.get(f"{server.url}/most").body) == MAX_BODY
    with pytest.raises(ProviderResponseError, match="answer_too_large"):
        transport.get(f"{server.url}/more")


@pytest.mark.threat("D04")
def test_the_largest_answer_allowed_may_come_in_chunks_with_everything_they_may_have(server, transport):
    chunks = b"10;name=value\r\n" + b" " * 16 + b"\r\n"
    server.answers["/"] = [CHUNKED, chunks * (MAX_BODY // 16), b"0\r\nX: y\r\n\r\n"]

    assert len(transport.get(f"{server.url}/").body) == MAX_BODY
    assert transport.get(f"{server.url}/").status == 200
    assert server.connections == 1


@pytest.mark.threat("D05", "D06")
@pytest.mark.parametrize(
    "encoding",
    ["gzip", "br", "zstd", "deflate", "X-Own", pytest.param("gzip, " * 1000, id="a thousand")],
)
def test_a_compressed_answer_is_refused_unread(server, transport, encoding):
    content = bomb(zlib.compress) if encoding == "deflate" else bomb()
    server.answers["/"] = reply(content, Content_Encoding=encoding)

    with less_memory_than(10), pytest.raises(ProviderResponseError, match="encoding_unasked") as refusal:
        transport.get(f"{server.url}/")
    assert len(str(refusal.value)) < 300


@pytest.mark.threat("D05", "D07")
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_bomb_in_a_redirect_does_not_go_off_either(server, transport, status):
    server.answers["/"] = reply(bomb(), status, Content_Encoding="gzip", Location="/elsewhere")

    with less_memory_than(10), pytest.raises(ProviderResponseError, match="encoding_unasked"):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D05", "D06")
@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "zstd", "deflate", pytest.param("gzip, " * 1000, id="a thousand")]
)
@pytest.mark.parametrize("path", PLACES)
def test_a_sign_in_survives_a_bomb(turned_away, server, path, encoding):
    server.answers[path] = reply(bomb(), Content_Encoding=encoding)

    with less_memory_than(10):
        page = turned_away(502)

    assert page.context["code"] == "encoding_unasked"


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_no_encoding_may_be_said_in_words(server, transport, encoding):
    server.answers["/"] = reply({"n": 1}, Content_Encoding=encoding)

    assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
