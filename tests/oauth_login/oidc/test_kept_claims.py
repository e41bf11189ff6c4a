"""Further claims, kept by name: those a site has listed and no others, and not without a bound."""

import pytest

from oauth_login.models import LinkedAccount
from tests.oauth_login.oidc.fake_openid import MISSING

pytestmark = [pytest.mark.django_db, pytest.mark.provider, pytest.mark.databases]


def kept():
    return LinkedAccount.objects.get().claims


def test_only_listed_claims_are_kept(openid, visitor, configure):
    configure(KEEP_CLAIMS=["groups", "department"])
    openid.claims = {"groups": ["a", "b"], "department": {"id": 7, "name": "Legal"}, "salary": 1}

    visitor.sign_in(openid, "acme")

    assert kept() == {"groups": ["a", "b"], "department": {"id": 7, "name": "Legal"}}
    assert openid.hits("/userinfo") == 0


def test_nothing_is_kept_by_default(openid, visitor):
    openid.claims = {"groups": ["a"]}
    visitor.sign_in(openid, "acme")

    assert kept() == {}


def test_userinfo_is_asked_for_a_claim_that_the_id_token_lacks(openid, visitor, configure):
    configure(KEEP_CLAIMS=["groups", "amr"])
    openid.claims = {"amr": ["mfa"], "groups": MISSING}
    openid.userinfo |= {"groups": ["a"], "amr": ["pwd"]}

    visitor.sign_in(openid, "acme")

    assert kept() == {"groups": ["a"], "amr": ["mfa"]}
    assert openid.hits("/userinfo") == 1


@pytest.mark.parametrize("said", [None, MISSING], ids=["null", "missing"])
def test_a_claim_that_is_not_said_is_not_kept_from_before(openid, new_visitor, configure, said):
    configure(KEEP_CLAIMS=["groups"])
    openid.claims = {"groups": ["a"]}
    new_visitor().sign_in(openid, "acme")
    openid.claims = {"groups": said}
    new_visitor().sign_in(openid, "acme")

    assert kept() == {}


def test_a_character_that_no_database_takes_is_replaced(openid, visitor, configure):
    configure(KEEP_CLAIMS=["groups"])
    openid.claims = {"groups": ["a\0b", {"c\0": "\0", "n": 1.5, "t": True}]}

    assert visitor.sign_in(openid, "acme").status_code == 302
    assert kept() == {"groups": ["a\ufffdb", {"c\ufffd": "\ufffd", "n": 1.5, "t": True}]}


@pytest.mark.threat("D04")
@pytest.mark.parametrize(("length", "status"), [(16_000, 302), (16_400, 502)])
def test_claims_that_are_too_large_together_are_refused(openid, visitor, configure, length, status):
    configure(KEEP_CLAIMS=["groups"])
    openid.userinfo |= {"groups": ["x" * length]}

    answer = visitor.sign_in(openid, "acme")

    assert answer.status_code == status
    assert status == 302 or answer.context["code"] == "claims_too_large"
