from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from guestbook.models import BlockedAuthor, Entry

USERNAME_FIELD = get_user_model().USERNAME_FIELD


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    class Media:
        css = {"all": ["guestbook/admin.css"]}

    """The owner hides, restores and deletes; the words stay the author's."""

    list_display = ("__str__", "author_link", "author_is_blocked", "created_at", "hidden")
    list_filter = ("hidden", "created_at")
    list_select_related = ("author__guestbook_block",)
    list_per_page = 50
    search_fields = (
        "text",
        f"author__{USERNAME_FIELD}",
        "author__linked_accounts__username",
        "author__linked_accounts__name",
    )
    show_full_result_count = False
    fields = ("text", "author_link", "author_is_blocked", "created_at", "edited_at", "hidden")
    readonly_fields = ("text", "author_link", "author_is_blocked", "created_at", "edited_at")
    actions = ("hide", "restore", "block_author", "unblock_author")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Entries are written on the site, by the person they are signed with.
        return False

    def has_block_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("guestbook.add_blockedauthor")

    def has_unblock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("guestbook.delete_blockedauthor")

    @admin.display(description=gettext_lazy("author"), ordering="author")
    def author_link(self, entry: Entry) -> SafeString:
        # To all they wrote, which is what a moderator wants to see next. Their user's page may not
        # exist: whether users are in the admin is up to the site.
        changelist = reverse(f"{self.admin_site.name}:guestbook_entry_changelist")
        return format_html(
            '<a href="{}?author__pk__exact={}"><bdi>{}</bdi></a>',
            changelist,
            entry.author_id,
            entry.author.get_username(),
        )

    @admin.display(description=gettext_lazy("blocked"), boolean=True)
    def author_is_blocked(self, entry: Entry) -> bool:
        return hasattr(entry.author, "guestbook_block")

    @admin.action(description=gettext_lazy("Hide selected entries"), permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        changed = _set_hidden(request, queryset, hidden=True)
        self.message_user(
            request,
            ngettext("%(count)d entry is hidden.", "%(count)d entries are hidden.", changed)
            % {"count": changed},
        )

    @admin.action(description=gettext_lazy("Restore selected entries"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        changed = _set_hidden(request, queryset, hidden=False)
        self.message_user(
            request,
            ngettext("%(count)d entry is visible again.", "%(count)d entries are visible again.", changed)
            % {"count": changed},
        )

    @admin.action(description=gettext_lazy("Block the authors of selected entries"), permissions=["block"])
    def block_author(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        authors = queryset.order_by().values_list("author", flat=True).distinct()
        with transaction.atomic():
            found = [BlockedAuthor.objects.get_or_create(user_id=author) for author in authors]
            blocks = [block for block, is_new in found if is_new]
            _log(request, blocks, ADDITION)
        self.message_user(
            request,
            ngettext("%(count)d author is blocked.", "%(count)d authors are blocked.", len(blocks))
            % {"count": len(blocks)},
        )

    @admin.action(
        description=gettext_lazy("Unblock the authors of selected entries"), permissions=["unblock"]
    )
    def unblock_author(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        authors = queryset.order_by().values("author")
        with transaction.atomic():
            blocks = list(BlockedAuthor.objects.filter(user__in=authors).select_related("user"))
            _log(request, blocks, DELETION)
            BlockedAuthor.objects.filter(user__in=authors).delete()
        self.message_user(
            request,
            ngettext(
                "%(count)d author may write again.",
                "%(count)d authors may write again.",
                len(blocks),
            )
            % {"count": len(blocks)},
        )


@admin.register(BlockedAuthor)
class BlockedAuthorAdmin(admin.ModelAdmin):
    list_display = ("__str__", "reason", "blocked_at")
    list_select_related = ("user",)
    search_fields = (
        f"user__{USERNAME_FIELD}",
        "user__linked_accounts__username",
        "user__linked_accounts__name",
        "reason",
    )
    show_full_result_count = False
    raw_id_fields = ("user",)  # A drop-down of a million users is no help.
    readonly_fields = ("blocked_at",)


def _set_hidden(request: HttpRequest, queryset: QuerySet[Entry], *, hidden: bool) -> int:
    changing = queryset.filter(hidden=not hidden)
    with transaction.atomic():
        _log(request, list(changing), CHANGE, _("Hidden.") if hidden else _("Restored."))
        return changing.update(hidden=hidden)


def _log(request: HttpRequest, objects: Sequence[Model], flag: int, message: str = "") -> None:
    LogEntry.objects.log_actions(str(request.user.pk), objects, flag, message)
