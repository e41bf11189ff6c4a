"""Who somebody is: by the domain of their address, or on a list."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from oauth_login import conf, mentions
from oauth_login.errors import PolicyRefused
from oauth_login.policy.part import Part, Words, require_some
from oauth_login.questions import SignInQuestion

Person = tuple[str, str | int]
DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


class EmailDomains(Part):
    """Admits people with an address of one of these domains that the provider vouches for.

    Exactly these: no subdomain, no address that is not verified, no visitor without one (F22).
    """

    usual_words = _(
        "Only people with an address of certain domains are admitted here, and the provider has to "
        "vouch for it."
    )

    def __init__(self, *domains: str, words: Words = "") -> None:
        super().__init__(words=words)
        self.domains = frozenset(_folded(str(domain)) for domain in domains)
        for domain in self.domains:
            if not DOMAIN.fullmatch(domain):
                raise ValueError(f"{domain!r} is no domain; write one as in 'acme.example', or in Punycode")
        require_some(self.domains, "a domain")

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        profile = question.profile
        is_one = profile.email_verified is True and _domain(profile.email) in self.domains
        return None if is_one else self.refusal()


class _Listed(Part):
    """What lists of people have in common.

    :param people: ``("github", 583231)``: the provider's alias, and its id of somebody. That stays theirs.
    :param usernames: ``("github", "octocat")``: a name that somebody has there today. It can be changed, and
        then be taken by somebody else, so it lets strangers in and lets people slip out: write ids where
        you know them. The admin shows them.
    """

    def __init__(self, *people: Person, usernames: Iterable[tuple[str, str]] = (), words: Words = "") -> None:
        super().__init__(words=words)
        self.people = frozenset(
            (alias, mentions.subject_of((alias, subject), subject)) for alias, subject in map(_pair, people)
        )
        self.usernames = frozenset((alias, _folded(_text(name))) for alias, name in map(_pair, usernames))
        require_some(self.people | self.usernames, "somebody")

    def mistakes(self) -> Iterator[str]:
        yield from mentions.unknown_aliases(alias for alias, _who in self.people | self.usernames)
        yield from mentions.unknown_people(self.people)

    def names(self, question: SignInQuestion) -> bool:
        """Tell whether the visitor is on the list, through whichever alias of the same server they come.

        :raises ProviderMisconfigured: somebody on it can be nobody; or they have an id of the visitor's at a
            provider of which nobody can tell whether it is the same server.
        """
        mentions.require_none(self.mistakes())
        profile = question.profile
        name = _folded(profile.preferred_username)
        listed = {alias for alias, subject in self.people if subject == profile.subject}
        listed |= {alias for alias, username in self.usernames if username == name}
        return question.provider in listed or any(
            conf.provider(alias).speaks_for(profile.issuer) for alias in listed
        )


class AllowOnly(_Listed):
    """Admits the people who are listed."""

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        return None if self.names(question) else self.refusal()


class Deny(_Listed):
    """Refuses the people who are listed."""

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        return self.refusal() if self.names(question) else None


def _pair(person: Any) -> tuple[str, Any]:
    is_pair = isinstance(person, tuple | list) and len(person) == 2 and isinstance(person[0], str)
    if not is_pair or any(not str(part).strip() or str(part) != str(part).strip() for part in person):
        raise ValueError(f"{person!r} is no pair of a provider's alias and an id")
    return person[0], person[1]


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no username")
    return name


def _domain(email: str) -> str:
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return _folded(email.rpartition("@")[2])


def _folded(text: str) -> str:
    """Return it in small letters, except what only looks like a word in plain letters: the sign of the kelvin
    would become a k, and ``@Kelvin.example`` with it the domain of somebody else."""
    small = text.lower()
    return small if small.isascii() == text.isascii() else text
