"""The newest key takes over by command what older ones have encrypted, while the site goes on."""

import io
import re
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.lookups import Exact
from django.test.utils import CaptureQueriesContext

from oauth_login.fields import Envelope, beginning
from oauth_login.models import Token
from oauth_login.sealing import SealBroken, Sealer
from tests.oauth_login.test_purge import Terminal
from tests.oauth_login.tokens.commands import ended, link_many, started

K1, K2, K3, LOST = (f"key number {number} of the tests, which is long enough" for number in (1, 2, 3, 4))
UNKNOWN = ", which is not in the settings"
ISSUER = "https://x.example"
BATCH = 500

pytestmark = pytest.mark.django_db


def key_id(key):
    return Sealer([key], "token").prefixes[0].removeprefix("v1")


@pytest.fixture
def keys(settings):
    """A way to set the keys, newest first."""

    def use(*keys):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": list(keys)}

    return use


@pytest.fixture
def linked(keys):
    """A way to get accounts whose tokens an old key has encrypted."""

    def link(number, *, refresh=True, key=K1):
        keys(key)
        return link_many(number, f"{ISSUER}/{key_id(key)}", lambda: ("access", "refresh" if refresh else ""))

    return link


@pytest.fixture
def failed():
    """A run that fails, and what it complains of."""

    def run():
        with pytest.raises(CommandError) as error:
            rotate()
        assert error.value.returncode == 1
        return str(error.value)

    return run


@pytest.fixture
def meanwhile():
    """A way to have something happen between what the first batch reads and what it writes."""
    with ExitStack() as stack:

        def arrange(happen):
            left = [happen]

            def watch(execute, sql, *more):
                if sql.startswith("UPDATE") and left:
                    left.pop()()
                return execute(sql, *more)

            stack.enter_context(connection.execute_wrapper(watch))

        yield arrange


def rotate(*arguments, **options):
    """Run the command; return what it wrote."""
    out = io.StringIO()
    call_command("oauth_login", "rotate-keys", *arguments, stdout=out, **options)
    return out.getvalue()


def texts():
    """Return every secret there is, opened, and "" in place of those that do not open."""

    def text(secret):
        try:
            return secret.reveal()
        except SealBroken:
            return ""

    return [text(secret) for token in Token.objects.order_by("pk") for secret in secrets_of(token)]


def secrets_of(token):
    return [secret for secret in (token.access_token, token.refresh_token) if secret]


# --- What it is for -------------------------------------------------------------------------------------


@pytest.mark.threat("H03")
def test_a_key_can_be_replaced_and_no_token_is_lost(linked, keys):
    linked(3)
    before = texts()

    keys(K2, K1)
    assert texts() == before, "the old key still opens"
    said = rotate()
    keys(K2)

    assert texts() == before == ["access", "refresh"] * 3
    assert said == (
        f"Key {key_id(K2)}: 6 encrypted again.\n"
        "Nothing is encrypted with an older key any more: "
        "every key but the first can be removed from ENCRYPTION_KEYS.\n"
    )


@pytest.mark.threat("H03")
def test_a_site_that_has_its_secret_key_only_can_replace_that(linked, settings):
    settings.SECRET_KEY = K1
    linked(1)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": None}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = K2, [K1]

    said = rotate()
    settings.SECRET_KEY_FALLBACKS = []

    assert texts() == ["access", "refresh"]
    assert said.endswith(": SECRET_KEY_FALLBACKS can be emptied, as far as stored tokens go.\n")


def test_a_run_that_finds_nothing_to_do_writes_nothing(linked, keys):
    linked(2, refresh=False)
    with CaptureQueriesContext(connection) as queries:
        said = rotate()

    assert said == f"Key {key_id(K1)}: 0 encrypted again.\nNothing is encrypted with another key.\n"
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_what_is_written_is_the_envelope_and_nothing_else(linked, keys):
    linked(1)
    Token.objects.update(version=7, reason="provider_timeout")
    before: dict[str, Any] = dict(Token.objects.values()[0])

    keys(K2, K1)
    rotate()

    after: dict[str, Any] = dict(Token.objects.values()[0])
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"access_token", "refresh_token"}


def test_a_dry_run_says_how_much_there_is_of_each_key(linked, keys):
    for number, key in enumerate([K1, K2, K3, LOST], start=1):
        linked(number, key=key)
    keys(K3, K2, K1)
    before = list(Token.objects.order_by("pk").values())

    said = rotate("--dry-run", "--database", "default")

    assert sorted(re.findall(r"(\d+) of key (\w+)(, which is not in the settings)?", said)) == sorted(
        [("2", key_id(K1), ""), ("4", key_id(K2), ""), ("8", key_id(LOST), UNKNOWN)]
    )
    assert said.startswith("To encrypt again: ")
    assert said.endswith(". Nothing was written.\n")
    assert list(Token.objects.order_by("pk").values()) == before


# --- What does not go on --------------------------------------------------------------------------------


@pytest.mark.threat("H04")
def test_what_no_key_opens_is_counted_named_and_left_alone(linked, keys, failed):
    lost, cut, swapped, plain, fine = linked(5)
    envelopes = dict(Token.objects.values_list("pk", "access_token"))
    for account, text in [
        (lost, f"v1{key_id(LOST)}{envelopes[lost.pk][10:]}"),
        (cut, envelopes[cut.pk][:20]),
        (swapped, envelopes[fine.pk]),
        (plain, "gho_somebody_wrote_this_by_hand"),
    ]:
        Token.objects.filter(pk=account.pk).update(access_token=Envelope(text))
    keys(K2, K1)

    said = failed()

    assert f"No key opens 4 (of key {key_id(K1)}, of key {key_id(LOST)}{UNKNOWN}, of no key)" in said or (
        f"No key opens 4 (of key {key_id(LOST)}{UNKNOWN}, of key {key_id(K1)}, of no key)" in said
    )
    for account in (lost, cut, swapped, plain):
        assert f"\n  Token {account.pk}, access_token: " in said
    assert "gho_" not in said
    keys(K2)
    assert texts() == [*["", "refresh"] * 4, "access", "refresh"]


def test_of_very_many_that_no_key_opens_twenty_are_named(linked, keys, failed):
    linked(11, key=LOST)
    keys(K2)

    said = failed()

    assert said.startswith(f"No key opens 22 (of key {key_id(LOST)}{UNKNOWN}).")
    assert said.count("\n  Token ") == 20
    assert said.endswith("\n  and 2 more")


def test_what_a_process_writes_meanwhile_with_the_older_key_keeps_that_one_in_use(
    linked, keys, failed, meanwhile
):
    accounts = linked(2)
    keys(K2, K1)

    def somebody_signs_in():
        keys(K1)
        token = Token.objects.get(pk=accounts[0].pk)
        token.access_token = "newer"
        token.save()
        keys(K2, K1)

    meanwhile(somebody_signs_in)

    assert "1 were written with an older key meanwhile" in failed()
    assert texts() == ["newer", "refresh", "access", "refresh"]
    assert rotate().startswith(f"Key {key_id(K2)}: 1 encrypted again.\nNothing is")


@pytest.mark.threat("H16")
def test_a_sign_in_meanwhile_has_the_last_word(linked, keys, meanwhile):
    accounts = linked(2)
    keys(K2, K1)

    def somebody_signs_in():
        token = Token.objects.get(pk=accounts[0].pk)
        assert Token.objects.replace(token, access_token="newer", refresh_token="newest")

    meanwhile(somebody_signs_in)
    said = rotate()

    keys(K2)
    assert texts() == ["newer", "newest", "access", "refresh"]
    assert said.startswith(f"Key {key_id(K2)}: 2 encrypted again.")


def test_wrong_keys_are_reported_and_no_other_key_is_used(linked, settings):
    linked(1)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": []}

    with pytest.raises(CommandError, match=r"ENCRYPTION_KEYS.*: manage.py check says what is wrong"):
        rotate()


# --- How ------------------------------------------------------------------------------------------------


def test_rows_are_read_in_batches_and_each_is_passed_once(linked, keys):
    linked(2 * BATCH + 1, refresh=False, key=LOST)
    keys(K2)
    with CaptureQueriesContext(connection) as queries, pytest.raises(CommandError):
        rotate(verbosity=0)

    limited = [query["sql"] for query in queries if f"LIMIT {BATCH}" in query["sql"]]
    read = [sql for sql in limited if "oauth_login_revocation" not in sql]
    assert len(read) == 4


@pytest.mark.parametrize(
    ("terminal", "verbosity", "told"),
    [
        (Terminal, 1, f"{BATCH} of {2 * BATCH} encrypted again so far\n"),
        (Terminal, 0, ""),
        (io.StringIO, 1, ""),
    ],
    ids=["somebody watches", "and wants nothing", "nobody watches"],
)
def test_who_watches_a_long_run_sees_it_go_on(
    linked, keys, meanwhile, time_machine, terminal, verbosity, told
):
    time_machine.move_to(datetime(2026, 11, 23, tzinfo=UTC), tick=False)
    linked(2 * BATCH, refresh=False)
    keys(K2, K1)
    meanwhile(lambda: time_machine.shift(2))
    errors = terminal()

    said = rotate(stderr=errors, verbosity=verbosity)

    assert errors.getvalue() == told
    assert bool(said) == bool(verbosity)


@pytest.mark.threat("H03")
def test_a_run_that_is_interrupted_is_completed_by_the_next(linked, environment):
    options = {"PROVIDERS": {}, "ENCRYPTION_KEYS": [K2, K1]}
    linked(2_000)
    of_the_newest = Token.objects.filter(Exact(beginning("access_token"), f"v1{key_id(K2)}"))

    with started(environment, options, "rotate-keys") as (run,):
        while not of_the_newest.exists():
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        code, _, complained = ended(run)
    there = of_the_newest.count()
    with started(environment, options, "rotate-keys") as (run,):
        last = ended(run)

    assert f"Stopped: {2 * there} encrypted again. The next run goes on." in complained
    assert code == 130
    assert 0 < there < 2_000
    assert there % BATCH == 0, "a batch is written whole or not at all"
    assert (last[0], last[2]) == (0, "")
    assert last[1].startswith(f"Key {key_id(K2)}: {4_000 - 2 * there} encrypted again.")
    assert of_the_newest.count() == 2_000
