"""Ready parts of a policy, for ``OAUTH_LOGIN["SIGN_IN_POLICY"]``; ``docs/policy.md`` has whole examples.

A policy is anything that can be called with a :class:`SignInQuestion`, and returns None to admit or a
:class:`PolicyRefused` to refuse; it may raise that, too. Each part takes *words*: what whoever it refuses is
told, translated or not. All are asked on every sign-up, link and sign-in, unless they say otherwise, so that
who leaves the company is not signed in any more.

A part that was written wrongly raises ``ValueError`` where it is made, so that ``manage.py check`` says so.
What can only be seen beside the settings, such as the alias of no provider, is an error of that command too,
and nobody is admitted by the part meanwhile (``mentions.py``).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from oauth_login import conf, mentions, organisations
from oauth_login.dotted import flaw, function_at
from oauth_login.errors import OAuthLoginError, PolicyRefused, SignInRefused
from oauth_login.policies import verdict
from oauth_login.questions import Policy, SignInQuestion

__all__ = [
    "AllOf",
    "AllowOnly",
    "AnyOf",
    "ByProvider",
    "Deny",
    "EmailDomains",
    "GitHubOrganisation",
    "Invited",
    "Part",
    "PolicyRefused",
    "SignInQuestion",
    "SignUpClosed",
    "anybody",
    "nobody",
]

Words = str | Promise
Person = tuple[str, str | int]
DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


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
        """Yield what is wrong with it that could not be seen when it was made; ``manage.py check`` asks."""
        yield from ()

    def refusal(self, detail: object = "", words: Words = "") -> PolicyRefused:
        """Return a refusal in the owner's words, or *words*, or the usual ones."""
        return PolicyRefused(self.words or words or self.usual_words, detail or type(self).__name__)


# --- Several parts as one ---------------------------------------------------------------------------------


class AllOf(Part):
    """Admits whom every part admits. They are asked in turn; the first refusal is the answer."""

    def __init__(self, *parts: Policy, words: Words = "") -> None:
        super().__init__(words=words)
        self.parts = _checked(parts)

    def mistakes(self) -> Iterator[str]:
        return _mistakes(self.parts)

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        for part in self.parts:
            refusal = verdict(part, question)
            if refusal is not None:
                return self.refusal(refusal.detail) if self.words else refusal
        return None


class AnyOf(Part):
    """Admits whom one part admits. They are asked in turn; if all refuse, the last refusal is the answer.

    A provider that cannot be asked is no reason to refuse, nor to admit: the other parts are asked, and if
    none of them admits, its error stands.
    """

    def __init__(self, *parts: Policy, words: Words = "") -> None:
        super().__init__(words=words)
        self.parts = _checked(parts)

    def mistakes(self) -> Iterator[str]:
        return _mistakes(self.parts)

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        refusal: SignInRefused | None = None
        failure: OAuthLoginError | None = None
        for part in self.parts:
            try:
                refusal = verdict(part, question)
            except OAuthLoginError as error:
                failure = error
            else:
                if refusal is None:
                    return None
        if failure is not None:
            raise failure
        return self.refusal(refusal.detail) if refusal is not None and self.words else refusal


class ByProvider(Part):
    """Asks a policy per provider: ``ByProvider({"github": GitHubOrganisation("acme"), "acme": anybody})``.

    :param others: the policy for providers that are not named; default: nobody gets in through them, so that
        one which is added later is no back door.
    """

    def __init__(self, rules: Mapping[str, Policy], *, others: Policy = nobody, words: Words = "") -> None:
        super().__init__(words=words)
        self.rules, self.others = dict(rules), others
        _checked((*self.rules.values(), others))

    def mistakes(self) -> Iterator[str]:
        yield from mentions.unknown_aliases(self.rules)
        yield from _mistakes((*self.rules.values(), self.others))

    def __call__(self, question: SignInQuestion) -> SignInRefused | None:
        if question.provider not in self.rules:  # or it is, and by a slip the rule for it has another name
            mentions.require_none(mentions.unknown_aliases(self.rules))
        refusal = verdict(self.rules.get(question.provider, self.others), question)
        return self.refusal(refusal.detail) if refusal is not None and self.words else refusal


# --- Who it is --------------------------------------------------------------------------------------------


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
        _some(self.domains, "a domain")

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        profile = question.profile
        is_one = profile.email_verified is True and _domain(profile.email) in self.domains
        return None if is_one else self.refusal()


class GitHubOrganisation(Part):
    """Admits members of an organisation at GitHub, or of one of its teams, as GitHub tells their token.

    ``SCOPE`` needs ``read:org``. Who was only invited is no member yet. If GitHub does not answer, nobody is
    refused, but nobody is admitted either: the page says that the provider is down.

    :param name: as in the organisation's address; the case does not count.
    :param team: the slug of a team, or several, of which one is enough.
    :param id: the organisation's number, which stays if it is renamed, while its old name is anybody's then.
    :param provider: the alias of GitHub, or of a GitHub Enterprise Server, in the settings. Whoever comes
        through another is refused, whatever that one's API says.
    """

    usual_words = _("Only members of an organisation at GitHub are admitted here.")
    sso_words = _(
        "Your organisation wants you to sign in to it first, at GitHub. Do so there, then try again."
    )

    def __init__(
        self,
        name: str,
        team: str | Iterable[str] = (),
        *,
        id: int | None = None,  # noqa: A002  what GitHub calls it
        provider: str = "github",
        words: Words = "",
    ) -> None:
        super().__init__(words=words)
        slugs = [team] if isinstance(team, str) else [*team]
        for part in (name, *slugs):
            if not NAME.fullmatch(part):
                raise ValueError(f"{part!r} is not part of an address at GitHub")
        self.name, self.id, self.provider = name.lower(), id, provider
        self.teams = frozenset(f"{name}/{slug}".lower() for slug in slugs)

    def mistakes(self) -> Iterator[str]:
        return mentions.not_of_github(self.provider)

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        mentions.require_none(self.mistakes())
        if question.provider != self.provider:
            return self.refusal(f"{self.name} is at {self.provider}")
        answer = organisations.membership(question.api, self.name)
        if organisations.wants_single_sign_on(answer):
            return self.refusal(f"{self.name} wants a single sign-on", words=self.sso_words)
        if not organisations.is_member(answer, self.name, self.id):
            return self.refusal(f"{self.name}: HTTP {answer.status}")
        if self.teams and self.teams.isdisjoint(organisations.teams(question.api)):
            return self.refusal(f"in none of {', '.join(sorted(self.teams))}")
        return None


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
        self.usernames = frozenset((alias, _folded(str(name))) for alias, name in map(_pair, usernames))
        _some(self.people | self.usernames, "somebody")

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


# --- Who is new -------------------------------------------------------------------------------------------


class SignUpClosed(Part):
    """Admits nobody who has no user here yet. Whoever has one signs in, and links further accounts."""

    usual_words = _(
        "Nobody new is admitted here at the moment. If you were here before, come the way you did."
    )

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        return self.refusal() if question.occasion == "sign_up" else None


class Invited(Part):
    """Admits newcomers who are invited, as *hook* says; whoever has a user here was.

    :param hook: a function, or the dotted path of one, which is given the question and returns True or
        False. The path leads to models, too, as it is looked up when it is first needed.
    """

    usual_words = _("You need an invitation to become a user here.")

    def __init__(self, hook: str | Callable[[SignInQuestion], bool], *, words: Words = "") -> None:
        super().__init__(words=words)
        self.hook = hook
        if not isinstance(hook, str):
            _callable(hook)

    def mistakes(self) -> Iterator[str]:
        try:
            self._function()
        except ValueError as error:
            yield f"the hook of Invited(): {error}"

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        if question.occasion != "sign_up":
            return None
        is_invited = self._function()(question)
        if not isinstance(is_invited, bool):  # a coroutine would be true for everybody
            raise TypeError(f"{self.hook!r} returns True or False, not {type(is_invited).__name__}")
        return None if is_invited else self.refusal()

    def _function(self) -> Callable[[SignInQuestion], bool]:
        return function_at(self.hook) if isinstance(self.hook, str) else self.hook


def _checked(parts: tuple[Policy, ...]) -> tuple[Policy, ...]:
    for part in parts:
        _callable(part)
    _some(parts, "a part")
    return parts


def _mistakes(parts: Iterable[Policy]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Part):
            yield from part.mistakes()


def _callable(part: object) -> None:
    if wrong := flaw(part):
        raise ValueError(f"{part!r} {wrong}")


def _some(given: object, what: str) -> None:
    if not given:
        raise ValueError(f"{what} has to be named")


def _pair(person: Any) -> tuple[str, Any]:
    is_pair = isinstance(person, tuple | list) and len(person) == 2 and isinstance(person[0], str)
    if not is_pair or any(not str(part).strip() or str(part) != str(part).strip() for part in person):
        raise ValueError(f"{person!r} is no pair of a provider's alias and an id")
    return person[0], person[1]


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
