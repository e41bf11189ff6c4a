"""How settings have a profile asked for, and whose it has to be."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from oauth_login.models import LinkedAccount
from tests.oauth_login.definitions.forge import TOKEN, code_of

pytestmark = pytest.mark.provider


@pytest.mark.parametrize("client", ["another-client", None, 7, ["the-client"]], ids=str)
def test_a_token_of_another_client_is_refused(site, client):
    site.define(
        IDENTITY_ENDPOINT="https://forge.example/me",
        IDENTITY_CLIENT="client.id",
        USERINFO_PARAMS={"id": "{identity.id}"},
    )
    site.say(me={"id": "7", "client": {"id": client}})

    assert code_of(site.sign_in()) == "token_audience_wrong"
    assert site.requests("/user") == []


def test_an_identity_step_may_say_no_more_than_an_id(site):
    site.define(
        IDENTITY_ENDPOINT="https://forge.example/me",
        USERINFO_ENDPOINT=...,
        CLAIMS={"sub": "identity.id"},
    )
    site.say(me={"id": "7"})

    assert site.sign_in().status_code == 302
    assert LinkedAccount.objects.get().subject == "7"


@pytest.mark.threat("F01")
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"uid": "7", "who": {"id": 7}}, ""),
        ({"uid": 7, "who": {"id": "7"}}, ""),
        ({"uid": "7", "who": {"id": "8"}}, "userinfo_of_another"),
        ({"uid": "7", "who": {"id": None}}, "userinfo_of_another"),
        ({"uid": "7", "who": {"id": [7]}}, "userinfo_of_another"),
        ({"uid": "7"}, "userinfo_of_another"),
        ({"uid": None, "who": {"id": ""}}, "profile_refused"),
        ({}, "profile_refused"),
    ],
    ids=str,
)
def test_a_profile_repeats_whose_it_is_where_the_settings_say_so(site, rows, told, code):
    site.define(USERINFO_ROOT="data", USERINFO_MATCHES={"who.id": "{token.uid}"})
    site.say(token={**TOKEN, "uid": told.get("uid")}, user={"data": {"id": 7, **told}})
    answer = site.sign_in()

    assert answer.status_code == 302 if not code else code_of(answer) == code
    assert rows() == ((1, 1, 1) if not code else (0, 0, 0))


def test_a_profile_cannot_pretend_to_be_the_answers_before_it(site):
    site.define(CLAIMS={"sub": "token.uid"})
    site.say(token={**TOKEN, "uid": "7"}, user={"token": {"uid": "8"}, "identity": {"uid": "9"}})

    site.sign_in()
    assert LinkedAccount.objects.get().subject == "7"


def test_a_listed_address_is_verified_only_by_what_it_says(site):
    listed = [{"email": "a@example.com", "ok": False}, {"email": "b@example.com", "ok": True}]
    site.define(EMAILS_ENDPOINT="https://forge.example/emails", EMAILS_WHERE={"ok": True})
    site.say(emails=listed)
    site.sign_in()
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("b@example.com", True)


def test_a_list_that_says_nothing_of_addresses_proves_none(site):
    site.define(EMAILS_ENDPOINT="https://forge.example/emails")
    site.say(emails=[{"email": "a@example.com"}])
    site.sign_in()
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("a@example.com", False)


@pytest.mark.parametrize("value", [1, "true", [1], None], ids=repr)
def test_a_list_proves_an_address_by_the_very_value_that_is_wanted(site, value):
    site.define(EMAILS_ENDPOINT="https://forge.example/emails", EMAILS_WHERE={"verified": True})
    site.say(emails=[{"email": "a@example.com", "verified": value}])
    site.sign_in()
    assert LinkedAccount.objects.get().email == ""


def test_a_version_may_be_a_header(site):
    site.define(USERINFO_HEADERS={"X-Version": "2026-01-01"}, USERINFO_TOKEN="header:X-Token")
    site.sign_in()

    (asked,) = site.requests("/user")
    assert (asked.headers["x-version"], asked.headers["x-token"]) == ("2026-01-01", "the-token")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("carrier", "sent"),
    [
        ("Bearer", ("GET", {}, "")),
        ("header:X-Token", ("GET", {}, "")),
        ("query:t", ("GET", {"t": "the-token"}, "")),
        ("form:t", ("POST", {}, "t=the-token")),
    ],
)
def test_every_endpoint_is_asked_with_the_headers_and_the_token_where_it_belongs(site, carrier, sent):
    site.define(
        USERINFO_HEADERS={"X-Version": "2026-01-01"},
        USERINFO_TOKEN=carrier,
        IDENTITY_ENDPOINT="https://forge.example/identity",
        EMAILS_ENDPOINT="https://forge.example/emails",
    )
    site.say(identity={}, emails=[])
    site.sign_in()

    for place in ("identity", "user", "emails"):
        (asked,) = site.requests(f"/{place}")
        assert asked.headers["x-version"] == "2026-01-01"
        assert (asked.method, dict(parse_qsl(urlsplit(asked.path).query)), asked.body) == sent


def test_a_token_among_the_parameters_is_in_json_where_the_profile_is_asked_for_so(site):
    site.define(USERINFO_TOKEN="form:t", USERINFO_REQUEST="json")
    site.sign_in()

    (asked,) = site.requests("/user")
    assert (asked.method, asked.path, json.loads(asked.body)) == ("POST", "/user", {"t": "the-token"})


def test_a_query_that_an_endpoint_has_already_is_kept(site):
    site.define(
        USERINFO_ENDPOINT="https://forge.example/user?v=2", USERINFO_PARAMS={"a": "b&c", "left_out": ""}
    )
    site.sign_in()

    (asked,) = site.requests("/user")
    assert asked.path == "/user?v=2&a=b%26c"
