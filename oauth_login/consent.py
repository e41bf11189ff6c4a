"""The page that says what this site asks the visitor to grant at a provider, before it sends them there."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from oauth_login import asking, conf
from oauth_login.asking import Ask
from oauth_login.errors import NotHere
from oauth_login.guard import guarded
from oauth_login.models import LinkedAccount
from oauth_login.providers.base import Provider
from oauth_login.redirects import default_page, requested_page, url_to
from oauth_login.waypoints import page_before


@guarded
@login_required(login_url="oauth_login:login")
@require_safe
def show(request: HttpRequest, alias: str) -> HttpResponse:
    """Show a button for each account that may grant it; who has none is led to link one first."""
    if alias not in conf.aliases():
        raise NotHere("provider_unknown")
    provider, user = conf.provider(alias), request.user
    ask = asking.read(request.GET.get("ask", ""), user, alias)
    accounts = asking.accounts_of(user, provider)
    if not accounts:
        return redirect(url_to("link", alias, next=request.get_full_path()))
    meant = [account for account in accounts if ask.account in {"", str(account.pk)}]
    context = {
        "alias": alias,
        "label": provider.label,
        "is_new": bool(ask.scope),
        "ways": [_way(provider, user, account, ask) for account in meant or accounts],
        "choose_account": len(accounts) > 1,
        "next": requested_page(request),
        "without": _page_without(request),
    }
    return render(request, "oauth_login/grant.html", context)


def _way(provider: Provider, user: Any, account: LinkedAccount, ask: Ask) -> dict[str, Any]:
    """Return what the page shows of one account; what was granted already is not new."""
    granted = account.scope.split()
    new = [name for name in ask.scope if not provider.covers(frozenset(granted), name)]
    return {
        "account": account,
        "scope": new or ask.scope or granted,
        "granted": granted if ask.scope else [],
        "ask": asking.sealed(user, provider.alias, ask.scope, str(account.pk)),
    }


def _page_without(request: HttpRequest) -> str:
    """Return where to go without it: back, and not on to the page that would ask again at once."""
    accounts = reverse("oauth_login:accounts")
    default = default_page() if default_page() != requested_page(request) else accounts
    return page_before(request) or default
