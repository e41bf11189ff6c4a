"""The visitor's own linked accounts: the page that shows them, and the one that unlinks one of them."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from oauth_login import aliases, branding, conf, letters, recency, session_index, signals, ways_in
from oauth_login.errors import FormStale, LastWayIn, NotHere
from oauth_login.guard import csrf_refused, csrf_told, guarded, outside_transactions
from oauth_login.models import LinkedAccount, SignIn, Token
from oauth_login.redirects import default_page, requested_page, url_to
from oauth_login.withdrawal import Outcome, outcome_of

logger = logging.getLogger("oauth_login")

UNLINKED: Final[dict[Outcome, Promise]] = {
    Outcome.WITHDRAWN: _(
        "{account} is unlinked, and {provider} has withdrawn what you granted to this site."
    ),
    Outcome.AWAITED: _(
        "{account} is unlinked. {provider} does not answer at the moment: what you granted to this site will "
        "be withdrawn as soon as it does."
    ),
}
BY_HAND: Final = _(
    "{account} is unlinked. What you granted to this site can only be withdrawn by you, in your settings at "
    "{provider}."
)
BY_HAND_THERE: Final = _(
    "{account} is unlinked. What you granted to this site can only be withdrawn by you, on "
    '<a href="{url}" rel="noopener noreferrer">a page of {provider}</a>.'
)


@guarded
@login_required(login_url="oauth_login:login")
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show the visitor's own linked accounts."""
    context = {"back": default_page(), "linkable": conf.aliases()}
    return render(request, "oauth_login/accounts.html", context)


@guarded
@csrf_told
@outside_transactions  # after the commit a provider is waited for
@login_required(login_url="oauth_login:login")
@require_http_methods(["GET", "POST"])
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    """Unlink one of the visitor's accounts, on POST. A GET asks whether it is meant, and changes nothing."""
    if request.method == "POST" and (reason := csrf_refused(request)):
        raise FormStale("unlink_stale", reason)
    if not recency.is_recent(request):
        return redirect(url_to("confirm", next=request.path))
    if request.method == "GET":
        return _ask(request, pk)
    account = _unlinked(request.user, pk, request.session.session_key)
    messages.success(request, _told(account), fail_silently=True)
    return redirect("oauth_login:accounts")


@guarded
@login_required(login_url="oauth_login:login")
@require_safe
def link(request: HttpRequest, alias: str) -> HttpResponse:
    """Ask whether another account is to be linked; the button begins it."""
    if alias not in conf.aliases():
        raise NotHere("provider_unknown")
    return render(
        request,
        "oauth_login/link.html",
        {"alias": alias, "label": branding.label(alias), "next": requested_page(request)},
    )


def _ask(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    account = _taken(user, pk, user.linked_accounts.all())
    context = {"account": account, "label": branding.label_of(account)}
    return render(request, "oauth_login/unlink.html", context)


def _unlinked(user: Any, pk: int, session: str | None) -> LinkedAccount:
    """Delete the account of that key, and have its grant withdrawn.

    All of the user's are locked, and looked at again: of two that are unlinked at the same moment, the second
    is the last (G09). SQLite locks whoever writes, and only lets wait who has read nothing before: so the log
    comes first.

    :param session: the key of the visitor's own, which stays open if sessions of the account end (G12).
    """
    database = router.db_for_write(LinkedAccount)
    accounts = user.linked_accounts.using(database)
    before = list(accounts.all())
    account = _taken(user, pk, before)
    with transaction.atomic(using=database):
        SignIn.objects.note(SignIn.UNLINKED, account)
        Token.objects.using(database).lock(one.pk for one in before)
        account = _taken(user, pk, accounts.select_for_update().order_by("pk"))
        if conf.setting("SESSIONS_END_ON_REVOCATION"):
            session_index.end(session_index.of_account(account), but=session)
        account.delete()
        told = partial(signals.account_unlinked.send_robust, LinkedAccount, user=user, account=account)
        transaction.on_commit(told, using=database)
        transaction.on_commit(partial(letters.send, "unlinked", user, account), using=database)
    logger.info("unlinked: provider=%s user=%s account=%s", account.provider, user.pk, pk)
    return account


def _taken(user: Any, pk: int, accounts: Iterable[LinkedAccount]) -> LinkedAccount:
    """Return the one of *accounts* that has the key.

    :raises NotHere: none has.
    :raises LastWayIn: there is no other that the user can sign in through, and no password that can be typed.
    """
    others = {account.pk: account for account in accounts}
    account = others.pop(pk, None)
    if account is None:
        raise NotHere("account_unknown")
    if not ways_in.providers(others.values()) and not _has_password_by_now(user):
        raise LastWayIn
    return account


def _has_password_by_now(user: Any) -> bool:
    """Tell whether *user* can sign in by password: not as they were when the request began (G09).

    Within the transaction that is after all accounts are locked, and perhaps after another tab has given the
    password up.
    """
    model = get_user_model()
    found = model._base_manager.using(router.db_for_write(model)).filter(pk=user.pk)
    return any(map(ways_in.leads_in_by_password, found))


def _told(account: LinkedAccount) -> str:
    """Return what the visitor has to know about the grant."""
    url = branding.grant_url(aliases.alias_of(account))
    text = UNLINKED.get(outcome_of(account)) or (BY_HAND_THERE if url else BY_HAND)
    shown = account.username or account.name or account.subject
    return format_html(str(text), account=shown, provider=branding.label_of(account), url=url)
