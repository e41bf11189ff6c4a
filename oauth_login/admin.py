"""The owner's side: who is linked, and how sign-ins ended. Nothing secret is shown or searchable."""

from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.module_loading import module_has_submodule
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from oauth_login import conf, letters, signals
from oauth_login.models import LinkedAccount, Revocation, SignIn, Token
from oauth_login.providers.display import picture_url
from oauth_login.token_admin import HealthFilter, ShownToken, TokenActions


class ReadOnly:
    """Identities come from sign-ins; typing one in would hand an account to somebody (threat L12)."""

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False


class Shown:
    """How an account is shown, in lists, on its page and beside its user."""

    admin_site: admin.AdminSite

    @admin.display(description=_("picture"))
    def shown_picture(self, account: LinkedAccount) -> SafeString | str:
        """Show the picture, without telling its host who looks."""
        if not picture_url(account.picture):
            return ""
        return format_html(
            '<img src="{}" alt="" width="24" height="24" loading="lazy" referrerpolicy="no-referrer">',
            account.picture,
        )

    @admin.display(description=_("user"), ordering="user")
    def user_link(self, account: LinkedAccount) -> SafeString | str:
        """Link to the user's own page, if it has one."""
        meta = get_user_model()._meta
        try:
            page = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"
            url = reverse(page, args=[account.user_id])
        except NoReverseMatch:
            return str(account.user)
        return format_html('<a href="{}">{}</a>', url, account.user)

    @admin.display(description=_("profile"))
    def profile_link(self, account: LinkedAccount) -> SafeString | str:
        """Link to the public profile at the provider; only to the web, whoever wrote the row (I02)."""
        if not account.profile_url.startswith("https://"):
            return ""
        return format_html('<a href="{0}" rel="noopener noreferrer">{0}</a>', account.profile_url)

    @admin.display(description=_("last sign-in"), ordering="last_sign_in_at")
    def last_used(self, account: LinkedAccount) -> datetime | None:
        """Show when the account last signed in."""
        return account.last_sign_in_at


class ProviderFilter(admin.SimpleListFilter):
    """The providers of the settings; asking the table for its own would read all of it, for every page."""

    title = _("provider")
    parameter_name = "provider"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [(alias, alias) for alias in conf.aliases()]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(provider=self.value()) if self.value() else rows


class OutcomeFilter(admin.SimpleListFilter):
    """How sign-ins ended: by what was done, or not."""

    title = _("outcome")
    parameter_name = "ended"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [
            ("signed-in", _("signed in")),
            ("changed", _("linked or unlinked")),
            ("confirmed", _("confirmed or granted more")),
            ("refused", _("refused")),
            ("unfinished", _("unfinished")),
        ]

    def queryset(self, _request: HttpRequest, sign_ins: QuerySet[SignIn]) -> QuerySet[SignIn]:
        match self.value():
            case "signed-in":
                return sign_ins.filter(outcome=SignIn.SIGNED_IN)
            case "changed":
                return sign_ins.filter(outcome__in=SignIn.CHANGES)
            case "confirmed":
                return sign_ins.filter(outcome__in=SignIn.CONFIRMATIONS)
            case "refused":
                return sign_ins.exclude(
                    outcome__in=["", SignIn.SIGNED_IN, *SignIn.CHANGES, *SignIn.CONFIRMATIONS]
                )
            case "unfinished":
                return sign_ins.filter(outcome="")
        return sign_ins


@admin.register(LinkedAccount)
class LinkedAccountAdmin(Shown, ShownToken, TokenActions, ReadOnly, admin.ModelAdmin):
    """Look, search, unlink, renew, revoke."""

    list_display = (
        "shown_picture",
        "username",
        "provider",
        "user_link",
        "email",
        "email_verified",
        "token_health",
        "linked_at",
        "last_used",
    )
    list_display_links = ("username",)
    list_filter = (ProviderFilter, HealthFilter, "email_verified", "linked_at")
    search_fields = ("username", "name", "email", "=subject")
    ordering = ("-pk",)
    show_full_result_count = False
    actions = ("renew_tokens", "withdraw_grants", "delete_selected")
    fields = (
        ("shown_picture", "username", "name"),
        "user_link",
        ("provider", "issuer", "subject"),
        ("email", "email_verified"),
        "profile_link",
        ("token_health", "token_reason", "token_kept", "token_expires", "token_key"),
        "scope",
        "claims",
        ("linked_at", "last_used"),
    )
    readonly_fields = (
        "shown_picture",
        "user_link",
        "profile_link",
        "last_used",
        "token_health",
        "token_reason",
        "token_kept",
        "token_expires",
        "token_key",
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[LinkedAccount]:
        return LinkedAccount.objects.with_last_sign_in_at().select_related("user", "token")

    @admin.action(permissions=["delete"], description=_("Unlink the selected accounts"))
    def delete_selected(self, request: HttpRequest, accounts: QuerySet[LinkedAccount]) -> None:
        """Remove the links and their tokens; the users stay, and so does what they wrote.

        Its name replaces Django's own action, which does the same and says less.
        """
        unlinked = list(accounts.select_related("user"))
        database = router.db_for_write(LinkedAccount)
        with transaction.atomic(using=database):
            Token.objects.using(database).lock(account.pk for account in unlinked)
            self.log_deletions(request, accounts)
            for account in unlinked:
                self.delete_model(request, account)
        text = ngettext("%d account was unlinked.", "%d accounts were unlinked.", len(unlinked))
        self.message_user(request, text % len(unlinked), messages.SUCCESS)
        self.tell_outcomes(request, unlinked)

    def delete_model(self, request: HttpRequest, obj: LinkedAccount) -> None:
        user = obj.user
        super().delete_model(request, obj)
        database = router.db_for_write(LinkedAccount)
        told = partial(signals.account_unlinked.send_robust, LinkedAccount, user=user, account=obj)
        transaction.on_commit(told, using=database)
        transaction.on_commit(partial(letters.send, "unlinked", user, obj), using=database)


@admin.register(Revocation)
class RevocationAdmin(ReadOnly, admin.ModelAdmin):
    """What is still to be withdrawn: read only, and without what it is to be withdrawn with."""

    list_display = ("provider", "subject", "created_at", "attempts", "tried_at", "next_try_at", "reason")
    list_filter = (ProviderFilter,)
    search_fields = ("=subject", "=reason")
    ordering = ("created_at", "pk")
    show_full_result_count = False
    fields = (
        "provider",
        ("issuer", "subject"),
        "created_at",
        ("attempts", "tried_at", "next_try_at"),
        "reason",
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Revocation]:
        return Revocation.objects.awaited()

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


@admin.register(SignIn)
class SignInAdmin(ReadOnly, admin.ModelAdmin):
    """The log: read only, even for superusers."""

    list_display = (
        "claimed_at",
        "provider",
        "outcome",
        "support_id",
        "user",
        "account",
        "started_at",
        "finished_at",
    )
    list_filter = (ProviderFilter, OutcomeFilter, "claimed_at")
    list_select_related = ("account", "user")
    search_fields = ("=support_id", "=outcome", "account__username", "=account__subject")
    ordering = ("-claimed_at",)
    show_full_result_count = False
    fields = (
        "provider",
        "started_at",
        "claimed_at",
        "finished_at",
        "outcome",
        "support_id",
        "user",
        "account",
        "has_sid",
    )
    readonly_fields = ("has_sid",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let no URL ask how a session's name or key begins, and so in the end for the whole (H05, K18)."""
        is_secret = lookup.partition("__")[0] in {"sid", "session"}
        return not is_secret and super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("session known at the provider"), boolean=True)
    def has_sid(self, sign_in: SignIn) -> bool:
        """Show whether the provider has a name for the session; neither that, nor the session's key."""
        return bool(sign_in.sid)

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class LinkedAccountInline(Shown, ReadOnly, admin.TabularInline):
    """The accounts of one user, on the user's own page."""

    model = LinkedAccount
    extra = 0
    fields = ("shown_picture", "provider", "username", "email", "email_verified", "linked_at")
    readonly_fields = ("shown_picture", "linked_at")
    show_change_link = True
    can_delete = False


def add_inline_to_users() -> None:
    """Put the inline on the page of the user model, once its own admin module has registered that."""
    app = apps.get_app_config(get_user_model()._meta.app_label)
    if module_has_submodule(app.module, "admin"):
        import_module(f"{app.name}.admin")
    if admin.site.is_registered(get_user_model()):
        user_admin = admin.site.get_model_admin(get_user_model())
        user_admin.inlines = [*user_admin.inlines, LinkedAccountInline]  # type: ignore[misc]  # this one only


add_inline_to_users()
