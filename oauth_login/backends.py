"""From a proven identity to a Django user: find, create, refuse. No network, no session.

Customise by subclassing :class:`OAuthBackend` and naming the subclass in ``AUTHENTICATION_BACKENDS``.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import IntegrityError, models, router, transaction
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, In
from django.http import HttpRequest

from oauth_login import addresses, conf, memberships, policies, signals, snapshot, usernames
from oauth_login.errors import EmailTaken, SignInConflict, SignInRefused
from oauth_login.models import LinkedAccount
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.providers.display import text
from oauth_login.questions import Occasion, SignInQuestion
from oauth_login.visitor_api import VisitorApi

TRIES = 3  # a lost race is settled by the second; more means a conflict that trying does not settle


class OAuthBackend(ModelBackend):
    """Signs in whoever a provider has identified.

    The user it returns has the account in ``user.signed_in_with``, and ``user.signed_in_first`` is
    true when this sign-in created the user.
    """

    #: Of the sign-in that is under way; Django makes an instance for each. None when a session is read.
    request: HttpRequest | None = None

    def authenticate(  # type: ignore[override]  # each backend has its own credentials, says Django
        self,
        request: HttpRequest | None,
        oauth_profile: Profile | None = None,
        oauth_token: TokenResponse | None = None,
        oauth_provider: str = "",
        *,
        oauth_sign_up: bool = True,
        oauth_separate: bool = False,
    ) -> Any:
        """Return the user of *oauth_profile*, created if need be; None without a profile.

        :param oauth_separate: a newcomer has said that whoever has their address here is somebody else.

        Code, state and verifier are never passed in: Django sends credentials to the receivers of
        ``user_login_failed``, and masks only names it knows.

        :param oauth_sign_up: False if nobody new is to be made a user, as on the way to the admin.

        :raises SignInRefused: ``user_inactive``, ``email_required``, ``policy_refused``, or
            ``sign_up_not_here``.
        :raises SignInConflict: ``account_conflict``, and :class:`EmailTaken`.
        :raises ProviderResponseError: ``subject_invalid``.
        :raises ProviderError: the policy, or ``MEMBERSHIPS``, had to ask the provider, and it did not answer.
        """
        if oauth_profile is None:
            return None
        self.request = request
        snapshot.require_identity(oauth_profile)
        lost: IntegrityError | None = None
        admitted: Admitted | None = None
        api = VisitorApi(oauth_provider, oauth_token)
        for _ in range(TRIES):
            account = LinkedAccount.objects.identified(oauth_profile.issuer, oauth_profile.subject)
            user: Any = account.user if account else None
            # Whose address a user has is told that first, and how to go on: a rule about newcomers is not
            # about them, and they are asked about when the two are linked. It may take seconds, in which
            # somebody else may come to have the address, so this is looked at once more below.
            if conf.policy() is not None:
                self._names(account, oauth_profile, separate=oauth_separate)
            occasion: Occasion = "sign_in" if account else "sign_up"
            question = SignInQuestion(occasion, oauth_profile, oauth_provider, user, request, api)
            admitted = self._admitted(question, account, admitted)
            names = self._names(account, oauth_profile, separate=oauth_separate)
            if names is None:
                continue
            try:
                if account is not None:
                    return self._returning(account, question, oauth_token, admitted.told)
                return self._newcomer(question, oauth_token, admitted.told, names, sign_up=oauth_sign_up)
            except IntegrityError as error:
                # Somebody else took the name, or this very visitor was faster in another tab.
                lost = error
        # What is left is a constraint of the site's own, say a column that must be filled. Only the
        # first line: in the next ones PostgreSQL shows the row.
        raise SignInConflict("account_conflict", str(lost or "").partition("\n")[0]) from lost

    def username_for(self, profile: Profile) -> str:
        """Return the name to give a newcomer, if it is free."""
        column = addresses.column(get_user_model().USERNAME_FIELD)
        return usernames.username_for(profile, column.max_length or usernames.LONGEST)

    def create_user(self, profile: Profile, username: str, email: str) -> Any:
        """Return a new, unsaved user. Only what is named here is ever taken from a profile (F18).

        :param username: free a moment ago; "" if the user model has no use for one.
        :param email: verified by the provider and nobody else's, or "".
        """
        model = get_user_model()
        fields = {addresses.field(): email, "first_name": text(profile.name)}
        if username:
            fields[model.USERNAME_FIELD] = username
        known = {name: value for name, value in fields.items() if addresses.column(name) is not None}
        return model(**{name: _written(value, addresses.column(name)) for name, value in known.items()})

    def complete_user(self, user: Any, profile: Profile) -> None:
        """Do nothing more with a newcomer, who has just been saved with their account.

        For rows of the site's own that belong to a user: they are written in the same transaction, so that
        there is all of it or, if anything is raised, nothing.
        """

    def update_user(self, user: Any, profile: Profile) -> None:
        """Do nothing with a returning user: what a person set here is not the provider's to change.

        The linked account always has the provider's newest display data.
        """

    def page_after_sign_in(self, request: HttpRequest, user: Any, next_page: str) -> str:
        """Return a page of this site that *user* is to see before *next_page*, or "": none.

        It is given ``next``, to send them on when it is done. Asked in each sign-in, before the user is
        logged in; what is raised here lets nobody in.
        """
        return ""

    def _admitted(
        self, question: SignInQuestion, account: LinkedAccount | None, before: "Admitted | None"
    ) -> "Admitted":
        """Ask the site's policy, and the provider for what counts here; nothing is written yet (F27).

        Whom the policy refuses loses what their account gave: it is the only thing that a refusal writes.

        :param before: what came of it a moment ago: about each user it is asked once.
        :raises SignInRefused: the user may not sign in, or the policy does not admit them.
        """
        if before is not None and before.user == question.user:
            return before
        if question.user is not None and not self._can_stay(question.user):
            raise SignInRefused("user_inactive")
        with memberships.kept_by_the_admitted(account):
            policies.ask(question)
        return Admitted(question.user, memberships.told(question))

    def _can_stay(self, user: Any) -> bool:
        """Tell whether *user* may sign in, and will be known with the next request, too (F20).

        Some models have a default manager that hides whoever has left, and sessions are theirs whom it shows.
        """
        is_picky = bool(type(user)._default_manager.all().query.where)
        return self.user_can_authenticate(user) and not (is_picky and self.get_user(user.pk) is None)

    def _returning(
        self,
        account: LinkedAccount,
        question: SignInQuestion,
        token: TokenResponse | None,
        told: memberships.Told,
    ) -> Any:
        user: Any = account.user
        profile = question.profile
        with transaction.atomic(using=router.db_for_write(LinkedAccount)):
            snapshot.renew(account, question.provider, profile, token)
            self.update_user(user, profile)
            memberships.settle(account, told)
        return _introduce(user, account, first=False)

    def _newcomer(
        self,
        question: SignInQuestion,
        token: TokenResponse | None,
        told: memberships.Told,
        names: tuple[str, str],
        *,
        sign_up: bool,
    ) -> Any:
        if not sign_up:
            raise SignInRefused("sign_up_not_here")
        profile = question.profile
        user = self.create_user(profile, *names)
        user.set_unusable_password()
        if not self.user_can_authenticate(user):
            raise SignInRefused("user_inactive")
        with transaction.atomic(using=router.db_for_write(LinkedAccount)):
            user.save()
            if not self._can_stay(user):
                raise SignInRefused("user_inactive")
            account = snapshot.first(user, question.provider, profile, token)
            memberships.settle(account, told)
            self.complete_user(user, profile)
            transaction.on_commit(
                lambda: signals.account_linked.send_robust(LinkedAccount, user=user, account=account),
                using=router.db_for_write(LinkedAccount),
            )
        return _introduce(user, account, first=True)

    def _names(
        self, account: LinkedAccount | None, profile: Profile, *, separate: bool
    ) -> tuple[str, str] | None:
        """Return what :meth:`_free_names` does; None for whoever is no newcomer any more."""
        if account is not None:
            return "", ""
        try:
            return self._free_names(profile, separate=separate)
        except SignInConflict:
            # The visitor whose address is taken was perhaps faster in another tab: it is their own (F25).
            if LinkedAccount.objects.identified(profile.issuer, profile.subject):
                return None
            raise

    def _free_names(self, profile: Profile, *, separate: bool) -> tuple[str, str]:
        """Return a username and an address that nobody has here, asking in one query."""
        field = get_user_model().USERNAME_FIELD
        wants_name = field != addresses.field() and addresses.column(field) is not None
        names = usernames.alternatives(self.username_for(profile)) if wants_name else []
        email = _wanted_address(profile)
        users = _look_up(names, email)
        free_email = "" if self._is_taken(email, users, separate=separate) else email
        return _first_free(names, users), free_email

    def _is_taken(self, email: str, users: list[Any], *, separate: bool) -> bool:
        """Tell whether somebody has the address, in any case (threat F09), and the newcomer does without.

        One that somebody has is never a way in: that account is proven first (threats F07, F08). Who says
        that it is not theirs is believed, and gets nothing of it; but nobody comes back so who was shut out.
        """
        wanted = email.casefold()
        rows = users if email else []
        holders = [
            pk for name, theirs, pk in rows if wanted in {str(name).casefold(), (theirs or "").casefold()}
        ]
        policy = conf.setting("ON_EMAIL_COLLISION") if holders else ""
        if policy == "deny":
            raise SignInConflict
        if policy:
            self._guide(holders, separate=separate or policy == "separate")
        return bool(holders)

    def _guide(self, holders: list[Any], *, separate: bool) -> None:
        """Have the newcomer prove that they are the one who has the address, unless they say they are not."""
        model = get_user_model()
        found = model._default_manager.using(router.db_for_write(model)).filter(pk__in=holders)
        active = [user for user in found if self.user_can_authenticate(user)]
        separable = len(active) == len(holders) and not _address_is_needed()
        if not (separate and separable):
            # Of two who have it, nobody knows which one is meant.
            meant = str(active[0].pk) if len(active) == len(holders) == 1 else ""
            raise EmailTaken(meant, separable=separable)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom the site's policy has admitted, and what the provider says of them that counts here."""

    user: Any
    told: memberships.Told


def _wanted_address(profile: Profile) -> str:
    """Return the address for the user, or "": only a verified one, and only whole.

    Cut to the column's length it would be somebody else's (threats F06, F10).
    """
    column = addresses.column(addresses.field())
    email = snapshot.address(profile) if column and profile.email_verified else ""
    if column and column.max_length and len(email) > column.max_length:
        email = ""
    if not email and _address_is_needed():
        raise SignInRefused("email_required")
    return email


def _look_up(names: list[str], email: str) -> list[Any]:
    """Return name of the users who have one of these, in whatever case; of an address also who has it.

    As their address or as their name: many sites have people sign in with an address.

    In lower case, so that a site with very many users can index ``Lower(…)`` of its two columns; and
    past the default manager, which may hide users: their names are taken all the same.
    """
    model = get_user_model()
    columns = [model.USERNAME_FIELD]
    sought = [*names, email] if email and addresses.column(model.USERNAME_FIELD) is not None else names
    taken = models.Q(In(Lower(model.USERNAME_FIELD), [name.lower() for name in sought]))
    if email:
        columns += [addresses.field(), "pk"]
        taken |= models.Q(Exact(Lower(addresses.field()), email.lower()))
    return list(model._base_manager.using(router.db_for_write(model)).filter(taken).values_list(*columns))


def _first_free(names: list[str], users: list[Any]) -> str:
    """Return the first name that nobody has; "" if none is wanted."""
    used = {usernames.folded(str(user[0])) for user in users}
    free = [name for name in names if usernames.folded(name) not in used]
    if names and not free:
        raise SignInConflict("account_conflict", "no username is free")
    return free[0] if free else ""


def _address_is_needed() -> bool:
    """Tell whether the user model has no room for two users without an address."""
    model, name = get_user_model(), addresses.field()
    column = addresses.column(name)
    return name == model.USERNAME_FIELD or bool(column and column.unique and not column.null)


def _written(value: str, column: Any) -> str | None:
    """Return *value* as the column takes it; of nothing, a unique column takes only NULL twice."""
    return value[: column.max_length] or (None if column.null else "")


def _introduce(user: Any, account: LinkedAccount, *, first: bool) -> Any:
    user.signed_in_with, user.signed_in_first = account, first
    return user
