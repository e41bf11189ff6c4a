"""Many ask for one token at once: in threads, in processes, during a sign-in, and when one is killed."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core.signals import request_finished
from django.db import connection, transaction
from django.test import Client
from django.urls import path

from oauth_login import tokens
from oauth_login.backends import OAuthBackend
from oauth_login.errors import OAuthLoginError, ReauthorizationRequired
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from tests.databases import unquoted
from tests.oauth_login.http_server import reply
from tests.oauth_login.test_concurrency import at_once
from tests.oauth_login.tokens.granting import DEAD

OUTCOMES = {"renewed": None, "refused": reply(DEAD), "down": reply({}, 503)}

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.threat("H15")
@pytest.mark.parametrize("left", [-1, 30], ids=["expired", "about to be"])
def test_of_twenty_threads_one_renews_and_all_go_on(account_of, granting, left):
    account = account_of(left)
    granting.renews = slowly(granting)

    got = at_once(*[account.access_token] * 20)

    assert granting.refreshes == ["ghr_refresh000001"]
    new, old = "ghu_access000002", "ghu_access000001"
    assert set(got) <= ({new} if left < 0 else {new, old})
    assert account.access_token() == new


@pytest.mark.threat("H15")
def test_twenty_threads_in_four_processes_make_one_request(account_of, granting, processes):
    account = account_of(-1)
    granting.renews = slowly(granting)

    with processes(account, number=4, threads=20) as workers:
        got = [json.loads(worker.communicate("go\n", timeout=60)[0]) for worker in workers]

    assert granting.refreshes == ["ghr_refresh000001"]
    assert got == [["ghu_access000002"] * 20] * 4


def test_a_worker_that_is_killed_before_it_saved_is_replaced_and_the_visitor_signs_in_again(
    account_of, granting, processes, told
):
    account = account_of(-1)
    asked = threading.Event()

    def rotated_in_vain(request):
        granting.renew(request)
        asked.set()
        granting.closing.wait(30)  # and nobody hears what it says

    granting.at_work = threading.Semaphore(9)
    granting.renews = rotated_in_vain
    with processes(account, number=1, threads=1) as (worker,):
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert asked.wait(20)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    granting.renews = None

    lease = Token.objects.get().lease_until
    assert timedelta(seconds=5) < lease - datetime.now(UTC) <= timedelta(seconds=31)
    Token.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert result(account.access_token) == "reauthorization_required"
    assert granting.refreshes == ["ghr_refresh000001"] * 2
    assert told == [("required", account.pk, "refresh_rejected")]


def test_a_worker_that_was_killed_does_not_stop_those_whose_token_lasts(account_of, granting):
    account = account_of(30, lease_until=datetime.now(UTC) + timedelta(seconds=20))

    assert account.access_token() == "ghu_access000001"
    assert granting.requests == []


def test_whoever_loses_to_another_worker_takes_what_that_one_got(account_of, granting, stored):
    """The lease ran out, and both asked; the provider takes a refresh token only once."""
    account = account_of(-1)

    def another_was_faster(request):
        granting.renews = None
        at_once(partial(Token.objects.update, lease_until=None))
        at_once(account.access_token)
        return reply(DEAD)

    granting.at_work = threading.RLock()
    granting.renews = another_was_faster
    granting.at_work = threading.Semaphore(9)

    assert account.access_token() == "ghu_access000002"
    assert granting.refreshes == ["ghr_refresh000001"] * 2
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")


def test_a_failure_of_the_past_is_not_told_when_another_worker_has_just_tried_again(account_of, granting):
    account = account_of(-1)
    over = datetime.now(UTC) - timedelta(seconds=5)
    Token.objects.update(lease_until=over, reason="provider_unavailable")
    before = [None, None]  # it is read twice, and then it is to be taken

    def another_is_faster(execute, *query):
        if before:
            before.pop()
        elif not granting.requests:
            at_once(account.access_token)
        return execute(*query)

    with connection.execute_wrapper(another_is_faster):
        assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1


def test_whoever_waits_for_another_worker_is_not_told_of_a_failure_before(account_of, granting):
    account = account_of(-1)
    over = datetime.now(UTC) - timedelta(seconds=5)
    Token.objects.update(lease_until=over, reason="provider_unavailable")
    got, threads = list[str](), list[threading.Thread]()

    def another_comes(request):
        granting.renews = None
        thread = threading.Thread(target=at_once, args=[lambda: got.append(result(account.access_token))])
        thread.start()
        thread.join(0.2)  # it has looked by then
        threads.append(thread)

    granting.renews = another_comes

    assert account.access_token() == "ghu_access000002"
    threads[0].join()
    assert got == ["ghu_access000002"]
    assert len(granting.requests) == 1


def test_whoever_is_told_no_too_early_does_not_bury_what_another_worker_is_about_to_save(
    account_of, granting, stored, told
):
    account = account_of(-1)

    def overtaken(request):
        granting.renews = None
        answer = granting.renew(request)
        at_once(partial(Token.objects.update, lease_until=None))
        with pytest.raises(ReauthorizationRequired):
            at_once(account.access_token)
        return answer

    granting.at_work = threading.Semaphore(9)
    granting.renews = overtaken

    assert account.access_token() == "ghu_access000002"
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert Token.objects.get().state == "active"


@pytest.mark.threat("H22")
def test_what_the_api_has_refused_meanwhile_is_not_brought_back(account_of, granting, stored, told):
    account = account_of(-1)

    def refused(request):
        with pytest.raises(ReauthorizationRequired):
            at_once(partial(tokens.reject, account, Token.objects.get()))

    granting.renews = refused

    assert result(account.access_token) == "reauthorization_required"
    assert stored(account) == ("", "")
    assert told == [("required", account.pk, "token_rejected")]


@pytest.mark.threat("H16")
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_sign_in_meanwhile_has_the_last_word(account_of, granting, stored, outcome, told):
    account = account_of(-1)

    def signs_in_meanwhile(request):
        sign_in(account, "ghu_of_the_sign_in")
        return granting.renew(request) if outcome == "renewed" else OUTCOMES[outcome]

    granting.renews = signs_in_meanwhile

    assert account.access_token() == "ghu_of_the_sign_in"
    assert stored(account) == ("ghu_of_the_sign_in", "ghr_of_the_sign_in")
    token = Token.objects.get()
    assert (token.state, token.reason, token.lease_until) == ("active", "", None)
    assert told == []
    assert not Revocation.objects.exists()


@pytest.mark.threat("H21")
def test_a_rotated_token_outlasts_the_rollback_of_the_view_that_needed_it(
    account_of, granting, stored, settings, monkeypatch
):
    account = account_of(-1)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def view(request):
        LinkedAccount.objects.update(name="changed by the view")
        account.access_token()
        raise ValueError

    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("", view)]})
    answer = Client(raise_request_exception=False).get("/")

    assert answer.status_code == 500
    assert LinkedAccount.objects.get().name == ""
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert account.access_token() == "ghu_access000002"
    assert len(granting.requests) == 1


def test_a_transaction_that_has_locked_the_row_itself_is_not_waited_for(account_of, granting, monkeypatch):
    """By nobody for longer than they wait anyway; SQLite has no such locks, and there it just works."""
    account = account_of(-1)
    monkeypatch.setattr(tokens, "PATIENCE", 0.3)

    with transaction.atomic():
        Token.objects.update(token_type="bearer")
        granted = result(account.access_token)

    request_finished.send(sender=None)
    assert granted in {"ghu_access000002", "refresh_pending"}
    assert account.access_token() == "ghu_access000002"
    assert granting.refreshes == ["ghr_refresh000001"]


@pytest.mark.threat("H21")
def test_outside_requests_the_next_look_writes_again_what_a_rollback_undid(account_of, granting, stored):
    account = account_of(-1)

    def task():
        with transaction.atomic():
            account.access_token()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        task()

    assert account.access_token() == "ghu_access000002"
    assert stored(account) == ("ghu_access000002", "ghr_refresh000002")
    assert len(granting.requests) == 1
    request_finished.send(sender=None)  # where its row was not undone, its scope was


@pytest.mark.threat("H16", "H26")
def test_a_scope_waits_for_a_sign_in_that_is_writing_a_later_token(account_of, granting):
    """What that grants is the scope that is written already, so that it has nothing to write of it."""
    account = account_of(-1)
    LinkedAccount.objects.update(scope="read:user repo")
    granting.more = {"scope": "read:user"}
    is_writing, renewed = threading.Event(), threading.Event()

    def sign_in():
        assert renewed.wait(20)
        with transaction.atomic():
            token = Token.objects.get()
            assert Token.objects.replace(token, access_token="gho_of_the_sign_in", refresh_token="")
            is_writing.set()
            time.sleep(0.5)  # in which the renewal comes to its scope

    def meet(execute, sql, *more):
        done = execute(sql, *more)
        if (
            unquoted(sql).startswith("UPDATE oauth_login_token")
            and granting.requests
            and not renewed.is_set()
        ):
            renewed.set()
            assert is_writing.wait(20)
        return done

    def renew():
        with connection.execute_wrapper(meet):
            return tokens.renew(account).version

    at_once(renew, sign_in)

    assert LinkedAccount.objects.get().scope == "read:user repo"


def result(call):
    """Return what *call* returns, or the code of the error that it raises."""
    try:
        return call()
    except OAuthLoginError as error:
        return error.code


def read_line(worker):
    return worker.stdout.readline()


def slowly(granting):
    def renew(request):
        time.sleep(0.5)
        return granting.renew(request)

    return renew


def sign_in(account, token):
    """Sign in as a callback does, in a thread of its own."""

    def returning():
        profile = Profile(issuer=account.issuer, subject=account.subject)
        granted = TokenResponse(
            access_token=token,
            token_type="Bearer",
            expires_in=28800,
            refresh_token="ghr_of_the_sign_in",
            refresh_token_expires_in=None,
            scope=None,
        )
        OAuthBackend().authenticate(None, oauth_profile=profile, oauth_token=granted, oauth_provider="ghe")

    at_once(returning)


@pytest.fixture
def processes(granting, environment):
    """A way to start workers of the site, which share its database."""

    @contextmanager
    def begin(account, *, number, threads):
        shared = {**environment, "PROVIDERS": json.dumps(granting.settings)}
        command = [sys.executable, "-m", "tests.oauth_login.tokens.worker", str(account.pk), str(threads)]
        workers = [
            subprocess.Popen(command, env=shared, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(number)
        ]
        try:
            assert [read_line(worker) for worker in workers] == ["ready\n"] * number
            yield workers
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()

    return begin
