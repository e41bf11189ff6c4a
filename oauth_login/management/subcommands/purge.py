"""``manage.py oauth_login purge``: the log of sign-ins ages out (threat J11)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from oauth_login import session_index
from oauth_login.management.subcommands.progress import Progress
from oauth_login.models import Notice, SignIn

#: A row is also the claim that keeps an attempt from being finished twice. An attempt lives for an hour at
#: most (``ATTEMPT_MAX_AGE``), so no claim of yesterday stands between anybody and a replay (threat A04).
MIN_DAYS: Final = 1
MAX_DAYS: Final = 36_500  # dates do not go back for ever
BATCH: Final = 500  # rows; not every SQLite takes a thousand parameters


class Purge(BaseCommand):
    help = (
        "Delete old rows of the log of sign-ins. Each linked account keeps the row of its last sign-in, "
        "however old it is, because last_sign_in_at is read from it; so does each session that goes on and "
        "that the provider can end. What providers have told the site goes after a week. Rows go in many "
        "short transactions, so nobody who signs in meanwhile has to wait; a run that was stopped is "
        "completed by the next one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=90,
            help=f"how many days of the log stay, at least {MIN_DAYS}; 90 if not given",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="delete nothing; say how many rows there are to delete"
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="the database to purge; the one that sign-ins are written to if not given",
        )

    def handle(
        self, *, days: int, dry_run: bool, database: str | None, verbosity: int, **_options: Any
    ) -> str | None:
        if not MIN_DAYS <= days <= MAX_DAYS:
            raise CommandError(f"--days must be from {MIN_DAYS} to {MAX_DAYS}, not {days}.")
        before = timezone.now() - timedelta(days=days)
        log = SignIn.objects.using(database or router.db_for_write(SignIn))
        verb = "to delete" if dry_run else "deleted"
        progress = Progress(self.stderr, is_wanted=verbosity > 0)
        gone = kept = live = 0
        try:
            for batch in batches(log.filter(claimed_at__lt=before)):
                needed = live_sessions(log, [row.pk for row in batch if row.session and not row.is_last])
                superfluous = [row.pk for row in batch if not row.is_last and row.pk not in needed]
                gone += len(superfluous) if dry_run else delete(log, superfluous)
                live += len(needed)
                kept += len(batch) - len(superfluous) - len(needed)
                progress.tell(f"{gone} {verb} so far, those before {batch[-1].claimed_at:%Y-%m-%d}")
            if not dry_run:
                forget_notices(Notice.objects.using(database or router.db_for_write(Notice)))
        except KeyboardInterrupt:
            raise CommandError(f"Stopped: {gone} {verb}. The next run goes on.", returncode=130) from None
        if verbosity == 0:
            return None
        summary = f"Sign-ins before {before:%Y-%m-%d}: {gone} {verb}, {kept} kept as the last of an account."
        if live:
            summary = f"{summary[:-1]}, {live} for a session that goes on."
        return f"{summary} Nothing was deleted." if dry_run else summary


class Row(NamedTuple):
    """What has to be known of a row. ``is_last``: it tells when a linked account last signed in."""

    claimed_at: datetime
    pk: int
    is_last: bool
    session: str


def batches(log: QuerySet[SignIn]) -> Iterator[list[Row]]:
    """Walk through *log*, oldest first.

    Each batch is found by where the one before ended, so that the rows that stay are passed once,
    and not by every batch after them.
    """
    newer = SignIn.objects.filter(
        account=OuterRef("account"), outcome=SignIn.SIGNED_IN, finished_at__gt=OuterRef("finished_at")
    )
    is_last = Q(outcome=SignIn.SIGNED_IN, account__isnull=False) & ~Exists(newer)
    rows = log.annotate(is_last=is_last).order_by("claimed_at", "pk")
    rest = rows
    while batch := [Row(*row) for row in rest.values_list("claimed_at", "pk", "is_last", "session")[:BATCH]]:
        yield batch
        end = batch[-1]
        rest = rows.filter(claimed_at__gte=end.claimed_at).exclude(claimed_at=end.claimed_at, pk__lte=end.pk)


def live_sessions(log: QuerySet[SignIn], pks: list[int]) -> set[int]:
    """Return which of those rows have a session that goes on: only its store knows (threat K18)."""
    if not pks:
        return set()
    noted = log.filter(pk__in=pks).select_related("account__user")
    return {sign_in.pk for sign_in in noted if session_index.is_live(sign_in)}


def forget_notices(notices: QuerySet[Notice]) -> None:
    """Delete what no provider sends again."""
    old = notices.filter(received_at__lt=timezone.now() - Notice.KEPT)
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        notices.filter(pk__in=pks).delete()


def delete(log: QuerySet[SignIn], pks: list[int]) -> int:
    """Delete those rows in one transaction; return how many were still there.

    By key, as MariaDB deletes nothing by a query on the table itself, and PostgreSQL knows no LIMIT here.
    """
    _, by_model = log.filter(pk__in=pks).delete()
    return by_model.get(SignIn._meta.label, 0)
