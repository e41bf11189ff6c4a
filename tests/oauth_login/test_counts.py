"""What a sign-in costs, counted: SQL statements, provider requests, bytes in the browser."""

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oauth_login.models import SignIn, Token

BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")


class Statements(CaptureQueriesContext):
    """The SQL of a block, without what only brackets a transaction."""

    def __init__(self):
        super().__init__(connection)

    @property
    def said(self):
        return [query["sql"] for query in self if not query["sql"].startswith(BRACKETS)]

    def count(self):
        return len(self.said)


def callback(visitor, github, **fields):
    """Return how many statements and provider requests one callback takes."""
    query = github.approve(visitor.start(**fields)["Location"])
    before = len(github.requests)
    with Statements() as statements:
        assert visitor.come_back(query).status_code == 302
    return statements.count(), len(github.requests) - before


@pytest.mark.threat("J01")
@pytest.mark.parametrize("signed_in", [False, True])
def test_starting_costs_a_stranger_no_sql_at_all(visitor, github, signed_in):
    if signed_in:
        visitor.sign_in(github)

    with Statements() as statements:
        visitor.start(next="/where/")

    # Who is signed in is in the database: the session, and the user.
    assert statements.count() == (2 if signed_in else 0)


@pytest.mark.parametrize(
    "path", ["login/", "github/authorize/", "github/callback/", "github/callback/?state=x"]
)
def test_looking_costs_a_stranger_no_sql_either(visitor, path):
    with Statements() as statements:
        visitor.get(f"/oauth2/{path}")

    assert statements.said == []


@pytest.mark.parametrize("stored", [True, False], ids=["tokens stored", "no tokens"])
def test_a_sign_in_costs_what_was_promised(visitor, new_visitor, github, settings, stored):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": stored}

    new = callback(visitor, github)
    returning = callback(new_visitor(), github)

    assert Token.objects.count() == stored
    assert new == ((10, 3) if stored else (9, 3))
    assert returning == (7, 3)


def test_sessions_outside_the_database_cost_less(visitor, new_visitor, github, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    cache.clear()

    assert callback(visitor, github)[0] == 8
    assert callback(new_visitor(), github)[0] == 5
    cache.clear()


def test_a_reload_costs_one_look_at_the_session(visitor, github):
    query = github.approve(visitor.start()["Location"])
    visitor.come_back(query)

    with Statements() as statements:
        visitor.come_back(query)

    assert statements.count() == 1
    assert len(github.token_requests) == 1


def test_a_denial_costs_the_claim_and_the_outcome(visitor, github):
    query = github.deny(visitor.start()["Location"])

    with Statements() as statements:
        visitor.come_back(query)

    assert statements.count() == 2
    assert github.requests == []


@pytest.mark.threat("J03")
def test_abandoned_starts_leave_no_row_and_few_bytes(visitor):
    for _ in range(20):
        visitor.start(next="/where/?page=2")

    assert Session.objects.count() == SignIn.objects.count() == 0
    assert sum(len(name) + len(value) + 3 for name, value in visitor.attempt_cookies().items()) < 4096
