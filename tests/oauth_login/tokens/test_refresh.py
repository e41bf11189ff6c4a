"""Tokens are renewed by command before they expire: all of them, once, and nothing that was got is lost."""

import io
import re
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.core.signals import request_finished
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.backends.signals import connection_created

from oauth_login import providers
from oauth_login.fields import Envelope
from oauth_login.management.subcommands import lanes
from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.error_reports import assert_nothing_is_shown
from tests.oauth_login.http_server import reply
from tests.oauth_login.odd_providers import Exits, ForgetsWithABug, ReadsTheDatabase, RenewsNothing
from tests.oauth_login.test_concurrency import at_once
from tests.oauth_login.test_purge import Terminal
from tests.oauth_login.tokens.commands import ended, link_many, started
from tests.oauth_login.tokens.granting import DEAD, Granting

pytestmark = pytest.mark.django_db


@pytest.fixture
def refresh():
    """A way to run the command: it returns what was said, and the exit code."""

    def run(*arguments, **options):
        out = io.StringIO()
        try:
            call_command("oauth_login", "refresh", "--rate=1000", *arguments, stdout=out, **options)
        except CommandError as error:
            return out.getvalue(), error.returncode
        return out.getvalue(), 0

    return run


@pytest.fixture
def another(settings):
    """Another provider, in the settings as ``other``; what it is called is all that differs."""
    with Granting() as server:
        (options,) = server.settings.values()
        known = settings.OAUTH_LOGIN["PROVIDERS"]
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": known | {"other": options}}
        yield server


def line(alias="ghe", renewed=0, ended=0, failed=0, unreadable=0, skipped=0):
    """Return what is said of a provider."""
    return (
        f"{alias}: {renewed} renewed, {ended} need a sign-in, {failed} failed, "
        f"{unreadable} that no key opens, {skipped} skipped."
    )


def free():
    """Count the tokens that nobody is at work on."""
    return Token.objects.filter(lease_until=None).count()


# --- What is renewed ------------------------------------------------------------------------------------


def test_what_expires_soon_is_renewed_and_nothing_else_is_asked_for(account_of, granting, refresh, stored):
    soon = [account_of(left, number) for number, left in enumerate([-86400, 0, 300, 590])]
    account_of(None, 10)
    account_of(700, 11)
    account_of(60, 12, refresh_token="")
    account_of(60, 13, state=Token.State.REVOKED)
    account_of(60, 14, refresh_expires_at=datetime.now(UTC) - timedelta(seconds=5))
    account_of(60, 15, lease_until=datetime.now(UTC) + timedelta(seconds=30))

    assert refresh() == (f"{line(renewed=4)}\n", 0)

    assert sorted(granting.refreshes) == [f"ghr_refresh{number:06}" for number in (1, 2, 3, 4)]
    assert {stored(account)[1] for account in soon} <= set(granting.live)
    assert free() == 9
    assert refresh() == ("No token that can be renewed expires so soon.\n", 0)


@pytest.mark.parametrize("hours", [-1, 3], ids=["slow", "fast"])
def test_what_expires_and_when_is_told_by_the_databases_clock(
    refresh, account_of, granting, time_machine, hours
):
    due, now = account_of(120), datetime.now(UTC)
    account_of(9_000, 2)
    time_machine.move_to(now + timedelta(hours=hours))

    said, code = refresh("--expiring", "10m")

    assert code == 0, said
    assert len(granting.refreshes) == 1
    lasts = Token.objects.get(pk=due.pk).expires_at - now
    assert abs(lasts - timedelta(hours=8)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("expiring", "renewed"), [("89s", 0), ("100s", 1), ("1m", 0), ("2m", 1), ("0h", 0), ("1h", 1)]
)
def test_how_soon_is_said_in_seconds_minutes_or_hours(account_of, granting, refresh, expiring, renewed):
    account_of(95)

    refresh("--expiring", expiring)

    assert len(granting.requests) == renewed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--expiring", "10"], "'10' is no time like 90s, 10m or 2h"),
        (["--expiring", "-1m"], "expected one argument"),
        (["--rate", "0"], "'0' is no number from 0.1 to 1000"),
        (["--rate", "nan"], "'nan' is no number from 0.1 to 1000"),
        (["--rate", "much"], "'much' is no number from 0.1 to 1000"),
        (["--at-once", "11"], "invalid choice: 11"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(CommandError, match=re.escape(said)):
        call_command("oauth_login", "refresh", *arguments)


def test_of_the_providers_some_can_be_named(account_of, granting, another, refresh):
    account_of()
    link_many(2, another.issuer, another.grant, alias="other")

    assert refresh("--provider", "other")[0] == f"{line('other', renewed=2)}\n"
    assert (len(granting.requests), len(another.requests)) == (0, 2)
    assert refresh("--provider=ghe", "--provider=other")[0] == f"{line(renewed=1)}\n{line('other')}\n"


def test_a_provider_that_renews_nothing_is_not_asked(account_of, granting, refresh, settings, monkeypatch):
    kind = f"{RenewsNothing.__module__}.{RenewsNothing.__name__}"
    monkeypatch.setitem(providers.KINDS, "renews_nothing", kind)
    account_of()
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "renews_nothing"

    assert refresh() == ("No token that can be renewed expires so soon.\n", 0)
    assert granting.requests == []
    assert free() == 1


def test_a_token_that_lives_for_less_than_is_looked_ahead_is_renewed_once_in_a_run(granting, refresh):
    link_many(40, granting.issuer, granting.grant)
    granting.lifetime = 300

    assert refresh()[0] == f"{line(renewed=40)}\n"
    assert len(granting.requests) == 40
    assert free() == 40


@pytest.fixture
def lock(monkeypatch):
    """A way to have nobody lease a token, as if a transaction had its row; what it returns ends that."""
    monkeypatch.setattr(connection.features, "has_select_for_update_skip_locked", False)
    locked: list[int] = []

    def watch(execute, sql, *more):
        is_lease = sql.startswith("UPDATE") and "lease_until" in sql and "access_token" not in sql
        return execute(sql + "".join(f" AND account_id <> {pk}" for pk in locked if is_lease), *more)

    def begin(account):
        locked.append(account.pk)
        return locked.clear

    with connection.execute_wrapper(watch):
        yield begin


def test_a_token_whose_row_was_locked_for_a_moment_is_come_back_to(account_of, granting, refresh, lock):
    unlock = lock(account_of(-20, 1))
    account_of(-10, 2)
    granting.renews = lambda _: unlock()

    assert refresh() == (f"{line(renewed=2)}\n", 0)
    assert granting.refreshes == ["ghr_refresh000002", "ghr_refresh000001"]


def test_one_whose_row_stays_locked_is_skipped_and_that_is_said(
    account_of, granting, refresh, lock, monkeypatch
):
    monkeypatch.setattr(lanes, "PATIENCE", 0.2)
    lock(account_of(-20, 1))
    account_of(-10, 2)
    granting.lifetime = 300  # and what was renewed is due again

    assert refresh() == (f"{line(renewed=1, skipped=1)}\n", 1)
    assert len(granting.requests) == 1
    assert free() == 2


def test_no_more_requests_are_sent_in_a_second_than_are_allowed(granting, refresh):
    link_many(7, granting.issuer, granting.grant)
    at = []

    def renews(request):
        at.append(time.monotonic())
        return granting.renew(request)

    granting.renews = renews
    call_command("oauth_login", "refresh", "--rate", "10", stdout=io.StringIO())

    assert len(at) == 7
    assert at[-1] - at[0] > 0.5, "two at a time, and then a fifth of a second"


@pytest.mark.parametrize(
    ("terminal", "verbosity", "told"),
    [(Terminal, 1, "1 of about 2 renewed so far\n"), (Terminal, 0, ""), (io.StringIO, 1, "")],
    ids=["somebody watches", "and wants nothing", "nobody watches"],
)
def test_who_watches_a_long_run_sees_it_go_on(granting, refresh, time_machine, terminal, verbosity, told):
    time_machine.move_to(datetime.now(UTC), tick=False)
    link_many(2, granting.issuer, granting.grant)
    granting.renews = lambda request: time_machine.shift(2) or granting.renew(request)
    errors = terminal()

    said, code = refresh("--at-once=1", stderr=errors, verbosity=verbosity)

    assert errors.getvalue().startswith(told) if told else errors.getvalue() == ""
    assert (bool(said), code) == (bool(verbosity), 0)


# --- What is not ----------------------------------------------------------------------------------------


@pytest.mark.threat("H18")
def test_a_grant_that_is_over_needs_a_sign_in_and_is_no_failure(account_of, granting, refresh, told):
    account, other = account_of(), account_of(number=2)
    granting.renews = lambda request: reply(DEAD) if "000001" in request.body else None

    assert refresh() == (f"{line(renewed=1, ended=1)}\n", 0)
    assert sorted(told) == [("refreshed", other.pk), ("required", account.pk, "refresh_rejected")]
    assert refresh()[0] == "No token that can be renewed expires so soon.\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((429, {"Retry-After": "90"}, "{}"), "provider_rate_limited (HTTP 429)"),
        ((503, {}, "{}"), "provider_unavailable (HTTP 503)"),
    ],
)
def test_a_provider_that_fails_is_left_alone_while_others_go_on(granting, another, refresh, answer, why):
    link_many(30, granting.issuer, granting.grant)
    link_many(30, another.issuer, another.grant, alias="other")
    granting.renews = lambda _: answer if len(granting.requests) > 3 else None

    said, code = refresh()

    asked = len(granting.requests)
    counts = line(renewed=3, failed=asked - 3, skipped=30 - asked)
    assert said == f"{counts} Left alone: {why}\n{line('other', renewed=30)}\n"
    assert 3 < asked < 20
    assert code == 1


def test_a_provider_that_is_gone_or_misconfigured_is_named_and_skipped(
    account_of, granting, another, refresh, settings
):
    account_of()
    link_many(2, another.issuer, another.grant, alias="other")
    link_many(3, "https://gone.example", another.grant, alias="gone")
    settings.OAUTH_LOGIN["PROVIDERS"]["other"]["CLIENT_ID"] = 7

    said, code = refresh("--provider=ghe", "--provider=other", "--provider=gone", "--provider=typo")

    assert said.startswith(f"{line(renewed=1)}\n{line('other', skipped=2)} Left alone: settings_invalid (")
    assert (
        f"\n{line('gone', skipped=3)} Left alone: settings_invalid (no provider 'gone'. Known: ghe, other.)\n"
        in said
    )
    assert said.endswith(
        f"\n{line('typo')} Left alone: settings_invalid (no provider 'typo'. Known: ghe, other.)\n"
    )
    assert code == 1
    assert another.requests == []


def test_nobody_is_shown_the_token_of_another_issuer(account_of, granting, refresh, caplog):
    account = account_of()
    LinkedAccount.objects.update(issuer="https://former.example")

    assert refresh() == (f"{line(skipped=1)}\n", 1)
    assert granting.requests == []
    assert f"account {account.pk} is of another issuer than its provider by now" in caplog.text
    assert free() == 1


@pytest.mark.threat("H04")
def test_what_no_key_opens_is_counted_once_and_given_back(account_of, granting, refresh, caplog):
    account, _ = account_of(), account_of(number=2)
    Token.objects.filter(pk=account.pk).update(refresh_token=Envelope("v1ffffffffAAAA"))

    assert refresh() == (f"{line(renewed=1, unreadable=1)}\n", 1)
    assert caplog.text.count(f"the token of account {account.pk} cannot be opened") == 1
    assert free() == 2
    assert Token.objects.get(pk=account.pk).state == Token.State.ACTIVE


def test_who_answers_nonsense_is_not_asked_again_and_left_alone_after_ten_times(granting, refresh):
    link_many(40, granting.issuer, granting.grant)
    granting.renews = lambda _: reply([]) if len(granting.requests) != 9 else None

    said, code = refresh("--at-once=1")

    asked = len(granting.requests)
    assert said.startswith(line(renewed=1, failed=asked - 1, skipped=40 - asked))
    assert " Left alone: " in said
    assert code == 1
    assert asked == 19, "eight, one that is fine, and ten in a row"
    assert len(set(granting.refreshes)) == asked


# --- What must not be lost ------------------------------------------------------------------------------


@pytest.mark.threat("H15", "H21")
def test_four_processes_renew_each_token_once(granting, environment, settings):
    link_many(400, granting.issuer, granting.grant)

    with started(environment, settings.OAUTH_LOGIN, "refresh", "--rate=1000", number=4) as runs:
        came = [ended(run) for run in runs]

    assert [(code, complained) for code, _, complained in came] == [(0, "")] * 4
    renewed = [int(number) for _, said, _ in came for number in re.findall(r"ghe: (\d+) renewed", said)]
    assert sum(renewed) == 400
    assert len(granting.refreshes) == len(set(granting.refreshes)) == 400
    assert {token.refresh_token.reveal() for token in Token.objects.all()} == set(granting.live)
    assert set(Token.objects.values_list("version", "lease_until")) == {(2, None)}


@pytest.mark.threat("H21")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_stopped_saves_what_was_asked_for_first(granting, environment, settings, number):
    link_many(100, granting.issuer, granting.grant)
    asked, answer = threading.Semaphore(0), threading.Event()

    def renews(request):
        asked.release()
        answer.wait(9)

    granting.at_work = threading.Semaphore(9)
    granting.renews = renews
    with started(environment, settings.OAUTH_LOGIN, "refresh", "--at-once=4", "--rate=1000") as (run,):
        assert all(asked.acquire(timeout=60) for _ in range(4))
        run.send_signal(number)
        run.send_signal(number)  # somebody is impatient
        answer.set()
        code, said, complained = ended(run)

    renewed = len(granting.refreshes)
    assert code == 128 + number
    assert said == f"{line(renewed=renewed, skipped=100 - renewed)}\n"
    assert "Stopped: what was asked for is saved. The next run goes on." in complained
    assert 4 <= renewed <= 12
    assert {token.refresh_token.reveal() for token in Token.objects.all()} == set(granting.live)
    assert free() == 100


@pytest.fixture
def no_write(monkeypatch, database):
    """A way to have so many new tokens not written by the database, for this reason."""
    monkeypatch.setattr(lanes, "TRIES", (0, 0))

    def fail(times, error=OperationalError):
        left = [None] * times

        def watch(execute, sql, *more):
            if sql.startswith("UPDATE") and "access_token" in sql and left:
                left.pop()
                raise error("the database is away")
            return execute(sql, *more)

        return connection.execute_wrapper(watch)

    yield fail
    request_finished.send(sender=None)  # nothing is to be written again in another test


@pytest.mark.threat("H21")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError], ids=["away", "closed"])
def test_a_database_that_is_away_for_a_moment_loses_nothing(
    account_of, granting, refresh, no_write, stored, error
):
    account = account_of()

    with no_write(1, error):
        assert refresh() == (f"{line(renewed=1)}\n", 0)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.threat("H21")
def test_a_connection_that_is_gone_is_opened_anew(account_of, refresh, no_write, stored, monkeypatch):
    account = account_of()
    gone = connection.connection
    # SQLite's driver always says that it is usable.
    monkeypatch.setattr(connections["default"], "is_usable", lambda: connection.connection is not gone)
    monkeypatch.setattr(connections["default"], "errors_occurred", True)

    with no_write(1):
        assert refresh() == (f"{line(renewed=1)}\n", 0)

    assert connection.connection is not gone
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.usefixtures("database")
def test_the_threads_leave_no_connection_open(account_of, granting, refresh, monkeypatch, settings):
    monkeypatch.setitem(providers.KINDS, "reader", f"{ReadsTheDatabase.__module__}.ReadsTheDatabase")
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "reader"
    account_of()
    made = []

    def note(connection, **_):
        made.append(connection)

    connection_created.connect(note)
    try:
        assert refresh() == (f"{line(renewed=1)}\n", 0)
    finally:
        connection_created.disconnect(note)

    assert [one.connection for one in made if one is not connections["default"]] == [None]


@pytest.mark.threat("H21")
def test_a_database_that_stays_away_stops_the_run(account_of, granting, refresh, no_write, stored, caplog):
    account = account_of(-5, number=100)
    link_many(30, granting.issuer, granting.grant)

    with no_write(times=2):
        said, code = refresh("--at-once=1")

    asked = len(granting.requests)
    assert said == f"{line(renewed=asked - 1, failed=1, skipped=31 - asked)} Left alone: database_error\n"
    assert code == 1
    assert asked < 31
    assert "is not saved" in caplog.text
    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000032", "ghr_refresh000032"), "it was kept for this"


@pytest.mark.threat("H08")
def test_a_report_that_the_database_was_away_shows_no_token(account_of, granting, refresh, no_write, caplog):
    account_of()

    with no_write(times=1):
        refresh()

    (record,) = [record for record in caplog.records if record.exc_info]
    assert_nothing_is_shown(record.exc_info)


@pytest.mark.threat("H08", "H21")
def test_a_mistake_in_a_class_of_the_sites_own_loses_and_shows_nothing(
    account_of, granting, refresh, monkeypatch, settings, caplog
):
    monkeypatch.setitem(providers.KINDS, "buggy", f"{ForgetsWithABug.__module__}.ForgetsWithABug")
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "buggy"
    for number in range(1, 9):
        account_of(-number, number)

    said, code = refresh("--at-once=8")

    (record,) = [record for record in caplog.records if record.exc_info]
    assert_nothing_is_shown(record.exc_info)
    renewed = len(granting.refreshes)
    assert renewed == Token.objects.filter(version=2).count()
    counts = line(renewed=renewed, failed=1, skipped=7 - renewed)
    assert said == f"{counts} Left alone: settings_invalid (RuntimeError)\n"
    assert code == 1


@pytest.mark.threat("H08")
def test_a_report_of_what_ends_the_run_from_within_a_thread_shows_no_token(
    account_of, refresh, monkeypatch, settings
):
    monkeypatch.setitem(providers.KINDS, "exits", f"{Exits.__module__}.Exits")
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "exits"
    account_of()

    with pytest.raises(SystemExit) as raised:
        refresh()

    assert_nothing_is_shown((raised.type, raised.value, raised.tb))


@pytest.mark.usefixtures("database")
def test_the_command_runs_in_any_thread(account_of, granting, refresh):
    account_of()

    assert at_once(refresh) == [(f"{line(renewed=1)}\n", 0)]
