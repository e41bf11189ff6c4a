"""What the session for a provider's API takes from nobody: this machine, endless redirects, odd addresses."""

import json

import pytest

from oauth_login import providers
from oauth_login.errors import ProviderResponseError, ReauthorizationRequired
from oauth_login.models import Token
from tests.oauth_login.http_server import reply
from tests.oauth_login.tokens.granting import TOKEN_PATH

pytestmark = pytest.mark.django_db


@pytest.mark.threat("D13")
def test_a_password_in_netrc_is_nothing_to_an_api(account_of, granting, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password of-this-machine")
    monkeypatch.setenv("NETRC", str(netrc))

    answer = account_of(3600).session().get("/user")

    assert "Authorization" not in answer.request.headers
    assert granting.calls[-1].headers["authorization"] == "Bearer ghu_access000001"


def test_redirects_without_end_are_an_answer_that_is_none(account_of, granting):
    session = account_of(3600).session()
    granting.answers_api = reply({}, 302, Location="/api/v3/again")

    with pytest.raises(ProviderResponseError, match="redirect_refused"):
        session.get("/user")

    assert len(granting.calls) == 6


@pytest.mark.threat("D07")
@pytest.mark.parametrize("location", ["http://[::1/user", "/caf\xe9", "//evil.example/user"])
def test_a_redirect_to_what_is_no_url_is_returned_as_it_came(account_of, granting, location):
    session = account_of(3600).session()
    granting.answers_api = reply({}, 302, Location=location)

    assert session.get("/user").status_code == 302
    assert len(granting.calls) == 1


# --- A dead token that is no 401 -------------------------------------------------------------------------


@pytest.fixture
def of_data(account_of, granting, settings):
    """An account of a provider of data whose API says in its own words that a token is dead."""
    account = account_of(3600)
    forge = {
        "ISSUER": granting.issuer,
        "AUTHORIZATION_ENDPOINT": f"{granting.url}/authorize",
        "TOKEN_ENDPOINT": f"{granting.url}{TOKEN_PATH}",
        "API_URL": f"{granting.url}/api/v3",
        "CLAIMS": {"sub": "token.id"},
        "CLIENT_ID": "client-id-of-the-tests",
        "CLIENT_SECRET": "client-secret-of-the-tests",
        "API_REJECTED": {"error.code": [21332, "dead", ""]},
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": forge}}
    return account


def refusing(*tokens, body, status):
    """Return what an API answers to requests with one of *tokens*; others it serves."""

    def answer(request):
        token = request.headers["authorization"].removeprefix("Bearer ")
        return reply(body, status) if token in tokens else None

    return answer


@pytest.mark.parametrize("code", [21332, "21332", "dead"], ids=repr)
@pytest.mark.parametrize("status", [200, 400])
def test_it_is_renewed_once_and_the_same_is_asked_again(of_data, granting, code, status):
    granting.answers_api = refusing("ghu_access000001", body={"error": {"code": code}}, status=status)

    assert of_data.session().get("/user").json()["path"] == "/api/v3/user"
    assert granting.refreshes == ["ghr_refresh000001"]


@pytest.mark.threat("H22")
def test_twice_in_a_row_it_ends_the_grant(of_data, granting):
    granting.answers_api = reply({"error": {"code": 21332}}, 400)

    with pytest.raises(ReauthorizationRequired):
        of_data.session().get("/user")

    assert len(granting.calls) == 2
    assert Token.objects.get().state == Token.State.REAUTHORIZE


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 21333}},
        {"error": {"code": ""}},
        {"error": {"code": True}},
        {"code": 21332},
        [21332],
        b"",
        b"\x89PNG",
        {"error": {"code": 21332}, "and": "x" * 4096},
    ],
    ids=lambda body: f"{body!r:.30}",
)
def test_anything_else_is_for_the_caller_to_look_at(of_data, granting, body):
    granting.answers_api = reply(body, 400)

    answer = of_data.session().get("/user")

    assert answer.content == (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert granting.refreshes == []


@pytest.mark.threat("H22")
def test_a_401_still_says_so(of_data, granting):
    granting.answers_api = refusing("ghu_access000001", body=b"no", status=401)

    assert of_data.session().get("/user").status_code == 200
    assert granting.refreshes == ["ghr_refresh000001"]


def test_weibo_and_qq_have_such_codes():
    assert set(providers.row("weibo")["API_REJECTED"]["error_code"]) == {
        *(21314, 21315, 21316, 21317),
        *(21327, 21332),
    }
    assert {100014, 100015, 100016} <= set(providers.row("qq")["API_REJECTED"]["ret"])
