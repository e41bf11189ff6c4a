"""What every part of a policy is: something that can be asked, with words for whom it refuses."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from django.utils.functional import Promise

from oauth_login.dotted import flaw
from oauth_login.errors import PolicyRefused, SignInRefused
from oauth_login.questions import SignInQuestion

Words = str | Promise


def anybody(question: SignInQuestion) -> None:
    """Admit."""


def nobody(question: SignInQuestion) -> PolicyRefused:
    """Refuse."""
    return PolicyRefused(detail="nobody")


class Part(ABC):
    """A policy with words of its own.

    :param words: what whoever is refused is told; default: what the part itself has to say, or what the page
        says of everybody who cannot sign in.
    """

    usual_words: ClassVar[Words] = ""

    def __init__(self, *, words: Words = "") -> None:
        self.words = words

    @abstractmethod
    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        """Return None to admit, or a refusal."""

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with it that could not be seen when it was made; ``manage.py check`` asks.

        Nobody is to be admitted by it meanwhile: a part of the site's own sees to that itself.
        """
        yield from ()

    def refusal(self, detail: object = "", words: Words = "") -> PolicyRefused:
        """Return a refusal in the owner's words, or *words*, or the usual ones."""
        return PolicyRefused(self.words or words or self.usual_words, detail or type(self).__name__)


def require_callable(part: object) -> None:
    """Refuse what cannot be asked.

    :raises ValueError: it says why.
    """
    if wrong := flaw(part):
        raise ValueError(f"{part!r} {wrong}")


def require_some(given: object, what: str) -> None:
    """Refuse to be made of nothing.

    :raises ValueError: there is none of *what*.
    """
    if not given:
        raise ValueError(f"{what} has to be named")
