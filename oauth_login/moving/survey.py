"""The first of two walks through a library's rows: who each one is, and what two of them claim.

What two users have in another library belongs to neither here: whoever came second there would get in as the
first, or the other way round. So all rows are looked at before one is written.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from oauth_login.moving.destinations import Destination, Destinations
from oauth_login.moving.found import Found, LeftOut
from oauth_login.moving.identities import Identity, identity_of

NO_USER: Final = "there is no such user"


@dataclass(frozen=True, slots=True)
class Person:
    """A row whose identity is known, and the key of the user who is to have it."""

    found: Found
    to: Destination
    identity: Identity
    user: Any


@dataclass
class Survey:
    """What a walk has seen: the user and the first row of each identity, and those that two users have."""

    destinations: Destinations
    total: int = 0
    first: dict[Identity, tuple[Any, str]] = field(default_factory=dict)
    contested: set[Identity] = field(default_factory=set)

    def see(self, batch: Iterable[Found]) -> None:
        """Look at some rows."""
        for found in batch:
            self.total += 1
            with suppress(LeftOut):
                self.identified(found)

    def identified(self, found: Found) -> Person:
        """Return who a row is, and note it: rows may have come since the first walk.

        :raises LeftOut: it goes nowhere, or nobody can be certain.
        """
        to = self.destinations.of(found.provider)
        person = Person(found, to, identity_of(found, to), user_key(found.user))
        user, _place = self.first.setdefault(person.identity, (person.user, found.place))
        if user != person.user:
            self.contested.add(person.identity)
        return person

    def is_first(self, person: Person) -> bool:
        """Tell whether no row before it is the same person."""
        return self.first[person.identity][1] == person.found.place


def user_key(value: object) -> Any:
    """Return the key of a user, as the user model has it: a table may have the same in other words.

    :raises LeftOut: it can be nobody's.
    """
    try:
        return get_user_model()._meta.pk.to_python(value)
    except ValidationError:
        raise LeftOut(NO_USER) from None
