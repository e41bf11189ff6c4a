"""Which session each sign-in opened, so that the provider's word can end it (threat K18).

The log of sign-ins has the key of the session, sealed: nobody can be anybody with a copy of the database. It
is sealed under ``SECRET_KEY`` and its fallbacks, without which Django lets the session go anyway.
"""

import logging
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.db.models import Q

from oauth_login import conf
from oauth_login.logout import Logout
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.sealing import SealBroken, Sealer
from oauth_login.sessions import noted

logger = logging.getLogger("oauth_login")


def can_end() -> bool:
    """Tell whether sessions are kept on this side: one that is all in its cookie, nobody can take back."""
    return not issubclass(_store(), SignedCookies)


def note(sign_in: SignIn, session: SessionBase, sid: str) -> None:
    """Put the session's key, and the provider's name for it, into *sign_in*, which is yet to be saved."""
    sign_in.sid = sid
    sign_in.session = _sealed(session, sign_in)


def follow(session: SessionBase, sign_in: SignIn) -> None:
    """Have the earlier sign-ins of the session know it by the key that *sign_in* has given it.

    The provider may still name it as one of those did, or their person may sign out there.
    """
    attempts = set(noted(session)) - {sign_in.attempt}
    if not attempts:
        return
    try:
        earlier = list(SignIn.objects.noted().filter(attempt__in=attempts))
        for row in earlier:
            row.session = _sealed(session, row)
        SignIn.objects.bulk_update(earlier, ["session"])
    except DatabaseError:
        logger.exception("the log of sign-ins could not be written: some do not know their session any more")


def meant(alias: str, logout: Logout) -> Iterable[SignIn]:
    """Return the sign-ins whose sessions *logout* is about: of its issuer, its subject and its ``sid``.

    Of an account that was unlinked since, its session is known by the ``sid`` alone.
    """
    theirs = Q(account__issuer=logout.issuer)
    if logout.subject:
        theirs &= Q(account__subject=logout.subject)
    if logout.sid:
        theirs = (theirs | Q(account=None)) & Q(sid=logout.sid)
    return SignIn.objects.noted().filter(theirs, provider=alias)


def of_account(account: LinkedAccount) -> Iterable[SignIn]:
    """Return the sign-ins through *account* whose sessions are known."""
    return SignIn.objects.noted().filter(account=account)


def end(sign_ins: Iterable[SignIn], *, but: str | None = None) -> int:
    """End the sessions of *sign_ins*; return how many of them were still there.

    :param but: the key of one that stays.
    """
    ended = 0
    for sign_in in sign_ins:
        store = _session_of(sign_in)
        if store is not None and store.session_key == but:
            continue
        if store is not None:
            store.delete()
            ended += 1
        SignIn.objects.filter(pk=sign_in.pk).update(session="")
    return ended


def is_live(sign_in: SignIn) -> bool:
    """Tell whether the session of *sign_in*, which is one that was noted, is still there."""
    return _session_of(sign_in) is not None


def _session_of(sign_in: SignIn) -> SessionBase | None:
    """Return the session, if it is there and still its user's."""
    try:
        key = _sealer().open(sign_in.session, sign_in.attempt)
    except SealBroken as broken:
        logger.warning("the session of sign-in %s is not known any more: %s", sign_in.pk, broken)
        return None
    store = _store()(session_key=key)
    user: Any = sign_in.user
    is_theirs = user is not None and store.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return store if is_theirs else None


def _store() -> type[SessionBase]:
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return store


def _sealed(session: SessionBase, sign_in: SignIn) -> str:
    return _sealer().seal(str(session.session_key), sign_in.attempt)


def _sealer() -> Sealer:
    return Sealer(conf.signing_secrets(), "session")
