"""What a sign-in through OpenID Connect costs: SQL statements and requests to the provider."""

import pytest

from tests.oauth_login.test_counts import Statements

pytestmark = [pytest.mark.django_db, pytest.mark.provider]


def cost(visitor, openid):
    """Return how many statements one callback takes, and whom it asks what."""
    query = openid.approve(visitor.start("acme")["Location"])
    openid.requests.clear()
    with Statements() as statements:
        assert visitor.come_back(query, "acme").status_code == 302
    return statements.count(), [request.path for request in openid.requests]


def test_a_sign_in_costs_no_more_than_through_github(openid, visitor, new_visitor):
    assert cost(visitor, openid) == (10, ["/token", "/jwks"])
    assert cost(new_visitor(), openid) == (7, ["/token"])


def test_starting_costs_no_sql_and_warm_no_request(openid, visitor):
    visitor.start("acme")
    openid.requests.clear()

    with Statements() as statements:
        visitor.start("acme")

    assert (statements.count(), openid.requests) == (0, [])
