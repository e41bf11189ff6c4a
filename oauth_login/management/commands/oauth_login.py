"""``manage.py oauth_login <subcommand>``: finds the subcommand, and leaves the work to it."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

from oauth_login.management.subcommands import SUBCOMMANDS


class Command(BaseCommand):
    help = "Look after the sign-ins of this site. Each subcommand explains itself with --help."

    # What looks after a site must run when its settings are wrong; whoever needs the checks calls them.
    requires_system_checks = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base_arguments: list[tuple[Any, dict[str, Any]]] = []

    def add_base_argument(self, parser: CommandParser, *args: Any, **kwargs: Any) -> None:
        super().add_base_argument(parser, *args, **kwargs)
        self.base_arguments.append((args, kwargs))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.set_defaults(usage=parser.format_help)
        subparsers = parser.add_subparsers(dest="subcommand", metavar="subcommand", title="subcommands")
        for name, subcommand in SUBCOMMANDS.items():
            subparser = subparsers.add_parser(
                name,
                help=subcommand.help.partition(". ")[0],
                description=subcommand.help,
                formatter_class=DjangoHelpFormatter,
            )
            for args, kwargs in self.base_arguments:
                # "purge --verbosity 0" is what people write; "--verbosity 0 purge" must not lose its 0.
                super().add_base_argument(subparser, *args, **{**kwargs, "default": argparse.SUPPRESS})
            subcommand().add_arguments(subparser)

    def handle(self, *, subcommand: str | None, usage: Any, **options: Any) -> str | None:
        if subcommand is None:
            raise CommandError(f"Name a subcommand.\n\n{usage()}", returncode=2)
        chosen = SUBCOMMANDS[subcommand]()
        chosen.stdout, chosen.stderr, chosen.style = self.stdout, self.stderr, self.style
        return chosen.handle(**options)
