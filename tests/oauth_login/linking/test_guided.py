"""Somebody new has the verified address of a user: who proves that they are that user has both linked."""

import re
from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import path
from django.utils import timezone
from django.views.generic import TemplateView

from demo_site.urls import urlpatterns as pages_of_the_demo
from oauth_login import signals
from oauth_login.errors import PolicyRefused, ProviderUnavailable
from oauth_login.exchange import seconds_left
from oauth_login.models import LinkedAccount, SignIn, Token
from oauth_login.policy import GitHubOrganisation, Invited, SignUpClosed
from tests.guestbook.markup import read
from tests.oauth_login.linking.conftest import NOW, PASSWORD, code_of, linked, messages_of, outcomes

ADDRESS = "ada@example.com"
TOLD = "cat2 is linked: from now on you can sign in with GitHub, too."

urlpatterns = [*pages_of_the_demo, path("accounts/login/", TemplateView.as_view(template_name="404.html"))]


@pytest.fixture
def ada(somebody):
    """Ada, who has a password and an address, and is not signed in."""
    return somebody(email=ADDRESS)


@pytest.fixture
def collide(github, at_github):
    """A way to come as somebody new, number 2, whose address is Ada's; the page that answers."""

    def come(visitor, number=2, **values):
        fields = {name: values.pop(name) for name in ("next", "intent") if name in values}
        at_github(number, **{"email": ADDRESS} | values)
        return visitor.sign_in(github, **fields)

    return come


@pytest.fixture
def heard():
    """What the signal about refusals told."""
    told = []

    def receive(**about):
        told.append(about)

    signals.sign_in_failed.connect(receive)
    yield told
    signals.sign_in_failed.disconnect(receive)


def refusal_told(told):
    """Return what the log of sign-ins says of the refusal that the visitor was told: its code, and whose."""
    (support_id,) = re.findall(r"\(Support ID: (\S+)\)", told)
    row = SignIn.objects.get(support_id=support_id)
    assert (row.provider, row.account, row.finished_at is None) == ("github", None, False)
    return row.outcome, row.user


def by_password(visitor, name="ada", to="/where/"):
    """Sign in on the page where passwords are typed; return its answer."""
    return visitor.post("/password/", {"username": name, "password": PASSWORD, "next": to})


# --- The page ---------------------------------------------------------------------------------------------


@pytest.mark.threat("F07", "F08")
def test_a_taken_address_signs_nobody_in_and_shows_the_ways_that_its_user_has(
    visitor, new_visitor, github, ada, at_github, collide, settings
):
    other = new_visitor()
    other.login(username="ada", password=PASSWORD)
    at_github(1)
    other.sign_in(github, intent="link")

    answer = collide(visitor, next="/where/")

    page = answer.content.decode()
    assert (answer.status_code, code_of(answer)) == (409, "email_taken")
    assert "The two are then linked by themselves" in page
    assert "Sign in with GitHub</button>" in page
    assert '<form class="oauth-login-form" method="get" action="/password/">' in page
    assert "Sign in with your password</button>" in page
    assert '<input type="hidden" name="next" value="/where/">' in page
    assert "ada" not in page
    assert (visitor.user, linked()) == (None, [("ada", "1")])
    assert outcomes()[-1] == ("email_taken", None, None)


@pytest.mark.threat("F09")
@pytest.mark.parametrize("name", [ADDRESS, ADDRESS.upper()])
def test_so_does_one_that_somebody_has_as_their_name_alone(visitor, somebody, collide, name):
    user = somebody(name)

    assert code_of(collide(visitor)) == "email_taken"
    by_password(visitor, name)

    assert (visitor.user, linked()) == (user, [(name, "2")])


def test_only_the_ways_that_are_there_are_shown(visitor, ada, collide, settings):

    page = collide(visitor).content.decode()

    assert "Sign in with GitHub</button>" not in page
    assert "Sign in with your password</button>" in page


def test_who_has_no_password_is_not_asked_for_one(visitor, new_visitor, github, at_github, collide):
    at_github(1, email=ADDRESS)
    new_visitor().sign_in(github)

    page = collide(visitor).content.decode()

    assert "Sign in with GitHub</button>" in page
    assert "password" not in page.lower()


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, None),  # LOGIN_URL is our own page
        ({"LOGIN_URL": "/accounts/login/"}, None),  # Django's default, where nothing is
        ({"LOGIN_URL": "/accounts/login/", "ROOT_URLCONF": __name__}, "/accounts/login/"),
        ({"LOGIN_URL": "/here/"}, "/here/"),
        ({"LOGIN_URL": "admin:login"}, None),  # she is no staff, and would be shown the door
        ({"LOGIN_URL": "http://[bad/"}, None),
        ({"LOGIN_URL": "no-such-page"}, None),
        ({"LOGIN_URL": None}, None),
        ({"LOGIN_URL": 7}, None),
    ],
)
def test_passwords_are_typed_on_the_sites_own_login_page(visitor, ada, collide, settings, changes, shown):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": None}
    for name, value in changes.items():
        setattr(settings, name, value)

    page = collide(visitor).content.decode()

    if shown:
        assert f'<form class="oauth-login-form" method="get" action="{shown}">' in page
    else:
        assert "You have a password here: use it where you did before." in page


@pytest.mark.parametrize(
    ("written", "shown"), [("/accounts/login/", True), ("/", True), ("oauth_login:login", False)]
)
def test_a_page_for_passwords_that_is_set_is_taken_at_its_word_unless_it_is_ours(
    visitor, ada, collide, settings, written, shown
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": written}

    page = collide(visitor).content.decode()

    assert (f'method="get" action="{written}">' in page) == shown
    assert ("Sign in with your password</button>" in page) == shown


def test_what_the_page_for_passwords_has_in_its_query_is_asked_for_again(visitor, ada, collide, settings):
    """Of a form that is sent by GET, a browser leaves out the query of its action."""
    written = "/password/?with=a+b&next=/x/&next=/y/&empty="
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": written}

    page = read(collide(visitor, next="/where/"))

    asked = [(field["name"], field["value"]) for field in page.all("input") if field["type"] == "hidden"]
    assert [pair for pair in asked if pair[0] in {"with", "empty"}] == [("with", "a b"), ("empty", "")]
    assert {value for name, value in asked if name == "next"} == {"/where/"}


# --- The end of it ----------------------------------------------------------------------------------------


@pytest.mark.threat("G11")
@pytest.mark.django_db(transaction=True)
def test_after_the_password_the_two_are_linked_by_themselves(
    visitor, new_visitor, github, ada, collide, mailoutbox
):
    collide(visitor)

    answer = by_password(visitor)

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert (visitor.user, linked()) == (ada, [("ada", "2")])
    assert TOLD in visitor.get("/").content.decode()
    assert Token.objects.get().access_token.reveal() == "gho_of_2"
    assert outcomes() == [("email_taken", None, None), ("linked", "ada", "2")]
    assert [mail.to for mail in mailoutbox] == [[ADDRESS]]
    other = new_visitor()
    other.sign_in(github)
    assert other.user == ada


def test_so_they_are_after_another_account_of_theirs(visitor, new_visitor, github, ada, at_github, collide):
    other = new_visitor()
    other.login(username="ada", password=PASSWORD)
    at_github(1)
    other.sign_in(github, intent="link")
    collide(visitor)

    at_github(1)
    answer = visitor.sign_in(github, next="/where/")

    assert answer["Location"] == "/where/"
    assert messages_of(answer) == [TOLD]
    assert (visitor.user, linked()) == (ada, [("ada", "1"), ("ada", "2")])


def test_and_after_the_login_of_the_admin(visitor, ada, collide):
    get_user_model().objects.update(is_staff=True)
    collide(visitor)

    answer = visitor.post("/admin/login/", {"username": "ada", "password": PASSWORD, "next": "/admin/"})

    assert answer["Location"] == "/admin/"
    assert linked() == [("ada", "2")]


def test_and_after_whatever_else_signs_them_in(visitor, ada, collide):
    collide(visitor)

    visitor.is_signed_in(ada)

    assert linked() == [("ada", "2")]


@pytest.mark.threat("A15")
def test_it_counts_for_one_sign_in_only(visitor, ada, collide):
    collide(visitor)
    held_then = visitor.session["oauth_login_held"]
    by_password(visitor)

    assert "oauth_login_held" not in visitor.session
    assert held_then
    LinkedAccount.objects.all().delete()
    visitor.post("/oauth2/logout/")
    by_password(visitor)
    assert linked() == []


@pytest.mark.threat("A10", "F07")
def test_whoever_else_signs_in_gets_nothing_of_it(visitor, ada, somebody, collide):
    somebody("bob")
    collide(visitor)

    by_password(visitor, "bob")
    visitor.post("/oauth2/logout/")
    by_password(visitor)

    assert (visitor.user, linked()) == (ada, [])


@pytest.mark.threat("A15", "F07")
def test_a_session_that_an_attacker_planted_gives_them_no_way_in(
    visitor, new_visitor, ada, somebody, collide
):
    victim, attacker = somebody("victim", email="victim@example.com"), visitor
    collide(attacker)  # whose address is Ada's
    browser = new_visitor()
    browser.cookies["sessionid"] = attacker.cookies["sessionid"].value

    by_password(browser, "victim")

    assert (browser.user, linked()) == (victim, [])


@pytest.mark.threat("A15", "F07")
@pytest.mark.parametrize("cookie", ["", "another", "é"])
def test_nor_in_the_browser_of_whose_address_they_have_proved(
    visitor, new_visitor, ada, collide, caplog, cookie
):
    collide(visitor)
    browser = new_visitor()
    browser.cookies["oauth_held"] = cookie
    browser.cookies["sessionid"] = visitor.cookies["sessionid"].value

    answer = by_password(browser)

    assert (browser.user, linked()) == (ada, [])
    (told,) = messages_of(answer)
    assert "It was held for another browser, or for another address of this site." in told
    assert refusal_told(told) == ("held_elsewhere", ada)
    assert "code=held_elsewhere stage=attempt provider=github status=400" in caplog.text
    assert f"detail=for user {ada.pk}" in caplog.text
    assert "oauth_login_held" not in browser.session


@pytest.mark.parametrize(("seconds", "is_linked"), [(1800, True), (1801, False)])
def test_it_is_held_for_half_an_hour(visitor, ada, collide, seconds, is_linked):
    with time_machine.travel(NOW, tick=False) as clock:
        collide(visitor)
        clock.shift(seconds)

        by_password(visitor)

    assert linked() == ([("ada", "2")] if is_linked else [])


@pytest.mark.threat("G11")
def test_whose_half_hour_is_over_is_told_so_once(visitor, ada, collide):
    with time_machine.travel(NOW, tick=False) as clock:
        collide(visitor)
        clock.shift(1801)

        (told,) = messages_of(by_password(visitor))

        assert told.startswith(
            "GitHub is not linked to your account. It was held for half an hour. Link it again"
        )
        assert told.endswith('<a href="/oauth2/">See your linked accounts</a>')
        assert refusal_told(told) == ("held_expired", ada)
        visitor.get("/")
        assert messages_of(by_password(visitor)) == []


@pytest.mark.parametrize("seconds", [60, 1801])
def test_what_they_have_linked_meanwhile_keeps_its_newer_token(
    visitor, new_visitor, github, ada, collide, seconds
):
    with time_machine.travel(NOW, tick=False) as clock:
        collide(visitor)
        other = new_visitor()
        other.login(username="ada", password=PASSWORD)
        github.token = github.token | {"access_token": "gho_newer"}
        other.sign_in(github, intent="link")
        clock.shift(seconds)

        answer = by_password(visitor)

    assert (messages_of(answer), linked()) == ([], [("ada", "2")])
    assert Token.objects.get().access_token.reveal() == "gho_newer"
    assert "oauth_login_held" not in visitor.session


@pytest.mark.threat("G03")
def test_what_somebody_else_has_linked_meanwhile_stays_theirs_and_nobody_is_shut_out(
    visitor, new_visitor, github, ada, somebody, collide, caplog
):
    collide(visitor)
    somebody("bob")
    other = new_visitor()
    other.login(username="bob", password=PASSWORD)
    other.sign_in(github, intent="link")

    answer = by_password(visitor)

    assert (answer.status_code, visitor.user) == (302, ada)
    assert linked() == [("bob", "2")]
    (told,) = messages_of(answer)
    assert refusal_told(told) == ("linked_elsewhere", ada)
    assert "code=linked_elsewhere" in caplog.text
    assert told.startswith("GitHub is not linked to your account. An account can be linked to one person")
    assert '<a href="/oauth2/">See your linked accounts</a>' in told


def test_the_newest_of_two_is_held(visitor, ada, collide):
    collide(visitor, 2)
    collide(visitor, 3)

    by_password(visitor)

    assert linked() == [("ada", "3")]


def test_a_collision_that_nobody_can_be_held_for_drops_what_was_held(visitor, ada, somebody, collide):
    collide(visitor, 2)
    for name in ("one", "two"):
        somebody(name, email="both@example.com")
    collide(visitor, 3, email="both@example.com")

    by_password(visitor)

    assert linked() == []


# --- What is held -----------------------------------------------------------------------------------------


def test_what_else_a_token_answer_said_is_not_held(visitor, github, ada, collide):
    github.token |= {"more": "x" * 20_000}
    collide(visitor)

    assert len(visitor.session["oauth_login_held"]) < 5_000
    by_password(visitor)
    assert linked() == [("ada", "2")]


@pytest.mark.threat("H01", "A13")
def test_a_copy_of_the_sessions_shows_neither_token_nor_identity(visitor, ada, collide):
    collide(visitor, 987654321)

    kept = str([row.get_decoded() for row in Session.objects.all()])

    assert "oauth_login_held" in kept
    for secret in ("gho_", "987654321", "cat", "github", ADDRESS):
        assert secret not in kept


@pytest.mark.threat("A13", "A14")
@pytest.mark.parametrize(
    "change",
    [lambda text: "", lambda text: f"{text[:-1]}{'A' if text[-1] != 'A' else 'Q'}", lambda text: "v1"],
    ids=["emptied", "changed", "cut"],
)
def test_what_was_changed_is_as_good_as_nothing(visitor, ada, collide, change):
    collide(visitor)
    session = visitor.session
    session["oauth_login_held"] = change(session["oauth_login_held"])
    session.save()

    assert by_password(visitor).status_code == 302

    assert (visitor.user, linked()) == (ada, [])


def test_so_is_what_was_sealed_under_a_key_that_is_gone(visitor, ada, collide, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
        "ENCRYPTION_KEYS": ["one-key-for-the-tests-0123456789-abcdef"]
    }
    collide(visitor)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
        "ENCRYPTION_KEYS": ["another-key-for-the-tests-0123456789-abc"]
    }

    by_password(visitor)

    assert linked() == []


@pytest.mark.threat("F07")
def test_who_has_tried_much_else_meanwhile_is_still_linked(visitor, ada, collide):
    collide(visitor, next=f"/{'a/' * 900}")
    for _ in range(6):
        visitor.start(next=f"/{'b/' * 900}")

    answer = by_password(visitor)

    assert (visitor.user, linked(), messages_of(answer)) == (ada, [("ada", "2")], [TOLD])


@pytest.mark.threat("F07", "F09")
def test_who_comes_to_have_the_address_while_the_rule_is_asked_is_asked_first(
    visitor, somebody, collide, policy
):
    policy(lambda question: question.user or (somebody("meanwhile", email=ADDRESS.title()) and None))

    answer = collide(visitor)

    assert code_of(answer) == "email_taken"
    assert [user.get_username() for user in get_user_model().objects.all()] == ["meanwhile"]


@pytest.mark.django_db(transaction=True)
def test_a_rule_that_breaks_the_database_keeps_nobody_from_signing_in(
    new_visitor, ada, collide, policy, monkeypatch
):
    visitor = new_visitor(raise_request_exception=False)

    def breaks(question):
        get_user_model().objects.create(username="ada")

    collide(visitor)
    policy(breaks)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    answer = by_password(visitor)
    assert (answer.status_code, visitor.user, linked()) == (302, ada, [])
    assert refusal_told(messages_of(answer)[0]) == ("site_unavailable", ada)


@pytest.mark.threat("A26")
@pytest.mark.threat("F24")
@pytest.mark.parametrize(
    "change",
    [None, {"PRESET": "github", "BASE_URL": "https://ghe.example"}],
    ids=["it is gone", "it is another server"],
)
def test_nothing_is_linked_through_a_provider_that_is_none_by_now(visitor, ada, collide, settings, change):
    collide(visitor)
    registered = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    by_now = {"github": registered | change} if change else {}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": by_now}

    answer = by_password(visitor)

    assert (visitor.user, linked()) == (ada, [])
    (told,) = messages_of(answer)
    assert "is not linked to your account" in told
    assert refusal_told(told) == ("settings_invalid", ada)


def test_through_an_alias_that_was_renamed_meanwhile_it_is_linked(visitor, ada, collide, settings):
    collide(visitor)
    registered = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"gh": registered | {"PRESET": "github"}}}

    by_password(visitor)

    assert linked() == [("ada", "2")]
    assert LinkedAccount.objects.get().provider == "gh"


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "nothing held"])
def test_wrong_settings_keep_nobody_from_signing_in_by_password(visitor, ada, collide, settings, is_held):
    if is_held:
        collide(visitor)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": "a-key-and-no-list-of-keys-0123456789"}

    assert by_password(visitor).status_code == 302
    assert (visitor.user, linked()) == (ada, [])


@pytest.mark.usefixtures("one_clock")
def test_the_token_that_was_held_has_been_getting_older(visitor, github, ada, collide):
    github.token = github.token | {
        "expires_in": 3600,
        "refresh_token": "ghr_2",
        "refresh_token_expires_in": 1000,
    }
    with time_machine.travel(NOW, tick=False) as clock:
        collide(visitor)
        clock.shift(1100)
        by_password(visitor)
        left = Token.objects.get()

        assert left.refresh_token.reveal() == "ghr_2"
        assert left.expires_within(2500)
        assert not left.expires_within(2499)
        assert left.refresh_expires_at == timezone.now()  # over, and not before it was held
    assert LinkedAccount.objects.get().scope == "read:user user:email"


def test_of_a_token_that_says_nothing_no_date_is_made_up(visitor, github, ada, collide):
    del github.token["scope"]  # which means: as requested
    collide(visitor)
    by_password(visitor)

    token = Token.objects.get()
    assert (token.expires_at, token.refresh_expires_at, token.account.scope) == (
        None,
        None,
        "read:user user:email",
    )


@pytest.mark.threat("H01")
def test_where_no_tokens_are_kept_none_is_held_that_nobody_needs(visitor, ada, collide, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    collide(visitor)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": True}

    by_password(visitor)

    assert (linked(), Token.objects.count()) == ([("ada", "2")], 0)


@pytest.mark.threat("F27")
def test_what_the_sites_rule_asks_the_provider_with_is_held_and_then_forgotten(
    visitor, github, ada, collide, settings, policy
):
    policy(GitHubOrganisation("acme"))
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    acme = {"organization": {"login": "acme", "id": 4711}, "state": "active", "role": "member"}
    github.memberships["acme"] = acme
    collide(visitor)

    by_password(visitor)

    assert (linked(), Token.objects.count()) == ([("ada", "2")], 0)


@pytest.mark.threat("G11")
@pytest.mark.parametrize(
    ("error", "words", "code", "is_held"),
    [
        (PolicyRefused("Only on <b>M</b>."), "Only on &lt;b&gt;M&lt;/b&gt;.", "policy_refused", False),
        (PolicyRefused(), "Please try another way, or ask the owner of this site.", "policy_refused", False),
        (ProviderUnavailable(), "It is down or very busy.", "provider_unavailable", True),
        (ZeroDivisionError(), "account. Something went wrong on this site. ", "site_unavailable", False),
    ],
    ids=["words", "no words", "provider", "mistake"],
)
def test_who_is_not_linked_after_all_is_signed_in_and_told_why(
    new_visitor, ada, collide, policy, error, words, code, is_held, heard, caplog
):
    def refuse(question):
        raise error

    visitor = new_visitor(raise_request_exception=False)
    policy(refuse)
    collide(visitor)

    answer = by_password(visitor)

    assert (answer.status_code, visitor.user, linked()) == (302, ada, [])
    (told,) = messages_of(answer)
    assert told.startswith("GitHub is not linked to your account.")
    assert told.endswith('<a href="/oauth2/">See your linked accounts</a>')
    assert words in told
    assert refusal_told(told) == (code, ada)
    (collided, refused) = heard
    assert (collided["code"], refused["code"], refused["provider"]) == ("email_taken", code, "github")
    assert f"(Support ID: {refused['support_id']})" in told
    assert f"code={code} " in caplog.text
    assert ("oauth_login_held" in visitor.session) == is_held
    assert ("sign in once more, without signing out before" in told) == is_held


@pytest.mark.threat("F27")
@pytest.mark.parametrize(("seconds", "is_linked"), [(1700, True), (1801, False)])
def test_a_provider_that_was_down_is_asked_again_until_the_half_hour_is_over(
    visitor, github, ada, collide, policy, failing, seconds, is_linked
):
    acme = {"organization": {"login": "acme", "id": 4711}, "state": "active", "role": "member"}
    with time_machine.travel(NOW, tick=False) as clock:
        policy(GitHubOrganisation("acme"))
        collide(visitor)
        failing(memberships={"acme": (503, {}, b"")})
        assert (by_password(visitor).status_code, linked()) == (302, [])
        failing(memberships={"acme": acme})
        visitor.get("/")
        clock.shift(seconds)

        (told,) = messages_of(by_password(visitor))

    assert linked() == ([("ada", "2")] if is_linked else [])
    assert told == TOLD if is_linked else refusal_told(told) == ("held_expired", ada)
    assert "oauth_login_held" not in visitor.session


def test_who_signs_out_meanwhile_leaves_nothing_held(visitor, ada, collide, policy):
    def unavailable(question):
        raise ProviderUnavailable

    policy(unavailable)
    collide(visitor)
    by_password(visitor)
    visitor.post("/oauth2/logout/")
    policy(lambda question: None)

    by_password(visitor)

    assert (visitor.user, linked()) == (ada, [])


@pytest.mark.threat("J09")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_open", [True, False], ids=["transaction", "none"])
def test_a_log_that_cannot_be_written_keeps_nobody_from_signing_in(
    visitor, ada, collide, policy, monkeypatch, caplog, is_open
):
    def fails(execute, sql, params, many, context):
        is_log = sql.startswith("INSERT INTO") and SignIn._meta.db_table in sql
        # An INSERT that the database itself refuses, after which it takes nothing more of a transaction.
        return (
            execute("INSERT INTO nowhere VALUES (1)", None, many, context)
            if is_log
            else execute(sql, params, many, context)
        )

    collide(visitor)
    policy(lambda question: PolicyRefused())
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_open)

    with connection.execute_wrapper(fails):
        answer = by_password(visitor)

    assert (answer.status_code, visitor.user, linked()) == (302, ada, [])
    assert "GitHub is not linked" in messages_of(answer)[0]
    assert "the sign-in log could not be written" in caplog.text


@pytest.mark.parametrize("part", [SignUpClosed(), Invited(lambda question: False)], ids=["closed", "invited"])
def test_whoever_is_here_already_is_no_newcomer_to_the_sites_rule(visitor, ada, collide, policy, part):
    policy(part)

    assert code_of(collide(visitor)) == "email_taken"
    by_password(visitor)

    assert (visitor.user, linked()) == (ada, [("ada", "2")])


@pytest.mark.threat("D25")
@pytest.mark.parametrize(
    ("length", "tokens", "rows"),
    [(100, 1, 1), (3000, 0, 1)],
    ids=["all of it fits", "the token does not"],
)
def test_sessions_in_cookies_hold_what_fits_into_a_cookie(
    new_visitor, github, ada, collide, settings, length, tokens, rows
):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    visitor = new_visitor()
    token = github.token
    github.token = lambda _request: token | {"access_token": f"gho_{'x' * length}"}
    github.user = github.user | {"id": 2, "login": "cat2"}
    github.emails = [{"email": ADDRESS, "primary": True, "verified": True}]

    assert visitor.sign_in(github).status_code == 409
    assert len(visitor.cookies["sessionid"].OutputString()) < 4096
    by_password(visitor)

    assert (len(linked()), Token.objects.count()) == (rows, tokens)


def test_what_is_too_long_altogether_is_not_held(new_visitor, github, ada, settings, caplog):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    visitor = new_visitor()
    page = f"https://github.com/{'x' * 400}"
    github.user = github.user | {"id": 2, "login": "cat2", "name": "中" * 150, "html_url": page}
    github.user["avatar_url"] = f"https://avatars.githubusercontent.com/{'y' * 400}"
    github.emails = [{"email": ADDRESS, "primary": True, "verified": True}]

    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert "an identity of github is too long to be held" in caplog.text
    assert "See the ways to sign in" in answer.content.decode()
    by_password(visitor)
    assert linked() == []


@pytest.mark.threat("J09")
def test_sessions_that_cannot_be_saved_still_leave_a_page(new_visitor, ada, collide, settings, caplog):
    settings.SESSION_ENGINE = "tests.oauth_login.failing_sessions"
    visitor = new_visitor(raise_request_exception=False)

    answer = collide(visitor)

    assert (answer.status_code, code_of(answer)) == (409, "email_taken")
    assert "the session could not be saved" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_who_has_proved_it_has_both_linked_though_their_session_cannot_be_saved(
    new_visitor, github, ada, at_github, collide, settings, mailoutbox
):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    LinkedAccount.objects.create(
        user=ada, provider="github", issuer="https://github.com/login/oauth", subject="1"
    )
    visitor = new_visitor()
    collide(visitor)
    at_github(1)
    query = github.approve(visitor.start()["Location"])
    settings.SESSION_ENGINE = "tests.oauth_login.failing_sessions"
    later = new_visitor(raise_request_exception=False)
    later.cookies = visitor.cookies

    answer = later.come_back(query)

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    assert linked() == [("ada", "1"), ("ada", "2")]
    (letter,) = mailoutbox
    assert letter.subject == "GitHub was linked to your account"


def test_a_sign_in_that_opens_no_session_finishes_nothing(visitor, ada, collide):
    collide(visitor)
    session = visitor.session

    for request in (SimpleNamespace(), SimpleNamespace(session=session)):
        user_logged_in.send(object, request=request, user=ada)

    assert linked() == []
    assert "oauth_login_held" in session


# --- Whom it is not for -----------------------------------------------------------------------------------


@pytest.mark.threat("F30", "F06")
def test_an_unverified_address_tells_nothing_and_holds_nothing(visitor, new_visitor, ada, collide):
    taken, free = new_visitor(), new_visitor()

    answers = [
        collide(taken, 2, verified=False),
        collide(free, 3, email="nobody@example.com", verified=False),
    ]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/"), (302, "/")]
    assert linked() == [("cat2", "2"), ("cat3", "3")]
    assert all("oauth_login_held" not in browser.session for browser in (taken, free))


@pytest.mark.threat("F09")
def test_of_two_users_with_that_address_nobody_knows_which(visitor, ada, somebody, collide):
    somebody("ida", email=ADDRESS.upper())

    page = collide(visitor).content.decode()

    assert "See the ways to sign in" in page
    assert "Start anew with GitHub</button>" in page
    assert "oauth_login_held" not in visitor.session


@pytest.mark.threat("F09", "F20")
def test_nor_does_anybody_if_one_of_the_two_was_deactivated(visitor, ada, somebody, collide):
    somebody("ida", email=ADDRESS, is_active=False)

    page = collide(visitor).content.decode()

    assert "See the ways to sign in" in page
    assert "Start anew" not in page
    assert "oauth_login_held" not in visitor.session


@pytest.mark.threat("A16")
def test_the_mark_of_the_browser_is_seen_by_no_script_and_planted_by_no_subdomain(
    visitor, github, ada, at_github, collide, settings
):
    collide(visitor)
    plain = visitor.cookies["oauth_held"]
    assert (plain["secure"], plain["httponly"], plain["samesite"]) == ("", True, "Lax")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://testserver"}

    start = visitor.post("/oauth2/github/authorize/", {}, secure=True)
    answer = visitor.come_back(github.approve(start["Location"]), secure=True)

    mark = answer.cookies["__Host-oauth_held"]
    assert (mark["secure"], mark["httponly"], mark["samesite"]) == (True, True, "Lax")
    assert (mark["path"], mark["domain"], mark["max-age"]) == ("/", "", 1800)


@pytest.mark.threat("F20")
@pytest.mark.parametrize("intent", ["sign_in", "separate"])
def test_who_was_shut_out_does_not_come_back_as_somebody_new(visitor, ada, collide, intent):
    get_user_model().objects.update(is_active=False)

    answer = collide(visitor, intent=intent)

    page = answer.content.decode()
    assert (answer.status_code, code_of(answer)) == (409, "email_taken")
    assert "Start anew" not in page
    assert "Please tell the owner of this site, with the number below" in page
    assert "oauth_login_held" not in visitor.session
    assert get_user_model().objects.count() == 1


def test_who_has_no_way_in_at_all_is_not_shown_any(visitor, ada, collide):
    ada.set_unusable_password()
    ada.save()

    page = collide(visitor).content.decode()

    assert "The two are then linked by themselves" not in page
    assert "See the ways to sign in" in page


@pytest.mark.parametrize("intent", ["sign_in", "separate"])
def test_where_collisions_are_denied_nothing_is_held_and_nobody_is_separate(
    visitor, ada, collide, settings, intent
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ON_EMAIL_COLLISION": "deny"}

    answer = collide(visitor, intent=intent)

    assert (answer.status_code, code_of(answer)) == (409, "sign_in_conflict")
    assert "Start anew" not in answer.content.decode()
    assert "oauth_login_held" not in (visitor.session if "sessionid" in visitor.cookies else {})


def test_where_they_are_separate_nobody_is_asked(visitor, ada, collide, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ON_EMAIL_COLLISION": "separate"}

    assert collide(visitor).status_code == 302

    assert (visitor.user.email, linked()) == ("", [("cat2", "2")])


@pytest.mark.threat("F20")
def test_nor_does_who_was_shut_out_come_back_there(visitor, ada, collide, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ON_EMAIL_COLLISION": "separate"}
    get_user_model().objects.update(is_active=False)

    answer = collide(visitor)

    assert (answer.status_code, code_of(answer)) == (409, "email_taken")
    assert "Start anew" not in answer.content.decode()
    assert get_user_model().objects.count() == 1


# --- The way on for whom the account is not ---------------------------------------------------------------


@pytest.mark.threat("F08")
def test_whose_address_somebody_else_has_used_can_start_anew_without_it(
    visitor, new_visitor, github, ada, collide
):
    page = collide(visitor, next="/where/").content.decode()
    assert "You have never been here before?" in page
    assert '<input type="hidden" name="intent" value="separate">' in page
    assert "Start anew with GitHub</button>" in page

    answer = visitor.sign_in(github, intent="separate", next="/where/")

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert (visitor.user.get_username(), visitor.user.email) == ("cat2", "")
    assert linked() == [("cat2", "2")]
    assert outcomes()[-1] == ("signed_in", "cat2", "2")
    assert SignIn.objects.filter(outcome="linked").count() == 0
    assert "oauth_login_held" not in visitor.session
    again = new_visitor()
    again.sign_in(github)
    assert again.user == visitor.user
    assert get_user_model().objects.get(pk=ada.pk).email == ADDRESS


def test_who_starts_anew_with_an_address_that_is_free_keeps_it(visitor, github, at_github):
    at_github(2, email=ADDRESS)

    assert visitor.sign_in(github, intent="separate").status_code == 302

    assert visitor.user.email == ADDRESS


def test_who_says_no_on_the_way_there_is_shown_the_ways_in(visitor, github):
    answer = visitor.come_back(github.deny(visitor.start(intent="separate", next="/where/")["Location"]))

    assert answer["Location"] == "/oauth2/login/?next=/where/&denied=1"


@pytest.mark.threat("F29")
def test_who_is_signed_in_does_not_become_somebody_else_so(visitor, ada, collide):
    visitor.force_login(ada)

    answer = collide(visitor, intent="separate")

    assert (answer.status_code, code_of(answer)) == (409, "already_signed_in")
    assert (visitor.user, linked()) == (ada, [])


@pytest.mark.threat("D28")
def test_a_rule_that_is_asked_after_a_password_has_ten_seconds_as_well(visitor, ada, collide, policy):
    left = []
    policy(lambda question: left.append(seconds_left()))
    collide(visitor)

    by_password(visitor)

    assert linked() == [("ada", "2")]
    assert 0 < left[0] < 10
