"""The messages of the code grant, by the sections of RFC 6749, 7636 and 9207 that they follow."""

import base64
import json
import re
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oauth_login.errors import (
    AuthorizationDenied,
    AuthorizationResponseError,
    OAuthLoginError,
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    TokenRequestError,
)
from oauth_login.oauth2 import (
    AuthorizationRequest,
    AuthorizationResponse,
    AuthorizationServer,
    Client,
    TokenRequest,
    TokenResponse,
    code_challenge,
    new_code_verifier,
)

ISSUER = "https://server.example"
SERVER = AuthorizationServer(ISSUER, f"{ISSUER}/authorize", f"{ISSUER}/token")
ANSWER = {"access_token": "2YotnFZFEjr1zCsicMWpAA", "token_type": "bearer"}  # RFC 6749 §5.1, shortened
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def brief(value):
    """Return a name for a parameter, even for one of 100,000 characters."""
    name = ascii(value)
    return name if len(name) < 150 else f"{name[:10]}... of {len(name)}"


def asked(request, server=SERVER):
    """Return where a request leads, and what it says."""
    parts = urlsplit(request.url(server))
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query, strict_parsing=True)


def response(**parameters):
    return AuthorizationResponse.from_query({name: [value] for name, value in parameters.items()})


def for_code(client, **changes):
    values = {"code": "c", "redirect_uri": "https://me.example/", "code_verifier": "v", **changes}
    return TokenRequest.for_code(SERVER, client, **values)


# --- PKCE: RFC 7636 -------------------------------------------------------------------------------


@pytest.mark.threat("B01")
def test_the_challenge_is_that_of_rfc_7636_appendix_b():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.threat("B01")
def test_verifiers_are_long_and_unreserved_and_no_two_alike():
    verifiers = {new_code_verifier() for _ in range(1_000)}

    assert len(verifiers) == 1_000
    assert all(re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", verifier) for verifier in verifiers)


@pytest.mark.threat("B01", "B20")
@pytest.mark.usefixtures("unlimited")
def test_a_hundred_starts_have_a_hundred_challenges_and_verifiers(visitor, github):
    challenges = set()
    for _ in range(100):
        visitor.cookies.clear()
        start = visitor.start()
        assert start.status_code == 302
        assert start["Location"].startswith(f"{github.authorization_endpoint}?")
        query = parse_qs(urlsplit(start["Location"]).query)
        assert query["response_type"] == ["code"]
        assert query["code_challenge_method"] == ["S256"]
        assert len(query["code_challenge"][0]) == 43
        challenges.add(query["code_challenge"][0])
        assert visitor.come_back(github.approve(start["Location"])).status_code == 302

    verifiers = {request["code_verifier"] for request in github.token_requests}
    assert len(challenges) == len(verifiers) == 100
    assert {code_challenge(verifier) for verifier in verifiers} == challenges


@pytest.mark.threat("B02")
def test_a_setting_cannot_talk_pkce_down_to_plain(visitor, settings):
    options = {
        "CLIENT_ID": "client-id-of-the-tests",
        "CLIENT_SECRET": "s",
        "AUTHORIZATION_PARAMS": {
            "code_challenge_method": "plain",
            "code_challenge": "guessed",
            "response_type": "token",
            "client_id": "evil",
            "redirect_uri": "https://evil.example",
            "state": "fixed",
            "scope": "repo",
            "prompt": "select_account",
        },
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    query = parse_qs(urlsplit(visitor.start()["Location"]).query)

    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"] != ["guessed"]
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["client-id-of-the-tests"]
    assert query["redirect_uri"] == ["http://testserver/oauth2/github/callback/"]
    assert query["state"] != ["fixed"]
    assert query["scope"] == ["read:user user:email"]
    assert query["prompt"] == ["select_account"]


# --- The authorization request: RFC 6749 §4.1.1 -------------------------------------------------


def test_an_authorization_request_says_what_the_rfc_asks_for():
    request = AuthorizationRequest(
        "id", "https://me.example/cb?a=b", "a b", "s&t", "challenge", extra={"x": "y"}
    )

    assert asked(request) == (
        SERVER.authorization_endpoint,
        {
            "response_type": ["code"],
            "client_id": ["id"],
            "redirect_uri": ["https://me.example/cb?a=b"],
            "scope": ["a b"],
            "state": ["s&t"],
            "code_challenge": ["challenge"],
            "code_challenge_method": ["S256"],
            "x": ["y"],
        },
    )


def test_what_is_not_there_is_not_said():
    _, query = asked(AuthorizationRequest("id", "https://me.example/", scope="", state="s"))

    assert set(query) == {"response_type", "client_id", "redirect_uri", "state"}


def test_the_query_of_an_endpoint_is_kept():
    server = AuthorizationServer(ISSUER, f"{ISSUER}/authorize?tenant=7", f"{ISSUER}/token")

    where, query = asked(AuthorizationRequest("id", "https://me.example/", "", "s"), server)

    assert where == f"{ISSUER}/authorize"
    assert query["tenant"] == ["7"]
    assert query["client_id"] == ["id"]


# --- The authorization response: RFC 6749 §4.1.2, RFC 9207 -------------------------------------


def test_a_response_is_read_as_it_is():
    assert response(state="s", code="c", iss=ISSUER) == AuthorizationResponse("s", "c", "", "", ISSUER)
    assert response() == AuthorizationResponse("", "", "", "", None)
    assert response(error="e", error_description="Größe").error_description == "Größe"


@pytest.mark.threat("B10")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
@pytest.mark.parametrize("values", [["a", "b"], ["a", "a"], ["", ""]])
def test_a_repeated_parameter_is_refused(name, values):
    with pytest.raises(AuthorizationResponseError, match=rf"parameter_repeated \({name}\)"):
        AuthorizationResponse.from_query({name: values})


@pytest.mark.threat("B13")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
@pytest.mark.parametrize(
    "value", ["a\0b", "\x1f", "\x7f", "\n", "é", "\udc80", "a" * 2_049, "a" * 100_000], ids=brief
)
def test_hostile_characters_and_lengths_are_refused_by_name_only(name, value):
    with pytest.raises(AuthorizationResponseError, match=rf"^parameter_malformed \({name}\)$"):
        response(**{name: value})


@pytest.mark.threat("B13")
def test_the_longest_values_allowed_are_read():
    longest = response(code="c" * 2_048, state="s" * 2_048)

    assert (len(longest.code), len(longest.state)) == (2_048, 2_048)
    assert len(response(error="e", error_description="d" * 1_000_000).error_description) == 2_048


@pytest.mark.threat("B12")
@pytest.mark.parametrize("parameters", [{}, {"code": ""}, {"code": " "}, {"access_token": "x"}])
def test_a_response_without_a_code_is_refused(parameters):
    with pytest.raises(AuthorizationResponseError, match="code_missing"):
        response(state="s", **parameters).believe(issuer=ISSUER, iss_promised=False)


@pytest.mark.threat("A24")
def test_a_response_with_both_a_code_and_an_error_is_refused():
    with pytest.raises(AuthorizationResponseError, match="code_and_error"):
        response(code="c", error="access_denied").believe(issuer=ISSUER, iss_promised=False)


@pytest.mark.threat("B06", "B09")
@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example",
        f"{ISSUER}/",
        "https://SERVER.example",
        "HTTPS://server.example",
        "https://server%2Eexample",
        "https://server.exampl",
        f"{ISSUER}.evil.example",
        "",
        " ",
    ],
)
@pytest.mark.parametrize("rest", [{"code": "c"}, {"error": "access_denied"}])
def test_another_issuer_is_refused_before_anything_it_says(iss, rest):
    for promised in (False, True):
        with pytest.raises(AuthorizationResponseError, match="issuer_mismatch"):
            response(iss=iss, **rest).believe(issuer=ISSUER, iss_promised=promised)


@pytest.mark.threat("B07")
@pytest.mark.parametrize("rest", [{"code": "c"}, {"error": "access_denied"}])
def test_a_promised_issuer_must_be_there(rest):
    with pytest.raises(AuthorizationResponseError, match="issuer_missing"):
        response(**rest).believe(issuer=ISSUER, iss_promised=True)
    response(**rest).believe(issuer=ISSUER, iss_promised=False)
    response(**rest, iss=ISSUER).believe(issuer=ISSUER, iss_promised=True)


@pytest.mark.threat("B08")
def test_an_issuer_is_ignored_where_none_is_known():
    response(code="c", iss="https://x.example").believe(issuer="", iss_promised=False)


def test_a_response_shows_no_code():
    assert "a-code" not in repr(response(state="s", code="a-code"))


@pytest.mark.threat("GH06")
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", AuthorizationDenied),
        ("server_error", ProviderUnavailable),
        ("temporarily_unavailable", ProviderUnavailable),
        ("redirect_uri_mismatch", ProviderMisconfigured),
        ("application_suspended", ProviderMisconfigured),
        ("invalid_scope", ProviderMisconfigured),
        ("anything_else", ProviderMisconfigured),
    ],
)
def test_an_error_of_the_authorization_endpoint_means_what_it_says(error, kind):
    with pytest.raises(OAuthLoginError) as refusal:
        response(error=error, error_description="As told.").raise_for_error()
    assert type(refusal.value) is kind
    assert refusal.value.detail == f"{error}: As told."


def test_a_response_without_an_error_raises_none():
    response(code="c").raise_for_error()


# --- The token request: RFC 6749 §2.3.1 and §4.1.3 --------------------------------------------------


def test_a_token_request_says_what_the_rfc_asks_for():
    request = for_code(Client("id", "secret"), code="c d", redirect_uri="https://me.example/cb?x=y")

    assert request.url == SERVER.token_endpoint
    assert request.headers == {}
    assert request.form == {
        "grant_type": "authorization_code",
        "code": "c d",
        "redirect_uri": "https://me.example/cb?x=y",
        "code_verifier": "v",
        "client_id": "id",
        "client_secret": "secret",
    }


@pytest.mark.threat("B16")
@pytest.mark.parametrize(
    ("client_id", "client_secret"),
    [("a:b c", "p%+é"), ("id", "s:e:c"), ("é", "&="), ("a/b?c", "%2B ~")],
)
def test_basic_credentials_are_encoded_before_they_are_joined(client_id, client_secret):
    request = for_code(Client(client_id, client_secret, "client_secret_basic"))

    scheme, _, pair = request.headers["Authorization"].partition(" ")
    sent = [unquote_plus(part) for part in base64.b64decode(pair).decode("ascii").split(":")]
    assert (scheme, sent) == ("Basic", [client_id, client_secret])
    assert set(request.form) == {"grant_type", "code", "redirect_uri", "code_verifier"}


@pytest.mark.threat("B16")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_odd_credentials_arrive_as_they_are(visitor, github, settings, method):
    odd = {"CLIENT_ID": "a:b c", "CLIENT_SECRET": "p%+é", "TOKEN_ENDPOINT_AUTH_METHOD": method}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": odd}}
    github.client = ("a:b c", "p%+é")

    answer = visitor.sign_in(github)

    assert answer.status_code == 302
    (form,), (request, *_) = github.token_requests, github.requests
    if method == "client_secret_post":
        assert (form["client_id"], form["client_secret"]) == ("a:b c", "p%+é")
        assert "authorization" not in request.headers
    else:
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        assert [unquote_plus(part) for part in pair.split(":")] == ["a:b c", "p%+é"]
        assert not {"client_id", "client_secret"} & set(form)


@pytest.mark.threat("B16")
def test_a_public_client_sends_no_secret():
    request = for_code(Client("id", "secret", "none"), code_verifier="")

    assert request.form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://me.example/",
        "client_id": "id",
    }
    assert request.headers == {}


def test_what_is_sent_shows_no_secret():
    client = Client("id", "the-secret", "client_secret_basic")
    request = for_code(client, code="the-code", code_verifier="the-verifier")

    shown = repr(client) + repr(request)
    assert not re.search("the-|Basic", shown)


# --- The token response: RFC 6749 §5.1, §5.2 ---------------------------------------------------------


def test_a_token_response_is_read():
    told = {"expires_in": 28_800, "refresh_token": "ghr_1", "refresh_token_expires_in": 15_811_200}

    token = TokenResponse.from_answer(200, {**ANSWER, **told, "scope": "a b"})

    assert token == TokenResponse(
        "2YotnFZFEjr1zCsicMWpAA",
        "Bearer",
        28_800,
        "ghr_1",
        15_811_200,
        frozenset({"a", "b"}),
        answer={
            "token_type": "bearer",
            "expires_in": 28_800,
            "refresh_token_expires_in": 15_811_200,
            "scope": "a b",
        },
    )
    assert not re.search("2Yotn|ghr_1", repr(token))


def test_what_a_token_response_does_not_tell_is_not_known():
    token = TokenResponse.from_answer(200, ANSWER)

    assert (token.expires_in, token.refresh_token, token.refresh_token_expires_in) == (None, "", None)
    assert token.scope is None


@pytest.mark.threat("D19", "D20", "GH03", "GH04", "GH05")
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ("bad_verification_code", TokenRequestError, "code_rejected"),
        ("invalid_grant", TokenRequestError, "code_rejected"),
        ("unverified_user_email", TokenRequestError, "email_unverified_at_provider"),
        ("incorrect_client_credentials", ProviderMisconfigured, "provider_misconfigured"),
        ("redirect_uri_mismatch", ProviderMisconfigured, "provider_misconfigured"),
        ("invalid_client", ProviderMisconfigured, "provider_misconfigured"),
        ("unauthorized_client", ProviderMisconfigured, "provider_misconfigured"),
        ("invalid_code", TokenRequestError, "code_rejected"),
        ("server_error", ProviderUnavailable, "provider_unavailable"),
        ("temporarily_unavailable", ProviderUnavailable, "provider_unavailable"),
        (0, ProviderResponseError, "token_answer_invalid"),
        ([], ProviderResponseError, "token_answer_invalid"),
        (["invalid_grant"], ProviderResponseError, "token_answer_invalid"),
        ({"message": "Invalid", "code": 190}, ProviderResponseError, "token_answer_invalid"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("rest", [{}, ANSWER])
def test_an_error_is_a_failure_whatever_else_is_said(error, kind, code, status, rest):
    with pytest.raises(OAuthLoginError) as refusal:
        TokenResponse.from_answer(status, {**rest, "error": error, "error_description": "As told."})
    assert (type(refusal.value), refusal.value.code) == (kind, code)
    assert ("As told." in refusal.value.detail) == isinstance(error, str)


@pytest.mark.parametrize("error", [None, "", False])
def test_an_error_that_says_nothing_is_none(error):
    assert TokenResponse.from_answer(200, {**ANSWER, "error": error}).access_token == ANSWER["access_token"]
    with pytest.raises(ProviderResponseError):
        TokenResponse.from_answer(400, {**ANSWER, "error": error})


@pytest.mark.threat("D16", "D25")
@pytest.mark.parametrize("description", [None, [["deep"]], {"a": 1}, 7])
def test_a_description_that_is_no_text_is_not_repeated(description):
    with pytest.raises(TokenRequestError) as refusal:
        TokenResponse.from_answer(200, {"error": "invalid_grant", "error_description": description})
    assert refusal.value.detail == "invalid_grant"


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 418])
def test_a_token_with_another_status_than_200_is_none(status):
    with pytest.raises(ProviderResponseError, match=rf"token_answer_invalid \(HTTP {status}\)"):
        TokenResponse.from_answer(status, ANSWER)


BAD_TOKENS = ["", None, 7, True, ["x"], {"a": 1}, "a b", "a\r\nb", "a\n", "é", "\x7f", "x" * 8_193]


@pytest.mark.threat("D21")
@pytest.mark.parametrize("value", BAD_TOKENS, ids=brief)
def test_a_token_that_fits_into_no_header_is_refused(value):
    with pytest.raises(ProviderResponseError, match=f"token_invalid .{type(value).__name__}."):
        TokenResponse.from_answer(200, {**ANSWER, "access_token": value})
    if value:
        with pytest.raises(ProviderResponseError, match="token_invalid"):
            TokenResponse.from_answer(200, {**ANSWER, "refresh_token": value})
    else:
        assert TokenResponse.from_answer(200, {**ANSWER, "refresh_token": value}).refresh_token == ""


@pytest.mark.threat("D21")
def test_a_missing_token_is_refused():
    with pytest.raises(ProviderResponseError, match="token_invalid"):
        TokenResponse.from_answer(200, {"token_type": "bearer"})


@pytest.mark.threat("GH14", "H29")
def test_a_token_may_be_long_and_look_like_anything():
    for token in ("x" * 8_192, "eyJ.a-b_c~d+e/f=", "!#$%&'*+-.^_`|~"):
        assert TokenResponse.from_answer(200, {**ANSWER, "access_token": token}).access_token == token


@pytest.mark.threat("D22", "H31")
@pytest.mark.parametrize("value", ["mac", "DPoP", "N_A", "", " bearer", None, 1, ["bearer"], {}])
def test_another_type_of_token_is_refused(value):
    with pytest.raises(ProviderResponseError, match="token_type_unsupported"):
        TokenResponse.from_answer(200, {**ANSWER, "token_type": value})


@pytest.mark.threat("D22")
def test_a_missing_type_of_token_is_refused():
    with pytest.raises(ProviderResponseError, match="token_type_unsupported"):
        TokenResponse.from_answer(200, {"access_token": "x"})


@pytest.mark.threat("D22")
@pytest.mark.parametrize("value", ["bearer", "Bearer", "BEARER"])
def test_the_type_of_a_token_is_read_without_regard_to_case(value):
    assert TokenResponse.from_answer(200, {**ANSWER, "token_type": value}).token_type == "Bearer"


@pytest.mark.threat("D23")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (28_800, 28_800),
        ("28800", 28_800),
        (315_360_000, 315_360_000),
        (315_360_001, None),
        (-1, None),
        (True, None),
        (28_800.0, 28_800),
        (1.5, 1),
        (-0.5, None),
        (315_360_000.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**4_000, None),
        ("9" * 5_000, None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("\N{FULLWIDTH DIGIT ONE}", None),
        (None, None),
        ([], None),
        ({}, None),
    ],
    ids=brief,
)
def test_a_lifetime_is_a_sensible_number_of_seconds_or_unknown(value, seconds):
    told = {**ANSWER, "expires_in": value, "refresh_token_expires_in": value}

    token = TokenResponse.from_answer(200, told)

    assert (token.expires_in, token.refresh_token_expires_in) == (seconds, seconds)


@pytest.mark.threat("D23")
@pytest.mark.parametrize(
    "value", ["3600", 1.5, -1, 10**300, True, "9" * 5_000, float("inf"), [], {}], ids=brief
)
def test_no_lifetime_breaks_a_sign_in(visitor, github, value):
    github.token |= {"expires_in": value, "refresh_token_expires_in": value}

    assert visitor.sign_in(github).status_code in {302, 502}


@pytest.mark.threat("GH19", "H26")
@pytest.mark.parametrize(
    ("value", "scopes"),
    [
        ("read:user user:email", {"read:user", "user:email"}),
        ("read:user,user:email", {"read:user", "user:email"}),
        (" a,, b , ", {"a", "b"}),
        ("", frozenset()),
        ('a b\0 c\n d" e\\ é f', {"a", "f"}),
    ],
)
def test_scopes_are_separated_by_spaces_or_commas(value, scopes):
    assert TokenResponse.from_answer(200, {**ANSWER, "scope": value}).scope == scopes


@pytest.mark.threat("H26")
@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}])
def test_a_scope_that_is_no_text_is_no_answer_about_it(value):
    assert TokenResponse.from_answer(200, {**ANSWER, "scope": value}).scope is None


@pytest.mark.threat("H26")
def test_an_endless_scope_is_refused_and_not_cut_into_another():
    assert TokenResponse.from_answer(200, {**ANSWER, "scope": "a" * 8_192}).scope == frozenset(["a" * 8_192])
    with pytest.raises(ProviderResponseError, match="scope is too long"):
        TokenResponse.from_answer(200, {**ANSWER, "scope": "a" * 8_193})


@pytest.mark.threat("D16", "D19", "D21", "D22", "D23")
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([200, 200, 200, 400]),
    st.fixed_dictionaries({}, optional=dict.fromkeys(["access_token", "token_type", "error"], JSON)),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["expires_in", "refresh_token", "refresh_token_expires_in", "scope", "error_description", "x"],
            JSON,
        ),
    ),
)
@example(200, {}, {"scope": "a b"})
@example(400, {"error": "invalid_grant"}, {"error_description": []})
def test_any_answer_is_a_token_or_a_typed_refusal(status, needed, optional):
    answer = {**ANSWER, **needed, **optional}
    try:
        token = TokenResponse.from_answer(status, answer)
    except OAuthLoginError:  # nothing else may come out of it
        return
    assert status == 200
    assert answer.get("error") is False or answer.get("error") in {None, ""}
    assert token.access_token.isascii()
    assert token.expires_in is None or 0 <= token.expires_in <= 315_360_000
    json.dumps([token.access_token, token.refresh_token, sorted(token.scope or ())]).encode("ascii")
