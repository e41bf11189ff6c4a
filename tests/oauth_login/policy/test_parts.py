"""The ready parts of a rule: whom each admits, whom not, and what it says to them."""

import json
from typing import cast

import pytest
from django.contrib.auth import get_user_model

from oauth_login.checks import check_settings
from oauth_login.errors import ProviderUnavailable
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.policy import (
    AllOf,
    AllowOnly,
    AnyOf,
    ByProvider,
    Deny,
    EmailDomains,
    GitHubOrganisation,
    Invited,
    PolicyRefused,
    SignInQuestion,
    SignUpClosed,
    anybody,
    nobody,
)
from oauth_login.providers.base import Profile
from oauth_login.visitor_api import VisitorApi
from tests.oauth_login.policy import rule

ISSUER = "https://github.com/login/oauth"
ACME = GitHubOrganisation("acme")
HTTP_500: tuple[int, dict[str, str], bytes] = (500, {}, b"")


def has(github, email, **more):
    github.emails = [{"email": email, "primary": True, "verified": True, **more}]


def about(alias="github", occasion="sign_in", **profile):
    """Return a question about somebody."""
    who = Profile(**{"issuer": ISSUER, "subject": "583231", "preferred_username": "octocat", **profile})
    return SignInQuestion(occasion, who, alias, None, None, VisitorApi(alias, None))


def no(question):
    return PolicyRefused("no")


def also_no(question):
    return PolicyRefused("also no")


def empty(question):
    return rule.Empty("no")


def is_down(question):
    raise ProviderUnavailable


# --- Addresses --------------------------------------------------------------------------------------------


@pytest.mark.threat("F22")
@pytest.mark.parametrize(
    ("email", "more"),
    [
        ("me@acme.example.evil.example", {}),
        ("me@sub.acme.example", {}),
        ("me@notacme.example", {}),
        ("me@evil.example@acme.example", {}),
        ("me@evil.example\n@acme.example", {}),
        ("me@acme.example\n", {}),
        ("@acme.example", {}),
        ("me@acm\N{CYRILLIC SMALL LETTER IE}.example", {}),
        ("me@acme\N{FULLWIDTH FULL STOP}example", {}),
        ("me@acme.example", {"verified": False}),
        ("me@acme.example", {"verified": "true"}),
        ("me@acme.example", {"primary": False}),
        ("", {}),
    ],
    ids=ascii,
)
def test_an_address_of_another_domain_or_unproven_is_refused(visitor, github, policy, kept_out, email, more):
    policy(EmailDomains("acme.example"))
    has(github, email, **more)

    assert "vouch" in kept_out(visitor, visitor.sign_in(github))


@pytest.mark.threat("F22")
def test_the_sign_of_the_kelvin_is_no_letter_of_a_domain_or_a_name(visitor, github, policy, kept_out):
    policy(EmailDomains("kelvin.example"))
    has(github, "me@\N{KELVIN SIGN}elvin.example")

    kept_out(visitor, visitor.sign_in(github))
    listed = AllowOnly(usernames=[("github", "kelvin")])
    assert listed(about(preferred_username="\N{KELVIN SIGN}elvin"))
    assert listed(about(preferred_username="Kelvin")) is None
    with pytest.raises(ValueError, match="is no domain"):
        EmailDomains("\N{KELVIN SIGN}elvin.example")


@pytest.mark.threat("F22")
@pytest.mark.parametrize("verified", ["true", "True", "yes", 1, None, False], ids=repr)
def test_an_address_is_vouched_for_by_true_and_nothing_like_it(verified):
    mine = {"email": "me@acme.example"}

    assert EmailDomains("acme.example")(about(**mine, email_verified=verified))
    assert EmailDomains("acme.example")(about(**mine, email_verified=True)) is None


@pytest.mark.threat("F22")
@pytest.mark.parametrize("emails", [[], (404, {}, "{}")], ids=["none", "not told"])
def test_a_visitor_without_an_address_is_refused(visitor, github, policy, kept_out, emails):
    policy(EmailDomains("acme.example"))
    github.user["email"] = "me@acme.example"
    github.emails = emails

    kept_out(visitor, visitor.sign_in(github))


@pytest.mark.threat("F22")
@pytest.mark.parametrize("email", ["me@acme.example", "Me@ACME.Example", "me@labs.acme.example"])
def test_a_proven_address_of_a_listed_domain_is_admitted_in_any_case(visitor, github, policy, email):
    policy(EmailDomains("ACME.example", "labs.acme.example"))
    has(github, email)

    assert visitor.sign_in(github).status_code == 302


@pytest.mark.threat("F22")
def test_who_leaves_the_company_is_not_signed_in_any_more(visitor, new_visitor, github, policy):
    has(github, "me@acme.example")
    policy(EmailDomains("acme.example"))
    visitor.sign_in(github)
    has(github, "me@elsewhere.example")

    assert new_visitor().sign_in(github).context["code"] == "policy_refused"


# --- GitHub's organisations -------------------------------------------------------------------------------


@pytest.mark.threat("F22")
@pytest.mark.parametrize("name", ["acme", "ACME"])
@pytest.mark.parametrize("team", ["", "Editors", ["admins", "editors"]], ids=str)
def test_a_member_is_admitted(visitor, github, policy, member, name, team):
    member("acme", "designers", "editors")
    policy(GitHubOrganisation(name, team or None, id=4711))

    assert visitor.sign_in(github).status_code == 302


@pytest.mark.threat("F22")
@pytest.mark.parametrize(
    "changes",
    [{"state": "pending"}, {"state": None}, {"number": 1}, {"number": None}],
    ids=str,
)
def test_who_is_only_invited_or_in_another_organisation_of_that_name_is_refused(
    visitor, github, policy, member, kept_out, changes
):
    member(**changes)
    policy(GitHubOrganisation("acme", id=4711))

    assert "organisation" in kept_out(visitor, visitor.sign_in(github))


@pytest.mark.threat("F22")
@pytest.mark.parametrize("status", [403, 404])
def test_of_whom_github_says_nothing_is_refused(visitor, github, policy, kept_out, status, caplog):
    github.memberships["acme"] = (status, {}, b"{}")
    policy(GitHubOrganisation("acme", words="Ask your team lead."))

    assert kept_out(visitor, visitor.sign_in(github)) == "Ask your team lead."
    assert f"detail=acme: HTTP {status}" in caplog.text


@pytest.mark.threat("F22")
@pytest.mark.parametrize("teams", [[], ["editors-of-old"], ["other/editors"]], ids=str)
def test_a_member_of_no_listed_team_is_refused(visitor, github, policy, member, kept_out, teams):
    member("acme", *[team for team in teams if "/" not in team])
    member("other", *[team.partition("/")[2] for team in teams if "/" in team])
    policy(GitHubOrganisation("acme", "editors"))

    kept_out(visitor, visitor.sign_in(github))


def test_a_team_on_a_later_page_counts(visitor, github, policy, member):
    member()
    everything = [{"slug": f"t{number}", "organization": {"login": "acme"}} for number in range(250)]

    def page(request):
        number = int(request.path.rpartition("page=")[2])
        return everything[(number - 1) * 100 : number * 100]

    github.teams = lambda request: (200, {}, json.dumps(page(request)))
    policy(GitHubOrganisation("acme", "t249"))

    assert visitor.sign_in(github).status_code == 302
    assert [request.path for request in github.api_requests][-3:] == [
        f"/user/teams?per_page=100&page={number}" for number in (1, 2, 3)
    ]


@pytest.mark.threat("D16")
@pytest.mark.parametrize(
    ("teams", "status"),
    [
        ([{"slug": "t", "organization": {"login": "acme"}}] * 100, 502),
        ([7], 502),
        ([{"slug": "editors"}], 502),
        ([{"slug": "editors", "organization": None}], 502),
        ([{"slug": 7, "organization": {"login": "acme"}}], 502),
        ([{"slug": "editors", "organization": {"login": ["acme"]}}], 502),
        ({"slug": "editors"}, 502),
        ((401, {}, b"{}"), 502),
        ((404, {}, b"{}"), 502),
        (HTTP_500, 503),
    ],
    ids=["no end", "number", "of nobody", "null", "no slug", "no login", "object", "401", "404", "500"],
)
def test_a_list_of_teams_that_is_none_refuses_nobody_and_admits_nobody(
    visitor, github, policy, member, teams, status
):
    member()
    github.teams = teams
    policy(GitHubOrganisation("acme", "editors"))

    assert visitor.sign_in(github).status_code == status
    assert visitor.user is None


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"state": "active", "organization": {"login": "other"}}, 502),
        ({"state": "active", "organization": "acme"}, 502),
        ({"state": "active"}, 502),
        ([], 502),
        ((401, {}, b"{}"), 502),
        (HTTP_500, 503),
    ],
    ids=["of another", "text", "of none", "list", "401", "500"],
)
def test_a_membership_that_is_none_refuses_nobody_and_admits_nobody(visitor, github, policy, answer, status):
    github.memberships["acme"] = answer
    policy(ACME)

    assert visitor.sign_in(github).status_code == status
    assert visitor.user is None


@pytest.mark.threat("I05")
def test_who_has_to_sign_in_to_the_organisation_first_is_told_so_and_led_nowhere(
    visitor, github, policy, kept_out
):
    sso = {"X-GitHub-SSO": "required; url=https://evil.example/sso?authorization_request=x"}
    github.memberships["acme"] = (403, sso, b"{}")
    policy(ACME)
    answer = visitor.sign_in(github)

    assert "sign in to it first" in kept_out(visitor, answer)
    assert "evil.example" not in answer.content.decode()


@pytest.mark.threat("F22", "F28")
def test_another_providers_word_about_a_membership_does_not_count():
    assert ACME(about("acme"))


# --- Lists ------------------------------------------------------------------------------------------------

ME = [
    (("github", 583231), ()),
    (("github", "583231"), ()),
    (None, [("github", "octocat")]),
    (None, [("github", "OctoCat")]),
]
OTHERS = [
    (("github", "58323"), ()),
    (("acme", 583231), ()),
    (None, [("github", "octo")]),
    (None, [("acme", "octocat")]),
]


@pytest.mark.threat("F22")
@pytest.mark.usefixtures("with_acme")
@pytest.mark.parametrize("listed", [AllowOnly, Deny])
@pytest.mark.parametrize(
    ("person", "usernames", "is_me"),
    [*((*one, True) for one in ME), *((*one, False) for one in OTHERS)],
    ids=str,
)
def test_a_list_knows_people_by_id_or_name_at_their_own_provider(listed, person, usernames, is_me):
    part = listed(*([person] if person else []), usernames=usernames, words="Told.")
    refusal = part(about())

    assert (refusal is None) == (is_me == (listed is AllowOnly))
    assert refusal is None or refusal.words == "Told."


@pytest.mark.threat("F22")
def test_nobody_gets_around_a_list_through_another_alias_of_the_same_server(settings):
    here = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    ghe = here | {"PRESET": "github", "BASE_URL": "https://ghe.example"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": here, "again": here | {"PRESET": "github"}, "ghe": ghe}}
    denied = Deny(("github", 583231))

    assert denied(about("again"))
    assert denied(about("ghe", issuer="https://ghe.example/login/oauth")) is None


SLIPS = [
    (Deny(("githup", 583231)), "there is no provider 'githup'. Did you mean 'github'?"),
    (Deny(("GitHub", 583231)), "there is no provider 'GitHub'. Did you mean 'github'?"),
    (Deny(("as-it-was-called-before", 583231)), "there is no provider 'as-it-was-called-before'"),
    (Deny(("acme", "ada"), ("github", 7), ("githup", 7)), "there is no provider 'githup'"),
    (Deny(usernames=[("githup", "octocat")]), "there is no provider 'githup'"),
    (Deny(("github", "0583231")), "'github' has nobody with the id '0583231'"),
    (Deny(("acme", "ada"), ("github", "octocat")), "'github' has nobody with the id 'octocat'"),
    (AllowOnly(("githup", 583231)), "there is no provider 'githup'"),
    (GitHubOrganisation("acme", provider="githup"), "there is no provider 'githup'"),
    (GitHubOrganisation("acme", provider="acme"), "'acme' is no GitHub"),
    (ByProvider({"githup": nobody}, others=anybody), "there is no provider 'githup'"),
    (ByProvider({cast("str", 7): nobody}, others=anybody), "there is no provider 7"),
]


@pytest.mark.threat("F22")
@pytest.mark.usefixtures("with_acme")
@pytest.mark.parametrize("around", [lambda part: part, AllOf], ids=["alone", "a part"])
@pytest.mark.parametrize(("part", "mistake"), SLIPS)
def test_a_part_that_can_mean_nobody_is_a_mistake_and_admits_nobody(
    visitor, github, policy, kept_out, part, mistake, around
):
    policy(around(part))

    assert any(f"SIGN_IN_POLICY']: {mistake}" in problem.msg for problem in check_settings())
    assert {problem.id for problem in check_settings()} == {"oauth_login.E024"}
    kept_out(visitor, visitor.sign_in(github), "settings_invalid", 503)


@pytest.mark.usefixtures("with_acme")
@pytest.mark.parametrize(
    "part",
    [
        Deny(("github", "7"), ("github", 8), ("acme", "ada of acme"), ("acme", "007")),
        Deny(usernames=[("github", "0583231")]),
        AnyOf(AllowOnly(("githup", 583231)), anybody),
        AnyOf(GitHubOrganisation("acme", provider="acme"), anybody),
        ByProvider({"github": anybody, "githup": nobody}),
    ],
)
def test_a_part_that_is_right_about_the_visitor_admits_them(visitor, github, policy, part):
    policy(part)

    assert visitor.sign_in(github).status_code == 302


@pytest.mark.parametrize(
    ("part", "options", "problem"),
    [
        (Deny(("acme", "ada")), {"ISSUER": "http://sso.acme.example"}, "E009"),
        (Deny(("acme", "ada")), {"PRESET": "no-such-preset"}, "E006"),
        (GitHubOrganisation("acme", provider="acme"), {"PRESET": "no-such-preset"}, "E006"),
    ],
)
def test_of_a_provider_that_is_not_right_itself_only_that_is_said(settings, policy, part, options, problem):
    acme = {"CLIENT_ID": "an id", "CLIENT_SECRET": "a secret", **options}
    written = settings.OAUTH_LOGIN
    settings.OAUTH_LOGIN = written | {"PROVIDERS": written["PROVIDERS"] | {"acme": acme}}
    policy(part)

    assert {one.id for one in check_settings()} == {f"oauth_login.{problem}"}


@pytest.mark.threat("F22")
@pytest.mark.parametrize("part", [AllowOnly(("acme", "583231")), Deny(("acme", "583231"))])
def test_who_may_be_on_a_list_of_a_server_that_nobody_can_name_is_not_admitted(
    visitor, github, settings, policy, kept_out, part
):
    acme = {"ISSUER": "http://sso.acme.example", "CLIENT_ID": "an id", "CLIENT_SECRET": "a secret"}
    written = settings.OAUTH_LOGIN
    settings.OAUTH_LOGIN = written | {"PROVIDERS": written["PROVIDERS"] | {"acme": acme}}
    policy(part)

    kept_out(visitor, visitor.sign_in(github), "settings_invalid", 503)


def test_who_has_no_name_is_nobody_on_a_list_of_names():
    assert AllowOnly(usernames=[("github", "octocat")])(about(preferred_username=""))


# --- Who is new -------------------------------------------------------------------------------------------


@pytest.mark.threat("F22")
@pytest.mark.parametrize("part", [SignUpClosed(), Invited(lambda question: False)], ids=["closed", "invited"])
def test_where_nobody_can_sign_up_whoever_is_here_still_signs_in(
    visitor, new_visitor, github, policy, rows, part
):
    visitor.sign_in(github)
    before = rows()
    policy(part)
    assert new_visitor().sign_in(github).status_code == 302

    github.user, github.emails = github.user | {"id": 7, "login": "mona"}, []
    stranger = new_visitor()
    assert stranger.sign_in(github).context["code"] == "policy_refused"
    assert (stranger.user, rows()) == (None, before)
    assert part(about(occasion="link")) is None


def is_invited(question):
    """The hook of a site that invites by address."""
    return question.profile.email == "octocat@example.com"


@pytest.mark.parametrize("hook", [is_invited, f"{__name__}.is_invited"], ids=["function", "path"])
def test_who_is_invited_signs_up(visitor, new_visitor, github, policy, hook):
    policy(Invited(hook))
    assert visitor.sign_in(github).status_code == 302

    github.user = github.user | {"id": 7}
    has(github, "mona@example.com")
    assert "invitation" in new_visitor().sign_in(github).context["explanation"].text


@pytest.mark.threat("F22")
@pytest.mark.parametrize("answer", [1, 0, None, "yes", []], ids=repr)
def test_an_invitation_is_true_or_false_and_nothing_like_it(answer):
    with pytest.raises(TypeError, match="returns True or False"):
        Invited(lambda question: answer)(about(occasion="sign_up"))


@pytest.mark.usefixtures("with_acme")
@pytest.mark.parametrize(
    "around",
    [
        lambda hook: hook,
        lambda hook: AllOf(anybody, AnyOf(EmailDomains("acme.example"), ACME, hook)),
        lambda hook: ByProvider({"github": hook}),
        lambda hook: ByProvider({"acme": ACME}, others=hook),
    ],
    ids=["alone", "a part", "of a provider", "of the others"],
)
def test_a_hook_that_is_not_there_is_a_mistake_in_the_settings(policy, around):
    policy(around(Invited("nowhere.at.all")))

    (problem,) = check_settings()

    assert problem.id == "oauth_login.E024"
    assert "the hook of Invited(): 'nowhere.at.all' cannot be imported" in problem.msg

    policy(around(Invited(f"{__name__}.is_invited")))
    assert check_settings() == []


@pytest.mark.parametrize("path", ["nowhere.at.all", f"{rule.__name__}.later"])
def test_a_hook_that_is_not_there_invites_nobody(path):
    with pytest.raises(ValueError, match=r"imported|asynchronous"):
        Invited(path)(about(occasion="sign_up"))


# --- Several parts as one ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("with_acme")
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (AllOf(anybody, anybody), None),
        (AllOf(anybody, no, also_no), "no"),
        (AllOf(anybody, no, words="Own."), "Own."),
        (AnyOf(no, anybody, is_down), None),
        (AnyOf(is_down, anybody), None),
        (AnyOf(no, also_no), "also no"),
        (AnyOf(no, also_no, words="Own."), "Own."),
        (ByProvider({"github": anybody}), None),
        (ByProvider({"github": no}), "no"),
        (ByProvider({"github": no}, words="Own."), "Own."),
        (AllOf(empty, words="Own."), "Own."),
        (AnyOf(empty, words="Own."), "Own."),
        (ByProvider({"github": empty}, words="Own."), "Own."),
        (ByProvider({"acme": anybody}), ""),
        (ByProvider({"acme": no}, others=anybody), None),
        (AllOf(AnyOf(no, anybody), ByProvider({"github": SignUpClosed()})), None),
    ],
)
def test_parts_are_put_together_as_they_read(policy, words):
    refusal = policy(about())

    assert (None if refusal is None else refusal.words) == words


@pytest.mark.parametrize("policy", [AllOf(anybody, is_down), AnyOf(no, is_down), AnyOf(is_down, no)])
def test_a_provider_that_is_down_is_no_refusal(policy):
    with pytest.raises(ProviderUnavailable):
        policy(about())


@pytest.mark.threat("F22")
def test_a_provider_that_is_added_later_is_no_back_door():
    assert isinstance(ByProvider({"github": anybody})(about("new")), PolicyRefused)


@pytest.mark.threat("F27")
def test_a_rule_may_want_a_second_factor_that_the_provider_has_asked_for():
    def with_second_factor(question):
        return (
            None if "mfa" in question.profile.claims.get("amr", []) else PolicyRefused("Use a second factor.")
        )

    policy = AllOf(with_second_factor)

    assert policy(about(claims={"amr": ["pwd"]}))
    assert policy(about(claims={"amr": ["pwd", "mfa"]})) is None


@pytest.mark.parametrize(
    ("part", "given", "options"),
    [
        *((kind, (), {}) for kind in (AllOf, AnyOf, EmailDomains, AllowOnly, Deny)),
        (AllOf, [EmailDomains], {}),
        (AllOf, [rule.later], {}),
        (AllOf, [rule.unready], {}),
        (AnyOf, ["oauth_login.policy.anybody"], {}),
        (ByProvider, [{"github": None}], {}),
        (ByProvider, [{}], {"others": SignUpClosed}),
        *(
            (EmailDomains, [domain], {})
            for domain in ("me@acme.example", "acme", "*.acme.example", "b\xfccher.de")
        ),
        *((GitHubOrganisation, [name], {}) for name in ("", "..", "acme/editors")),
        (GitHubOrganisation, ["acme", "a team"], {}),
        *((GitHubOrganisation, ["acme", ()], {}), (GitHubOrganisation, ["acme", ""], {})),
        *((GitHubOrganisation, ["acme"], {"id": number}) for number in ("4711", 4711.0, True)),
        *((GitHubOrganisation, ["acme", team], {}) for team in (5, b"x", ["a", None])),
        (GitHubOrganisation, [None], {}),
        (AllowOnly, ["octocat"], {}),
        (Deny, [("github",)], {}),
        (Deny, [("github", "")], {}),
        (Deny, [], {"usernames": ["octocat"]}),
        (Deny, [], {"usernames": [("github", ["octocat"])]}),
        *(
            (kind, [pair], {})
            for kind in (AllowOnly, Deny)
            for pair in (
                *(("github", who) for who in (" 583231", "583231 ", 583231.0, True, None, 0, -7, "none")),
                *((alias, 583231) for alias in ("github ", " ", 7, None)),
            )
        ),
        (Invited, [7], {}),
        (Invited, [rule.later], {}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_part_that_is_written_wrongly_is_noticed_when_it_is_made(part, given, options):
    with pytest.raises(ValueError, match=r"\w"):
        part(*given, **options)


@pytest.mark.threat("F28")
def test_staff_can_be_kept_from_a_weaker_provider(visitor, new_visitor, github, policy):
    visitor.sign_in(github)
    get_user_model().objects.update(is_staff=True)

    def staff_elsewhere(question):
        is_staff = question.user is not None and question.user.is_staff
        return PolicyRefused("Staff sign in with Acme.") if is_staff else None

    policy(ByProvider({"github": staff_elsewhere}))

    assert new_visitor().sign_in(github).context["explanation"].text == "Staff sign in with Acme."
    assert SignIn.objects.latest("pk").outcome == "policy_refused"
    assert LinkedAccount.objects.count() == 1


def test_nobody_means_nobody():
    assert nobody(about()).code == "policy_refused"
