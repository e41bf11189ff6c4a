"""Who is signed in links one more account: on purpose, soon after proving who they are, and nobody else's."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection

from oauth_login import signals
from oauth_login.models import LinkedAccount, Token
from tests.databases import unquoted
from tests.oauth_login import odd_providers
from tests.oauth_login.linking.conftest import NOW, PASSWORD, code_of, linked, messages_of, outcomes
from tests.oauth_login.test_failing_site import FailsAt


def test_who_is_signed_in_links_an_account_and_signs_in_with_it_from_then_on(
    visitor, new_visitor, github, ada, link
):
    answer = link(visitor, 1)

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/")
    assert messages_of(answer) == ["cat1 is linked: from now on you can sign in with GitHub, too."]
    assert linked() == [("ada", "1")]
    assert Token.objects.get().access_token.reveal() == "gho_of_1"
    assert visitor.user == ada
    assert visitor.attempt_cookies() == {}
    other = new_visitor()
    other.sign_in(github)
    assert other.user == ada


def test_it_leads_to_the_page_that_was_asked_for(visitor, github, ada, at_github):
    at_github(1)

    assert visitor.sign_in(github, intent="link", next="/where/")["Location"] == "/where/"


def test_nothing_of_the_user_changes(visitor, ada, link):
    before = get_user_model().objects.filter(pk=ada.pk).values().get()

    link(visitor, 1, email="mona@example.com", name="Mona")

    assert get_user_model().objects.filter(pk=ada.pk).values().get() == before


@pytest.mark.django_db(transaction=True)
def test_others_are_told_after_the_commit_and_once(visitor, ada, link):
    heard = []

    def hear(user, account, **_):
        heard.append((user, account.subject, LinkedAccount.objects.count()))

    signals.account_linked.connect(hear)
    link(visitor, 1)
    link(visitor, 1)
    signals.account_linked.disconnect(hear)

    assert heard == [(ada, "1", 1)]


# --- The way there ----------------------------------------------------------------------------------------


def test_the_page_of_accounts_has_a_button_to_link_another(visitor, ada):
    page = visitor.get("/oauth2/").content.decode()

    assert "Link another account" in page
    assert '<input type="hidden" name="intent" value="link">' in page
    assert '<input type="hidden" name="prompt" value="select_account">' in page
    assert "Link GitHub</button>" in page


def test_without_a_provider_there_is_nothing_to_link(visitor, ada, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    assert "Link another account" not in visitor.get("/oauth2/").content.decode()


@pytest.mark.threat("GH18")
def test_the_page_of_one_provider_says_what_follows_and_keeps_where_to_go(visitor, ada):
    page = visitor.get("/oauth2/github/link/?next=/where/").content.decode()

    assert '<input type="hidden" name="intent" value="link">' in page
    assert '<input type="hidden" name="next" value="/where/">' in page
    assert '<input type="hidden" name="prompt" value="select_account">' in page


def test_an_unknown_provider_has_no_such_page(visitor, ada):
    answer = visitor.get("/oauth2/gone/link/")

    assert (answer.status_code, code_of(answer)) == (404, "provider_unknown")


def test_who_is_signed_out_signs_in_before_they_see_it(visitor):
    answer = visitor.get("/oauth2/github/link/")

    assert answer["Location"] == "/oauth2/login/?next=/oauth2/github/link/"


@pytest.mark.threat("A09")
@pytest.mark.parametrize("intent", ["link", "reauthenticate", "grant"])
def test_what_needs_a_user_is_not_begun_by_nobody(visitor, github, intent):
    answer = visitor.start(intent=intent)

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?next=/oauth2/")
    assert visitor.attempt_cookies() == {}


@pytest.mark.parametrize("intent", ["", "LINK", "merge", "sign_in link"])
def test_an_intent_that_there_is_none_of_is_refused(visitor, ada, intent):
    answer = visitor.start(intent=intent)

    assert (answer.status_code, code_of(answer)) == (400, "intent_unknown")
    assert visitor.attempt_cookies() == {}


@pytest.mark.threat("G01")
def test_a_mere_link_on_another_site_links_nothing(visitor, github, ada):
    shown = visitor.get("/oauth2/github/authorize/?intent=link")
    asked = visitor.get("/oauth2/github/link/")

    assert (shown.status_code, asked.status_code) == (200, 200)
    assert 'name="intent"' not in shown.content.decode()
    assert visitor.attempt_cookies() == {}
    assert linked() == []


@pytest.mark.threat("G01")
def test_nor_does_a_form_of_another_site(new_visitor, github, somebody):
    somebody()
    visitor = new_visitor(enforce_csrf_checks=True)
    visitor.login(username="ada", password=PASSWORD)

    answer = visitor.start(intent="link")

    assert (answer.status_code, code_of(answer)) == (403, "form_stale")
    assert visitor.attempt_cookies() == {}
    assert visitor.post("/oauth2/github/link/").status_code == 405
    assert linked() == []


# --- Whose it is ------------------------------------------------------------------------------------------


@pytest.mark.threat("A10")
def test_what_one_began_the_next_at_this_computer_does_not_finish(visitor, github, ada, somebody, at_github):
    at_github(1)
    query = github.approve(visitor.start(intent="link", next="/where/")["Location"])
    kept = visitor.attempt_cookies()
    visitor.post("/oauth2/logout/")
    visitor.cookies.load(kept)
    somebody("bob")
    visitor.login(username="bob", password=PASSWORD)

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert (linked(), github.token_requests, outcomes()) == ([], [], [])
    assert visitor.user.get_username() == "bob"


@pytest.mark.threat("A10")
def test_nor_does_who_is_signed_out_meanwhile(visitor, github, ada, at_github):
    at_github(1)
    query = github.approve(visitor.start(intent="link")["Location"])
    del visitor.cookies["sessionid"]

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert (linked(), visitor.user) == ([], None)


@pytest.mark.threat("A09")
def test_what_nobody_began_links_nothing_to_who_signs_in_meanwhile(visitor, github, somebody, at_github):
    at_github(1)
    query = github.approve(visitor.start()["Location"])
    somebody()
    visitor.login(username="ada", password=PASSWORD)
    visitor.sign_in(github, intent="link")  # a session that has finished something already

    at_github(2)
    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (409, "already_signed_in")
    assert linked() == [("ada", "1")]


@pytest.mark.threat("G03")
def test_the_account_of_somebody_else_stays_theirs(visitor, new_visitor, github, ada, somebody, link):
    other = new_visitor()
    bob = somebody("bob")
    other.login(username="bob", password=PASSWORD)
    link(other, 1)
    sessions = set(Session.objects.values_list("session_key", flat=True))
    tokens = list(Token.objects.values())

    answer = link(visitor, 1)

    page = answer.content.decode()
    assert (answer.status_code, code_of(answer)) == (409, "linked_elsewhere")
    assert "Somebody here signs in with that account already" in page
    assert "bob" not in page
    assert "See your linked accounts" in page
    assert linked() == [("bob", "1")]
    assert list(Token.objects.values()) == tokens
    assert (visitor.user, other.user) == (ada, bob)
    assert set(Session.objects.values_list("session_key", flat=True)) == sessions
    assert outcomes()[-1] == ("linked_elsewhere", None, None)


@pytest.mark.threat("G04")
def test_linked_twice_it_is_linked_once_with_the_newest_token(visitor, github, ada, link):
    link(visitor, 1)
    github.token = github.token | {"access_token": "gho_newer", "scope": "read:user"}

    answer = visitor.sign_in(github, intent="link")

    assert (answer.status_code, linked()) == (302, [("ada", "1")])
    assert Token.objects.get().access_token.reveal() == "gho_newer"
    assert LinkedAccount.objects.get().scope == "read:user"


@pytest.mark.threat("G05")
def test_a_second_account_of_the_same_provider_replaces_none(
    visitor, new_visitor, github, ada, link, at_github
):
    link(visitor, 1)
    link(visitor, 2)

    assert linked() == [("ada", "1"), ("ada", "2")]
    for number in (1, 2):
        at_github(number)
        other = new_visitor()
        other.sign_in(github)
        assert other.user == ada


@pytest.mark.threat("F03")
def test_an_identity_that_no_column_holds_is_not_linked(visitor, github, ada, settings, monkeypatch):
    odd_providers.registered(monkeypatch, settings, odd_providers.SaysTooMuch)

    answer = visitor.sign_in(github, intent="link")

    assert (answer.status_code, code_of(answer)) == (502, "subject_invalid")
    assert linked() == []


# --- Soon after -------------------------------------------------------------------------------------------


@pytest.mark.threat("G02", "F28")
@pytest.mark.parametrize("staff", [False, True], ids=["anybody", "staff"])
def test_a_session_left_open_links_nothing_before_its_user_proves_who_they_are(
    visitor, github, somebody, at_github, staff
):
    with time_machine.travel(NOW, tick=False) as clock:
        somebody(is_staff=staff, is_superuser=staff)
        visitor.login(username="ada", password=PASSWORD)
        clock.shift(16 * 60)

        answer = visitor.start(intent="link", next="/where/")

        page = "/oauth2/confirm/?next=/oauth2/github/link/?next=/where/"
        assert (answer.status_code, answer["Location"]) == (302, page)
        assert (visitor.attempt_cookies(), github.requests) == ({}, [])

        confirmed = visitor.post("/oauth2/confirm/", {"password": PASSWORD, "next": "/oauth2/github/link/"})

        assert confirmed["Location"] == "/oauth2/github/link/"
        at_github(1)
        assert visitor.sign_in(github, intent="link").status_code == 302
        assert linked() == [("ada", "1")]


@pytest.mark.threat("C05")
@pytest.mark.parametrize("page", [f"/{'a/' * 950}?b=c", f"/{'%E4%BD%A0' * 160}/"], ids=["long", "Chinese"])
def test_a_long_page_to_go_on_to_outlives_the_proof_and_the_link(visitor, somebody, github, at_github, page):
    with time_machine.travel(NOW, tick=False) as clock:
        somebody()
        visitor.login(username="ada", password=PASSWORD)
        clock.shift(3600)

        asks = visitor.start(intent="link", next=page)["Location"]
        proof = {"password": PASSWORD, "next": parse_qs(urlsplit(asks).query)["next"]}
        shown = visitor.get(visitor.post("/oauth2/confirm/", proof)["Location"])

        at_github(1)
        assert visitor.sign_in(github, intent="link", next=shown.context["next"])["Location"] == page


def words(count, start):
    """Return so many characters of Chinese as a URL has them, no two alike."""
    return quote("".join(chr(start + 37 * number) for number in range(count)))


@pytest.mark.threat("C05")
@pytest.mark.parametrize(
    "page",
    [f"/{words(222, 0x4E00)}", f"/{words(60, 0x4E00)}/?q={words(60, 0x5E00)}&p={words(95, 0x6E00)}"],
    ids=["path", "query"],
)
def test_so_it_does_if_the_proof_is_a_providers(visitor, github, at_github, page):
    assert 1900 < len(page) < 2000
    with time_machine.travel(NOW, tick=False) as clock:
        visitor.sign_in(github)
        clock.shift(3600)
        asks = visitor.get(visitor.start(intent="link", next=page)["Location"])
        assert "Confirm with GitHub</button>" in asks.content.decode()

        proved = visitor.sign_in(github, intent="reauthenticate", next=asks.context["next"])
        for value in visitor.cookies.values():
            assert len(value.OutputString()) < 4096
        shown = visitor.get(proved["Location"])

        at_github(1)
        assert visitor.sign_in(github, intent="link", next=shown.context["next"])["Location"] == page


@pytest.mark.threat("G02")
@pytest.mark.parametrize(("age", "limit", "is_let"), [(900, None, True), (901, None, False), (61, 60, False)])
def test_how_soon_is_a_setting(visitor, somebody, settings, age, limit, is_let):
    if limit:
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"RECENT_SIGN_IN_AGE": limit}
    somebody()
    with time_machine.travel(NOW, tick=False) as clock:
        visitor.login(username="ada", password=PASSWORD)
        clock.shift(age)

        there = visitor.start(intent="link")["Location"]

    assert there.startswith("https://github.com/" if is_let else "/oauth2/confirm/?next=/oauth2/github/link/")


@pytest.mark.threat("G02")
@pytest.mark.parametrize(("ahead", "is_let"), [(60, True), (61, False)])
def test_a_proof_of_the_future_is_none(visitor, somebody, ahead, is_let):
    somebody()
    with time_machine.travel(NOW, tick=False) as clock:
        visitor.login(username="ada", password=PASSWORD)
        clock.shift(-ahead)

        there = visitor.start(intent="link")["Location"]

    assert there.startswith("https://github.com/" if is_let else "/oauth2/confirm/")


@pytest.mark.threat("G02")
def test_a_session_from_before_there_were_proofs_has_none(visitor, ada):
    session = visitor.session
    del session["oauth_login_proof"]
    session.save()

    assert visitor.start(intent="link")["Location"].startswith("/oauth2/confirm/")


@pytest.mark.threat("G02")
def test_a_sign_in_through_a_provider_is_a_proof_as_well(visitor, github):
    visitor.sign_in(github)

    assert visitor.start(intent="link")["Location"].startswith("https://github.com/")


# --- What can come between --------------------------------------------------------------------------------


def test_what_proves_less_takes_nothing_from_what_was_proved_before(visitor, github, ada, link, settings):
    settings.ROOT_URLCONF = "tests.oauth_login.asking.site"
    link(visitor, 1)
    assert visitor.get("/confirmed/anew/").status_code == 200

    visitor.sign_in(github, intent="reauthenticate")

    assert visitor.get("/confirmed/anew/").status_code == 200


def test_a_reload_of_a_link_that_is_finished_goes_on_calmly(visitor, github, ada, at_github):
    at_github(1)
    query = github.approve(visitor.start(intent="link", next="/where/")["Location"])
    visitor.come_back(query)

    again = visitor.come_back(query)

    assert (again.status_code, again["Location"]) == (302, "/where/")
    assert len(github.token_requests) == 1
    assert outcomes() == [("linked", "ada", "1")]


@pytest.mark.threat("I12")
def test_who_says_no_there_is_back_at_their_accounts(visitor, github, ada):
    query = github.deny(visitor.start(intent="link", next="/where/")["Location"])

    answer = visitor.come_back(query)

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/")
    (told,) = messages_of(answer)
    assert told.startswith("You said no there. Nothing was changed. (Support ID: ")
    assert visitor.user == ada
    assert outcomes() == [("access_denied", None, None)]
    assert code_of(visitor.come_back(query)) == "attempt_replayed"


def test_what_went_wrong_can_be_tried_again_for_the_same_purpose(visitor, github, ada):
    github.token = (502, {}, b"")

    answer = visitor.sign_in(github, intent="link", next="/where/")

    page = answer.content.decode()
    assert answer.status_code == 503
    assert '<input type="hidden" name="intent" value="link">' in page
    assert '<input type="hidden" name="next" value="/where/">' in page


@pytest.mark.threat("J09", "F24")
@pytest.mark.django_db(transaction=True)
def test_wherever_the_database_fails_it_is_linked_or_told_but_never_half(
    new_visitor, github, somebody, at_github
):
    at_github(1)
    somebody()
    visitor = new_visitor(raise_request_exception=False)
    visitor.login(username="ada", password=PASSWORD)
    refused, place, fails = 0, 0, FailsAt(1)
    while fails.statements >= place:
        LinkedAccount.objects.all().delete()
        query = github.approve(visitor.start(intent="link")["Location"])
        place += 1
        fails = FailsAt(place)
        with connection.execute_wrapper(fails):
            answer = visitor.come_back(query)
        assert (answer.status_code, LinkedAccount.objects.count(), Token.objects.count()) in {
            (302, 1, 1),  # perhaps only the log could not be written
            (503, 0, 0),
        }
        refused += answer.status_code == 503
    assert refused > 5


@pytest.mark.threat("J09")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True], ids=["new", "linked already"])
def test_sessions_that_cannot_be_saved_link_nothing(
    new_visitor, github, somebody, link, settings, known, mailoutbox
):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    somebody(email="ada@example.com")
    visitor = new_visitor(raise_request_exception=False)
    visitor.login(username="ada", password=PASSWORD)
    if known:
        link(visitor, 1)
        github.token = github.token | {"access_token": "gho_never_kept"}
    query = github.approve(visitor.start(intent="link", next="/where/")["Location"])
    settings.SESSION_ENGINE = "tests.oauth_login.failing_sessions"
    later = new_visitor(raise_request_exception=False)  # a client keeps the engine of its first request
    later.cookies = visitor.cookies

    answer = later.come_back(query)

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    assert linked() == ([("ada", "1")] if known else [])
    assert [token.access_token.reveal() for token in Token.objects.all()] == (["gho_of_1"] if known else [])
    assert len(mailoutbox) == known
    assert outcomes()[-1] == ("site_unavailable", None, None)


@pytest.mark.threat("F24")
def test_a_rule_of_the_sites_own_database_is_a_refusal_and_no_mistake(visitor, github, ada, at_github):
    at_github(1)
    query = github.approve(visitor.start(intent="link")["Location"])

    def refuse(execute, sql, *arguments):
        if unquoted(sql).startswith("INSERT INTO oauth_login_linkedaccount"):
            raise IntegrityError("a rule of the site")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse):
        answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (409, "account_conflict")
    assert linked() == []
