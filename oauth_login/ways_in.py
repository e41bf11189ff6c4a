"""The ways in that a user has: through which providers, and whether by password (threats G08, G09).

A way that leads in no more is none: whoever was left with that would be locked out.
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import global_settings, settings
from django.contrib.auth import get_backends
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from oauth_login import addresses, aliases, branding, conf
from oauth_login.models import LinkedAccount
from oauth_login.redirects import is_ours, is_there, leads_to_admin

VARIADIC: Final = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def providers(accounts: Iterable[LinkedAccount]) -> list[dict[str, Any]]:
    """Return the providers that these accounts lead in through, in the site's order.

    Not those of a server that no alias means by now: another one knows nobody of the former.
    """
    leading = {aliases.alias_of(account) for account in accounts}
    found = ((alias, aliases.configured(alias)) for alias in conf.aliases() if alias in leading)
    return [
        {
            "alias": alias,
            "label": provider.label,
            "preset": branding.preset(alias),
            "asks_anew": provider.proves_sign_in,
        }
        for alias, provider in found
        if provider
    ]


def has_password(user: Any) -> bool:
    """Tell whether *user* has a password, and some backend of the site takes one and knows them."""
    is_there = bool(user.password) and user.has_usable_password()
    return is_there and any(_takes_passwords(backend) and _knows(backend, user) for backend in get_backends())


@sensitive_variables()  # here, and in whatever this calls
def proves(request: HttpRequest, user: Any, password: str) -> bool:
    """Tell whether *password* is that of *user*; the site's backends judge, in their order.

    Each is asked by the name, as Django would, and one of the site's own then by what it calls people by,
    such as their address. Who denies (``PermissionDenied``), for too many wrong ones say, denies for all that
    follow; and of a wrong password is told once, by Django's signal, about the name.
    """
    try:
        asked = (_known_to(backend, request, who, password) for backend, who in _asked(user))
        found = next(filter(None, asked), None)
    except PermissionDenied:
        found = None
    if found is None:
        told = {"username": user.get_username()}
        user_login_failed.send(__name__, credentials=told, request=request)
    return found is not None and bool(found.pk == user.pk)


def _asked(user: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield each backend that takes passwords, with what it is asked by."""
    by_name = {"username": user.get_username()}
    for backend in get_backends():
        if _takes_passwords(backend):
            yield backend, by_name
            who = _names_of(user, backend)
            is_own = type(backend).authenticate is not ModelBackend.authenticate
            if is_own and who and all(who.values()):
                yield backend, who


def _names_of(user: Any, backend: Any) -> dict[str, str]:
    """Return what *backend* has in its signature: the user's address by two names, else their field of it."""
    address = addresses.of(user)
    known = {"username": address, "email": address}
    _request, *taken = inspect.signature(backend.authenticate).parameters.values()
    names = [one.name for one in taken if one.name != "password" and one.kind not in VARIADIC]
    return {name: known.get(name) or str(getattr(user, name, "") or "") for name in names}


def _known_to(backend: Any, request: HttpRequest, who: dict[str, str], password: str) -> Any:
    try:
        inspect.signature(backend.authenticate).bind(request, **who, password=password)
    except TypeError:
        return None  # it takes something else
    return backend.authenticate(request, **who, password=password)


def leads_in_by_password(user: Any) -> bool:
    """Tell whether *user* has a password, and a page of this site to type it: the admin's is for staff alone.

    The page ``confirm/`` takes one, too, but of whoever is signed in already.
    """
    return has_password(user) and bool(password_page_of(user) or (_is_staff(user) and _has_admin()))


def password_page_of(user: Any) -> str:
    """Return where *user* can type their password, or "": the admin's page lets in staff alone."""
    page = password_page()
    return page if page and (_is_staff(user) or not leads_to_admin(page)) else ""


def password_page() -> str:
    """Return where passwords are typed: ``PASSWORD_LOGIN_URL``, or a ``LOGIN_URL`` that is not ours; or "".

    Django's own default, ``/accounts/login/``, is a 404 in a new project.
    """
    written = conf.setting("PASSWORD_LOGIN_URL")
    try:
        page = resolve_url(written or settings.LOGIN_URL)
        urlsplit(page)
    except (NoReverseMatch, TypeError, ValueError):  # no page, no text, no URL; of what is ours, E026 says so
        return ""
    if is_ours(page) or (page == global_settings.LOGIN_URL and not written and not is_there(page)):
        return ""
    return page


def _is_staff(user: Any) -> bool:
    return getattr(user, "is_staff", False) is True


def _has_admin() -> bool:
    try:
        return bool(reverse("admin:login"))
    except NoReverseMatch:
        return False


def _takes_passwords(backend: Any) -> bool:
    """Tell whether its ``authenticate`` takes one, whatever it calls the name: some ask for an address.

    That of the base class takes everything, for nothing: a backend that only knows permissions has no other.
    """
    if type(backend).authenticate is BaseBackend.authenticate:
        return False
    taken = inspect.signature(backend.authenticate).parameters
    return "password" in taken or any(one.kind is one.VAR_KEYWORD for one in taken.values())


def _knows(backend: Any, user: Any) -> bool:
    """Tell whether it returns *user* by their key, as Django asks it to with each request of a session.

    Some that only know permissions have an ``authenticate`` that takes a password and admits nobody, which
    cannot be told from one that does without trying; but they have no ``get_user``, or one that knows nobody.
    """
    get_user = getattr(backend, "get_user", None)
    return get_user is not None and get_user(user.pk) == user
