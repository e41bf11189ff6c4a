"""Every preset of OpenID Connect signs somebody in, with the answers that its documentation shows."""

import jwt
import pytest
from django.urls import reverse

from oauth_login.causes import CAUSES
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.providers.openid_table import ROWS
from tests.oauth_login.oidc.fake_openid import CLIENT_SECRET, EC_KEY, ISSUER, MISSING, RSA_KEYS
from tests.oauth_login.oidc.preset_cases import CASES

pytestmark = [pytest.mark.django_db, pytest.mark.provider]

PROTOCOL = ("name", "preferred_username", "email", "email_verified", "picture")
SIGNERS = {"ES256": EC_KEY, "RS256": RSA_KEYS[0]}


@pytest.fixture(params=sorted(CASES))
def case(request):
    """One preset after the other."""
    return request.param


@pytest.fixture
def provider(case, openid, configure):
    """The provider, speaking as that of the preset would, and a site that uses the preset."""
    facts = CASES[case]
    configure(
        case,
        ISSUER=ISSUER,
        **facts.settings,
        without=["LABEL", *(["CLIENT_SECRET"] if "TEAM_ID" in facts.settings else [])],
    )
    openid.claims = dict.fromkeys(PROTOCOL, MISSING) | facts.claims
    openid.userinfo = {"sub": facts.claims["sub"], **facts.userinfo}
    algorithm = ROWS[case].get("ID_TOKEN_SIGNED_RESPONSE_ALG", "RS256")
    openid.keys = [signer.jwk for signer in SIGNERS.values()]
    openid.signer = SIGNERS.get(algorithm) or SharedSecret()
    if "TEAM_ID" in facts.settings:
        openid.client_public_key = EC_KEY.private.public_key()
    return openid


class SharedSecret:
    """Signs with the client's secret."""

    def sign(self, claims):
        return jwt.encode(claims, CLIENT_SECRET, "HS256")


@pytest.fixture
def sign_in(case, provider, visitor):
    """Sign in through the preset, by the way its provider answers."""

    def signed_in():
        answer = provider.approve(visitor.start(case)["Location"])
        if not CASES[case].by_form:
            return visitor.come_back(answer, case)
        seen = visitor.post(reverse("oauth_login:callback", args=[case]), answer)
        return visitor.get(seen["Location"])

    return signed_in


def test_every_preset_has_its_case():
    assert CASES.keys() == ROWS.keys()


def test_who_signs_in_is_who_the_provider_says(case, provider, sign_in):
    assert sign_in().status_code == 302

    account = LinkedAccount.objects.get()
    assert (account.provider, account.issuer, account.subject) == (case, ISSUER, provider.userinfo["sub"])
    shown = CASES[case].shown
    assert {name: getattr(account, name) for name in shown} == shown


@pytest.mark.threat("F01", "E11")
@pytest.mark.parametrize(
    "subject",
    [MISSING, None, True, ["1"], 1.5, 1, "1" * 256, ""],
    ids=["missing", "null", "bool", "list", "float", "int", "huge", "empty"],
)
def test_a_subject_that_is_none_is_refused(provider, sign_in, rows, subject):
    provider.claims["sub"] = subject

    assert sign_in().status_code == 502
    assert rows() == (0, 0, 0)


@pytest.mark.parametrize("verified", [False, MISSING], ids=["unverified", "unsaid"])
def test_an_address_that_is_not_verified_is_nobodys(provider, sign_in, verified):
    provider.claims |= {"email": "victim@example.com", "email_verified": verified}
    provider.userinfo["email_verified"] = verified is MISSING and None

    assert sign_in().status_code == 302
    account = LinkedAccount.objects.get()
    assert (account.email_verified, account.user.email) == (False, "")


def test_somebody_without_an_address_signs_in(provider, sign_in):
    provider.claims["email"] = MISSING
    provider.userinfo.pop("email", None)

    assert sign_in().status_code == 302
    assert LinkedAccount.objects.get().email == ""


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_code", "code_already_used", "code_expired"])
def test_an_error_is_one_whatever_its_status(provider, sign_in, rows, status, error):
    provider.answers = {"/token": lambda _: (status, {}, b'{"ok": false, "error": "%s"}' % error.encode())}

    assert sign_in().status_code == 400
    assert SignIn.objects.get().outcome == "code_rejected"
    assert rows() == (0, 0, 0)


SLACK_ERRORS = [
    ({"ok": False, "error": "ratelimited"}, "provider_rate_limited", "provider_rate_limited"),
    ({"ok": False}, "token_answer_invalid", "profile_refused"),
    ({"ok": False, "error": {"a": 1}}, "token_answer_invalid", "profile_refused"),
    ({"ok": False, "error": "account_inactive"}, "provider_misconfigured", "profile_refused"),
]


@pytest.mark.threat("D19")
@pytest.mark.parametrize("case", ["slack"], indirect=True)
@pytest.mark.parametrize(("said", "of_token", "of_profile"), SLACK_ERRORS, ids=str)
@pytest.mark.parametrize("place", ["token", "userinfo"])
def test_slack_says_no_with_status_200(provider, sign_in, rows, said, of_token, of_profile, place):
    provider.claims |= {"name": MISSING, "email": MISSING}
    provider.answers = {f"/{place}": lambda _: said}
    answer = sign_in()

    code = of_token if place == "token" else of_profile
    assert (answer.context["code"], answer.status_code) == (code, CAUSES[code].status)
    assert SignIn.objects.get().outcome == code
    assert rows() == (0, 0, 0)


@pytest.mark.threat("H07")
@pytest.mark.parametrize("case", ["slack"], indirect=True)
def test_a_profile_that_repeats_the_token_in_its_error_does_not_bring_it_into_the_log(
    provider, sign_in, caplog
):
    provider.claims |= {"name": MISSING, "email": MISSING}
    provider.answers = {"/userinfo": lambda _: {"error": f"{provider.access_token} is none"}}
    answer = sign_in()

    assert answer.context["code"] == "profile_refused"
    assert "is none" in caplog.text
    assert provider.access_token not in caplog.text
