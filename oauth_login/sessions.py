"""What a sign-in does to the visitor's session: a new key, the user, and what was just finished."""

import hashlib
from typing import Any, Final

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    login,
)
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

FINISHED: Final = "oauth_login_finished"
THROUGH: Final = "oauth_login_provider"
REMEMBERED: Final = 5  # finished attempts, for a reload or a step back


def sign_in(request: HttpRequest, user: Any) -> None:
    """Log *user* in with Django's ``login()``, under a session key nobody has seen before (A15).

    The new session takes over what the old one held, and is given the user before ``login()``, which then
    has no key to cycle: it would save an empty session first, and the full one again afterwards.

    If anything fails, say in a receiver of the site's own, the visitor has the session they came with: it
    is removed last.
    """
    came_with, was = request.session, request.user
    request.session = fresh = type(came_with)()
    fresh.update(dict(came_with.items()))
    fresh[SESSION_KEY] = user._meta.pk.value_to_string(user)
    fresh[BACKEND_SESSION_KEY] = user.backend
    fresh[HASH_SESSION_KEY] = user.get_session_auth_hash()
    try:
        login(request, user)
        if came_with.session_key is not None:
            # What it holds must not depend on a save that comes after it is gone.
            fresh.save()
            came_with.delete()
    except Exception:
        request.session, request.user = came_with, was
        raise


def signed_in_user(request: HttpRequest) -> str:
    """Return the primary key of whoever is signed in, as text, or ""."""
    user = request.user
    return str(user.pk) if user.is_authenticated else ""


def user_since(request: HttpRequest, started_as: str) -> str:
    """Return who is signed in, as an attempt sees it that *started_as* somebody, or nobody, began.

    Who was nobody, and signed in through another tab meanwhile, is still the same visitor; who typed a
    password meanwhile may be somebody else (A09, A11).
    """
    if not started_as and FINISHED in request.session:
        return started_as
    return signed_in_user(request)


def remember_finished(session: SessionBase, attempt_id: str, code: str, next_page: str) -> None:
    """Note that this session finished an attempt, so that a reload of the callback can go on."""
    finished = session.get(FINISHED, [])
    session[FINISHED] = [*finished, [attempt_id, _digest(code), next_page]][-REMEMBERED:]


def finished(session: SessionBase, attempt_id: str, code: str) -> tuple[str, bool]:
    """Return where an attempt led that this session finished, or "", and whether with this very code."""
    for known_id, digest, next_page in session.get(FINISHED, []):
        if known_id == attempt_id:
            return str(next_page), digest == _digest(code)
    return "", False


def remember_provider(session: SessionBase, alias: str) -> None:
    """Note through whom this session's user has signed in."""
    session[THROUGH] = alias


def signed_in_through(session: SessionBase) -> str:
    """Return the provider that the user has signed in through, or ""."""
    return str(session.get(THROUGH, ""))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
