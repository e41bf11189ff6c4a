"""Kinds of clients that a server lets a site be, and what the site expects of the server then."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from oauth_login.models import LinkedAccount
from tests.interop.servers import CALLBACK, SITE


@pytest.fixture(scope="module")
def key():
    """The client's own key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(key):
    """Return what is published of it (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    n, e = (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()
        for number in (numbers.n, numbers.e)
    )
    return {"kty": "RSA", "kid": "of-the-site", "alg": "RS256", "use": "sig", "n": n, "e": e}


@pytest.fixture
def registered(oidc_provider, site):
    """A way to have the site know the server as a client of a certain kind."""

    def register(metadata, **changes):
        client = oidc_provider.register(redirect_uris=[CALLBACK], **metadata)
        known = {"CLIENT_ID": client["client_id"], "CLIENT_SECRET": client.get("client_secret")}
        site(oidc_provider, **known, **changes)
        return oidc_provider

    return register


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_the_site_proves_who_it_is_in_every_way_that_settings_name(visitor, registered, method):
    oidc = registered({"token_endpoint_auth_method": method}, TOKEN_ENDPOINT_AUTH_METHOD=method)

    visitor.sign_in(oidc, "acme")

    assert visitor.user.get_username() == "ada"


def test_the_site_proves_who_it_is_with_a_key_of_its_own(visitor, registered, key):
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    oidc = registered(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [published(key)]}},
        CLIENT_KEY=pem.decode(),
        KEY_ID="of-the-site",
        TOKEN_ENDPOINT_AUTH_METHOD="private_key_jwt",
    )

    visitor.sign_in(oidc, "acme")

    assert visitor.user.get_username() == "ada"


def test_another_algorithm_is_fine_if_the_settings_name_it(visitor, registered):
    oidc = registered({"id_token_signed_response_alg": "ES256"}, ID_TOKEN_SIGNED_RESPONSE_ALG="ES256")

    visitor.sign_in(oidc, "acme")

    assert visitor.user.get_username() == "ada"


@pytest.mark.threat("E15")
def test_another_algorithm_is_refused_although_the_server_really_signed_with_it(visitor, refused, registered):
    oidc = registered({"id_token_signed_response_alg": "ES256"})

    answer = visitor.sign_in(oidc, "acme")

    refused(visitor, answer, 502, "id_token_invalid")


@pytest.mark.threat("E27")
def test_a_signed_userinfo_that_was_not_asked_for_is_refused(visitor, refused, registered):
    oidc = registered({"userinfo_signed_response_alg": "RS256"})

    answer = visitor.sign_in(oidc, "acme")

    refused(visitor, answer, 502, "userinfo_signed")


@pytest.mark.threat("E33")
def test_a_recent_sign_in_that_the_site_insists_on_is_told_by_the_server(visitor, oidc_provider, site):
    site(oidc_provider, AUTHORIZATION_PARAMS={"max_age": "60"})

    visitor.sign_in(oidc_provider, "acme")

    assert visitor.user.get_username() == "ada"


def test_who_wants_no_more_than_an_identity_does_not_ask_userinfo(visitor, oidc_provider, site):
    site(oidc_provider, SCOPE="openid")

    visitor.come_back(oidc_provider.approve(visitor.start("acme")["Location"]), "acme")

    assert oidc_provider.asked() == ["POST /token", "GET /jwks"]
    assert LinkedAccount.objects.get().email == ""


@pytest.mark.threat("A21")
def test_an_answer_by_form_arrives_without_cookies_and_ends_in_a_sign_in(
    visitor, new_visitor, site, oidc_provider
):
    site(oidc_provider, RESPONSE_MODE="form_post")
    form = oidc_provider.approve_by_form(visitor.start("acme", next="/there/")["Location"])

    # A form of another site brings no cookie that is SameSite=Lax: this POST is like anybody's.
    sent_on = new_visitor().post("/oauth2/acme/callback/", form)
    arriving = visitor.get(sent_on["Location"])

    assert form.keys() == {"code", "state", "iss"}
    assert sent_on.status_code == 303
    assert arriving["Location"] == "/there/"
    assert visitor.user.get_username() == "ada"


def test_who_signs_out_of_the_site_signs_out_there_too(visitor, server, site):
    site(server, SIGN_OUT=True)
    visitor.sign_in(server, "acme")

    leaving = visitor.post("/oauth2/logout/")
    back = server.sign_out(leaving["Location"])

    assert visitor.user is None
    assert back.partition("?")[0] == SITE
    visitor.sign_in(server, "acme")
    assert server.person.passwords == 2


@pytest.mark.threat("K18")
@pytest.mark.django_db(transaction=True)
def test_who_signs_out_there_is_signed_out_here_and_nobody_else_is(
    visitor, new_visitor, registered, live_server, settings
):
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    here = live_server.url.replace("localhost", "127.0.0.1")
    wishes = {
        "backchannel_logout_uri": f"{here}/oauth2/acme/backchannel-logout/",
        "backchannel_logout_session_required": True,
        "post_logout_redirect_uris": [SITE],
    }
    server = registered(wishes, BACKCHANNEL_LOGOUT=True, SIGN_OUT=True)
    visitor.sign_in(server, "acme")
    leaving = visitor.post("/oauth2/logout/")["Location"]
    visitor.sign_in(server, "acme")
    with server.somebody_new():
        elsewhere = new_visitor()
        elsewhere.sign_in(server, "acme")
        assert visitor.user == elsewhere.user is not None
        server.sign_out(leaving)

    assert elsewhere.user is None
    assert visitor.user is not None


def test_a_wrong_secret_is_the_sites_mistake_and_signs_nobody_in(visitor, refused, server, site):
    site(server, CLIENT_SECRET="mistyped")

    answer = visitor.come_back(server.approve(visitor.start("acme")["Location"]), "acme")

    refused(visitor, answer, 503, "provider_misconfigured")


def test_an_issuer_that_is_not_what_the_server_says_starts_nothing(visitor, refused, server, site):
    site(server, ISSUER=f"{server.issuer}/")

    answer = visitor.start("acme")

    refused(visitor, answer, 503, "discovery_invalid")
    assert visitor.attempt_cookies() == {}
