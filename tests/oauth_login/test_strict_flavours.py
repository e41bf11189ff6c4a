"""The sandbox is as strict as the providers it stands in for: what they refuse, it refuses in their words."""

import json
from base64 import b64encode
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
import requests
import time_machine
from django.core.cache import cache

from oauth_login.oauth2 import code_challenge
from oauth_login.sandbox.back_channel import InProcessAdapter
from oauth_login.sandbox.flavours import flavour_for
from oauth_login.sandbox.grants import Refused
from oauth_login.sandbox.personas import PERSONAS

CALLBACK = "https://site.example/callback/"
VERIFIER = "v" * 43
BASIC = f"Basic {b64encode(b'sandbox-client:sandbox-secret').decode()}"
MIDNIGHT = 1_790_035_200  # a multiple of a day, in seconds
FORGE = {
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "TOKEN_REQUEST": "json",
    "TOKEN_PARAMS": {"version": "2"},
    "TOKEN_ANSWER": "form",
    "IDENTITY_ENDPOINT": "https://forge.example/who",
    "IDENTITY_PARAMS": {"key": "{client_id}"},
    "USERINFO_ENDPOINT": "https://forge.example/me",
    "USERINFO_HEADERS": {"X-Version": "3"},
    "USERINFO_PARAMS": {"who": "{identity.id}"},
    "EMAILS_ENDPOINT": "https://forge.example/emails",
    "EMAILS_ROOT": "list",
    "EMAILS_WHERE": {"state": "sure"},
    "CLAIMS": {"sub": "identity.id", "name": "names.1.text", "picture": "names.1"},
}


class Provider:
    """A flavour of the sandbox, asked as a site's HTTP library asks."""

    def __init__(self, alias, options=None):
        self.flavour = flavour_for(alias, options or {})

    def code(self, persona="octocat", **changes):
        """Return what the browser brings back from the page."""
        asked = {
            "response_type": "code",
            "client_id": "sandbox-client",
            "redirect_uri": CALLBACK,
            "scope": "openid profile email",
            "code_challenge": code_challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        server = self.flavour.server
        authorization = server.authorize({name: [value] for name, value in asked.items()}, CALLBACK)
        back = server.approve(authorization, PERSONAS[persona])
        return dict(parse_qsl(urlsplit(back).query))["code"]

    def ask(self, method, path, **content):
        with requests.Session() as session:
            session.mount("https://", InProcessAdapter(self.flavour))
            return session.request(method, f"{self.flavour.base_url}{path}", **content)


def token_request(code, **changes):
    """Return the parameters of a good token request, changed; None leaves one out."""
    asked = {
        "grant_type": "authorization_code",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": CALLBACK,
        "code": code,
        **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


#: A change of the token request → the error of RFC 6749 that it is.
WRONG = [
    ({"client_secret": "wrong"}, "invalid_client"),
    ({"client_id": "wrong"}, "invalid_client"),
    ({"client_secret": None}, "invalid_client"),
    ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
    ({"redirect_uri": None}, "redirect_uri_mismatch"),
    ({"code": "made-up"}, "invalid_grant"),
    ({"code": None}, "invalid_grant"),
    ({"grant_type": None}, "unsupported_grant_type"),
]


# --- Weibo --------------------------------------------------------------------------------------------


@pytest.fixture
def weibo():
    return Provider("weibo")


def test_weibo_says_who_it_is_in_a_token_answer_that_calls_itself_text(weibo):
    code = weibo.code()

    answer = weibo.ask("POST", "/oauth2/access_token", data=token_request(code))

    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert answer.json()["uid"] == "583231"
    assert "token_type" not in answer.json()
    again = weibo.ask("POST", "/oauth2/access_token", data=token_request(code))
    assert (again.status_code, again.json()["error_code"]) == (400, 21325)
    assert again.headers["Content-Type"] == "text/plain;charset=UTF-8"


@pytest.mark.parametrize(("changes", "error"), WRONG)
def test_weibo_refuses_a_wrong_token_request_by_a_number(weibo, changes, error):
    numbers = {
        "redirect_uri_mismatch": 21322,
        "invalid_client": 21324,
        "invalid_grant": 21325,
        "unsupported_grant_type": 21328,
    }
    form = token_request(**{"code": weibo.code(), **changes})

    answer = weibo.ask("POST", "/oauth2/access_token", data=form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_code"] == numbers[error]
    assert answer.json()["request"] == "/oauth2/access_token"


def test_weibo_shows_a_profile_to_the_token_and_the_uid_of_one_person(weibo):
    token = weibo.ask("POST", "/oauth2/access_token", data=token_request(weibo.code())).json()["access_token"]

    def shown(**query):
        return weibo.ask("GET", "/2/users/show.json", params=query)

    assert shown(access_token=token, uid="583231").json()["screen_name"] == "The Octocat"
    assert shown(access_token=token, uid="1").json()["error_code"] == 20003
    assert shown(access_token=token).json()["error_code"] == 20003
    assert shown(access_token="x", uid="583231").json()["error_code"] == 21332
    assert weibo.ask("GET", "/2/users/hide.json").status_code == 404
    assert weibo.ask("GET", "/oauth2/access_token").status_code == 404  # it is a POST


# --- QQ -----------------------------------------------------------------------------------------------


@pytest.fixture
def qq():
    return Provider("qq")


def test_qq_answers_a_form_unless_it_is_asked_for_json(qq):
    as_form = qq.ask("GET", "/oauth2.0/token", params=token_request(qq.code()))
    as_json = qq.ask("GET", "/oauth2.0/token", params=token_request(qq.code(), fmt="json"))

    assert set(parse_qs(as_form.text)) == {"access_token", "expires_in", "refresh_token"}
    assert set(as_json.json()) == {"access_token", "expires_in", "refresh_token"}


@pytest.mark.parametrize(("changes", "error"), WRONG)
def test_qq_refuses_with_status_200_and_calls_a_function_of_the_page(qq, changes, error):
    numbers = {
        "invalid_client": 100009,
        "unsupported_grant_type": 100004,
        "redirect_uri_mismatch": 100010,
        "invalid_grant": 100019,
    }
    asked = token_request(**{"code": qq.code(), **changes})

    answer = qq.ask("GET", "/oauth2.0/token", params=asked)

    assert answer.status_code == 200
    assert answer.text.startswith("callback( {")
    assert json.loads(answer.text[9:-3])["error"] == numbers[error]
    assert qq.ask("GET", "/oauth2.0/token", params={**asked, "fmt": "json"}).json()["error"] == numbers[error]


def test_qq_takes_a_code_once_and_by_get(qq):
    asked = token_request(qq.code(), fmt="json")
    assert qq.ask("POST", "/oauth2.0/token", data=asked).json()["ret"] == -1
    assert "access_token" in qq.ask("GET", "/oauth2.0/token", params=asked).json()

    assert qq.ask("GET", "/oauth2.0/token", params=asked).json()["error"] == 100019


def test_qq_says_who_it_is_in_two_steps_of_which_the_second_needs_the_first(qq):
    token = qq.ask("GET", "/oauth2.0/token", params=token_request(qq.code(), fmt="json")).json()[
        "access_token"
    ]

    me = qq.ask("GET", "/oauth2.0/me", params={"access_token": token, "fmt": "json"}).json()
    jsonp = qq.ask("GET", "/oauth2.0/me", params={"access_token": token}).text
    stranger = qq.ask("GET", "/oauth2.0/me", params={"access_token": "x", "fmt": "json"}).json()

    assert me["client_id"] == "sandbox-client"
    assert jsonp == f"callback( {json.dumps(me)} );\n"
    assert stranger["error"] == 100016

    def ret(**changes):
        asked = {"access_token": token, "oauth_consumer_key": "sandbox-client", "openid": me["openid"]}
        return qq.ask("GET", "/user/get_user_info", params=asked | changes).json()["ret"]

    assert ret() == 0
    assert ret(access_token="x") == 100016
    assert ret(openid="0" * 32) == ret(oauth_consumer_key="another") == -22


# --- OpenID Connect -----------------------------------------------------------------------------------


@pytest.fixture
def google():
    return Provider("google")


def redeem(google, code, headers=None, **changes):
    form = token_request(code, client_id=None, client_secret=None, **{"code_verifier": VERIFIER, **changes})
    return google.ask("POST", "/token", data=form, headers=headers or {"Authorization": BASIC})


def test_an_id_token_is_signed_with_a_key_that_is_published_and_about_this_attempt(google):
    answer = redeem(google, google.code(nonce="n-0S6_WzA2Mj")).json()

    keys = jwt.PyJWKSet.from_dict(google.ask("GET", "/jwks").json())
    kid = jwt.get_unverified_header(answer["id_token"])["kid"]
    claims = jwt.decode(answer["id_token"], keys[kid], algorithms=["ES256"], audience="sandbox-client")
    assert claims["iss"] == google.ask("GET", "/.well-known/openid-configuration").json()["issuer"]
    assert (claims["sub"], claims["nonce"]) == ("583231", "n-0S6_WzA2Mj")
    assert claims["exp"] - claims["iat"] == 300
    assert "email" not in claims  # at UserInfo, as the scope is a standard one


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({"headers": {"Authorization": "Basic eDp5"}}, "invalid_client", 401),
        ({"headers": {"Authorization": "Basic eA=="}}, "invalid_client", 401),
        ({"headers": {"Authorization": "Basic !"}}, "invalid_client", 401),
        ({"headers": {"Authorization": BASIC.replace("Basic", "Digest")}}, "invalid_client", 401),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch", 400),
        ({"code_verifier": "w" * 43}, "invalid_grant", 400),
        ({"code_verifier": None}, "invalid_grant", 400),
    ],
)
def test_an_openid_provider_refuses_a_wrong_token_request(google, changes, error, status):
    answer = redeem(google, google.code(), **changes)

    assert (answer.json()["error"], answer.status_code) == (error, status)


def test_an_openid_provider_takes_a_code_once(google):
    code = google.code()
    assert redeem(google, code).status_code == 200

    assert redeem(google, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"claims": "no JSON"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"id_token": null}'}, "invalid_request"),
        ({"client_id": "another"}, "unknown_client"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
    ],
)
def test_an_openid_provider_refuses_a_wrong_authorization_request(google, changes, error):
    with pytest.raises(Refused) as refused:
        google.code(**changes)

    assert refused.value.error == error


def test_userinfo_tells_what_the_scope_covers_to_the_token_only(google):
    def told(scope):
        token = redeem(google, google.code(scope=scope)).json()["access_token"]
        return google.ask("GET", "/userinfo", headers={"Authorization": f"Bearer {token}"}).json()

    assert told("openid") == {"sub": "583231"}
    assert set(told("openid email")) == {"sub", "email", "email_verified"}
    assert set(told("openid profile")) == {"sub", "preferred_username", "name", "picture", "profile"}
    assert google.ask("GET", "/userinfo", headers={"Authorization": "Bearer x"}).status_code == 401
    assert google.ask("GET", "/elsewhere").status_code == 404


def test_keys_are_another_every_day_and_for_every_secret(google, settings):
    def kids():
        return [key["kid"] for key in google.ask("GET", "/jwks").json()["keys"]]

    with time_machine.travel(MIDNIGHT - 1, tick=False) as clock:
        before = kids()
        clock.shift(2)
        after = kids()
        settings.SECRET_KEY = "another secret of a site that shares the cache"

        assert after[1] == before[0]
        assert after[0] not in before
        assert not set(kids()) & {*before, *after}


@pytest.mark.parametrize("rests", ["start", "code"])
def test_a_sign_in_works_across_midnight_when_the_keys_change(new_visitor, settings, rests):
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"google": {}}, "SANDBOX": True}
    cache.clear()

    def leave(visitor):
        return visitor.start("google")["Location"]

    def arrive(visitor, location):
        return visitor.get(visitor.post(location, {"persona": "octocat"})["Location"])

    with time_machine.travel(MIDNIGHT - 30, tick=False) as clock:
        early, late = new_visitor(), new_visitor()
        assert arrive(early, leave(early)).status_code == 302  # the keys of that day are kept
        location = leave(late)
        if rests == "code":
            location = visitor_back = late.post(location, {"persona": "octocat"})["Location"]
        clock.shift(60)
        answer = late.get(visitor_back) if rests == "code" else arrive(late, location)

    assert answer.status_code == 302
    assert late.user == early.user


# --- Whatever is settings -----------------------------------------------------------------------------


@pytest.fixture
def forge():
    return Provider("forge", FORGE)


def token_of(forge, persona="octocat"):
    asked = token_request(forge.code(persona), version="2", code_verifier=VERIFIER)
    return dict(parse_qsl(forge.ask("POST", "/token", json=asked).text))["access_token"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        *WRONG,
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"version": "1"}, "invalid_request"),
        ({"version": None}, "invalid_request"),
    ],
)
def test_a_provider_of_data_refuses_a_wrong_token_request(forge, changes, error):
    asked = token_request(**{"code": forge.code(), "version": "2", "code_verifier": VERIFIER, **changes})

    answer = forge.ask("POST", "/token", json=asked)

    assert parse_qs(answer.text)["error"] == [error]


@pytest.mark.parametrize("body", [b"no JSON", b"[]"])
def test_what_is_no_json_object_is_no_token_request(forge, body):
    answer = forge.ask("POST", "/token", data=body)

    assert parse_qs(answer.text)["error"] == ["invalid_request"]


def test_a_provider_of_data_wants_token_parameters_and_headers_where_the_settings_say(forge):
    token = token_of(forge)
    bearer = {"Authorization": f"Bearer {token}"}

    def status(path, headers, method="GET", **query):
        return forge.ask(method, path, headers=headers, params=query).status_code

    assert status("/identity", bearer, key="sandbox-client") == 200
    assert status("/identity", bearer, key="another") == status("/identity", bearer) == 401
    assert status("/userinfo", bearer | {"X-Version": "3"}, who="583231") == 200
    assert status("/userinfo", bearer | {"X-Version": "2"}, who="583231") == 401
    assert status("/userinfo", bearer | {"X-Version": "3"}, who="1") == 401
    assert status("/userinfo", {"Authorization": f"Token {token}", "X-Version": "3"}, who="583231") == 401
    assert status("/emails", {"Authorization": "Bearer x"}) == 401
    assert status("/userinfo", bearer, "POST") == status("/elsewhere", bearer) == 404


def test_of_addresses_the_verified_one_says_so(forge):
    def listed(persona):
        headers = {"Authorization": f"Bearer {token_of(forge, persona)}"}
        return forge.ask("GET", "/emails", headers=headers).json()["list"]

    assert listed("octocat") == [{"state": "sure", "email": "octocat@example.com"}]
    assert listed("unverified") == [{"email": "unverified@example.com"}]


def test_a_claim_deeper_in_another_wins_over_it(forge):
    bearer = {"Authorization": f"Bearer {token_of(forge)}", "X-Version": "3"}

    profile = forge.ask("GET", "/userinfo", headers=bearer, params={"who": "583231"}).json()

    assert profile == {"names": [{}, {"text": "The Octocat"}]}


def test_a_provider_that_has_its_callback_repeated_believes_no_other():
    vk = Provider("vk")
    asked = token_request(
        vk.code(), code_verifier=VERIFIER, client_secret=None, device_id="made-up", state=""
    )

    answer = vk.ask("POST", "/token", data=asked)

    assert answer.json()["error"] == "invalid_grant"
    assert answer.json()["error_description"] == "The answer to the browser said something else."


def test_a_secret_is_taken_where_the_settings_put_it_and_nowhere_else():
    by_header, by_form = Provider("spotify"), Provider("facebook")
    in_header = {"client_id": None, "client_secret": None}

    def statuses(provider, place, headers):
        def status(headers, **fields):
            asked = token_request(provider.code(), code_verifier=VERIFIER, **fields)
            return provider.ask("POST", "/token", data=asked, headers=headers).status_code

        return [status(headers, **place), status({})]

    assert statuses(by_header, in_header, {"Authorization": BASIC}) == [200, 400]
    assert statuses(by_form, in_header, {"Authorization": BASIC}) == [400, 200]
