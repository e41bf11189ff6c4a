"""How the site proves who it is, and what it may be told about tenants, forms and signing out."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.oidc.fake_openid import (
    CLIENT_ID,
    CLIENT_SECRET,
    EC_KEY,
    ISSUER,
    RSA_KEYS,
    SUBJECT,
)

pytestmark = [pytest.mark.django_db, pytest.mark.provider]

TEMPLATE = f"{ISSUER}/{{tenantid}}"
TENANT_A, TENANT_B = "9188040d-6c67-4c5b-b112-36a304b66dad", "72f988bf-86f1-41af-91ab-2d7cd011db47"


@pytest.mark.parametrize(
    ("advertised", "way"),
    [
        (None, "basic"),
        (["client_secret_post"], "post"),
        (["client_secret_post", "client_secret_basic"], "basic"),
        ([7], "basic"),
        ("client_secret_post", "basic"),
    ],
    ids=repr,
)
def test_the_secret_is_sent_the_way_the_server_takes_it(openid, visitor, advertised, way):
    openid.configuration["token_endpoint_auth_methods_supported"] = advertised

    assert visitor.sign_in(openid, "acme").status_code == 302
    (form,) = openid.token_requests
    assert ("client_secret" in form) == (way == "post")


def test_a_secret_is_not_sent_to_a_server_that_takes_none(openid, visitor):
    openid.configuration["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]

    assert visitor.sign_in(openid, "acme").status_code == 503
    assert openid.token_requests == []


def test_a_server_that_takes_only_a_key_is_shown_the_key(openid, visitor, configure):
    configure(CLIENT_KEY=EC_KEY.pem)
    openid.client_public_key = EC_KEY.private.public_key()
    openid.configuration["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert "client_secret" not in openid.token_requests[0]


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_oidcc_client_test_client_secret_post_and_basic(openid, visitor, configure, method):
    configure(TOKEN_ENDPOINT_AUTH_METHOD=method)

    assert visitor.sign_in(openid, "acme").status_code == 302


def test_a_client_without_a_secret_needs_none(openid, visitor, configure):
    configure(TOKEN_ENDPOINT_AUTH_METHOD="none", without=["CLIENT_SECRET"])

    assert visitor.sign_in(openid, "acme").status_code == 302
    (form,) = openid.token_requests
    assert form["client_id"] == CLIENT_ID
    assert form.keys().isdisjoint({"client_secret", "client_assertion"})


@pytest.mark.parametrize("key", [RSA_KEYS[1], EC_KEY], ids=["RS256", "ES256"])
@pytest.mark.parametrize("by_path", [False, True], ids=["text", "path"])
def test_a_client_proves_itself_by_its_key(openid, visitor, configure, key, by_path, tmp_path):
    (tmp_path / "key.pem").write_text(key.pem)
    configure(
        TOKEN_ENDPOINT_AUTH_METHOD="private_key_jwt",
        CLIENT_KEY=str(tmp_path / "key.pem") if by_path else key.pem,
        without=["CLIENT_SECRET"],
    )
    openid.client_public_key = key.private.public_key()

    assert visitor.sign_in(openid, "acme").status_code == 302

    (form,) = openid.token_requests
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert openid.proof["iss"] == openid.proof["sub"] == CLIENT_ID
    assert openid.proof["aud"] == f"{ISSUER}/token"
    assert openid.proof["exp"] - time.time() <= 60
    first = openid.proof["jti"]
    visitor.post(reverse("oauth_login:logout"))
    visitor.sign_in(openid, "acme")
    assert openid.proof["jti"] != first


def test_apples_secret_is_a_token_that_the_team_signs(openid, visitor, configure):
    configure(TEAM_ID="TEAM", KEY_ID="KEY", CLIENT_KEY=EC_KEY.pem, without=["CLIENT_SECRET"])
    openid.client_public_key = EC_KEY.private.public_key()

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert (openid.proof["iss"], openid.proof["sub"], openid.proof["aud"]) == ("TEAM", CLIENT_ID, ISSUER)


# --- Servers of many tenants


@pytest.fixture
def tenants(openid):
    """A server that describes all of its tenants in one document, and each in one of its own."""
    openid.configuration["issuer"] = TEMPLATE
    openid.answers = {
        **{
            f"/{place}/.well-known/openid-configuration": lambda _: openid.configuration
            for place in ("common", "organizations")
        },
        **{
            f"/{place}/.well-known/openid-configuration": lambda _, tenant=tenant: (
                openid.configuration | {"issuer": f"{ISSUER}/{tenant}"}
            )
            for place, tenant in ((TENANT_A, TENANT_A), (TENANT_B, TENANT_B), ("consumers", TENANT_A))
        },
    }
    openid.claims = {"iss": f"{ISSUER}/{TENANT_A}", "tid": TENANT_A}
    return openid


@pytest.mark.threat("E37")
def test_who_is_of_a_tenant_that_is_listed_may_sign_in(tenants, visitor, configure):
    configure(ISSUER=TEMPLATE, TENANTS=[TENANT_A])

    assert visitor.sign_in(tenants, "acme").status_code == 302
    assert LinkedAccount.objects.get().issuer == f"{ISSUER}/{TENANT_A}"


@pytest.mark.threat("E37")
@pytest.mark.parametrize(
    ("listed", "place"),
    [
        ([TENANT_A], TENANT_A),
        ([TENANT_A, TENANT_B], "common"),
        ([TENANT_B], TENANT_B),
        ([TENANT_B, "another"], "organizations"),
    ],
    ids=["personal", "both", "work", "work of two"],
)
def test_the_way_in_is_as_wide_as_the_tenants_listed(tenants, visitor, configure, listed, place):
    configure(ISSUER=TEMPLATE, TENANTS=listed)
    tenants.claims = {"iss": f"{ISSUER}/{listed[0]}", "tid": listed[0]}

    assert visitor.sign_in(tenants, "acme").status_code == 302
    assert LinkedAccount.objects.get().issuer == f"{ISSUER}/{listed[0]}"
    assert tenants.hits(f"/{place}/.well-known/openid-configuration") == 1


@pytest.mark.threat("E37")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": f"{ISSUER}/{TENANT_B}", "tid": TENANT_B},
        {"iss": f"{ISSUER}/{TENANT_B}", "tid": TENANT_A},
        {"iss": f"{ISSUER}/{TENANT_A}", "tid": TENANT_B},
        {"iss": TEMPLATE, "tid": "{tenantid}"},
        {"iss": f"{ISSUER}/{TENANT_A}", "tid": None},
        {"iss": f"{ISSUER}/{TENANT_A}", "tid": [TENANT_A]},
    ],
    ids=["another", "another's issuer", "another's name", "the template", "none", "a list"],
)
def test_who_is_of_another_tenant_is_refused(tenants, rejected, configure, claims):
    configure(ISSUER=TEMPLATE, TENANTS=[TENANT_A])
    tenants.claims = claims

    rejected("id_token_invalid")


@pytest.mark.threat("E37", "B06")
@pytest.mark.parametrize(
    ("issuer", "status"),
    [
        (f"{ISSUER}/{TENANT_A}", 302),
        (f"{ISSUER}/{TENANT_B}", 400),
        (f"{ISSUER}/{{tenant}}", 400),
        (ISSUER, 400),
    ],
)
def test_a_response_may_come_from_a_tenant_that_is_listed(tenants, visitor, configure, issuer, status):
    configure(ISSUER=TEMPLATE, TENANTS=[TENANT_A])

    query = tenants.approve(visitor.start("acme")["Location"], iss=issuer)

    assert visitor.come_back(query, "acme").status_code == status


@pytest.mark.threat("E28", "E37")
@pytest.mark.parametrize("issuer", [TEMPLATE, f"{ISSUER}/{TENANT_B}"])
def test_the_document_of_one_tenant_names_that_tenant(tenants, visitor, configure, issuer):
    configure(ISSUER=TEMPLATE, TENANTS=[TENANT_A])
    document = {**tenants.configuration, "issuer": issuer}
    tenants.answers = {f"/{TENANT_A}/.well-known/openid-configuration": lambda _: document}

    assert visitor.start("acme").context["code"] == "discovery_invalid"


@pytest.mark.threat("E37")
def test_of_many_tenants_none_is_trusted_unless_it_is_listed(tenants, visitor, configure):
    configure(ISSUER=TEMPLATE)

    assert visitor.start("acme").status_code == 503
    assert tenants.requests == []


@pytest.mark.threat("E37")
def test_one_tenant_is_an_issuer_like_any_other(tenants, visitor, configure):
    configure(ISSUER=TEMPLATE, TENANT=TENANT_A)

    assert visitor.sign_in(tenants, "acme").status_code == 302


@pytest.mark.threat("E37")
def test_an_address_out_of_another_tenant_leads_to_no_account_of_its_owner(
    tenants, visitor, configure, django_user_model
):
    victim = django_user_model.objects.create(username="victim", email="victim@example.com")
    configure(ISSUER=TEMPLATE, TENANTS=[TENANT_B])
    tenants.claims = {
        "iss": f"{ISSUER}/{TENANT_B}",
        "tid": TENANT_B,
        "email": victim.email,
        "email_verified": ...,
    }

    visitor.sign_in(tenants, "acme")

    assert visitor.user != victim


# --- Answers by form (OAuth 2.0 Form Post Response Mode)


@pytest.fixture
def by_form(openid, configure):
    configure(RESPONSE_MODE="form_post")
    return openid


def post(visitor, fields, alias="acme", query=""):
    return visitor.post(reverse("oauth_login:callback", args=[alias]) + query, fields)


def test_a_form_is_taken_to_the_same_place_by_get(by_form, visitor, new_visitor):
    location = visitor.start("acme", next="/somewhere/")["Location"]
    assert parse_qs(urlsplit(location).query)["response_mode"] == ["form_post"]
    answer = by_form.approve(location, user='{"name": "not carried"}', id_token="nor this")
    without_cookies = new_visitor(enforce_csrf_checks=True)

    seen = post(without_cookies, answer)

    assert seen.status_code == 303
    assert seen["Location"].startswith(reverse("oauth_login:callback", args=["acme"]) + "?")
    assert parse_qs(urlsplit(seen["Location"]).query).keys() == {"code", "state"}
    assert "no-store" in seen["Cache-Control"]
    assert without_cookies.cookies == {}
    assert by_form.hits("/token") == 0
    end = visitor.get(seen["Location"])
    assert (end.status_code, end["Location"]) == (302, "/somewhere/")


def test_a_form_that_was_answered_is_not_answered_again(by_form, visitor, new_visitor):
    answer = by_form.approve(visitor.start("acme")["Location"])
    visitor.get(post(visitor, answer)["Location"])

    other = new_visitor()
    assert other.get(post(other, answer)["Location"]).status_code == 400
    assert by_form.hits("/token") == 1


@pytest.mark.threat("A21")
@pytest.mark.parametrize("alias", ["acme", "github"])
def test_a_form_to_a_provider_that_sends_none_is_refused(openid, visitor, alias):
    answer = openid.approve(visitor.start("acme")["Location"])

    assert post(visitor, answer, alias).status_code == 405
    assert post(visitor, answer, alias, query="?code=x").status_code == 405
    assert openid.hits("/token") == 0


@pytest.mark.threat("A21")
def test_oidcc_client_test_form_post_error(by_form, visitor):
    state = parse_qs(urlsplit(visitor.start("acme")["Location"]).query)["state"][0]

    seen = post(visitor, {"error": "access_denied", "error_description": "No.", "state": state})
    end = visitor.get(seen["Location"])

    assert seen.status_code == 303
    assert end.status_code == 302
    assert end["Location"].startswith(reverse("oauth_login:login"))
    assert SignIn.objects.get().outcome == "access_denied"


@pytest.mark.threat("A21")
@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"code": ["a", "b"], "state": "x"}, ""),
        ({"code": "a" * 5_000, "state": "x"}, ""),
        ({"code": "a\0", "state": "x"}, ""),
        ({"code": "a", "state": "x"}, "?state=y"),
    ],
    ids=["repeated", "long", "odd", "in the URL, too"],
)
def test_a_form_that_says_too_much_is_refused(by_form, visitor, fields, query):
    answer = post(visitor, fields, query=query)

    assert answer.status_code == 400
    assert "oauth_login/refusal.html" in [template.name for template in answer.templates]


def test_a_form_for_nobody_is_refused(by_form, visitor):
    assert post(visitor, {"code": "a"}, "nobody").status_code == 404


# --- Signing out there, too (OpenID Connect RP-Initiated Logout 1.0)


def sign_out(visitor, **fields):
    return visitor.post(reverse("oauth_login:logout"), fields)


@pytest.mark.threat("K20")
def test_rp_init_logout(openid, visitor, configure):
    configure(SIGN_OUT=True)
    visitor.sign_in(openid, "acme")

    location = sign_out(visitor, next="https://evil.example/")["Location"]

    endpoint, _, query = location.partition("?")
    asked = parse_qs(query)
    assert endpoint == f"{ISSUER}/logout"
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["post_logout_redirect_uri"] == ["http://testserver/"]
    assert len(asked["state"][0]) >= 43
    assert visitor.user is None
    assert "evil.example" not in location
    assert "id_token_hint" not in asked


@pytest.mark.threat("K20")
@pytest.mark.parametrize("query", ["", "?state=another", "?state=a&state=b"])
def test_rp_init_logout_no_state_and_other_state(openid, visitor, configure, query):
    configure(SIGN_OUT=True)
    visitor.sign_in(openid, "acme")
    sign_out(visitor)

    assert visitor.get("/" + query).status_code == 200
    assert visitor.user is None


def test_an_endpoint_with_a_query_keeps_it(openid, visitor, configure):
    configure(SIGN_OUT=True, END_SESSION_ENDPOINT=f"{ISSUER}/logout?realm=x")
    visitor.sign_in(openid, "acme")

    assert sign_out(visitor)["Location"].startswith(f"{ISSUER}/logout?realm=x&client_id=")


def test_signing_out_here_alone_is_the_default(openid, visitor):
    visitor.sign_in(openid, "acme")

    assert sign_out(visitor, next="/somewhere/")["Location"] == "/somewhere/"


def test_a_provider_that_has_no_place_to_sign_out_is_left_alone(openid, visitor, configure):
    configure(SIGN_OUT=True)
    del openid.configuration["end_session_endpoint"]
    visitor.sign_in(openid, "acme")

    assert sign_out(visitor)["Location"] == "/"


def test_a_provider_that_is_down_keeps_nobody_signed_in(openid, visitor, configure):
    visitor.sign_in(openid, "acme")
    configure(SIGN_OUT=True, ISSUER=f"{ISSUER}/gone")
    openid.answers = {"/gone/.well-known/openid-configuration": lambda _: (500, {}, b"")}

    assert sign_out(visitor)["Location"] == "/"
    assert visitor.user is None


def test_a_provider_that_the_site_no_longer_has_is_left_alone(openid, visitor, settings):
    visitor.sign_in(openid, "acme")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {}}

    assert sign_out(visitor)["Location"] == "/"


def test_no_secret_is_in_a_url_or_a_log(openid, visitor, configure, caplog):
    configure(TOKEN_ENDPOINT_AUTH_METHOD="client_secret_post", SIGN_OUT=True)
    openid.answers = {
        "/token": lambda request: {"error": "invalid_client", "error_description": request.body}
    }
    visitor.sign_in(openid, "acme")

    assert CLIENT_SECRET not in caplog.text
    assert SUBJECT not in caplog.text
