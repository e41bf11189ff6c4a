"""The owner's side: who is linked, and how sign-ins ended. Nothing secret is shown or searchable."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from oauth_login import signals
from oauth_login.models import LinkedAccount, SignIn


@admin.display(description="")
def picture(account: LinkedAccount) -> SafeString | str:
    """Show the account's picture, without telling its host who looks."""
    if not account.picture:
        return ""
    return format_html(
        '<img src="{}" alt="" width="24" height="24" loading="lazy" referrerpolicy="no-referrer">',
        account.picture,
    )


@admin.display(description=_("user"), ordering="user")
def user_link(account: LinkedAccount) -> SafeString | str:
    """Link to the user's own admin page, if there is one."""
    meta = get_user_model()._meta
    try:
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[account.user_id])
    except NoReverseMatch:
        return str(account.user)
    return format_html('<a href="{}">{}</a>', url, account.user)


@admin.display(description=_("profile"))
def profile_link(account: LinkedAccount) -> SafeString | str:
    """Link to the public profile at the provider."""
    if not account.profile_url:
        return ""
    return format_html(
        '<a href="{0}" rel="noopener noreferrer">{0}</a>',
        account.profile_url,
    )


@admin.display(description=_("last sign-in"), ordering="last_sign_in_at")
def last_sign_in_at(account: LinkedAccount) -> Any:
    """Show when the account last signed in."""
    return account.last_sign_in_at


class ReadOnly:
    """Identities come from sign-ins; typing one in would hand an account to somebody (threat L12)."""

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False


@admin.register(LinkedAccount)
class LinkedAccountAdmin(ReadOnly, admin.ModelAdmin):
    """Look, search, unlink."""

    list_display = (
        picture,
        "username",
        "provider",
        user_link,
        "email",
        "email_verified",
        "linked_at",
        last_sign_in_at,
    )
    list_display_links = ("username",)
    list_filter = ("provider", "email_verified", "linked_at")
    list_select_related = ("user",)
    search_fields = ("username", "name", "email", "=subject")
    date_hierarchy = "linked_at"
    show_full_result_count = False
    actions = ("unlink",)
    fields = (
        (picture, "username", "name"),
        user_link,
        ("provider", "issuer", "subject"),
        ("email", "email_verified"),
        profile_link,
        "scope",
        "claims",
        ("linked_at", last_sign_in_at),
    )
    readonly_fields = fields[0][:1] + (user_link, profile_link, last_sign_in_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkedAccount]:
        return LinkedAccount.objects.with_last_sign_in_at()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer "unlink" only: Django's "delete selected" is the same by a name that says less."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(permissions=["delete"], description=_("Unlink the selected accounts"))
    def unlink(self, request: HttpRequest, accounts: QuerySet[LinkedAccount]) -> None:
        """Remove the links and their tokens; the users stay, and so does what they wrote."""
        unlinked = list(accounts.select_related("user"))
        self.log_deletions(request, accounts)
        for account in unlinked:
            self.delete_model(request, account)
        text = ngettext("%d account was unlinked.", "%d accounts were unlinked.", len(unlinked))
        self.message_user(request, text % len(unlinked), messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: LinkedAccount) -> None:
        user = obj.user
        super().delete_model(request, obj)
        signals.account_unlinked.send_robust(LinkedAccount, user=user, account=obj)


@admin.register(SignIn)
class SignInAdmin(ReadOnly, admin.ModelAdmin):
    """The log: read only, even for superusers."""

    list_display = ("claimed_at", "provider", "outcome", "account", "started_at", "finished_at")
    list_filter = ("provider", "outcome", "claimed_at")
    list_select_related = ("account",)
    search_fields = ("=outcome", "account__username", "=account__subject")
    date_hierarchy = "claimed_at"
    ordering = ("-claimed_at",)
    show_full_result_count = False
    fields = ("provider", "started_at", "claimed_at", "finished_at", "outcome", "account")

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class LinkedAccountInline(ReadOnly, admin.TabularInline):
    """The accounts of one user, on the user's own page."""

    model = LinkedAccount
    extra = 0
    fields = (picture, "provider", "username", "email", "email_verified", "linked_at")
    readonly_fields = (picture,)
    show_change_link = True
    can_delete = False


def add_inline_to_users() -> None:
    """Put the inline on the admin page of the user model, whoever registered that."""
    user_admin = admin.site._registry.get(get_user_model())
    inlines: list[type[InlineModelAdmin[Any, Any]]] = list(user_admin.inlines) if user_admin else []
    if user_admin and LinkedAccountInline not in inlines:
        user_admin.inlines = [*inlines, LinkedAccountInline]
