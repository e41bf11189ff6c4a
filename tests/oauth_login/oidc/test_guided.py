"""Guided linking of whoever has much said about them: claims that a session has to hold meanwhile."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from oauth_login.models import LinkedAccount, SignIn
from oauth_login.policy import PolicyRefused, anybody

MOST = 710  # groups, whose names are as many claims as may be kept
COOKIES = "django.contrib.sessions.backends.signed_cookies"


@pytest.fixture
def jane(openid, configure, db):
    """A user whose address somebody new comes with."""
    configure(KEEP_CLAIMS=["groups"])
    return get_user_model().objects.create_user("jane", password="correct horse", email="jane@op.example")


@pytest.fixture
def guided(openid, jane):
    """A way to come in so many groups, and to sign in by the password then."""

    def come(visitor, number):
        groups = [f"group-number-{n:06}" for n in range(number)]
        openid.userinfo = openid.userinfo | {"groups": groups}
        answer = visitor.sign_in(openid, "acme")
        assert answer.context["code"] == "email_taken"
        assert "The two are then linked by themselves" in answer.content.decode()
        visitor.post("/password/", {"username": "jane", "password": "correct horse"})
        assert visitor.user == jane
        return groups

    return come


@pytest.mark.threat("D25")
def test_a_session_that_is_kept_here_has_room_for_all_claims_that_may_be_kept(visitor, guided, policy):
    seen = policy(anybody)

    groups = guided(visitor, MOST)

    assert LinkedAccount.objects.get().claims == {"groups": groups}
    assert seen.asked[0].profile.claims == {"groups": groups}
    assert LinkedAccount.objects.get().token.access_token


@pytest.mark.threat("D25")
@pytest.mark.parametrize(("number", "is_kept"), [(3, True), (MOST, False)])
def test_a_session_in_a_cookie_leaves_claims_to_the_next_sign_in(
    new_visitor, openid, guided, settings, number, is_kept
):
    settings.SESSION_ENGINE = COOKIES
    rules = {"CLAIM": "groups", "GROUPS": {"group-number-000001": "Editors"}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"acme": rules}}
    editors = Group.objects.create(name="Editors")
    visitor = new_visitor()

    groups = guided(visitor, number)

    account = LinkedAccount.objects.get()
    assert account.claims == ({"groups": groups} if is_kept else {})
    assert editors.user_set.exists() == is_kept
    new_visitor().sign_in(openid, "acme")
    account.refresh_from_db()
    assert account.claims == {"groups": groups}
    assert editors.user_set.exists()


@pytest.mark.threat("F27")
@pytest.mark.parametrize(("number", "outcome"), [(3, "policy_refused"), (MOST, "held_cut")])
def test_a_rule_that_refuses_for_a_claim_is_not_asked_without_it(
    new_visitor, guided, settings, policy, number, outcome
):
    settings.SESSION_ENGINE = COOKIES

    def shuts_out(question):
        return PolicyRefused() if "group-number-000001" in question.profile.claims.get("groups", []) else None

    policy(shuts_out)

    guided(new_visitor(), number)

    assert LinkedAccount.objects.count() == 0
    assert SignIn.objects.latest("pk").outcome == outcome
