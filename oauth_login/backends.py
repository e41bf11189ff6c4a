"""From a proven identity to a Django user: find, create, refuse. No network, no session.

Customise by subclassing :class:`OAuthBackend` and naming the subclass in ``AUTHENTICATION_BACKENDS``.
"""

from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, router, transaction
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, In
from django.http import HttpRequest

from oauth_login import conf, signals, usernames
from oauth_login.errors import ProviderResponseError, SignInConflict, SignInRefused
from oauth_login.fields import moment
from oauth_login.models import LinkedAccount, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile, https_url, picture_url, text
from oauth_login.providers.subjects import SUBJECT_LENGTH

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
        oauth_sign_up: bool = True,  # noqa: FBT001, FBT002  Django passes credentials by name
    ) -> Any:
        """Return the user of *oauth_profile*, created if need be; None without a profile.

        Code, state and verifier are never passed in: Django sends credentials to the receivers of
        ``user_login_failed``, and masks only names it knows.

        :param oauth_sign_up: False if nobody new is to be made a user, as on the way to the admin.

        :raises SignInRefused: ``user_inactive``, ``email_required``, ``sign_up_not_here``.
        :raises SignInConflict: ``email_taken``, ``account_conflict``.
        :raises ProviderResponseError: ``subject_invalid``.
        """
        if oauth_profile is None:
            return None
        self.request = request
        _require_identity(oauth_profile)
        lost: IntegrityError | None = None
        for _ in range(TRIES):
            account = LinkedAccount.objects.identified(oauth_profile.issuer, oauth_profile.subject)
            try:
                if account is not None:
                    return self._returning(account, oauth_profile, oauth_token)
                if not oauth_sign_up:
                    self._refuse_newcomer(oauth_profile)
                return self._newcomer(oauth_provider, oauth_profile, oauth_token)
            except IntegrityError as error:
                # Somebody else took the name, or this very visitor was faster in another tab.
                lost = error
            except SignInConflict:
                # So was the visitor perhaps whose address is taken: it may be their own by now (F25).
                if not LinkedAccount.objects.identified(oauth_profile.issuer, oauth_profile.subject):
                    raise
        # What is left is a constraint of the site's own, say a column that must be filled. Only the
        # first line: in the next ones PostgreSQL shows the row.
        raise SignInConflict("account_conflict", str(lost or "").partition("\n")[0]) from lost

    def username_for(self, profile: Profile) -> str:
        """Return the name to give a newcomer, if it is free."""
        column = _column(get_user_model().USERNAME_FIELD)
        return usernames.username_for(profile, column.max_length or usernames.LONGEST)

    def create_user(self, profile: Profile, username: str, email: str) -> Any:
        """Return a new, unsaved user. Only what is named here is ever taken from a profile (F18).

        :param username: free a moment ago; "" if the user model has no use for one.
        :param email: verified by the provider and nobody else's, or "".
        """
        model = get_user_model()
        fields = {_email_field(): email, "first_name": text(profile.name)}
        if username:
            fields[model.USERNAME_FIELD] = username
        known = {name: value for name, value in fields.items() if _column(name) is not None}
        return model(**{name: _written(value, _column(name)) for name, value in known.items()})

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

    def _returning(self, account: LinkedAccount, profile: Profile, token: TokenResponse | None) -> Any:
        user: Any = account.user
        if not self.user_can_authenticate(user):
            raise SignInRefused("user_inactive")
        changed = _show(account, profile, token)
        with transaction.atomic(using=router.db_for_write(LinkedAccount)):
            if changed:
                account.save(update_fields=changed)
            _keep(account, token, kept=getattr(account, "token", None))
            self.update_user(user, profile)
        return _introduce(user, account, first=False)

    def _refuse_newcomer(self, profile: Profile) -> NoReturn:
        """Refuse somebody unknown; whose address a user has is told that first, and how to go on."""
        self._free_names(profile)
        raise SignInRefused("sign_up_not_here")

    def _newcomer(self, provider: str, profile: Profile, token: TokenResponse | None) -> Any:
        username, email = self._free_names(profile)
        user = self.create_user(profile, username, email)
        user.set_unusable_password()
        if not self.user_can_authenticate(user):
            raise SignInRefused("user_inactive")
        with transaction.atomic(using=router.db_for_write(LinkedAccount)):
            user.save()
            account = LinkedAccount(
                user=user, provider=provider, issuer=profile.issuer, subject=profile.subject
            )
            _show(account, profile, token)
            account.save(force_insert=True)
            _keep(account, token, kept=None)
            self.complete_user(user, profile)
            transaction.on_commit(
                lambda: signals.account_linked.send_robust(LinkedAccount, user=user, account=account),
                using=router.db_for_write(LinkedAccount),
            )
        return _introduce(user, account, first=True)

    def _free_names(self, profile: Profile) -> tuple[str, str]:
        """Return a username and an address that nobody has here, asking in one query."""
        field = get_user_model().USERNAME_FIELD
        wants_name = field != _email_field() and _column(field) is not None
        names = usernames.alternatives(self.username_for(profile)) if wants_name else []
        email = _wanted_address(profile)
        users = _look_up(names, email)
        free_email = _unless_taken(email, users)
        return _first_free(names, users), free_email


def _require_identity(profile: Profile) -> None:
    """Refuse what the columns could not hold: cut to fit, two people would become one (threats F01, F03).

    Providers check it for their own kind of subject; this holds for every provider a site may write.
    """
    for part in (profile.issuer, profile.subject):
        if not 0 < len(part) <= SUBJECT_LENGTH:
            raise ProviderResponseError("subject_invalid", f"{len(part)} characters")


def _wanted_address(profile: Profile) -> str:
    """Return the address for the user, or "": only a verified one, and only whole.

    Cut to the column's length it would be somebody else's (threats F06, F10).
    """
    column = _column(_email_field())
    email = _address(profile) if column and profile.email_verified else ""
    if column and column.max_length and len(email) > column.max_length:
        email = ""
    if not email and _address_is_needed():
        raise SignInRefused("email_required")
    return email


def _look_up(names: list[str], email: str) -> list[Any]:
    """Return name and address of the users who have one of these, in whatever case.

    In lower case, so that a site with very many users can index ``Lower(…)`` of its two columns; and
    past the default manager, which may hide users: their names are taken all the same.
    """
    model = get_user_model()
    columns = [model.USERNAME_FIELD]
    taken = models.Q(In(Lower(model.USERNAME_FIELD), [name.lower() for name in names]))
    if email:
        columns.append(_email_field())
        taken |= models.Q(Exact(Lower(_email_field()), email.lower()))
    return list(model._base_manager.using(router.db_for_write(model)).filter(taken).values_list(*columns))


def _unless_taken(email: str, users: list[Any]) -> str:
    """Return the address if nobody has it, in any case (threat F09).

    One that somebody has is never a way in: that account is proven first (threats F07, F08).
    """
    if not email or all((user[-1] or "").casefold() != email.casefold() for user in users):
        return email
    policy = conf.setting("ON_EMAIL_COLLISION")
    if policy == "deny":
        raise SignInConflict
    if policy == "guide" or _address_is_needed():
        raise SignInConflict("email_taken")
    return ""


def _first_free(names: list[str], users: list[Any]) -> str:
    """Return the first name that nobody has; "" if none is wanted."""
    used = {usernames.folded(str(user[0])) for user in users}
    free = [name for name in names if usernames.folded(name) not in used]
    if names and not free:
        raise SignInConflict("account_conflict", "no username is free")
    return free[0] if free else ""


def _address_is_needed() -> bool:
    """Tell whether the user model has no room for two users without an address."""
    model, name = get_user_model(), _email_field()
    column = _column(name)
    return name == model.USERNAME_FIELD or bool(column and column.unique and not column.null)


def _email_field() -> str:
    """Return the name of the user model's field for the address."""
    model = get_user_model()
    signs_in_with_it = isinstance(_column(model.USERNAME_FIELD), models.EmailField)
    return model.USERNAME_FIELD if signs_in_with_it else model.get_email_field_name()


def _column(name: str) -> Any:
    """Return the user model's text column of that name, or None."""
    try:
        field = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.CharField) else None


def _written(value: str, column: Any) -> str | None:
    """Return *value* as the column takes it; of nothing, a unique column takes only NULL twice."""
    return value[: column.max_length] or (None if column.null else "")


def _address(profile: Profile) -> str:
    """Return the profile's address if it is one, in ASCII, or "" (threats F10, F11)."""
    try:
        validate_email(profile.email)
    except ValidationError:
        return ""
    return profile.email if profile.email.isascii() and len(profile.email) <= 254 else ""


def _show(account: LinkedAccount, profile: Profile, token: TokenResponse | None) -> list[str]:
    """Take over the display data; return the names of what changed.

    Providers clean what they say; here it holds for those that a site may write (threats I02, I14).
    """
    email = _address(profile)
    shown = {
        "username": text(profile.preferred_username),
        "name": text(profile.name),
        "email": email,
        "email_verified": profile.email_verified and bool(email),
        "picture": picture_url(profile.picture),
        "profile_url": https_url(profile.profile),
        "claims": dict(profile.claims),
    }
    if token and token.scope is not None:
        shown["scope"] = " ".join(sorted(token.scope))
    changed = [name for name, value in shown.items() if getattr(account, name) != value]
    for name in changed:
        setattr(account, name, shown[name])
    return changed


def _keep(account: LinkedAccount, granted: TokenResponse | None, *, kept: Token | None) -> None:
    """Write the account's token row, or remove the one it has when the site keeps none."""
    if granted is None or not conf.setting("STORE_TOKENS"):
        if kept:
            kept.delete()
        return
    token = kept or Token(account=account)
    token.access_token = granted.access_token
    token.refresh_token = granted.refresh_token
    token.token_type = granted.token_type
    token.expires_at = moment(granted.expires_in)
    token.refresh_expires_at = moment(granted.refresh_token_expires_in)
    token.state = Token.State.ACTIVE
    token.reason, token.lease_until = "", None
    if kept:
        # In the database: whoever is renewing the old one must find that it is no more (threat H16).
        token.version = models.F("version") + 1
    token.save(force_insert=kept is None)
    if kept:
        del token.version  # read again when it is asked for


def _introduce(user: Any, account: LinkedAccount, *, first: bool) -> Any:
    user.signed_in_with, user.signed_in_first = account, first
    return user
