"""What a token endpoint may say, over the wire: only a whole and proper grant signs anybody in."""

import pytest

from oauth_login.models import Token
from tests.oauth_login.back_channel.enterprise import TOKEN, TOKEN_PATH
from tests.oauth_login.http_server import reply
from tests.oauth_login.test_oauth2 import BAD_TOKENS, brief


class MISSING:
    """Stands for a member that is not there."""


def granting(**changes):
    """Return an answer with the token, changed."""
    changed = {**TOKEN, **changes}
    return reply({name: value for name, value in changed.items() if value is not MISSING})


def paths_asked(server):
    return [request.path for request in server.requests]


@pytest.mark.threat("D17")
def test_a_form_is_neither_asked_for_nor_read(turned_away, server):
    form = b"access_token=gho_1&scope=user%3Aemail&token_type=bearer"
    server.answers[TOKEN_PATH] = reply(form, Content_Type="application/x-www-form-urlencoded")

    assert turned_away(502).context["code"] == "json_invalid"
    (request,) = server.requests
    assert request.headers["accept"] == "application/json"


@pytest.mark.threat("D19")
@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        ("bad_verification_code", 400, b"did not accept this sign-in"),
        ("unverified_user_email", 400, b"verify your e-mail address first"),
        ("incorrect_client_credentials", 503, b"This sign-in is not available"),
        ("redirect_uri_mismatch", 503, b"This sign-in is not available"),
        ({"code": 190}, 502, b"an answer we cannot use"),
        (None, 502, b"an answer we cannot use"),
    ],
    ids=str,
)
@pytest.mark.parametrize("http_status", [200, 400])
def test_an_error_is_one_whatever_the_status_says(turned_away, server, error, status, told, http_status):
    server.answers[TOKEN_PATH] = reply({"error": error, "error_description": "As told."}, http_status)

    page = turned_away(status).content

    assert told in page
    assert b"As told." not in page
    assert paths_asked(server) == [TOKEN_PATH]


@pytest.mark.threat("D20")
@pytest.mark.parametrize(("error", "status"), [("bad_verification_code", 400), ("x", 503), ({}, 502)])
def test_an_error_beside_a_token_is_an_error(turned_away, server, error, status):
    server.answers[TOKEN_PATH] = granting(error=error)

    turned_away(status)
    assert paths_asked(server) == [TOKEN_PATH]


@pytest.mark.threat("D21")
@pytest.mark.parametrize("token", [*BAD_TOKENS, MISSING], ids=brief)
def test_a_token_that_is_none_is_never_sent(turned_away, server, token):
    server.answers[TOKEN_PATH] = granting(access_token=token)

    assert turned_away(502).context["code"] == "token_invalid"
    assert paths_asked(server) == [TOKEN_PATH]


@pytest.mark.threat("D22")
@pytest.mark.parametrize("kind", ["mac", "DPoP", "N_A", "", None, 1, ["bearer"], MISSING])
def test_a_token_of_another_type_is_never_sent(turned_away, server, kind):
    server.answers[TOKEN_PATH] = granting(token_type=kind)

    assert turned_away(502).context["code"] == "token_type_unsupported"
    assert paths_asked(server) == [TOKEN_PATH]


@pytest.mark.threat("D22")
@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER"])
def test_the_type_is_read_without_regard_to_case(enterprise, server, kind):
    server.answers[TOKEN_PATH] = granting(token_type=kind)

    assert enterprise().status_code == 302
    assert {request.headers["authorization"] for request in server.requests[1:]} == {"Bearer gho_secret"}


@pytest.mark.threat("D23")
@pytest.mark.parametrize(
    ("lifetime", "known"),
    [
        (b"28800", True),
        (b'"28800"', True),
        (b"0", True),
        (b"1.5", True),
        (b"-1", False),
        (b"true", False),
        (b"[]", False),
        (b'"soon"', False),
        (b"9223372036854775807", False),
    ],
    ids=brief,
)
def test_no_lifetime_breaks_a_sign_in(enterprise, server, lifetime, known):
    server.answers[TOKEN_PATH] = reply(
        b'{"access_token": "gho_secret", "token_type": "bearer", "expires_in": ' + lifetime + b"}"
    )

    assert enterprise().status_code == 302
    assert (Token.objects.get().expires_at is not None) is known


@pytest.mark.threat("D23")
@pytest.mark.parametrize(
    "lifetime",
    [b"1e309", b"1" + b"0" * 20, b"1" + b"0" * 5_000, b"NaN", b"Infinity", b"-Infinity"],
    ids=brief,
)
def test_a_lifetime_out_of_this_world_is_no_answer(turned_away, server, lifetime):
    server.answers[TOKEN_PATH] = reply(
        b'{"access_token": "gho_secret", "token_type": "bearer", "expires_in": ' + lifetime + b"}"
    )

    assert turned_away(502).context["code"] == "json_invalid"
