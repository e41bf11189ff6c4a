"""What a sign-in does to the visitor's session: a new key, the user, and what was just finished."""

import hashlib
import logging
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    login,
)
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from oauth_login import recency

logger = logging.getLogger("oauth_login")

FINISHED: Final = "oauth_login_finished"
THROUGH: Final = "oauth_login_provider"
REMEMBERED: Final = 5  # finished attempts, for a reload or a step back
LONGEST_REMEMBERED: Final = 1_000  # characters of their pages together, as a session may be a cookie of 4 KB
NOTED: Final = "oauth_login_noted"
NOTED_AT_ONCE: Final = 20  # sign-ins of one session by which the provider can end it
#: Where Django keeps the CSRF token between a view and its middleware; ``login()`` makes a new one.
CSRF: Final = ("CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE")


def sign_in(
    request: HttpRequest,
    user: Any,
    answer: HttpResponse,
    *,
    through: str,
    attempt_id: str,
    code: str,
    is_noted: bool,
) -> None:
    """Log *user* in with Django's ``login()``, under a session key nobody has seen before (A15).

    The new session is given the user before ``login()``, which then has no key to cycle: it would save an
    empty session first, and the full one again afterwards. It is saved here, and its cookie put into
    *answer*, not by the middleware after all is said: a database that fails then could not be told of.

    If anything fails, be it in a receiver of the site's own, the visitor has the session and the CSRF token
    they came with: the old session is removed last.

    :param answer: the redirect to where the visitor wanted to go.
    :param through: the provider's alias.
    :param is_noted: whether the log of sign-ins gets to know the session (``session_index.py``).
    """
    came_with, was = request.session, request.user
    tokens: dict[str, Any] = {name: request.META[name] for name in CSRF if name in request.META}
    request.session = fresh = _successor(came_with, user)
    try:
        login(request, user)
        fresh[THROUGH] = through
        recency.start(fresh, asked_anew=False)
        _remember_finished(fresh, attempt_id, code, answer["Location"])
        if is_noted:
            fresh[NOTED] = [*noted(fresh), attempt_id][-NOTED_AT_ONCE:]
        save(request, answer)
        if came_with.session_key is not None:
            came_with.delete()
    except Exception:
        request.session, request.user = came_with, was
        for name in CSRF:
            request.META.pop(name, None)
        request.META.update(tokens)
        with suppress(Exception):  # whatever the store raises, it is what failed already
            fresh.delete()
        raise


def finish(request: HttpRequest, answer: HttpResponse, *, attempt_id: str, code: str) -> None:
    """Note that an attempt of whoever is signed in already is over, and save the session."""
    _remember_finished(request.session, attempt_id, code, answer["Location"])
    save(request, answer)


def save(request: HttpRequest, answer: HttpResponse) -> None:
    """Save the session now, while a database that fails can still be told of, and not in the middleware."""
    SessionMiddleware(lambda _: answer).process_response(request, answer)
    request.session.modified = False


def save_if_possible(request: HttpRequest, answer: HttpResponse) -> None:
    """Save what was noted on the way to a refusal; that it cannot be is no reason for another."""
    try:
        save(request, answer)
    except Exception:  # whatever the store raises
        logger.exception("the session could not be saved")
        request.session.modified = False


def _successor(came_with: SessionBase, user: Any) -> SessionBase:
    """Return a new session of *user*, with what the visitor had; nothing of another user's (threat A16)."""
    key = user._meta.pk.value_to_string(user)
    fresh = type(came_with)()
    if came_with.get(SESSION_KEY, key) == key:
        fresh.update(dict(came_with.items()))
    fresh[SESSION_KEY] = key
    fresh[BACKEND_SESSION_KEY] = user.backend
    fresh[HASH_SESSION_KEY] = user.get_session_auth_hash()
    return fresh


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


def _remember_finished(session: SessionBase, attempt_id: str, code: str, next_page: str) -> None:
    """Note that this session finished an attempt, so that a reload of the callback can go on."""
    kept = [*session.get(FINISHED, []), [attempt_id, _digest(code), next_page]][-REMEMBERED:]
    while len(kept) > 1 and sum(len(page) for _id, _code, page in kept) > LONGEST_REMEMBERED:
        kept.pop(0)
    session[FINISHED] = kept


def finished(session: SessionBase, attempt_id: str, code: str) -> tuple[str, bool]:
    """Return where an attempt led that this session finished, or "", and whether with this very code."""
    for known_id, digest, next_page in session.get(FINISHED, []):
        if known_id == attempt_id:
            return str(next_page), digest == _digest(code)
    return "", False


def noted(session: SessionBase) -> list[str]:
    """Return the attempts whose rows in the log of sign-ins know this session, the latest last."""
    return list(session.get(NOTED, []))


def signed_in_through(session: SessionBase) -> str:
    """Return the provider that the user has signed in through, or ""."""
    return str(session.get(THROUGH, ""))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
