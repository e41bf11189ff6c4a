"""GitHub and GitHub Enterprise, with whatever they may answer, seen from the visitor's side."""

import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login.errors import OAuthLoginError
from oauth_login.models import LinkedAccount, Token
from oauth_login.oauth2 import TokenResponse, code_challenge
from oauth_login.providers.github import GitHub
from oauth_login.transport import shared
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET
from tests.oauth_login.test_oauth2 import BAD_TOKENS, JSON, brief
from tests.oauth_login.test_subjects import BAD_IDS

CREDENTIALS = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
GRANTED = TokenResponse("gho_x", "Bearer", None, "", None, frozenset({"user:email"}))
VERIFIED = {"primary": True, "verified": True}


@pytest.fixture
def sign_in(visitor, github):
    """A way to sign in, and to get the callback's response."""
    return lambda: visitor.sign_in(github)


@pytest.fixture
def refused_after(refused, visitor):
    """Assert a refusal that came after the token request: nobody signed in, nothing kept but the log."""
    return lambda answer, status: refused(visitor, answer, status, token_requests=1, sign_ins=1)


def account():
    return LinkedAccount.objects.get()


# --- Who signs in -------------------------------------------------------------------------------------


def test_a_visitor_is_known_by_what_github_says(sign_in):
    assert sign_in().status_code == 302

    linked = account()
    assert (linked.issuer, linked.subject) == ("https://github.com/login/oauth", "583231")
    assert (linked.username, linked.name) == ("octocat", "The Octocat")
    assert (linked.email, linked.email_verified) == ("octocat@example.com", True)
    assert linked.picture == "https://avatars.githubusercontent.com/u/583231?v=4"
    assert linked.profile_url == "https://github.com/octocat"
    assert linked.claims == {}


@pytest.mark.threat("L13")
def test_what_else_github_tells_is_not_kept(sign_in, github):
    github.user |= {f"field_{n}": "secret" for n in range(200)} | {"is_staff": True, "plan": {"name": "pro"}}

    assert sign_in().status_code == 302
    assert account().claims == {}
    assert "secret" not in str(vars(account()))


@pytest.mark.threat("GH08", "F01", "F02")
@pytest.mark.parametrize("value", BAD_IDS, ids=lambda value: f"{type(value).__name__} {value!a:.20}")
def test_a_visitor_without_a_proper_id_is_nobody(sign_in, github, refused_after, value):
    github.user["id"] = value
    refused_after(sign_in(), 502)


@pytest.mark.threat("GH08", "F01")
def test_a_visitor_without_an_id_is_nobody(sign_in, github, refused_after):
    del github.user["id"]
    refused_after(sign_in(), 502)


@pytest.mark.threat("GH08", "F05")
def test_who_takes_over_a_login_and_an_address_is_somebody_else(sign_in, github, new_visitor):
    assert sign_in().status_code == 302
    github.user |= {"id": 7}
    github.emails = []
    assert new_visitor().sign_in(github).status_code == 302
    github.user |= {"id": 583231, "login": "renamed"}
    assert new_visitor().sign_in(github).status_code == 302

    assert get_user_model().objects.count() == 2
    assert set(LinkedAccount.objects.values_list("subject", "username")) == {
        ("583231", "renamed"),
        ("7", "octocat"),
    }


@pytest.mark.threat("GH11")
@pytest.mark.parametrize(
    "change",
    [
        {"type": "Bot"},
        {"type": "Organization"},
        {"type": "user"},
        {"type": None},
        {"type": [["deep"]]},
        {"suspended_at": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_only_people_sign_in(sign_in, github, refused_after, change):
    github.user |= change
    answer = sign_in()

    refused_after(answer, 403)
    assert b"Only people can sign in here" in answer.content


@pytest.mark.threat("GH11")
def test_a_person_need_not_be_called_one(sign_in, github):
    del github.user["type"]
    github.user["suspended_at"] = None

    assert sign_in().status_code == 302


# --- Addresses ------------------------------------------------------------------------------------------


@pytest.mark.threat("GH09", "GH10", "F06")
@pytest.mark.parametrize(
    "emails",
    [
        (404, {}, "{}"),
        (404, {}, "<html>"),
        (403, {}, "{}"),
        [],
        [{"email": "a@example.com", "primary": True, "verified": False}],
        [{"email": "a@example.com", "primary": True, "verified": "true"}],
        [{"email": "a@example.com", "primary": True, "verified": 1}],
        [{"email": "a@example.com", "primary": True}],
        [{"email": "a@example.com", "primary": False, "verified": True}],
        [{"email": "a@example.com", "primary": 1, "verified": True}],
        [{"email": "a@example.com", "verified": True}],
        [{"email": "a@example.com", **VERIFIED}, {"email": "b@example.com", **VERIFIED}],
        [{"email": "a@example.com\nBcc: b@example.com", **VERIFIED}],
        [{"email": "a@b@example.com", **VERIFIED}],
        [{"email": f"{'a' * 300}@example.com", **VERIFIED}],
    ],
    ids=brief,
)
def test_without_one_primary_verified_address_there_is_none_and_the_visitor_signs_in(
    sign_in, github, visitor, emails
):
    github.user["email"] = "public@example.com"
    github.emails = emails

    assert sign_in().status_code == 302
    assert visitor.user.email == ""
    assert (account().email, account().email_verified) == ("", False)


@pytest.mark.threat("GH09")
def test_of_many_addresses_the_primary_verified_one_is_taken(sign_in, github, visitor):
    others = [{"email": f"{n}@example.com", "primary": False, "verified": True} for n in range(99)]
    github.user["email"] = "public@example.com"
    github.emails = [*others, {"email": "me@example.com", **VERIFIED}]

    assert sign_in().status_code == 302
    assert visitor.user.email == account().email == "me@example.com"


@pytest.mark.threat("GH09")
@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("583231+octocat@users.noreply.github.com", True),
        ("octocat@USERS.noreply.github.com", True),
        ("octocat@users.noreply.github.com.evil.example", False),
        (f"{'x' * 101}@users.noreply.github.com", False),
        ("octo\0cat@users.noreply.github.com", False),
        ("é@users.noreply.github.com", False),
    ],
    ids=brief,
)
def test_a_private_address_is_kept_apart_and_only_if_it_is_one(sign_in, github, visitor, address, kept):
    github.emails = [
        {"email": address, "primary": False, "verified": True},
        {"email": "2@users.noreply.github.com", "primary": False, "verified": False},
        {"email": "me@example.com", **VERIFIED},
    ]

    assert sign_in().status_code == 302
    assert visitor.user.email == "me@example.com"
    assert account().claims == ({"noreply_email": address} if kept else {})


@pytest.mark.threat("GH09")
def test_a_private_address_is_nowhere_to_write_to(sign_in, github, visitor):
    github.emails = [
        {"email": "1@users.noreply.github.com", **VERIFIED},
        {"email": "2@users.noreply.github.com", **VERIFIED},
    ]

    assert sign_in().status_code == 302
    assert visitor.user.email == ""
    assert account().claims == {"noreply_email": "1@users.noreply.github.com"}


@pytest.mark.threat("F11", "D16")
@pytest.mark.parametrize(
    "emails",
    [
        {},
        "a@example.com",
        None,
        7,
        ["a@example.com"],
        [None],
        [[]],
        [{"email": None}],
        [{"email": ["a"]}],
        [{}],
    ],
    ids=str,
)
def test_a_list_of_addresses_that_is_none_is_no_answer(sign_in, github, refused_after, emails):
    github.emails = emails
    refused_after(sign_in(), 502)


@pytest.mark.threat("GH09", "GH19")
@pytest.mark.parametrize(
    ("scope", "asked", "stored"),
    [
        ("read:user,user:email", True, "read:user user:email"),
        ("read:user user:email", True, "read:user user:email"),
        ("user", True, "user"),
        ("read:user", False, "read:user"),
        ("repo,gist", False, "gist repo"),
        ("", True, ""),  # GitHub Apps have no scopes
        (None, True, "read:user user:email"),  # RFC 6749 §5.1: as requested
    ],
)
def test_addresses_are_asked_for_where_the_granted_scope_allows(sign_in, github, scope, asked, stored):
    github.token["scope"] = scope

    assert sign_in().status_code == 302
    assert len(github.api_requests) == 1 + asked
    assert account().scope == stored
    assert account().email == ("octocat@example.com" if asked else "")


# --- The authorization response -----------------------------------------------------------------------


@pytest.mark.threat("GH01", "B01")
def test_the_code_is_bound_to_this_sign_in(visitor, github, refused_after):
    query = github.approve(visitor.start()["Location"])
    github.codes[query["code"]]["code_challenge"] = code_challenge("somebody-else's")

    refused_after(visitor.come_back(query), 400)


@pytest.mark.threat("GH02", "B06", "B09")
@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example",
        "https://github.com",
        "https://github.com/login/oauth/",
        "https://GitHub.com/login/oauth",
        "",
    ],
)
def test_another_issuer_is_refused(visitor, github, refused, iss):
    query = github.approve(visitor.start()["Location"], iss=iss)

    refused(visitor, visitor.come_back(query))


@pytest.mark.threat("GH02")
def test_github_may_keep_silent_about_its_issuer(visitor, github):
    query = github.approve(visitor.start()["Location"], iss=None)

    assert visitor.come_back(query).status_code == 302
    assert visitor.user is not None


@pytest.mark.threat("GH06")
@pytest.mark.parametrize("error", ["application_suspended", "redirect_uri_mismatch"])
def test_what_only_the_owner_can_mend_is_told_to_the_owner(visitor, github, refused, caplog, error):
    query = {**github.deny(visitor.start()["Location"]), "error": error, "error_description": "As told."}
    answer = visitor.come_back(query)

    refused(visitor, answer, 503, sign_ins=1)
    assert b"This sign-in is not available" in answer.content
    assert b"As told." not in answer.content
    (record,) = [record for record in caplog.records if record.name == "oauth_login"]
    assert record.levelno == logging.ERROR
    assert f"detail={error}: As told." in record.getMessage()
    refused(visitor, visitor.come_back(query), 400, sign_ins=1)  # the state is spent


# --- The token ------------------------------------------------------------------------------------------


@pytest.mark.threat("D19", "GH03", "GH04", "GH05")
@pytest.mark.parametrize(
    ("error", "status", "page", "level"),
    [
        ("bad_verification_code", 400, b"did not accept this sign-in", logging.WARNING),
        ("unverified_user_email", 400, b"verify your e-mail address first", logging.WARNING),
        ("incorrect_client_credentials", 503, b"This sign-in is not available", logging.ERROR),
        ("redirect_uri_mismatch", 503, b"This sign-in is not available", logging.ERROR),
        ("not_known_to_us", 503, b"This sign-in is not available", logging.ERROR),
    ],
)
def test_an_error_with_status_200_is_an_error(
    sign_in, github, refused_after, caplog, error, status, page, level
):
    github.token = {"error": error, "error_description": "As told.", "error_uri": "https://docs.github.com"}
    answer = sign_in()

    refused_after(answer, status)
    assert page in answer.content
    assert b"As told." not in answer.content
    (record,) = [record for record in caplog.records if record.name == "oauth_login"]
    assert record.levelno == level
    assert "client-secret" not in caplog.text


@pytest.mark.threat("D20")
def test_an_error_beside_a_token_is_an_error(sign_in, github, refused_after):
    github.token["error"] = "bad_verification_code"
    refused_after(sign_in(), 400)


@pytest.mark.threat("D19")
@pytest.mark.parametrize("error", [0, [], {"code": 190}, 7])
def test_an_error_that_is_no_word_is_an_error(sign_in, github, refused_after, error):
    github.token["error"] = error
    refused_after(sign_in(), 502)


@pytest.mark.threat("D17", "GH03")
def test_a_form_is_not_asked_for_and_not_read(sign_in, github, refused_after):
    form = "access_token=gho_1&scope=user%3Aemail&token_type=bearer"
    github.token = (200, {"Content-Type": "application/x-www-form-urlencoded"}, form)

    refused_after(sign_in(), 502)
    (request,) = github.requests
    assert request.headers["accept"] == "application/json"


@pytest.mark.threat("D21")
@pytest.mark.parametrize("value", BAD_TOKENS, ids=brief)
def test_a_bad_token_is_never_sent(sign_in, github, refused_after, value):
    github.token["access_token"] = value

    refused_after(sign_in(), 502)
    assert github.api_requests == []


@pytest.mark.threat("D22")
@pytest.mark.parametrize("value", ["mac", "DPoP", None, 1])
def test_a_token_of_another_type_is_never_sent(sign_in, github, refused_after, value):
    github.token["token_type"] = value

    refused_after(sign_in(), 502)
    assert github.api_requests == []


@pytest.mark.threat("GH14", "H29", "H07")
@pytest.mark.parametrize("prefix", ["gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_", ""])
def test_a_token_of_any_look_and_length_is_kept_whole_and_out_of_every_log(sign_in, github, caplog, prefix):
    caplog.set_level(logging.DEBUG)
    token = prefix + "A1" * ((8_192 - len(prefix)) // 2)
    github.token |= {"access_token": token, "refresh_token": token}

    assert sign_in().status_code == 302
    stored = Token.objects.get()
    assert stored.access_token.reveal() == stored.refresh_token.reveal() == token
    assert "A1A1A1A1" not in caplog.text


@pytest.mark.threat("D25", "GH04")
def test_what_a_provider_says_reaches_no_page_and_one_short_line_of_the_log(sign_in, github, caplog):
    forged = "Bad.\r\nERROR oauth_login: all is well \x1b[2J<script>\N{RIGHT-TO-LEFT OVERRIDE}"
    github.token = {"error": "not_known_to_us", "error_description": forged + "x" * 100_000}
    answer = sign_in()

    assert answer.status_code == 503
    assert b"all is well" not in answer.content
    lines = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert len(lines) == 1
    assert len(lines[0]) < 500
    assert lines[0].isprintable()


# --- The API ---------------------------------------------------------------------------------------------


@pytest.mark.threat("GH22", "B15")
def test_the_api_is_asked_as_github_wants_to_be_asked(sign_in, github):
    assert sign_in().status_code == 302

    assert [(request.method, request.host, request.path) for request in github.api_requests] == [
        ("GET", "api.github.com", "/user"),
        ("GET", "api.github.com", "/user/emails?per_page=100"),
    ]
    for request in github.api_requests:
        assert request.headers["user-agent"] == "django-oauth-login"
        assert request.headers["authorization"] == f"Bearer {github.token['access_token']}"
        assert request.headers["accept"] == "application/vnd.github+json"
        assert request.headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.threat("D24")
@pytest.mark.parametrize(
    ("status", "headers", "answered"),
    [
        (201, {}, 502),
        (401, {}, 502),
        (403, {}, 502),
        (403, {"X-RateLimit-Remaining": "59"}, 502),
        (404, {}, 502),
        (451, {}, 502),
        (403, {"X-RateLimit-Remaining": "0"}, 503),
        (403, {"Retry-After": "60"}, 503),
        (429, {"Retry-After": "60"}, 503),
        (500, {}, 503),
        (503, {"Retry-After": "60"}, 503),
    ],
)
def test_who_is_not_told_is_not_signed_in(sign_in, github, refused_after, status, headers, answered):
    github.user = (status, headers, '{"id": 583231, "type": "User"}')
    answer = sign_in()

    refused_after(answer, answered)
    assert answer.get("Retry-After") == headers.get("Retry-After")
    assert len(github.api_requests) == 1  # nor asked again


@pytest.mark.threat("D24", "GH20")
@pytest.mark.parametrize(
    ("status", "headers", "answered"),
    [
        (401, {}, 502),
        (403, {"X-RateLimit-Remaining": "0"}, 503),
        (403, {"Retry-After": "60"}, 503),
        (429, {"Retry-After": "60"}, 503),
        (502, {}, 503),
    ],
)
def test_an_outage_is_not_taken_for_a_visitor_without_addresses(
    sign_in, github, refused_after, status, headers, answered
):
    github.emails = (status, headers, "[]")
    answer = sign_in()

    refused_after(answer, answered)
    assert answer.get("Retry-After") == headers.get("Retry-After")
    assert len(github.api_requests) == 2


@pytest.mark.threat("GH20")
@pytest.mark.parametrize(
    ("outage", "answered"),
    [
        ((502, {"Content-Type": "text/html"}, "<html>Unicorn!</html>"), 503),
        ((200, {"Content-Type": "text/html"}, "<html>abuse detection</html>"), 502),
        ((403, {}, "<html>abuse detection</html>"), 502),
    ],
)
@pytest.mark.parametrize("where", ["token", "user"])
def test_an_outage_ends_with_a_page_and_without_a_storm(
    sign_in, github, refused_after, outage, answered, where
):
    setattr(github, where, outage)
    answer = sign_in()

    refused_after(answer, answered)
    assert b"abuse" not in answer.content
    assert b"Unicorn" not in answer.content
    assert len(github.api_requests) == (where == "user")


@hypothesis_settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    user=st.fixed_dictionaries(
        {"id": st.just(7) | JSON},
        optional=dict.fromkeys(["login", "name", "avatar_url", "html_url", "suspended_at", "email"], JSON)
        | {"type": st.just("User") | JSON},
    )
    | JSON,
    emails=st.lists(
        st.fixed_dictionaries(
            {"email": st.text(max_size=20) | JSON},
            optional={"verified": st.booleans() | JSON, "primary": st.booleans() | JSON},
        )
    )
    | JSON,
)
@example(user={"id": 7}, emails=[{"email": "a@example.com", **VERIFIED}])
@example(user=[], emails=None)
@pytest.mark.threat("D15", "D16", "F01", "F11")
def test_any_answer_of_the_api_is_a_profile_or_a_typed_refusal(github, user, emails):
    github.user, github.emails = user, emails
    try:
        profile = GitHub.from_options("github", CREDENTIALS, shared()).fetch_profile(GRANTED)
    except OAuthLoginError:  # nothing else may come out of it
        return
    assert profile.subject.isdecimal()
    shown = [profile.preferred_username, profile.name, profile.picture, profile.profile]
    assert {type(value) for value in shown} == {str}
    assert max(map(len, shown)) <= 500
    assert profile.email_verified == bool(profile.email)


# --- GitHub Enterprise --------------------------------------------------------------------------------------


def provider(**options):
    return GitHub.from_options("github", {**CREDENTIALS, **options}, shared())


@pytest.mark.threat("L09")
def test_githubs_own_addresses_are_built_in():
    for github in (provider(), provider(BASE_URL="https://github.com/")):
        assert github.label == "GitHub"
        assert github.server.issuer == "https://github.com/login/oauth"
        assert github.server.authorization_endpoint == "https://github.com/login/oauth/authorize"
        assert github.server.token_endpoint == "https://github.com/login/oauth/access_token"
        assert github.api_url == "https://api.github.com"
        assert github.pkce


@pytest.mark.threat("L09", "GH02")
@pytest.mark.parametrize("base", ["https://ghe.example", "https://ghe.example/"])
def test_an_enterprises_addresses_follow_from_one(base):
    github = provider(BASE_URL=base)

    assert github.label == "GitHub Enterprise"
    assert github.server.issuer == "https://ghe.example/login/oauth"
    assert github.server.authorization_endpoint == "https://ghe.example/login/oauth/authorize"
    assert github.server.token_endpoint == "https://ghe.example/login/oauth/access_token"
    assert github.api_url == "https://ghe.example/api/v3"
    assert github.pkce


@pytest.mark.threat("L09")
def test_every_address_can_be_given_itself():
    github = provider(
        BASE_URL="https://ghe.example",
        ISSUER="https://issuer.example",
        AUTHORIZATION_ENDPOINT="https://a.example/",
        TOKEN_ENDPOINT="https://t.example/",
        API_URL="https://api.example/",
        LABEL="Octopus",
        SCOPE="user:email",
        PKCE=False,
        TOKEN_ENDPOINT_AUTH_METHOD="client_secret_basic",
        AUTHORIZATION_PARAMS={"allow_signup": "false"},
    )

    assert github.server.issuer == "https://issuer.example"
    assert github.server.authorization_endpoint == "https://a.example/"
    assert github.server.token_endpoint == "https://t.example/"
    assert github.api_url == "https://api.example"
    assert (github.label, github.scope, github.pkce) == ("Octopus", "user:email", False)
    assert github.client.auth_method == "client_secret_basic"
    url = github.authorization_url(
        redirect_uri="https://me.example/", state="s", code_challenge="c", hints={}
    )
    query = parse_qs(urlsplit(url).query)
    assert query["allow_signup"] == ["false"]
    assert "code_challenge" not in query


def test_a_server_that_refuses_pkce_is_sent_none(github):
    query = {"code_challenge": code_challenge(""), "redirect_uri": "https://me.example/"}
    github.codes["a-code"] = query

    token = provider(PKCE=False).fetch_token(
        code="a-code", redirect_uri="https://me.example/", code_verifier="v"
    )

    assert token.access_token == github.token["access_token"]
    assert "code_verifier" not in github.token_requests[0]
    assert CLIENT_SECRET not in repr(provider())


@pytest.mark.threat("F15")
@pytest.mark.parametrize("login", ["vic\u200btim", "octo\ncat", " octocat", "x" * 151, 7, None])
def test_a_login_that_would_have_to_be_mended_is_not_used(visitor, github, login):
    github.user["login"] = login

    visitor.sign_in(github)

    account = visitor.user.linked_accounts.get()
    assert account.username == ""
    assert visitor.user.get_username().startswith("user-")


@pytest.mark.threat("GH09")
def test_an_enterprise_servers_private_address_is_kept_apart_too(visitor, github, settings):
    ours = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {
        "BASE_URL": "https://ghe.example",
        "ISSUER": github.issuer,
        "AUTHORIZATION_ENDPOINT": github.authorization_endpoint,
        "TOKEN_ENDPOINT": github.token_endpoint,
        "API_URL": github.api,
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": ours}}
    private = {"email": "9+ada@users.noreply.ghe.example", "primary": True, "verified": True}
    github.emails = [private]

    visitor.sign_in(github)

    account = visitor.user.linked_accounts.get()
    assert visitor.user.email == account.email == ""
    assert account.claims == {"noreply_email": private["email"]}


@pytest.mark.threat("GH22")
def test_another_version_of_the_api_can_be_asked_for(visitor, github, settings):
    ours = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"API_VERSION": "2026-03-10"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": ours}}

    visitor.sign_in(github)

    assert {request.headers["x-github-api-version"] for request in github.api_requests} == {"2026-03-10"}


@pytest.mark.threat("H07", "GH04")
@pytest.mark.parametrize("member", ["error", "error_description"])
def test_a_server_that_repeats_our_secrets_does_not_get_them_into_the_log(visitor, github, caplog, member):
    query = github.approve(visitor.start()["Location"])

    github.token = {"error": "x", member: f"you sent client-secret-of-the-tests and {query['code']}"}

    assert visitor.come_back(query).status_code == 503
    assert "***" in caplog.text
    assert "client-secret-of-the-tests" not in caplog.text
    assert query["code"] not in caplog.text
