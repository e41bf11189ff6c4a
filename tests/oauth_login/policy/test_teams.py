"""Groups by the visitor's teams at GitHub, and by the claims of a provider that is settings."""

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from oauth_login.models import LinkedAccount
from oauth_login.policy import GitHubOrganisation
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.test_concurrency import at_once

User = get_user_model()
RULES = {"TEAMS": True, "GROUPS": {"Acme/editors": "Editors"}, "STAFF": ["acme/Admins"]}


@pytest.fixture
def declare(settings, db):
    """A site whose groups follow from teams."""
    Group.objects.create(name="Editors")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"github": RULES}}


def has():
    user = User.objects.get()
    return list(user.groups.values_list("name", flat=True)), user.is_staff


@pytest.mark.usefixtures("declare")
def test_teams_give_and_take(new_visitor, github, member):
    member("acme", "Editors", "admins")
    new_visitor().sign_in(github)
    assert has() == (["Editors"], True)

    github.teams = []
    new_visitor().sign_in(github)
    assert has() == ([], False)


@pytest.mark.threat("F18")
@pytest.mark.usefixtures("database")
def test_what_was_given_by_several_sign_ins_at_once_is_taken_back_all_the_same(
    github, member, request, settings
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}  # else they wait for its row
    Visitor().sign_in(github)
    request.getfixturevalue("declare")
    member("acme", "editors", "admins")
    browsers = [Visitor() for _ in range(6)]
    queries = [github.approve(browser.start()["Location"]) for browser in browsers]
    answers = at_once(
        *(partial(browser.come_back, query) for browser, query in zip(browsers, queries, strict=True))
    )
    assert [answer.status_code for answer in answers] == [302] * 6
    assert has() == (["Editors"], True)

    github.teams = []
    Visitor().sign_in(github)
    assert has() == ([], False)


@pytest.mark.usefixtures("declare")
def test_a_team_of_that_name_elsewhere_gives_nothing(visitor, github, member):
    member("evil", "editors", "admins")
    visitor.sign_in(github)

    assert has() == ([], False)


@pytest.mark.usefixtures("declare")
def test_the_rule_and_the_groups_ask_for_the_teams_once(visitor, github, policy, member):
    member("acme", "editors")
    policy(GitHubOrganisation("acme", "editors"))
    visitor.sign_in(github)

    assert has() == (["Editors"], False)
    assert len([request for request in github.api_requests if "/user/teams" in request.path]) == 1


@pytest.mark.usefixtures("declare")
@pytest.mark.threat("F27")
@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "returning"])
def test_while_teams_cannot_be_seen_nobody_comes_in_or_loses_anything(
    new_visitor, github, member, rows, known
):
    member("acme", "editors", "admins")
    if known:
        new_visitor().sign_in(github)
    before, given = rows(), list(LinkedAccount.objects.values_list("given", flat=True))
    github.teams = (502, {}, b"")
    browser = new_visitor()

    assert browser.sign_in(github).context["code"] == "provider_unavailable"
    assert (browser.user, rows()) == (None, before)
    assert list(LinkedAccount.objects.values_list("given", flat=True)) == given


@pytest.mark.usefixtures("declare")
def test_a_site_that_does_not_ask_to_see_teams_is_told_so(visitor, github, caplog):
    scopes = {"X-Accepted-OAuth-Scopes": "read:org, repo, user", "X-OAuth-Scopes": "user:email"}
    github.teams = (403, scopes, b"{}")

    assert visitor.sign_in(github).context["code"] == "scope_required"
    assert "read:org" in caplog.text


def test_a_provider_that_is_settings_keeps_claims_of_its_profile_alone(visitor, github, settings, member):
    Group.objects.create(name="Editors")
    forge = {
        **settings.OAUTH_LOGIN["PROVIDERS"]["github"],
        "AUTHORIZATION_ENDPOINT": github.authorization_endpoint,
        "TOKEN_ENDPOINT": github.token_endpoint,
        "USERINFO_ENDPOINT": f"{github.api}/user",
        "CLAIMS": {"sub": "id"},
        "KEEP_CLAIMS": ["roles", "token"],
    }
    rules = {"CLAIM": "roles.names", "GROUPS": {"editors": "Editors"}}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"forge": forge}, "MEMBERSHIPS": {"forge": rules}}
    github.user |= {"roles": {"names": ["editors"]}}

    assert visitor.sign_in(github, "forge").status_code == 302
    assert has() == (["Editors"], False)
    assert LinkedAccount.objects.get().claims == {"roles": {"names": ["editors"]}}
