"""The views against a GitHub that is slow, rude, huge or not GitHub at all, over TLS as in earnest."""

import gzip
from itertools import chain, repeat

import pytest
from django.test import override_settings

from tests.names import found_here
from tests.oauth_login.conftest import impatience
from tests.oauth_login.http_server import HANG_UP, certificate, reply

PLACES = ["token", "user", "emails"]
#: What it answers, and the status of the page that this leads to.
RUDE = {
    "nothing": (EOFError(), 503),
    "a reset": (ConnectionResetError(), 503),
    "half of it": (lambda _: iter([*reply(b'{"id": 1', Content_Length="99"), HANG_UP]), 503),
    "no HTTP": (lambda _: iter([b"220 ready\r\n\r\n", HANG_UP]), 502),
    "no end": (lambda _: chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b" " * (1 << 16))), 502),
    "a bomb": ((200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (20 << 20))), 502),
    "a page": ((200, {"Content-Type": "text/html"}, "<!doctype html><title>GitHub</title>"), 502),
    "a text": ("text", 502),
    "a number": (7, 502),
    "null": (None, 502),
}


@pytest.fixture
def next_visitor_is_welcome(github, new_visitor):
    """Somebody signs in when GitHub is well again: nothing of what it did is left over."""
    well = {place: getattr(github, place) for place in PLACES}
    yield
    vars(github).update(well)
    assert new_visitor().sign_in(github).status_code == 302


@pytest.mark.threat("D04", "D05", "D06", "D15", "D16")
@pytest.mark.parametrize(("said", "status"), RUDE.values(), ids=RUDE)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("next_visitor_is_welcome")
def test_a_rude_github_signs_nobody_in(visitor, github, refused, place, said, status):
    setattr(github, place, said)

    refused(visitor, visitor.sign_in(github), status, token_requests=1, sign_ins=1)


@pytest.mark.threat("D01", "D03")
@pytest.mark.parametrize("pace", ["drips", "stalls"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("next_visitor_is_welcome")
def test_a_slow_github_is_given_up(visitor, github, refused, place, pace):
    def drip(_request):
        return github.server.drip([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 200])

    setattr(github, place, drip if pace == "drips" else TimeoutError())

    with impatience():
        refused(visitor, visitor.sign_in(github), 504, token_requests=1, sign_ins=1)


@pytest.mark.threat("D07", "D08")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("next_visitor_is_welcome")
def test_a_github_that_sends_the_site_elsewhere_is_not_followed(
    visitor, github, canary, refused, place, status
):
    setattr(github, place, (status, {"Location": f"{canary.url}/stolen"}, b""))

    refused(visitor, visitor.sign_in(github), 502, token_requests=1, sign_ins=1)


@pytest.mark.threat("D14")
@pytest.mark.usefixtures("next_visitor_is_welcome")
def test_who_is_found_in_githubs_place_is_told_nothing(visitor, github, servers, refused, settings, tmp_path):
    context, bundle = certificate(tmp_path, "evil.example", "api.github.com")
    impostor = servers(context)
    trusting = settings.OAUTH_LOGIN | {"CA_BUNDLE": bundle}

    with override_settings(OAUTH_LOGIN=trusting), found_here({("github.com", 443): impostor.port}):
        refused(visitor, visitor.sign_in(github), 502, sign_ins=1)
    assert (impostor.connections, impostor.requests) == (1, [])
