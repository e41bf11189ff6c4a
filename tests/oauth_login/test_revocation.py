"""A grant is given back as GitHub documents it, and what it answers is understood."""

import base64
import json

import pytest

from oauth_login import conf
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
)
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET


@pytest.fixture
def revoke():
    """Give a grant back to GitHub."""
    return lambda token="gho_1": conf.provider("github").revoke(access_token=token, refresh_token="ghr_1")


@pytest.mark.threat("H23")
def test_github_is_asked_to_delete_the_grant_with_no_secret_in_the_url(github, revoke):
    assert conf.provider("github").can_revoke
    assert revoke() is True

    (request,) = github.revocations
    assert (request.method, request.path) == ("DELETE", f"/applications/{CLIENT_ID}/grant")
    assert json.loads(request.body) == {"access_token": "gho_1"}
    scheme, pair = request.headers["authorization"].split(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"{CLIENT_ID}:{CLIENT_SECRET}")
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["x-github-api-version"] == "2022-11-28"
    assert request.headers["user-agent"]


def test_a_revoked_grant_takes_its_refresh_token_with_it(github, revoke):
    pair = github.new_pair()

    revoke(pair["access_token"])

    assert github.live == set()


@pytest.mark.threat("H23")
def test_a_grant_that_is_gone_already_is_gone(github, revoke):
    assert [revoke(), revoke()] == [True, True]

    github.revocation = (422, {}, b'{"message": "Validation Failed"}')
    assert revoke() is True


@pytest.mark.threat("H23")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, {}, b""), ProviderUnavailable),
        ((503, {"Retry-After": "9"}, b""), ProviderUnavailable),
        ((429, {}, b""), RateLimited),
        ((403, {"X-RateLimit-Remaining": "0"}, b""), RateLimited),
        ((403, {}, b""), ProviderMisconfigured),
        ((401, {}, b""), ProviderMisconfigured),
        ((200, {}, b"{}"), ProviderResponseError),
        ((302, {"Location": "https://elsewhere.example/"}, b""), ProviderResponseError),
        (EOFError(), ProviderUnavailable),
    ],
    ids=repr,
)
def test_a_revocation_that_fails_is_reported_and_sent_once(github, revoke, answer, kind):
    github.revocation = answer

    with pytest.raises(kind):
        revoke()

    assert len(github.requests) == 1


def test_a_provider_that_is_down_says_when_to_revoke_again(github, revoke):
    github.revocation = (503, {"Retry-After": "9"}, b"")

    with pytest.raises(ProviderUnavailable) as refusal:
        revoke()

    assert refusal.value.retry_after == 9


def test_without_an_access_token_there_is_nothing_to_show_and_nothing_is_sent(github, revoke):
    assert revoke("") is False
    assert github.requests == []
