"""Many at once, in real threads with connections of their own, as a server has them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import parse_qs

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections

from guestbook.models import Entry
from oauth_login.models import LinkedAccount, SignIn, Token
from tests.databases import unquoted
from tests.oauth_login.conftest import Visitor


def at_once(*calls):
    """Call each in a thread of its own, none before all are there; return what they return."""
    together = threading.Barrier(len(calls), timeout=20)

    def run(call):
        try:
            together.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


@pytest.mark.threat("A06")
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("session", [False, True], ids=["no session", "session"])
def test_of_six_copies_of_one_callback_exactly_one_is_finished(github, session):
    visitor = Visitor()
    if session:
        draft = visitor.session  # makes one
        draft["draft"] = "mine"
        draft.save()
    query = github.approve(visitor.start(next="/where/")["Location"])
    granted = github.token

    def slowly(_request):
        time.sleep(0.3)
        return granted

    github.token = slowly
    clicks = [Visitor() for _ in range(6)]
    for click in clicks:
        click.cookies.load({name: morsel.value for name, morsel in visitor.cookies.items()})

    answers = at_once(*(partial(click.come_back, query) for click in clicks))

    assert sorted(answer.status_code for answer in answers) == [302, 400, 400, 400, 400, 400]
    assert {answer.context["code"] for answer in answers if answer.status_code == 400} == {"attempt_replayed"}
    assert len(github.token_requests) == 1
    assert get_user_model().objects.count() == SignIn.objects.count() == 1
    assert sum(click.user is not None for click in clicks) == 1


@pytest.mark.threat("F25")
@pytest.mark.usefixtures("database")
def test_eight_first_sign_ins_of_one_person_make_one_user(github):
    browsers = [Visitor() for _ in range(8)]
    returning = [
        partial(browser.come_back, github.approve(browser.start()["Location"])) for browser in browsers
    ]

    answers = at_once(*returning)

    assert [answer.status_code for answer in answers] == [302] * 8
    user = get_user_model().objects.get()
    assert [browser.user for browser in browsers] == [user] * 8
    assert LinkedAccount.objects.count() == Token.objects.count() == 1
    assert SignIn.objects.filter(outcome="signed_in").count() == 8


@pytest.mark.threat("F25")
@pytest.mark.parametrize("public", [True, False], ids=["with an address", "without"])
def test_a_person_who_was_faster_in_another_tab_is_no_conflict_with_themselves(visitor, github, public):
    github.emails = github.emails if public else []
    faster = Visitor()
    queries = [github.approve(browser.start()["Location"]) for browser in (visitor, faster)]
    overtaken: list[str] = []

    def look_up_and_be_overtaken(execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if unquoted(sql).startswith("SELECT oauth_login_linkedaccount") and not overtaken:
            overtaken.append("now")
            assert faster.come_back(queries[1]).status_code == 302
        return found

    with connection.execute_wrapper(look_up_and_be_overtaken):
        assert visitor.come_back(queries[0]).status_code == 302

    assert overtaken
    assert visitor.user == faster.user == get_user_model().objects.get()


@pytest.mark.threat("D27")
@pytest.mark.usefixtures("database")
def test_of_thirty_two_people_at_once_everybody_is_who_they_are(github):
    granted, octocat = github.token, github.user

    def token(request):  # names the person, as every code is somebody else's
        (code,) = parse_qs(request.body)["code"]
        return granted | {"access_token": f"gho_{code}"}

    def user(request):
        person = request.headers["authorization"].removeprefix("Bearer gho_")
        time.sleep(0.01)  # so that the requests of many interleave
        return octocat | {"id": int(person, 16) % (1 << 62), "login": f"p-{person}"}

    github.token, github.user, github.emails = token, user, []
    people = [(browser := Visitor(), github.approve(browser.start()["Location"])) for _ in range(32)]

    answers = at_once(*(partial(browser.come_back, query) for browser, query in people))

    assert [answer.status_code for answer in answers] == [302] * 32
    for browser, query in people:
        assert browser.user.get_username() == f"p-{query['code']}"
        assert browser.user.linked_accounts.get().token.access_token.reveal() == f"gho_{query['code']}"


@pytest.mark.threat("D28")
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "ATOMIC_REQUESTS"])
def test_somebody_can_write_while_a_sign_in_waits_for_the_provider(github, monkeypatch, atomic):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    waiting, written = threading.Event(), threading.Event()
    granted = github.token

    def slowly(_request):
        waiting.set()
        written.wait(20)
        return granted

    github.token = slowly
    visitor, writer = Visitor(), Visitor()
    author = get_user_model().objects.create_user("ada")
    writer.force_login(author)
    query = github.approve(visitor.start()["Location"])

    def write():
        assert waiting.wait(20)
        started = time.monotonic()
        try:
            return writer.post("/write/", {"text": "I can write."}), time.monotonic() - started
        finally:
            written.set()

    came_back, (wrote, seconds) = at_once(partial(visitor.come_back, query), write)

    assert (came_back.status_code, wrote.status_code) == (302, 302)
    assert Entry.objects.get().author == author
    assert seconds < 1


@pytest.mark.threat("J09")
@pytest.mark.usefixtures("database")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite locks all of a database")
def test_a_database_that_stays_locked_costs_a_page_and_nothing_else(github, monkeypatch):
    visitor = Visitor(raise_request_exception=False)
    query = github.approve(visitor.start(next="/where/")["Location"])
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"timeout": 0.1})
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('x', 'x', '2000-01-01')")
        answer = visitor.come_back(query)
    other.rollback()
    other.close()

    assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
    assert answer.context["next"] == "/where/"
    assert github.token_requests == []
    assert visitor.come_back(query)["Location"] == "/where/"
    assert visitor.user is not None
