"""``manage.py oauth_login import``: the accounts that another library has linked (``oauth_login.moving``)."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections

from oauth_login.management.subcommands.import_report import Report
from oauth_login.management.subcommands.progress import Progress
from oauth_login.moving import LIBRARIES
from oauth_login.moving.arrivals import settle
from oauth_login.moving.destinations import Destinations
from oauth_login.moving.found import CannotRead, Library
from oauth_login.moving.survey import Survey

MOST: Final = 500  # rows in a transaction; not every SQLite takes a thousand parameters


class Import(BaseCommand):
    help = (
        "Bring over the accounts that people have linked with another library, so that they find theirs when "
        "they sign in here. Without --write, only say what would happen. The library's tables are read and "
        "never written to; its package need not be installed. An account is brought over only if it is sure "
        "who will be the same person to our own sign-in, and if nobody else has it here; its tokens are "
        "encrypted, if this site keeps any. What is here already stays as it is, so that a run that was "
        "stopped is completed by the next one. Nobody gets a mail, no signal is sent. The exit code is 1 if "
        "something was not brought over that the options do not leave out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("library", choices=tuple(LIBRARIES), help="which library it is")
        parser.add_argument("--write", action="store_true", help="do it")
        parser.add_argument(
            "--provider",
            dest="chosen",
            action="append",
            type=pair,
            default=[],
            metavar="THEIRS=OURS",
            help="accounts of the provider that they call THEIRS are of the one whose alias is OURS; may be "
            "repeated. THEIRS= leaves them out. What has the same name, or can mean only one provider, goes "
            "there by itself. For mozilla-oidc, which has no names: --provider OURS",
        )
        parser.add_argument(
            "--trust-uid",
            dest="trusted",
            action="append",
            default=[],
            metavar="THEIRS",
            help="what they have in uid for this provider is the id that it signs people in by here, though "
            "that was not recorded; may be repeated. If it is not, people get in as others",
        )
        parser.add_argument(
            "--subject-field",
            default="",
            metavar="FIELD",
            help="for mozilla-oidc: the field of users that has the provider's sub, such as username",
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            default=DEFAULT_DB_ALIAS,
            help="where their tables are, with keys of this site's users; the default database if not given",
        )
        parser.add_argument(
            "--batch-size",
            type=size,
            default=MOST,
            metavar="N",
            help=f"how many rows are written in one transaction, at most and if not given {MOST}",
        )

    def handle(self, *, library: str, verbosity: int, write: bool, **options: Any) -> str | None:
        try:
            source = LIBRARIES[library](options["database"], options["subject_field"])
            names = chosen(options["chosen"], source)
            destinations = Destinations(source.namings, names, frozenset(options["trusted"]))
            report = self._run(
                source, Survey(destinations), options["batch_size"], verbosity, is_written=write
            )
        except CannotRead as error:
            raise CommandError(str(error), returncode=2) from None
        if verbosity > 0:
            self.stdout.write(report.text(is_complete=verbosity > 1))
        if report.is_anything_left():
            raise CommandError("Not everything was brought over." if write else "Not everything can be.")
        return None

    def _run(
        self, source: Library, survey: Survey, batch_size: int, verbosity: int, *, is_written: bool
    ) -> Report:
        """Walk through the rows twice; return what came of it.

        :raises CommandError: somebody has stopped it.
        """
        progress = Progress(self.stderr, is_wanted=verbosity > 0)
        report = Report(survey.destinations, is_written=is_written)
        try:
            total = source.count()
            for batch in source.batches(batch_size):
                survey.see(batch)
                progress.tell(f"{survey.total} of {total} read so far")
            for batch in source.batches(batch_size):
                report.add(settle(batch, survey, is_written=is_written))
                progress.tell(f"{report.total} of {total} {'done' if is_written else 'looked up'} so far")
        except KeyboardInterrupt:
            text = f"Stopped: {report.written} of {total} brought over. The next run goes on."
            raise CommandError(text, returncode=130) from None
        except IntegrityError:
            text = f"{report.written} of {total} brought over, when a user was deleted. The next run goes on."
            raise CommandError(text) from None
        return report


def pair(text: str) -> tuple[str, str]:
    """Read ``THEIRS=OURS``; without a sign, what stands there is OURS."""
    theirs, sign, ours = text.rpartition("=")
    if sign and not theirs:
        raise argparse.ArgumentTypeError(f"{text!r} is no THEIRS=OURS")
    return theirs, ours


def size(text: str) -> int:
    """Read a number of rows."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST}, not {text}")
    return int(text)


def chosen(pairs: list[tuple[str, str]], source: Library) -> Mapping[str, str]:
    """Return which alias each name means.

    :raises CannotRead: one has no name, in a library that has names.
    """
    names = {theirs or source.only_name: ours for theirs, ours in pairs}
    if "" in names:
        raise CannotRead(f"--provider {names['']}: whose? Say --provider THEIRS={names['']}.")
    return names
