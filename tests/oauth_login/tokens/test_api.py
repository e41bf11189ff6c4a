"""``account.session()``: requests as everybody knows them, with a token that is good, and stays there."""

import io
import logging
from datetime import UTC, datetime, timedelta

import pytest
import requests

from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
    ReauthorizationRequired,
    ScopeRequired,
)
from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.http_server import HANG_UP, reply
from tests.oauth_login.tokens.granting import TOKEN_PATH

pytestmark = pytest.mark.django_db


def test_a_path_is_below_the_api_and_carries_the_token(account_of, granting):
    session = account_of(3600).session()

    answer = session.get("/user/repos", params={"page": 2})

    assert isinstance(session, requests.Session)
    assert answer.json()["path"] == "/api/v3/user/repos?page=2"
    (call,) = granting.calls
    assert call.headers["authorization"] == "Bearer ghu_access000001"
    assert call.headers["accept"] == "application/vnd.github+json"
    assert call.headers["x-github-api-version"] == "2022-11-28"
    assert call.headers["user-agent"] == "django-oauth-login"


@pytest.mark.parametrize("written", ["/user", "user", "{api}/user"])
def test_a_url_may_be_written_in_three_ways(account_of, granting, written):
    session = account_of(3600).session()

    assert session.get(written.format(api=f"{granting.url}/api/v3")).json()["path"] == "/api/v3/user"


def test_every_method_and_body_works(account_of, granting):
    session = account_of(3600).session()

    assert session.post("/repos", json={"name": "朕已阅"}).json()["method"] == "POST"
    assert session.delete("/repos/1").json()["method"] == "DELETE"
    assert session.put("/x", data="text").json()["body"] == "text"
    assert session.patch("/x", data=io.BytesIO(b"a stream")).json()["body"] == "a stream"


def test_a_request_costs_no_query_while_the_token_lasts(account_of, granting, django_assert_num_queries):
    account = account_of(3600)
    with django_assert_num_queries(1):
        session = account.session()
    with django_assert_num_queries(0):
        session.get("/user")
        session.get("/user")


@pytest.mark.threat("H14")
def test_a_token_that_expires_is_renewed_before_the_request(account_of, granting):
    account_of(-1).session().get("/user")

    assert [request.path for request in granting.requests] == [TOKEN_PATH, "/api/v3/user"]
    assert granting.calls[0].headers["authorization"] == "Bearer ghu_access000002"


def test_a_token_that_expires_between_two_requests_is_renewed(account_of, granting):
    session = account_of(61).session()
    session.get("/user")
    session.get_adapter(session.base_url).token.expires_at -= timedelta(seconds=2)
    Token.objects.update(expires_at=datetime.now(UTC))

    session.get("/user")

    assert len(granting.refreshes) == 1
    assert granting.calls[-1].headers["authorization"] == "Bearer ghu_access000002"


def test_a_401_is_answered_by_one_renewal_and_the_same_request(account_of, granting, stored):
    account = account_of(3600)
    session = account.session()
    granting.accepted.clear()

    answer = session.post("/gists", json={"a": 1})

    assert answer.json() == {"path": "/api/v3/gists", "body": '{"a": 1}', "method": "POST"}
    assert [request.path for request in granting.requests] == ["/api/v3/gists", TOKEN_PATH, "/api/v3/gists"]
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


def test_a_401_after_somebody_else_has_renewed_takes_that_token(account_of, granting):
    account = account_of(3600)
    mine, another = account.session(), account.session()
    granting.accepted.clear()
    another.get("/user")

    assert mine.get("/user").ok
    assert len(granting.refreshes) == 1


@pytest.mark.threat("H22")
def test_a_second_401_ends_the_grant(account_of, granting, stored, told):
    account = account_of(3600)
    session = account.session()
    granting.answers_api = reply({"message": "Bad credentials"}, 401)

    for _ in range(2):
        with pytest.raises(ReauthorizationRequired):
            session.get("/user")

    token = Token.objects.get()
    assert (token.state, token.reason, stored(account)) == ("reauthorize", "token_rejected", ("", ""))
    assert (len(granting.refreshes), len(granting.calls)) == (1, 2)
    assert told[-1] == ("required", account.pk, "token_rejected")
    with pytest.raises(ReauthorizationRequired):
        account.session()


@pytest.mark.threat("H22")
def test_a_401_without_a_refresh_token_ends_the_grant(account_of, granting, told):
    session = account_of(None, refresh_token="").session()
    granting.accepted.clear()

    with pytest.raises(ReauthorizationRequired):
        session.get("/user")
    assert len(granting.requests) == 1
    assert told == [("required", LinkedAccount.objects.get().pk, "token_rejected")]


def test_a_body_that_is_a_stream_is_wound_back_and_sent_again(account_of, granting, stored):
    account = account_of(3600)
    granting.accepted.clear()

    answer = account.session().post("/upload", data=io.BytesIO(b"a stream"))

    assert answer.json()["body"] == "a stream"
    assert len(granting.calls) == 2
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


class OneWay(io.BytesIO):
    """A stream that is read once, such as a pipe."""

    def __len__(self):
        return 4

    def seek(self, *_):
        raise io.UnsupportedOperation


def test_one_that_cannot_be_is_not_sent_again_and_the_next_finds_a_token_that_is_taken(
    account_of, granting, stored
):
    account = account_of(3600)
    session = account.session()
    granting.accepted.clear()

    with pytest.raises(ProviderUnavailable) as raised:
        session.post("/upload", data=OneWay(b"once"))

    assert (raised.value.code, raised.value.retry_after) == ("token_renewed", 0)
    assert len(granting.calls) == 1
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert Token.objects.get().state == "active"
    assert session.post("/upload", data=OneWay(b"once")).json()["body"] == "once"


def test_a_stream_that_comes_late_takes_the_token_that_another_has_renewed(account_of, granting):
    account = account_of(3600)
    mine, other = account.session(), account.session()
    granting.accepted.clear()
    other.get("/user")

    assert mine.post("/upload", data=io.BytesIO(b"a stream")).json()["body"] == "a stream"
    assert granting.refreshes == ["ghr_refresh000001"]


@pytest.mark.parametrize(
    ("answer", "error", "seconds"),
    [
        ((500, {}, "{}"), ProviderUnavailable, None),
        ((503, {"Retry_After": "7"}, "{}"), ProviderUnavailable, 7),
        ((429, {"Retry_After": "9"}, "{}"), RateLimited, 9),
        ((403, {"X_RateLimit_Remaining": "0"}, "{}"), RateLimited, None),
        ((403, {"Retry_After": "60"}, "{}"), RateLimited, 60),
        ([HANG_UP], ProviderUnavailable, None),
        ((200, {"Content_Encoding": "gzip"}, "{}"), ProviderResponseError, None),
    ],
)
def test_what_is_wrong_with_the_provider_is_a_typed_error(account_of, granting, answer, error, seconds):
    session = account_of(3600).session()
    granting.answers_api = answer

    with pytest.raises(error) as raised:
        session.get("/user")
    assert type(raised.value) is error
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_what_is_wrong_with_the_request_is_for_the_caller_to_look_at(account_of, granting, status):
    granting.answers_api = reply({"message": "no"}, status)

    answer = account_of(3600).session().get("/user")

    assert (answer.status_code, answer.json()) == (status, {"message": "no"})


@pytest.mark.threat("H26")
@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        ("read:user", ["repo"], {"repo"}),
        ("", ["read:user"], {"read:user"}),
        ("user", ["read:user", "user:email"], None),
        ("repo", ["public_repo", "read:repo_hook"], None),
        ("admin:org", ["read:org"], None),
        ("read:org", ["admin:org", "read:org"], {"admin:org"}),
    ],
)
def test_a_scope_that_was_not_granted_is_missed_before_anything_is_sent(
    account_of, granting, granted, wanted, missing
):
    account = account_of(3600)
    account.scope = granted

    if missing is None:
        account.session(*wanted)
        return
    with pytest.raises(ScopeRequired) as raised:
        account.session(*wanted)
    assert raised.value.missing == missing
    assert granting.requests == []


@pytest.mark.parametrize(
    ("status", "headers", "missing"),
    [
        (403, {"X-Accepted-OAuth-Scopes": "repo, public_repo", "X-OAuth-Scopes": "read:user"}, {"repo"}),
        (404, {"X-Accepted-OAuth-Scopes": "admin:org", "X-OAuth-Scopes": ""}, {"admin:org"}),
        (404, {"X-Accepted-OAuth-Scopes": "public_repo", "X-OAuth-Scopes": "repo"}, None),
        (403, {"X-Accepted-OAuth-Scopes": ""}, None),
        (200, {"X-Accepted-OAuth-Scopes": "repo", "X-OAuth-Scopes": "user"}, None),
    ],
)
def test_a_scope_that_github_misses_is_named(account_of, granting, status, headers, missing):
    session = account_of(3600).session()
    granting.answers_api = reply({}, status, **headers)

    if missing is None:
        assert session.get("/x").status_code == status
        return
    with pytest.raises(ScopeRequired) as raised:
        session.get("/x")
    assert raised.value.missing == missing


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api/v3/user",
        "http://localhost:1/api/v3/user",
        "//evil.example/user",
        "{http}://user@127.0.0.1:{port}/api/v3/user",
        "{http}://127.0.0.1:{port}@evil.example/",
        "http://127.0.0.1:{other}/",
    ],
)
def test_the_token_is_sent_to_the_api_and_nowhere_else(account_of, granting, canary, url):
    session = account_of(3600).session()
    scheme, _, rest = granting.url.partition("://")
    url = url.format(http=scheme, port=rest.rpartition(":")[2], other=canary.port)

    try:
        answer = session.get(url)
    except ProviderMisconfigured as error:
        assert error.code == "endpoint_foreign"  # noqa: PT017  or it was a path of the API
    else:
        assert answer.json()["path"].startswith("/api/v3/evil.example")


def test_a_redirect_within_the_api_is_followed(account_of, granting):
    session = account_of(3600).session()

    def moved(request):
        if request.path == "/api/v3/old":
            return reply({}, 301, Location="/api/v3/new")
        return None

    granting.answers_api = moved

    assert session.get("/old").json()["path"] == "/api/v3/new"
    assert [call.headers["authorization"] for call in granting.calls] == ["Bearer ghu_access000001"] * 2


@pytest.mark.threat("D07", "D08")
def test_a_redirect_to_elsewhere_is_returned_as_it_came(account_of, granting, canary):
    session = account_of(3600).session()
    granting.answers_api = reply({}, 302, Location=f"{canary.url}/secret")

    answer = session.get("/artifact")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"{canary.url}/secret")


def test_an_answer_may_have_four_megabytes_and_no_more(account_of, granting):
    session = account_of(3600).session()
    granting.answers_api = reply(b" " * (4 << 20))
    assert len(session.get("/most").content) == 4 << 20

    granting.answers_api = reply(b" " * ((4 << 20) + 1))
    with pytest.raises(ProviderResponseError, match="answer_too_large"):
        session.get("/more")


def test_a_cookie_of_the_api_is_not_kept(account_of, granting):
    session = account_of(3600).session()
    granting.answers_api = reply({}, Set_Cookie="a=b; Path=/")

    session.get("/user")
    session.get("/user")

    assert "cookie" not in granting.calls[-1].headers


@pytest.mark.threat("H06", "H07", "H09")
def test_no_answer_request_or_log_shows_the_token(account_of, granting, caplog):
    account = account_of(-1)
    with caplog.at_level(logging.DEBUG):
        session = account.session()
        answer = session.get("/user")
        granting.answers_api = (503, {}, "{}")
        with pytest.raises(ProviderUnavailable) as raised:
            session.get("/user")

    for shown in (
        caplog.text,
        repr(vars(session)),
        repr(vars(answer)),
        repr(dict(answer.request.headers)),
        answer.request.url,
        answer.url,
        repr(raised.value),
    ):
        assert "ghu_" not in shown
        assert "ghr_" not in shown


def test_a_site_says_where_the_api_is_if_its_provider_does_not(account_of, granting, settings):
    account = account_of(3600)
    forge = {
        "ISSUER": granting.issuer,
        "AUTHORIZATION_ENDPOINT": f"{granting.url}/authorize",
        "TOKEN_ENDPOINT": f"{granting.url}{TOKEN_PATH}",
        "CLAIMS": {"sub": "token.id"},
        "CLIENT_ID": "a",
        "CLIENT_SECRET": "b",
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": forge}}
    with pytest.raises(ProviderMisconfigured, match="no API_URL"):
        account.session()

    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": {**forge, "API_URL": f"{granting.url}/api/v3"}}}
    assert account.session().get("/user").json()["path"] == "/api/v3/user"


@pytest.mark.parametrize("carrier", ["header:X-Token", "form:access_token"])
def test_a_token_goes_where_the_provider_wants_it_and_is_not_shown_there(
    account_of, granting, settings, caplog, carrier
):
    account = account_of(3600)
    forge = {
        "ISSUER": granting.issuer,
        "AUTHORIZATION_ENDPOINT": f"{granting.url}/authorize",
        "TOKEN_ENDPOINT": f"{granting.url}{TOKEN_PATH}",
        "USERINFO_ENDPOINT": f"{granting.url}/me",
        "USERINFO_TOKEN": carrier,
        "CLAIMS": {"sub": "id"},
        "CLIENT_ID": "a",
        "CLIENT_SECRET": "b",
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": forge}}
    granting.answers_api = reply({})
    with caplog.at_level(logging.DEBUG):
        answer = account.session().get("/2/statuses", params={"count": 1})

    asked = granting.requests[-1]
    assert "ghu_access000001" in (asked.path + str(asked.headers))
    assert "ghu_" not in caplog.text + answer.url + str(answer.request.url)


@pytest.fixture
def openid(account_of, granting, settings):
    """An account of an OpenID Connect provider, all of whose endpoints the site knows."""
    account = account_of(3600)
    LinkedAccount.objects.update(issuer=granting.url)
    account.refresh_from_db()
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {
            "ghe": {
                "ISSUER": granting.url,
                "AUTHORIZATION_ENDPOINT": f"{granting.url}/authorize",
                "TOKEN_ENDPOINT": f"{granting.url}{TOKEN_PATH}",
                "JWKS_URI": f"{granting.url}/jwks",
                "USERINFO_ENDPOINT": f"{granting.url}/me",
                "REVOCATION_ENDPOINT": f"{granting.url}/revoke",
                "CLIENT_ID": "a",
                "CLIENT_SECRET": "b",
            }
        }
    }
    granting.answers["/.well-known/openid-configuration"] = reply({})
    return account


CHALLENGES = [
    (403, 'Bearer error="insufficient_scope", scope="files mail"', {"files", "mail"}),
    (403, 'Bearer error="insufficient_scope"', set()),
    (403, 'Bearer error="invalid_request"', None),
    (403, "", None),
    (400, 'Bearer error="insufficient_scope", scope="files"', None),
]


@pytest.mark.parametrize(("status", "challenge", "missing"), CHALLENGES)
def test_a_scope_that_an_api_misses_by_the_standard_is_named(openid, granting, status, challenge, missing):
    session = openid.session("read:user")
    granting.answers_api = reply({}, status, WWW_Authenticate=challenge)

    if missing is None:
        assert session.get("/files").status_code == status
        return
    with pytest.raises(ScopeRequired) as raised:
        session.get("/files")
    assert raised.value.missing == missing
    assert granting.requests[-1].headers["authorization"] == "Bearer ghu_access000001"


def test_a_scope_of_any_provider_is_missed_before_anything_is_sent(openid):
    with pytest.raises(ScopeRequired) as raised:
        openid.session("files")
    assert raised.value.missing == {"files"}


def test_a_caller_may_say_what_is_accepted_and_not_who_asks(account_of, granting):
    account_of(3600).session().get(
        "/user",
        headers={"Authorization": "Bearer another", "Accept": "text/plain", "Accept-Encoding": "gzip"},
    )

    asked = granting.calls[-1].headers
    assert asked["authorization"] == "Bearer ghu_access000001"
    assert (asked["accept"], asked["accept-encoding"]) == ("text/plain", "identity")
