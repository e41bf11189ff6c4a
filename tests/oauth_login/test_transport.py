"""The back channel against servers that are slow, huge, hostile or not who they say they are."""

import functools
import gzip
import json
import logging
import socket
import subprocess
import sys
import time
import tracemalloc
import zlib
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oauth_login import connections
from oauth_login import transport as transport_module
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from oauth_login.strict_json import parse_json
from oauth_login.transport import Answer, Transport, is_secure, shared
from tests.oauth_login.http_server import HANG_UP, Tunnel, certificate, reply

REDIRECTS = [300, 301, 302, 303, 304, 307, 308]
TOKEN = {"access_token": "gho_secret", "token_type": "bearer", "scope": "user:email"}
USER = {"id": 7, "login": "octocat", "type": "User"}
EMAILS = [{"email": "octocat@example.com", "primary": True, "verified": True}]
#: Where a GitHub Enterprise answers, and what.
PLACES = {
    "/login/oauth/access_token": TOKEN,
    "/api/v3/user": USER,
    "/api/v3/user/emails": EMAILS,
}


@pytest.fixture
def server(servers):
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


CREDENTIALS = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret-of-the-tests"}


def sign_in(visitor):
    """Start, come back with a code; return the callback's response."""
    location = visitor.start("ghe")["Location"]
    state = parse_qs(urlsplit(location).query)["state"][0]
    return visitor.come_back({"code": "a-code", "state": state}, "ghe")


@contextmanager
def less_memory_than(megabytes):
    tracemalloc.start()
    yield
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < megabytes << 20


@functools.cache
def bomb(compress=gzip.compress):
    """Return 200 megabytes of spaces, compressed to less than one."""
    return compress(b" " * (200 << 20), 1)


# --- Connections ----------------------------------------------------------------------------------


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


def test_an_answer_that_ends_too_early_is_no_answer(server, transport):
    server.answers["/"] = lambda _: [*reply(b'{"sub": "1"}', Content_Length="99"), HANG_UP]

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.post(f"{server.url}/", form={})


@pytest.mark.parametrize("answer", [b"no http\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 999 + b"\r\n"])
def test_what_is_no_http_is_no_answer(server, transport, answer):
    server.answers["/"] = [answer]

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.post(f"{server.url}/", form={})


def test_equal_settings_share_a_transport_and_others_do_not(monkeypatch):
    monkeypatch.setattr(transport_module, "_shared", {})

    assert shared() is shared("", {})
    assert shared("", {"https": "http://a"}) is shared("", {"https": "http://a"})
    assert shared() is not shared("", {"https": "http://a"})
    assert shared() is not shared("ca.pem")


def test_a_forked_worker_does_not_inherit_connections():
    fork = (
        "import os\n"
        "from oauth_login import transport\n"
        "mine = transport.shared()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if transport.shared() is not mine else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert transport.shared() is mine\n"
    )
    subprocess.run([sys.executable, "-c", fork], check=True)


# --- Time -----------------------------------------------------------------------------------------


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
def test_a_sign_in_at_a_provider_that_drips_ends_with_a_page_in_time(
    enterprise, server, visitor, rows, impatient, path
):
    server.answers[path] = lambda _: server.drip([reply(TOKEN)[0][:50], *[b" "] * 200])

    answer = enterprise()

    assert answer.status_code == 504
    assert b"The provider takes too long to answer" in answer.content
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("D01")
def test_both_tries_have_one_deadline_together(server, transport, impatient):
    server.answers["/"] = lambda _: [*server.drip([b"HTTP"], seconds=0.3), HANG_UP]

    with pytest.raises(ProviderTimeout):
        transport.get(f"{server.url}/")
    assert len(server.requests) == 2


@pytest.mark.threat("D03")
def test_a_server_that_never_answers_is_given_up(server, transport, impatient):
    server.answers["/"] = server.stall

    with pytest.raises(ProviderTimeout, match="provider_timeout"):
        transport.post(f"{server.url}/", form={})


@pytest.mark.threat("D01")
def test_what_comes_after_the_deadline_is_not_even_read(server, transport, monkeypatch):
    monkeypatch.setattr(transport_module, "DEADLINE", 1e-9)
    server.answers["/"] = reply({})

    with pytest.raises(ProviderTimeout):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D03")
def test_no_wait_is_endless_as_delivered():
    assert 0 < connections.CONNECT_TIMEOUT <= 3
    assert 0 < transport_module.DEADLINE <= 10


@pytest.mark.threat("D02")
def test_a_server_that_shakes_no_hands_is_given_up(transport, impatient):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ProviderTimeout):
            transport.get(url)


@pytest.mark.threat("D02")
def test_a_closed_port_is_unavailable_at_once(transport):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        transport.get(f"https://127.0.0.1:{port}/")


@pytest.mark.threat("D02")
def test_a_host_that_takes_no_connection_is_unavailable_in_time(transport, monkeypatch):
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(transport_module, "CONNECT_TIMEOUT", 0.2)
    # With nothing accepted and its queue full, the kernel drops what else knocks: a black hole.
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex(full.getsockname())
        with pytest.raises(ProviderUnavailable, match="connection_timeout"):
            transport.get(f"http://127.0.0.1:{full.getsockname()[1]}/")


@pytest.mark.threat("D02")
def test_a_sign_in_at_a_provider_that_is_not_there_ends_with_a_page(enterprise, server, settings, visitor):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = f"https://127.0.0.1:{port}/token"

    answer = enterprise()

    assert answer.status_code == 503
    assert b"The provider cannot be reached" in answer.content
    assert visitor.user is None


# --- Size and encodings ---------------------------------------------------------------------------


@pytest.mark.threat("D04")
@pytest.mark.parametrize("path", PLACES)
def test_thirty_megabytes_are_not_read(enterprise, server, visitor, rows, path):
    part = b" " * (1 << 20)
    server.answers[path] = lambda _: [reply(b"", Content_Length=str(30 << 20))[0], *[part] * 30]

    with less_memory_than(8):
        answer = enterprise()

    assert answer.status_code == 502
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("D04")
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_endless_answer_without_a_length_is_not_read(server, transport, status):
    head = f"HTTP/1.1 {status} Whatever\r\nLocation: /elsewhere\r\n\r\n".encode()
    server.answers["/"] = lambda _: [head, *[b" " * (1 << 20)] * 30, HANG_UP]

    with less_memory_than(8), pytest.raises(ProviderResponseError, match="answer_too_large"):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D04")
def test_the_largest_answer_allowed_is_read_whole(server, transport):
    most = transport_module.MAX_BODY
    server.answers = {"/most": reply(b" " * most), "/more": reply(b" " * (most + 1))}

    assert len(transport.get(f"{server.url}/most").body) == most
    with pytest.raises(ProviderResponseError, match="answer_too_large"):
        transport.get(f"{server.url}/more")


@pytest.mark.threat("D05", "D06")
@pytest.mark.parametrize(
    "encoding",
    ["gzip", "br", "zstd", "deflate", "X-Own", pytest.param("gzip, " * 1000, id="a thousand")],
)
def test_a_compressed_answer_is_refused_unread(server, transport, encoding):
    content = bomb(zlib.compress) if encoding == "deflate" else bomb()
    server.answers["/"] = reply(content, Content_Encoding=encoding)

    with less_memory_than(8), pytest.raises(ProviderResponseError, match="encoding_unasked") as refusal:
        transport.get(f"{server.url}/")
    assert len(str(refusal.value)) < 300


@pytest.mark.threat("D05", "D07")
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_bomb_in_a_redirect_does_not_go_off_either(server, transport, status):
    server.answers["/"] = reply(bomb(), status, Content_Encoding="gzip", Location="/elsewhere")

    with less_memory_than(8), pytest.raises(ProviderResponseError, match="encoding_unasked"):
        transport.get(f"{server.url}/")


@pytest.mark.threat("D05")
@pytest.mark.parametrize("path", PLACES)
def test_a_sign_in_survives_a_bomb(enterprise, server, visitor, path):
    server.answers[path] = reply(bomb(), Content_Encoding="gzip")

    with less_memory_than(8):
        answer = enterprise()

    assert answer.status_code == 502
    assert visitor.user is None


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_no_encoding_may_be_said_in_words(server, transport, encoding):
    server.answers["/"] = reply({"n": 1}, Content_Encoding=encoding)

    assert transport.get(f"{server.url}/").json(dict) == {"n": 1}


# --- Redirects and statuses -----------------------------------------------------------------------


@pytest.mark.threat("D07", "D08")
@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("path", PLACES)
def test_a_redirect_takes_no_secret_elsewhere(enterprise, server, canary, visitor, rows, path, status):
    server.answers[path] = reply({}, status, Location=f"{canary.url}/stolen")

    answer = enterprise()

    assert answer.status_code == 502
    assert (canary.connections, canary.requests) == (0, [])
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("D07", "D08")
@pytest.mark.parametrize(
    "location", ["//{host}/stolen", "/elsewhere", "", "http://[", "http://\xff\xfe/", "https://%", "\t"]
)
def test_a_redirect_to_any_place_is_refused_the_same_way(server, canary, transport, location):
    host = canary.url.removeprefix("http://")
    server.answers["/"] = reply({}, 307, Location=location.format(host=host))

    with pytest.raises(ProviderResponseError, match=r"redirect_refused \(HTTP 307\)"):
        transport.post(f"{server.url}/", form={"client_secret": "s"})
    assert (len(server.requests), canary.connections) == (1, 0)


@pytest.mark.threat("D24", "GH20")
@pytest.mark.parametrize("status", [500, 502, 503, 599, 999])
def test_a_server_that_says_it_is_down_is_believed_and_not_asked_again(server, transport, status):
    server.answers["/"] = reply(b"<html>Unicorn!</html>", status, Retry_After="120")

    with pytest.raises(ProviderUnavailable, match=rf"provider_unavailable \(HTTP {status}\)") as refusal:
        transport.get(f"{server.url}/")
    assert refusal.value.retry_after == 120
    assert len(server.requests) == 1


@pytest.mark.threat("D24", "GH20")
def test_a_server_that_wants_fewer_requests_is_not_asked_again(server, transport):
    server.answers["/"] = reply({}, 429, Retry_After="5")

    with pytest.raises(RateLimited, match="provider_rate_limited") as refusal:
        transport.get(f"{server.url}/")
    assert refusal.value.retry_after == 5
    assert len(server.requests) == 1


@pytest.mark.threat("D24")
@pytest.mark.parametrize(
    "retry_after", ["", "soon", "-1", "1.5", "\xb2", "9" * 7, "9" * 5_000, "Wed, 21 Oct"]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_time_to_wait_that_is_none_is_ignored(server, transport, status, retry_after):
    server.answers["/"] = reply({}, status, Retry_After=retry_after)

    with pytest.raises(ProviderUnavailable) as refusal:
        transport.get(f"{server.url}/")
    assert refusal.value.retry_after is None


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 422])
def test_other_statuses_are_for_the_caller_to_judge(server, transport, status):
    server.answers["/"] = reply({"n": 1}, status, X_Limit="3")

    answer = transport.get(f"{server.url}/")

    assert (answer.status, answer.headers["x-limit"], answer.json(dict)) == (status, "3", {"n": 1})


# --- What a process brings along ------------------------------------------------------------------


@pytest.mark.threat("D13")
def test_the_environment_lends_no_credentials_and_no_proxy(server, canary, transport, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answers["/"] = reply({})

    transport.get(f"{server.url}/", headers={"Authorization": "Bearer gho_1"})
    transport.post(f"{server.url}/", form={})

    with_token, without = server.requests
    assert with_token.headers["authorization"] == "Bearer gho_1"
    assert "authorization" not in without.headers
    assert canary.connections == 0


@pytest.mark.threat("D13")
def test_the_proxy_of_the_settings_is_used_and_sees_no_request(servers, new_transport, tmp_path):
    context, bundle = certificate(tmp_path)
    proxy = servers(context)  # an https proxy: that its certificate is trusted is part of the test

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        new_transport(ca_bundle=bundle, proxies={"https": proxy.url}).post(
            "https://provider.example/token", form={"code": "secret"}
        )
    (request,) = proxy.requests
    assert (request.method, request.path) == ("CONNECT", "provider.example:443")
    assert "secret" not in str(request)
    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        new_transport(proxies={"https": proxy.url}).get("https://provider.example/")
    assert len(proxy.requests) == 1


@pytest.mark.threat("D26")
def test_a_cookie_of_one_visitor_is_not_sent_for_another(enterprise, server, new_visitor):
    server.answers = {path: reply(answer, Set_Cookie="who=first") for path, answer in PLACES.items()}

    for visitor in (new_visitor(), new_visitor()):
        assert sign_in(visitor).status_code == 302

    assert len(server.requests) == 6
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.threat("B15")
def test_no_secret_is_ever_part_of_a_url(enterprise, server):
    assert enterprise().status_code == 302

    asked = [(request.method, request.path) for request in server.requests]
    assert asked == [
        ("POST", "/login/oauth/access_token"),
        ("GET", "/api/v3/user"),
        ("GET", "/api/v3/user/emails?per_page=100"),
    ]
    assert {request.headers.get("authorization") for request in server.requests[1:]} == {"Bearer gho_secret"}
    assert [request.body for request in server.requests[1:]] == ["", ""]


@pytest.mark.threat("H07", "H09")
def test_logs_and_errors_name_the_place_and_no_secret(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers = {"/good": reply({"access_token": "gho_secret"}), "/bad": [HANG_UP]}

    transport.post(f"{server.url}/good", form={"code": "secret"}, headers={"Authorization": "Basic secret"})
    with pytest.raises(ProviderUnavailable) as refusal:
        transport.get(f"{server.url}/bad?code=secret", headers={"Authorization": "Bearer secret"})

    own = [record.getMessage() for record in caplog.records if record.name == "oauth_login.transport"]
    assert own[0].startswith("POST 127.0.0.1/good: HTTP 200, 30 bytes, ")
    assert own[1:] == ["GET 127.0.0.1/bad: connection_failed (ConnectionError)"] * 2
    assert "secret" not in " ".join([*own, str(refusal.value), repr(refusal.value)])
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
    assert "secret" not in repr(Answer(200, {"a": "secret"}, b"secret"))


# --- TLS ------------------------------------------------------------------------------------------


def test_a_server_whose_certificate_is_vouched_for_is_trusted(servers, new_transport, tmp_path, monkeypatch):
    context, bundle = certificate(tmp_path)
    server = servers(context)
    server.answers["/"] = reply({"n": 1})

    by_setting = new_transport(ca_bundle=bundle)
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    by_environment = new_transport()

    for transport in (by_setting, by_setting, by_environment):
        assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    assert server.connections == 2


@pytest.mark.threat("D14")
@pytest.mark.parametrize(
    ("flaw", "host", "expired", "vouched"),
    [
        ("nobody vouches for it", "127.0.0.1", False, False),
        ("it is expired", "127.0.0.1", True, True),
        ("it is another host's", "127.0.0.2", False, True),
        ("it is another name's", "provider.example", False, True),
    ],
)
def test_a_server_with_a_wrong_certificate_is_told_nothing(
    servers, new_transport, tmp_path, monkeypatch, flaw, host, expired, vouched
):
    context, bundle = certificate(tmp_path, host, expired=expired)
    server = servers(context)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, bundle)  # only the settings and SSL_CERT_FILE vouch for anybody (D13)

    with pytest.raises(ProviderResponseError, match="tls_failed"):
        new_transport(ca_bundle=bundle if vouched else "").post(f"{server.url}/", form={"code": "secret"})
    assert server.requests == []


@pytest.mark.threat("D14")
def test_a_sign_in_at_a_provider_with_a_wrong_certificate_is_refused(
    enterprise, servers, settings, visitor, tmp_path
):
    impostor = servers(certificate(tmp_path)[0])
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = f"{impostor.url}/token"

    assert enterprise().status_code == 502
    assert impostor.requests == []
    assert visitor.user is None


@pytest.mark.threat("A26", "D14")
def test_a_ca_bundle_that_cannot_be_used_is_the_owners_to_mend(enterprise, settings, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate at all")
    settings.OAUTH_LOGIN["CA_BUNDLE"] = str(bundle)
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = "https://127.0.0.1/token"

    answer = enterprise()

    assert answer.status_code == 503
    assert b"This sign-in is not available" in answer.content


# --- Where it may connect to ----------------------------------------------------------------------


@pytest.mark.threat("M01", "M02", "M03")
@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://github.com/login", True),
        ("https://github.com:8443", True),
        ("HTTPS://GitHub.com", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000/x", True),
        ("http://[::1]:8000", True),
        ("http://10.0.0.5", False),
        ("http://example.com", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://user:password@127.0.0.1", False),
        ("https://user@github.com", False),
        ("https://:password@github.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1\\.evil.example", False),
        ("https://github.com\\.evil.example", False),
        ("https://github.com\t.evil.example", False),
        ("https://git hub.com", False),
        (" https://github.com", False),
        ("https://github.com\n", False),
        ("http://0x7f.1", False),
        ("http://2130706433", False),
        ("http://127.1", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://localhost.evil.example", False),
        ("myapp://callback", False),
        ("file:///etc/passwd", False),
        ("gopher://127.0.0.1", False),
        ("ftp://127.0.0.1", False),
        ("javascript://127.0.0.1/%0aalert(1)", False),
        ("//github.com", False),
        ("github.com", False),
        ("https://", False),
        ("https:///path", False),
        ("https://[", False),
        ("https://github.com:99999", False),
        ("https://github.com:port", False),
        ("", False),
    ],
)
def test_only_https_and_this_very_machine_are_secure(url, secure):
    assert is_secure(url) is secure


def test_an_insecure_url_is_not_called(transport):
    for call in (transport.get, lambda url: transport.post(url, form={"client_secret": "s"})):
        with pytest.raises(ProviderMisconfigured, match="endpoint_insecure"):
            call("http://provider.example/token")


# --- JSON -----------------------------------------------------------------------------------------

BROKEN = {
    "nothing": b"",
    "HTML": b"<!doctype html><title>502</title>",
    "a form": b"access_token=gho_1&scope=&token_type=bearer",
    "cut": b'{"id": 1',
    "two values": b'{"id": 1}{"id": 2}',
    "a byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": Infinity}',
    "-Infinity": b'{"id": -Infinity}',
    "depth": b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "depth with an escape": b'{"id": "\\u00e9", "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "5,000 digits": b'{"id": ' + b"1" * 5_000 + b"}",
    "half a surrogate pair": b'{"name": "\\ud83d"}',
    "a name twice": b'{"id": 1, "id": 2}',
    "a name twice, deep": b'{"a": [{"id": 1, "id": 2}]}',
}


@pytest.mark.threat("D15", "D17")
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_broken_json_is_refused(body):
    with pytest.raises(ProviderResponseError, match="json_invalid") as refusal:
        parse_json(body)
    assert refusal.value.__suppress_context__


@pytest.mark.threat("D15", "D17")
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", PLACES)
def test_broken_json_signs_nobody_in(enterprise, server, visitor, rows, path, body):
    server.answers[path] = reply(body)

    assert enterprise().status_code == 502
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("D16")
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", [], [1], {}, {"a": 1}])
@pytest.mark.parametrize("kind", [dict, list])
def test_json_of_another_type_is_refused(value, kind):
    answer = Answer(200, {}, json.dumps(value).encode())

    if isinstance(value, kind):
        assert answer.json(kind) == value
    else:
        with pytest.raises(ProviderResponseError, match=f"json_type_wrong .{type(value).__name__}."):
            answer.json(kind)


@pytest.mark.threat("D16")
@pytest.mark.parametrize("value", [None, 7, "text", True])
@pytest.mark.parametrize("path", PLACES)
def test_json_of_another_type_signs_nobody_in(enterprise, server, visitor, path, value):
    other: object = {} if isinstance(PLACES[path], list) else []
    for wrong in (value, other):
        server.answers[path] = reply(wrong)

        assert enterprise().status_code == 502
        assert visitor.user is None


def test_unusual_but_valid_json_is_read():
    assert parse_json(b' {"\\u00e9": "\\ud83d\\ude00", "n": 1e2, "deep": [[[{}]]]} ') == {
        "é": "😀",
        "n": 100.0,
        "deep": [[[{}]]],
    }


@pytest.mark.threat("D18")
@pytest.mark.parametrize("kind", [None, "text/html", "application/json; charset=x", ";;;", "é"])
def test_the_content_type_is_not_what_decides(enterprise, server, kind):
    headers = {"Content_Type": kind} if kind else {}
    server.answers = {path: reply(answer, **headers) for path, answer in PLACES.items()}

    assert enterprise().status_code == 302


@pytest.mark.threat("D15")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
@example(b'{"a": ["\\u00e9"]}')
@example(b"\xff")
def test_any_bytes_are_json_or_refused(body):
    try:
        value = parse_json(body)
    except ProviderResponseError:
        return
    json.dumps(value, ensure_ascii=False).encode()


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
