"""What settings say of the callback, and of the token request that follows it."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from oauth_login.models import SignIn
from tests.oauth_login.definitions.forge import code_of

pytestmark = pytest.mark.provider


@pytest.mark.parametrize(("callback", "sent"), [({}, None), ({"device": "7"}, "7"), ({"device": ""}, None)])
def test_the_token_request_repeats_what_the_callback_has(site, callback, sent):
    site.define(CALLBACK_PARAMS=["device"])
    site.sign_in(**callback)

    (asked,) = site.requests("/token")
    assert dict(parse_qsl(asked.body)).get("device") == sent


@pytest.mark.threat("B02")
@pytest.mark.parametrize("device", [["a", "b"], "a\nb", "x" * 2049], ids=lambda value: f"{value!a:.12}")
def test_what_it_repeats_is_as_strict_as_the_rest(site, device):
    site.define(CALLBACK_PARAMS=["device"])

    assert code_of(site.sign_in(device=device)) in {"parameter_repeated", "parameter_malformed"}
    assert site.requests("/token") == []


@pytest.mark.threat("B03", "B11")
def test_nothing_replaces_what_the_protocol_sends(site):
    names = ["code", "code_verifier", "client_id", "redirect_uri", "grant_type"]
    site.define(TOKEN_PARAMS=dict.fromkeys(names, "forged"))
    site.sign_in()

    (asked,) = site.requests("/token")
    assert "forged" not in asked.body


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        ({"code": "", "no": "1", "error": "server_error"}, "provider_unavailable"),
        ({"code": "c", "no": "1"}, "code_and_error"),
        ({"code": "", "no": "0"}, "code_missing"),
        ({"code": "", "no": ["1", "1"]}, "parameter_repeated"),
    ],
    ids=str,
)
def test_what_only_resembles_a_no_is_none(site, callback, code):
    site.define(CANCEL_PARAMS={"no": "1"})

    assert code_of(site.sign_in(**callback)) == code
    assert site.requests("/token") == []


def test_a_server_may_have_a_word_of_its_own_for_a_visitor_who_says_no(site):
    site.define(CANCEL_PARAMS={"cancelled": "yes", "no": "1"})
    answer = site.sign_in(code="", no="1")

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert SignIn.objects.get().outcome == "access_denied"
    assert site.requests("/token") == []


@pytest.mark.threat("A20")
def test_what_the_token_request_needs_is_led_home_too(site, settings):
    site.define(CODE_PARAM="authCode", CALLBACK_PARAMS=["device"], CANCEL_PARAMS={"no": "1"})
    settings.ALLOWED_HOSTS = ["www.example.com", "example.com"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://www.example.com"}
    apex, www = ({"host": host} for host in ("example.com", "www.example.com"))
    start = site.visitor.post("/oauth2/forge/authorize/", headers=apex, secure=True)
    state = dict(parse_qsl(urlsplit(start["Location"]).query))["state"]
    site.visitor.cookies.clear()

    query = {"authCode": "c", "device": "7", "no": "2", "other": "x", "state": state}
    answer = site.visitor.come_back(query, "forge", headers=www, secure=True)

    home = urlsplit(answer["Location"])
    assert home.netloc == "example.com"
    assert dict(parse_qsl(home.query)) == {
        "authCode": "c",
        "device": "7",
        "no": "2",
        "state": state,
        "oauth_login_relayed": "1",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"CODE_PARAM": 7, "CALLBACK_PARAMS": "device", "CANCEL_PARAMS": "no"},
        {"CALLBACK_PARAMS": [["device"]], "CANCEL_PARAMS": {("no",): "1", "no": 1}},
        {"LABEL": "\ud800"},
        {"CALLBACK_PARAMS": ["\ud800"]},
    ],
    ids=ascii,
)
def test_wrong_settings_do_not_break_a_callback(site, changes):
    state = dict(parse_qsl(urlsplit(site.visitor.start("forge")["Location"]).query))["state"]
    site.define(**changes)

    assert code_of(site.visitor.come_back({"code": "c", "state": state}, "forge")) == "settings_invalid"
