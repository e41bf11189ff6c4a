"""What somebody had typed when it turned out that they were signed out.

It waits in their session, which survives signing in. There is one, because nobody types in two
places at once, and because a session must not grow with every request.
"""

from __future__ import annotations

from django.http import HttpRequest

from guestbook.models import TEXT_MAX_LENGTH

_SESSION_KEY = "guestbook_draft"

# Longer than an entry may be, so that a text to be shortened survives; bounded, so that strangers
# cannot fill the session store with a few requests.
_MAX_LENGTH = 4 * TEXT_MAX_LENGTH


def keep(request: HttpRequest, text: str, entry: int | None = None) -> None:
    """Remember a text for an entry that is being edited, or for a new one."""
    if text.strip():
        request.session[_SESSION_KEY] = {"entry": entry, "text": text[:_MAX_LENGTH]}


def recall(request: HttpRequest, entry: int | None = None) -> str:
    draft = request.session.get(_SESSION_KEY)
    return draft["text"] if draft and draft["entry"] == entry else ""


def forget(request: HttpRequest, entry: int | None = None) -> None:
    if recall(request, entry):
        del request.session[_SESSION_KEY]
