"""The servers do what the sign-ins through them are to be trusted with: they check, and they can change."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
import requests

from oauth_login import conf
from oauth_login.errors import TokenRequestError
from tests.interop.person import PATIENCE
from tests.interop.servers import CALLBACK, SITE

VERIFIER = secrets.token_urlsafe(32)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def request_to(server, **changes):
    """Return an authorization request as a client writes it."""
    parameters = {
        "response_type": "code",
        "client_id": server.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    given = {name: value for name, value in parameters.items() if value}
    return f"{server.metadata()['authorization_endpoint']}?{urlencode(given)}"


def post(server, endpoint, **fields):
    """Send a request as the client does, which signs it with its secret."""
    return requests.post(endpoint, fields, auth=(server.client_id, server.client_secret), timeout=PATIENCE)


def exchange(server, code, **changes):
    """Trade the code in."""
    fields = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | changes
    return post(server, server.metadata()["token_endpoint"], grant_type="authorization_code", **fields)


def tokens_from(server):
    """Return what a sign-in yields."""
    (code,) = parse_qs(server.approve(request_to(server)))["code"]
    answer = exchange(server, code)
    assert answer.status_code == 200, answer.text
    return answer.json()


def revocation_endpoint(server):
    """Return it from the discovery document, or from RFC 8414's, where the toolkit has it."""
    found = server.metadata().get("revocation_endpoint")
    if found:
        return found
    authorization_server = f"{server.issuer}/.well-known/oauth-authorization-server"
    return requests.get(authorization_server, timeout=PATIENCE).json()["revocation_endpoint"]


def test_discovery_names_the_issuer_and_what_is_promised(server):
    metadata = server.metadata()

    assert metadata["issuer"] == server.issuer
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "end_session_endpoint" in metadata


def test_who_approves_comes_back_with_a_code_the_state_and_the_issuer(server):
    query = parse_qs(server.approve(request_to(server)))

    assert query.pop("code")
    assert query == {"state": ["the-state"], "iss": [server.issuer]}


def test_who_refuses_comes_back_with_an_error_and_no_code(server):
    query = parse_qs(server.refuse(request_to(server)))

    assert query["error"] == ["access_denied"]
    assert query["state"] == ["the-state"]
    assert "code" not in query


def test_a_request_without_pkce_is_refused(server):
    query = parse_qs(server.approve(request_to(server, code_challenge="", code_challenge_method="")))

    assert query["error"] == ["invalid_request"]


def test_a_code_is_worth_tokens_once(server):
    (code,) = parse_qs(server.approve(request_to(server)))["code"]

    assert {"access_token", "id_token", "refresh_token"} <= exchange(server, code).json().keys()
    assert exchange(server, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"code_verifier": "x" * 43}, {"redirect_uri": f"{CALLBACK}?a=b"}])
def test_a_wrong_verifier_and_another_redirect_uri_are_refused(server, changes):
    (code,) = parse_qs(server.approve(request_to(server)))["code"]

    answer = exchange(server, code, **changes)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "invalid_request"}


def subject_of(tokens):
    """Return whose ID Token it is."""
    return jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"]


def test_a_refresh_token_is_worth_new_tokens_once(server, site):
    site(server)
    tokens = tokens_from(server)
    acme, subject = conf.provider("acme"), subject_of(tokens)

    first = acme.refresh(tokens["refresh_token"], subject=subject, known={"issuer": server.issuer})

    assert first.access_token != tokens["access_token"]
    assert first.refresh_token not in {"", tokens["refresh_token"]}
    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        acme.refresh(tokens["refresh_token"], subject=subject)


def test_a_grant_is_given_back_and_its_tokens_are_worth_nothing(server, site):
    site(server, REVOCATION_ENDPOINT=revocation_endpoint(server))
    userinfo_endpoint = server.metadata()["userinfo_endpoint"]
    tokens = tokens_from(server)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    before = requests.get(userinfo_endpoint, headers=bearer, timeout=PATIENCE)
    acme, held = conf.provider("acme"), {name: tokens[name] for name in ("access_token", "refresh_token")}

    assert [acme.revoke(**held), acme.revoke(**held)] == [True, True]

    after = requests.get(userinfo_endpoint, headers=bearer, timeout=PATIENCE)
    assert before.json()["email"] == "ada@acme.example"
    assert [before.status_code, after.status_code] == [200, 401]
    with pytest.raises(TokenRequestError, match="refresh_rejected"):
        acme.refresh(held["refresh_token"], subject=subject_of(tokens))


def test_who_signs_out_is_sent_back_and_asked_who_they_are_the_next_time(server):
    parameters = {
        "id_token_hint": tokens_from(server)["id_token"],
        "post_logout_redirect_uri": SITE,
        "state": "goodbye",
    }

    server.approve(request_to(server))
    assert server.person.passwords == 1

    back = server.sign_out(f"{server.metadata()['end_session_endpoint']}?{urlencode(parameters)}")

    assert back == f"{SITE}?state=goodbye"
    server.approve(request_to(server))
    assert server.person.passwords == 2


def test_keys_change_at_once_and_completely(oidc_provider):
    def published():
        return {key["kid"] for key in requests.get(jwks_uri, timeout=PATIENCE).json()["keys"]}

    jwks_uri = oidc_provider.metadata()["jwks_uri"]
    before = published()

    oidc_provider.change_keys()

    assert before
    assert before.isdisjoint(published())


def test_a_client_can_be_registered_for_any_way_to_prove_itself(oidc_provider):
    client = oidc_provider.register(redirect_uris=[CALLBACK], token_endpoint_auth_method="client_secret_post")

    assert client["client_secret"]
    assert client["token_endpoint_auth_method"] == "client_secret_post"
