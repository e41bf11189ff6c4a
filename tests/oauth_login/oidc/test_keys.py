"""The provider's keys: which are used, for how long, and how often they are asked for."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from django.core.cache import cache
from jwt.algorithms import RSAAlgorithm

from oauth_login import documents, transport
from tests.oauth_login.oidc.fake_openid import EC_KEY, ISSUER, OTHER_CURVE_KEY, RSA_KEYS, WEAK_KEY, SigningKey

pytestmark = [pytest.mark.django_db, pytest.mark.provider]

OTHER = RSA_KEYS[1]


def without(jwk, *names):
    return {name: value for name, value in jwk.items() if name not in names}


def private(key):
    return json.loads(RSAAlgorithm.to_jwk(key.private))


@pytest.mark.threat("E17")
def test_unknown_keys_do_not_make_the_site_ask_again_and_again(openid, visitor, unlimited):
    openid.signer = SigningKey(RSA_KEYS[0].private, "RS256", "unknown")

    statuses = {visitor.sign_in(openid, "acme").status_code for _ in range(100)}

    assert statuses == {502}
    assert openid.hits("/jwks") == 2


@pytest.mark.threat("E17")
def test_an_unknown_key_is_refused_by_its_own_code(openid, rejected):
    openid.signer = SigningKey(RSA_KEYS[0].private, "RS256", "unknown")

    rejected("id_token_key_unknown")


@pytest.mark.threat("E18")
def test_oidcc_client_test_kid_absent_single_jwks(openid, visitor):
    openid.keys = [without(RSA_KEYS[0].jwk, "kid")]
    openid.id_token = lambda nonce: no_kid(RSA_KEYS[0], openid.new_claims(nonce))

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E18")
def test_oidcc_client_test_kid_absent_multiple_jwks(openid, visitor):
    openid.keys = [EC_KEY.jwk, OTHER.jwk, RSA_KEYS[0].jwk]
    openid.id_token = lambda nonce: no_kid(RSA_KEYS[0], openid.new_claims(nonce))

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E18", "E30")
def test_a_server_whose_tokens_name_no_key_may_rotate_them(openid, visitor, new_visitor):
    openid.keys = [without(RSA_KEYS[0].jwk, "kid")]
    openid.id_token = lambda nonce: no_kid(RSA_KEYS[0], openid.new_claims(nonce))
    visitor.sign_in(openid, "acme")
    openid.keys = [without(OTHER.jwk, "kid")]
    openid.id_token = lambda nonce: no_kid(OTHER, openid.new_claims(nonce))

    assert new_visitor().sign_in(openid, "acme").status_code == 302
    assert openid.hits("/jwks") == 2


@pytest.mark.threat("E18")
@pytest.mark.parametrize("keys", [[OTHER.jwk], [EC_KEY.jwk], []], ids=["another's", "another kind", "none"])
def test_a_token_that_names_no_key_and_fits_none_is_refused(openid, visitor, rows, keys):
    openid.keys = keys
    openid.id_token = lambda nonce: no_kid(RSA_KEYS[0], openid.new_claims(nonce))

    assert visitor.sign_in(openid, "acme").status_code == 502
    assert rows() == (0, 0, 0)


def no_kid(key, claims):
    return jwt.encode(claims, key.private, key.algorithm)


@pytest.mark.threat("E19", "E32")
@pytest.mark.parametrize(
    "keys",
    [
        [RSA_KEYS[0].jwk | {"use": "enc"}],
        [RSA_KEYS[0].jwk | {"alg": "RS512"}],
        [RSA_KEYS[0].jwk | {"key_ops": ["encrypt"]}],
        [RSA_KEYS[0].jwk | {"key_ops": "verify"}],
        [RSA_KEYS[0].jwk | private(RSA_KEYS[0])],
        [RSA_KEYS[0].jwk | {"kty": "oct", "k": "AAAA"}],
        [RSA_KEYS[0].jwk | {"kty": ["RSA"]}],
        [RSA_KEYS[0].jwk | {"n": "!!!"}],
        [RSA_KEYS[0].jwk | {"n": 7}],
        [RSA_KEYS[0].jwk | {"n": "A" * 16_384 + RSA_KEYS[0].jwk["n"]}],
        [RSA_KEYS[0].jwk | {"e": "AQ"}],
        [RSA_KEYS[0].jwk | {"e": "BA"}],
        [without(RSA_KEYS[0].jwk, "n")],
        [without(RSA_KEYS[0].jwk, "e")],
        ["no key", None, 7],
        [],
    ],
    ids=[
        "for encryption",
        "for another algorithm",
        "for other operations",
        "for no list of operations",
        "with its private part",
        "a secret",
        "of a kind that is none",
        "no base64",
        "a number",
        "longer than any, with zeros before it",
        "exponent 1",
        "exponent 4",
        "half a key",
        "the other half",
        "no objects",
        "none at all",
    ],
)
def test_a_key_that_must_not_be_used_is_not_used(openid, rejected, keys):
    openid.keys = keys

    rejected("id_token_key_unknown")


@pytest.mark.threat("E19")
@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_that_shows_a_part_of_its_secret_is_not_used(openid, rejected, name):
    openid.keys = [RSA_KEYS[0].jwk | {name: "AQAB"}]

    rejected("id_token_key_unknown")


@pytest.mark.threat("E19")
def test_of_two_keys_of_one_name_the_one_that_verifies_does(openid, visitor):
    openid.keys = [OTHER.jwk | {"kid": "rsa-0"}, RSA_KEYS[0].jwk]

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E19")
@pytest.mark.parametrize("count", [51, 5_000])
def test_more_keys_than_anybody_needs_are_refused(openid, visitor, rows, count):
    openid.keys = [RSA_KEYS[0].jwk] * count

    assert visitor.sign_in(openid, "acme").status_code == 502
    assert rows() == (0, 0, 0)


@pytest.mark.threat("E30")
def test_oidcc_client_test_signing_key_rotation(openid, visitor, new_visitor):
    visitor.sign_in(openid, "acme")
    other = new_visitor()
    location = other.start("acme")["Location"]
    openid.rotate()

    assert other.come_back(openid.approve(location), "acme").status_code == 302
    assert openid.hits("/jwks") == 2


@pytest.mark.threat("E30")
def test_oidcc_client_test_signing_key_rotation_just_before_signing(openid, visitor):
    openid.keys = [OTHER.jwk]
    openid.rotate()

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E30")
def test_a_key_that_was_withdrawn_is_not_accepted_for_long(
    openid, visitor, rejected, new_visitor, time_machine
):
    time_machine.move_to("2026-11-25T12:00:00Z")
    refused = new_visitor()
    openid.rotate()
    visitor.sign_in(openid, "acme")
    visitor.user.delete()
    openid.signer = RSA_KEYS[0]
    time_machine.shift(3_700)

    rejected("id_token_key_unknown", who=refused)


@pytest.mark.threat("E31")
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((503, {}, b""), 503, "provider_unavailable"),
        ((404, {}, b"{}"), 502, "document_refused"),
        ((200, {}, b'{"keys": [' + b" " * 300_000 + b"]}"), 502, "answer_too_large"),
        ((200, {}, b" " * 2_000_000), 502, "answer_too_large"),
        ((200, {}, b"<html>"), 502, "json_invalid"),
        ((200, {}, b'{"keys": [], "keys": []}'), 502, "json_invalid"),
        ((200, {}, b"[]"), 502, "json_type_wrong"),
        ((200, {}, b"{}"), 502, "keys_invalid"),
        ((200, {}, b'{"keys": {}}'), 502, "keys_invalid"),
        ((307, {"Location": "https://op.example/other"}, b""), 502, "redirect_refused"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_without_the_keys_nobody_signs_in(openid, rejected, answer, status, code):
    openid.answers = {"/jwks": lambda _: answer}

    rejected(code, status=status)


@pytest.mark.threat("E32")
def test_a_weak_key_is_not_used(openid, rejected):
    openid.keys = [WEAK_KEY.jwk]
    openid.id_token = lambda nonce: signed_weakly(openid.new_claims(nonce))

    rejected("id_token_key_unknown")


def signed_weakly(claims):
    """Sign as PyJWT would only with a warning."""
    head, payload, _ = RSA_KEYS[0].sign(claims, kid="weak").split(".")
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(f"{head}.{payload}".encode(), WEAK_KEY.private)
    return f"{head}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.threat("E32")
@pytest.mark.parametrize(
    "key",
    [
        EC_KEY.jwk | {"y": EC_KEY.jwk["x"]},
        OTHER_CURVE_KEY.jwk | {"kid": EC_KEY.kid},
        EC_KEY.jwk | {"x": "AAAA"},
        EC_KEY.jwk | {"crv": "P-384"},
    ],
    ids=["off the curve", "another curve", "too short", "called another"],
)
def test_a_point_that_is_not_on_the_curve_is_no_key(openid, rejected, configure, key):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="ES256")
    openid.keys = [key]
    openid.signer = EC_KEY

    rejected("id_token_key_unknown")


@pytest.mark.threat("E14", "E32")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("private", "status"),
    [(ed25519.Ed25519PrivateKey.generate(), 302), (ed448.Ed448PrivateKey.generate(), 502)],
    ids=["Ed25519", "Ed448"],
)
def test_what_is_called_eddsa_is_ed25519(openid, visitor, configure, private, status):
    configure(ID_TOKEN_SIGNED_RESPONSE_ALG="EdDSA")
    openid.signer = SigningKey(private, "EdDSA", "ed-0")
    openid.keys = [openid.signer.jwk]

    assert visitor.sign_in(openid, "acme").status_code == status


def test_keys_are_asked_for_once_in_their_lifetime(openid, new_visitor, db):
    for _ in range(5):
        new_visitor().sign_in(openid, "acme")

    assert openid.hits("/jwks") == 1


@pytest.mark.threat("E29")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3_600),
        ({"Cache_Control": "public"}, 3_600),
        ({"Cache_Control": "max-age=1"}, 60),
        ({"Cache_Control": "public, max-age=70"}, 70),
        ({"Cache_Control": 'MAX-AGE="80"'}, 80),
        ({"Cache_Control": "max-age=999999"}, 24 * 3_600),
        ({"Cache_Control": "max-age=" + "9" * 5_000}, 24 * 3_600),
        ({"Cache_Control": "max-age=-1"}, 60),
        ({"Cache_Control": "max-age=soon"}, 60),
        ({"Cache_Control": "max-age=90, max-age=900"}, 90),
        ({"Cache_Control": "x-max-age=9000"}, 3_600),
        ({"Cache_Control": "max-age=9000, s-maxage=100"}, 100),
        ({"Cache_Control": "max-age=9000, no-store"}, 60),
        ({"Cache_Control": "no-cache, max-age=9000"}, 60),
        ({"Cache_Control": 'no-cache="x, max-age=9000"'}, 60),
        ({"Cache_Control": 'private="x, max-age=9000"'}, 3_600),
        ({"Cache_Control": 'private="x, max-age=9000'}, 60),
        ({"Cache_Control": "max-age=9000 no-store"}, 60),
        ({"Cache_Control": ", max-age=110,, public,"}, 110),
        ({"Cache_Control": "max-age=9000", "Age": "8880"}, 120),
        ({"Cache_Control": "max-age=9000", "Age": "9001"}, 60),
        ({"Cache_Control": "max-age=9000", "Age": "old"}, 9_000),
        ({"Expires": "Wed, 25 Nov 2026 12:02:10 GMT"}, 130),
        ({"Expires": "Wed, 25 Nov 2026 11:02:20 GMT", "Date": "Wed, 25 Nov 2026 11:00:00 GMT"}, 140),
        ({"Expires": "Wed, 25 Nov 2026 12:30:00 GMT", "Cache_Control": "max-age=150"}, 150),
        ({"Expires": "0"}, 60),
    ],
    ids=lambda value: str(value)[:60],
)
def test_keys_are_kept_for_as_long_as_they_say_themselves(
    openid, new_visitor, db, time_machine, headers, seconds
):
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    openid.answers = {"/jwks": lambda _: (200, headers, {"keys": openid.keys})}
    new_visitor().sign_in(openid, "acme")
    time_machine.shift(seconds - 1)
    new_visitor().sign_in(openid, "acme")
    assert openid.hits("/jwks") == 1
    time_machine.shift(1)

    new_visitor().sign_in(openid, "acme")

    assert openid.hits("/jwks") == 2


@pytest.mark.threat("E30")
@pytest.mark.usefixtures("cache_with_our_clock")
def test_a_renewal_that_failed_is_tried_again_after_a_pause(openid, visitor, new_visitor, time_machine):
    time_machine.move_to("2026-11-25T12:00:00Z", tick=False)
    visitor.sign_in(openid, "acme")
    openid.rotate()
    openid.answers = {"/jwks": lambda _: (503, {}, b"")}
    assert [new_visitor().sign_in(openid, "acme").status_code for _ in range(3)] == [503, 502, 502]
    openid.answers = {}
    time_machine.shift(31)

    assert new_visitor().sign_in(openid, "acme").status_code == 302
    assert openid.hits("/jwks") == 3


@pytest.mark.threat("E17")
def test_another_worker_that_renews_is_not_run_after(openid, settings, visitor):
    url = f"{ISSUER}/jwks"
    worker = documents.Documents(transport.shared(settings.OAUTH_LOGIN["CA_BUNDLE"]), cache)
    assert worker.renewed(url, public=False)
    documents.MEMORY.clear()  # that was another

    openid.signer = SigningKey(RSA_KEYS[0].private, "RS256", "unknown")
    assert visitor.sign_in(openid, "acme").status_code == 502
    assert openid.hits("/jwks") == 1
    cache.clear()  # whose mark is over
    assert worker.renewed(url, public=False)


@pytest.mark.threat("E17")
def test_who_may_not_renew_yet_leaves_no_mark_for_another_worker(openid, settings):
    url = f"{ISSUER}/jwks"
    worker = documents.Documents(transport.shared(settings.OAUTH_LOGIN["CA_BUNDLE"]), cache)
    assert worker.renewed(url, public=False)
    cache.clear()
    assert worker.renewed(url, public=False) is None
    documents.MEMORY.clear()  # that was another

    assert worker.renewed(url, public=False)


class Down:
    """A cache whose every call fails."""

    def __getattr__(self, name):
        def fails(*args, **kwargs):
            raise ConnectionError(name)

        return fails


def test_a_cache_that_is_down_keeps_nobody_out(openid, visitor, monkeypatch):
    monkeypatch.setattr("oauth_login.conf.cache", Down())

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("E17")
def test_unknown_keys_are_run_after_once_while_the_cache_is_down(openid, new_visitor, db, monkeypatch):
    monkeypatch.setattr("oauth_login.conf.cache", Down())
    openid.signer = SigningKey(RSA_KEYS[0].private, "RS256", "unknown")

    assert [new_visitor().sign_in(openid, "acme").status_code for _ in range(5)] == [502] * 5
    assert openid.hits("/jwks") == 2


@pytest.mark.threat("E17")
def test_unknown_keys_are_run_after_once_without_a_cache(openid, new_visitor, db, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    openid.signer = SigningKey(RSA_KEYS[0].private, "RS256", "unknown")

    assert [new_visitor().sign_in(openid, "acme").status_code for _ in range(5)] == [502] * 5
    assert openid.hits("/jwks") == 2
