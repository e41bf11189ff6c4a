"""``{% load oauth_login %}``: the buttons, and the visitor's linked accounts."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.template import RequestContext
from django.urls import reverse

from oauth_login import aliases, branding, conf, last_used
from oauth_login.health import unusable
from oauth_login.models import LinkedAccount, Token
from oauth_login.redirects import same_origin_path

register = template.Library()


@register.inclusion_tag("oauth_login/buttons.html", takes_context=True)
def sign_in_buttons(
    context: RequestContext,
    next: object = "",  # noqa: A002
    *,
    choose_account: bool = False,
    another_account: bool = False,
) -> dict[str, Any]:
    """Show a button per provider. It POSTs, so nothing can press it but the visitor.

    Of several, the one that this browser used the last time says so. It stays in its place, where people
    have learned to find it.

    :param next: the page of this site to come back to; default: ``LOGIN_REDIRECT_URL``.
    :param choose_account: let the provider ask which account, where it can (``prompt=select_account``).
    :param another_account: offer just that beside the provider that was used the last time.
    """
    aliases, last = conf.aliases(), last_used.alias(_request(context))
    providers = [
        _button(
            alias,
            mark=alias == last and len(aliases) > 1,  # of one there is nothing to remember
            another_account=alias == last and another_account,
        )
        for alias in aliases
    ]
    page = same_origin_path(next)
    more = {"choose_account": choose_account, "intent": "", "ask": ""}
    return _with_request(context, providers=providers, next=page, **more)


@register.inclusion_tag("oauth_login/button.html", takes_context=True)
def sign_in_button(
    context: RequestContext,
    alias: str,
    next: object = "",  # noqa: A002
    *,
    choose_account: bool = False,
    mark_last: bool = False,
    intent: str = "",
    ask: str = "",
) -> dict[str, Any]:
    """Show the button of one provider; the rest as in ``sign_in_buttons``.

    :param mark_last: say so on it, if it is the one that this browser used the last time.
    :param intent: what it is for, if not for signing in: one of ``oauth_login.flow.Intent``.
    :param ask: what is to be granted, as ``asking.py`` writes it.
    """
    mark = mark_last and last_used.alias(_request(context)) == alias
    page = same_origin_path(next)
    more = {"choose_account": choose_account, "intent": intent, "ask": ask}
    return _with_request(context, **_button(alias, mark=mark), next=page, **more)


@register.inclusion_tag("oauth_login/linked_accounts.html", takes_context=True)
def linked_accounts(context: RequestContext) -> dict[str, Any]:
    """List the accounts through which the visitor signs in."""
    user = _request(context).user
    linked = user.linked_accounts.with_last_sign_in_at() if user.is_authenticated else None
    accounts = linked.select_related("token").order_by("pk") if linked is not None else ()
    shown = [
        {
            "account": account,
            "alias": alias,
            "label": branding.label(alias or account.provider),
            "grant_url": branding.grant_url(alias or account.provider),
        }
        for account in accounts
        for alias in [aliases.alias_of(account)]
    ]
    return _with_request(context, accounts=shown, here=reverse("oauth_login:accounts"))


@register.inclusion_tag("oauth_login/reauthorization_banner.html", takes_context=True)
def reauthorization_banner(context: RequestContext) -> dict[str, Any]:
    """Ask the visitor to sign in again, if a token of theirs was found to be of no use any more.

    One account at a time, and nothing for anybody else. A token that has merely run out is none of them:
    perhaps nobody needs it; who does has it noted (``reauthorization_required``).
    """
    request = _request(context)
    found = _to_sign_in_again(request.user) if request.user.is_authenticated else None
    if found is None:
        return {}
    account, alias = found
    label, page = branding.label(alias), same_origin_path(request.get_full_path())
    return _with_request(context, account=account, alias=alias, label=label, next=page)


def _to_sign_in_again(user: Any) -> tuple[LinkedAccount, str] | None:
    """Return an account of *user* that needs that, and where, in one query; of several the one linked first.

    One of a server that no alias means by now is none of them: another one knows nobody of the former.
    """
    troubled = Token.objects.filter(unusable(), account__user=user)
    accounts = [token.account for token in troubled.select_related("account").order_by("pk")]
    return next(((account, alias) for account in accounts if (alias := aliases.alias_of(account))), None)


def _button(alias: str, *, mark: bool, another_account: bool = False) -> dict[str, Any]:
    return {
        "alias": alias,
        "label": branding.label(alias),
        "preset": branding.preset(alias),
        "used_last": mark,
        "another_account": another_account and branding.offers_choice(alias),
    }


def _request(context: RequestContext) -> HttpRequest:
    request: HttpRequest = context["request"]
    return request


def _with_request(context: RequestContext, **values: Any) -> dict[str, Any]:
    # An inclusion tag's template gets no context processors; the CSRF token must be handed on.
    return {"request": _request(context), "csrf_token": context.get("csrf_token"), **values}
