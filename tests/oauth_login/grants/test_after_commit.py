"""Whoever unlinks an account, or is deleted, leaves no grant behind at the provider."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from oauth_login import providers, tokens, transport
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.withdrawal import Outcome, outcome_of, withdraw
from tests.oauth_login.error_reports import assert_nothing_is_shown
from tests.oauth_login.grants.conftest import CLIENT, fails
from tests.oauth_login.http_server import reply
from tests.oauth_login.odd_providers import ForgetsWithABug

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()


@pytest.mark.threat("H24")
def test_the_grant_of_a_user_who_is_deleted_is_withdrawn(person, revoking, waiting):
    account = person()

    account.user.delete()

    assert revoking.revoked == ["gho_1"]
    assert waiting() == []
    assert Token.objects.count() == LinkedAccount.objects.count() == 0


@pytest.mark.threat("H24")
@pytest.mark.parametrize(
    "delete",
    [
        lambda account: account.delete(),
        lambda account: LinkedAccount.objects.filter(pk=account.pk).delete(),
        lambda account: User.objects.filter(pk=account.user.pk).delete(),
    ],
    ids=["account", "accounts", "users"],
)
def test_it_is_the_same_however_it_is_deleted(person, revoking, delete):
    delete(person())

    assert revoking.revoked == ["gho_1"]


@pytest.mark.threat("H24")
def test_a_rollback_withdraws_nothing_and_leaves_nothing(person, revoking, waiting):
    account = person()

    with transaction.atomic():
        account.user.delete()
        transaction.set_rollback(True)

    assert revoking.requests == []
    assert waiting() == []
    assert Token.objects.get().access_token.reveal() == "gho_1"


@pytest.mark.threat("H24")
def test_what_a_savepoint_took_back_is_not_withdrawn_and_the_rest_is(person, revoking, waiting):
    kept, gone = person(), person()

    with transaction.atomic():
        with transaction.atomic():
            kept.delete()
            transaction.set_rollback(True)
        gone.delete()
        assert revoking.requests == []

    assert revoking.revoked == ["gho_2"]
    assert waiting() == []


@pytest.mark.threat("H24")
def test_while_the_provider_is_down_it_waits_and_the_user_is_gone_all_the_same(person, revoking, waiting):
    revoking.says = fails()
    account = person()

    account.user.delete()

    assert User.objects.count() == 0
    assert waiting() == [("1", 1, "provider_unavailable")]
    row = Revocation.objects.get()
    assert (row.access_token.reveal(), row.refresh_token.reveal()) == ("gho_1", "ghr_1")
    assert (row.next_try_at - row.tried_at).total_seconds() == 60


@pytest.mark.threat("H01")
def test_what_waits_is_ciphertext(person, revoking):
    revoking.says = fails()

    person().delete()

    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM oauth_login_revocation")
        columns = cursor.fetchone()
    assert [column[:2] for column in columns] == ["v1", "v1"]
    assert not any(word in column for column in columns for word in ("gho_1", "ghr_1"))


def test_a_provider_that_has_just_failed_is_not_asked_for_the_next(person, revoking, waiting):
    revoking.says = fails()
    for _ in range(3):
        person()

    User.objects.all().delete()

    assert len(revoking.requests) == 1
    assert sorted(row[1:] for row in waiting()) == [(0, ""), (0, ""), (1, "provider_unavailable")]


def test_an_answer_that_nobody_understands_does_not_stop_the_others(person, revoking, waiting):
    revoking.says = fails(302)
    for _ in range(2):
        person()

    User.objects.all().delete()

    assert len(revoking.requests) == 2
    assert [row[1:] for row in waiting()] == [(1, "redirect_refused")] * 2


def test_a_transaction_by_the_same_function_is_a_new_one(person, revoking, waiting):
    @transaction.atomic
    def delete(account):
        account.delete()

    revoking.says = fails()
    delete(person())
    revoking.says = None
    delete(person())

    assert revoking.revoked == ["gho_1", "gho_2"]
    assert [row[0] for row in waiting()] == ["1"]


def test_what_was_found_in_a_transaction_that_was_rolled_back_is_found_anew(person, revoking, settings):
    account, known = person(), settings.OAUTH_LOGIN
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}
    with transaction.atomic():
        account.delete()
        transaction.set_rollback(True)
    settings.OAUTH_LOGIN = known

    LinkedAccount.objects.get().delete()

    assert revoking.revoked == ["gho_1"]


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_nobody_else_tries_while_whoever_has_asked_for_it_is_at_it(person, revoking, time_machine, hours):
    account = person()
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=hours))
    with transaction.atomic():
        account.delete()
        assert Revocation.objects.exists()
        assert not Revocation.objects.due().exists()

    assert revoking.revoked == ["gho_1"]


@pytest.fixture
def long_after():
    """Delete an account in a transaction that outlasts the lease of what it writes down."""

    def delete(account):
        with transaction.atomic():
            account.delete()
            Revocation.objects.update(next_try_at=datetime.now(UTC) - timedelta(seconds=1))

    return delete


@pytest.mark.threat("H15", "H21")
def test_after_a_long_transaction_the_command_leaves_alone_what_is_being_tried(
    expired, revoking, long_after, waiting
):
    def meanwhile(request):
        revoking.renews = renews
        with pytest.raises(CommandError, match="1 remain to be withdrawn"):
            call_command("oauth_login", "revoke")
        return reply(renews)

    renews, revoking.renews = revoking.renews, meanwhile

    long_after(expired)

    assert revoking.refreshed == ["ghr_1"]
    assert revoking.revoked == ["gho_renewed"]
    assert waiting() == []


@pytest.mark.threat("H15", "H21")
@pytest.mark.parametrize("moment", ["SELECT", "UPDATE"])
def test_after_a_long_transaction_what_the_command_has_taken_is_left_to_it(
    expired, revoking, long_after, moment
):
    taken: list[Revocation] = []

    def command(execute, sql, *more):
        is_tried = "oauth_login_revocation" in sql and not connection.in_atomic_block
        if is_tried and sql.startswith(moments[-1]):
            moments.append("nothing more")
            taken.append(Revocation.objects.take(Revocation.objects.get()))
        return execute(sql, *more)

    moments = [moment]
    with connection.execute_wrapper(command):
        long_after(expired)

    assert [row.attempts for row in taken] == [1]
    assert revoking.requests == []
    assert outcome_of(expired) is Outcome.AWAITED


def test_a_server_that_fails_does_not_stand_for_another_of_the_same_name(person, revoking):
    revoking.says = fails()
    person().delete()
    person().delete()
    there, gone = Revocation.objects.order_by("subject")
    Revocation.objects.update(next_try_at=datetime.now(UTC) - timedelta(seconds=5))
    Revocation.objects.filter(pk=gone.pk).update(issuer="https://it.was.elsewhere.example")

    due = Revocation.objects.due(failed=[("ghe", "https://it.was.elsewhere.example")])

    assert [row.pk for row in due] == [there.pk]


def test_a_database_that_fails_after_the_commit_is_in_nobodys_way(person, revoking, caplog):
    def broken(execute, sql, *arguments):
        if sql.startswith("SELECT") and "oauth_login_revocation" in sql and not connection.in_atomic_block:
            raise OperationalError("gone away")
        return execute(sql, *arguments)

    account, done = person(), []
    with connection.execute_wrapper(broken), transaction.atomic():
        account.delete()
        transaction.on_commit(lambda: done.append("the site's own"))

    assert done == ["the site's own"]
    assert "gone away" in caplog.text
    assert Revocation.objects.count() == 1


@pytest.mark.threat("H17")
def test_a_refresh_token_that_is_not_replaced_is_kept_for_the_next_try(person, revoking, waiting):
    account = person()
    Token.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=60))
    del revoking.renews["refresh_token"]
    revoking.says = fails()

    account.delete()

    row = Revocation.objects.get()
    assert (row.access_token.reveal(), row.refresh_token.reveal()) == ("gho_renewed", "ghr_1")


def test_all_of_a_transaction_have_one_deadline(person, revoking, waiting, monkeypatch):
    monkeypatch.setattr(transport, "DEADLINE", 0.0)
    for _ in range(2):
        person()

    User.objects.all().delete()

    assert revoking.requests == []
    assert [row[1:] for row in waiting()] == [(0, "")] * 2
    assert User.objects.count() == 0


@pytest.mark.parametrize("pair", [("", ""), ("gho_", "")], ids=["none", "access only"])
def test_what_there_is_is_withdrawn(person, revoking, pair):
    person(*pair).delete()

    assert revoking.revoked == [f"{pair[0]}1"] * bool(pair[0])


def test_an_account_without_a_token_has_nothing_to_withdraw(person, revoking, waiting):
    account = person()
    account.token.delete()

    account.delete()

    assert outcome_of(account) is Outcome.NO_WAY
    assert (revoking.requests, waiting()) == ([], [])


@pytest.mark.threat("H04")
def test_what_no_key_opens_stands_in_nobodys_way(person, revoking, waiting, settings, caplog):
    account = person()
    settings.SECRET_KEY = "another-key-that-has-never-encrypted-anything-here-0123456789"

    account.user.delete()

    assert User.objects.count() == 0
    assert (revoking.requests, waiting()) == ([], [])
    assert f"the grant of account {account.pk} cannot be withdrawn" in caplog.text


@pytest.mark.parametrize("providers", [{}, {"ghe": {}}], ids=["gone", "wrong"])
def test_nor_do_settings_that_name_no_provider(person, waiting, settings, providers):
    account = person()
    settings.OAUTH_LOGIN = {"PROVIDERS": providers}

    account.user.delete()

    assert User.objects.count() == 0
    assert waiting() == []


def test_a_server_that_took_the_name_of_another_is_not_shown_its_tokens(person, revoking, waiting):
    person(issuer="https://former.example").delete()

    assert (revoking.requests, waiting()) == ([], [])


@pytest.mark.threat("GH16")
def test_who_is_linked_again_by_the_same_transaction_keeps_the_new_grant(person, revoking, waiting):
    account = person()

    with transaction.atomic():
        account.delete()
        person(user=account.user, subject=account.subject)

    assert (revoking.requests, waiting()) == ([], [])
    assert outcome_of(account) is Outcome.SUPERSEDED


def test_an_account_more_costs_seven_statements_more(person):
    def statements(number):
        for _ in range(number):
            person()
        with CaptureQueriesContext(connection) as queries:
            LinkedAccount.objects.all().delete()
        return len([query for query in queries if query["sql"] not in {"BEGIN", "COMMIT"}])

    # Its token, what is put aside, a row, what it gave; after the commit that row again, its lease, its end.
    assert statements(6) - statements(2) == 7 * 4


def test_a_live_account_gives_its_grant_back_and_stays(person, revoking, waiting):
    account = person()

    withdraw(account)

    assert outcome_of(account) is Outcome.WITHDRAWN
    assert revoking.revoked == ["gho_1"]
    token = Token.objects.get()
    assert (token.state, token.reason, token.access_token, token.refresh_token) == (
        "revoked",
        "revoked_here",
        "",
        "",
    )
    assert waiting() == []


def test_a_token_that_was_renewed_in_that_very_moment_is_the_one_that_goes(person, revoking, waiting):
    account = person()

    def renew(execute, sql, *more):
        if meanwhile and sql.startswith("SELECT") and "access_token" in sql:
            Token.objects.replace(meanwhile.pop(), access_token="gho_new", refresh_token="ghr_new")
        return execute(sql, *more)

    meanwhile = [Token.objects.get()]
    with connection.execute_wrapper(renew):
        withdraw(account)

    assert revoking.revoked == ["gho_new"]
    assert outcome_of(account) is Outcome.WITHDRAWN
    assert waiting() == []


@pytest.mark.threat("H21", "H24")
@pytest.mark.parametrize("end", [LinkedAccount.delete, withdraw], ids=["unlinked", "revoked"])
def test_a_token_whose_renewal_was_rolled_back_is_the_one_that_goes(person, revoking, end):
    account = person()
    with transaction.atomic():
        tokens.renew(account)
        transaction.set_rollback(True)

    end(LinkedAccount.objects.get())

    assert revoking.revoked == ["gho_renewed"]


def test_it_is_the_database_of_the_deletion_that_is_asked_and_locked(person, revoking):
    account = person()

    with CaptureQueriesContext(connection) as queries:
        account.delete(using="default")

    read = [one["sql"] for one in queries if "access_token" in one["sql"] and one["sql"].startswith("SELECT")]
    assert len(read) == 2, "the token before it is deleted, and the row that is tried"
    assert revoking.revoked == ["gho_1"]


def test_a_second_time_there_is_nothing_to_give_back(person, revoking):
    account = person()
    withdraw(account)

    withdraw(account)

    assert outcome_of(account) is Outcome.NO_WAY
    assert len(revoking.requests) == 1


# --- A renewal at the same moment -------------------------------------------------------------------------


@pytest.fixture
def renewed():
    """End a renewal that was under way when something else happened to its account."""
    answer = {"access_token": "gho_late", "refresh_token": "ghr_late", "token_type": "bearer"}

    def finish(account, meanwhile):
        token = Token.objects.get(pk=account.pk)
        owner = LinkedAccount.objects.get(pk=account.pk)
        meanwhile(LinkedAccount.objects.get(pk=account.pk))
        tokens.settle(owner, token, TokenResponse.from_answer(200, answer))

    return finish


@pytest.mark.threat("H24")
@pytest.mark.parametrize("end", [LinkedAccount.delete, withdraw], ids=["unlinked", "revoked"])
def test_what_an_ended_grant_was_renewed_to_is_withdrawn_too(person, renewed, waiting, end):
    account = person()

    renewed(account, end)

    row = Revocation.objects.get()
    assert (row.access_token.reveal(), row.refresh_token.reveal()) == ("gho_late", "ghr_late")
    assert waiting() == [("1", 0, "")]
    assert Revocation.objects.due().exists(), "nobody is at it"


def test_what_another_sign_in_has_replaced_is_not(person, renewed, waiting):
    def sign_in(account):
        Token.objects.replace(account.token, access_token="gho_of_a_sign_in")

    renewed(person(), sign_in)

    assert waiting() == []
    assert Token.objects.get().access_token.reveal() == "gho_of_a_sign_in"


# --- A grant whose access token has run out ---------------------------------------------------------------


@pytest.fixture
def expired(person):
    """An account whose access token is over, and whose refresh token is not."""
    account = person()
    Token.objects.update(expires_at=datetime.now(UTC) - timedelta(hours=1))
    return account


@pytest.mark.parametrize("hours", [-1, 3], ids=["slow", "fast"])
def test_what_is_dead_and_when_it_is_tried_again_is_told_by_the_databases_clock(
    expired, person, revoking, time_machine, hours
):
    now = datetime.now(UTC)
    alive = person()
    Token.objects.filter(pk=alive.pk).update(expires_at=now + timedelta(hours=2))
    time_machine.move_to(now + timedelta(hours=hours))
    revoking.says = fails()

    expired.delete()
    alive.delete()

    assert revoking.refreshed == ["ghr_1"]
    rows = Revocation.objects.order_by("subject")
    hours_left = [round((row.expires_at - now) / timedelta(hours=1)) for row in rows]
    assert hours_left == [8, 2]
    assert [abs(row.created_at - now) < timedelta(minutes=2) for row in rows] == [True] * 2


@pytest.mark.threat("H08")
@pytest.mark.parametrize("left", [timedelta(hours=1), -timedelta(hours=1)], ids=["revoke", "refresh"])
def test_a_report_of_a_mistake_in_a_class_of_the_sites_own_shows_no_token(
    person, revoking, waiting, monkeypatch, settings, caplog, left
):
    monkeypatch.setitem(providers.KINDS, "buggy", f"{ForgetsWithABug.__module__}.ForgetsWithABug")
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "buggy"

    account = person()
    Token.objects.update(expires_at=datetime.now(UTC) + left)

    account.delete()

    assert waiting() == [("1", 1, "settings_invalid")]
    (record,) = [record for record in caplog.records if record.exc_info]
    assert_nothing_is_shown(record.exc_info)


@pytest.mark.threat("H08")
def test_a_report_that_nothing_could_be_written_down_shows_no_token(person):
    account = person()

    def fail(execute, sql, *more):
        if sql.startswith("INSERT"):
            raise OperationalError("disk I/O error")
        return execute(sql, *more)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError) as raised:
        account.delete()

    assert_nothing_is_shown((raised.type, raised.value, raised.tb))


@pytest.mark.threat("GH16")
def test_it_is_renewed_first_as_github_knows_no_grant_of_a_dead_token(expired, revoking, waiting):
    expired.delete()

    assert revoking.refreshed == ["ghr_1"]
    assert revoking.revoked == ["gho_renewed"]
    assert waiting() == []


@pytest.mark.threat("GH16", "H21")
def test_what_it_was_renewed_to_is_kept_when_the_provider_fails_afterwards(expired, revoking):
    revoking.says = fails()

    expired.delete()

    row = Revocation.objects.get()
    assert (row.access_token.reveal(), row.refresh_token.reveal()) == ("gho_renewed", "ghr_renewed")
    assert row.expires_at > datetime.now(UTC)


@pytest.mark.threat("H08")
def test_a_database_that_fails_meanwhile_is_no_mistake_of_the_provider(expired, revoking, waiting, caplog):
    def broken(execute, sql, *more):
        if sql.startswith("UPDATE") and "access_token" in sql and revoking.refreshed:
            raise OperationalError("gone away")
        return execute(sql, *more)

    with connection.execute_wrapper(broken):
        expired.delete()

    (record,) = [record for record in caplog.records if record.exc_info]
    assert isinstance(record.exc_info[1], OperationalError)
    assert_nothing_is_shown(record.exc_info)
    assert revoking.revoked == []
    assert waiting() == [("1", 1, "")]


def test_a_refresh_token_that_is_dead_does_not_keep_it_from_being_tried(expired, revoking, waiting):
    revoking.renews = {"error": "bad_refresh_token"}

    expired.delete()

    assert revoking.revoked == ["gho_1"]
    assert waiting() == []


def test_a_provider_that_renews_nothing_is_shown_what_there_is(expired, revoking, settings, waiting):
    plain = {
        "CLAIMS": {"sub": "id"},
        "AUTHORIZATION_ENDPOINT": f"{revoking.url}/authorize",
        "TOKEN_ENDPOINT": f"{revoking.url}/token",
        "USERINFO_ENDPOINT": f"{revoking.url}/me",
        "ISSUER": revoking.issuer,
        **CLIENT,
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": plain}}

    expired.delete()

    assert outcome_of(expired) is Outcome.NO_WAY
    assert (revoking.requests, waiting()) == ([], [])
