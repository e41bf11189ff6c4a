"""What is still to be withdrawn at a provider: rows of ``Revocation``, each taken by one process at a time.

Whoever takes a row puts off its next try until a lease has run out, so that of many machines one is at work
on it, and whoever dies at work is replaced. Revoking twice does no harm; not at all would.
"""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db import models
from django.db.models.functions import Coalesce, NullIf
from django.views.decorators.debug import sensitive_variables

from oauth_login.fields import revealed
from oauth_login.leases import LEASE, DatabaseNow
from oauth_login.sealing import SealBroken

logger = logging.getLogger("oauth_login")

FIRST_PAUSE: Final = 60  # seconds after the first failure; twice as long after each further one
LONGEST_PAUSE: Final = 86_400  # seconds
LONGEST_WISH: Final = 7 * 86_400  # seconds that a provider may ask for
DOUBLINGS: Final = 11  # after which LONGEST_PAUSE is reached


def _is(secret: Any, text: str) -> bool:
    try:
        return revealed(secret) == (text,)
    except SealBroken:
        return False


def pause_after(attempts: int, retry_after: int | None) -> int:
    """Return the seconds to the next try after so many *attempts*, the last of which has failed.

    :param retry_after: what the provider asked for; it is not asked earlier.
    """
    pause = min(FIRST_PAUSE << min(attempts - 1, DOUBLINGS), LONGEST_PAUSE)
    return max(pause, min(retry_after or 0, LONGEST_WISH))


class RevocationQuerySet(models.QuerySet[Any]):
    """Revocations as those see them who try them."""

    def ask_for(
        self,
        account: Any,
        *,
        client: str,
        access_token: str,
        refresh_token: str,
        expires_at: datetime | None,
        pause: int | None = LEASE,
    ) -> Any:
        """Write down that an account's grant is to be withdrawn; return the row.

        :param client: the alias of the provider that got the grant.
        :param pause: seconds in which only the caller tries; of a transaction, part of which may be over
            when it is committed. None: it is not to be withdrawn yet.
        """
        row = self.model(
            provider=client,
            issuer=account.issuer,
            subject=account.subject,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=expires_at,
            # By the database's clock, as whoever reads it: this machine's may be wrong.
            created_at=DatabaseNow(),
            next_try_at=None if pause is None else DatabaseNow() + pause,
        )
        row.save(using=self.db, force_insert=True)
        return row

    @sensitive_variables()  # here, and in whatever this calls (H08)
    def ask_for_what(self, token: Any, account: Any, *, client: str, pause: int | None = LEASE) -> Any:
        """Do :meth:`ask_for` what a stored token holds; None if that is nothing, or no key opens it."""
        if not (token.access_token or token.refresh_token):
            return None
        try:
            access_token, refresh_token = revealed(token.access_token, token.refresh_token)
        except SealBroken as error:
            logger.error("the grant of account %s cannot be withdrawn: %s", account.pk, error)
            return None
        return self.ask_for(
            account,
            client=client,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=token.expires_at,
            pause=pause,
        )

    def put_aside(self, account: Any, token: Any, *, client: str) -> Any:
        """Keep what *client* was granted for the day when the account is unlinked; the newest of it only.

        :param token: of which another client's has taken the place, or keeps it.
        """
        self.aside(account).filter(provider=client).delete()
        return self.ask_for_what(token, account, client=client, pause=None)

    def aside(self, account: Any) -> "RevocationQuerySet":
        """Return what is put aside for an account."""
        return self.filter(issuer=account.issuer, subject=account.subject, next_try_at=None)

    def awaited(self) -> "RevocationQuerySet":
        """Return what is to be withdrawn, and not put aside."""
        return self.exclude(next_try_at=None)

    def ask_for_once(self, account: Any, *, access_token: str, **grant: Any) -> None:
        """Do :meth:`ask_for` unless it was: who does a thing once more may have done it."""
        theirs = self.awaited().filter(issuer=account.issuer, subject=account.subject)
        if not any(_is(row.access_token, access_token) for row in theirs):
            self.ask_for(account, access_token=access_token, **grant)

    def as_they_are(self) -> "RevocationQuerySet":
        """Annotate ``is_expired``, which the database's clock tells, ``granted_again`` and ``is_put_aside``.

        That is, if the person has signed in again since, the alias of the provider that they have agreed to
        once more; and whether they have to this one, while another client's token is kept.
        """
        accounts = self.model._meta.apps.get_model("oauth_login", "LinkedAccount")
        again = accounts.objects.filter(issuer=models.OuterRef("issuer"), subject=models.OuterRef("subject"))
        again = again.exclude(token__state="revoked")  # noqa: S106  no secret: Token.State.REVOKED
        client = Coalesce(NullIf("token__provider", models.Value("")), "provider")
        is_expired = models.Q(expires_at__lte=DatabaseNow())
        return self.annotate(  # type: ignore[no-any-return]
            granted_again=models.Subquery(again.values(client=client)[:1]),
            is_put_aside=models.Exists(
                self.model._base_manager.filter(
                    provider=models.OuterRef("provider"),
                    issuer=models.OuterRef("issuer"),
                    subject=models.OuterRef("subject"),
                    next_try_at=None,
                )
            ),
            is_expired=models.ExpressionWrapper(is_expired, output_field=models.BooleanField()),
        )

    def older_than(self, days: int) -> "RevocationQuerySet":
        """Return what was asked for more than so many *days* ago, the oldest first."""
        seconds = days * 86_400
        return self.awaited().filter(created_at__lt=DatabaseNow() - seconds).order_by("created_at", "pk")

    def due(self, provider: str = "", failed: Collection[tuple[str, str]] = ()) -> "RevocationQuerySet":
        """Return what may be tried now, the longest due first.

        :param failed: pairs of provider and issuer that are not to be asked.
        """
        rows = self.filter(next_try_at__lte=DatabaseNow())
        for alias, issuer in failed:
            rows = rows.exclude(provider=alias, issuer=issuer)
        if provider:
            rows = rows.filter(provider=provider)
        return rows.order_by("next_try_at", "pk")

    def take(self, row: Any) -> Any:
        """Lease the row, if it is due and as it was read, and return it as it is now; else None."""
        due = self.filter(next_try_at__lte=DatabaseNow())
        return self.as_they_are().filter(pk=row.pk).first() if due.lease(row) else None

    def lease(self, row: Any) -> bool:
        """Let only the caller try the row, due or not, if nobody has since it was read; tell whether so."""
        unchanged = self.filter(pk=row.pk, attempts=row.attempts)
        values = {"tried_at": DatabaseNow(), "next_try_at": DatabaseNow() + LEASE}
        return unchanged.update(attempts=row.attempts + 1, **values) == 1

    def keep(self, row: Any, access_token: str, refresh_token: str, expires_in: int | None) -> None:
        """Write down, before anything else happens, what the row's tokens were renewed to.

        :param expires_in: in how many seconds the access token does; None if that is not known.
        """
        texts = {"access_token": access_token, "refresh_token": refresh_token}
        sealed = {name: self.model._meta.get_field(name).sealed(row, text) for name, text in texts.items()}
        lasts_until = None if expires_in is None else DatabaseNow() + expires_in
        self.filter(pk=row.pk).update(**sealed, expires_at=lasts_until)

    def put_off(self, row: Any, reason: str, retry_after: int | None) -> None:
        """Write that the try which has taken the row has failed, if the row is still there.

        :param reason: a code.
        """
        seconds = pause_after(row.attempts, retry_after)
        self.filter(pk=row.pk).update(
            attempts=row.attempts, tried_at=DatabaseNow(), next_try_at=DatabaseNow() + seconds, reason=reason
        )
