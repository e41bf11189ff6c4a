"""A grant of an OpenID provider is renewed for the same person only, and given back where the server says."""

import time
from urllib.parse import parse_qsl

import pytest

from oauth_login import conf
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
    ReauthorizationRequired,
    TokenRequestError,
)
from oauth_login.models import LinkedAccount, Token
from tests.names import found_here
from tests.oauth_login.http_server import Server
from tests.oauth_login.oidc.fake_openid import (
    CLIENT_ID,
    EC_KEY,
    ISSUER,
    MISSING,
    RSA_KEYS,
    SUBJECT,
    at_hash,
)

pytestmark = pytest.mark.provider


@pytest.fixture
def refresh(openid):
    """Renew a grant of the person that the tests are about."""

    def renewed(refresh_token=None, **known):
        token = refresh_token or openid.new_refresh_token()
        return conf.provider("acme").refresh(token, subject=SUBJECT, known=known)

    return renewed


def revoke(access_token="at-1", refresh_token="rt-1"):
    """Give a grant back."""
    return conf.provider("acme").revoke(access_token=access_token, refresh_token=refresh_token)


def revocations(openid):
    """Return the forms of the revocation requests so far, oldest first."""
    return [dict(parse_qsl(request.body)) for request in openid.requests if request.path == "/revoke"]


def answering(status=200, body=b"", **headers):
    """Return an answer to any request, as ``answers`` has it."""
    return lambda _: (status, headers, body)


# --- Refresh


@pytest.mark.django_db
def test_a_visitor_who_grants_offline_access_brings_a_refresh_token(openid, configure, visitor):
    configure(SCOPE="openid offline_access")

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert len(openid.refresh_tokens) == 1


@pytest.mark.threat("H17")
def test_a_grant_is_renewed_in_one_request_and_the_refresh_token_replaced(openid, refresh):
    old = openid.new_refresh_token()

    token = refresh(old)

    assert openid.token_requests == [{"grant_type": "refresh_token", "refresh_token": old}]
    assert token.access_token == openid.access_token
    assert {token.refresh_token} == openid.refresh_tokens
    assert (token.scope, token.expires_in) == (None, 300)


def test_an_answer_needs_no_id_token(openid, refresh):
    openid.renewal = {"id_token": MISSING, "refresh_token": MISSING}

    assert refresh().refresh_token == ""
    assert openid.hits("/jwks") == 0


@pytest.mark.threat("H18")
def test_a_used_refresh_token_is_a_dead_grant(refresh):
    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        refresh("used-before")


@pytest.mark.parametrize(
    ("method", "said", "key"),
    [
        ("private_key_jwt", {}, RSA_KEYS[1]),
        ("client_secret_post", {"TEAM_ID": "TEAM", "KEY_ID": "KEY"}, EC_KEY),
    ],
    ids=["private_key_jwt", "apple"],
)
def test_a_client_that_signs_proves_itself_anew_each_time(openid, configure, method, said, key):
    configure(TOKEN_ENDPOINT_AUTH_METHOD=method, CLIENT_KEY=key.pem, without=["CLIENT_SECRET"], **said)
    openid.client_public_key = key.private.public_key()
    acme = conf.provider("acme")

    token = acme.refresh(openid.new_refresh_token(), subject=SUBJECT)
    proofs = [openid.proof["jti"]]
    acme.revoke(access_token=token.access_token, refresh_token="")
    proofs.append(openid.proof["jti"])

    assert openid.proof["sub"] == CLIENT_ID
    assert len(set(proofs)) == 2
    assert openid.hits("/revoke") == 1


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
def test_a_client_proves_itself_as_it_does_with_a_code(openid, configure, refresh, method):
    configure(TOKEN_ENDPOINT_AUTH_METHOD=method)

    refresh()

    (form,) = openid.token_requests
    assert form["client_id"] == CLIENT_ID
    assert ("client_secret" in form) == (method == "client_secret_post")


@pytest.mark.threat("E40")
@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "somebody-else"},
        {"sub": MISSING},
        {"iss": "https://elsewhere.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"azp": "another-client"},
        {"iat": 1},
        {"exp": 1},
        {"at_hash": at_hash("another token")},
    ],
    ids=repr,
)
def test_an_id_token_of_another_is_refused_loudly(openid, refresh, claims):
    openid.claims = claims

    with pytest.raises(ProviderResponseError) as refusal:
        refresh()

    assert refusal.value.code == "refresh_identity_changed"
    assert refusal.value.detail in {*claims, "azp"}


@pytest.mark.django_db
@pytest.mark.threat("E40")
@pytest.mark.parametrize("who", [SUBJECT, "somebody-else"])
def test_an_account_is_given_a_token_of_its_own_person_only(openid, configure, visitor, who):
    configure(SCOPE="openid offline_access")
    visitor.sign_in(openid, "acme")
    Token.objects.update(expires_at=0)
    openid.claims = {"sub": who}

    account = LinkedAccount.objects.get()
    if who == SUBJECT:
        assert account.access_token() == openid.access_token
        return
    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert Token.objects.get().reason == "refresh_identity_changed"


@pytest.mark.threat("E40")
def test_an_id_token_that_nobody_signed_is_refused(openid, refresh):
    openid.signer = RSA_KEYS[1]
    openid.header = {"kid": RSA_KEYS[0].kid}

    with pytest.raises(ProviderResponseError, match="id_token_invalid"):
        refresh()


@pytest.mark.threat("E40")
def test_a_nonce_is_not_asked_for_again_and_nor_is_a_new_sign_in(openid, configure, refresh):
    configure(AUTHORIZATION_PARAMS={"max_age": "60"})
    openid.claims = {"auth_time": int(time.time()) - 86400}

    assert refresh().access_token == openid.access_token


@pytest.mark.threat("E40")
def test_the_issuer_of_the_account_is_the_one_that_is_compared(openid, refresh):
    assert refresh(issuer=ISSUER).access_token == openid.access_token

    with pytest.raises(ProviderResponseError, match="refresh_identity_changed"):
        refresh(issuer=f"{ISSUER}/another-tenant")


@pytest.mark.threat("H17")
def test_a_rotated_token_is_not_lost_because_the_keys_are_away(openid, refresh):
    openid.answers["/jwks"] = answering(503)

    assert {refresh().refresh_token} == openid.refresh_tokens


@pytest.mark.threat("E40")
def test_another_person_is_refused_although_the_keys_are_away(openid, refresh):
    openid.answers["/jwks"] = answering(503)
    openid.claims = {"sub": "somebody-else"}

    with pytest.raises(ProviderResponseError, match="refresh_identity_changed"):
        refresh()


@pytest.mark.threat("D10")
@pytest.mark.parametrize(
    ("endpoint", "ask"), [("token_endpoint", "refresh"), ("revocation_endpoint", "revoke")]
)
def test_no_grant_is_shown_to_a_neighbour_of_the_sites(openid, refresh, endpoint, ask):
    with Server() as canary, found_here({("internal.example", 443): canary.port}):
        openid.configuration[endpoint] = "https://internal.example/x"
        with pytest.raises(ProviderResponseError, match="address_refused"):
            refresh() if ask == "refresh" else revoke()

    assert canary.requests == []


# --- Revocation


@pytest.mark.threat("H25")
def test_both_tokens_are_given_back_where_discovery_says(openid):
    assert conf.provider("acme").can_revoke
    assert revoke() is True

    assert revocations(openid) == [
        {"token": "rt-1", "token_type_hint": "refresh_token"},
        {"token": "at-1", "token_type_hint": "access_token"},
    ]


def test_what_there_is_none_of_is_not_given_back(openid):
    assert revoke(refresh_token="") is True
    assert revoke("", "") is False

    assert [form["token"] for form in revocations(openid)] == ["at-1"]


def test_a_server_that_takes_nothing_back_is_sent_nothing(openid):
    del openid.configuration["revocation_endpoint"]

    assert not conf.provider("acme").can_revoke
    assert revoke() is False
    assert openid.hits("/revoke") == 0


@pytest.mark.threat("H25")
@pytest.mark.parametrize(
    "answer",
    [
        (200, b""),
        (204, b""),
        (200, b"<p>done</p>"),
        (200, b"{}"),
        (400, b'{"error": "invalid_token"}'),
        (400, b'{"error": "invalid_grant"}'),
    ],
)
def test_a_token_that_the_server_does_not_know_is_gone(openid, answer):
    openid.answers["/revoke"] = answering(*answer)

    assert revoke() is True


@pytest.mark.threat("H25")
def test_one_kind_of_token_may_be_all_that_a_server_takes_back(openid):
    def refuse_access_tokens(request):
        if "rt-1" in request.body:
            return 200, {}, b""
        return 400, {}, b'{"error": "unsupported_token_type"}'

    openid.answers["/revoke"] = refuse_access_tokens

    assert revoke() is True
    with pytest.raises(ProviderMisconfigured, match="unsupported_token_type"):
        revoke(refresh_token="")


@pytest.mark.threat("H25")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, b""), ProviderUnavailable),
        ((429, b""), RateLimited),
        ((400, b'{"error": "temporarily_unavailable"}'), ProviderUnavailable),
        ((400, b""), ProviderMisconfigured),
        ((401, b'{"error": "invalid_client"}'), ProviderMisconfigured),
        ((403, b""), ProviderMisconfigured),
        ((400, b'{"error": {"code": 1}}'), ProviderMisconfigured),
        ((200, b'{"error": "invalid_request"}'), ProviderMisconfigured),
        ((404, b""), ProviderResponseError),
    ],
)
def test_a_revocation_that_fails_is_reported(openid, answer, kind):
    openid.answers["/revoke"] = answering(*answer)

    with pytest.raises(kind):
        revoke()

    assert openid.hits("/revoke") == 1


@pytest.mark.threat("H25")
def test_a_server_that_is_down_says_when_to_come_again(openid):
    openid.answers["/revoke"] = answering(503, Retry_After="11")

    with pytest.raises(ProviderUnavailable) as refusal:
        revoke()

    assert refusal.value.retry_after == 11
