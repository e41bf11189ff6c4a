"""A provider renews a token in one request, and tells a dead grant from a bad day."""

import pytest

from oauth_login import conf
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    TokenRequestError,
)
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET

HTML = (200, {"Content-Type": "text/html"}, b"<h1>Unicorn!</h1>")


@pytest.fixture
def refresh():
    """Renew a grant at GitHub."""
    return lambda token: conf.provider("github").refresh(token, subject="583231")


def test_a_refresh_is_one_request_as_documented(github, refresh):
    old = github.new_pair()["refresh_token"]

    token = refresh(old)

    assert github.refresh_requests == [
        {
            "grant_type": "refresh_token",
            "refresh_token": old,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
    ]
    assert len(github.requests) == 1
    assert token.expires_in == 28800
    assert token.refresh_token_expires_in == 15811200
    assert conf.provider("github").can_refresh


@pytest.mark.threat("H17")
def test_a_rotated_refresh_token_comes_with_the_new_one(github, refresh):
    old = github.new_pair()["refresh_token"]

    token = refresh(old)

    assert token.refresh_token not in {"", old}
    assert refresh(token.refresh_token).access_token != token.access_token


@pytest.mark.threat("H17")
def test_an_answer_without_a_refresh_token_says_that_the_old_one_stays(github, refresh):
    github.renewal = {"access_token": "new", "token_type": "bearer"}

    assert refresh("old").refresh_token == ""


def test_a_refresh_token_that_is_not_rotated_works_again(github, refresh):
    github.rotates = False
    old = github.new_pair()["refresh_token"]

    assert [refresh(old).refresh_token, refresh(old).refresh_token] == [old, old]


def test_an_answer_that_is_silent_about_scopes_neither_widens_nor_narrows_them(github, refresh):
    github.renewal = {"access_token": "new", "token_type": "bearer"}
    assert refresh("old").scope is None

    github.renewal = {**github.renewal, "scope": "read:user,user:email"}
    assert refresh("old").scope == {"read:user", "user:email"}


@pytest.mark.threat("H18")
@pytest.mark.parametrize(
    "answer",
    [
        {"error": "bad_refresh_token", "error_description": "incorrect or expired"},
        (400, {}, b'{"error": "invalid_grant", "error_description": "revoked"}'),
        (400, {}, b'{"error": "invalid_grant", "error_description": {"a": 1}}'),
    ],
)
def test_a_dead_grant_is_told_from_everything_else(github, refresh, answer):
    github.renewal = answer

    with pytest.raises(TokenRequestError) as refusal:
        refresh("old")

    assert refusal.value.code == "refresh_rejected"
    assert len(github.requests) == 1


@pytest.mark.threat("H18")
def test_a_refresh_token_that_was_used_is_dead(github, refresh):
    old = github.new_pair()["refresh_token"]
    refresh(old)

    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        refresh(old)


@pytest.mark.threat("H20")
def test_without_a_refresh_token_nothing_is_sent(github, refresh):
    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        refresh("")

    assert github.requests == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, {}, b""), ProviderUnavailable),
        ((429, {}, b""), RateLimited),
        ((404, {}, b"{}"), ProviderResponseError),
        (HTML, ProviderResponseError),
        ([], ProviderResponseError),
        ({}, ProviderResponseError),
        ({"access_token": "new\r\n", "token_type": "bearer"}, ProviderResponseError),
        ({"access_token": "new", "token_type": "DPoP"}, ProviderResponseError),
        ({"error": {"code": 1}}, ProviderResponseError),
        ({"error": "incorrect_client_credentials"}, ProviderMisconfigured),
        ((401, {}, b'{"error": "invalid_client"}'), ProviderMisconfigured),
        ((503, {}, b'{"error": "temporarily_unavailable"}'), ProviderUnavailable),
        (ConnectionResetError(), ProviderUnavailable),
        (EOFError(), ProviderUnavailable),
    ],
    ids=repr,
)
def test_whatever_else_comes_is_no_word_about_the_grant_and_is_asked_once(github, refresh, answer, kind):
    github.renewal = answer

    with pytest.raises(kind):
        refresh("old")

    assert len(github.requests) == 1


@pytest.mark.usefixtures("impatient")
def test_a_provider_that_never_answers_is_given_up(github, refresh):
    github.renewal = TimeoutError()

    with pytest.raises(ProviderTimeout):
        refresh("old")


def test_a_provider_that_is_down_may_say_until_when(github, refresh):
    github.renewal = (503, {"Retry-After": "7"}, b"")

    with pytest.raises(ProviderUnavailable) as refusal:
        refresh("old")

    assert refusal.value.retry_after == 7


@pytest.mark.threat("H07")
@pytest.mark.parametrize("error", ["bad_refresh_token", "incorrect_client_credentials"])
def test_no_secret_that_is_repeated_gets_into_an_exception(github, refresh, error):
    github.renewal = {"error": error, "error_description": f"{CLIENT_SECRET} ghr_old"}

    with pytest.raises((TokenRequestError, ProviderMisconfigured)) as refusal:
        refresh("ghr_old")

    assert refusal.value.detail == f"{error}: *** ***"
