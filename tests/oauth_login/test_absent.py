"""What is not offered cannot be attacked: no other grants, no other pages, no secret in the database."""

import ast
import hashlib
import hmac
import io
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.apps import apps
from django.db import connection

import oauth_login
from oauth_login.models import Token
from tests.oauth_login.fake_github import CLIENT_SECRET

SOURCES = [ast.parse(path.read_text()) for path in Path(oauth_login.__file__).parent.rglob("*.py")]
MEGABYTES = 25 << 20


def said_in_the_package():
    """Return every text that the code of the package holds."""
    nodes = [node for tree in SOURCES for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def sent_as(name):
    """Return what the package ever puts under *name* into a message."""
    messages = [node for tree in SOURCES for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    pairs = [pair for message in messages for pair in zip(message.keys, message.values, strict=True)]
    return {ast.unparse(value) for key, value in pairs if key is not None and ast.unparse(key) == f"'{name}'"}


# --- Grants ------------------------------------------------------------------------------------------


@pytest.mark.threat("M06")
def test_codes_and_refresh_tokens_are_the_only_grants_there_is_code_for():
    assert sent_as("response_type") == {"'code'"}
    # DingTalk has another name for it, which is no other grant.
    # By NAVER's, a grant is given back.
    assert sent_as("grant_type") == {"'authorization_code'", "'refresh_token'", "'grantType'", "'delete'"}
    for text in said_in_the_package():
        assert "response_type=token" not in text
        assert "grant_type=password" not in text


@pytest.mark.threat("M06")
def test_a_password_is_neither_asked_for_nor_sent_on(visitor, github):
    for page in ("/oauth2/login/", "/oauth2/github/authorize/"):
        assert 'type="password"' not in visitor.get(page).content.decode()
    leaving = visitor.start(username="octocat", password="correct horse", grant_type="password")
    visitor.come_back(github.approve(leaving["Location"]) | {"password": "correct horse"})

    assert parse_qs(urlsplit(leaving["Location"]).query)["response_type"] == ["code"]
    (request,) = github.token_requests
    assert request["grant_type"] == "authorization_code"
    assert not {"username", "password"} & request.keys()


@pytest.mark.threat("M04")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("page", ["device", "device/code", "device_authorization", "activate", "connect"])
def test_no_device_is_signed_in_from_another_one(visitor, github, page, method):
    for path in (f"/oauth2/{page}/", f"/oauth2/github/{page}/"):
        answer = getattr(visitor, method)(path, {"user_code": "WDJB-MJHT"})

        assert answer.status_code == 404
    assert github.requests == []


@pytest.mark.threat("M04", "M05")
def test_there_is_no_code_for_devices():
    assert not [text for text in said_in_the_package() if "device_code" in text or "user_code" in text]


@pytest.mark.threat("M05")
@pytest.mark.parametrize("error", ["authorization_pending", "slow_down"])
def test_a_provider_that_wants_to_be_asked_again_is_not(visitor, github, refused, error):
    github.token = {"error": error, "interval": 0}

    refused(visitor, visitor.sign_in(github), 503, token_requests=1, sign_ins=1)
    assert github.api_requests == []


# --- Pages for machines ------------------------------------------------------------------------------


@pytest.mark.threat("GH24", "J13", "K04", "K21")
@pytest.mark.parametrize(
    "page", ["webhook", "hook", "events", "backchannel-logout", "frontchannel-logout", "logout"]
)
def test_no_message_of_a_providers_ends_a_session_or_a_grant(visitor, github, rows, page):
    visitor.sign_in(github)
    user, before = visitor.user, rows()
    body = json.dumps({"action": "revoked", "sender": {"id": github.user["id"]}}).encode()
    signature = hmac.new(b"", body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "github_app_authorization",
        "X-Hub-Signature-256": f"sha256={signature}",
    }

    for method in ("get", "post"):
        answer = visitor.generic(
            method.upper(), f"/oauth2/github/{page}/", body, "application/json", headers=headers
        )
        assert answer.status_code == 404
    assert (visitor.user, rows()) == (user, before)
    assert Token.objects.get().state == Token.State.ACTIVE


@pytest.mark.threat("J13")
def test_a_large_body_for_a_page_that_is_not_there_is_not_read(visitor, django_assert_num_queries):
    body = io.BytesIO(b"x" * MEGABYTES)

    with django_assert_num_queries(0):
        answer = visitor.generic(
            "POST",
            "/oauth2/github/webhook/",
            content_type="application/json",
            **{"wsgi.input": body, "CONTENT_LENGTH": str(MEGABYTES)},
        )

    assert answer.status_code == 404
    assert body.tell() == 0


# --- Secrets -----------------------------------------------------------------------------------------


@pytest.mark.threat("L02")
def test_no_model_has_a_place_for_the_clients_credentials():
    names = {
        field.name
        for model in apps.get_app_config("oauth_login").get_models()
        for field in model._meta.fields
    }

    assert names
    assert not [name for name in names if "client" in name or "secret" in name]


@pytest.mark.threat("L02")
def test_no_table_holds_the_client_secret_after_a_sign_in(visitor, github):
    visitor.sign_in(github)
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        kept = ""
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own tables
            kept += repr(cursor.fetchall())

    assert "octocat" in kept
    assert CLIENT_SECRET not in kept


# --- Words of the provider's -------------------------------------------------------------------------


@pytest.mark.threat("I17")
def test_a_button_says_what_the_settings_say_and_nothing_that_anybody_else_says(visitor, github, settings):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"LABEL": "Our GitHub"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": options}}
    spoof = dict.fromkeys(["service_name", "label", "LABEL", "provider", "client_name"], "Your Bank")
    github.token |= spoof
    github.user |= spoof

    pages = [
        visitor.get("/oauth2/login/", spoof),
        visitor.get("/oauth2/github/authorize/", spoof),
        visitor.come_back({"state": "forged", **spoof}),
    ]
    assert visitor.sign_in(github, **spoof).status_code == 302
    pages.append(visitor.get("/oauth2/", spoof))
    visitor.post("/oauth2/logout/")
    pages.append(visitor.get("/oauth2/login/"))

    for page in pages:
        assert "Our GitHub" in page.content.decode()
        assert "Your Bank" not in page.content.decode()


# --- One project, two hosts --------------------------------------------------------------------------


@pytest.mark.threat("L08")
def test_each_host_of_a_site_has_its_own_callback_url_and_any_other_host_none(new_visitor, github, settings):
    settings.ALLOWED_HOSTS = ["one.example", "two.example"]
    start = "/oauth2/github/authorize/"

    for host in settings.ALLOWED_HOSTS:
        visitor = new_visitor(headers={"host": host})
        answer = visitor.sign_in(github, next="/where/")

        assert (answer.status_code, answer["Location"]) == (302, "/where/")
        redirect_uri = github.token_requests[-1]["redirect_uri"]  # the fake compares it with the request's
        assert redirect_uri == f"http://{host}/oauth2/github/callback/"
        visitor.post("/oauth2/logout/")
    for host in ("three.example", "one.example.evil.example", "evil.one.example", "one.example@two.example"):
        answer = new_visitor().post(start, headers={"host": host})

        assert answer.status_code == 400
        assert "Location" not in answer.headers
