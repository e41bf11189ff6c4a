"""UserInfo: asked only for what the ID Token lacks, and believed only about the same person."""

import pytest

from oauth_login.models import LinkedAccount
from tests.oauth_login.oidc.fake_openid import ISSUER, MISSING, SUBJECT

pytestmark = [pytest.mark.django_db, pytest.mark.provider]


@pytest.fixture
def brief(openid):
    """A provider whose ID Tokens say who it is, and no more."""
    openid.claims = dict.fromkeys(
        ["name", "preferred_username", "email", "email_verified", "picture"], MISSING
    )
    return openid


def test_what_the_id_token_lacks_is_asked_for(brief, visitor):
    brief.userinfo |= {"email_verified": True, "nickname": "jane", "profile": "https://op.example/jane"}

    visitor.sign_in(brief, "acme")

    account = LinkedAccount.objects.get()
    assert (account.name, account.username, account.email) == ("Jane Doe", "jane", "jane@op.example")
    assert (account.email_verified, account.profile_url) == (True, "https://op.example/jane")
    assert brief.hits("/userinfo") == 1


def test_an_address_that_is_empty_in_the_id_token_is_one_that_it_lacks(openid, visitor):
    """Core §5.3.2: what is not said is left out, and not empty."""
    openid.claims = {"email": "", "email_verified": MISSING}
    openid.userinfo |= {"email_verified": True}

    visitor.sign_in(openid, "acme")

    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("jane@op.example", True)


def test_oidcc_client_test_userinfo_bearer_header(brief, visitor):
    visitor.sign_in(brief, "acme")

    (request,) = [request for request in brief.requests if request.path == "/userinfo"]
    assert request.headers["authorization"] == f"Bearer {brief.access_token}"
    assert (request.method, request.body) == ("GET", "")


def test_what_the_id_token_says_wins(openid, visitor):
    openid.claims = {"email": MISSING}
    openid.userinfo |= {"name": "Somebody Else", "iss": "https://evil.example"}

    visitor.sign_in(openid, "acme")

    account = LinkedAccount.objects.get()
    assert (account.issuer, account.name, account.email) == (ISSUER, "Jane Doe", "jane@op.example")


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_what_the_site_does_not_ask_for_is_not_fetched(brief, visitor, configure, scope):
    configure(SCOPE=scope)

    assert visitor.sign_in(brief, "acme").status_code == 302
    assert brief.hits("/userinfo") == 0


def test_a_provider_without_userinfo_says_all_it_has_in_the_id_token(brief, visitor):
    del brief.configuration["userinfo_endpoint"]

    assert visitor.sign_in(brief, "acme").status_code == 302
    assert LinkedAccount.objects.get().name == ""


@pytest.mark.threat("E25")
def test_oidcc_client_test_userinfo_invalid_sub(brief, visitor, new_visitor, rows):
    brief.claims |= {"sub": "VICTIM"}
    brief.userinfo = {"sub": "VICTIM", "name": "The Victim"}
    new_visitor().sign_in(brief, "acme")
    before = rows()
    brief.claims |= {"sub": SUBJECT}

    answer = visitor.sign_in(brief, "acme")

    assert answer.status_code == 502
    assert visitor.user is None
    assert rows() == before
    assert LinkedAccount.objects.get().name == "The Victim"


@pytest.mark.threat("E26")
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "userinfo_of_another"),
        ({"sub": None}, "userinfo_of_another"),
        ({"sub": [SUBJECT]}, "userinfo_of_another"),
        ([], "json_type_wrong"),
        (None, "json_type_wrong"),
        ("x", "json_type_wrong"),
    ],
    ids=repr,
)
def test_userinfo_about_nobody_is_refused(brief, rejected, said, code):
    brief.userinfo = said

    rejected(code, userinfo=1)


@pytest.mark.threat("E27")
@pytest.mark.parametrize("kind", ["application/jwt", "application/JWT; charset=utf-8"])
def test_oidcc_client_test_userinfo_signed(brief, rejected, kind):
    signed = brief.signer.sign({"sub": SUBJECT, "iss": ISSUER})
    brief.answers = {"/userinfo": lambda _: (200, {"Content_Type": kind}, signed.encode())}

    rejected("userinfo_signed", userinfo=1)


@pytest.mark.threat("E38")
@pytest.mark.parametrize(
    "body",
    [
        b'{"sub":"a","sub":"b"}',
        b"[" * 100_000,
        b'{"sub":NaN}',
        b'{"sub":"\\udc00"}',
        b'{"sub":' + b"9" * 30 + b"}",
    ],
    ids=["repeated", "deep", "nan", "surrogate", "huge"],
)
@pytest.mark.parametrize("path", ["/userinfo", "/token", "/jwks"])
def test_an_answer_that_is_no_strict_json_is_refused(brief, visitor, rows, path, body):
    brief.answers = {path: lambda _: (200, {}, body)}

    assert visitor.sign_in(brief, "acme").status_code == 502
    assert rows() == (0, 0, 0)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "profile_refused"), (403, "profile_refused"), (204, "profile_refused")]
)
def test_userinfo_that_is_refused_ends_the_sign_in(brief, rejected, status, code):
    brief.answers = {"/userinfo": lambda _: (status, {}, b"")}

    rejected(code, userinfo=1)


@pytest.mark.parametrize("picture", ["https://tracker.example/p.png", "http://op.example/p.png", 7])
def test_a_picture_that_is_elsewhere_is_not_shown(openid, visitor, picture):
    openid.claims = {"picture": picture}

    visitor.sign_in(openid, "acme")

    assert LinkedAccount.objects.get().picture == ""


def test_a_picture_may_be_where_the_site_allows(openid, visitor, configure):
    configure(PICTURE_HOSTS=["cdn.example"])
    openid.claims = {"picture": "https://cdn.example/p.png"}

    visitor.sign_in(openid, "acme")

    assert LinkedAccount.objects.get().picture == "https://cdn.example/p.png"


@pytest.mark.threat("E34", "F06")
@pytest.mark.parametrize(
    ("token", "userinfo", "email", "verified"),
    [
        # A verdict without an address says nothing about one that another document names.
        ({"email": MISSING, "email_verified": True}, {"email_verified": False}, "victim@x.example", False),
        ({"email": MISSING, "email_verified": True}, {}, "victim@x.example", False),
        ({"email": MISSING, "email_verified": MISSING}, {"email_verified": True}, "victim@x.example", True),
        ({"email": None, "email_verified": False}, {"email_verified": True}, "victim@x.example", True),
        (
            {"email": "jane@x.example", "email_verified": MISSING},
            {"email_verified": True},
            "jane@x.example",
            False,
        ),
        (
            {"email": "jane@x.example", "email_verified": True},
            {"email_verified": False},
            "jane@x.example",
            True,
        ),
    ],
)
def test_an_address_and_its_verdict_are_of_one_document(openid, visitor, token, userinfo, email, verified):
    openid.claims = {"name": MISSING, **token}
    openid.userinfo = {"sub": SUBJECT, "name": "Jane", "email": "victim@x.example", **userinfo}

    assert visitor.sign_in(openid, "acme").status_code == 302

    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == (email, verified)
    assert visitor.user.email == (email if verified else "")


@pytest.mark.threat("F06", "F11")
def test_what_is_no_address_is_not_verified_whatever_is_said_of_it(openid, visitor, policy):
    asked = policy(lambda _: None).asked
    openid.claims = {"email": "no address", "email_verified": True}

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert [(one.profile.email, one.profile.email_verified) for one in asked] == [("", False)]


@pytest.mark.threat("H07")
def test_an_error_that_repeats_the_token_is_written_down_without_it(brief, visitor, caplog):
    brief.answers["/userinfo"] = lambda _: (200, {}, {"error": f"{brief.access_token} is not known here"})

    assert visitor.sign_in(brief, "acme").status_code == 502
    assert "*** is not known here" in caplog.text
    assert brief.access_token not in caplog.text


@pytest.mark.threat("E36", "F05")
def test_whoever_shares_its_namespace_is_sent_nowhere_at_run_time_either(
    openid, visitor, settings, configure
):
    configure()
    acme = settings.OAUTH_LOGIN["PROVIDERS"]["acme"]
    forge = {
        **{name: acme[name] for name in ("CLIENT_ID", "CLIENT_SECRET")},
        "ISSUER": acme["ISSUER"],
        "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
        "TOKEN_ENDPOINT": "https://forge.example/token",
        "USERINFO_ENDPOINT": "https://forge.example/user",
        "CLAIMS": {"sub": "login"},
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": acme, "forge": forge}}

    for alias in ("acme", "forge"):
        answer = visitor.start(alias)
        assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"name": "Jane Q. Doe", "given_name": "Jane", "family_name": "Doe"}, "Jane Q. Doe"),
        ({"name": MISSING, "given_name": "Janet", "family_name": "Doe"}, "Janet Doe"),
        ({"name": " ", "given_name": MISSING, "family_name": "Roe"}, "Roe"),
    ],
)
def test_a_whole_name_counts_before_its_parts(openid, configure, visitor, said, name):
    configure(SCOPE="openid")
    openid.claims = {**said}

    visitor.sign_in(openid, "acme")

    assert LinkedAccount.objects.get().name == name
