"""What is saved stays saved, on databases that lock rows, too, and when the database itself fails."""

import re

import pytest
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction
from django.views.debug import ExceptionReporter

from oauth_login.errors import ProviderUnavailable
from oauth_login.models import Token
from tests.oauth_login.http_server import HANG_UP

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def locking(database, monkeypatch):
    """A database that locks rows; SQLite is made to pass for one, to those who ask."""
    monkeypatch.setattr(connection.features, "has_select_for_update", True)


@pytest.mark.threat("H21")
@pytest.mark.usefixtures("locking")
def test_within_a_transaction_the_work_is_done_on_a_connection_of_its_own(account_of, granting, stored, told):
    account = account_of(-1)
    granting.more = {"scope": None}

    with transaction.atomic():
        assert account.access_token() == "ghu_access000002"
        transaction.set_rollback(True)

    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert told == [("refreshed", account.pk)]
    assert len(granting.requests) == 1


def test_a_row_is_locked_before_it_is_taken_where_rows_can_be_passed_over(account_of, granting, monkeypatch):
    monkeypatch.setattr(connection.features, "has_select_for_update_skip_locked", True)

    assert account_of(-1).access_token() == "ghu_access000002"
    assert granting.refreshes == ["ghr_refresh000001"]


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

    ours = [frame for frame in report(raised).get_traceback_frames() if "/oauth_login/" in frame["filename"]]
    shown = str([frame["vars"] for frame in ours if "/tests/" not in frame["filename"]])
    assert not {"ghu_", "ghr_"} & {word[:4] for word in re.findall(r"gh[ur]_\w+", shown)}
    assert ours


def report(raised):
    return ExceptionReporter(None, raised.type, raised.value, raised.tb)
