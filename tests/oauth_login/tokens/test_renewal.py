"""A token that expires is renewed by whoever needs it, and what it takes is never lost."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template

from oauth_login import leases, providers, tokens
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderResponseError,
    ProviderUnavailable,
    RateLimited,
    ReauthorizationRequired,
)
from oauth_login.leases import LEASE
from oauth_login.models import LinkedAccount, Token
from oauth_login.transport import DEADLINE
from tests.oauth_login.error_reports import assert_nothing_is_shown
from tests.oauth_login.http_server import HANG_UP, reply
from tests.oauth_login.odd_providers import ForgetsWithABug, RenewsNothing
from tests.oauth_login.tokens.granting import DEAD

pytestmark = pytest.mark.django_db


def test_a_token_that_lasts_is_given_out_and_nobody_is_asked(account_of, granting, django_assert_num_queries):
    account = account_of(61 * 60)

    with django_assert_num_queries(1):
        assert account.access_token() == "ghu_access000001"
    assert granting.requests == []


def test_a_token_without_a_date_lasts(account_of, granting):
    assert account_of(None).access_token() == "ghu_access000001"
    assert granting.requests == []


@pytest.mark.threat("H14", "GH12")
@pytest.mark.parametrize("left", [-86400, 0, 1, 59])
def test_a_token_that_is_expired_or_about_to_be_is_renewed_first(account_of, granting, stored, told, left):
    account = account_of(left)

    assert account.access_token() == "ghu_access000002"
    assert granting.refreshes == ["ghr_refresh000001"]
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1
    assert told == [("refreshed", account.pk)]


def test_the_transaction_around_a_test_is_no_transaction_of_the_site(
    account_of, granting, stored, monkeypatch
):
    """Another connection would see nothing of what the test has made."""
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    account = account_of(-1)

    assert account.access_token() == "ghu_access000002"
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.threat("H14")
def test_a_token_that_lives_for_a_second_is_renewed_once_for_each_call(account_of, granting, time_machine):
    account = account_of(-1)
    granting.lifetime = 1
    time_machine.move_to(datetime.now(UTC), tick=False)

    assert account.access_token() == "ghu_access000002"
    assert len(granting.refreshes) == 1


@pytest.mark.threat("H30")
@pytest.mark.parametrize(("ahead", "counted"), [(-3, -3), (-2, 0), (0, 0), (2, 0), (3, 3)])
def test_what_clocks_differ_by_is_not_what_rounding_makes_of_it(
    account_of, monkeypatch, time_machine, ahead, counted
):
    now = datetime.now(UTC).replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    monkeypatch.setitem(leases.CLOCKS, connection.vendor, str(int(now.timestamp()) + ahead))

    account_of(-10).access_token()

    assert Token.objects.get().expires_at == now + timedelta(seconds=28800 + counted)


def test_the_new_dates_are_those_of_the_new_grant(account_of):
    account = account_of(-1)

    account.access_token()

    token = Token.objects.get(pk=account.pk)
    now = datetime.now(UTC)
    assert timedelta(seconds=28790) < token.expires_at - now <= timedelta(seconds=28800)
    assert timedelta(days=183) < token.refresh_expires_at - now <= timedelta(days=184)
    assert (token.version, token.lease_until, token.state) == (2, None, "active")


@pytest.mark.threat("H17")
def test_an_answer_without_a_refresh_token_keeps_the_one_there_is(account_of, granting, stored):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    account = account_of(-1, refresh_expires_at=until)
    granting.more = {"refresh_token": None, "refresh_token_expires_in": None}

    account.access_token()

    assert stored(account) == ("ghu_access000002", "ghr_refresh000001")
    assert Token.objects.get().refresh_expires_at == until


@pytest.mark.threat("H26")
@pytest.mark.parametrize(
    ("scope", "kept"), [(None, "read:user"), ("repo,read:user", "read:user repo"), ("", "")]
)
def test_the_scope_is_what_the_provider_says_and_stays_if_it_says_nothing(account_of, granting, scope, kept):
    account = account_of(-1)
    granting.more = {"scope": scope}

    account.access_token()

    assert LinkedAccount.objects.get().scope == kept


NONSENSE: dict[str, list[Any]] = {
    "expires_in": [-5, "x", "-5", "3600.5", True, [], {}],
    "refresh_token_expires_in": [-5, "x"],
    "scope": [5, True, {}],
    "refresh_token": [7],
}


@pytest.mark.threat("D23", "H21", "H26")
@pytest.mark.parametrize(
    ("member", "value"), [(name, value) for name, values in NONSENSE.items() for value in values], ids=ascii
)
def test_an_answer_with_nonsense_in_it_replaces_no_token(account_of, granting, stored, told, member, value):
    account = account_of(-1)
    granting.more = {member: value}

    with pytest.raises(ProviderResponseError):
        account.access_token()

    token = Token.objects.get()
    assert stored(account) == ("ghu_access000001", "ghr_refresh000001")
    assert (token.state, token.expires_at <= datetime.now(UTC)) == ("active", True)
    assert LinkedAccount.objects.get().scope == "read:user"
    assert told == []


@pytest.mark.threat("D23")
@pytest.mark.parametrize(
    ("lifetime", "known"),
    [("3600", True), (3600.0, True), (3600.5, True), (None, False), ("", False), (10**10, False)],
)
def test_a_lifetime_that_is_odd_is_taken_as_at_a_sign_in(account_of, granting, lifetime, known):
    account = account_of(-1)
    granting.more = {"expires_in": lifetime}

    assert account.access_token() == "ghu_access000002"
    assert (Token.objects.get().expires_at is not None) is known


@pytest.mark.threat("D23")
def test_what_is_expired_at_once_is_given_to_nobody_and_what_renews_it_is_kept(account_of, granting, stored):
    account = account_of(-1)
    granting.lifetime = 0

    with pytest.raises(ProviderResponseError, match="expired at once"):
        account.access_token()

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert granting.refreshes == ["ghr_refresh000001"]


def test_one_that_runs_out_while_the_provider_fails_is_given_to_nobody(account_of, granting, time_machine):
    account = account_of(30)
    time_machine.move_to(datetime.now(UTC))

    def slow(_):
        time_machine.shift(60)
        return reply({}, 503)

    granting.renews = slow
    with pytest.raises(ProviderUnavailable):
        account.access_token()


@pytest.mark.threat("H26")
def test_a_scope_that_is_an_array_is_no_word_about_it(account_of, granting):
    account = account_of(-1)
    granting.more = {"scope": ["repo"]}

    assert account.access_token() == "ghu_access000002"
    assert LinkedAccount.objects.get().scope == "read:user"


@pytest.mark.threat("H18", "H19", "GH12")
@pytest.mark.parametrize("answer", [reply(DEAD), reply({"error": "invalid_grant"}, 400)])
def test_a_refresh_token_that_is_refused_ends_the_grant_and_nobody_asks_again(
    account_of, granting, stored, told, answer, caplog
):
    account = account_of(-1)
    granting.renews = lambda _: answer

    for _ in range(3):
        with pytest.raises(ReauthorizationRequired):
            account.access_token()

    token = Token.objects.get()
    assert (token.state, token.reason, stored(account)) == ("reauthorize", "refresh_rejected", ("", ""))
    assert len(granting.requests) == 1
    assert told == [("required", account.pk, "refresh_rejected")]
    assert [f"account {account.pk} has to sign in again: refresh_rejected"] == [
        record.message for record in caplog.records if record.levelno == logging.WARNING
    ]


@pytest.mark.threat("H20")
def test_without_a_refresh_token_nothing_is_sent_in_its_place(account_of, granting, told):
    account = account_of(-1, refresh_token="")

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert granting.requests == []
    assert told == [("required", account.pk, "token_expired")]


@pytest.mark.threat("H20")
def test_a_token_that_cannot_be_renewed_is_used_to_its_end(account_of, granting):
    account = account_of(30, refresh_token="")

    assert [account.access_token() for _ in range(2)] == ["ghu_access000001"] * 2
    assert granting.requests == []
    assert Token.objects.get().state == "active"


@pytest.mark.threat("H20")
def test_a_provider_that_renews_nothing_is_not_asked_for_it(
    account_of, granting, settings, monkeypatch, told
):
    kind = f"{RenewsNothing.__module__}.{RenewsNothing.__name__}"
    monkeypatch.setitem(providers.KINDS, "renews_nothing", kind)
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "renews_nothing"
    account = account_of(-1)

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert granting.requests == []
    assert told == [("required", account.pk, "token_expired")]


def test_a_refresh_token_that_is_expired_is_not_sent(account_of, granting, told):
    account = account_of(-1, refresh_expires_at=datetime.now(UTC) - timedelta(seconds=1))

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert granting.requests == []
    assert told == [("required", account.pk, "refresh_token_expired")]


def test_a_row_without_an_access_token_is_renewed(account_of, granting):
    """As a script of the site's own may leave it."""
    account = account_of(3600)
    Token.objects.update(access_token="")

    assert account.access_token() == "ghu_access000002"


def test_a_row_with_no_token_in_it_asks_for_a_sign_in(account_of):
    account = account_of(3600, access_token="", refresh_token="")

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert Token.objects.get().state == "reauthorize"


def test_an_account_without_a_token_says_so(account_of, granting):
    account = account_of(-1)
    Token.objects.all().delete()

    with pytest.raises(ReauthorizationRequired, match="there is no token"):
        account.access_token()


FAILURES = [
    ((503, {}, "{}"), ProviderUnavailable),
    ((502, {"Retry_After": "7"}, "{}"), ProviderUnavailable),
    ((429, {"Retry_After": "9"}, "{}"), RateLimited),
    ((200, {}, b"<html>"), ProviderResponseError),
    ((200, {}, "{}"), ProviderResponseError),
    ((200, {}, '{"access_token": 7, "token_type": "bearer"}'), ProviderResponseError),
    ((200, {}, '{"error": "incorrect_client_credentials"}'), ProviderMisconfigured),
    ((302, {"Location": "https://evil.example/"}, "{}"), ProviderResponseError),
    ([HANG_UP], ProviderUnavailable),
]


@pytest.mark.parametrize(("answer", "error"), FAILURES)
def test_a_provider_that_fails_leaves_a_token_that_still_lasts_in_use(
    account_of, granting, stored, answer, error
):
    account = account_of(30)
    granting.renews = lambda _: answer

    assert [account.access_token() for _ in range(3)] == ["ghu_access000001"] * 3
    assert len({request.path for request in granting.requests}) == 1
    assert stored(account) == ("ghu_access000001", "ghr_refresh000001")


@pytest.mark.parametrize(("answer", "error"), FAILURES)
def test_a_provider_that_fails_with_an_expired_token_is_a_typed_error_and_not_asked_again_at_once(
    account_of, granting, stored, answer, error
):
    account = account_of(-1)
    granting.renews = lambda _: answer

    with pytest.raises(error):
        account.access_token()
    asked = len(granting.requests)
    with pytest.raises(ProviderUnavailable) as again:
        account.access_token()

    assert len(granting.requests) == asked
    assert again.value.retry_after in range(1, 10)
    assert stored(account) == ("ghu_access000001", "ghr_refresh000001")
    assert Token.objects.get().state == "active"


@pytest.fixture
def buggy(monkeypatch, settings):
    """A way to have the provider be of a class of the site's own, with a mistake in it; or of none such."""
    monkeypatch.setitem(providers.KINDS, "buggy", f"{ForgetsWithABug.__module__}.ForgetsWithABug")

    def is_buggy(preset="buggy"):
        known = settings.OAUTH_LOGIN["PROVIDERS"]["ghe"] | {"PRESET": preset}
        settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": known}}

    return is_buggy


@pytest.mark.threat("H08")
def test_a_mistake_in_a_class_of_the_sites_own_is_a_provider_that_fails(
    account_of, granting, stored, buggy, caplog
):
    account = account_of(-1)
    buggy()

    with pytest.raises(ProviderMisconfigured, match="RuntimeError"):
        account.access_token()
    with pytest.raises(ProviderUnavailable, match="settings_invalid") as again:
        account.access_token()

    assert again.value.retry_after in range(1, 6)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == "ForgetsWithABug has a mistake in it"
    assert_nothing_is_shown(record.exc_info)
    buggy("github")  # no more
    Token.objects.update(lease_until=None)
    assert account.access_token() == "ghu_access000002"


def test_nor_is_it_in_the_way_of_a_token_that_still_lasts(account_of, granting, buggy):
    account = account_of(30)
    buggy()

    assert [account.access_token() for _ in range(2)] == ["ghu_access000001"] * 2


@pytest.mark.parametrize("hours", [1, -1], ids=["fast", "slow"])
def test_the_pause_is_as_long_on_a_machine_whose_clock_is_wrong(account_of, granting, time_machine, hours):
    account = account_of(-1)
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=hours))
    granting.renews = lambda _: (503, {"Retry-After": "60"}, "{}")

    with pytest.raises(ProviderUnavailable):
        account.access_token()
    asked = len(granting.requests)
    with pytest.raises(ProviderUnavailable, match="provider_unavailable") as again:
        account.access_token()

    assert again.value.retry_after in range(50, 61)
    assert len(granting.requests) == asked


@pytest.mark.parametrize("hours", [-1, 8], ids=["slow", "fast"])
def test_a_machine_whose_clock_is_wrong_renews_what_is_expired_and_nothing_else(
    account_of, granting, stored, time_machine, hours
):
    in_six_hours = datetime.now(UTC) + timedelta(hours=6)
    expired, lasting = account_of(-600), account_of(7_200, 2, refresh_expires_at=in_six_hours)
    alone = account_of(3_600, 3, refresh_token="")
    before = stored(lasting)
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=hours))

    assert expired.access_token() not in {stored(lasting)[0], "ghu_access000001"}
    assert lasting.access_token() == before[0]
    assert alone.access_token() == stored(alone)[0] != ""

    renewed = Token.objects.get(pk=expired.pk)
    assert renewed.expires_at < in_six_hours + timedelta(hours=3), "by the clock that all machines share"
    assert renewed.expires_at > in_six_hours


def test_a_sign_in_on_such_a_machine_notes_when_the_token_really_expires(visitor, github, time_machine):
    github.token |= {"expires_in": 3600, "refresh_token": "ghr_new", "refresh_token_expires_in": 7200}
    now = datetime.now(UTC)
    query = github.approve(visitor.start()["Location"])
    time_machine.move_to(now + timedelta(seconds=400))

    visitor.come_back(query)

    token = Token.objects.get()
    assert abs((token.expires_at - now).total_seconds() - 3600) < 60
    assert abs((token.refresh_expires_at - now).total_seconds() - 7200) < 60


def test_a_refresh_token_that_lasts_by_the_databases_clock_is_used(account_of, granting, time_machine):
    account = account_of(-1, refresh_expires_at=datetime.now(UTC) + timedelta(hours=6))
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=8))

    assert account.access_token() == "ghu_access000002"


def test_a_provider_that_wishes_for_a_day_is_asked_again_in_five_minutes(account_of, granting):
    account = account_of(-1)
    granting.renews = lambda _: (429, {"Retry-After": "86400"}, "{}")

    with pytest.raises(RateLimited):
        account.access_token()
    with pytest.raises(ProviderUnavailable) as again:
        account.access_token()

    assert again.value.retry_after in range(290, 301)


def test_after_the_pause_the_provider_is_asked_again(account_of, granting):
    account = account_of(-1)
    granting.renews = lambda _: (503, {}, "{}")
    with pytest.raises(ProviderUnavailable):
        account.access_token()
    Token.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    granting.renews = None

    assert account.access_token() == "ghu_access000002"
    assert Token.objects.get().reason == ""


@pytest.mark.threat("H04")
def test_a_token_that_no_key_opens_asks_for_a_sign_in_and_is_left_as_it_is(
    account_of, granting, settings, caplog
):
    account = account_of(-1)
    settings.SECRET_KEY = "another-key-entirely-which-has-never-sealed-anything-at-all-0123456789"

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert granting.requests == []
    assert Token.objects.get().state == "active"
    assert f"the token of account {account.pk} cannot be opened" in caplog.text


@pytest.mark.threat("H02", "H04")
@pytest.mark.parametrize("damage", ["swapped", "truncated", "changed", "column"])
def test_a_ciphertext_that_is_not_this_rows_asks_for_a_sign_in(account_of, granting, caplog, damage):
    account, other = account_of(3600), account_of(3600, number=2)
    raw = dict(Token.objects.values_list("pk", "access_token"))
    mine = raw[account.pk]
    put = {
        "swapped": raw[other.pk],
        "truncated": mine[:-5],
        "changed": mine[:-1] + ("A" if mine[-1] != "A" else "B"),
        "column": Token.objects.values_list("refresh_token", flat=True).get(pk=account.pk),
    }[damage]
    Token.objects.filter(pk=account.pk).update(access_token=type(mine)(put))

    with pytest.raises(ReauthorizationRequired):
        account.access_token()
    assert f"account {account.pk} " in caplog.text
    assert other.access_token() == "ghu_access000002"


def test_another_server_under_the_same_name_is_never_shown_the_token(account_of, granting, settings):
    account = account_of(-1)
    options = {**granting.settings["ghe"], "ISSUER": "https://another.example"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": options}}

    with pytest.raises(ProviderMisconfigured, match="another issuer"):
        account.access_token()
    assert granting.requests == []


def test_an_account_of_a_provider_that_is_gone_says_so(account_of, settings):
    account = account_of(-1)
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    with pytest.raises(ProviderMisconfigured, match="no provider 'ghe'"):
        account.access_token()


@pytest.mark.threat("H06", "H11")
def test_a_template_gets_neither_the_token_nor_a_session(account_of):
    account = account_of(3600)
    page = (
        "{{ account.access_token }}{{ account.session }}{{ account.token.access_token }}{{ account.token }}"
    )

    shown = Template(page).render(Context({"account": account}))

    assert "ghu_" not in shown
    assert "<" not in shown


@pytest.mark.threat("E40")
def test_an_answer_about_somebody_else_ends_the_grant(account_of, stored, told):
    account = account_of(-1)

    tokens.settle(account, account.token, ProviderResponseError("refresh_identity_changed"))

    assert stored(account) == ("", "")
    assert told == [("required", account.pk, "refresh_identity_changed")]


@pytest.mark.usefixtures("clock")
def test_nobody_waits_for_another_worker_for_longer_than_that_one_may_take(account_of, granting):
    account = account_of(-1, lease_until=datetime.now(UTC) + timedelta(seconds=60))
    begun = time.monotonic()

    with pytest.raises(ProviderUnavailable, match="refresh_pending") as raised:
        account.access_token()

    assert DEADLINE < time.monotonic() - begun < LEASE / 2
    assert raised.value.retry_after == 5
    assert granting.requests == []


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on when somebody waits, at once."""
    real, slept = time.monotonic, [0]

    def sleep(seconds):
        slept.append(slept.pop() + seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: real() + slept[0])
