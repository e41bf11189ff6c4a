"""Every OAuth 2.0 preset asks as its documentation says, and understands what it is told."""

import base64
import hashlib
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from oauth_login import providers
from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.presets.case import CLIENT_ID, TOKEN
from tests.oauth_login.presets.site import CASES, every_preset

pytestmark = [pytest.mark.provider, pytest.mark.django_db]
SHOWN = ("preferred_username", "name", "email", "picture", "profile")


def filled_in(value, name):
    return {key: text.replace("{alias}", name) for key, text in value.items()}


@every_preset
def test_who_it_is_comes_of_the_documented_answers(preset, name):
    preset = preset(name)

    answer = preset.sign_in()

    assert answer.status_code == 302, answer.context["code"]
    account = LinkedAccount.objects.get()
    expected = dict.fromkeys(SHOWN, "") | {"email_verified": False} | preset.case.profile
    assert {
        "subject": account.subject,
        "preferred_username": account.username,
        "name": account.name,
        "email": account.email,
        "email_verified": account.email_verified,
        "picture": account.picture,
        "profile": account.profile_url,
    } == expected
    assert account.issuer == preset.row.get("ISSUER", preset.server.url)


@every_preset
def test_the_authorization_request_is_the_documented_one(preset, name):
    preset = preset(name)
    location = preset.visitor.start(name)["Location"]

    asked = dict(parse_qsl(urlsplit(location).query))

    dynamic = {"state", "redirect_uri"} | (
        {"code_challenge", "code_challenge_method"} if preset.case.pkce else set()
    )
    assert set(asked) >= dynamic
    client = {} if "appid" in asked or "client_key" in asked else {"client_id": CLIENT_ID}
    assert {key: value for key, value in asked.items() if key not in dynamic} == {
        "response_type": "code",
        **client,
        **preset.case.authorize,
    }
    assert urlsplit(location).fragment == preset.row.get("AUTHORIZATION_FRAGMENT", "")


@pytest.mark.threat("B15", "D17")
@every_preset
def test_the_code_is_exchanged_as_documented_and_once(preset, name):
    preset = preset(name)
    preset.sign_in()

    asked = [request for request in preset.server.requests if request.path.startswith("/token")]
    assert len(asked) == 1
    kind, expected = preset.case.token_request
    request, expected = asked[0], filled_in(expected, name)
    if kind == "query":
        sent = dict(parse_qsl(urlsplit(request.path).query))
    else:
        assert request.path == "/token"
        sent = json.loads(request.body) if kind == "json" else dict(parse_qsl(request.body))
    assert request.method == ("GET" if kind == "query" else "POST")
    verifier = sent.pop("code_verifier", None)
    assert bool(verifier) == preset.case.pkce
    if verifier:
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        assert digest == preset.asked["code_challenge"]
    if name == "vk":
        assert sent.pop("state") == preset.asked["state"]
    assert sent == expected
    assert request.headers.get("authorization") == preset.case.token_header
    assert request.headers["accept"] == "application/json"


@pytest.mark.threat("B15")
def test_secrets_are_in_a_query_only_where_a_provider_documents_no_other_way():
    rows = {name: providers.row(name) for name in CASES}
    codes = {name for name, row in rows.items() if row.get("TOKEN_REQUEST") == "query"}
    tokens = {name for name, row in rows.items() if row.get("USERINFO_TOKEN", "").startswith("query:")}

    assert codes == {"qq", "weixin"}
    assert tokens == {"weibo", "qq", "weixin", "baidu", "stackexchange"}


@pytest.mark.threat("B15")
@every_preset
def test_the_profile_is_asked_for_as_documented(preset, name):
    preset = preset(name)
    preset.sign_in()

    asked = [request for request in preset.server.requests if request.path.startswith("/userinfo")]
    assert len(asked) == ("USERINFO_ENDPOINT" in preset.row)
    for request in asked:
        assert f"{request.method} {request.path}" == preset.case.userinfo_request
        assert request.body == preset.case.userinfo_body
        carried = {key: value for key, value in request.headers.items() if TOKEN in value}
        assert carried == dict([preset.case.userinfo_header] if preset.case.userinfo_header else [])


@pytest.mark.threat("A23")
def test_who_cancels_at_qq_on_a_phone_is_calmly_back(preset, rows):
    preset = preset("qq")

    answer = preset.come_back(usercancel="1")

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert SignIn.objects.get().outcome == "access_denied"
    assert preset.server.requests == []
    assert rows() == (0, 0, 0)
