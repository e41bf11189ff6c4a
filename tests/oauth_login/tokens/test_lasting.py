"""What is saved stays saved: whatever is rolled back, on databases that lock rows, and when one fails."""

import atexit
import json
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import pytest
from django.core.signals import request_finished
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext

from oauth_login import signals, tokens
from oauth_login.errors import (
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
    ScopeRequired,
)
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.withdrawal import withdraw
from tests.databases import unquoted
from tests.oauth_login.error_reports import assert_nothing_is_shown
from tests.oauth_login.http_server import HANG_UP, reply
from tests.oauth_login.test_concurrency import at_once
from tests.oauth_login.tokens.granting import DEAD
from tests.oauth_login.tokens.rolled_back import WAYS

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def locking(database, granting, monkeypatch):
    """A database that locks rows; SQLite is made to pass for one, to those who ask.

    There the site's transaction cannot write what another connection has changed since it began.
    """
    granting.more = {"scope": None}
    monkeypatch.setattr(connection.features, "has_select_for_update", True)


@pytest.fixture
def roll_back():
    """A way to call something in a transaction that then comes to nothing; it returns what was returned."""

    def undo(call):
        with transaction.atomic():
            returned = call()
            transaction.set_rollback(True)
        return returned

    yield undo
    request_finished.send(sender=None)  # nothing is to be written again in another test


@pytest.fixture
def locked(granting, monkeypatch):
    """A transaction of the site's that has a token's row locked; SQLite, which locks none, says so.

    :param when: when that says so.
    :param said_of: of which account, if that is another.
    """

    def pass_over(pk, when, execute, sql, params, many, context):
        asked = unquoted(sql)
        is_asked = asked.startswith("SELECT oauth_login_token.account_id") and "provider" not in asked
        if is_asked and params[0] == pk and "FOR UPDATE" not in asked and when():
            sql = f"{sql} LIMIT 0"
        return execute(sql, params, many, context)

    @contextmanager
    def site(account, when=lambda: True, *, said_of=None):
        def watch(connection, **_):
            connection.features.has_select_for_update_skip_locked = True
            connection.execute_wrappers.append(partial(pass_over, (said_of or account).pk, when))

        granting.more = {"scope": None}
        with transaction.atomic(), monkeypatch.context() as features:
            Token.objects.select_for_update().get(pk=account.pk)
            features.setattr(connection.features, "has_select_for_update", True)
            connection_created.connect(watch)
            try:
                yield
            finally:
                connection_created.disconnect(watch)

    return site


@pytest.fixture
def by_hand():
    """A way to call something without autocommit, and to end that; it returns what was returned."""

    def call_and_end(call, end):
        transaction.set_autocommit(False)
        try:
            return call()
        finally:
            end()
            transaction.set_autocommit(True)

    yield call_and_end
    request_finished.send(sender=None)


@pytest.fixture
def opened():
    """The connections that have been opened."""
    made = []

    def note(connection, **_):
        made.append(connection)

    connection_created.connect(note)
    yield made
    connection_created.disconnect(note)


# --- What is rolled back --------------------------------------------------------------------------------


@pytest.mark.threat("H21")
@pytest.mark.parametrize("way", WAYS)
def test_a_script_that_ends_right_after_its_rollback_loses_no_token(
    account_of, granting, stored, environment, way
):
    account = account_of(-1)
    shared = {**environment, "PROVIDERS": json.dumps(granting.settings)}

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.oauth_login.tokens.rolled_back", str(account.pk), way],
        env=shared,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ended.stdout, ended.stderr, ended.returncode) == ("ghu_access000002\n", "", 3)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
@pytest.mark.parametrize("end", [transaction.rollback, transaction.commit], ids=["rollback", "commit"])
def test_a_transaction_that_is_ended_by_hand_loses_no_token_however_it_ends(
    account_of, granting, stored, by_hand, end
):
    account = account_of(-1)

    assert by_hand(account.access_token, end) == "ghu_access000002"

    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
def test_what_was_committed_by_hand_is_not_owed_for_ever(account_of, granting, by_hand):
    accounts = [account_of(-1, number) for number in range(6)]
    statements = []

    def renew_each():
        for account in accounts:
            with CaptureQueriesContext(connection) as queries:
                account.access_token()
            transaction.commit()
            statements.append(len(queries))

    def come_to_an_end():
        renew_each()
        request_finished.send(sender=None)
        transaction.commit()
        with CaptureQueriesContext(connection) as queries:
            request_finished.send(sender=None)
        return len(queries)

    # MariaDB's driver does not know.
    assert by_hand(come_to_an_end, transaction.commit) == 0 or connection.vendor == "mysql"
    assert len(granting.requests) == 6
    assert len(set(statements[1:])) == 1


@pytest.mark.threat("H21")
def test_a_database_that_never_commits_by_itself_keeps_what_was_renewed(
    account_of, granting, stored, settings
):
    account = account_of(-1)
    settings_of = connection.settings_dict
    connection.close()
    settings_of["AUTOCOMMIT"] = False
    try:
        assert account.access_token() == "ghu_access000002"
        transaction.rollback()
    finally:
        connection.close()
        settings_of["AUTOCOMMIT"] = True

    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
def test_what_a_thread_that_has_ended_did_not_keep_any_other_writes_again(
    account_of, granting, stored, roll_back
):
    account = account_of(-1)

    assert at_once(partial(roll_back, account.access_token)) == ["ghu_access000002"]

    assert account.access_token() == "ghu_access000002"
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
def test_another_transaction_sees_what_the_last_has_undone_and_may_be_undone_itself(
    account_of, granting, stored, roll_back
):
    account = account_of(-1)

    assert [roll_back(account.access_token) for _ in range(3)] == ["ghu_access000002"] * 3

    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
def test_what_was_renewed_twice_in_a_transaction_is_written_again_twice(
    account_of, granting, stored, roll_back
):
    account = account_of(-1)

    roll_back(lambda: (account.access_token(), tokens.renew(account)))
    request_finished.send(sender=None)

    assert stored(account) == ("ghu_access000003", "ghr_refresh000003")
    assert granting.refreshes == ["ghr_refresh000001", "ghr_refresh000002"]


@pytest.mark.threat("H21")
def test_the_end_of_a_grant_outlasts_a_rollback_too(account_of, granting, stored, roll_back, told):
    account = account_of(-1)
    granting.renews = reply(DEAD)

    def refused():
        with pytest.raises(ReauthorizationRequired):
            account.access_token()

    roll_back(refused)
    refused()

    assert stored(account) == ("", "")
    assert told == [("required", account.pk, "refresh_rejected")]
    assert len(granting.requests) == 1


def test_what_was_committed_is_done_with(account_of, granting, django_assert_num_queries):
    account = account_of(-1)
    with transaction.atomic():
        account.access_token()

    with django_assert_num_queries(0):
        request_finished.send(sender=None)


def test_what_was_written_again_is_done_with(account_of, granting, roll_back, django_assert_num_queries):
    account = account_of(-1)
    roll_back(account.access_token)
    request_finished.send(sender=None)

    with django_assert_num_queries(0):
        request_finished.send(sender=None)


def test_the_end_of_a_process_is_waited_for_once(account_of, granting, roll_back):
    before = atexit._ncallbacks()
    for number in range(3):
        roll_back(account_of(-1, number).access_token)

    assert atexit._ncallbacks() - before in {0, 1}


@pytest.mark.threat("H18")
def test_what_was_rolled_back_is_not_written_over_the_end_of_another_token(
    account_of, granting, stored, roll_back, monkeypatch
):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)
    roll_back(account.access_token)
    granting.live["ghr_refresh000001"] = "ghu_access000001"  # the old one is good for a second use

    assert at_once(account.access_token) == ["ghu_access000003"]
    granting.renews = reply(DEAD)
    at_once(partial(pytest.raises, ReauthorizationRequired, tokens.renew, account))
    request_finished.send(sender=None)

    assert stored(account) == ("", "")
    assert Token.objects.get().state == "reauthorize"


def test_what_is_owed_to_a_database_is_written_to_no_other(account_of, roll_back, stored, monkeypatch):
    """The tests of a site end, and what they have left undone is not done to its own tokens."""
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)
    roll_back(account.access_token)

    with monkeypatch.context() as elsewhere:
        elsewhere.setitem(connection.settings_dict, "NAME", "the site's own")
        request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000001", "ghr_refresh000001")

    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.threat("H26")
def test_the_scope_of_a_token_outlasts_a_rollback_as_the_token_does(account_of, granting, stored, roll_back):
    account = account_of(-1)
    LinkedAccount.objects.update(scope="read:user repo")
    granting.more = {"scope": "read:user"}  # somebody has taken "repo" back

    roll_back(LinkedAccount.objects.get().access_token)
    request_finished.send(sender=None)

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert LinkedAccount.objects.get().scope == "read:user"
    with pytest.raises(ScopeRequired):
        LinkedAccount.objects.get().session("repo")


@pytest.mark.threat("H26")
@pytest.mark.parametrize("later", ["repo", "read:user"], ids=["another", "that of before"])
def test_the_scope_of_a_token_is_not_written_over_that_of_a_later_one(account_of, granting, roll_back, later):
    account = account_of(-1)
    granting.more = {"scope": "user"}
    roll_back(account.access_token)
    granting.more = {"scope": later}
    granting.live["ghr_refresh000001"] = "ghu_access000001"  # should it not have outlasted that
    at_once(partial(tokens.renew, account))

    request_finished.send(sender=None)

    assert LinkedAccount.objects.get().scope == later


@pytest.mark.threat("H24")
@pytest.mark.parametrize("ended", [LinkedAccount.delete, withdraw], ids=["unlinked", "revoked"])
def test_what_is_done_once_more_is_given_back_once(account_of, granting, roll_back, ended, monkeypatch):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    accounts = [account_of(-1, number) for number in range(1, 5)]

    with transaction.atomic():
        accounts[0].access_token()
        ended(LinkedAccount.objects.get(pk=accounts[0].pk))
        for other in accounts[1:]:
            other.access_token()

    assert [row.subject for row in Revocation.objects.all()] == ["1"]


@pytest.mark.threat("H24")
@pytest.mark.parametrize("ended", [LinkedAccount.delete, withdraw], ids=["unlinked", "revoked"])
def test_what_is_owed_and_finds_the_grant_ended_by_others_is_given_back(
    account_of, granting, roll_back, monkeypatch, ended
):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)
    roll_back(account.access_token)
    at_once(partial(ended, LinkedAccount.objects.get()))

    request_finished.send(sender=None)

    owed = [row.access_token.reveal() for row in Revocation.objects.all()]
    assert "ghu_access000002" in owed


# --- Databases that lock rows ---------------------------------------------------------------------------


@pytest.mark.threat("H21")
@pytest.mark.usefixtures("locking")
def test_within_a_transaction_the_work_is_done_on_a_connection_of_its_own(account_of, granting, stored, told):
    account = account_of(-1)

    with transaction.atomic():
        assert account.access_token() == "ghu_access000002"
        transaction.set_rollback(True)

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert told == [("refreshed", account.pk)]
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
@pytest.mark.usefixtures("locking")
def test_a_token_that_is_renewed_by_hand_within_a_transaction_is_kept_too(
    account_of, granting, stored, roll_back
):
    account = account_of(3600)

    assert roll_back(partial(tokens.renew, account)).version == 2

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.usefixtures("locking")
def test_a_receiver_is_within_the_transaction_that_the_token_is_not(account_of, roll_back):
    account, heard = account_of(-1), []

    def refreshed(**_):
        heard.append(connection.in_atomic_block)

    signals.token_refreshed.connect(refreshed)
    roll_back(account.access_token)
    signals.token_refreshed.disconnect(refreshed)

    assert heard == [True]


@pytest.mark.usefixtures("locking")
def test_of_the_connections_that_this_takes_none_is_left(account_of, roll_back, opened):
    account = account_of(-1)

    roll_back(account.access_token)

    mine = connections["default"]
    assert [each.connection for each in opened if each is not mine] == [None]


@pytest.mark.threat("H21")
@pytest.mark.usefixtures("locking")
def test_what_the_other_connection_could_not_write_is_written_when_it_can_be(
    account_of, granting, stored, roll_back
):
    account = account_of(-1)
    fails = [True]

    def fail(execute, sql, *more):
        if sql.startswith("UPDATE") and granting.refreshes and fails:
            fails.pop()
            raise OperationalError("disk I/O error")
        return execute(sql, *more)

    def watch(connection, **_):
        connection.execute_wrappers.append(fail)

    connection_created.connect(watch)
    with pytest.raises(OperationalError):
        roll_back(account.access_token)
    connection_created.disconnect(watch)

    assert roll_back(account.access_token) == "ghu_access000002"
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert len(granting.requests) == 1


def test_a_row_is_locked_before_it_is_taken_where_rows_can_be_passed_over(account_of, granting, monkeypatch):
    monkeypatch.setattr(connection.features, "has_select_for_update_skip_locked", True)

    assert account_of(-1).access_token() == "ghu_access000002"
    assert granting.refreshes == ["ghr_refresh000001"]


@pytest.mark.parametrize("answer", [None, reply({}, 401)], ids=["expired", "refused"])
def test_whoever_has_the_row_locked_does_not_wait_for_themselves(account_of, granting, locked, answer):
    """On a connection of its own, the end of a token would wait for the transaction that waits for it."""
    granting.answers_api = answer
    account = account_of(3600 if answer else -1, refresh_token="")

    other = account_of(-1, 2)

    with locked(account):
        for _ in range(2):
            with pytest.raises(ReauthorizationRequired):
                account.session().get("/user")
        assert other.access_token() == "ghu_access000003"
        at_once(
            partial(request_finished.send, sender=None)
        )  # of somebody else, who does not wait for it either
        assert at_once(lambda: Token.objects.get(pk=account.pk).state) == ["active"]

    request_finished.send(sender=None)
    assert Token.objects.get(pk=account.pk).state == "reauthorize"


def test_nor_is_one_renewed_that_they_have_locked(account_of, granting, locked):
    account = account_of(-1)

    with locked(account), pytest.raises(ProviderUnavailable) as raised:
        account.access_token()

    assert raised.value.code == "refresh_pending"
    assert granting.requests == []
    assert account.access_token() == "ghu_access000002"


@pytest.mark.threat("H18")
def test_the_end_of_a_token_that_is_locked_for_a_moment_is_not_lost(account_of, granting, locked):
    account = account_of(-1)
    granting.renews = reply(DEAD)

    said = locked(account_of(3600, 2), lambda: granting.requests, said_of=account)
    with said, pytest.raises(ReauthorizationRequired):
        account.access_token()

    request_finished.send(sender=None)
    assert Token.objects.get(pk=account.pk).state == "reauthorize"


@pytest.mark.threat("H26")
def test_the_scope_is_recorded_where_the_site_cannot_see_the_new_token_yet(account_of, granting):
    """Its transaction sees what was there when it began."""
    account = account_of(-1)
    LinkedAccount.objects.update(scope="read:user repo")
    granting.more = {"scope": "read:user"}
    isolated = {"postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}

    with transaction.atomic():
        connection.cursor().execute(isolated.get(connection.vendor, "SELECT 1"))
        LinkedAccount.objects.get(pk=account.pk).access_token()

    assert LinkedAccount.objects.get().scope == "read:user"


# --- A database that fails ------------------------------------------------------------------------------


def test_a_token_that_the_database_did_not_take_is_saved_when_it_does(account_of, granting, stored, caplog):
    """A refresh token that was used is worth nothing any more: the new one is not thrown away."""
    account = account_of(-1)
    fails = [True, True]

    def fail(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and granting.refreshes and fails:
            fails.pop()
            raise OperationalError("disk I/O error")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        with pytest.raises(OperationalError):
            account.access_token()
        request_finished.send(sender=None)
        assert "could not be saved yet" in caplog.text
        request_finished.send(sender=None)

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert Token.objects.get().state == "active"


def test_a_database_that_is_gone_when_a_request_ends_breaks_no_answer(
    account_of, roll_back, stored, monkeypatch, caplog
):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)
    roll_back(account.access_token)
    connection.close()

    def gone():
        raise OperationalError("could not connect")

    with monkeypatch.context() as outage:
        outage.setattr(connection, "connect", gone)
        request_finished.send(sender=None)
    assert "could not be saved yet" in caplog.text

    request_finished.send(sender=None)
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.threat("H26")
@pytest.mark.parametrize("error", [OperationalError, KeyboardInterrupt])
def test_a_scope_that_the_database_did_not_take_is_recorded_when_it_does(account_of, granting, error):
    account = account_of(-1)
    LinkedAccount.objects.update(scope="read:user repo")
    granting.more = {"scope": "read:user"}
    fails = [error]

    def fail(execute, sql, *more):
        if unquoted(sql).startswith("UPDATE oauth_login_linkedaccount") and fails:
            raise fails.pop()
        return execute(sql, *more)

    with connection.execute_wrapper(fail), pytest.raises(error):
        account.access_token()
    request_finished.send(sender=None)

    assert LinkedAccount.objects.get().scope == "read:user"
    assert len(granting.requests) == 1


@pytest.mark.threat("H21")
def test_whoever_is_stopped_while_a_token_is_saved_loses_none(account_of, granting, stored):
    """By a task's time that is over, or by Ctrl-C."""
    account = account_of(-1)
    stops = [KeyboardInterrupt]

    def stop(execute, sql, *more):
        if unquoted(sql).startswith("UPDATE oauth_login_token") and granting.requests and stops:
            raise stops.pop()
        return execute(sql, *more)

    with connection.execute_wrapper(stop), pytest.raises(KeyboardInterrupt):
        account.access_token()
    request_finished.send(sender=None)

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


@pytest.mark.threat("H08")
@pytest.mark.parametrize("where", ["database", "API"])
def test_a_report_of_an_error_shows_no_token(account_of, granting, where):
    account = account_of(-1 if where == "database" else 3600)
    granting.answers_api = [HANG_UP]

    def fail(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and granting.refreshes:
            raise OperationalError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail), pytest.raises((OperationalError, ProviderUnavailable)) as raised:
        account.session().get("/user")
    request_finished.send(sender=None)

    assert_nothing_is_shown((raised.type, raised.value, raised.tb))


@pytest.mark.threat("H08")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, ProviderMisconfigured])
def test_a_report_that_it_could_not_be_saved_yet_shows_no_token(
    account_of, granting, roll_back, caplog, monkeypatch, error
):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)

    def fail(*_):
        raise error

    roll_back(account.access_token)
    with connection.execute_wrapper(fail):
        request_finished.send(sender=None)

    (record,) = [record for record in caplog.records if record.exc_info]
    assert_nothing_is_shown(record.exc_info)


@pytest.mark.threat("H08")
def test_nor_does_one_of_a_process_that_was_stopped_meanwhile(account_of, granting, roll_back, monkeypatch):
    monkeypatch.setattr(connection.features, "has_select_for_update", False)
    account = account_of(-1)

    def stop(*_):
        raise KeyboardInterrupt

    roll_back(account.access_token)
    with connection.execute_wrapper(stop), pytest.raises(KeyboardInterrupt) as raised:
        request_finished.send(sender=None)
    request_finished.send(sender=None)

    assert_nothing_is_shown((raised.type, raised.value, raised.tb))
