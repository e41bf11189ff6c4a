"""What a view may ask for before it runs: a linked account, a scope, a recent sign-in.

::

    @scope_required("github", "repo")
    def repositories(request):
        repositories = request.linked_account.session().get("/user/repos")

Whoever lacks it is led to the page where they can get it, and back. Each decorator also asks for a user who
is signed in. Views may be asynchronous, and classes by ``method_decorator(…, name="dispatch")``.
"""

from collections.abc import Callable
from functools import wraps
from inspect import isawaitable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import global_settings, settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse

from oauth_login import asking, conf, recency
from oauth_login.errors import GrantError, ProviderMisconfigured
from oauth_login.middleware import answer_to
from oauth_login.providers.base import Provider
from oauth_login.redirects import is_there, url_to
from oauth_login.waypoints import dead_end, page_of, waypoint

SHORTEST: Final = 60  # seconds; who has to be sent away and come back needs some
#: Begins the attributes of a view that say which decorator names which provider (``view_checks.py``). One for
#: each: what wraps the view further copies them, ``method_decorator`` and ``as_view`` included.
NAMED: Final = "oauth_login_named_"

View = Callable[..., Any]
Check = Callable[[HttpRequest], HttpResponse | None]


def linked_account_required(alias: str) -> Callable[[View], View]:
    """Let pass who has linked an account of that provider; the others may link one.

    The view finds it in ``request.linked_account``; of several, the one that was linked first.
    """
    named = {NAMED + alias: "linked_account_required"}
    return _before(lambda request: _lacks(request, alias, []), named)


def scope_required(alias: str, *scope: str) -> Callable[[View], View]:
    """Let pass who has granted *scope* at that provider; the others are asked to.

    The view finds the account that has it in ``request.linked_account``. If the view finds out later that it
    has not, by :class:`~oauth_login.errors.ScopeRequired`, the same happens.

    :raises ImproperlyConfigured: no scope is named.
    """
    names = " ".join(scope).split()
    if not names:
        raise ImproperlyConfigured("scope_required() needs a scope, as in scope_required('github', 'repo').")
    return _before(lambda request: _lacks(request, alias, names), {NAMED + alias: "scope_required"})


def recent_sign_in_required(
    *, max_age: int | None = None, asked_anew: bool = False
) -> Callable[[View], View]:
    """Let pass who has proved within *max_age* seconds who they are; the others do so now.

    :param max_age: default: ``RECENT_SIGN_IN_AGE``.
    :param asked_anew: count only a password, or a provider that has asked anew and says so (``auth_time``).
        An open session at a provider, which is all that GitHub can tell of, then does not do.

    :raises ImproperlyConfigured: *max_age* is so short that nobody could be back in time.
    """
    if max_age is not None and max_age < SHORTEST:
        raise ImproperlyConfigured(
            f"recent_sign_in_required() needs a max_age of {SHORTEST} or more seconds."
        )
    return _before(lambda request: _too_old(request, max_age, asked_anew=asked_anew), {})


# --- Around the view --------------------------------------------------------------------------------------


def _before(check: Check, named: dict[str, str]) -> Callable[[View], View]:
    """Return a decorator that answers in place of the view, if *check* does or the view raises why.

    :param named: what the view is to say of the decorator.
    """

    def checked(request: HttpRequest) -> HttpResponse | None:
        return _signed_out(request) or check(request)

    def decorate(view: View) -> View:
        around = _asynchronous if _is_asynchronous(view) else _plain
        guarded_view = wraps(view)(around(view, checked))
        vars(guarded_view).update(named)
        return guarded_view

    return decorate


def _plain(view: View, checked: Check) -> View:
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if answer := checked(request):
            return answer
        try:
            return view(request, *args, **kwargs)
        except GrantError as error:
            answer = answer_to(request, error)
            _roll_back()
            return answer

    return guarded_view


def _asynchronous(view: View, checked: Check) -> View:
    async def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if answer := await sync_to_async(checked)(request):
            return answer
        try:
            response = view(request, *args, **kwargs)
            return await response if isawaitable(response) else response
        except GrantError as error:
            return await sync_to_async(answer_to)(request, error)

    return guarded_view


def _is_asynchronous(view: View) -> bool:
    """Tell whether what *view* returns is awaited; ``dispatch`` of an asynchronous class does not say so."""
    method = getattr(view, "func", view)  # of which method_decorator() makes a partial
    return iscoroutinefunction(view) or getattr(getattr(method, "__self__", None), "view_is_async", False)


def _roll_back() -> None:
    """Undo, as ``ATOMIC_REQUESTS`` would, what the view wrote before it raised: it did not get to its end."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
            connection.set_rollback(True)


# --- What is asked for ------------------------------------------------------------------------------------


def _signed_out(request: HttpRequest) -> HttpResponse | None:
    if request.user.is_authenticated:
        return None
    page, sign_in_page = page_of(request), _sign_in_page()
    url = redirect_to_login(page, sign_in_page).url if page else sign_in_page
    return waypoint(request, url, "sign_in_required")


def _sign_in_page() -> str:
    """Return ``LOGIN_URL``; ours if the site never set it: Django's own default is a 404 in a new project."""
    ours, by_default = reverse("oauth_login:login"), global_settings.LOGIN_URL
    try:
        page = str(resolve_url(settings.LOGIN_URL))
    except (NoReverseMatch, TypeError):  # no page, or not even text
        return ours
    return page if page != by_default or is_there(page) else ours


def _lacks(request: HttpRequest, alias: str, scope: list[str]) -> HttpResponse | None:
    """Return the way to an account with that scope, or None, and the account in the request."""
    user: Any = request.user
    try:
        provider = _provider(alias)
    except ProviderMisconfigured as error:
        return dead_end(request, error, alias)
    accounts = asking.accounts_of(user, provider)
    for account in accounts:
        granted = frozenset(account.scope.split())
        if all(provider.covers(granted, name) for name in scope):
            request.linked_account = account  # type: ignore[attr-defined]  # for the view
            return None
    if not accounts:
        return _page(request, "link", "linked_account_required", alias=alias)
    return waypoint(request, asking.url(user, alias, scope, page_of(request)), "scope_required")


def _provider(alias: str) -> Provider:
    """Return the provider.

    :raises ProviderMisconfigured: the settings do not know it: the developer's slip, and no visitor's fault.
    """
    try:
        return conf.provider(alias)
    except KeyError:
        detail = f"a decorator names {alias!r}, which is not in PROVIDERS"
        raise ProviderMisconfigured("settings_invalid", detail) from None


def _too_old(request: HttpRequest, max_age: int | None, *, asked_anew: bool) -> HttpResponse | None:
    if recency.is_recent(request, max_age, asked_anew=asked_anew):
        return None
    more = {"anew": "1"} if asked_anew else {}
    return _page(request, "confirm", "recent_sign_in_required", **more)


def _page(request: HttpRequest, name: str, code: str, *, alias: str = "", **more: str) -> HttpResponse:
    return waypoint(request, url_to(name, alias, **more, next=page_of(request)), code)
