"""mozilla-django-oidc, which keeps nothing but users, and finds them by their e-mail address.

Who signs in here is found by the provider's ``sub``, and an address is never in its place: it changes hands.
So there is something to bring over only where the site itself has kept the ``sub`` in a field of its users.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from oauth_login.moving.found import CannotRead, Found, Library, Naming

NAME: Final = "mozilla-oidc"
NOTHING_KEPT: Final = (
    "mozilla-django-oidc keeps nothing of the provider: it finds users by their e-mail address, and names "
    "them by a hash of it. Who signs in here is found by the provider's sub. Name the field in which this "
    "site has kept it by --subject-field, such as username if OIDC_USERNAME_ALGO makes names of "
    "claims['sub']. If there is none, docs/moving-in.md says how to have it kept from now on, and how people "
    "link their accounts themselves; anything else would be a guess. Nothing was done."
)
HASHED: Final = "the username is the hash of the address that mozilla-django-oidc gives by default"
#: Kinds of columns that a provider's id may be in.
KINDS: Final = (models.CharField, models.TextField, models.IntegerField, models.UUIDField)
HAS_PASSWORD: Final = "the user has a password: nothing shows that the username is a sub"  # noqa: S105


class MozillaOIDC(Library):
    """The users who have something in a field.

    A name in it counts for nobody who has a password: the administrator's own account may be called like
    somebody's ``sub``, and must not become theirs. Nor does it for whoever has linked an account here: they
    may have signed up here, and be called what they have chosen to be called at another provider. The one
    whose ``sub`` that is would come into an account that a stranger is in (threat F08).

    :raises CannotRead: no field is named, or one that holds no id.
    """

    namings: ClassVar[Mapping[str, Naming]] = {NAME: Naming("")}
    only_name: ClassVar[str] = NAME

    def __init__(self, database: str, subject_field: str = "") -> None:
        if not subject_field:
            raise CannotRead(NOTHING_KEPT)
        self._model: Any = get_user_model()
        self._field = subject_field
        self._is_filled_here = subject_field in {
            self._model.USERNAME_FIELD,
            self._model._meta.pk.name,
            "first_name",
        }
        field = id_field(self._model, subject_field)
        users = self._model._base_manager.using(database).filter(**{f"{subject_field}__isnull": False})
        self._users = users.exclude(**{subject_field: ""}) if field.empty_strings_allowed else users

    def count(self) -> int:
        """Return how many users have something there."""
        return int(self._users.count())

    def batches(self, size: int) -> Iterator[list[Found]]:
        """Yield them by key."""
        email = self._model.get_email_field_name()
        has_email = any(field.name == email for field in self._model._meta.fields)
        rest = self._users.order_by("pk").values(
            "pk", "password", self._field, *([email] if has_email else [])
        )
        batch = list(rest[:size])
        while batch:
            yield [self._found(row, row.get(email) or "") for row in batch]
            batch = list(rest.filter(pk__gt=batch[-1]["pk"])[:size])

    def _found(self, row: dict[str, Any], email: str) -> Found:
        subject = str(row[self._field])
        doubt = ""
        if self._field == self._model.USERNAME_FIELD and is_password_usable(row["password"]):
            doubt = HAS_PASSWORD
        elif subject in {hashed(email), hashed(email.lower())}:
            doubt = HASHED
        place = f"{self._model._meta.db_table} {row['pk']}"
        return Found(
            place=place,
            provider=NAME,
            user=row["pk"],
            uid=subject,
            doubt=doubt,
            may_be_ours=self._is_filled_here,
        )


def id_field(model: Any, name: str) -> Any:
    """Return the user model's field of that name.

    :raises CannotRead: there is none, or it is one of addresses or of relations.
    """
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise CannotRead(f"--subject-field {name}: users have no such field.") from None
    if field.is_relation or isinstance(field, models.EmailField):
        raise CannotRead(
            f"--subject-field {name} holds no id: an address changes hands, and never finds anybody here."
        )
    if name == "password" or not isinstance(field, KINDS):
        raise CannotRead(f"--subject-field {name} holds nothing that a provider has given to its people.")
    return field


def hashed(email: str) -> str:
    """Return the username that the package gives to that address by default."""
    digest = hashlib.sha1(email.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
