"""Who may renew a token: of many workers, on any number of machines, one at a time.

Compare and swap, in single UPDATE statements: ``version`` says whether a row is still what it was when it was
read, ``lease_until`` whether somebody is at work on it. Nothing is locked while a provider is waited for, and
whoever dies at work is replaced when the lease has run out. A lease is measured by the database's clock,
which is one for all machines.
"""

import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from django.db import connections, models, router, transaction
from django.db.models.functions import Coalesce, NullIf

from oauth_login.fields import EncryptedTextField

#: Seconds; more than a provider may take to answer (``transport.DEADLINE``) and a database to be written to.
LEASE: Final = 30
#: Rows that are looked at for each that is wanted, as others are about to take some of them.
CROWD: Final = 4


#: By the vendor, as Django calls it.
CLOCKS: Final = {
    "sqlite": "CAST(strftime('%%s', 'now') AS INTEGER)",
    "postgresql": "CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp())) AS bigint)",
    "mysql": "CAST(UNIX_TIMESTAMP() AS SIGNED)",  # from one without a sign nothing larger can be taken
}


class DatabaseNow(models.Func):
    """UNIX seconds by the clock of the database; of one that is none of these three, by this machine's."""

    arity = 0
    output_field = models.BigIntegerField()

    def as_sql(  # type: ignore[override]  # it has no arguments to be joined
        self, compiler: Any, connection: Any, **_: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return ("%s", (int(time.time()),)) if (sql := CLOCKS.get(connection.vendor)) is None else (sql, ())

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[str | int, ...]]:
        return self.as_sql(compiler, connection)  # and not as a number that SQLite would have to cast


#: The alias of the provider that has got a token: in its row, as one server may be known by several aliases,
#: each of them another client of it, and only whose token it is can renew it or give it back.
CLIENT: Final = Coalesce(NullIf("provider", models.Value("")), "account__provider")


def _beyond_doubt(seconds: int) -> int:
    """Return the difference of two clocks; of what rounding and the way there may be, nothing."""
    return seconds if abs(seconds) > 2 else 0


def _told_the_time(token: Any) -> Any:
    """Return a token that was just read with the database's ``clock``; set its ``clock_ahead``."""
    token.clock_ahead = _beyond_doubt(token.clock - int(time.time()))
    return token


def _passing_over_locked(rows: "TokenQuerySet") -> "TokenQuerySet":
    """Lock the rows, where that can be done without waiting; return those that nobody else has locked."""
    if not connections[rows.db].features.has_select_for_update_skip_locked:
        return rows
    locked = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)
    return TokenQuerySet(rows.model, using=rows.db).filter(pk__in=list(locked))


class TokenQuerySet(models.QuerySet[Any]):
    """Tokens as those see them who renew them."""

    def current(self, account_pk: Any) -> Any:
        """Return the token of an account as it is now, from the database that is written to.

        ``lease_left`` says for how many seconds it is leased, if it is: no other clock may be asked for that.
        ``clock_ahead`` is by how many the database's clock is ahead of this machine's.
        """
        left = models.ExpressionWrapper(
            models.F("lease_until") - DatabaseNow(), output_field=models.BigIntegerField()
        )
        there = self.using(router.db_for_write(self.model)).annotate(lease_left=left, clock=DatabaseNow())
        token = there.filter(pk=account_pk).first()
        return None if token is None else _told_the_time(token)

    def locked(self, account_pk: Any) -> Any:
        """Return the token of an account, which stays as it is until the end of the transaction.

        Where rows can be locked; what was committed since it began is seen, whatever its isolation is.
        """
        return self.select_for_update().filter(pk=account_pk).first()

    def lock(self, pks: Iterable[Any]) -> None:
        """Let nobody write these tokens before the transaction has ended, where rows can be locked.

        Tokens first, then accounts: who signs in writes them in this order, and would wait for us for ever.
        """
        list(self.select_for_update().filter(pk__in=list(pks)).order_by("pk").values_list("pk", flat=True))

    def now(self) -> datetime:
        """Return this moment by the database's clock; by this machine's if there is no token to ask with."""
        rows = self.using(router.db_for_write(self.model))
        seconds = rows.aggregate(now=models.Max(DatabaseNow()))["now"]
        return datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def take(self, token: Any, seconds: int = LEASE) -> bool:
        """Lease the row for *seconds*, if it is as it was read and nobody else is at it; tell whether so.

        A transaction that has the row locked is somebody, too: it is not waited for where that can be helped,
        as it may be the site's own, which waits for us.
        """
        database = router.db_for_write(self.model)
        with transaction.atomic(using=database):
            rows = _passing_over_locked(self._unchanged(token).filter(self._free()))
            return rows.update(lease_until=DatabaseNow() + seconds, reason="") == 1

    def is_free(self, pk: Any) -> bool:
        """Tell whether no transaction has the row locked; or that cannot be told without waiting."""
        there = self.using(router.db_for_write(self.model)).filter(pk=pk)
        with transaction.atomic(using=there.db):
            return _passing_over_locked(there).exists() or not there.exists()

    def pause(self, token: Any, seconds: int, reason: str) -> bool:
        """Let nobody take the row for *seconds*: it is known that there would be no use."""
        return self._unchanged(token).update(lease_until=DatabaseNow() + seconds, reason=reason) == 1

    def replace(self, token: Any, **values: Any) -> bool:
        """Write *values*, if nobody has written since *token* was read; tell whether so.

        Plain text for the encrypted fields is sealed here. Whoever is at work on the row loses it (H16).
        """
        for name, value in values.items():
            field = self.model._meta.get_field(name)
            if isinstance(field, EncryptedTextField):
                values[name] = field.sealed(token, value)
        values |= {"version": models.F("version") + 1, "lease_until": None}
        return self._unchanged(token).update(**values) == 1

    def hold(self, token: Any, provider: str) -> bool:
        """Keep the row as it is, whose token *provider* got; tell whether it is what it was when it was read.

        It stays so until the transaction has ended.
        """
        return self._unchanged(token).update(provider=provider) == 1

    def release(self, token: Any) -> bool:
        """Give a leased row back, as it was; tell whether nobody has written since."""
        return self._unchanged(token).update(lease_until=None) == 1

    def expiring(
        self,
        before: datetime,
        *,
        providers: Collection[str] | None = None,
        after: Any = None,
        among: Collection[Any] | None = None,
    ) -> "TokenQuerySet":
        """Return the renewable tokens that expire *before* that moment and are free, the first of them first.

        :param providers: aliases; of all if not given.
        :param after: the token that the first of them comes after.
        :param among: primary keys; any if not given.
        """
        due = self._due(before).order_by("expires_at", "pk")
        if providers is not None:
            due = due.alias(client_alias=CLIENT).filter(client_alias__in=providers)
        if among is not None:
            due = due.filter(pk__in=among)
        if after is not None:
            due = due.filter(expires_at__gte=after.expires_at)
            due = due.exclude(expires_at=after.expires_at, pk__lte=after.pk)
        return due

    def take_expiring(
        self,
        before: datetime,
        *,
        number: int,
        providers: Collection[str],
        after: Any = None,
        among: Collection[Any] | None = None,
        seconds: int = LEASE,
    ) -> list[Any]:
        """Lease up to *number* of the tokens that :meth:`expiring` returns.

        Any number of machines may do so at once, and no two get the same row: where the database can, each
        passes over what another is about to take. Who comes away with nothing may have come too late for
        the first ones only.
        """
        due = self.expiring(before, providers=providers, after=after, among=among)
        due = due.select_related("account").annotate(clock=DatabaseNow())
        crowd = [_told_the_time(token) for token in due[: number * CROWD]]
        if connections[due.db].features.has_select_for_update_skip_locked:
            return self._take_passing_over(crowd, before, number, seconds)
        return list(islice((token for token in crowd if self.take(token, seconds)), number))

    def _take_passing_over(self, crowd: list[Any], before: datetime, number: int, seconds: int) -> list[Any]:
        """Lease some of a crowd in two statements; what somebody else has locked is passed over.

        By key, as not every database can lock the one table of a join, or sort without locking all it sorts.
        """
        seen = {token.pk: token for token in crowd}
        free = self._due(before).filter(pk__in=seen).order_by("expires_at", "pk")
        with transaction.atomic(using=free.db):
            rows = list(free.select_for_update(skip_locked=True)[:number])
            leased = self.using(free.db).filter(pk__in=[row.pk for row in rows])
            leased.update(lease_until=DatabaseNow() + seconds, reason="")
        for row in rows:
            row.account, row.clock_ahead = seen[row.pk].account, seen[row.pk].clock_ahead
        return rows

    def _due(self, before: datetime) -> "TokenQuerySet":
        """Return the tokens that can be renewed, expire *before* that moment, and are free."""
        lasts = models.Q(refresh_expires_at=None) | models.Q(refresh_expires_at__gt=DatabaseNow())
        due = self.using(router.db_for_write(self.model)).exclude(refresh_token="")
        return due.filter(self._free(), lasts, state=self.model.State.ACTIVE, expires_at__lte=before)

    def _unchanged(self, token: Any) -> "TokenQuerySet":
        written = self.using(router.db_for_write(self.model))
        return written.filter(pk=token.pk, version=token.version)

    def _free(self) -> models.Q:
        return models.Q(lease_until=None) | models.Q(lease_until__lte=DatabaseNow())
