"""Which provider this browser signed in through the last time, so that nobody has to remember it.

A cookie of its own, with the alias and nothing else. It is no secret and proves nothing: whatever a browser
sends is only compared with the aliases of the settings. Signing out leaves it, as that is when it is needed;
its name begins with nothing that :func:`oauth_login.attempts.forget_all` takes back.
"""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from oauth_login import conf

COOKIE: Final = "last_oauth_login"
AGE: Final = 365 * 24 * 3600  # seconds


def note(request: HttpRequest, response: HttpResponseBase, alias: str) -> None:
    """Have the browser remember *alias*, unless the site wants nothing remembered."""
    if conf.setting("REMEMBER_PROVIDER"):
        response.set_cookie(
            COOKIE,
            alias,
            max_age=AGE,
            secure=conf.origin(request).startswith("https://"),
            httponly=True,
            samesite="Lax",
        )


def alias(request: HttpRequest) -> str:
    """Return the alias that the browser remembers, or "" if there is no such provider, or is to be none.

    A page that shows it varies by cookie; with a button it does so already, as each has a CSRF token.
    """
    remembered = request.COOKIES.get(COOKIE, "")
    is_wanted = conf.written("REMEMBER_PROVIDER") is True and remembered in conf.aliases()
    return remembered if is_wanted else ""
