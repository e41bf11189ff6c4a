"""Redirects are refused, outages believed, and the other statuses left to whoever asked."""

import pytest

from oauth_login.errors import ProviderResponseError, ProviderUnavailable, RateLimited
from tests.oauth_login.back_channel.enterprise import PLACES, REDIRECTS
from tests.oauth_login.http_server import reply


@pytest.mark.threat("D07", "D08")
@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("scheme", ["http:", ""])
def test_a_redirect_takes_no_secret_elsewhere(turned_away, server, canary, path, status, scheme):
    place = canary.url.removeprefix("http:")
    server.answers[path] = reply({}, status, Location=f"{scheme}{place}/stolen")

    assert turned_away(502).context["code"] == "redirect_refused"


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
