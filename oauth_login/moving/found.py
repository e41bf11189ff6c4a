"""What another library knows of a person, in words of ours; none of it is believed yet."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar


class CannotRead(Exception):
    """There is nothing to be read, or not in this way; the message is for whoever runs the command."""


class LeftOut(Exception):
    """This row is not brought over; the message says why, in the same words for every such row."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What a library's name for a provider means, and where it keeps the id that our preset signs in by.

    :ivar preset: of ours; "" for any OpenID Provider.
    :ivar subject: ``uid``; or the path, in what it has kept beside, of an id that is better than its ``uid``;
        or "" where only recorded claims can say it.
    :ivar keys: what it calls the id that ours is: a ``uid`` of another name is not believed, nor one that is
        not the id which was kept beside under such a name.
    :ivar needs_key: the library has to say what ``uid`` is, as that was something else in earlier versions.
    :ivar is_ambiguous: nobody can tell which server of ours is meant, so that the site has to say it.
    :ivar has_bearer_tokens: not those of OAuth 1.0.
    """

    preset: str
    subject: str = "uid"
    keys: tuple[str, ...] = ("id",)
    needs_key: bool = False
    is_ambiguous: bool = False
    has_bearer_tokens: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A grant as it was kept. ``client_id`` is "" if nothing says whose it is."""

    access_token: object = field(repr=False)
    refresh_token: object = field(default="", repr=False)
    expires_at: datetime | None = None
    token_type: object = "Bearer"  # noqa: S105  a type of token, not a token
    scope: object = None
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One person's account at one provider.

    :ivar place: table and key, for messages.
    :ivar provider: in the library's words.
    :ivar user: the user's key, as it is in the table.
    :ivar key: what ``uid`` is, if the library says so.
    :ivar told: what the provider had told; it may hold tokens.
    :ivar doubt: why it is left out whatever else it says, or "".
    :ivar may_be_ours: ``uid`` is of a field that a sign-up here fills, too, with what a visitor has chosen.
    """

    place: str
    provider: str
    user: object
    uid: str
    key: str = ""
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)
    since: datetime | None = None
    kept: Kept | None = None
    doubt: str = ""
    may_be_ours: bool = False


class Library(ABC):
    """A library whose accounts can be read.

    :raises CannotRead: its table is not there, or it does not say what is needed.
    """

    namings: ClassVar[Mapping[str, Naming]]
    #: The one name, where the library has one provider and no name for it.
    only_name: ClassVar[str] = ""

    @abstractmethod
    def __init__(self, database: str, subject_field: str) -> None: ...

    @abstractmethod
    def count(self) -> int:
        """Return how many rows there are."""

    @abstractmethod
    def batches(self, size: int) -> Iterator[list[Found]]:
        """Yield all rows, in the same order every time."""
