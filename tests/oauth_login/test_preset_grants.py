"""Every preset that is data renews a grant, and gives it back, as its documentation says."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from oauth_login import conf, providers
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    TokenRequestError,
)
from tests.oauth_login.http_server import reply
from tests.oauth_login.presets import chinese, elsewhere
from tests.oauth_login.presets.case import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.provider

PAGE = (Path(__file__).parents[2] / "docs/providers.md").read_text()
NAMES = sorted({**chinese.CASES, **elsewhere.CASES})
WITHOUT_REFRESH = {"weibo", "facebook", "vk", "stackexchange", "openstreetmap"}
REFRESHING = [name for name in NAMES if name not in WITHOUT_REFRESH]
REVOKING = [name for name in NAMES if "REVOCATION_ENDPOINT" in providers.row(name)]
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
SHOWN = ("GET", {"access_token": "at"})
BY_FORM = ("POST", {"access_token": "at"})
NAVER = {**CLIENT, "access_token": "at", "grant_type": "delete", "service_provider": "NAVER"}
REVOCATIONS = {
    "weibo": SHOWN,
    "baidu": BY_FORM,
    "naver": ("POST", NAVER),
    "yandex": ("POST", {**CLIENT, "access_token": "at"}),
    "vk": ("POST", {"client_id": CLIENT_ID, "access_token": "at"}),
    "tiktok": ("POST", {"client_key": CLIENT_ID, "client_secret": CLIENT_SECRET, "token": "at"}),
    "zoom": ("POST", {"token": "at"}),
}
BEARING = {"dropbox": "POST", "strava": "POST", "facebook": "DELETE"}
REFRESHES = {
    "qq": ("GET", {**CLIENT, "grant_type": "refresh_token", "refresh_token": "rt", "fmt": "json"}),
    "weixin": ("GET", {"appid": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": "rt"}),
}
DEAD = [
    ("qq", {"error": 100016, "error_description": "access token check failed"}),
    ("weixin", {"errcode": 42002, "errmsg": "refresh_token expired"}),
    ("feishu", {"code": 20037, "error": "invalid_grant"}),
    ("discord", {"error": "invalid_grant"}),
    ("naver", {"error": "invalid_grant"}),
    ("tiktok", {"error": "invalid_grant", "error_description": "Refresh token is invalid or expired."}),
    ("dingtalk", {"error": "invalid_grant"}),
    ("reddit", {"message": "Bad Request", "error": 400}),
    (
        "strava",
        {
            "message": "Bad Request",
            "errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}],
        },
    ),
    ("qq", {"error": 100030, "error_description": "not granted"}),
    ("qq", b"code=100016&msg=access+token+check+failed"),
]


@pytest.fixture
def server(servers):
    """Where the provider is."""
    return servers()


@pytest.fixture
def preset(server, settings):
    """A provider of a preset, with all its endpoints on the server."""

    def made(name):
        row = providers.row(name)
        endpoints = {
            key: f"{server.url}/{key.lower()}"
            for key in row
            if key.endswith("_ENDPOINT") and isinstance(row[key], str)
        }
        public = row.get("TOKEN_ENDPOINT_AUTH_METHOD") == "none"
        credentials = (
            {"CLIENT_ID": CLIENT_ID} if public else {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
        )
        settings.OAUTH_LOGIN = {"PROVIDERS": {name: {**credentials, **endpoints}}}
        return conf.provider(name)

    return made


def answer_all(server, content, status=200, **headers):
    for path in ("token_endpoint", "refresh_endpoint", "revocation_endpoint"):
        server.answers[f"/{path}"] = reply(content, status, **headers)


def asked(server):
    """Return the one request that was made: its method, and what it says."""
    (request,) = server.requests
    return request.method, dict(parse_qsl(request.path.partition("?")[2] or request.body))


def documented(name):
    """Return what ``docs/providers.md`` says of the preset, by the left cell."""
    (section,) = [part for part in PAGE.split("\n## ") if f"| preset | `{name}`, " in part]
    return dict(re.findall(r"^\| (.+?) \| (.*) \|$", section, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_tells_the_truth_about_what_it_can_do_and_so_does_its_page(preset, name):
    provider = preset(name)

    assert provider.can_refresh == (name not in WITHOUT_REFRESH)
    assert provider.can_revoke == (name in REVOKING)
    assert documented(name)["refresh"].startswith("None.") != provider.can_refresh
    assert documented(name)["revocation"].startswith("None ") != provider.can_revoke


@pytest.mark.threat("H17")
@pytest.mark.parametrize("name", REFRESHING)
def test_a_grant_is_renewed_in_one_request(preset, server, name):
    names = {} if name != "dingtalk" else {"accessToken": "new", "refreshToken": "rt-2", "expireIn": 60}
    answer_all(server, {"access_token": "new", "refresh_token": "rt-2", "token_type": "bearer", **names})

    token = preset(name).refresh("rt", subject="1")

    assert (token.access_token, token.refresh_token, token.scope) == ("new", "rt-2", None)
    (request,) = server.requests
    assert "refresh" in request.path + request.body
    assert "rt" in request.path + request.body
    endpoint = "refresh_endpoint" if "REFRESH_ENDPOINT" in providers.row(name) else "token_endpoint"
    assert request.path.partition("?")[0] == f"/{endpoint}"


@pytest.mark.parametrize("name", REFRESHES)
def test_who_wants_a_query_gets_exactly_that(preset, server, name):
    answer_all(server, {"access_token": "new"})

    preset(name).refresh("rt", subject="1")

    assert asked(server) == REFRESHES[name]


@pytest.mark.threat("H18")
@pytest.mark.parametrize(("name", "answer"), DEAD)
def test_a_servers_own_words_for_a_dead_grant_are_understood(preset, server, name, answer):
    answer_all(server, answer)

    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        preset(name).refresh("rt", subject="1")


@pytest.mark.parametrize("name", REFRESHING)
@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 500, ProviderUnavailable),
        (b"<h1>", 200, ProviderResponseError),
        ({}, 200, ProviderResponseError),
    ],
)
def test_whatever_else_comes_is_no_word_about_the_grant(preset, server, name, content, status, kind):
    answer_all(server, content, status)

    with pytest.raises(kind):
        preset(name).refresh("rt", subject="1")

    assert len(server.requests) == 1


@pytest.mark.threat("H23")
@pytest.mark.parametrize("name", REVOCATIONS)
def test_a_grant_is_given_back_in_the_providers_own_way(preset, server, name):
    answer_all(server, {"result": True})

    assert preset(name).revoke(access_token="at", refresh_token="rt") is True

    assert asked(server) == REVOCATIONS[name]


@pytest.mark.threat("H23")
@pytest.mark.parametrize("name", BEARING)
def test_a_provider_that_wants_the_token_in_a_header_is_shown_nothing_else(preset, server, name):
    answer_all(server, b"null")

    assert preset(name).revoke(access_token="at", refresh_token="rt") is True

    (request,) = server.requests
    assert (request.method, request.headers["authorization"], request.body) == (
        BEARING[name],
        "Bearer at",
        "",
    )


@pytest.mark.threat("H23")
def test_notion_is_told_in_json(preset, server):
    answer_all(server, {})

    assert preset("notion").revoke(access_token="at", refresh_token="rt") is True

    (request,) = server.requests
    assert json.loads(request.body) == {"token": "at"}
    assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.threat("H25")
@pytest.mark.parametrize(
    "name", [name for name in REVOKING if name not in {*REVOCATIONS, *BEARING, "notion"}]
)
def test_all_others_speak_rfc_7009(preset, server, name):
    answer_all(server, b"")

    assert preset(name).revoke(access_token="at", refresh_token="rt") is True

    sent = [dict(parse_qsl(request.body)) for request in server.requests]
    assert [(form["token"], form["token_type_hint"]) for form in sent] == [
        ("rt", "refresh_token"),
        ("at", "access_token"),
    ]


@pytest.mark.threat("H23")
@pytest.mark.parametrize("name", ["weibo", "dropbox"])
def test_a_token_that_is_dead_already_is_gone(preset, server, name):
    answer_all(server, {"error": {}}, 401)

    assert preset(name).revoke(access_token="at", refresh_token="") is True


@pytest.mark.threat("H23")
@pytest.mark.parametrize("name", ["naver", "zoom", "discord"])
def test_a_401_to_who_also_sent_credentials_says_nothing_of_the_token(preset, server, name):
    answer_all(server, {"error": "invalid_client"}, 401)

    with pytest.raises(ProviderMisconfigured):
        preset(name).revoke(access_token="at", refresh_token="rt")


@pytest.mark.threat("H25")
@pytest.mark.parametrize("code", [190, "190"], ids=repr)
def test_a_dead_token_is_gone_whether_its_code_is_a_number_or_text(preset, server, code):
    answer_all(server, {"error": {"code": code, "type": "OAuthException"}}, 400)

    assert preset("facebook").revoke(access_token="at", refresh_token="") is True


@pytest.mark.threat("H23")
@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        ({"result": 0}, 200, ProviderResponseError),
        ({"result": "0"}, 200, ProviderResponseError),
        ({"result": False}, 200, ProviderResponseError),
        ({"result": "false"}, 200, ProviderResponseError),
        ({"error": "insufficient app permissions!"}, 400, ProviderMisconfigured),
        (b"", 502, ProviderUnavailable),
    ],
)
def test_a_revocation_that_fails_is_reported(preset, server, content, status, kind):
    answer_all(server, content, status)

    with pytest.raises(kind):
        preset("weibo").revoke(access_token="at", refresh_token="")


@pytest.mark.parametrize(("name", "token"), [("gitee", "at"), ("weibo", "")])
def test_where_there_is_no_way_nothing_is_sent(preset, server, name, token):
    assert preset(name).revoke(access_token=token, refresh_token="") is False
    assert server.requests == []
