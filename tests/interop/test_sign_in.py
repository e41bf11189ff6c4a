"""Whole sign-ins through servers that others wrote: what they check, we pass, and what they say, we check."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount
from tests.interop.servers import CALLBACK

DISCOVERY = "GET /.well-known/openid-configuration"


def changed(location, **changes):
    """Return the authorization request with other parameters, as somebody in between would have it."""
    url = urlsplit(location)
    parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
    return url._replace(query=urlencode(parameters | changes)).geturl()


def test_a_visitor_signs_in_with_the_account_they_have_there(visitor, acme):
    leaving = visitor.start("acme", next="/#write")
    arriving = visitor.come_back(acme.approve(leaving["Location"]), "acme")

    assert (arriving.status_code, arriving["Location"]) == (302, "/#write")
    account = LinkedAccount.objects.get(user=visitor.user)
    assert (account.provider, account.issuer) == ("acme", acme.issuer)
    assert account.username == visitor.user.get_username() == "ada"
    assert account.name == "ada of Acme"
    assert (account.email, account.email_verified) == ("ada@acme.example", True)


def test_who_comes_back_another_day_is_the_same_user(visitor, new_visitor, acme):
    visitor.sign_in(acme, "acme")
    again = new_visitor()
    with acme.somebody_new():
        again.sign_in(acme, "acme")

    assert again.user == visitor.user
    assert get_user_model().objects.count() == 1


def test_pkce_and_a_nonce_are_sent_and_nothing_secret(visitor, acme):
    sent = parse_qs(urlsplit(visitor.start("acme")["Location"]).query)

    assert sent["code_challenge_method"] == ["S256"]
    assert {"code_challenge", "nonce", "state"} < sent.keys()
    assert not {"code_verifier", "client_secret"} & sent.keys()


def test_the_first_sign_in_asks_for_everything_once_and_the_next_for_the_code_alone(
    visitor, new_visitor, oidc
):
    start = visitor.start("acme")
    assert oidc.asked() == [DISCOVERY]
    visitor.come_back(oidc.approve(start["Location"]), "acme")
    assert oidc.asked() == ["POST /token", "GET /jwks", "GET /me"]

    again = new_visitor()
    start = again.start("acme")
    assert oidc.asked() == []
    again.come_back(oidc.approve(start["Location"]), "acme")
    assert oidc.asked() == ["POST /token", "GET /me"]


def test_userinfo_is_not_asked_for_what_the_id_token_says(visitor, new_visitor, toolkit, site):
    site(toolkit)
    start = visitor.start("acme")
    assert toolkit.asked() == ["GET /o/.well-known/openid-configuration"]
    visitor.come_back(toolkit.approve(start["Location"]), "acme")
    assert toolkit.asked() == ["POST /o/token/", "GET /o/.well-known/jwks.json"]

    again = new_visitor()
    again.come_back(toolkit.approve(again.start("acme")["Location"]), "acme")
    assert toolkit.asked() == ["POST /o/token/"]


def test_who_says_no_there_is_back_at_the_sign_in_page(visitor, oidc):
    answer = visitor.come_back(oidc.refuse(visitor.start("acme")["Location"]), "acme")

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert oidc.asked() == []
    assert visitor.user is None


@pytest.mark.threat("B07")
def test_a_no_without_the_issuer_that_was_promised_is_anybodys(visitor, refused, toolkit, site):
    # It promises the issuer in its metadata, and leaves it out of its errors (RFC 9207 §2 has it in both).
    site(toolkit)

    answer = visitor.come_back(toolkit.refuse(visitor.start("acme")["Location"]), "acme")

    refused(visitor, answer, 400, "issuer_missing")


@pytest.mark.threat("B04")
def test_the_server_refuses_a_code_whose_challenge_was_not_ours(visitor, refused, acme):
    location = changed(visitor.start("acme")["Location"], code_challenge="x" * 43)

    answer = visitor.come_back(acme.approve(location), "acme")

    refused(visitor, answer, 400, "code_rejected")


@pytest.mark.threat("E01")
def test_an_id_token_with_another_nonce_is_refused(visitor, refused, acme):
    location = changed(visitor.start("acme")["Location"], nonce="somebody-elses")

    answer = visitor.come_back(acme.approve(location), "acme")

    refused(visitor, answer, 502, "id_token_invalid")


@pytest.mark.threat("B07")
@pytest.mark.parametrize(
    ("iss", "code"), [("", "issuer_missing"), ("&iss=https://evil.example", "issuer_mismatch")]
)
def test_an_answer_without_the_issuer_that_was_promised_or_with_another_is_refused(
    visitor, acme, refused, iss, code
):
    query = acme.approve(visitor.start("acme")["Location"])
    named = parse_qs(query)
    without = urlencode({"code": named["code"][0], "state": named["state"][0]})

    answer = visitor.come_back(without + iss, "acme")

    refused(visitor, answer, 400, code)
    assert acme.asked() == []
    assert visitor.come_back(query, "acme").status_code == 302


def test_a_code_that_another_client_was_given_is_refused(visitor, refused, oidc):
    another = oidc.register(redirect_uris=[CALLBACK], client_name="Another site")
    location = changed(visitor.start("acme")["Location"], client_id=another["client_id"])

    answer = visitor.come_back(oidc.approve(location), "acme")

    refused(visitor, answer, 400, "code_rejected")
    assert oidc.asked() == ["POST /token"]


def test_a_code_is_spent_once_and_a_reload_goes_on_calmly(visitor, acme):
    query = acme.approve(visitor.start("acme", next="/there/")["Location"])
    visitor.come_back(query, "acme")
    acme.asked()

    assert visitor.come_back(query, "acme")["Location"] == "/there/"
    assert acme.asked() == []


@pytest.mark.threat("E30")
def test_a_key_that_changes_between_start_and_callback_is_found(visitor, new_visitor, oidc):
    visitor.sign_in(oidc, "acme")  # the old key is known now
    again = new_visitor()
    location = again.start("acme")["Location"]
    oidc.change_keys()

    answer = again.come_back(oidc.approve(location), "acme")

    assert answer.status_code == 302
    assert again.user == visitor.user
    assert oidc.asked() == ["POST /token", "GET /jwks", "GET /me"]


@pytest.mark.threat("E17")
def test_keys_that_change_faster_than_is_believed_are_not_run_after(visitor, new_visitor, oidc):
    visitor.sign_in(oidc, "acme")
    oidc.change_keys()
    new_visitor().sign_in(oidc, "acme")
    oidc.change_keys()
    oidc.asked()
    third = new_visitor()

    answer = third.sign_in(oidc, "acme")

    assert answer.status_code == 502
    assert answer.context["code"] == "id_token_key_unknown"
    assert third.user is None
    assert oidc.asked() == ["POST /token"]
