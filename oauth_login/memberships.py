"""Groups and staff by what a provider says of somebody, where ``MEMBERSHIPS`` declares it; never by default.

What was given is written down with the account (``LinkedAccount.given``), so that it can be taken back when
the provider does not say it any more, the settings do not declare it any more, the site's policy does not
admit the account any more, or it is unlinked.
What somebody has from elsewhere, say by the hand of an administrator, is neither written down nor taken.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router, transaction

from oauth_login import aliases, conf, organisations
from oauth_login.errors import SignInRefused, printable
from oauth_login.membership_rules import Memberships
from oauth_login.models import LinkedAccount
from oauth_login.questions import SignInQuestion

logger = logging.getLogger("oauth_login")


@dataclass(frozen=True, slots=True)
class Given:
    """What an account has given its user: staff, and groups, by their keys as text: a name may change."""

    groups: frozenset[str] = frozenset()
    staff: bool = False

    @classmethod
    def of(cls, stored: Iterable[Any]) -> "Given":
        """Return what these accounts have given together."""
        written = [one for one in stored if isinstance(one, dict)]
        groups = frozenset(str(key) for one in written for key in one.get("groups", ()))
        return cls(groups, any(one.get("staff") is True for one in written))

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored; nothing as an empty object."""
        return {
            **({"groups": sorted(self.groups)} if self.groups else {}),
            **({"staff": True} if self.staff else {}),
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider says of somebody, as far as the site has declared that it counts.

    :ivar because: for the log, if it is something else than what was said.
    """

    rules: Memberships = field(default_factory=Memberships)
    said: frozenset[str] = frozenset()
    because: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The groups that follow from it."""
        return self.rules.names_for(self.said)

    @property
    def staff(self) -> bool:
        """Whether it makes somebody staff."""
        return not self.rules.staff.isdisjoint(self.said)

    @property
    def why(self) -> str:
        """What of it was said, for the log."""
        if self.because:
            return self.because
        counts = self.said & ({*self.rules.groups} | self.rules.staff)
        return printable(f"{self.rules.claim or 'teams'}={' '.join(sorted(counts)) or 'nothing that counts'}")


#: Where an instance that is being deleted keeps what it and the user's others gave.
GOING = "_oauth_login_given"
NOTHING = Told()
REFUSED = Told(because="SIGN_IN_POLICY refuses it")
UNDECLARED = Told(because="MEMBERSHIPS does not declare it any more")


def told(question: SignInQuestion) -> Told:
    """Return what the provider says, asking it for teams if they count. No transaction is open.

    A provider that does not answer refuses the sign-in: who was taken out of a team must not keep what it
    gave by coming while that cannot be seen.

    :raises ProviderError: it does not answer as it should.
    :raises ScopeRequired: the visitor has not granted what that takes.
    """
    rules = conf.memberships(question.provider)
    if rules is None:
        return NOTHING
    if rules.claim:
        return Told(rules, rules.said_by(question.profile.claims))
    return Told(rules, organisations.teams(question.api, rules.organisations))


def settle(account: LinkedAccount, told: Told) -> None:
    """Give the account's user what follows from what was *told*, and take back what does not any more.

    Within the transaction that writes the account. Without rules, and with nothing given, no query.
    """
    if told == NOTHING and not account.given:
        return
    own, others = _locked(account)
    user: Any = account.user
    wanted = _groups(told.names)
    has = _groups_of(user) if wanted or own.groups else frozenset()
    is_staff = _is_staff(user) if told.staff or own.staff else False
    # What this account or another gave before is still given by it; what was there without us is not ours.
    given = Given(
        frozenset(key for key in wanted if key in own.groups | others.groups or key not in has),
        told.staff and (own.staff or others.staff or not is_staff),
    )
    lost = (own.groups & has) - others.groups - frozenset(wanted)
    change = Change(user, account, told.why, given.groups - has, lost)
    change.write_groups()
    if told.staff != is_staff and (told.staff or (own.staff and not others.staff)):
        change.write_staff(is_staff=told.staff)
    if given != own:
        account.given = given.as_json()
        _accounts(account).filter(pk=account.pk).update(given=account.given)


@contextmanager
def kept_by_the_admitted(account: LinkedAccount | None) -> Iterator[None]:
    """Take back what *account* gave if the site's policy, which is asked within, does not admit it any more.

    All of it, whatever the provider says at the moment: who was thrown out of the organisation is refused
    before anybody looks at their teams. While the provider cannot be asked nobody is refused, so nothing is
    lost; and what was taken comes back with the next sign-in that the policy admits.

    :param account: None for a newcomer, to whom nothing was given.
    """
    try:
        yield
    except SignInRefused:
        if account is not None:
            forfeit(account, REFUSED)
        raise


def forfeit(account: LinkedAccount, why: Told) -> None:
    """Settle *account* as if it gave nothing; read anew, as the policy may have taken seconds.

    It is read before the transaction begins: SQLite only lets wait who has read nothing in it.

    :param why: nothing but a reason.
    """
    if any(_accounts(account).filter(pk=account.pk).values_list("given", flat=True)):
        with transaction.atomic(using=router.db_for_write(LinkedAccount)):
            settle(account, why)


def before_deletion(*, instance: LinkedAccount, origin: Any = None, **_kwargs: Any) -> None:
    """Note what an account gives as it is now, whenever and however far it was read, before it is gone.

    Whoever is deleted with it needs nothing taken.
    """
    is_unlinked = issubclass(
        getattr(origin, "model", type(origin)), LinkedAccount
    )  # or a proxy of the site's
    database = router.db_for_write(LinkedAccount)
    rows = LinkedAccount.objects.using(database).exclude(given={}).select_related("user")
    going = rows.filter(pk=instance.pk).first() if is_unlinked else None
    if going:
        setattr(instance, GOING, (going, *_locked(going)))


def take_back(*, instance: LinkedAccount, **_kwargs: Any) -> None:
    """Take back what an account gave, when it is gone."""
    if not hasattr(instance, GOING):
        return
    account, own, others = getattr(instance, GOING)
    user: Any = account.user
    lost = (own.groups & _groups_of(user)) - others.groups
    change = Change(user, account, "unlinked", frozenset(), lost)
    change.write_groups()
    if own.staff and not others.staff and _is_staff(user):
        change.write_staff(is_staff=False)


def undeclared(accounts: "models.QuerySet[LinkedAccount]") -> Iterator[LinkedAccount]:
    """Yield those of *accounts* that gave something, and whose provider nothing is declared for any more.

    Of an alias that was renamed, what is declared for the new one counts; of one that is another server by
    now, nothing.

    :raises ProviderMisconfigured: ``MEMBERSHIPS`` is wrong, so nobody knows (E025).
    """
    for account in accounts.exclude(given={}).only("user", "provider", "issuer", "given").order_by("pk"):
        declared = conf.memberships(aliases.alias_of(account) or account.provider)
        if declared is None or aliases.is_stranded(account):
            yield account


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of somebody's groups and of their being staff, and why."""

    user: Any
    account: LinkedAccount
    why: str
    gained: frozenset[str]
    lost: frozenset[str]

    def write_groups(self) -> None:
        """Write what of the groups has changed, and log it."""
        if self.gained:
            self.user.groups.add(*self.gained)
            self._log("joins", *_names_of(self.gained))
        if self.lost:
            self.user.groups.remove(*self.lost)
            self._log("leaves", *_names_of(self.lost))

    def write_staff(self, *, is_staff: bool) -> None:
        """Write that the user is staff, or is not any more, and log it."""
        _users().filter(pk=self.user.pk).update(is_staff=is_staff)
        self.user.is_staff = is_staff
        self._log("becomes" if is_staff else "is no longer", "staff")

    def _log(self, what: str, *names: str) -> None:
        about = (self.user.pk, what, printable(", ".join(names)), self.account.provider, self.account.pk)
        logger.warning("memberships: user %s %s %s: provider=%s account=%s because %s", *about, self.why)


def _locked(account: LinkedAccount) -> tuple[Given, Given]:
    """Return what *account* has given and what the user's others have, once nobody else is at work on them.

    The statements that change nothing make two sign-ins of one user wait for each other in every database:
    otherwise the second would take for an administrator's what the first has just given. First comes the
    account's own row, as unlinking locks accounts before it comes here, then the user's: that of another
    account may be locked by somebody who waits for this one.
    """
    name = get_user_model().USERNAME_FIELD
    _accounts(account).filter(pk=account.pk).update(provider=models.F("provider"))
    _users().filter(pk=account.user_id).update(**{name: models.F(name)})
    stored = {one.pk: one for one in _accounts(account).only("user", "provider", "issuer", "given")}
    own = stored.pop(account.pk, None)
    # Nobody can come by one of a server that no alias means any more: what it gave would stay for ever.
    others = [one.given for one in stored.values() if one.given and not aliases.is_stranded(one)]
    return Given.of([own.given] if own else []), Given.of(others)


def _accounts(account: LinkedAccount) -> "models.QuerySet[LinkedAccount]":
    database = router.db_for_write(LinkedAccount)
    return LinkedAccount.objects.using(database).filter(user_id=account.user_id)


def _groups(names: Iterable[str]) -> dict[str, str]:
    """Return the groups of these names, by their keys. One that does not exist is not made: a slip in the
    settings would make a group without a single permission, and hide itself."""
    if not names:
        return {}
    model = group_model()
    found = model._base_manager.using(router.db_for_write(model)).filter(name__in=names)
    groups = {str(key): name for key, name in found.values_list("pk", "name") if name in names}
    if missing := sorted(frozenset(names) - frozenset(groups.values())):
        logger.error("memberships: there is no group %s", printable(", ".join(missing)))
    return groups


def group_model() -> Any:
    """Return the model of the groups that this site's users have.

    :raises FieldDoesNotExist: they have none (E025).
    """
    return get_user_model()._meta.get_field("groups").related_model


def _groups_of(user: Any) -> frozenset[str]:
    groups = user.groups.using(router.db_for_write(group_model()))
    return frozenset(map(str, groups.values_list("pk", flat=True)))


def _names_of(keys: Iterable[str]) -> list[str]:
    model = group_model()
    found = model._base_manager.using(router.db_for_write(model)).filter(pk__in=keys)
    return sorted(map(str, found.values_list("name", flat=True)))


def _is_staff(user: Any) -> bool:
    return bool(_users().filter(pk=user.pk, is_staff=True).exists())


def _users() -> Any:
    model = get_user_model()
    return model._base_manager.using(router.db_for_write(model))
