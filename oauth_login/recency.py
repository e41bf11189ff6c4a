"""When the user of a session last proved who they are, and how.

Whoever finds an open session must not be able to make it theirs for good (threat G02): what changes the ways
in asks for a recent proof. Any sign-in is one, a password's included; so is the provider's word, when it is
asked again.
"""

import time
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from oauth_login import conf

PROOF: Final = "oauth_login_proof"
CLOCK_SKEW: Final = 60  # seconds between two machines of this site


def note(session: SessionBase, *, asked_anew: bool) -> None:
    """Note a proof of this moment. One that is worth less takes nothing from what was proved before.

    :param asked_anew: it took more than an open session at a provider: a password, or a sign-in there that
        the provider says is of this moment.
    """
    now = int(time.time())
    session[PROOF] = [now, now if asked_anew else _noted(session)[1]]


def start(session: SessionBase, *, asked_anew: bool) -> None:
    """Note the sign-in that the session begins with; of one before it, nothing counts."""
    session.pop(PROOF, None)
    note(session, asked_anew=asked_anew)


def _noted(session: SessionBase) -> tuple[int, int]:
    """Return the moments of the last proof, and of the last that took more; 0 for one that never was."""
    last, anew = session.get(PROOF, (0, 0))
    return last, anew


def on_sign_in(sender: Any, request: Any, user: Any, **_: Any) -> None:
    """Note a sign-in of any kind; what a provider's is worth, ``sessions.py`` says afterwards."""
    if opens_session(request, user):
        start(request.session, asked_anew=True)


def opens_session(request: Any, user: Any) -> bool:
    """Tell whether the request's session is *user*'s.

    Others send Django's signal of a sign-in, too: for a token of their API, say, where there is no session,
    or somebody else's, to whom that proves nothing.
    """
    session = getattr(request, "session", None)
    return session is not None and session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)


def is_recent(request: HttpRequest, max_age: int | None = None, *, asked_anew: bool = False) -> bool:
    """Tell whether the last proof is no older than *max_age* seconds; default: ``RECENT_SIGN_IN_AGE``.

    :param asked_anew: only one that took more than an open session at a provider counts.
    """
    noted_at = _noted(request.session)[asked_anew]
    limit = conf.setting("RECENT_SIGN_IN_AGE") if max_age is None else max_age
    return -CLOCK_SKEW <= time.time() - noted_at <= limit
