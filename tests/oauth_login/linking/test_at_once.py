"""Two who change the same ways in at the same moment: one of them comes second, in every database."""

import threading
from contextlib import suppress
from functools import partial

import pytest
from django.db import connection
from django.urls import reverse

from oauth_login.models import LinkedAccount, SignIn, Token
from tests.databases import unquoted
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.linking.conftest import PASSWORD, code_of, linked
from tests.oauth_login.test_concurrency import at_once


class Together:
    """Holds each of two threads back before a statement, until the other is there as well, or never comes."""

    def __init__(self, statement):
        self.statement = statement
        self.barrier = threading.Barrier(2, timeout=0.7)

    def __call__(self, execute, sql, *arguments):
        if unquoted(sql).startswith(self.statement):
            with suppress(threading.BrokenBarrierError):
                self.barrier.wait()
        return execute(sql, *arguments)

    def call(self, do, *arguments):
        """Do it with the connection of this thread."""
        with connection.execute_wrapper(self):
            return do(*arguments)


@pytest.fixture
def at_once_before(database):
    """A way to do two things at once that meet before they say a statement."""

    def run(statement, *calls):
        together = Together(statement)
        return at_once(*(partial(together.call, *call) for call in calls))

    return run


@pytest.fixture
def browsers(database, somebody):
    """Two browsers: Ada's, and of somebody else."""
    made = []
    for name in ("ada", "bob"):
        somebody(name)
        browser = Visitor()
        browser.login(username=name, password=PASSWORD)
        made.append(browser)
    return made


@pytest.mark.threat("G09")
def test_of_two_that_are_unlinked_at_once_the_last_way_in_stays(at_once_before, github, browsers, link):
    ada = browsers[0]
    for number in (1, 2):
        link(ada, number)
    user = ada.user
    user.set_unusable_password()
    user.save()
    ada.force_login(user, "django.contrib.auth.backends.ModelBackend")
    pages = [
        reverse("oauth_login:unlink", args=[pk]) for pk in LinkedAccount.objects.values_list("pk", flat=True)
    ]

    answers = at_once_before("DELETE FROM oauth_login_linkedaccount", *((ada.post, page) for page in pages))

    assert sorted(answer.status_code for answer in answers) == [302, 409]
    assert {code_of(answer) for answer in answers if answer.status_code == 409} == {"last_way_in"}
    assert LinkedAccount.objects.count() == Token.objects.count() == 1
    assert SignIn.objects.filter(outcome="unlinked").count() == 1


@pytest.mark.threat("G09", "G06")
def test_of_two_that_unlink_the_same_account_the_second_finds_it_gone(at_once_before, browsers, link):
    ada = browsers[0]
    link(ada, 1)
    page = reverse("oauth_login:unlink", args=[LinkedAccount.objects.get().pk])

    answers = at_once_before("DELETE FROM oauth_login_linkedaccount", (ada.post, page), (ada.post, page))

    assert sorted(answer.status_code for answer in answers) == [302, 404]
    assert linked() == []


@pytest.mark.threat("G03", "F25")
def test_of_two_who_link_one_identity_at_once_one_has_it(at_once_before, github, browsers, at_github):
    at_github(1)
    queries = [github.approve(browser.start(intent="link")["Location"]) for browser in browsers]

    answers = at_once_before(
        "INSERT INTO oauth_login_linkedaccount",
        *((browser.come_back, query) for browser, query in zip(browsers, queries, strict=True)),
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409]
    assert {code_of(answer) for answer in answers if answer.status_code == 409} == {"linked_elsewhere"}
    (winner,) = [
        browser for browser, answer in zip(browsers, answers, strict=True) if answer.status_code == 302
    ]
    assert linked() == [(winner.user.get_username(), "1")]
    assert Token.objects.count() == 1


@pytest.mark.threat("G04", "F25")
def test_who_links_it_in_two_tabs_at_once_has_it_once(at_once_before, github, browsers, at_github):
    at_github(1)
    ada = browsers[0]
    queries = [github.approve(ada.start(intent="link")["Location"]) for _ in range(2)]

    answers = at_once_before(
        "INSERT INTO oauth_login_linkedaccount", *((ada.come_back, query) for query in queries)
    )

    assert [answer.status_code for answer in answers] == [302, 302]
    assert linked() == [("ada", "1")]


@pytest.mark.threat("F18")
def test_an_account_that_gives_and_one_that_is_unlinked_do_not_wait_for_each_other_for_ever(
    github, browsers, link, settings
):
    """Unlinking locks accounts and then the user, of whom it takes what the account gave."""
    rules = {"TEAMS": True, "STAFF": ["acme/admins"]}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"github": rules}}
    admins = [{"slug": "admins", "organization": {"login": "acme"}}]
    ada, other = browsers[0], Visitor()
    for number, teams in ((1, admins), (2, [])):
        github.teams = teams
        link(ada, number)
    github.teams = admins
    query = github.approve(other.start()["Location"])
    page = reverse("oauth_login:unlink", args=[LinkedAccount.objects.get(subject="1").pk])
    signing_in, unlinking = Together("UPDATE oauth_login_linkedaccount"), Together("UPDATE auth_user")
    unlinking.barrier = signing_in.barrier

    answers = at_once(
        partial(signing_in.call, other.come_back, query), partial(unlinking.call, ada.post, page)
    )

    assert [answer.status_code for answer in answers] == [302, 302]
    assert linked() == [("ada", "2")]
    assert other.user.is_staff


@pytest.mark.threat("F25", "H24")
def test_a_sign_in_and_the_unlinking_of_its_account_do_not_wait_for_each_other_for_ever(
    github, browsers, link, at_github
):
    ada, other = browsers[0], Visitor()
    link(ada, 1)
    at_github(1, name="Another name")
    query = github.approve(other.start()["Location"])
    page = reverse("oauth_login:unlink", args=[LinkedAccount.objects.get().pk])
    signing_in = Together("UPDATE oauth_login_linkedaccount")
    unlinking = Together("DELETE FROM oauth_login_token")
    unlinking.barrier = signing_in.barrier

    answers = at_once(
        partial(signing_in.call, other.come_back, query), partial(unlinking.call, ada.post, page)
    )

    assert [answer.status_code for answer in answers] == [302, 302]
