"""What a view may ask for before it runs: a linked account, a scope, a recent sign-in.

::

    @scope_required("github", "repo")
    def repositories(request): ...

Whoever lacks it is led to the page where they can get it, and back. Each decorator also asks for a user who
is signed in. Views may be asynchronous.
"""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from oauth_login import asking, conf, recency
from oauth_login.errors import GrantError
from oauth_login.middleware import answer_to
from oauth_login.waypoints import page_of, waypoint

View = Callable[..., Any]
Check = Callable[[HttpRequest], HttpResponse | None]


def linked_account_required(alias: str) -> Callable[[View], View]:
    """Let pass who has linked an account of that provider; the others may link one."""
    return _before(lambda request: _missing_account(request, alias))


def scope_required(alias: str, *scope: str) -> Callable[[View], View]:
    """Let pass who has granted *scope* at that provider; the others are asked to.

    If the view finds out later, by :class:`~oauth_login.errors.ScopeRequired`, the same happens.
    """
    return _before(lambda request: _missing_account(request, alias) or _missing_scope(request, alias, scope))


def recent_sign_in_required(
    *, max_age: int | None = None, asked_anew: bool = False
) -> Callable[[View], View]:
    """Let pass who has proved within *max_age* seconds who they are; the others do so now.

    :param max_age: default: ``RECENT_SIGN_IN_AGE``.
    :param asked_anew: count only a password, or a provider that has asked anew and says so (``auth_time``).
        An open session at a provider, which is all that GitHub can tell of, then does not do.
    """
    return _before(lambda request: _too_old(request, max_age, asked_anew=asked_anew))


def _before(check: Check) -> Callable[[View], View]:
    """Return a decorator that answers in place of the view, if *check* does or the view raises why."""

    def checked(request: HttpRequest) -> HttpResponse | None:
        return _signed_out(request) or check(request)

    def decorate(view: View) -> View:
        return wraps(view)(
            _asynchronous(view, checked) if iscoroutinefunction(view) else _plain(view, checked)
        )

    return decorate


def _plain(view: View, checked: Check) -> View:
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if answer := checked(request):
            return answer
        try:
            return view(request, *args, **kwargs)
        except GrantError as error:
            return answer_to(request, error)

    return guarded_view


def _asynchronous(view: View, checked: Check) -> View:
    async def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if answer := await sync_to_async(checked)(request):
            return answer
        try:
            return await view(request, *args, **kwargs)
        except GrantError as error:
            return await sync_to_async(answer_to)(request, error)

    return guarded_view


def _signed_out(request: HttpRequest) -> HttpResponse | None:
    return None if request.user.is_authenticated else _page(request, "oauth_login:login", "sign_in_required")


def _missing_account(request: HttpRequest, alias: str) -> HttpResponse | None:
    user: Any = request.user
    if user.linked_accounts.filter(provider=alias).exists():
        return None
    return _page(request, "oauth_login:link", "linked_account_required", alias=alias)


def _missing_scope(request: HttpRequest, alias: str, scope: tuple[str, ...]) -> HttpResponse | None:
    user: Any = request.user
    provider = conf.provider(alias)
    granted = [frozenset(account.scope.split()) for account in user.linked_accounts.filter(provider=alias)]
    if any(all(provider.covers(one, name) for name in scope) for one in granted):
        return None
    return waypoint(request, asking.url(alias, scope, page_of(request)), "scope_required")


def _too_old(request: HttpRequest, max_age: int | None, *, asked_anew: bool) -> HttpResponse | None:
    if recency.is_recent(request, max_age, asked_anew=asked_anew):
        return None
    more = {"anew": "1"} if asked_anew else {}
    return _page(request, "oauth_login:confirm", "recent_sign_in_required", **more)


def _page(request: HttpRequest, name: str, code: str, *, alias: str = "", **more: str) -> HttpResponse:
    page = page_of(request)
    parameters = {**more, **({"next": page} if page else {})}
    url = reverse(name, kwargs={"alias": alias} if alias else None)
    return waypoint(request, f"{url}?{urlencode(parameters)}" if parameters else url, code)
