"""What is to last, whatever becomes of the transaction that the site is in.

A provider that has given out a new refresh token has withdrawn the old one. If a view that renewed a token
under ``ATOMIC_REQUESTS`` fails afterwards, its rollback must not bring the old one back (threat H21). And a
row that such a transaction has changed would stay locked while the provider is waited for.
"""

import contextvars
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import DatabaseError, connections, router

from oauth_login.models import Token

logger = logging.getLogger("oauth_login")

T = TypeVar("T")


class _Owed(threading.local):
    """What this thread has yet to do.

    :ivar writes: those that a rollback may have undone, or that the database did not take.
    :ivar later: what is done when the work apart is over; None if this thread does none.
    """

    def __init__(self) -> None:
        self.writes: list[Callable[[], bool]] = []
        self.later: list[Callable[[], object]] | None = None


_owed: Final = _Owed()


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
    owed, later = _owed.writes, list[Callable[[], object]]()

    def apart() -> T:
        _owed.writes, _owed.later = owed, later
        try:
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
    if _owed.later is None:
        call()
    else:
        _owed.later.append(call)


def write(change: Callable[[], bool]) -> bool:
    """Do *change*, which compares and swaps; and once more later, if it may not have lasted."""
    connection = connections[router.db_for_write(Token)]
    try:
        changed = change()
    except DatabaseError:
        _owed.writes.append(change)
        raise
    if changed and _is_in_transaction(connection):
        _owed.writes.append(change)
    return changed


def write_again(**_signal: Any) -> None:
    """Write what did not last. What did has another version by now, and stays as it is."""
    if not _owed.writes or _is_in_transaction(connections[router.db_for_write(Token)]):
        return
    writes, _owed.writes = _owed.writes, []
    for change in writes:
        try:
            change()
        except DatabaseError:
            _owed.writes.append(change)
            logger.exception("a renewed token could not be saved yet")


def _is_in_transaction(connection: Any) -> bool:
    """Tell whether the site has a transaction open; that of a ``TestCase`` around it all is none of its."""
    blocks = connection.atomic_blocks
    return bool(blocks) and not getattr(blocks[0], "_from_testcase", False)
