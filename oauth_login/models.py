"""Linked accounts, their tokens, and the log of sign-ins.

A person is ``(issuer, subject)``. Logins and addresses change hands, so nothing else ever finds one.
"""

import hashlib
import uuid
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from oauth_login.fields import EncryptedTextField, ExactCharField, MomentField, moment
from oauth_login.health import Health, health_of
from oauth_login.leases import LEASE, TokenQuerySet
from oauth_login.outstanding import RevocationQuerySet


class LinkedAccountQuerySet(models.QuerySet["LinkedAccount"]):
    """Accounts as the sign-in looks them up."""

    def identified(self, issuer: str, subject: str) -> "LinkedAccount | None":
        """Return the account of that identity with its user and token, in one query, or None.

        It reads from the database that is written to, as a replica may not know a new account yet.
        Both are compared again in Python: a column's collation may think ``abc`` is ``ABC`` (threat F04).
        """
        accounts = (
            self.using(router.db_for_write(self.model))
            .select_related("user", "token")
            .filter(issuer=issuer, subject=subject)
        )
        exact = (row for row in accounts if (row.issuer, row.subject) == (issuer, subject))
        return next(exact, None)

    def with_last_sign_in_at(self) -> "LinkedAccountQuerySet":
        """Annotate when each account last signed in, for ordering and for lists."""
        last = (
            SignIn.objects.filter(account=models.OuterRef("pk"), outcome=SignIn.SIGNED_IN)
            .order_by("-finished_at")
            .values("finished_at")[:1]
        )
        return self.annotate(last_sign_in_at=models.Subquery(last))  # type: ignore[no-redef]  # fills the cache


class LinkedAccount(models.Model):
    """A provider's account through which a user signs in."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="linked_accounts",
        verbose_name=_("user"),
    )
    provider = models.CharField(_("provider"), max_length=50, help_text=_("Alias in the settings."))
    issuer = ExactCharField(_("issuer"), max_length=255)
    subject = ExactCharField(_("subject"), max_length=255)
    username = models.CharField(_("username"), max_length=150, blank=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    email_verified = models.BooleanField(_("e-mail verified"), default=False)
    picture = models.CharField(_("picture"), max_length=500, blank=True)
    profile_url = models.CharField(_("profile"), max_length=500, blank=True)
    claims = models.JSONField(_("claims"), default=dict, blank=True)
    scope = models.TextField(_("granted scope"), blank=True)
    linked_at = models.DateTimeField(_("linked"), default=timezone.now, editable=False)
    given = models.JSONField(_("given"), default=dict, blank=True, editable=False)  # see memberships.py

    #: What was written down when the grant was to be withdrawn (``withdrawal.py``).
    withdrawal: Any = None

    objects = LinkedAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("linked account")
        verbose_name_plural = _("linked accounts")
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="oauth_login_identity"),
            models.CheckConstraint(
                condition=~models.Q(subject="") & ~models.Q(issuer=""),
                name="oauth_login_identity_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username or self.name or self.subject} ({self.provider})"

    @cached_property
    def last_sign_in_at(self) -> datetime | None:
        """When this account last signed in; from the sign-in log, which is where it is known."""
        sign_ins = self.sign_ins.filter(outcome=SignIn.SIGNED_IN)
        last: datetime | None = sign_ins.aggregate(last=models.Max("finished_at"))["last"]
        return last

    def client_of(self, token: "Token") -> str:
        """Return the alias of the provider that got *token*, which is this account's."""
        return token.provider or self.provider

    @property
    def health(self) -> Health:
        """How its token is doing."""
        return health_of(getattr(self, "token", None))

    def access_token(self) -> str:
        """Return a token that the provider takes now, renewed if need be. A template must not call it (H11).

        :raises ReauthorizationRequired: there is none any more; only the visitor can get a new one.
        :raises ProviderError: there is no other token, and the provider does not answer as it should.
        """
        return str(import_string("oauth_login.tokens.access_token")(self))

    def session(self, *scope: str) -> Any:
        """Return a ``requests.Session`` for the provider's API in the name of this account (``api.py``).

        :param scope: what has to be granted for what follows.
        :raises ScopeRequired: it is not; ``missing`` says what.
        :raises ReauthorizationRequired: as :meth:`access_token` does.
        """
        return import_string("oauth_login.api.ApiSession")(self, scope)

    # What is above the store is reached by name: the store itself knows no provider and no network.
    access_token.alters_data = session.alters_data = True  # type: ignore[attr-defined]


class Token(models.Model):
    """What the provider granted for an account, encrypted; the newest grant only.

    ``version`` and ``lease_until`` make sure that of many workers one renews it (``leases.py``).
    """

    class State(models.TextChoices):
        """What can still be done with the grant."""

        ACTIVE = "active", _("active")
        REAUTHORIZE = "reauthorize", _("needs sign-in")
        REVOKED = "revoked", _("revoked")

    account = models.OneToOneField(
        LinkedAccount, on_delete=models.CASCADE, primary_key=True, verbose_name=_("linked account")
    )
    provider = models.CharField(
        _("provider"),
        max_length=50,
        blank=True,
        editable=False,
        help_text=_("The alias of the provider that got it; empty: the account's."),
    )
    access_token = EncryptedTextField(_("access token"), blank=True, editable=False)
    refresh_token = EncryptedTextField(_("refresh token"), blank=True, editable=False)
    token_type = models.CharField(_("token type"), max_length=20, default="Bearer")
    expires_at = MomentField(_("expires"), null=True, blank=True)
    refresh_expires_at = MomentField(_("refresh token expires"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    lease_until = MomentField(_("lease until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.ACTIVE)
    reason = models.CharField(
        _("reason"), max_length=50, blank=True, help_text=_("The code of what went wrong last, if anything.")
    )

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        indexes = [models.Index(fields=["state", "expires_at"], name="oauth_login_token_due")]

    def __str__(self) -> str:
        return f"{self.get_state_display()} ({self.account_id})"

    #: Seconds by which the database's clock is ahead of this machine's, which may be wrong (``leases.py``).
    clock_ahead = 0

    def expires_within(self, seconds: int) -> bool:
        """Tell whether the access token is expired in so many *seconds*; one without a date never is."""
        return self.expires_at is not None and self.expires_at <= moment(seconds + self.clock_ahead)

    def is_past_refresh(self) -> bool:
        """Tell whether the refresh token is expired; one without a date never is."""
        return self.refresh_expires_at is not None and self.refresh_expires_at <= moment(self.clock_ahead)

    def moment(self, seconds: int | None) -> datetime | None:
        """Return the moment in so many *seconds* by the clock that all machines share; of none, none."""
        return None if seconds is None else moment(seconds + self.clock_ahead)

    def revoke(self, reason: str) -> bool:
        """Forget a grant that has been withdrawn; tell whether it was still this one, and not yet forgotten.

        A row that was written since it was read has a newer one, which stays (threat K05).

        :param reason: a code.
        """
        nothing = dict.fromkeys(("expires_at", "refresh_expires_at"))
        tokens = dict.fromkeys(("access_token", "refresh_token"), "")
        is_new = self.state != Token.State.REVOKED
        return is_new and Token.objects.replace(
            self, **tokens, **nothing, state=Token.State.REVOKED, reason=reason
        )


def now() -> datetime | None:
    """Return this moment."""
    return moment(0)


def lease_end() -> datetime | None:
    """Return when somebody else may try what is begun now."""
    return moment(LEASE)


class Revocation(models.Model):
    """A grant that is to be withdrawn at its provider; it goes when that is done (``withdrawal.py``).

    Or is put aside (``granted.py``), to be withdrawn when the account is unlinked: then nobody tries yet.

    It outlasts account and user. Who it was about is needed to see whether they have signed in again since.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(_("provider"), max_length=50, help_text=_("Alias in the settings."))
    issuer = ExactCharField(_("issuer"), max_length=255)
    subject = ExactCharField(_("subject"), max_length=255)
    access_token = EncryptedTextField(_("access token"), blank=True, editable=False)
    refresh_token = EncryptedTextField(_("refresh token"), blank=True, editable=False)
    expires_at = MomentField(_("expires"), null=True, blank=True)
    created_at = MomentField(_("asked for"), default=now)
    tried_at = MomentField(_("last tried"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = MomentField(
        _("next try"), default=lease_end, null=True, help_text=_("Never, if it is put aside.")
    )
    reason = models.CharField(
        _("reason"), max_length=50, blank=True, help_text=_("The code of what went wrong last, if anything.")
    )

    #: Who has been granted anew since, and whether the access token is dead: ``as_they_are()``.
    granted_again: str | None = None
    is_put_aside = False
    is_expired = False

    objects = RevocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("revocation")
        verbose_name_plural = _("revocations")
        indexes = [models.Index(fields=["next_try_at"], name="oauth_login_revocation_due")]

    def __str__(self) -> str:
        return f"{self.provider} ({self.reason or '…'})"


class SignInManager(models.Manager["SignIn"]):
    """Claims attempts."""

    def claim(self, *, attempt: str, provider: str, started_at: datetime) -> "SignIn | None":
        """Take the attempt for this request, in one INSERT; None if another request already has.

        The unique index is the judge, so exactly one of many simultaneous callbacks wins, in every
        database and with every session engine (threats A04, A06, A28).
        """
        sign_in = SignIn(attempt=attempt, provider=provider, started_at=started_at)
        try:
            with transaction.atomic(using=router.db_for_write(SignIn)):
                sign_in.save(force_insert=True)
        except IntegrityError:
            return None
        return sign_in

    def note(self, outcome: str, account: LinkedAccount) -> None:
        """Write what became of *account* that no attempt is behind (threat G11).

        :param outcome: LINKED or UNLINKED; of the latter the account is not kept, as it goes.
        """
        kept = account if outcome == SignIn.LINKED else None
        self._write(outcome, outcome, provider=account.provider, user_id=account.user_id, account=kept)

    def note_refusal(self, code: str, provider: str, user: Any, *, support_id: str) -> None:
        """Write that nothing was linked for *user*, who was signed in by other means (threat G11)."""
        self._write("refused", code, provider=provider, user_id=user.pk, support_id=support_id)

    def _write(self, attempt: str, outcome: str, **values: Any) -> None:
        now = timezone.now()
        moments = dict.fromkeys(("started_at", "claimed_at", "finished_at"), now)
        row = SignIn(attempt=f"{attempt}-{uuid.uuid4().hex}", outcome=outcome, **moments, **values)
        row.save(force_insert=True, using=router.db_for_write(SignIn))

    def noted(self) -> models.QuerySet["SignIn"]:
        """Return the sign-ins whose sessions are known, with the user; no replica is asked."""
        here = self.using(router.db_for_write(SignIn))
        return here.exclude(session="").select_related("user")


class SignIn(models.Model):
    """One finished attempt: the claim on it, and the log entry about it."""

    SIGNED_IN = "signed_in"
    LINKED = "linked"
    UNLINKED = "unlinked"
    REAUTHENTICATED = "reauthenticated"
    GRANTED = "granted"
    CHANGES: Final = (LINKED, UNLINKED)  # of the ways in
    CONFIRMATIONS: Final = (REAUTHENTICATED, GRANTED)  # by somebody who is signed in already

    attempt = models.CharField(_("attempt"), max_length=43, unique=True)
    provider = models.CharField(_("provider"), max_length=50)
    started_at = models.DateTimeField(_("started"))
    claimed_at = models.DateTimeField(_("came back"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)
    outcome = models.CharField(
        _("outcome"),
        max_length=50,
        blank=True,
        help_text=_(
            "“signed_in”, “linked” or the like, or the code of the refusal; empty while it is going on."
        ),
    )
    support_id = models.CharField(
        _("support ID"), max_length=9, blank=True, help_text=_("What a visitor who was refused can read out.")
    )
    account = models.ForeignKey(
        LinkedAccount,
        on_delete=models.SET_NULL,
        null=True,
        related_name="sign_ins",
        verbose_name=_("linked account"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("user"),
    )
    sid = ExactCharField(_("session at the provider"), max_length=255, blank=True, editable=False)
    session = models.TextField(_("session"), blank=True, editable=False)  # its key, sealed: session_index.py

    objects = SignInManager()

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        indexes = [
            models.Index(fields=["account", "-finished_at"], name="oauth_login_last_sign_in"),
            models.Index(fields=["claimed_at"], name="oauth_login_sign_in_age"),
            models.Index(fields=["sid"], name="oauth_login_sign_in_sid"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.outcome or '…'}"

    def finish(self, outcome: str, account: LinkedAccount | None = None, *, support_id: str = "") -> None:
        """Write how it ended: SIGNED_IN, or the refusal's code and the id that its page shows."""
        self.outcome, self.account, self.support_id = outcome, account, support_id
        self.user_id = account.user_id if account else None
        self.finished_at = timezone.now()
        written = ["outcome", "account", "user", "support_id", "finished_at", "sid", "session"]
        self.save(update_fields=written)


class NoticeManager(models.Manager["Notice"]):
    """Tells new notices from those that came before."""

    def is_new(self, *, provider: str, id: str) -> bool:  # noqa: A002  what the provider calls it
        """Note what *provider* calls *id*; return whether it was not noted yet.

        The unique index is the judge, as it is for attempts, whatever the site's cache is (K05, K17).
        """
        key = hashlib.sha256(f"{provider}\n{id}".encode()).hexdigest()
        try:
            with transaction.atomic(using=router.db_for_write(Notice)):
                Notice(provider=provider, key=key).save(force_insert=True)
        except IntegrityError:
            return False
        return True


class Notice(models.Model):
    """What a provider has told the site of its own accord, noted so that it counts once."""

    KEPT: Final = timedelta(days=7)  # as long as GitHub delivers again; a logout token lives for minutes

    provider = models.CharField(_("provider"), max_length=50)
    key = models.CharField(_("key"), max_length=64, unique=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now, db_index=True)

    objects = NoticeManager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.provider}: {self.received_at:%Y-%m-%d %H:%M}"
