"""A text column that holds ciphertext only. The type encrypts, so that no call site can forget to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from django.core import checks
from django.core.serializers.base import DeserializationError
from django.db import models
from django.db.models.expressions import Col
from django.db.models.functions import Cast, Left
from django.db.models.lookups import Exact, IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from oauth_login import conf
from oauth_login.sealing import ENVELOPE, PREFIX_LENGTH, Sealer

KEY_TOO_LATE: Final = "E027"


class Secret:
    """A text that shows itself only when asked by name: never in templates, ``repr`` or pickles."""

    __slots__ = ("_reveal",)

    def __init__(self, reveal: Callable[[], str]) -> None:
        self._reveal = reveal

    def reveal(self) -> str:
        """Return the text.

        :raises SealBroken: the keys are gone, or the ciphertext is another row's.
        """
        return self._reveal()

    reveal.alters_data = True  # type: ignore[attr-defined]  # a template must not call it

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")


class Envelope(str):
    """Ciphertext, as it is in the database; ``EncryptedTextField`` tells it from plain text so."""

    __slots__ = ()


class PlainTextRefused(TypeError, DeserializationError):
    """Plain text, or what may turn out to be, was on its way into an encrypted column; it is not shown."""


class _Sealed(Secret):
    """A secret as it is in the database, at the place that it is bound to."""

    __slots__ = ("envelope", "field", "instance")

    def __init__(self, envelope: Envelope, field: "EncryptedTextField", instance: models.Model) -> None:
        self.envelope, self.field, self.instance = envelope, field, instance
        super().__init__(lambda: field.sealer().open(envelope, self.place()))

    def place(self) -> str:
        return self.field.place(self.instance)


class _Attribute(DeferredAttribute):
    """Gives ``instance.field`` as a :class:`Secret`, opened lazily: loading a row opens nothing.

    A row that no key opens any more can thus still be loaded, shown and replaced (threat H04).
    """

    field: "EncryptedTextField"

    def __set__(self, instance: models.Model, value: "str | Secret | None") -> None:
        stored: Any = value or ""
        if hasattr(stored, "resolve_expression"):
            raise self.field.refusal()
        if isinstance(stored, Envelope):
            stored = _Sealed(stored, self.field, instance)
        elif stored and not isinstance(stored, Secret):
            stored = Secret(lambda: str(value))
        instance.__dict__[self.field.attname] = stored


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # not generic at run time
    """Text encrypted with ``ENCRYPTION_KEYS``, bound to table, column and primary key.

    The primary key must be known before the row is saved, so the model's key is not an ``AutoField``.
    Plain text can be written through instances only, also many by ``bulk_create`` and ``bulk_update``:
    ``QuerySet.update`` and expressions do not know which row it would be bound to. A fixture has ciphertext,
    as ``dumpdata`` writes it. All of that raises :class:`PlainTextRefused` otherwise.

    Nobody can look for a part of it: whoever may choose the look-up, as in the admin's URLs, would be told
    the ciphertext bit by bit (threat H05). There is "equals", of nothing or an :class:`Envelope`; and whether
    it is null.
    """

    descriptor_class = _Attribute
    purpose = "token"  # of its keys

    def sealer(self) -> Sealer:
        """Return the sealer with the site's present keys."""
        return Sealer(conf.encryption_secrets(), self.purpose)

    def place(self, instance: models.Model) -> str:
        """Return what a value of *instance* is bound to."""
        return self._place(instance.pk)

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        """Report a model whose rows get their key from the database, too late to be bound to it (E027)."""
        found: list[checks.CheckMessage] = super().check(**options)
        if isinstance(self.model._meta.pk, models.AutoField | models.BigAutoField | models.SmallAutoField):
            text = (
                f"{self.model._meta.label} has an encrypted field, and a primary key that only saving makes."
            )
            hint = (
                "Give it one that is known before, such as a UUIDField(primary_key=True, default=uuid.uuid4)."
            )
            found.append(checks.Error(text, hint=hint, obj=self, id=f"oauth_login.{KEY_TOO_LATE}"))
        return found

    def _place(self, pk: Any) -> str:
        if pk is None:
            raise PlainTextRefused(
                f"{self.name} is bound to its row, which has no primary key yet: {KEY_TOO_LATE}."
            )
        return f"{self.model._meta.db_table}.{self.column}:{pk}"

    def pre_save(self, instance: models.Model, add: bool) -> Envelope:  # noqa: FBT001  Django's signature
        secret = getattr(instance, self.attname)
        envelope = self._envelope(secret, self.place(instance))
        if secret and not (isinstance(secret, _Sealed) and secret.envelope is envelope):
            setattr(instance, self.attname, envelope)
        return envelope

    def _envelope(self, secret: Any, place: str) -> Envelope:
        """Return *secret*, of an attribute of a row, as that row's column has it."""
        if isinstance(secret, _Sealed) and secret.place() == place:
            return secret.envelope
        # New, or taken over from another row or column, where alone its old envelope opens.
        return self._seal(secret.reveal() if secret else "", place)

    def sealed(self, instance: models.Model, text: str) -> Envelope:
        """Return *text* as ``QuerySet.update`` takes it for the row of *instance*; of nothing, nothing."""
        return self._seal(text, self.place(instance))

    def _seal(self, text: str, place: str) -> Envelope:
        return Envelope(self.sealer().seal(text, place) if text else "")

    def from_db_value(self, value: str | None, *_: Any) -> Envelope:
        return Envelope(value or "")

    def to_python(self, value: Any) -> Any:
        """Take text from a fixture as what ``dumpdata`` wrote: ciphertext.

        What is none is refused when it is saved: here, Django would quote it.
        """
        if not isinstance(value, str):
            return value
        is_ours = not value or ENVELOPE.fullmatch(value)
        return Envelope(value) if is_ours else Secret(lambda: value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.pre_save(obj, add=False))

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, _Sealed):  # loaddata saves without pre_save()
            value = value.envelope
        if value and not isinstance(value, Envelope):
            raise self.refusal()
        return value if value is None else str(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Seal what ``bulk_update`` writes: of each key, a value. No other expression is taken."""
        if not hasattr(value, "as_sql"):
            return super().get_db_prep_save(value, connection)
        [choice] = value.get_source_expressions() if isinstance(value, Cast) else [value]
        if not isinstance(choice, models.Case) or getattr(choice.default, "value", self) is not None:
            raise self.refusal()
        for when in choice.cases:
            when.result = self._sealed_for_its_row(when)
        return value

    def _sealed_for_its_row(self, when: models.When) -> models.Value:
        secret = getattr(when.result, "value", self)
        match getattr(when.condition, "children", []):
            case [Exact(lhs=Col() as column, rhs=key)] if column.target.primary_key:
                if secret == "" or isinstance(secret, Secret):
                    return models.Value(self._envelope(secret, self._place(key)), output_field=self)
        raise self.refusal()

    def get_lookup(self, lookup_name: str) -> Any:
        return {"exact": Exact, "isnull": IsNull}.get(lookup_name)

    def get_transform(self, lookup_name: str) -> None:
        return None

    def refusal(self) -> PlainTextRefused:
        """Return the error for what would not be ciphertext of its row."""
        return PlainTextRefused(
            f"{self.name} is encrypted: assign its text to an instance, and save that or bulk_update() it; "
            "a fixture has what dumpdata wrote."
        )


def revealed(*secrets: Any) -> tuple[str, ...]:
    """Return the texts of some attributes of a row; "" for what there is not.

    :raises SealBroken: no key opens one of them.
    """
    return tuple(secret.reveal() if secret else "" for secret in secrets)


def beginning(name: str) -> Left:
    """Return the expression for what the envelope in column *name* begins with: its version and key id."""
    return Left(name, PREFIX_LENGTH, output_field=models.CharField())


class ExactCharField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """Text that equals only itself.

    To the usual collations of MariaDB and MySQL ``abc``, ``ABC``, ``äbc`` and ``abc `` are one text
    (threat F04).
    """

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            exact = "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
            return {**parameters, "collation": exact}
        return parameters


def moment(seconds: int | None) -> datetime | None:
    """Return the moment in so many *seconds*; of none, none."""
    return None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


class MomentField(models.Field):  # type: ignore[type-arg]  # not generic at run time
    """A moment: an aware ``datetime`` in UTC, to the second, whatever ``USE_TZ`` and ``TIME_ZONE`` are.

    It is kept as UNIX seconds. A column of dates without time zone has an hour each autumn that comes
    twice, and a token would expire in the wrong one (threat H30).
    """

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: int | None, *_: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)

    def to_python(self, value: Any) -> Any:
        """Take a ``datetime``, UNIX seconds, or either as text."""
        if isinstance(value, str):
            value = int(value) if value.isascii() and value.isdigit() else parse_datetime(value)
        if isinstance(value, datetime) and value.tzinfo is None:
            return timezone.make_aware(value)
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value

    def get_prep_value(self, value: Any) -> Any:
        value = self.to_python(value)
        return int(value.timestamp()) if isinstance(value, datetime) else value

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))  # of nothing, no serializer asks
