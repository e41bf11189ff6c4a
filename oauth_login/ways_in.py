"""The ways in that a user has: through which providers, and whether by password (threats G08, G09).

A way that leads in no more is none: whoever was left with that would be locked out.
"""

import inspect
from collections.abc import Iterable
from typing import Any

from django.conf import global_settings, settings
from django.contrib.auth import get_backends
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse

from oauth_login import addresses, branding, conf
from oauth_login.models import LinkedAccount
from oauth_login.redirects import is_ours, is_there, leads_to_admin


def providers(accounts: Iterable[LinkedAccount]) -> list[dict[str, Any]]:
    """Return the providers that these accounts lead in through, in the site's order.

    Not those of a server that no alias means by now: another one knows nobody of the former.
    """
    leading = {branding.alias_of(account) for account in accounts}
    found = ((alias, branding.configured(alias)) for alias in conf.aliases() if alias in leading)
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


def names_of(user: Any) -> list[dict[str, str]]:
    """Return what the site's backends may know *user* by, as they are asked: a name, or else an address.

    Only a backend of the site's own is asked for an address: Django's would count one more wrong password.
    """
    found, address = [{"username": user.get_username()}], addresses.of(user)
    others = [one for one in get_backends() if type(one).authenticate is not ModelBackend.authenticate]
    for who in ({"username": address}, {"email": address}):
        if address and who not in found and any(_takes(backend, who) for backend in others):
            found.append(who)
    return found


def _takes(backend: Any, who: dict[str, str]) -> bool:
    try:
        inspect.signature(backend.authenticate).bind(None, **who, password="")
    except TypeError:
        return False
    return _takes_passwords(backend)


def leads_in_by_password(user: Any) -> bool:
    """Tell whether *user* has a password, and a page of this site to type it: the admin's is for staff alone.

    The page ``confirm/`` takes one, too, but of whoever is signed in already.
    """
    page = password_page()
    is_for_all = bool(page) and not leads_to_admin(page)
    return has_password(user) and (is_for_all or (_is_staff(user) and _has_admin()))


def password_page() -> str:
    """Return where passwords are typed: ``PASSWORD_LOGIN_URL``, or a ``LOGIN_URL`` that is not ours; or "".

    Django's own default, ``/accounts/login/``, is a 404 in a new project.
    """
    written = conf.setting("PASSWORD_LOGIN_URL")
    try:
        page = resolve_url(written or settings.LOGIN_URL)
    except (NoReverseMatch, TypeError):  # no page, or not even text; of the former of the two, E026 says so
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
