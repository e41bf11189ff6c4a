"""``manage.py oauth_login revoke``: what could not be withdrawn yet, and live grants on demand."""

import logging
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from oauth_login import conf
from oauth_login.management.subcommands.progress import Progress
from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.outstanding import RevocationQuerySet
from oauth_login.slips import way_out
from oauth_login.withdrawal import Outcome, Round, outcome_of, withdraw

logger = logging.getLogger("oauth_login")

BATCH: Final = 100  # rows; each is leased when its turn has come
TOGETHER: Final = 20  # live accounts that have one deadline
PATIENCE: Final = 30  # days that a grant is tried to be withdrawn
LONGEST: Final = 36_500  # days; dates do not go back for ever
LISTED: Final = 20  # rows that are named when they are given up
SAID: Final = {
    Outcome.WITHDRAWN: "withdrawn",
    Outcome.SUPERSEDED: "left alone, as the person has signed in again",
    Outcome.NO_WAY: "without a way to withdraw them",
    Outcome.AWAITED: "not done",
}


class Revoke(BaseCommand):
    help = (
        "Withdraw the grants of accounts that were unlinked, or whose users were deleted, while the provider "
        "did not answer. Any number of machines may do so at once: each row is taken by one of them. What "
        "fails is tried again later: after a minute, then after twice as long each time, or when the "
        "provider wants to be asked again. With --account or --user, withdraw the grants of accounts that "
        "are still linked, and stay so. The exit code is 1 if something remains to be withdrawn."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", default="", metavar="ALIAS", help="only what is this provider's")
        parser.add_argument("--limit", type=positive, metavar="NUMBER", help="how many are tried at most")
        parser.add_argument("--dry-run", action="store_true", help="change nothing; say how much there is")
        parser.add_argument(
            "--abandon",
            type=positive,
            default=PATIENCE,
            metavar="DAYS",
            help=f"give up, and list, what was asked for longer ago; {PATIENCE} if not given",
        )
        parser.add_argument(
            "--account", action="append", default=[], metavar="PK", help="this linked account's grant"
        )
        parser.add_argument(
            "--user", action="append", default=[], metavar="NAME", help="the grants of this user's accounts"
        )
        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="do not ask whether it is meant"
        )

    def handle(self, *, account: list[str], user: list[str], verbosity: int, **options: Any) -> str | None:
        run = Run(self, options, is_told=verbosity > 0)
        run.check_provider()
        text = run.withdraw(account, user) if account or user else run.go_on()
        return text if verbosity > 0 else None


class Run:
    """One run of the command, and what came of it."""

    def __init__(self, command: BaseCommand, options: dict[str, Any], *, is_told: bool) -> None:
        self.stdout, self.stderr = command.stdout, command.stderr
        self.options = options
        self.progress = Progress(command.stderr, is_wanted=is_told)
        self.rows: RevocationQuerySet = Revocation.objects.using(router.db_for_write(Revocation)).awaited()
        self.outcomes: Counter[Outcome] = Counter()

    def check_provider(self) -> None:
        """Make sure that a provider was not named by a slip: nothing would be done, and all seem well.

        :raises CommandError: neither the settings know it, nor is anything of it to be withdrawn.
        """
        alias, known = self.options["provider"], conf.aliases()
        # Compared here: not every text that can be typed may be shown to every database.
        if not alias or alias in {*known, *self.rows.values_list("provider", flat=True).distinct()}:
            return
        raise CommandError(f"There is no provider {alias!r}. {way_out(alias, known)}")

    # --- What is waiting

    def go_on(self) -> str:
        """Try what is due; return what came of it.

        :raises CommandError: something remains.
        """
        provider = self.options["provider"]
        waiting = self.rows.filter(provider=provider) if provider else self.rows
        self._give_up(waiting, self.options["abandon"])
        if self.options["dry_run"]:
            now = waiting.due().count()
            return f"{waiting.count()} to be withdrawn, {now} of them now. Nothing was done."
        tries = Round(str(self.rows.db))
        try:
            for row in islice(self._taken(provider, tries), self.options["limit"]):
                self._count(tries.settle(row))
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {self._said()} The next run goes on.", returncode=130) from None
        for (alias, code), number in tries.trouble.items():
            self.stderr.write(f"{alias}: {code} ({number})")
        return self._conclusion(waiting.count())

    def _taken(self, provider: str, tries: Round) -> Iterator[Revocation]:
        """Lease what is due, one after the other; nothing of a provider that has failed."""
        while batch := list(self.rows.due(provider, tries.failed)[:BATCH]):
            for row in batch:
                if tries.is_worthwhile(row) and (taken := self.rows.take(row)):
                    yield taken

    def _give_up(self, waiting: RevocationQuerySet, days: int) -> None:
        """Delete, and list, what the provider never takes back, however often it is asked."""
        old = list(waiting.older_than(days))
        for number, row in enumerate(old):
            text = f"{row.provider} {row.pk}: since {row.created_at:%Y-%m-%d}, tried {row.attempts} times"
            if number < LISTED:
                self.stderr.write(f"{text}, {row.reason or 'without an answer'}")
            if not self.options["dry_run"]:
                waiting.filter(pk=row.pk).delete()
                logger.warning("a grant is never withdrawn: %s, %s", text, row.reason)
        if old:
            done = "to be given up" if self.options["dry_run"] else "given up"
            self.stderr.write(f"{len(old)} of more than {days} days ago {done}.")

    # --- What is linked

    def withdraw(self, pks: list[str], names: list[str]) -> str:
        """Withdraw the grants of live accounts, if that is meant; return what came of it.

        :raises CommandError: something remains, or it is not meant.
        """
        accounts = live(pks, names, self.options["provider"])[: self.options["limit"]]
        for account in accounts:
            self.stdout.write(f"{account.pk}: {account}, {account.health.label}")
        if self.options["dry_run"]:
            return "Nothing was done."
        if self.options["interactive"] and not is_meant(len(accounts)):
            raise CommandError("Nothing was done.")
        for start in range(0, len(accounts), TOGETHER):
            together = accounts[start : start + TOGETHER]
            database = router.db_for_write(Token)
            with transaction.atomic(using=database):
                Token.objects.using(database).lock(account.pk for account in together)
                for account in together:
                    withdraw(account)
            for account in together:
                self._count(outcome_of(account))
        return self._conclusion(self.outcomes[Outcome.AWAITED])

    # --- What is said

    def _count(self, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1
        self.progress.tell(f"{self.outcomes.total()} tried so far")

    def _said(self) -> str:
        parts = [f"{self.outcomes[outcome]} {SAID[outcome]}" for outcome in SAID if self.outcomes[outcome]]
        return f"Grants: {', '.join(parts) or 'nothing to be done now'}."

    def _conclusion(self, remaining: int) -> str:
        if remaining:
            raise CommandError(f"{self._said()} {remaining} remain to be withdrawn.")
        return self._said()


def positive(text: str) -> int:
    """Return the number that somebody has typed.

    :raises ArgumentTypeError: it is none, or too small or too large to be meant.
    """
    if not text.isdecimal() or not 0 < int(text) <= LONGEST:
        raise ArgumentTypeError(f"a number from 1 to {LONGEST}, not {text}")
    return int(text)


def live(pks: list[str], names: list[str], provider: str) -> list[LinkedAccount]:
    """Return the linked accounts of these keys, and of the users of these names, each once.

    :raises CommandError: there is no such account or user.
    """
    everybody = LinkedAccount.objects.using(router.db_for_write(LinkedAccount)).select_related("token")
    people: Any = get_user_model()._base_manager
    found: dict[Any, LinkedAccount] = {}
    for pk in pks:
        try:
            account = everybody.get(pk=pk)
        except (ObjectDoesNotExist, ValueError, ValidationError):
            raise CommandError(f"There is no linked account {pk}.") from None
        found[account.pk] = account
    for name in names:
        try:
            user = people.get(**{people.model.USERNAME_FIELD: name})
        except ObjectDoesNotExist:
            raise CommandError(f"There is no user {name}.") from None
        found |= {account.pk: account for account in everybody.filter(user=user).order_by("pk")}
    return [account for account in found.values() if provider in {"", account.provider}]


def is_meant(number: int) -> bool:
    """Ask whoever sits there."""
    question = f"Withdraw these {number} grants? Whoever needs one has to sign in again. [y/N] "
    return input(question).strip().lower() in {"y", "yes"}
