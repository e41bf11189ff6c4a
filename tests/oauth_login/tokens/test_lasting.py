"""What is saved stays saved, on databases that lock rows, too, and when the database itself fails."""

import pytest
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction

from oauth_login.models import Token

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
