"""Work is claimed in batches by any number of machines, and nothing by two."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from oauth_login.models import Token
from tests.oauth_login.test_concurrency import at_once
from tests.oauth_login.tokens.commands import link_many

ISSUER = "https://x.example"


@pytest.fixture(params=[True, False], ids=["passing over", "one by one"])
def way(request, monkeypatch):
    """Whether the database can pass over rows that somebody has locked; on SQLite nothing is ever locked."""
    can = connection.vendor == "sqlite" or connection.features.has_select_for_update_skip_locked
    monkeypatch.setattr(connection.features, "has_select_for_update_skip_locked", request.param and can)


@pytest.fixture
def soon():
    return datetime.now(UTC) + timedelta(minutes=10)


def take(before, number, after=None):
    return Token.objects.take_expiring(before, number=number, providers=["ghe"], after=after)


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_a_claim_is_of_what_expires_first_and_of_nobody_else(soon, django_assert_num_queries):
    accounts = link_many(9, ISSUER, lambda: ("access", "refresh"))
    link_many(2, ISSUER + "/", lambda: ("access", "refresh"), alias="other")
    for number, account in enumerate(reversed(accounts)):
        Token.objects.filter(pk=account.pk).update(expires_at=soon - timedelta(seconds=100 - number))

    first, second, third = take(soon, 4), take(soon, 4), take(soon, 4)

    last_to_first = [account.pk for account in reversed(accounts)]
    assert [token.pk for token in [*first, *second, *third]] == last_to_first
    assert [len(claim) for claim in (first, second, third)] == [4, 4, 1]
    with django_assert_num_queries(0):
        assert [token.account.provider for token in first] == ["ghe"] * 4
    assert take(soon, 4) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_what_is_given_back_can_be_claimed_again_but_not_by_who_has_passed_it(soon):
    link_many(3, ISSUER, lambda: ("access", "refresh"))
    (first,) = take(soon, 1)

    assert Token.objects.release(first)
    assert [token.pk for token in take(soon, 1, after=first)] != [first.pk]
    assert [token.pk for token in take(soon, 1)] == [first.pk]


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_a_lease_that_has_run_out_is_another_chance(soon):
    link_many(1, ISSUER, lambda: ("access", "refresh"))
    (token,) = take(soon, 1)
    assert take(soon, 1) == []

    Token.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=2))

    assert [again.pk for again in take(soon, 1)] == [token.pk]


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("hours", [1, -1], ids=["fast", "slow"])
def test_a_claim_is_as_long_on_a_machine_whose_clock_is_wrong(soon, time_machine, hours):
    link_many(1, ISSUER, lambda: ("access", "refresh"))
    Token.objects.update(refresh_expires_at=datetime.now(UTC) + timedelta(seconds=60))

    time_machine.move_to(datetime.now(UTC) + timedelta(hours=hours))
    (token,) = take(soon, 1)

    assert Token.objects.current(token.pk).lease_left in range(25, 31)
    assert take(soon, 1) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_whoever_claims_a_token_forgets_why_it_was_left_alone(soon):
    link_many(1, ISSUER, lambda: ("access", "refresh"))
    Token.objects.update(reason="provider_unavailable")

    (token,) = take(soon, 1)

    assert Token.objects.get(pk=token.pk).reason == ""


class Replica:
    """A router whose reads go to a database that is behind, or, here, not there at all."""

    def db_for_read(self, model, **_hints):
        return "replica"

    def db_for_write(self, model, **_hints):
        return "default"


@pytest.mark.django_db
def test_a_replica_that_is_behind_is_not_asked_for_a_token(account_of, granting, settings, soon):
    account = account_of(-1)
    settings.DATABASE_ROUTERS = [f"{__name__}.Replica"]
    assert Token.objects.all().db == "replica"

    assert [token.pk for token in take(soon, 1)] == [account.pk]
    Token.objects.update(lease_until=None)
    assert account.access_token() == "ghu_access000002"


@pytest.mark.usefixtures("database")
@pytest.mark.threat("H15")
def test_of_eight_at_once_no_two_claim_the_same(soon):
    link_many(200, ISSUER, lambda: ("access", "refresh"))

    def work():
        claimed = []
        while Token.objects.expiring(soon).exists():
            claimed += [token.pk for token in take(soon, 5)]
        return claimed

    claimed = [pk for claim in at_once(*[work] * 8) for pk in claim]

    assert len(claimed) == len(set(claimed)) == 200
