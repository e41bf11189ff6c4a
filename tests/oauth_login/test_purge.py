"""The log of sign-ins ages out by command, and loses nothing that anybody still needs."""

import io
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oauth_login.models import LinkedAccount, SignIn

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BATCH = 500
NUMBERS = count(1)


class Terminal(io.StringIO):
    """Somebody is watching."""

    def isatty(self):
        return True


class Elsewhere:
    """A router of a site that keeps its sign-ins in a database of their own."""

    def db_for_write(self, model, **_hints):
        return "elsewhere" if model is SignIn else None


@pytest.fixture(autouse=True)
def now(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def accounts(db):
    """A way to get linked accounts."""

    def link(count):
        user = get_user_model().objects.create_user("octocat")
        return LinkedAccount.objects.bulk_create(
            LinkedAccount(user=user, provider="github", issuer="https://x.example", subject=f"{number}")
            for number in range(1, count + 1)
        )

    return link


@pytest.fixture
def two_databases(django_db_blocker, tmp_path):
    """Two databases in files, beside the one that other tests use."""
    names = ("here", "elsewhere")
    files = {name: {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / name} for name in names}
    configured = connections.configure_settings({"default": {}, **files})
    with django_db_blocker.unblock():
        for name in names:
            connections.settings[name] = configured[name]
            call_command("migrate", "oauth_login", database=name, verbosity=0)
        yield names
        for name in names:
            connections[name].close()
            del connections[name], connections.settings[name]


def row(days, outcome="access_denied", account=None, **more):
    """Return a row of the log, not saved, about what happened so many days ago."""
    ended = NOW - timedelta(days=days)
    moments = {"started_at": ended, "claimed_at": ended, "finished_at": ended if outcome else None}
    attempt = f"attempt {next(NUMBERS)}"
    return SignIn(attempt=attempt, provider="github", outcome=outcome, account=account, **moments | more)


def write(rows, database=None):
    return SignIn.objects.using(database).bulk_create(rows)


def purge(*arguments, **options):
    """Run the command; return what it wrote."""
    out = io.StringIO()
    call_command("oauth_login", "purge", *arguments, stdout=out, **options)
    return out.getvalue()


def last_sign_ins():
    return {account.pk: account.last_sign_in_at for account in LinkedAccount.objects.all()}


def remaining():
    return set(SignIn.objects.values_list("attempt", flat=True))


# --- What goes and what stays -----------------------------------------------------------------------


@pytest.mark.threat("J11")
def test_of_ten_thousand_old_rows_only_the_last_sign_in_of_each_account_stays(accounts):
    busy, idle, mostly_refused, never = accounts(4)
    superfluous = [row(91 + number % 400, SignIn.SIGNED_IN, busy) for number in range(5000)]
    superfluous += [row(300 + number % 100, SignIn.SIGNED_IN, idle) for number in range(2000)]
    superfluous += [row(100 + number % 50, "user_inactive", mostly_refused) for number in range(1000)]
    superfluous += [row(91 + number % 400) for number in range(1500)]
    superfluous += [row(91 + number % 400, outcome="") for number in range(400)]
    superfluous += [row(91, SignIn.SIGNED_IN, account=None) for _ in range(97)]
    stays = [
        row(299, SignIn.SIGNED_IN, idle),
        # It came back before others that were quicker, and still is the last that ended.
        row(500, SignIn.SIGNED_IN, mostly_refused, finished_at=NOW - timedelta(days=99)),
        row(90.5, SignIn.SIGNED_IN, never, finished_at=NOW - timedelta(days=90)),
    ]
    superfluous.append(row(100, SignIn.SIGNED_IN, mostly_refused))
    recent = [row(89.9, SignIn.SIGNED_IN, busy), row(1, SignIn.SIGNED_IN, busy), row(90), row(0, "")]
    superfluous.append(row(400, SignIn.SIGNED_IN, busy, finished_at=NOW - timedelta(days=399)))
    superfluous.append(row(90 + 1 / 86_400))
    write([*superfluous, *stays, *recent])
    before = last_sign_ins()
    assert len(superfluous) == 10_000

    said = purge()

    assert remaining() == {kept.attempt for kept in [*stays, *recent]}
    assert last_sign_ins() == before
    assert said == "Sign-ins before 2026-08-25: 10000 deleted, 3 kept as the last of an account.\n"
    assert purge().endswith(": 0 deleted, 3 kept as the last of an account.\n")


@pytest.mark.threat("J11")
def test_a_dry_run_says_how_many_rows_and_deletes_none(accounts):
    (account,) = accounts(1)
    rows = write([row(10.5 + number, SignIn.SIGNED_IN, account) for number in range(1234)])

    said = purge("--dry-run", "--days", "10")

    assert said == (
        "Sign-ins before 2026-11-13: 1233 to delete, 1 kept as the last of an account. Nothing was deleted.\n"
    )
    assert remaining() == {kept.attempt for kept in rows}


@pytest.mark.threat("J11")
def test_abandoned_starts_leave_nothing_to_purge(visitor):
    for number in range(1000):
        address = f"10.0.{number // 256}.{number % 256}"
        answer = visitor.post(reverse("oauth_login:authorize", args=["github"]), REMOTE_ADDR=address)
        assert answer.status_code == 302

    assert not SignIn.objects.exists()
    assert purge("--days", "1").endswith(": 0 deleted, 0 kept as the last of an account.\n")


@pytest.mark.threat("A04", "J11")
def test_what_was_purged_cannot_be_replayed(visitor, github, now, refused):
    location = visitor.start()["Location"]
    cookies = visitor.cookies.copy()
    visitor.come_back(github.deny(location))

    now.move_to(NOW + timedelta(hours=23), tick=False)
    purge("--days", "1")
    assert SignIn.objects.count() == 1, "the claim of an attempt that might live is not touched"

    now.move_to(NOW + timedelta(hours=25), tick=False)
    purge("--days", "1")
    assert not SignIn.objects.exists()
    visitor.cookies = cookies
    refused(visitor, visitor.come_back(github.approve(location)))


@pytest.mark.parametrize("days", ["0", "-1", "36501", "999999999999"])
def test_a_purge_of_what_is_not_over_is_refused_and_so_is_one_before_the_calendar(db, days):
    write([row(0), row(1)])

    with pytest.raises(CommandError, match=f"--days must be from 1 to 36500, not {days}"):
        purge(f"--days={days}")
    assert SignIn.objects.count() == 2


# --- How ------------------------------------------------------------------------------------------------


@pytest.mark.threat("J11")
def test_no_statement_is_larger_than_a_batch(db):
    write(row(91) for _ in range(3 * BATCH + 1))
    with CaptureQueriesContext(connection) as queries:
        purge()
    said = [query["sql"] for query in queries]
    deletions = [sql for sql in said if sql.startswith("DELETE")]

    assert [sql.split()[0] for sql in said] == [*["SELECT", "DELETE"] * 4, *["SELECT"] * 2]
    assert all(f"LIMIT {BATCH}" in sql for sql in said if sql.startswith("SELECT"))
    assert [len(re.findall(r"\d+", sql.partition(" IN ")[2])) for sql in deletions] == [*[BATCH] * 3, 1]


@pytest.mark.threat("J11")
@pytest.mark.parametrize("age", [lambda number: 91, lambda number: 91 + number], ids=["at once", "one a day"])
def test_rows_that_stay_are_passed_once(accounts, age):
    write(row(age(number), SignIn.SIGNED_IN, account) for number, account in enumerate(accounts(3 * BATCH)))
    with CaptureQueriesContext(connection) as queries:
        said = purge()

    assert len(queries) == 4 + 1  # and one look at what providers have told the site
    assert said.endswith(f": 0 deleted, {3 * BATCH} kept as the last of an account.\n")


@pytest.fixture
def when_deleting():
    """A way to have something happen meanwhile: it is given how many rows it was so far."""
    connected = []

    def connect(signal, happen):
        number = count(1)

        def receive(**_more):
            happen(next(number))

        signal.connect(receive, sender=SignIn)
        connected.append((signal, receive))

    yield connect
    for signal, receive in connected:
        signal.disconnect(receive, sender=SignIn)


@pytest.mark.django_db(transaction=True)
@pytest.mark.threat("J11")
def test_an_interrupted_purge_has_kept_what_it_did_and_the_next_one_goes_on(when_deleting):
    write([row(1), *(row(91 + number) for number in range(4 * BATCH))])

    def interrupt(number):
        if number == 2 * BATCH + 100:
            raise KeyboardInterrupt

    when_deleting(post_delete, interrupt)
    with pytest.raises(CommandError, match="Stopped: 1000 deleted") as stopped:
        purge()

    assert stopped.value.returncode == 130
    assert SignIn.objects.count() == 2 * BATCH + 1, "a batch is deleted whole or not at all"
    assert ": 1000 deleted," in purge()
    assert SignIn.objects.count() == 1


def test_two_purges_at_once_count_each_row_once(db, when_deleting):
    write(row(91) for _ in range(2 * BATCH))
    said = []

    def purge_too(number):
        if number == 1:
            said.append(purge())

    when_deleting(pre_delete, purge_too)
    said.append(purge())

    assert not SignIn.objects.exists()
    assert sum(int(re.findall(r"(\d+) deleted", text)[0]) for text in said) == 2 * BATCH


@pytest.mark.parametrize(
    ("terminal", "verbosity", "told"),
    [
        (Terminal, 1, f"1000 deleted so far, those before {NOW - timedelta(days=591):%Y-%m-%d}\n"),
        (Terminal, 0, ""),
        (io.StringIO, 1, ""),
    ],
    ids=["somebody watches", "and wants nothing", "nobody watches"],
)
def test_who_watches_a_long_purge_sees_it_go_on(db, when_deleting, now, terminal, verbosity, told):
    write(row(91 + number) for number in range(3 * BATCH))
    when_deleting(post_delete, lambda number: now.shift(1.5 / BATCH))
    errors = terminal()
    said = purge(stderr=errors, verbosity=verbosity)

    assert errors.getvalue() == told
    assert bool(said) == bool(verbosity)


# --- Where ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "purged", "untouched"),
    [([], "elsewhere", "here"), (["--database", "here"], "here", "elsewhere")],
    ids=["where the router writes", "where it is told to"],
)
def test_one_database_is_purged(two_databases, settings, arguments, purged, untouched):
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]
    for database in two_databases:
        write([row(91), row(1)], database)

    assert ": 1 deleted," in purge(*arguments)
    assert SignIn.objects.using(purged).count() == 1
    assert SignIn.objects.using(untouched).count() == 2


def test_a_database_that_is_not_there_cannot_be_named(db):
    with pytest.raises(CommandError, match="invalid choice: 'nowhere'"):
        purge("--database", "nowhere")


# --- The command ----------------------------------------------------------------------------------------


def test_without_a_subcommand_the_command_says_which_there_are():
    with pytest.raises(CommandError, match=r"Name a subcommand(.|\n)* purge  +Delete old rows") as refused:
        call_command("oauth_login")

    assert refused.value.returncode == 2


def test_a_subcommand_that_is_not_there_is_refused():
    with pytest.raises(CommandError, match="invalid choice: 'perge'"):
        call_command("oauth_login", "perge")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Name a subcommand"),
        (["perge"], 2, "invalid choice: 'perge'"),
        (["purge", "--days", "many"], 2, "invalid int value: 'many'"),
        (["purge", "--days", "0"], 1, "CommandError: --days must be from 1"),
        (["purge", "--help"], 0, "last_sign_in_at is read"),
    ],
)
def test_a_shell_is_told_by_the_exit_code(arguments, code, said):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "oauth_login", *arguments],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == code
    assert said in (run.stderr if code else run.stdout)


@pytest.mark.parametrize("arguments", [["purge", "--verbosity", "0"], ["--verbosity", "0", "purge"]])
def test_what_every_command_understands_may_stand_before_the_subcommand_and_after_it(db, capsys, arguments):
    call_command("oauth_login", *arguments)

    assert capsys.readouterr() == ("", "")


def test_wrong_settings_are_no_reason_to_keep_the_log(db, settings):
    settings.OAUTH_LOGIN = None
    write([row(91)])

    assert ": 1 deleted," in purge()
