"""``manage.py oauth_login refresh``: tokens are renewed before anybody needs them."""

import argparse
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from oauth_login import conf
from oauth_login.connections import AT_ONCE
from oauth_login.errors import ProviderMisconfigured
from oauth_login.leases import CLIENT
from oauth_login.management.subcommands.lanes import (
    FAILED,
    OUTCOMES,
    RENEWED,
    SKIPPED,
    UNREADABLE,
    Lane,
)
from oauth_login.management.subcommands.progress import Progress
from oauth_login.management.subcommands.stop import Stop
from oauth_login.models import Token
from oauth_login.providers.base import Provider
from oauth_login.slips import way_out

SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
TICK: Final = 0.02  # seconds between two looks at what goes on
MIN_RATE: Final = 0.1  # requests a second
MAX_RATE: Final = 1000.0
TROUBLE: Final = (FAILED, UNREADABLE, SKIPPED)


class Refresh(BaseCommand):
    help = (
        "Renew the tokens that are about to expire. Any number of machines may do so at the same time, and "
        "the site meanwhile: each token is renewed once. A provider that fails or wants fewer requests is "
        "left alone for the rest of the run. Ctrl-C and SIGTERM wait until what was asked for is answered "
        "and saved, ten seconds at most. The exit code is 1 if something failed, had no key, or was skipped; "
        "a grant that is over, whose owner has to sign in again, is no failure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expiring",
            type=duration,
            default="10m",
            metavar="TIME",
            help="renew what expires within this time, e.g. 90s, 10m or 2h; 10m if not given. It should be "
            "less than the time for which the provider's tokens last, and more than that between two runs",
        )
        parser.add_argument(
            "--provider",
            dest="providers",
            action="append",
            metavar="ALIAS",
            help="of this provider only; may be repeated",
        )
        parser.add_argument(
            "--rate",
            type=positive,
            default=20.0,
            metavar="N",
            help="requests a second to each provider, by this process; 20 if not given",
        )
        parser.add_argument(
            "--at-once",
            type=int,
            choices=range(1, AT_ONCE + 1),
            default=8,
            metavar="N",
            help=f"requests to each provider that go on at the same time, at most {AT_ONCE}; 8 if not given",
        )

    def handle(
        self,
        *,
        expiring: timedelta,
        providers: list[str] | None,
        rate: float,
        at_once: int,
        verbosity: int,
        **_options: Any,
    ) -> None:
        before = Token.objects.now() + expiring  # the clock that all machines have in common
        due = numbers_due(before, providers)
        lanes, unusable = [], {}
        for alias in due:
            try:
                provider = provider_called(alias)
            except ProviderMisconfigured as error:
                unusable[alias] = str(error)
            else:
                if provider.can_refresh:
                    lanes.append(Lane(provider, before, at_once=at_once, rate=rate))
        progress = Progress(self.stderr, is_wanted=verbosity > 0)
        with Stop() as stop:
            run(lanes, stop, progress, total=sum(due[lane.provider.alias] for lane in lanes))
        lines = [said(lane.provider.alias, lane.counts, lane.obstacle) for lane in lanes]
        lines += [said(alias, {SKIPPED: due[alias]}, obstacle) for alias, obstacle in unusable.items()]
        if verbosity > 0:
            self.stdout.write("\n".join(lines) or "No token that can be renewed expires so soon.")
        if stop.returncode:
            text = "Stopped: what was asked for is saved. The next run goes on."
            raise CommandError(text, returncode=stop.returncode)
        if unusable or any(lane.counts[kind] for lane in lanes for kind in TROUBLE):
            raise CommandError("Not all could be renewed.")


def numbers_due(before: datetime, providers: Sequence[str] | None) -> dict[str, int]:
    """Return how many tokens are about to expire, by provider; of none that is named in vain."""
    due = Token.objects.expiring(before, providers=providers).order_by()
    counted = due.annotate(alias=CLIENT).values("alias").annotate(number=Count("pk"))
    found = dict(counted.values_list("alias", "number"))
    return {alias: found.get(alias, 0) for alias in providers or sorted(found)}


def provider_called(alias: str) -> Provider:
    """Return the provider of that alias.

    :raises ProviderMisconfigured: it cannot be used, or the settings have none.
    """
    try:
        return conf.provider(alias)
    except KeyError:
        told = f"no provider {alias!r}. {way_out(alias, conf.aliases())}"
        raise ProviderMisconfigured("settings_invalid", told) from None


def run(lanes: Sequence[Lane], stop: Stop, progress: Progress, *, total: int) -> None:
    """Renew all, or until somebody wants to stop; whatever comes in between, save what was asked for."""
    try:
        while not stop.returncode and (going_on := [lane for lane in lanes if not lane.is_finished]):
            for lane in going_on:
                lane.ask()
            if asked := [future for lane in lanes for future in lane.asked]:
                wait(asked, timeout=TICK, return_when=FIRST_COMPLETED)
            else:
                time.sleep(TICK)
            for lane in lanes:
                lane.settle()
            renewed = sum(lane.counts[RENEWED] for lane in lanes)
            progress.tell(f"{renewed} of about {total} renewed so far")
    finally:
        for lane in lanes:
            lane.finish()


def said(alias: str, counts: Mapping[str, int], obstacle: str) -> str:
    """Return what came of a provider's tokens, as a line."""
    numbers = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in OUTCOMES)
    return f"{alias}: {numbers}. Left alone: {obstacle}" if obstacle else f"{alias}: {numbers}."


def duration(text: str) -> timedelta:
    """Read ``90s``, ``10m`` or ``2h``."""
    if not (found := re.fullmatch(r"([0-9]{1,6})([smh])", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 90s, 10m or 2h")
    return timedelta(seconds=int(found[1]) * SECONDS[found[2]])


def positive(text: str) -> float:
    """Read a number of requests a second, which may be less than one."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not MIN_RATE <= number <= MAX_RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {MIN_RATE} to {MAX_RATE}")
    return number
