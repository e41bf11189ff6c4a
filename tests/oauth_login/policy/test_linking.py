"""The rule and the groups count for whoever links an account, links it again, or grants more."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from oauth_login import asking
from oauth_login.errors import PolicyRefused
from oauth_login.models import LinkedAccount, Token
from oauth_login.policy import anybody

RULES = {"TEAMS": True, "GROUPS": {"acme/editors": "Editors"}}


@pytest.fixture
def octocat(visitor, github):
    """Somebody who has linked GitHub."""
    visitor.sign_in(github)
    return get_user_model().objects.get()


@pytest.fixture(params=["link", "grant"])
def again(request, visitor, github, octocat):
    """A way to link the same account again, or to grant more through it; the callback's answer."""
    account = LinkedAccount.objects.get()

    def come_back():
        more = {}
        if request.param == "grant":
            more = {"ask": asking.sealed(octocat, "github", ["repo"], str(account.pk))}
        github.token = github.token | {"access_token": "gho_newer"}
        return visitor.sign_in(github, intent=request.param, **more)

    return come_back


@pytest.mark.threat("F27")
def test_the_rule_is_asked_once_before_anything_is_written(again, octocat, policy):
    asked = policy(anybody)

    assert again().status_code == 302

    assert [(question.occasion, question.user) for question in asked.asked] == [("link", octocat)]
    assert Token.objects.get().access_token.reveal() == "gho_newer"


@pytest.mark.threat("F27")
def test_whom_it_does_not_admit_changes_nothing(again, policy):
    def refuse(question):
        raise PolicyRefused("Not any more.")

    policy(refuse)
    answer = again()

    assert (answer.status_code, answer.context["code"]) == (403, "policy_refused")
    assert answer.context["explanation"].text == "Not any more."
    assert Token.objects.get().access_token.reveal() != "gho_newer"


def test_groups_are_given_and_taken_then_too(again, octocat, github, member, settings):
    Group.objects.create(name="Editors")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"github": RULES}}
    member("acme", "editors")
    again()
    assert list(octocat.groups.values_list("name", flat=True)) == ["Editors"]

    github.teams = []
    again()
    assert list(octocat.groups.values_list("name", flat=True)) == []


def test_the_account_of_somebody_else_is_no_question_for_the_rule(visitor, new_visitor, github, policy):
    visitor.sign_in(github)
    get_user_model().objects.create_user("ada", password="correct horse")
    other = new_visitor()
    other.login(username="ada", password="correct horse")
    asked = policy(anybody)

    answer = other.sign_in(github, intent="link")

    assert (answer.status_code, answer.context["code"]) == (409, "linked_elsewhere")
    assert asked.asked == []


def test_who_links_the_same_in_another_tab_meanwhile_is_asked_about_once(visitor, github, policy):
    user = get_user_model().objects.create_user("ada")
    visitor.force_login(user, "django.contrib.auth.backends.ModelBackend")

    def faster(question):
        issuer, subject = question.profile.issuer, question.profile.subject
        user.linked_accounts.create(provider="github", issuer=issuer, subject=subject)

    asked = policy(faster)

    assert visitor.sign_in(github, intent="link").status_code == 302
    assert len(asked.asked) == 1
    assert LinkedAccount.objects.count() == 1
