from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

TEXT_MAX_LENGTH = 2000


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible(self) -> EntryQuerySet:
        # Not `hidden=False`: Django writes that as `NOT hidden`, for which SQLite does not open an
        # index. An index with a condition would serve SQLite, but MariaDB has none.
        return self.filter(hidden__in=[False])


class Entry(models.Model):
    """A note somebody left."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="guestbook_entries",
        verbose_name=_("author"),
    )
    text = models.TextField(_("text"), max_length=TEXT_MAX_LENGTH)
    created_at = models.DateTimeField(_("written at"), default=timezone.now, editable=False)
    edited_at = models.DateTimeField(_("edited at"), null=True, blank=True, editable=False)
    hidden = models.BooleanField(
        _("hidden"), default=False, help_text=_("Hidden entries are shown in the admin only.")
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        # By key, not by time: keys are unique, so a page's boundary never splits a tie.
        ordering = ("-id",)
        # Without it, a thousand hidden entries on top are read and dropped for every visitor.
        indexes = (models.Index(fields=["hidden", "-id"], name="guestbook_entry_visible"),)

    def __str__(self) -> str:
        return Truncator(self.text).chars(60)

    def get_absolute_url(self) -> str:
        # Not only the anchor: the entry may have left the first page long ago.
        return f"{reverse('guestbook:index')}?before={self.pk + 1}#entry-{self.pk}"


class BlockedAuthor(models.Model):
    """Somebody who may read, and take back what they wrote, but not write."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="guestbook_block",
        verbose_name=_("user"),
    )
    reason = models.CharField(
        _("reason"),
        max_length=200,
        blank=True,
        help_text=_("A note to yourself; the author does not see it."),
    )
    blocked_at = models.DateTimeField(_("blocked at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("blocked author")
        verbose_name_plural = _("blocked authors")
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.user.get_username()

    @classmethod
    def includes(cls, user: AbstractBaseUser) -> bool:
        return cls.objects.filter(user_id=user.pk).exists()
