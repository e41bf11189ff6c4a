"""A site's rule is asked about everybody, in time, once; and a rule with a mistake in it admits nobody."""

import copy

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import mark_safe
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from oauth_login.errors import ProviderMisconfigured, ReauthorizationRequired, SignInRefused
from oauth_login.exchange import seconds_left
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.policy import AllOf, AnyOf, PolicyRefused, anybody, nobody
from oauth_login.providers.base import Profile
from oauth_login.signals import sign_in_failed
from tests.oauth_login.policy import rule

User = get_user_model()


@pytest.fixture
def failures():
    """What ``sign_in_failed`` told."""
    heard = []

    def hear(**arguments):
        heard.append(arguments)

    sign_in_failed.connect(hear)
    yield heard
    sign_in_failed.disconnect(hear)


@pytest.fixture
def reported():
    """The errors that the owner was told of."""
    heard = []

    def hear(**arguments):
        heard.append(arguments["sender"])

    got_request_exception.connect(hear)
    yield heard
    got_request_exception.disconnect(hear)


@pytest.fixture
def stoic(new_visitor):
    """A visitor who sees the page of an error, as browsers do."""
    return new_visitor(raise_request_exception=False)


@pytest.mark.threat("F27")
@pytest.mark.parametrize(
    "words", [format_lazy("Write to {office}.", ofice="x"), "\ud800"], ids=["a slip", "no text"]
)
def test_words_that_no_page_can_say_are_a_mistake_in_the_rule(stoic, github, policy, rows, words, reported):
    policy(lambda _: PolicyRefused(words))

    answer = stoic.sign_in(github)

    assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
    assert len(reported) == 1
    assert (stoic.user, rows()) == (None, (0, 0, 0))


def test_no_words_are_those_of_the_page(visitor, github, policy):
    policy(lambda _: PolicyRefused(None))

    page = visitor.sign_in(github).content.decode()

    assert "Please try another way, or ask the owner of this site." in page


# --- What is asked ----------------------------------------------------------------------------------------


def test_a_rule_is_asked_once_about_each_sign_in(visitor, new_visitor, github, policy):
    asked = policy(anybody)

    visitor.sign_in(github)
    new_visitor().sign_in(github)

    up, again = asked.asked
    assert (up.occasion, up.user, again.occasion, again.user) == (
        "sign_up",
        None,
        "sign_in",
        User.objects.get(),
    )
    assert up.provider == again.provider == "github"
    assert up.profile.subject == "583231"
    assert up.request.path == "/oauth2/github/callback/"


@pytest.mark.threat("F22")
@pytest.mark.parametrize("refused", [PolicyRefused, rule.Empty, rule.OtherwiseEmpty])
@pytest.mark.parametrize("around", [lambda part: part, AllOf, AnyOf], ids=["alone", "all of", "any of"])
def test_a_rule_and_a_refusal_that_are_empty_lists_keep_out_all_the_same(
    visitor, github, policy, kept_out, refused, around
):
    asked = policy(around(lambda question: refused()))

    kept_out(visitor, visitor.sign_in(github), refused().code)
    assert not asked, "the rule is false"


@pytest.mark.threat("F27")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "returning"])
def test_a_rule_is_asked_outside_transactions_and_before_anything_is_written(
    new_visitor, github, policy, known
):
    if known:
        new_visitor().sign_in(github)
    seen = []

    def rule(question):
        users, accounts = User.objects.count(), LinkedAccount.objects.count()
        seen.append((connection.in_atomic_block, users, accounts, question.request.session.is_empty()))

    policy(rule)
    new_visitor().sign_in(github)

    assert seen == [(False, known, known, True)]


@pytest.mark.threat("F25", "F27")
def test_who_has_become_a_user_while_the_rule_was_asked_is_asked_about_as_that_user(visitor, github, policy):
    def faster(question):
        if question.user is None:
            profile = question.profile
            user = User.objects.create_user("octocat", is_active=True)
            LinkedAccount.objects.create(
                user=user, provider="github", issuer=profile.issuer, subject=profile.subject
            )
            return None
        return PolicyRefused("You are banned.")

    asked = policy(faster)
    answer = visitor.sign_in(github)

    assert [question.occasion for question in asked.asked] == ["sign_up", "sign_in"]
    assert (answer.status_code, visitor.user) == (403, None)


def test_nobody_asks_about_a_user_who_may_not_sign_in_anyway(visitor, new_visitor, github, policy):
    visitor.sign_in(github)
    User.objects.update(is_active=False)
    asked = policy(anybody)

    assert new_visitor().sign_in(github).context["code"] == "user_inactive"
    assert asked.asked == []


@pytest.mark.threat("H08")
def test_neither_code_nor_token_is_seen_in_a_question(visitor, github, policy):
    asked = policy(anybody)
    query = github.approve(visitor.start()["Location"])
    visitor.come_back(query)

    (question,) = asked.asked
    for secret in (query["code"], query["state"], github.token["access_token"]):
        assert secret not in repr(question)
        assert secret not in repr(question.api)
    with pytest.raises(TypeError):
        copy.copy(question.api)


def test_a_rule_costs_no_statement(visitor, new_visitor, github, policy):
    visitor.sign_in(github)

    def statements():
        query = github.approve((browser := new_visitor()).start()["Location"])
        with CaptureQueriesContext(connection) as queries:
            browser.come_back(query)
        return len(queries)

    without = statements()
    policy(anybody)

    assert statements() == without


# --- A refusal --------------------------------------------------------------------------------------------


@pytest.mark.threat("F27")
def test_a_refusal_has_the_owners_words_on_its_page_and_leaves_nothing_behind(
    visitor, github, policy, kept_out, failures, caplog
):
    policy(lambda question: PolicyRefused("Only <staff> & guests.", "guest list"))
    answer = visitor.sign_in(github, next="/where/")

    assert kept_out(visitor, answer) == "Only <staff> & guests."
    page = answer.content.decode()
    assert "Only &lt;staff&gt; &amp; guests." in page
    assert answer.context["next"] == "/where/"
    (told,) = failures
    row = SignIn.objects.get()
    assert (told["code"], told["stage"], told["support_id"]) == ("policy_refused", "user", row.support_id)
    assert row.support_id in page
    (line,) = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert "code=policy_refused" in line
    assert line.endswith("detail=guest list")


def test_words_may_be_markup_that_the_owner_has_vouched_for(visitor, github, policy):
    policy(lambda question: PolicyRefused(mark_safe("<a href='/join/'>Join</a> first.")))

    assert "<p><a href='/join/'>Join</a> first.</p>" in visitor.sign_in(github).content.decode()


def test_words_are_in_the_visitors_language(visitor, github, policy):
    refusal = PolicyRefused(gettext_lazy("This account is not active"))
    policy(lambda question: refusal)
    query = github.approve(visitor.start()["Location"])

    assert (
        "这个账号已停用" in visitor.come_back(query, headers={"accept-language": "zh-hans"}).content.decode()
    )


def test_a_refusal_without_words_says_what_is_said_of_everybody(visitor, github, policy, kept_out, caplog):
    policy(lambda question: PolicyRefused())

    assert "ask the owner" in kept_out(visitor, visitor.sign_in(github))
    assert f"detail={rule.PATH}" in caplog.text


def test_one_refusal_for_all_has_a_support_id_for_each(visitor, new_visitor, github, policy):
    only = PolicyRefused("No.")
    policy(lambda question: only)

    visitor.sign_in(github)
    new_visitor().sign_in(github)

    assert SignIn.objects.values("support_id").distinct().count() == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PolicyRefused("No."), "policy_refused"),
        (PermissionDenied("no"), "policy_refused"),
        (SignInRefused("own_code"), "own_code"),
    ],
    ids=["refusal", "permission", "own code"],
)
def test_a_refusal_may_be_raised_as_well(visitor, github, policy, kept_out, error, code):
    def raising(question):
        raise error

    policy(raising)

    kept_out(visitor, visitor.sign_in(github), code)


@pytest.mark.threat("F27", "A16")
def test_who_is_refused_stays_signed_in_as_they_were(visitor, github, policy):
    visitor.sign_in(github)
    key, account = visitor.session.session_key, LinkedAccount.objects.values().get()
    github.user |= {"name": "Another Name"}
    policy(nobody)

    assert visitor.sign_in(github).status_code == 403
    assert visitor.session.session_key == key
    assert visitor.user is not None
    assert LinkedAccount.objects.values().get() == account


# --- A rule with a mistake in it ----------------------------------------------------------------------------


@pytest.mark.threat("F27", "I18")
@pytest.mark.parametrize("error", [ZeroDivisionError, IntegrityError, KeyError])
def test_a_rule_that_fails_admits_nobody_and_is_reported(stoic, github, policy, kept_out, reported, error):
    def broken(question):
        raise error("a mistake")

    asked = policy(broken)

    kept_out(stoic, stoic.sign_in(github), "site_unavailable", 503)
    assert reported == [error]
    assert len(asked.asked) == 1


@pytest.mark.threat("F22", "F27")
@pytest.mark.parametrize("answer", [True, False, "", "allow", 0, 1, [], ValueError("no")], ids=repr)
def test_an_answer_that_is_neither_yes_nor_no_admits_nobody(
    stoic, github, policy, kept_out, reported, answer
):
    policy(lambda question: answer)

    kept_out(stoic, stoic.sign_in(github), "site_unavailable", 503)
    assert reported == [TypeError]


@pytest.mark.threat("F27", "A26")
@pytest.mark.parametrize(
    "path",
    [7, "", "nowhere.at.all", f"{rule.__name__}.nothing", f"{rule.__name__}.number"]
    + [f"{rule.__name__}.{name}" for name in ("Rule", "later", "unready")],
)
def test_a_setting_that_leads_to_no_rule_admits_nobody(visitor, github, settings, kept_out, path):
    location = visitor.start()["Location"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"SIGN_IN_POLICY": path}

    answer = visitor.come_back(github.approve(location))
    assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")
    answer = visitor.start()
    assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")
    assert visitor.user is None
    assert github.requests == []


# --- The provider's API in the visitor's name ---------------------------------------------------------------


def answered(question, path="/user/memberships/orgs/acme"):
    """A rule that looks something up, and admits whatever it is told."""
    question.api.get(path)


def test_the_provider_is_asked_with_the_visitors_own_new_token_and_nothing_twice(
    visitor, github, policy, member
):
    member()

    def rule(question):
        assert question.api.get("user/memberships/orgs/acme").json(dict)["state"] == "active"
        assert question.api.get("/user/memberships/orgs/acme").status == 200
        assert question.api.get("/user/teams", {"page": "2"}).json(list) == []
        assert 0 < seconds_left() < 10

    policy(rule)

    assert visitor.sign_in(github).status_code == 302
    *_, membership, teams = github.api_requests
    assert (membership.path, teams.path) == ("/user/memberships/orgs/acme", "/user/teams?page=2")
    for request in (membership, teams):
        assert request.headers["authorization"] == f"Bearer {github.token['access_token']}"
        assert request.headers["x-github-api-version"] == "2022-11-28"
        assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((500, {}, b""), 503, "provider_unavailable"),
        ((429, {"Retry-After": "7"}, b""), 503, "provider_rate_limited"),
        ((301, {"Location": "https://evil.example/"}, b""), 502, "redirect_refused"),
        (ConnectionResetError(), 503, "connection_failed"),
        (TimeoutError(), 504, "provider_timeout"),
        (
            (403, {"X-Accepted-OAuth-Scopes": "read:org", "X-OAuth-Scopes": "user:email"}, b"{}"),
            403,
            "scope_required",
        ),
    ],
    ids=["500", "429", "redirect", "reset", "silence", "scope"],
)
def test_a_provider_that_cannot_be_asked_refuses_nobody_and_admits_nobody(
    visitor, github, policy, kept_out, failing, answer, status, code
):
    policy(answered)
    failing(memberships={"acme": answer})
    if isinstance(answer, TimeoutError):
        failing(teams=answer)  # which makes the site impatient

    kept_out(visitor, visitor.sign_in(github), code, status)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("alias", "error"), [("github", ReauthorizationRequired), ("gone", ProviderMisconfigured)]
)
def test_without_a_token_or_a_provider_there_is_nobody_to_ask(policy, alias, error):
    policy(answered)
    profile = Profile("https://github.com/login/oauth", "583231")

    with pytest.raises(error):
        authenticate(None, oauth_profile=profile, oauth_provider=alias)
    assert User.objects.count() == 0


def test_a_provider_without_an_api_has_no_answers(visitor, github, policy, settings, caplog):
    policy(answered)
    forge = {
        **settings.OAUTH_LOGIN["PROVIDERS"]["github"],
        "AUTHORIZATION_ENDPOINT": "https://github.com/login/oauth/authorize",
        "TOKEN_ENDPOINT": "https://github.com/login/oauth/access_token",
        "CLAIMS": {"sub": "token.id"},
    }
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"forge": forge}}
    github.token |= {"id": "7"}

    answer = visitor.sign_in(github, "forge")
    assert (answer.status_code, answer.context["code"]) == (503, "settings_invalid")
    assert "has no API_URL" in caplog.text
