"""Groups by the visitor's teams at GitHub, and by the claims of a provider that is settings."""

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from oauth_login.models import LinkedAccount
from oauth_login.policy import GitHubOrganisation, PolicyRefused, anybody, nobody
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


@pytest.mark.threat("F05")
@pytest.mark.usefixtures("declare")
@pytest.mark.parametrize(
    ("number", "given"), [(9919, (["Editors"], True)), (1, ([], False)), (None, ([], False))]
)
def test_an_organisation_whose_name_was_taken_by_others_gives_nothing(
    visitor, github, settings, number, given
):
    rules = RULES | {"TEAMS": {"Acme": 9919}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"github": rules}}
    organisation = {"login": "acme", "id": number} if number else {"login": "acme"}
    github.teams = [{"slug": slug, "organization": organisation} for slug in ("editors", "admins")]
    visitor.sign_in(github)

    assert has() == given


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


# --- Whom the rule refuses --------------------------------------------------------------------------------


@pytest.fixture
def editor(visitor, github, policy, member, declare):
    """A visitor who is staff, and in a group, for as long as they are in the organisation."""
    policy(GitHubOrganisation("acme"))
    member("acme", "editors", "admins")
    visitor.sign_in(github)
    assert has() == (["Editors"], True)
    return visitor


@pytest.mark.threat("F18", "F27")
@pytest.mark.parametrize("intent", ["sign_in", "link"])
def test_who_is_thrown_out_of_the_organisation_loses_what_its_teams_gave(editor, github, intent, caplog):
    github.memberships.clear()

    assert editor.sign_in(github, intent=intent).status_code == 403

    assert has() == ([], False)
    assert LinkedAccount.objects.get().given == {}
    account = f"account={LinkedAccount.objects.get().pk} because SIGN_IN_POLICY refuses it"
    assert f"leaves Editors: provider=github {account}" in caplog.text
    assert f"is no longer staff: provider=github {account}" in caplog.text


@pytest.mark.threat("F18", "F27")
def test_a_session_that_is_open_elsewhere_is_out_of_the_admin_then(editor, new_visitor, github):
    assert editor.get("/admin/").status_code == 200
    github.memberships.clear()

    assert new_visitor().sign_in(github).status_code == 403

    assert editor.get("/admin/").status_code == 302


def test_who_is_let_in_again_has_it_again(editor, github, policy):
    policy(nobody)
    editor.sign_in(github)
    assert has() == ([], False)
    policy(anybody)

    assert editor.sign_in(github).status_code == 302

    assert has() == (["Editors"], True)


def test_what_an_administrator_or_another_account_gave_is_not_lost_by_a_refusal(editor, github, policy):
    user = User.objects.get()
    user.groups.add(Group.objects.create(name="By hand"))
    given = LinkedAccount.objects.get().given
    issuer = LinkedAccount.objects.get().issuer
    LinkedAccount.objects.create(user=user, provider="github", issuer=issuer, subject="1", given=given)
    policy(nobody)

    assert editor.sign_in(github).status_code == 403

    groups, is_staff = has()
    assert (sorted(groups), is_staff) == (["By hand", "Editors"], True)
    assert list(LinkedAccount.objects.order_by("pk").values_list("given", flat=True)) == [{}, given]


@pytest.mark.threat("F27")
def test_a_rule_that_cannot_be_asked_takes_nothing(editor, new_visitor, github):
    github.memberships["acme"] = (502, {}, b"")

    assert new_visitor().sign_in(github).status_code == 503

    assert has() == (["Editors"], True)


@pytest.mark.threat("F27")
def test_what_is_given_while_the_rule_is_asked_is_lost_as_well(editor, new_visitor, github, policy):
    given = LinkedAccount.objects.get().given
    LinkedAccount.objects.update(given={})

    def slow(question):
        LinkedAccount.objects.update(given=given)
        return PolicyRefused()

    policy(slow)

    assert new_visitor().sign_in(github).status_code == 403
    assert has() == ([], False)
