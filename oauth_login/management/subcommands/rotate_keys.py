"""``manage.py oauth_login rotate-keys``: the newest key takes over from older ones (threat H03)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, models, router, transaction
from django.db.models.lookups import Exact

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured
from oauth_login.fields import EncryptedTextField, Envelope, beginning
from oauth_login.management.subcommands.progress import Progress
from oauth_login.management.subcommands.stop import Stop
from oauth_login.sealing import PREFIX_LENGTH, VERSION, SealBroken, Sealer

BATCH: Final = (
    500  # rows, and as many statements in one transaction: a sign-in has to wait for less than that
)
NAMED: Final = 20  # rows that no key opens; whoever has more of them has lost a key
OLD_KEYS: Final = {
    True: "every key but the first can be removed from ENCRYPTION_KEYS.",
    False: "SECRET_KEY_FALLBACKS can be emptied, as far as stored tokens go.",
}


class RotateKeys(BaseCommand):
    help = (
        "Encrypt again, with the newest key, what is stored under older ones; afterwards those can be "
        "removed from ENCRYPTION_KEYS, or from SECRET_KEY_FALLBACKS. Every process of the site must know the "
        "newest key already. Nobody has to wait and nothing is lost meanwhile: what a sign-in or a renewal "
        "changes at the same moment stays as they wrote it. A run that was stopped is completed by the next "
        "one. The exit code is 1 if there is something that no key opens, or that another process wrote with "
        "an older key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing; say how much there is of each key"
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="the database to go through; the one that each model is written to if not given",
        )

    def handle(self, *, dry_run: bool, database: str | None, verbosity: int, **_options: Any) -> str | None:
        try:
            rotation = Rotation(database)
        except ProviderMisconfigured as error:
            raise CommandError(f"{error}: manage.py check says what is wrong.") from None
        stale = rotation.stale()
        if dry_run:
            return f"{rotation.listed(stale)} Nothing was written."
        progress = Progress(self.stderr, is_wanted=verbosity > 0)
        with Stop() as stop:  # between two batches only, so that what is said is what is written
            for _ in rotation.batches():
                progress.tell(f"{rotation.done} of {stale.total()} encrypted again so far")
                if stop.returncode:
                    text = f"Stopped: {rotation.done} encrypted again. The next run goes on."
                    raise CommandError(text, returncode=stop.returncode)
        if verbosity > 0:
            newest = rotation.prefixes[0].removeprefix(VERSION)
            self.stdout.write(f"Key {newest}: {rotation.done} encrypted again.")
        if trouble := [*rotation.unopened(), *rotation.left_behind()]:
            raise CommandError("\n".join(trouble))
        return rotation.conclusion() if verbosity > 0 else None


class Rotation:
    """One run. Each stored secret is a text in an :class:`EncryptedTextField`; a row may have several.

    :ivar done: how many secrets were encrypted again.
    :raises ProviderMisconfigured: the keys are wrong.
    """

    def __init__(self, database: str | None) -> None:
        secrets = conf.encryption_secrets()
        self.sealer = Sealer(secrets, EncryptedTextField.purpose)
        self.prefixes = self.sealer.prefixes
        self.tables = list(tables(database))
        self.done = 0
        self.broken: Counter[str] = Counter()
        self.named: list[str] = []

    def stale(self) -> Counter[str]:
        """Count the secrets that are not of the newest key, by how their envelopes begin."""
        found: Counter[str] = Counter()
        for rows, fields in self.tables:
            for field in fields:
                begun = rows.filter(stale(field, self.prefixes[0])).order_by()
                counted = begun.values(prefix=beginning(field.name)).annotate(number=models.Count("pk"))
                found.update(dict(counted.values_list("prefix", "number")))
        return found

    def batches(self) -> Iterator[int]:
        """Encrypt again, a batch after the other; yield how many secrets each one had."""
        for rows, fields in self.tables:
            for batch in batches(rows, fields, self.prefixes[0]):
                swaps = [swap for row in batch for field in fields for swap in self.swap(row, field)]
                done = written(rows, swaps)
                self.done += done
                yield done

    def swap(self, row: models.Model, field: EncryptedTextField) -> Iterator["Swap"]:
        """Yield what is to be done about a secret, if anything can be."""
        secret = getattr(row, field.attname)
        if not secret or secret.envelope.startswith(self.prefixes[0]):
            return
        old, place = secret.envelope, field.place(row)
        try:
            new = Envelope(self.sealer.seal(self.sealer.open(old, place), place))
        except SealBroken as error:
            self.broken[old[:PREFIX_LENGTH]] += 1
            self.named.append(f"{row._meta.object_name} {row.pk}, {field.name}: {error}")
        else:
            yield Swap(row.pk, field.name, old, new)

    def listed(self, stale: Mapping[str, int]) -> str:
        """Say how many secrets there are of each older key."""
        counts = [f"{number} {key_name(prefix, self.prefixes)}" for prefix, number in sorted(stale.items())]
        return f"To encrypt again: {', '.join(counts) or 'none'}."

    def unopened(self) -> Iterator[str]:
        """Say what no key opens: a row is left alone, and whose it is has to sign in again."""
        if not self.named:
            return
        keys = ", ".join(sorted(key_name(prefix, self.prefixes) for prefix in self.broken))
        yield f"No key opens {len(self.named)} ({keys}). A Token has the number of its linked account:"
        yield from (f"  {name}" for name in self.named[:NAMED])
        if len(self.named) > NAMED:
            yield f"  and {len(self.named) - NAMED} more"

    def left_behind(self) -> Iterator[str]:
        """Say what was written with an older key since, by a process that does not know the newest."""
        left = self.stale()
        left.subtract(self.broken)
        if number := sum(left[prefix] for prefix in self.prefixes[1:]):
            yield (
                f"{number} were written with an older key meanwhile: some process does not know the newest "
                "yet. Keep the older keys, restart what runs, and run this again."
            )

    def conclusion(self) -> str:
        """Say what can be done with the older keys, now that nothing is under them."""
        if len(self.prefixes) == 1:
            return "Nothing is encrypted with another key."
        has_own_keys = conf.setting("ENCRYPTION_KEYS") is not None
        return f"Nothing is encrypted with an older key any more: {OLD_KEYS[has_own_keys]}"


Table = tuple["models.QuerySet[models.Model]", list[EncryptedTextField]]


class Swap(NamedTuple):
    """An envelope that another is to take the place of."""

    pk: Any
    field: str
    old: Envelope
    new: Envelope


def tables(database: str | None) -> Iterator[Table]:
    """Yield the rows of each model that keeps secrets, and the fields where: of every app, not only of this.

    An old key is not to be removed while a model of the site's own still has something under it.
    """
    for model in apps.get_models():
        fields = [field for field in model._meta.local_fields if isinstance(field, EncryptedTextField)]
        place = database or router.db_for_write(model)
        if fields and router.allow_migrate_model(place, model):
            yield model._base_manager.using(place).only(*(field.name for field in fields)), fields


def stale(field: EncryptedTextField, newest: str) -> models.Q:
    """Return the condition that there is a secret, which the newest key has not encrypted."""
    return ~models.Q(Exact(beginning(field.name), newest)) & ~models.Q(**{field.name: ""})


def batches(
    rows: "models.QuerySet[models.Model]", fields: list[EncryptedTextField], newest: str
) -> Iterator[list[models.Model]]:
    """Walk through the rows that have a stale secret, by key: what no key opens is passed once."""
    condition = models.Q()
    for field in fields:
        condition |= stale(field, newest)
    rest = rows.filter(condition).order_by("pk")
    batch = list(rest[:BATCH])
    while batch:
        yield batch
        batch = list(rest.filter(pk__gt=batch[-1].pk)[:BATCH])


def written(rows: "models.QuerySet[models.Model]", swaps: list[Swap]) -> int:
    """Do what is to be done, in one transaction; return how many secrets still were what they were.

    The envelope is compared itself: each is sealed with a nonce of its own, so that an equal one is the same.
    Whatever else is in the row stays, and so does its version: the token in it is no other.
    """
    with transaction.atomic(using=rows.db):
        return sum(rows.filter(pk=pk, **{name: old}).update(**{name: new}) for pk, name, old, new in swaps)


def key_name(prefix: str, known: list[str]) -> str:
    """Return what to call the key of an envelope that begins like this; what is none is not shown."""
    if not re.fullmatch(f"{VERSION}[0-9a-f]+", prefix):
        return "of no key"
    name = f"of key {prefix.removeprefix(VERSION)}"
    return name if prefix in known else f"{name}, which is not in the settings"
