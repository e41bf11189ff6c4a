"""What linking costs, counted: SQL statements and provider requests."""

import pytest
from django.urls import reverse

from oauth_login.models import LinkedAccount
from tests.oauth_login.linking.conftest import PASSWORD
from tests.oauth_login.test_counts import Statements


@pytest.fixture
def cost(github):
    """A way to count what a request takes: statements, and requests to the provider."""

    def count(ask, *arguments):
        before = len(github.requests)
        with Statements() as statements:
            answer = ask(*arguments)
        return answer.status_code, statements.count(), len(github.requests) - before

    return count


@pytest.mark.threat("J01")
def test_linking_costs_what_was_promised(visitor, github, ada, at_github, cost):
    at_github(1)
    assert cost(visitor.get, "/oauth2/github/link/") == (200, 2, 0)

    # Session, user, claim, identity, account, token, session, outcome; then the account is as it was.
    for statements in (8, 7):
        query = github.approve(visitor.start(intent="link")["Location"])
        assert cost(visitor.come_back, query) == (302, statements, 3)


@pytest.mark.threat("J01")
def test_so_does_unlinking(visitor, github, ada, link, cost):
    link(visitor, 1)

    page = reverse("oauth_login:unlink", args=[LinkedAccount.objects.get().pk])
    status, statements, _requests = cost(visitor.post, page)

    # Session, user, the accounts before and after the log, each time with the user as they are by now, and as
    # the backend of the password knows them; their tokens are locked; then the grant, what is put aside, what
    # the account gave, and what Django does to delete.
    assert (status, statements) == (302, 17)


@pytest.mark.threat("J01")
def test_so_does_a_collision_and_its_end(visitor, new_visitor, github, somebody, at_github, cost):
    somebody(email="ada@example.com")
    at_github(2, email="ada@example.com")
    query = github.approve(visitor.start()["Location"])

    # Claim, identity, who has name and address, and may they sign in; identity again, in case the visitor was
    # faster in another tab; for the page the user, their accounts, and whom the backend of passwords
    # knows; outcome, and a session of two.
    assert cost(visitor.come_back, query) == (409, 11, 3)

    typed = {"username": "ada", "password": PASSWORD}
    assert cost(new_visitor().post, "/password/", typed) == (302, 5, 0)  # nothing held costs nothing
    # Django moves the session by three; identity, in case it was linked meanwhile, and once more to link it,
    # account, token and log.
    assert cost(visitor.post, "/password/", typed) == (302, 5 + 3 + 5, 0)
