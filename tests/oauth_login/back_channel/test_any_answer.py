"""Whatever a provider answers: somebody is signed in as who they are, or there is a page and no row."""

import json

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login.models import SignIn
from tests.oauth_login.back_channel.enterprise import (
    EMAILS,
    EMAILS_PATH,
    PLACES,
    TOKEN,
    TOKEN_PATH,
    USER,
    USER_PATH,
    sign_in,
)
from tests.oauth_login.http_server import HANG_UP, reply

TEXT = st.text(max_size=20) | st.sampled_from(["\ud83d", "\x00", "a\r\nb", "é", "😀", "x" * 9_000])
NUMBER = st.integers() | st.floats() | st.sampled_from([0, -1, 7, 1 << 63, 1e309, 10**400])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
SPOT, SCRAP = st.integers(0, 60), st.binary(max_size=2)
#: What there may be in an answer on the wire, in any order.
SCRAPS = st.lists(
    st.sampled_from(
        [
            *(
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.1 ",
                b"HTTP/1.0 404 Not Found\r\n",
                b"HTTP/1.1 100 Continue\r\n",
            ),
            *(
                b"Content-Length: 2\r\n",
                b"Content-Length: ",
                b"Transfer-Encoding: chunked\r\n",
                b"Connection: ",
            ),
            *(
                b"Location: /\r\n",
                b"Set-Cookie: a=b\r\n",
                b"Content-Encoding: gzip\r\n",
                b"X: y\r\n",
                b" y\r\n",
            ),
            *(b"\r\n", b"\r\n\r\n", b"\n", b"\r", b":", b";", b" ", b"\x00", b"\xff", b"0\r\n\r\n"),
            *(b"2\r\n{}\r\n", b"-1\r\n", b"200", b"103", b"{}", b'{"id": 7}', b"[]"),
        ]
    ),
    max_size=12,
).map(b"".join)
fuzzed = hypothesis_settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def almost(answer, *more):
    """Return dicts like *answer* in which some of what it has, or may have *more*, is anything."""
    changes = st.dictionaries(st.sampled_from([*answer, *more]), JSON, max_size=3)
    return changes.map(lambda changed: {**answer, **changed})


def damaged(value, spot, scrap):
    """Return JSON with something else in one spot."""
    whole = json.dumps(value).encode()
    return whole[:spot] + scrap + whole[spot + 1 :]


@pytest.fixture
def outcome(enterprise, unlimited, server, new_visitor, rows):
    """Sign in once more where the provider answers one thing; return who is signed in, if anybody is."""

    def sign_in_at(path, answer):
        server.answers[path] = answer
        before, visitor = rows(), new_visitor()
        answer = sign_in(visitor)

        code = SignIn.objects.latest("pk").outcome
        if answer.status_code == 302:
            assert code == "signed_in"
            users, accounts, tokens = (after - were for after, were in zip(rows(), before, strict=True))
            assert users == accounts == tokens
            return visitor.user.linked_accounts.get()
        assert answer.status_code in {400, 403, 409, 502, 503}
        assert code == answer.context["code"] != "site_unavailable"
        assert rows() == before
        assert visitor.user is None
        return None

    return sign_in_at


@pytest.mark.threat("D15", "D16", "D19", "D20", "D21", "D22", "D23")
@fuzzed
@given(
    token=JSON
    | almost(TOKEN, "expires_in", "refresh_token", "refresh_token_expires_in", "error", "error_description")
)
@example(token=TOKEN)
@example(token={**TOKEN, "error": None})
@example(token={**TOKEN, "expires_in": 1e309})
def test_any_token_answer_grants_a_token_or_nothing(outcome, token):
    account = outcome(TOKEN_PATH, reply(token))

    if account:
        assert account.token.access_token.reveal() == token["access_token"]
        assert token["token_type"].lower() == "bearer"
        assert token.get("error") in {None, "", False}  # some say so that there is none


@pytest.mark.threat("D15", "D16", "F01")
@fuzzed
@given(
    user=JSON | almost(USER, "name", "email", "avatar_url", "html_url", "suspended_at"),
)
@example(user=USER)
@example(user={**USER, "id": True})
@example(user={**USER, "type": "Bot"})
def test_any_user_is_who_the_provider_says_or_nobody(outcome, user):
    account = outcome(USER_PATH, reply(user))

    if account:
        assert type(user["id"]) is int
        assert account.subject == str(user["id"])
        assert user.get("type", "User") == "User"


@pytest.mark.threat("D15", "D16", "F11")
@fuzzed
@given(emails=JSON | st.lists(JSON | almost(EMAILS[0]), max_size=3))
@example(emails=EMAILS)
@example(emails=[{**EMAILS[0], "verified": 1}])
def test_any_list_of_addresses_gives_a_verified_address_or_none(outcome, emails):
    account = outcome(EMAILS_PATH, reply(emails))

    if account and account.email:
        named = [entry for entry in emails if entry["email"] == account.email]
        assert any(entry["primary"] is entry["verified"] is True for entry in named)


@pytest.mark.threat("D15", "D17")
@fuzzed
@given(
    path=st.sampled_from(list(PLACES)), body=st.binary(max_size=200) | st.builds(damaged, JSON, SPOT, SCRAP)
)
@example(path=USER_PATH, body=b'{"id": 8, "id": 7, "login": "octocat", "type": "User"}')
def test_any_body_is_an_answer_or_nothing(outcome, server, path, body):
    try:
        outcome(path, reply(body))
    finally:
        server.answers[path] = reply(PLACES[path])


@pytest.mark.threat("D15", "D18")
@fuzzed
@given(path=st.sampled_from(list(PLACES)), sent=SCRAPS | st.binary(max_size=200))
@example(path=USER_PATH, sent=b"HTTP/1.1 200 OK\r\n\r\n{}")
def test_anything_on_the_wire_is_an_answer_or_nothing(outcome, server, path, sent):
    try:
        outcome(path, [sent, HANG_UP])
    finally:
        server.answers[path] = reply(PLACES[path])
