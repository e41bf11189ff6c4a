"""The second walk: what comes of each row, and the rows of ours that are written, a batch in a transaction.

A row that is here already is not touched: since it was brought over, or since somebody signed in, what we
know is newer. So a run that was stopped is completed by the next one. No signal is sent and nobody gets a
mail: these people have linked nothing today.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils import timezone

from oauth_login.models import LinkedAccount, Token
from oauth_login.moving.found import Found, LeftOut
from oauth_login.moving.grants import scope_of, token_of
from oauth_login.moving.identities import Identity
from oauth_login.moving.survey import NO_USER, Person, Survey
from oauth_login.providers.display import login_name, text

NEW: Final = "new"
HERE: Final = "here"
COLLISION: Final = "collisions"
LEFT_OUT: Final = "left out"
OUTCOMES: Final = (NEW, HERE, COLLISION, LEFT_OUT)

LINKED: Final = "linked here to another user"
MEANWHILE: Final = "another user has it, or this one is no more, since a moment ago"
CONTESTED: Final = "two of their users have it"
CHOSEN: Final = "the user has linked another account here: the name may be one that a visitor has chosen"
TAKEN: Final = "taken over"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a row. Of one that is new, ``token`` tells what comes of its grant; "" if it has none."""

    found: Found
    outcome: str
    reason: str = ""
    token: str = ""


@dataclass
class Arrival:
    """A row of ours, still to be written.

    :ivar word: what comes of the grant.
    :ivar is_lost: somebody else has signed in meanwhile, and has the identity; or the user is gone.
    """

    person: Person
    account: LinkedAccount
    token: Token | None = None
    word: str = ""
    is_lost: bool = False

    @classmethod
    def of(cls, person: Person) -> "Arrival":
        """Make it. What is shown of somebody is little, as the next sign-in brings it anew."""
        found, (issuer, subject) = person.found, person.identity
        account = LinkedAccount(
            user_id=person.user,
            provider=person.to.alias,
            issuer=issuer,
            subject=subject,
            username=next(filter(None, map(login_name, told(found, "login", "preferred_username"))), ""),
            name=next(filter(None, map(text, told(found, "name"))), ""),
            scope=scope_of(found.kept),
            linked_at=found.since or timezone.now(),
        )
        if found.kept is None:
            return cls(person, account)
        try:
            return cls(person, account, token_of(found.kept, person.to), TAKEN)
        except LeftOut as reason:
            return cls(person, account, word=str(reason))

    def verdict(self) -> Verdict:
        """Return what has come of it."""
        if self.is_lost:
            return Verdict(self.person.found, COLLISION, MEANWHILE)
        return Verdict(self.person.found, NEW, token=self.word)


def told(found: Found, *names: str) -> list[Any]:
    """Return what was told under these names, by whichever answer of the provider's was kept."""
    answers = [found.told.get("userinfo"), found.told.get("id_token"), found.told]
    return [answer.get(name) for answer in answers if isinstance(answer, dict) for name in names]


def settle(batch: Iterable[Found], survey: Survey, *, is_written: bool) -> list[Verdict]:
    """Return what comes of each row; write what is new, all or nothing, if *is_written*."""
    verdicts, people = [], []
    for found in batch:
        try:
            people.append(survey.identified(found))
        except LeftOut as reason:
            verdicts.append(Verdict(found, LEFT_OUT, str(reason)))
    here, users = accounts_of(people), users_of(people)
    linked = users_linked(people)
    arrivals = []
    for person in people:
        verdict = judged(person, survey, here.get(person.identity), users)
        if verdict.outcome == NEW and person.user in linked:
            verdict = Verdict(person.found, COLLISION, CHOSEN)
        if verdict.outcome == NEW:
            arrivals.append(Arrival.of(person))
        else:
            verdicts.append(verdict)
    if is_written:
        write(arrivals)
    return [*verdicts, *(arrival.verdict() for arrival in arrivals)]


def judged(person: Person, survey: Survey, account: LinkedAccount | None, users: set[Any]) -> Verdict:
    """Return what is to come of somebody. No identity ever moves from one user to another (threat G03)."""
    if account is not None:
        is_theirs = account.user_id == person.user
        return Verdict(person.found, HERE) if is_theirs else Verdict(person.found, COLLISION, LINKED)
    if person.identity in survey.contested:
        return Verdict(person.found, COLLISION, CONTESTED)
    if person.user not in users:
        return Verdict(person.found, LEFT_OUT, NO_USER)
    return Verdict(person.found, NEW if survey.is_first(person) else HERE)


def accounts_of(people: Sequence[Person]) -> dict[Identity, LinkedAccount]:
    """Return the accounts that some of them have here; no replica is asked."""
    issuers, subjects = {person.identity[0] for person in people}, [person.identity[1] for person in people]
    accounts = LinkedAccount.objects.using(router.db_for_write(LinkedAccount))
    found = accounts.filter(issuer__in=issuers, subject__in=subjects)
    return {(account.issuer, account.subject): account for account in found}


def users_of(people: Sequence[Person]) -> set[Any]:
    """Return the keys of those of their users who exist; a default manager may hide some."""
    model = get_user_model()
    users = model._base_manager.using(router.db_for_write(model))
    return set(users.filter(pk__in={person.user for person in people}).values_list("pk", flat=True))


def users_linked(people: Sequence[Person]) -> set[Any]:
    """Return the keys of those of their users who have any account here."""
    accounts = LinkedAccount.objects.using(router.db_for_write(LinkedAccount))
    found = accounts.filter(user_id__in={person.user for person in people if person.found.may_be_ours})
    return set(found.values_list("user_id", flat=True))


def write(arrivals: Sequence[Arrival]) -> None:
    """Write what is new, in one transaction.

    Somebody may sign in at this very moment, and so be faster: what they have written stays as it is.
    """
    database = router.db_for_write(LinkedAccount)
    with transaction.atomic(using=database):
        accounts = [arrival.account for arrival in arrivals]
        LinkedAccount.objects.using(database).bulk_create(accounts, ignore_conflicts=True)
        # Read again: not every database tells the keys of what it has written, and none does of conflicts.
        written = accounts_of([arrival.person for arrival in arrivals])
        tokens = []
        for arrival in arrivals:
            account = written.get(arrival.person.identity)
            arrival.is_lost = account is None or account.user_id != arrival.person.user
            if arrival.token and account and not arrival.is_lost:
                arrival.token.account_id = account.pk
                tokens.append(arrival.token)
        Token.objects.using(database).bulk_create(tokens, ignore_conflicts=True)
