"""What a server says of itself: when it is asked, how far it is believed, and where it cannot lead."""

import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import caches
from django.urls import reverse

from oauth_login import documents, transport
from oauth_login.errors import ProviderError
from tests.names import found_here
from tests.oauth_login.fake_github import close_connections
from tests.oauth_login.http_server import reply
from tests.oauth_login.oidc.fake_openid import ELSEWHERE, ISSUER, MISSING, WELL_KNOWN

pytestmark = [pytest.mark.django_db, pytest.mark.provider]


def refused_at_the_start(visitor, openid, status=503):
    answer = visitor.start("acme")
    assert answer.status_code == status
    assert "oauth_login/refusal.html" in [template.name for template in answer.templates]
    assert visitor.attempt_cookies() == {}
    assert openid.hits("/token") == 0
    return answer


@pytest.mark.threat("E28")
@pytest.mark.parametrize(
    "issuer", ["https://evil.example", f"{ISSUER}/", "https://OP.example", None, 7, [ISSUER], ""], ids=repr
)
def test_oidcc_client_test_discovery_issuer_mismatch(openid, visitor, issuer):
    openid.configuration["issuer"] = issuer

    refused_at_the_start(visitor, openid)


@pytest.mark.threat("E29")
@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content_Type": "text/html"}, b"<html>Please sign in to the Wi-Fi"),
        (200, {}, b"[]"),
        (200, {}, b'{"issuer": "https://op.example", "issuer": "https://op.example"}'),
        (404, {}, b"{}"),
        (500, {}, b"{}"),
        (200, {}, b" " * 300_000 + b"{}"),
    ],
    ids=["a captive portal", "a list", "twice", "not there", "broken", "huge"],
)
def test_a_configuration_that_is_none_stops_the_start(openid, visitor, answer):
    openid.answers = {WELL_KNOWN: lambda _: answer}

    refused_at_the_start(visitor, openid)


@pytest.mark.threat("E29")
@pytest.mark.parametrize("length", [2_001, 20_000])
def test_an_endpoint_that_is_longer_than_a_redirect_may_be_stops_the_start(openid, visitor, length):
    openid.configuration["authorization_endpoint"] = f"{ISSUER}/{'x' * (length - len(ISSUER) - 1)}"

    refused_at_the_start(visitor, openid)


@pytest.mark.threat("E29")
def test_an_endpoint_that_is_too_long_keeps_nobody_from_signing_out(openid, visitor, configure, time_machine):
    time_machine.move_to("2026-11-25T12:00:00Z")
    configure(SIGN_OUT=True)
    visitor.sign_in(openid, "acme")
    openid.configuration["end_session_endpoint"] = f"{ISSUER}/{'x' * 20_000}"
    time_machine.shift(2 * 86_400)

    answer = visitor.post(reverse("oauth_login:logout"))

    assert (answer.status_code, answer["Location"], visitor.user) == (302, "/", None)


@pytest.mark.threat("E29")
def test_twenty_starts_ask_once(openid, visitor):
    assert {visitor.start("acme").status_code for _ in range(20)} == {302}
    assert openid.hits(WELL_KNOWN) == 1


@pytest.mark.threat("E29")
@pytest.mark.usefixtures("cache_with_our_clock")
def test_a_server_that_fails_is_given_a_pause(openid, visitor, time_machine):
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    openid.answers = {WELL_KNOWN: lambda _: (500, {}, b"")}
    for _ in range(5):
        refused_at_the_start(visitor, openid)
    assert openid.hits(WELL_KNOWN) == 1
    openid.answers = {}
    time_machine.shift(31)

    assert visitor.start("acme").status_code == 302


@pytest.mark.threat("E29")
@pytest.mark.usefixtures("cache_with_our_clock")
def test_what_is_kept_is_used_for_a_day_while_the_server_fails(openid, visitor, new_visitor, time_machine):
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    visitor.start("acme")
    openid.answers = {WELL_KNOWN: lambda _: (500, {}, b"")}
    time_machine.shift(24 * 3_600)
    assert visitor.start("acme").status_code == 302
    assert visitor.start("acme").status_code == 302
    assert openid.hits(WELL_KNOWN) == 2
    time_machine.shift(2 * 3_600)

    refused_at_the_start(new_visitor(), openid)


def test_other_providers_are_not_affected(openid, github, visitor):
    openid.answers = {WELL_KNOWN: lambda _: (500, {}, b"")}
    refused_at_the_start(visitor, openid)

    assert visitor.sign_in(github).status_code == 302


def test_pages_with_buttons_ask_nobody(openid, visitor):
    page = visitor.get(reverse("oauth_login:login"))

    assert b"Acme" in page.content
    assert openid.requests == []


def test_a_timeout_is_told_apart(openid, visitor, impatient):
    openid.server.answers = {}
    openid.answers = {WELL_KNOWN: lambda _: openid.server.closing.wait(5) and {}}

    refused_at_the_start(visitor, openid, status=504)


def test_the_code_challenge_is_sent_whatever_the_server_advertises(openid, visitor):
    openid.configuration["code_challenge_methods_supported"] = ["plain"]

    location = visitor.start("acme")["Location"]

    assert "code_challenge_method=S256" in location


@pytest.mark.threat("D10")
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    [
        "http://op.example/x",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "gopher://op.example/",
        "https://user@op.example/",
        "https://op.example/#x",
        "//op.example/x",
        7,
        ["https://op.example/"],
    ],
    ids=repr,
)
def test_an_endpoint_that_is_no_https_url_stops_the_start(openid, visitor, name, url):
    openid.configuration[name] = url

    refused_at_the_start(visitor, openid)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_a_configuration_without_what_is_needed_stops_the_start(openid, visitor, name, value):
    openid.configuration[name] = value

    refused_at_the_start(visitor, openid)


@pytest.mark.threat("D09")
def test_a_redirect_of_the_configuration_is_not_followed(openid, visitor, canary):
    openid.answers = {WELL_KNOWN: lambda _: (307, {"Location": canary.url}, b"")}

    refused_at_the_start(visitor, openid)


@pytest.mark.threat("D09")
def test_a_redirect_of_the_keys_is_not_followed(openid, rejected, canary):
    openid.answers = {"/jwks": lambda _: (307, {"Location": canary.url}, b"")}

    rejected("redirect_refused")


INTERNAL = "internal.example"


@pytest.fixture
def names(monkeypatch):
    """Which names are looked up by whom else than this machine: a function for each."""
    look_up: Any = socket.getaddrinfo
    others: dict[str, Any] = {}

    def looked_up(host, port, family=0, type=0):  # noqa: A002  its name
        return others.get(host, look_up)(host, port, family, type)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    yield others
    close_connections()  # where somebody was found here is nowhere that another test should still be led to


@pytest.fixture
def internal(canary):
    """A host that the provider names, and that is this very machine."""
    with found_here({(INTERNAL, 443): canary.port}):
        yield f"https://{INTERNAL}/x"


@pytest.mark.threat("D10")
@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_a_server_cannot_send_the_site_to_its_neighbours(openid, visitor, rows, internal, name):
    openid.configuration[name] = internal
    openid.claims = {"email": MISSING}

    assert visitor.sign_in(openid, "acme").status_code == 502
    assert rows() == (0, 0, 0)


def test_a_server_on_this_very_machine_may_be_in_several_pieces(servers, visitor, configure):
    server = servers()
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    endpoints = {
        name: f"{elsewhere}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }
    server.answers = {
        WELL_KNOWN: reply({"issuer": server.url, **endpoints}),
        "/token_endpoint": reply({"error": "invalid_grant"}),
    }
    configure(ISSUER=server.url)
    (state,) = parse_qs(urlsplit(visitor.start("acme")["Location"]).query)["state"]

    answer = visitor.come_back({"code": "c", "state": state}, "acme")

    assert answer.context["code"] == "code_rejected"
    assert [request.path for request in server.requests] == [WELL_KNOWN, "/token_endpoint"]


@pytest.mark.threat("D10")
@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "224.0.0.1",
        "100.64.0.1",
        "64:ff9b::a9fe:a9fe",  # 169.254.169.254 behind a translator
        "64:ff9b:1::a00:1",
        "2002:a9fe:a9fe::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
    ],
)
def test_an_address_that_is_not_public_is_not_connected_to(openid, rejected, names, address):
    openid.configuration["token_endpoint"] = f"https://{INTERNAL}/token"
    names[INTERNAL] = lambda *_: [(0, 0, 0, "", ("8.8.8.8", 443)), (0, 0, 0, "", (address, 443))]

    rejected("address_refused")


@pytest.mark.threat("D11")
def test_the_address_that_was_checked_is_the_one_connected_to(openid, visitor, names, monkeypatch):
    openid.configuration["jwks_uri"] = f"https://{ELSEWHERE}/jwks"
    addresses = ["8.8.8.8", "127.0.0.1"]  # harmless at first
    names[ELSEWHERE] = lambda *_: [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", (addresses.pop(0), openid.server.port))
    ]
    # Where the provider's other machine is.
    connect: Any = socket.socket.connect
    machines = {"8.8.8.8": "127.0.0.1"}
    monkeypatch.setattr(
        socket.socket,
        "connect",
        lambda self, place: connect(self, (machines.get(place[0], place[0]), *place[1:])),
    )

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert addresses == ["127.0.0.1"]
    assert [request.host for request in openid.requests if request.path == "/jwks"] == [ELSEWHERE]


@pytest.mark.threat("D10")
def test_an_endpoint_that_the_site_names_itself_may_be_anywhere(openid, visitor, configure, names):
    configure(USERINFO_ENDPOINT=f"https://{ELSEWHERE}/userinfo")
    openid.configuration["userinfo_endpoint"] = f"https://{INTERNAL}/userinfo"
    names[ELSEWHERE] = lambda *_: [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", openid.server.port))
    ]
    openid.claims = {"email": MISSING}

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert [request.host for request in openid.requests if request.path == "/userinfo"] == [ELSEWHERE]


def test_a_site_that_names_everything_asks_for_no_configuration(openid, visitor, configure):
    configure(
        AUTHORIZATION_ENDPOINT=f"{ISSUER}/authorize",
        TOKEN_ENDPOINT=f"{ISSUER}/token",
        JWKS_URI=f"{ISSUER}/jwks",
    )

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert openid.hits(WELL_KNOWN) == 0


def test_a_promise_to_name_the_issuer_is_held_to(openid, visitor):
    openid.configuration["authorization_response_iss_parameter_supported"] = True

    assert visitor.sign_in(openid, "acme").status_code == 400
    assert (
        visitor.come_back(openid.approve(visitor.start("acme")["Location"], iss=ISSUER), "acme").status_code
        == 302
    )


@pytest.mark.threat("E17", "E29")
def test_documents_without_a_cache_are_remembered_by_the_process(openid, settings, time_machine):
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    kept_nowhere = documents.Documents(transport.shared(settings.OAUTH_LOGIN["CA_BUNDLE"]))
    url = f"{ISSUER}{WELL_KNOWN}"

    assert kept_nowhere.get(url, public=False) == kept_nowhere.get(url, public=False)
    assert openid.hits(WELL_KNOWN) == 1
    assert kept_nowhere.renewed(url, public=False) is not None
    assert kept_nowhere.renewed(url, public=False) is None
    assert openid.hits(WELL_KNOWN) == 2
    time_machine.shift(3_601)
    with pytest.raises(ProviderError):
        documents.Documents(kept_nowhere.transport).get(f"{url}?", public=True)


def test_what_a_process_remembers_is_bounded(settings):
    memory = documents.Memory()
    for number in range(501):
        memory.set(str(number), number, 60)
    memory.set("2", "anew", 60)

    assert memory.add("2", "too late", 60) is False
    assert [memory.get("0"), memory.get("1"), memory.get("2"), memory.get("500")] == [None, 1, "anew", 500]


@pytest.mark.threat("E29")
@pytest.mark.parametrize("cache", ["dummy.DummyCache", "locmem.LocMemCache"])
def test_starts_without_a_cache_that_keeps_anything_ask_once(openid, visitor, settings, cache):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{cache}"}}
    caches["default"].clear()

    assert {visitor.start("acme").status_code for _ in range(5)} == {302}
    assert openid.hits(WELL_KNOWN) == 1


@pytest.mark.threat("E29")
def test_a_server_that_fails_is_given_a_pause_without_a_cache_too(openid, visitor, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    openid.answers = {WELL_KNOWN: lambda _: (500, {}, b"")}
    for _ in range(5):
        refused_at_the_start(visitor, openid)

    assert openid.hits(WELL_KNOWN) == 1
