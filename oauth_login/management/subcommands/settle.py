"""``manage.py oauth_login settle``: takes back what was given by a declaration that is gone (threat F18)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router

from oauth_login import memberships
from oauth_login.errors import ProviderMisconfigured
from oauth_login.models import LinkedAccount


class Settle(BaseCommand):
    help = (
        "Take back the groups and the staff status that linked accounts gave, if MEMBERSHIPS has "
        "nothing for their provider any more. Everybody else is settled when they sign in. What "
        "somebody has by the hand of an administrator, or by another account, stays. Each change is "
        "in the log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="take nothing; say how many accounts there are to settle"
        )

    def handle(self, *, dry_run: bool, verbosity: int, **_options: Any) -> str | None:
        try:
            accounts = LinkedAccount.objects.using(router.db_for_write(LinkedAccount))
            found = list(memberships.undeclared(accounts))
        except ProviderMisconfigured as error:
            raise CommandError(f"{error}: manage.py check says what is wrong.") from None
        for account in found if not dry_run else ():
            memberships.forfeit(account, memberships.UNDECLARED)
        if verbosity == 0:
            return None
        verb = "to settle. Nothing was taken." if dry_run else "settled."
        return f"Accounts that gave what is not declared any more: {len(found)} {verb}"
