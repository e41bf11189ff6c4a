"""One sign-in in progress, kept by the visitor's browser and by nobody else.

Every attempt has a cookie of its own, named by it, so that tabs never overwrite each other. Its content
is sealed: the browser can neither read nor change it. Starting therefore writes nothing to any database
or session, and a flood of starts leaves nothing behind.

``state`` is sealed too, but it authorises nothing: anybody may hold one. It only says which cookie to
look for and, when that is missing, why: it was started elsewhere, too long ago, or in another browser. What
binds the answer to this browser is the cookie (A02).
"""

import json
import secrets
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from oauth_login import conf
from oauth_login.errors import AttemptError, ProviderMisconfigured
from oauth_login.sealing import SealBroken, Sealer

COOKIE: Final = "oauth_login_"
HOST_PREFIX: Final = "__Host-"  # taken from this very host over https only: no subdomain can toss one
OUTSTANDING: Final = 5  # attempts per browser
COOKIE_LENGTH: Final = 3_900  # characters; of a cookie of 4,096 with its name, browsers keep nothing
COOKIES_LENGTH: Final = 6_000  # characters; servers refuse a Cookie header of 8 kB
COOKIE_AGE: Final = 24 * 3600  # seconds: outlives the attempt, so that a late visitor keeps ``next``
CLOCK_SKEW: Final = 60  # seconds between two machines of this site
END: Final = b"\0"  # of the JSON in a cookie, which never has one


@dataclass(frozen=True, slots=True)
class Attempt:
    """What must be remembered between leaving and coming back. Times are UNIX seconds."""

    provider: str
    issuer: str
    client_id: str
    redirect_uri: str
    next_page: str
    user: str  # primary key of who was signed in at the start, "" for nobody
    code_verifier: str = field(repr=False)
    nonce: str = field(default="", repr=False)
    iss_promised: bool = False  # by the provider, when the attempt was started (RFC 9207 §3)
    origin: str = ""  # of this site, where the cookie is
    intent: str = "sign_in"  # one of ``flow.Intent``
    scope: str = ""  # what is asked for, beyond what every sign-in asks for
    account: str = ""  # the primary key of the linked account that is to grant it
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    started_at: int = field(default_factory=lambda: int(time.time()))

    def state(self) -> str:
        """Return the ``state`` parameter: opaque, over 43 characters, no two alike (RFC 6749 §10.12)."""
        return _sealer("state").seal(json.dumps([self.id, self.started_at, self.origin]), "state")

    def save(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Put the attempt into its cookie; the oldest attempts give way when there are too many."""
        value = _seal(self)
        if len(value) > COOKIE_LENGTH:
            value = _seal(replace(self, next_page=""))  # better there than nowhere
        kept, length = 1, len(value)
        for name, older in _newest_first(request):
            kept, length = kept + 1, length + len(request.COOKIES[name])
            if older is None or kept > OUTSTANDING or length > COOKIES_LENGTH:
                _delete(response, name)
        response.set_cookie(
            _prefix(request) + self.id,
            value,
            max_age=COOKIE_AGE,
            secure=_is_https(request),
            httponly=True,
            samesite="Lax",
        )

    def forget(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Take the cookie back: the attempt is over."""
        _delete(response, _prefix(request) + self.id)


def forget_all(request: HttpRequest, response: HttpResponseBase) -> None:
    """Take back every attempt of this browser (I11)."""
    for name in request.COOKIES:
        if name.startswith((COOKIE, HOST_PREFIX + COOKIE)):
            _delete(response, name)


@dataclass(frozen=True, slots=True)
class State:
    """What a genuine ``state`` says: which attempt, and when and on which origin it was started."""

    id: str
    started_at: int
    origin: str = ""

    @property
    def age(self) -> int:
        """Seconds since the start."""
        return int(time.time()) - self.started_at


def read_state(text: str) -> State:
    """Return what *text* says.

    :raises AttemptError: ``state_missing``, or ``state_invalid``: not sealed by this site.
    """
    if not text:
        raise AttemptError("state_missing")
    try:
        state = State(*json.loads(_sealer("state").open(text, "state")))
    except (SealBroken, TypeError) as broken:  # TypeError: from a release that remembers something else
        raise AttemptError("state_invalid", broken) from None
    if state.age < -CLOCK_SKEW:
        raise AttemptError("state_invalid", "started in the future")
    return state


def recall(request: HttpRequest, state: State, alias: str) -> Attempt:
    """Return the attempt that *state* names, from this browser's own cookie.

    :raises AttemptError: with the code that says why there is none, or why it may not be finished here.
    """
    expired = state.age > conf.setting("ATTEMPT_MAX_AGE")
    name = _prefix(request) + state.id
    value = request.COOKIES.get(name)
    if not value:
        raise AttemptError("attempt_expired") if expired else _why_missing(request, state)
    # A sibling subdomain can plant a second cookie of this name (A29); browsers order them freely.
    if _names_sent(request).count(name) > 1:
        raise AttemptError("cookie_repeated")
    attempt = _open(state.id, value)
    if attempt is None:
        raise AttemptError("cookie_invalid")
    if expired:
        raise AttemptError("attempt_expired")
    if attempt.provider != alias:
        raise AttemptError("provider_mismatch", f"{attempt.provider} at {alias}'s callback")
    return attempt


def is_here(request: HttpRequest, state: State) -> bool:
    """Tell whether the browser sent the cookie of the attempt that *state* names."""
    return bool(request.COOKIES.get(_prefix(request) + state.id))


def own(request: HttpRequest) -> Attempt | None:
    """Return this browser's own attempt that a callback is about, or None if nothing genuine says so.

    It may be finished, too old, or wrong in other ways; only :func:`recall` returns what may be finished.
    """
    try:
        state = read_state(request.GET.get("state", ""))
        return _open(state.id, request.COOKIES.get(_prefix(request) + state.id, ""))
    except (AttemptError, ProviderMisconfigured):
        return None


def _names_sent(request: HttpRequest) -> list[str]:
    """Return the names of the cookies as they came, one as often as it did; Django keeps the last of each."""
    return [pair.partition("=")[0].strip() for pair in request.META.get("HTTP_COOKIE", "").split(";")]


def _why_missing(request: HttpRequest, state: State) -> AttemptError:
    """Return what can be told of a genuine state without its cookie; asking again has not helped."""
    here = conf.origin_seen(request)
    if state.origin and state.origin != here:
        return AttemptError("origin_not_allowed", f"started at {state.origin}, came back to {here}")
    return AttemptError(
        "cookie_missing" if request.COOKIES else "cookies_blocked",
        f"started {state.age} s ago at {state.origin or here}",
    )


def _newest_first(request: HttpRequest) -> Iterator[tuple[str, Attempt | None]]:
    """Yield this browser's attempts by cookie name; None stands for a cookie that is of no use."""
    prefix = _prefix(request)
    found = [
        (name, _open(name.removeprefix(prefix), value))
        for name, value in request.COOKIES.items()
        if name.startswith(prefix)
    ]
    yield from sorted(found, key=lambda pair: pair[1].started_at if pair[1] else 0, reverse=True)


def packed(page: str) -> bytes:
    """Return *page* as a cookie keeps it: deflated, or percent signs that are escaped twice would not fit."""
    return zlib.compress(page.encode(), 9)


def _seal(attempt: Attempt) -> str:
    """Return what the cookie holds: all but ``next`` as JSON, and ``next`` beside it.

    Nothing secret is deflated with ``next``: whoever chose that could learn of it from the length of both.
    """
    content = asdict(attempt)
    next_page = packed(content.pop("next_page"))
    written = json.dumps(content, separators=(",", ":")).encode()
    return _sealer("attempt").seal_bytes(written + END + next_page, attempt.id)


def _open(attempt_id: str, value: str) -> Attempt | None:
    try:
        written, _, next_page = _sealer("attempt").open_bytes(value, attempt_id).partition(END)
        content: dict[str, Any] = json.loads(written)
        return Attempt(**content, next_page=zlib.decompress(next_page).decode())
    except (SealBroken, TypeError, zlib.error):  # the last two: from a release that writes otherwise (B03)
        return None


def _sealer(purpose: str) -> Sealer:
    return Sealer(conf.signing_secrets(), purpose)


def _is_https(request: HttpRequest) -> bool:
    return conf.origin(request).startswith("https://")


def _prefix(request: HttpRequest) -> str:
    return HOST_PREFIX + COOKIE if _is_https(request) else COOKIE


def _delete(response: HttpResponseBase, name: str) -> None:
    # delete_cookie() would forget Secure, without which browsers ignore a __Host- cookie's removal.
    secure = name.startswith(HOST_PREFIX)
    response.set_cookie(name, "", max_age=0, secure=secure, httponly=True, samesite="Lax")
