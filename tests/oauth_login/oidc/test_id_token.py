"""The ID Token: everything that Core §3.1.3.7 says about it, through the real views."""

import base64
import hmac
import json
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import cache
from django.urls import reverse

from oauth_login import providers
from oauth_login.documents import MEMORY
from oauth_login.errors import ProviderResponseError
from oauth_login.models import LinkedAccount
from oauth_login.oauth2 import TokenResponse
from tests.oauth_login.oidc.fake_openid import (
    CLIENT_ID,
    CLIENT_SECRET,
    EC_KEY,
    ISSUER,
    MISSING,
    RSA_KEYS,
    SUBJECT,
    at_hash,
)

pytestmark = [pytest.mark.django_db, pytest.mark.provider]


def part(value):
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def nonce_of(start):
    return parse_qs(urlsplit(start["Location"]).query)["nonce"][0]


def test_who_signs_in_is_who_the_id_token_says(openid, visitor):
    answer = visitor.sign_in(openid, "acme", next="/somewhere/")

    assert (answer.status_code, answer["Location"]) == (302, "/somewhere/")
    account = LinkedAccount.objects.get()
    assert (account.issuer, account.subject, account.username) == (ISSUER, SUBJECT, "jane")
    assert (account.name, account.email, account.email_verified) == ("Jane Doe", "jane@op.example", True)
    assert account.picture == f"{ISSUER}/jane.png"


@pytest.mark.parametrize(("prompt", "sent"), [("select_account", ["select_account"]), ("none", [])])
def test_a_choice_of_accounts_is_all_that_a_visitor_may_wish_for(openid, visitor, prompt, sent):
    location = visitor.start("acme", prompt=prompt, max_age="0", response_mode="query")["Location"]
    query = parse_qs(urlsplit(location).query)

    assert query.get("prompt", []) == sent
    assert query.keys().isdisjoint({"max_age", "response_mode"})


def test_a_warm_sign_in_asks_the_provider_once(openid, visitor, new_visitor):
    visitor.sign_in(openid, "acme")
    openid.requests.clear()

    new_visitor().sign_in(openid, "acme")

    assert [request.path for request in openid.requests] == ["/token"]


@pytest.mark.threat("E01")
def test_oidcc_client_test_nonce_invalid(openid, rejected):
    openid.claims = {"nonce": "x"}

    rejected("id_token_invalid")


@pytest.mark.threat("E01")
def test_no_two_starts_have_the_same_nonce(openid, visitor, unlimited):
    nonces = {nonce_of(visitor.start("acme")) for _ in range(100)}

    assert len(nonces) == 100
    assert all(len(nonce) >= 43 for nonce in nonces)


def test_a_provider_that_is_known_to_repeat_no_nonce_need_not(openid, visitor, configure):
    configure(PRESET="linkedin")
    openid.claims = {"nonce": MISSING}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E02")
@pytest.mark.parametrize(
    "nonce", [MISSING, None, "", 7, ["x"]], ids=["missing", "null", "empty", "int", "list"]
)
def test_an_id_token_without_the_nonce_is_refused(openid, rejected, nonce):
    openid.claims = {"nonce": nonce}

    rejected("id_token_invalid")


@pytest.mark.threat("E03", "E35")
def test_a_nonce_of_another_browser_or_attempt_is_refused(openid, rejected, new_visitor):
    openid.claims = {"nonce": nonce_of(new_visitor().start("acme"))}

    rejected("id_token_invalid")


@pytest.mark.threat("E35")
def test_an_id_token_that_was_captured_cannot_be_used_again(openid, rejected, new_visitor):
    captured = RSA_KEYS[0].sign(openid.new_claims(nonce_of(new_visitor().start("acme"))))
    openid.id_token = captured

    rejected("id_token_invalid")


@pytest.mark.threat("E04")
def test_no_claim_or_header_relaxes_a_check(openid, rejected):
    openid.claims = {"nonce": MISSING, "nonce_supported": False}

    rejected("id_token_invalid")


@pytest.mark.threat("E04", "E21")
@pytest.mark.parametrize(
    "header",
    [
        {"b64": False},
        {"b64": True},
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": "x"},
        {"crit": ["b64"], "b64": True},
    ],
    ids=str,
)
def test_a_header_that_demands_what_nobody_knows_is_refused(openid, rejected, header):
    openid.id_token = lambda nonce: signed(
        {"alg": "RS256", "kid": "rsa-0", **header}, openid.new_claims(nonce)
    )

    rejected("id_token_invalid")


def signed(header, claims):
    """Sign what PyJWT would not."""
    text = f"{part(header)}.{part(claims)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{text}.{part(algorithm.sign(text.encode(), RSA_KEYS[0].private))}"


@pytest.mark.threat("E05")
@pytest.mark.parametrize(
    "issuer",
    [
        "https://evil.example",
        MISSING,
        None,
        f"{ISSUER}/",
        "https://OP.example",
        "https://op",
        f"{ISSUER}.evil.example",
        [ISSUER],
        "",
        "http://op.example",
    ],
    ids=repr,
)
def test_oidcc_client_test_invalid_iss(openid, rejected, issuer):
    openid.claims = {"iss": issuer}

    rejected("id_token_invalid")


def test_a_token_longer_than_anybody_needs_is_refused_though_it_is_signed(openid, rejected):
    openid.claims = {"padding": "x" * 16_384}

    rejected("id_token_invalid")


@pytest.mark.threat("E06")
@pytest.mark.parametrize(
    "audience",
    [
        MISSING,
        None,
        "",
        "other",
        CLIENT_ID[:-1],
        f"{CLIENT_ID}2",
        ["other"],
        [],
        {"a": 1},
        [CLIENT_ID, 7],
        [CLIENT_ID, ["x"]],
    ],
    ids=repr,
)
def test_oidcc_client_test_invalid_aud_and_missing_aud(openid, rejected, audience):
    openid.claims = {"aud": audience}

    rejected("id_token_invalid")


@pytest.mark.threat("E07")
def test_an_audience_that_nobody_trusts_is_refused(openid, rejected):
    openid.claims = {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}

    rejected("id_token_invalid")


@pytest.mark.threat("E07")
def test_valid_aud_as_array(openid, visitor):
    openid.claims = {"aud": [CLIENT_ID]}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E07")
def test_an_audience_that_the_site_lists_is_trusted(openid, visitor, configure):
    configure(AUDIENCES=["project"])
    openid.claims = {"aud": [CLIENT_ID, "project"], "azp": CLIENT_ID}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E08")
@pytest.mark.parametrize(
    "claims",
    [{"azp": "other"}, {"azp": None}, {"aud": [CLIENT_ID, "project"]}],
    ids=["another", "null", "several audiences"],
)
def test_whoever_else_asked_for_it_is_refused(openid, rejected, configure, claims):
    configure(AUDIENCES=["project"])
    openid.claims = claims

    rejected("id_token_invalid")


@pytest.mark.threat("E09")
@pytest.mark.parametrize("expiry", [MISSING, None, 1, "9999999999", True, [1], {}, 1.5, -1], ids=repr)
def test_an_id_token_that_is_over_or_never_ends_is_refused(openid, rejected, expiry):
    openid.claims = {"exp": expiry}

    rejected("id_token_invalid")


@pytest.mark.threat("E09", "E38")
@pytest.mark.parametrize("number", ["NaN", "1e400", "-Infinity", "9" * 30, "9" * 5000])
def test_an_expiry_that_is_no_number_of_json_is_refused(openid, rejected, number):
    openid.id_token = lambda nonce: RSA_KEYS[0].sign(
        json.dumps(openid.new_claims(nonce) | {"exp": "here"}).replace('"here"', number).encode()
    )

    rejected("id_token_invalid")


@pytest.mark.threat("E10")
@pytest.mark.parametrize(
    "issued",
    [MISSING, "now", lambda now: now + 90, lambda now: now - 1_000_000, lambda now: now - 660, True],
    ids=["missing", "string", "future", "weeks", "eleven minutes", "bool"],
)
def test_oidcc_client_test_missing_iat_and_others(openid, rejected, issued):
    openid.claims = {"iat": issued(int(time.time())) if callable(issued) else issued}

    rejected("id_token_invalid")


@pytest.mark.threat("E11")
@pytest.mark.parametrize(
    "subject",
    [MISSING, None, "", 7, ["a"], True, "a" * 256, "é", "a\0b", {"a": "b"}],
    ids=["missing", "null", "empty", "int", "list", "bool", "long", "not ascii", "nul", "object"],
)
def test_oidcc_client_test_missing_sub_and_others(openid, rejected, subject):
    openid.claims = {"sub": subject}

    rejected("id_token_invalid")


@pytest.mark.threat("E11")
def test_a_subject_of_255_characters_is_one(openid, visitor):
    openid.claims = {"sub": "a" * 255}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E12")
@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", None], ids=repr)
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_oidcc_client_test_idtoken_sig_none(openid, rejected, algorithm, signature):
    openid.id_token = lambda nonce: f"{part({'alg': algorithm})}.{part(openid.new_claims(nonce))}.{signature}"

    rejected("id_token_invalid")


def spellings_of_the_public_key():
    key = RSA_KEYS[0].private.public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"pem": pem, "pem, stripped": pem.strip(), "der": der, "jwk": json.dumps(RSA_KEYS[0].jwk).encode()}


def hmac_signed(claims, secret, **header):
    text = f"{part({'alg': 'HS256', **header})}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), 'sha256'))}"


@pytest.mark.threat("E13")
@pytest.mark.parametrize("spelling", ["pem", "pem, stripped", "der", "jwk"])
def test_the_public_key_is_no_secret_to_sign_with(openid, rejected, spelling):
    secret = spellings_of_the_public_key()[spelling]
    openid.id_token = lambda nonce: hmac_signed(openid.new_claims(nonce), secret)

    rejected("id_token_invalid")


@pytest.mark.threat("E14")
@pytest.mark.parametrize(
    "secret", [CLIENT_SECRET.encode(), b"", b"published"], ids=["client", "empty", "oct"]
)
def test_oidcc_client_test_invalid_sig_hs256(openid, rejected, secret):
    openid.keys.append({"kty": "oct", "k": part(b"published"), "alg": "HS256", "kid": "oct"})
    openid.id_token = lambda nonce: hmac_signed(openid.new_claims(nonce), secret, kid="oct")

    rejected("id_token_invalid")


@pytest.mark.threat("E14")
def test_a_shared_secret_signs_where_the_site_says_so(openid, visitor, configure):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="HS256")
    openid.id_token = lambda nonce: hmac_signed(openid.new_claims(nonce), CLIENT_SECRET.encode())

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert openid.hits("/jwks") == 0


@pytest.mark.threat("E14", "E13")
def test_where_a_secret_is_shared_no_key_signs(openid, rejected, configure):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="HS256")

    rejected("id_token_invalid")


@pytest.mark.threat("E14")
@pytest.mark.parametrize("header", [{"kid": "x"}, {}], ids=["with a name", "without"])
def test_another_secret_signs_nothing(openid, rejected, configure, header):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="HS256")
    openid.id_token = lambda nonce: hmac_signed(openid.new_claims(nonce), b"guessed" * 5, **header)

    rejected("id_token_invalid")


def profile_signed_with(secret, claims):
    """Return who signs in at a site that holds *secret*, of whose settings nobody has asked anything."""
    acme = providers.build(
        "acme",
        {
            "ISSUER": ISSUER,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": secret,
            "SCOPE": "openid",
            "ID_TOKEN_SIGNED_RESPONSE_ALG": "HS256",
            **dict.fromkeys(("AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT", "JWKS_URI"), f"{ISSUER}/there"),
        },
        None,  # there is nobody to ask
    )
    answer = {"access_token": "t", "token_type": "bearer", "id_token": hmac_signed(claims, secret.encode())}
    return acme.fetch_profile(TokenResponse.from_answer(200, answer), nonce=claims["nonce"])


def test_a_secret_as_long_as_the_hash_verifies_what_it_signed(openid):
    assert profile_signed_with("s" * 32, openid.new_claims("x")).subject == SUBJECT


@pytest.mark.threat("E14", "A26")
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # the library does no more
@pytest.mark.parametrize("length", [31, 1, 0])
def test_a_secret_that_can_be_guessed_verifies_nothing_though_no_check_was_asked(openid, length):
    with pytest.raises(ProviderResponseError, match="signature"):
        profile_signed_with("s" * length, openid.new_claims("x"))


@pytest.mark.threat("E14", "A26")
def test_nobody_is_sent_anywhere_for_a_token_that_a_short_secret_would_verify(openid, visitor, configure):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="HS256", CLIENT_SECRET="s" * 31)

    answer = visitor.start("acme")

    assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")
    assert openid.requests == []


@pytest.mark.threat("E15")
def test_oidcc_client_test_invalid_sig_es256(openid, rejected):
    openid.keys.append(EC_KEY.jwk)
    openid.signer = EC_KEY

    rejected("id_token_invalid")


@pytest.mark.threat("E15")
@pytest.mark.parametrize("algorithm", ["PS256", "RS384", "RS1"])
def test_a_good_key_with_another_algorithm_is_refused(openid, rejected, algorithm):
    openid.id_token = lambda nonce: signed({"alg": algorithm, "kid": "rsa-0"}, openid.new_claims(nonce))

    rejected("id_token_invalid")


@pytest.mark.threat("E15")
def test_the_registered_algorithm_is_accepted(openid, visitor, configure):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="ES256")
    openid.keys = [EC_KEY.jwk]
    openid.signer = EC_KEY

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E16")
@pytest.mark.parametrize("place", [0, 1, 2], ids=["header", "payload", "signature"])
def test_oidcc_client_test_invalid_sig_rs256(openid, rejected, place):
    def changed(nonce):
        parts = RSA_KEYS[0].sign(openid.new_claims(nonce)).split(".")
        octets = bytearray(base64.urlsafe_b64decode(parts[place] + "=="))
        octets[10] ^= 1
        parts[place] = part(bytes(octets))
        return ".".join(parts)

    openid.id_token = changed

    rejected("id_token_invalid")


@pytest.mark.threat("E20")
@pytest.mark.parametrize("kid", ["rsa-0", "../../etc/passwd", "' OR 1=1 --"])
def test_a_key_that_the_token_brings_along_is_not_used(openid, visitor, rows, canary, kid):
    own = RSA_KEYS[1]
    header = {"jwk": own.jwk, "jku": canary.url, "x5u": canary.url, "x5c": ["MIIB"], "kid": kid}
    openid.id_token = lambda nonce: own.sign(openid.new_claims(nonce), **header)

    assert visitor.sign_in(openid, "acme").status_code == 502
    assert visitor.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("E22")
@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "secevent+jwt", 7, None])
def test_a_token_of_another_type_is_refused(openid, rejected, kind):
    openid.id_token = lambda nonce: signed(
        {"alg": "RS256", "kid": "rsa-0", "typ": kind}, openid.new_claims(nonce)
    )

    rejected("id_token_invalid")


@pytest.mark.threat("E22")
def test_a_logout_token_is_no_id_token(openid, rejected):
    openid.claims = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}

    rejected("id_token_invalid")


@pytest.mark.threat("E22")
@pytest.mark.parametrize(
    "text",
    [
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        '{"payload":"x","signatures":[]}',
        "x" * 100_000,
        "ä.b.c",
        "a..c",
        "a b.c.d",
    ],
    ids=["two", "four", "jwe", "json", "huge", "letters", "empty", "space"],
)
def test_what_is_no_compact_token_is_refused(openid, rejected, text):
    openid.id_token = text

    rejected("id_token_invalid")


@pytest.mark.threat("E22")
@pytest.mark.parametrize("header", [b"{", b"[]", b'"x"', b"\xff", b'{"alg":"RS256","alg":"none"}'], ids=repr)
def test_a_header_that_is_no_strict_json_object_is_refused(openid, rejected, header):
    openid.id_token = f"{part(header)}.{part({})}.AAAA"

    rejected("id_token_invalid")


def test_a_part_that_no_bytes_are_written_so_is_refused(openid, rejected):
    openid.id_token = "a.b.c"

    rejected("id_token_invalid")


@pytest.mark.threat("E23")
@pytest.mark.parametrize("wrong", ["x", None, 7, "é"])
def test_oidcc_client_test_invalid_athash(openid, rejected, wrong):
    openid.claims = {"at_hash": wrong}

    rejected("id_token_invalid")


@pytest.mark.threat("E23")
def test_the_hash_of_the_access_token_is_accepted(openid, visitor):
    openid.claims = {"at_hash": at_hash(openid.access_token)}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E24")
@pytest.mark.parametrize(
    ("token", "code"),
    [
        (MISSING, "id_token_missing"),
        ("", "id_token_missing"),
        ([], "id_token_missing"),
        (["x"], "id_token_invalid"),
        (7, "id_token_invalid"),
    ],
    ids=["null", "empty", "empty list", "list", "number"],
)
def test_a_token_answer_without_an_id_token_is_refused(openid, rejected, token, code):
    openid.id_token = token

    rejected(code)


@pytest.mark.threat("E33")
@pytest.mark.parametrize("since", [MISSING, 3600, 130], ids=["absent", "an hour", "past the skew"])
def test_who_was_to_sign_in_again_and_did_not_is_refused(openid, rejected, configure, since):
    configure(AUTHORIZATION_PARAMS={"max_age": "60"})
    openid.claims = {"auth_time": since if since is MISSING else int(time.time()) - since}

    rejected("id_token_invalid")


@pytest.mark.threat("E33")
@pytest.mark.parametrize(
    ("asked", "claims", "status"),
    [
        ({"prompt": "login"}, {}, 502),
        ({"prompt": "consent login"}, {"auth_time": -3_600}, 502),
        ({"prompt": "login"}, {"auth_time": -5}, 302),
        ({"prompt": "consent"}, {}, 302),
        ({"prompt": "login"}, {"auth_time": -130}, 502),
        ({"prompt": "login"}, {"auth_time": -50}, 302),
        ({"claims": '{"id_token": {"auth_time": {"essential": true}}}'}, {}, 502),
        ({"claims": '{"id_token": {"auth_time": {"essential": true}}}'}, {"auth_time": -9_999}, 302),
        ({"claims": '{"id_token": {"auth_time": {"essential": false}, "acr": null}}'}, {}, 302),
        ({"claims": '{"id_token": null}'}, {}, 302),
        ({"claims": '{"id_token": {"acr": {"essential": true}}}'}, {}, 502),
        ({"claims": '{"id_token": {"acr": {"essential": true}}}'}, {"acr": "any"}, 302),
        ({"claims": '{"id_token": {"acr": {"values": ["gold", 7]}}}'}, {"acr": "bronze"}, 502),
        ({"claims": '{"id_token": {"acr": {"values": ["gold", 7]}}}'}, {"acr": "gold"}, 302),
        ({"claims": '{"id_token": {"acr": {"value": "gold"}}}'}, {"acr": "bronze"}, 502),
        ({"claims": '{"id_token": {"acr": {"value": "gold"}}}'}, {"acr": "gold"}, 302),
        ({"acr_values": "gold silver"}, {}, 502),
        ({"acr_values": "gold silver"}, {"acr": "bronze"}, 502),
        ({"acr_values": "gold silver"}, {"acr": ["gold"]}, 502),
        ({"acr_values": "gold silver"}, {"acr": "silver"}, 302),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["parameters", "endpoint"])
def test_what_is_demanded_is_checked(openid, visitor, configure, asked, claims, status, place):
    if place == "parameters":
        configure(AUTHORIZATION_PARAMS=asked)
    else:
        openid.configuration["authorization_endpoint"] += f"?{urlencode(asked)}"
    moved = {"auth_time": int(time.time()) + claims["auth_time"]} if "auth_time" in claims else {}
    openid.claims = claims | moved
    query = urlsplit(visitor.start("acme")["Location"]).query

    answer = visitor.come_back(openid.approve(f"{openid.authorization_endpoint}?{query}"), "acme")

    assert answer.status_code == status


@pytest.mark.threat("E33")
@pytest.mark.parametrize(
    "query",
    [
        *("max_age=abc", "max_age=-1", "request_uri=x", "response_mode=form_post", "response_mode=fragment"),
        *("response_type=token", "nonce=n", "state=s", "redirect_uri=x", "code_challenge=c", "scope=a"),
        "response_mode=form_post&response_mode=query",
    ],
)
def test_an_address_of_the_servers_own_from_which_no_answer_could_be_believed_stops_the_start(
    openid, visitor, query
):
    openid.configuration["authorization_endpoint"] += f"?{query}"
    answer = visitor.start("acme")

    assert (answer.status_code, answer.context["code"]) == (503, "discovery_invalid")
    assert visitor.attempt_cookies() == {}


def test_a_query_of_the_servers_own_that_does_no_harm_is_kept(openid, visitor):
    openid.configuration["authorization_endpoint"] += "?tenant=a&response_mode=query"

    assert "?tenant=a&response_mode=query&" in visitor.start("acme")["Location"]


@pytest.mark.threat("E33")
def test_an_address_that_changes_while_the_visitor_is_away_is_checked_again(openid, visitor):
    query = openid.approve(visitor.start("acme")["Location"])
    openid.configuration["authorization_endpoint"] += "?max_age=soon"
    cache.clear()
    MEMORY.clear()

    answer = visitor.come_back(query, "acme")

    assert (answer.status_code, answer.context["code"]) == (503, "discovery_invalid")


@pytest.mark.threat("E33")
@pytest.mark.parametrize(
    "demand",
    [
        {"acr_values": "gold"},
        {"request": "x"},
        {"claims": "7"},
        {"claims": '{"id_token":{"acr":{"values":"x"}}}'},
    ],
    ids=str,
)
def test_demands_that_no_answer_could_meet_are_refused_and_not_left_unchecked(
    openid, visitor, configure, demand
):
    configure(AUTHORIZATION_PARAMS={"acr_values": "silver"})
    openid.configuration["authorization_endpoint"] += f"?{urlencode(demand)}"
    openid.claims = {"acr": "silver"}

    answer = visitor.start("acme")

    assert (answer.status_code, answer.context["code"]) == (503, "discovery_invalid")


@pytest.mark.threat("E33")
def test_a_new_sign_in_counts_from_when_the_visitor_left(openid, visitor, configure, time_machine):
    configure(AUTHORIZATION_PARAMS={"prompt": "login"})
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    location = visitor.start("acme")["Location"]
    openid.claims = {"auth_time": int(time.time()) + 5}
    time_machine.shift(500)  # at the page that asks for consent

    assert visitor.come_back(openid.approve(location), "acme").status_code == 302


@pytest.mark.threat("E33")
@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"prompt": "login"}, ["0"]),
        ({"prompt": "login", "max_age": "60"}, ["60"]),
        ({"prompt": "consent"}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["parameters", "an endpoint of the site's", "the server's"])
def test_a_server_that_is_to_ask_again_is_to_say_when_it_did(openid, visitor, configure, asked, sent, place):
    if place == "parameters":
        configure(AUTHORIZATION_PARAMS=asked)
    elif place == "the server's":
        openid.configuration["authorization_endpoint"] += f"?{urlencode(asked)}"
    else:
        configure(AUTHORIZATION_ENDPOINT=f"{openid.authorization_endpoint}?{urlencode(asked)}")

    query = parse_qs(urlsplit(visitor.start("acme")["Location"]).query)

    assert query.get("max_age", []) == sent


@pytest.mark.threat("E33")
def test_who_has_just_signed_in_is_accepted(openid, visitor, configure):
    configure(AUTHORIZATION_PARAMS={"max_age": "60"})
    openid.claims = {"auth_time": int(time.time()) - 5}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E34")
@pytest.mark.parametrize("verified", ["true", "false", 1, None, MISSING, [True]], ids=repr)
def test_an_address_is_verified_only_by_the_json_value_true(openid, visitor, verified):
    openid.claims = {"email_verified": verified}

    visitor.sign_in(openid, "acme")

    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("jane@op.example", False)
    assert account.user.email == ""


@pytest.mark.parametrize("address", ["not an address", 7, "a@b\n", "é" * 300 + "@x"])
def test_what_is_no_address_is_not_kept(openid, visitor, address):
    openid.claims = {"email": address}

    visitor.sign_in(openid, "acme")

    assert LinkedAccount.objects.get().email == ""


@pytest.mark.threat("E36")
def test_the_same_subject_of_two_issuers_is_two_people(openid, visitor, new_visitor, configure):
    visitor.sign_in(openid, "acme")
    configure(ISSUER=f"{ISSUER}/other")
    openid.configuration |= {"issuer": f"{ISSUER}/other"}
    openid.answers = {"/other/.well-known/openid-configuration": lambda _: openid.configuration}
    openid.claims = {"iss": f"{ISSUER}/other", "email": "another@op.example"}
    other = new_visitor()

    assert other.sign_in(openid, "acme").status_code == 302
    assert visitor.user != other.user


@pytest.mark.threat("E38")
@pytest.mark.parametrize(
    "extra",
    [
        b'"sub":"b",',
        b'"x":' + b"[" * 40 + b"]" * 40 + b",",
        b'"x":' + b"9" * 25 + b",",
        b'"x":NaN,',
        b'"x":Infinity,',
        b'"x":"\\ud800",',
        b'"x":"\xff",',
    ],
    ids=["repeated", "deep", "huge", "nan", "infinity", "surrogate", "utf-8"],
)
def test_an_id_token_that_two_parsers_could_read_as_two_is_refused(openid, rejected, extra):
    def made(nonce):
        return RSA_KEYS[0].sign(b"{" + extra + json.dumps(openid.new_claims(nonce)).encode()[1:])

    openid.id_token = made

    rejected("id_token_invalid")


@pytest.mark.threat("E41")
@pytest.mark.parametrize(
    "claims",
    [
        lambda now: {"exp": now - 55},
        lambda now: {"iat": now + 55},
        lambda now: {"nbf": now + 55},
        lambda now: {"iat": now - 590},
    ],
    ids=["exp", "iat", "nbf", "old"],
)
def test_clocks_may_differ_by_a_minute(openid, visitor, claims):
    openid.claims = claims(int(time.time()))

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E41")
@pytest.mark.parametrize(
    "claims",
    [
        lambda now: {"exp": now - 61},
        lambda now: {"iat": now + 66},
        lambda now: {"nbf": now + 66},
        lambda now: {"iat": now - 601},
    ],
    ids=["exp", "iat", "nbf", "old"],
)
def test_clocks_may_differ_by_no_more_than_a_minute(openid, rejected, claims):
    openid.claims = claims(int(time.time()))

    rejected("id_token_invalid")


def test_a_moment_may_have_a_fraction(openid, visitor):
    """RFC 7519 §2: a NumericDate is a number, and may have one."""
    now = int(time.time())
    openid.claims = {"exp": now + 300.5, "iat": now - 0.25, "nbf": float(now)}

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E41")
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [True, "1", [], {}, 1e999], ids=repr)
def test_a_moment_that_is_none_is_refused(openid, rejected, name, value):
    openid.claims = {name: value}

    rejected("id_token_invalid")


@pytest.mark.threat("E42")
def test_oidcc_client_test_distributed_claims(openid, visitor, canary):
    openid.claims = {
        "email": MISSING,
        "_claim_names": {"email": "src"},
        "_claim_sources": {"src": {"endpoint": canary.url, "access_token": "x"}},
    }
    openid.userinfo = {"sub": SUBJECT}

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert LinkedAccount.objects.get().email == ""


@pytest.mark.threat("E39")
def test_oidcc_client_test_3rd_party_init_login(openid, visitor):
    path = reverse("oauth_login:authorize", args=["acme"])
    answer = visitor.get(path, {"iss": ISSUER, "login_hint": "x", "target_link_uri": "https://evil.example"})

    assert answer.status_code == 200
    assert b"evil.example" not in answer.content
    assert visitor.attempt_cookies() == {}
