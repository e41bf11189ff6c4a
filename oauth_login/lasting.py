"""What is to last, whatever becomes of the transaction that the site is in.

A provider that has given out a new refresh token has withdrawn the old one. If a view that renewed a token
under ``ATOMIC_REQUESTS`` fails afterwards, its rollback must not bring the old one back (threat H21). And a
row that such a transaction has changed would stay locked while the provider is waited for.

Django tells of a commit, and nobody of a rollback. So what was written within a transaction is owed until
that is committed. It is written again when this thread ends a request or has a token renewed, when any other
does after this one has ended, or when the process ends: whichever is first.
"""

import atexit
import contextvars
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, Final, NamedTuple, TypeVar

from django.db import connections, router, transaction
from django.views.decorators.debug import sensitive_variables

from oauth_login.models import Token

logger = logging.getLogger("oauth_login")

T = TypeVar("T")
Change = Callable[[], bool]


class _Debt(NamedTuple):
    """Whose a write is, in which database, and of which token's row, if it is one of them."""

    thread: threading.Thread
    place: object
    pk: Any


#: Writes that a rollback may undo, or that the database did not take.
_owed: Final[dict[Change, _Debt]] = {}


class _Apart(threading.local):
    """Work apart, in a thread of its own.

    :ivar later: what is done when it is over; None in a thread that does none.
    :ivar waiting: the thread of the site's that waits for it.
    """

    later: list[Callable[[], object]] | None = None
    waiting: threading.Thread | None = None


_apart: Final = _Apart()


def outside_transactions(work: Callable[[], T]) -> T:
    """Do *work* on the database: if the site has a transaction open, on a connection of its own.

    That takes a thread. SQLite locks no rows but everything, for the one writer that the site's transaction
    may be: there *work* is done within it, and what it has written by :func:`write` is written again if need
    be.
    """
    connection = connections[router.db_for_write(Token)]
    if not connection.features.has_select_for_update or not _is_in_transaction(connection):
        write_again()
        return work()
    later = list[Callable[[], object]]()
    waiting = threading.current_thread()

    def apart() -> T:
        _apart.later, _apart.waiting = later, waiting
        try:
            # This connection is ours alone: with AUTOCOMMIT off nobody would ever commit what it writes.
            transaction.set_autocommit(True, using=connection.alias)
            _write_what_is_free(waiting)
            return work()
        finally:
            connections.close_all()

    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="oauth_login") as thread:
            return thread.submit(contextvars.copy_context().run, apart).result()
    finally:
        for call in later:
            call()


def afterwards(call: Callable[[], object]) -> None:
    """Do what is the site's own business with the site's own connection, where there are two.

    The site's transaction waits for the work apart, which must not wait for a row that it has locked.
    """
    if _apart.later is None:
        call()
    else:
        _apart.later.append(call)


def is_apart() -> bool:
    """Tell whether a transaction of the site's waits for what is done now: it may have rows locked."""
    return _apart.later is not None


def along(change: Change) -> bool:
    """Do *change* as a part of the one that is being written now; if that is done apart, as one of its own.

    For rows that the site may have locked: only its own connection can write those without waiting.
    """
    done: list[bool] = []
    afterwards(partial(write, change) if is_apart() else lambda: done.append(change()))
    return any(done)


def write(change: Change, pk: Any = None, *, is_within: bool | None = None) -> bool:
    """Do *change*, which compares and swaps; and once more later, if it does not last.

    :param pk: of the token whose row it writes; None if it writes another's.
    :param is_within: whether what it finds may be undone; if not given, whether a transaction is open now.
    """
    database = router.db_for_write(Token)
    connection = connections[database]
    if is_within is None:
        is_within = _is_in_transaction(connection)
    try:
        changed = change()
    except BaseException:  # a database that failed, or whoever stopped us: a task's time is over, or Ctrl-C
        owe(change, pk)
        raise
    if changed and _is_in_transaction(connection):
        owe(change, pk)
        if connection.in_atomic_block:  # of a commit by hand nobody is told
            transaction.on_commit(partial(_owed.pop, change, None), using=database)
    elif not is_within:
        _owed.pop(change, None)
    return changed


@sensitive_variables()  # here, too: each change has the tokens in it (H08)
def write_again(**_signal: Any) -> None:
    """Write what this thread owes, or one that has ended. What lasted has another version by now, and stays.

    Within a transaction it is written to be seen there, and is owed as before.
    """
    me = threading.current_thread()
    _pay({change: debt for change, debt in list(_owed.items()) if _is_due(debt, me)})


@sensitive_variables()  # here, and in whatever this calls (H08)
def _write_what_is_free(waiting: threading.Thread) -> None:
    """Write what is owed, while a transaction of the site's waits: of no row that it may have locked."""
    due = {change: debt for change, debt in list(_owed.items()) if debt.pk and _is_due(debt, waiting)}
    _pay({change: debt for change, debt in due.items() if Token.objects.is_free(debt.pk)})


def _is_due(debt: _Debt, thread: threading.Thread) -> bool:
    return debt.thread is thread or not debt.thread.is_alive()


def _write_all() -> None:
    """Write what anybody owes: nobody will be there any more, nor end a transaction by hand."""
    connections.close_all()
    _pay(dict(_owed))


def owe(change: Change, pk: Any = None) -> None:
    """Have *change* done later, as soon as the site's thread or, if that ends, any other may."""
    place = connections[router.db_for_write(Token)].settings_dict["NAME"]
    _owed[change] = _Debt(_apart.waiting or threading.current_thread(), place, pk)
    _await_end(os.getpid())


@cache
def _await_end(_process: int) -> None:
    """Have all written at the end of this process, once: one that was forked may have to be told again."""
    atexit.register(_write_all)


@sensitive_variables()  # here, and in whatever this calls (H08)
def _pay(debts: dict[Change, _Debt]) -> None:
    """Write what is owed, where it is owed: to the database of a test, which is gone, and not to the site's.

    Without autocommit the first that is written begins a transaction, which the next are not found within.
    """
    connection = connections[router.db_for_write(Token)]
    here = {change: debt for change, debt in debts.items() if debt.place == connection.settings_dict["NAME"]}
    is_within: bool | None = None
    for change, debt in here.items():
        try:
            is_within = _is_in_transaction(connection) if is_within is None else is_within
            write(change, debt.pk, is_within=is_within)
        except Exception:  # a database or a driver, wrong keys, a task's time that is over: none stops others
            logger.exception("a renewed token could not be saved yet")


def _is_in_transaction(connection: Any) -> bool:
    """Tell whether the site has a transaction open; that of a ``TestCase`` around it all is none of its.

    Without autocommit each statement is in one that the site ends by hand. The drivers of SQLite and of
    PostgreSQL, which calls it 0, know whether it has: there what was owed is not owed for ever.
    """
    blocks = connection.atomic_blocks
    if blocks:
        return not getattr(blocks[0], "_from_testcase", False)
    driver = connection.connection
    status = getattr(getattr(driver, "info", None), "transaction_status", True)
    return not connection.get_autocommit() and bool(getattr(driver, "in_transaction", status))
