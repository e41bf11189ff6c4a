"""From a proven identity to a Django user: find, create, refuse. No network, no session.

Customise by subclassing :class:`OAuthBackend` and naming the subclass in ``AUTHENTICATION_BACKENDS``.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, router, transaction
from django.http import HttpRequest
from django.utils import timezone

from oauth_login import conf, signals, usernames
from oauth_login.errors import SignInConflict, SignInRefused
from oauth_login.models import LinkedAccount, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile

TRIES = 3  # a lost race is settled by the second; more means a conflict that trying does not settle


class OAuthBackend(ModelBackend):
    """Signs in whoever a provider has identified.

    The user it returns has the account in ``user.signed_in_with``, and ``user.signed_in_first`` is
    true when this sign-in created the user.
    """

    def authenticate(  # type: ignore[override]  # each backend has its own credentials, says Django
        self,
        request: HttpRequest | None,
        oauth_profile: Profile | None = None,
        oauth_token: TokenResponse | None = None,
        oauth_provider: str = "",
    ) -> Any:
        """Return the user of *oauth_profile*, created if need be; None without a profile.

        Code, state and verifier are never passed in: Django sends credentials to the receivers of
        ``user_login_failed``, and masks only names it knows.

        :raises SignInRefused: ``user_inactive``, ``email_required``.
        :raises SignInConflict: ``email_taken``, ``account_conflict``.
        """
        if oauth_profile is None:
            return None
        for _ in range(TRIES):
            account = LinkedAccount.objects.identified(oauth_profile.issuer, oauth_profile.subject)
            try:
                if account is not None:
                    return self._returning(account, oauth_profile, oauth_token)
                return self._newcomer(oauth_provider, oauth_profile, oauth_token)
            except IntegrityError:
                # Somebody else took the name, or this very visitor was faster in another tab.
                continue
        raise SignInConflict("account_conflict")

    def username_for(self, profile: Profile) -> str:
        """Return the name to give a newcomer, if it is free."""
        return usernames.username_for(profile)

    def create_user(self, profile: Profile, username: str, email: str) -> Any:
        """Return a new, unsaved user. Only what is named here is ever taken from a profile (F18).

        :param username: free a moment ago; "" if the user model has no use for one.
        :param email: verified by the provider and nobody else's, or "".
        """
        model = get_user_model()
        fields = {model.get_email_field_name(): email, "first_name": profile.name}
        if username:
            fields[model.USERNAME_FIELD] = username
        known = {name: text for name, text in fields.items() if _column(name) is not None}
        return model(**{name: text[: _column(name).max_length] for name, text in known.items()})

    def update_user(self, user: Any, profile: Profile) -> None:
        """Do nothing with a returning user: what a person set here is not the provider's to change.

        The linked account always has the provider's newest display data.
        """

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
            transaction.on_commit(
                lambda: signals.account_linked.send_robust(LinkedAccount, user=user, account=account),
                using=router.db_for_write(LinkedAccount),
            )
        return _introduce(user, account, first=True)

    def _free_names(self, profile: Profile) -> tuple[str, str]:
        """Return a username and an address that nobody has here, asking in one query.

        An address that somebody has is never a way in: that account is proven first (threat F07).
        """
        model = get_user_model()
        email_field = model.get_email_field_name()
        email = _address(profile) if profile.email_verified and _column(email_field) else ""
        wants_name = email_field != model.USERNAME_FIELD and _column(model.USERNAME_FIELD) is not None
        names = usernames.alternatives(self.username_for(profile)) if wants_name else []
        if not email and email_field == model.USERNAME_FIELD:
            raise SignInRefused("email_required")
        taken = models.Q(pk__in=[])
        for name in names:
            taken |= models.Q(**{f"{model.USERNAME_FIELD}__iexact": name})
        if email:
            taken |= models.Q(**{f"{email_field}__iexact": email})
        columns = [model.USERNAME_FIELD, *([email_field] if email else [])]
        rows = list(
            model._default_manager.using(router.db_for_write(model)).filter(taken).values_list(*columns)
        )
        if email and any(row[-1].casefold() == email.casefold() for row in rows):
            if conf.setting("ON_EMAIL_COLLISION") != "separate" or not wants_name:
                raise SignInConflict("email_taken")
            email = ""
        used = {str(row[0]).casefold() for row in rows}
        free = next((name for name in names if name.casefold() not in used), "")
        if wants_name and not free:
            raise SignInConflict("account_conflict", "no username is free")
        return free, email


def _column(name: str) -> Any:
    """Return the user model's text column of that name, or None."""
    try:
        field = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.CharField) else None


def _address(profile: Profile) -> str:
    """Return the profile's address if it is one, in ASCII, or "" (threats F10, F11)."""
    try:
        validate_email(profile.email)
    except ValidationError:
        return ""
    return profile.email if profile.email.isascii() and len(profile.email) <= 254 else ""


def _show(account: LinkedAccount, profile: Profile, token: TokenResponse | None) -> list[str]:
    """Take over the display data; return the names of what changed."""
    email = _address(profile)
    shown = {
        "username": profile.preferred_username,
        "name": profile.name,
        "email": email,
        "email_verified": profile.email_verified and bool(email),
        "picture": profile.picture,
        "profile_url": profile.profile,
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
    token = kept or Token(account=account, version=0)
    token.access_token = granted.access_token
    token.refresh_token = granted.refresh_token
    token.token_type = granted.token_type
    token.expires_at = _moment(granted.expires_in)
    token.refresh_expires_at = _moment(granted.refresh_token_expires_in)
    token.state = Token.State.ACTIVE
    token.lease_until = None
    token.version += 1
    token.save(force_insert=kept is None)


def _moment(seconds: int | None) -> Any:
    return None if seconds is None else timezone.now() + timedelta(seconds=seconds)


def _introduce(user: Any, account: LinkedAccount, *, first: bool) -> Any:
    user.signed_in_with, user.signed_in_first = account, first
    return user
