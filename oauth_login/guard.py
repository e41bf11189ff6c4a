"""What every page of ours carries, whatever middleware the site has or lacks."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware
from django.templatetags.static import static
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from oauth_login import conf, refusals
from oauth_login.errors import BodyTooLarge, BodyUnreadable, MethodNotAllowed, OAuthLoginError
from oauth_login.picture_hosts import picture_hosts
from oauth_login.providers import pictures
from oauth_login.transport import is_secure

View = Callable[..., HttpResponse]

TOO_LARGE: Final = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
UNREADABLE: Final = (*TOO_LARGE, BadRequest, MultiPartParserError, UnreadablePostError)
STYLESHEET: Final = "oauth_login/oauth_login.css"
HEADERS: Final = {
    "Referrer-Policy": "no-referrer",  # the callback's URL holds a code (threat I08)
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guarded(view: View) -> View:
    """Protect *view*: reachable when signed out, uncached, not framed, no referrer, no script, no 500.

    Views that take a form check it by :func:`csrf_told`. The site's own check is not asked: to a method that
    a page does not take at all it would give its own page, without any of this.
    """

    @login_not_required
    @never_cache
    @csrf_exempt
    @wraps(view)
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        alias = kwargs.get("alias", "")
        try:
            response = view(request, *args, **kwargs)
        except (OAuthLoginError, DatabaseError, *UNREADABLE) as error:
            # Nothing of the request can be trusted to say where the visitor wanted to go.
            response = refusals.refuse(request, _typed(error), alias=alias, next_page="")
        if isinstance(response, HttpResponseNotAllowed):
            allowed, refused = response["Allow"], MethodNotAllowed(detail=request.method)
            response = refusals.refuse(request, refused, alias=alias, next_page="")
            response["Allow"] = allowed
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        return response

    return guarded_view


def _typed(error: OAuthLoginError | DatabaseError | Exception) -> OAuthLoginError | DatabaseError:
    """Return *error* as a refusal, if Django raised it about what came in."""
    if isinstance(error, OAuthLoginError | DatabaseError):
        return error
    if isinstance(error, TOO_LARGE):
        return BodyTooLarge(detail=type(error).__name__)
    return BodyUnreadable(detail=type(error).__name__)


class _Tell(CsrfViewMiddleware):
    """Django's check, which leaves the answer to the view."""

    def _reject(self, request: HttpRequest, reason: str) -> None:
        request.csrf_refused = reason  # type: ignore[attr-defined]  # read by csrf_told()


def csrf_told(view: View) -> View:
    """Check CSRF, and leave it to *view* to refuse: it must, if :func:`csrf_refused` says so.

    Signing in in one tab changes the token, and so makes the forms of every other tab stale. Django's own
    page for that is a dead end, so views that know the way on show theirs.
    """
    told: Any = decorator_from_middleware(_Tell)(view)
    exempt: View = csrf_exempt(told)  # from the site's own middleware, which would refuse first
    return exempt


def csrf_refused(request: HttpRequest) -> str:
    """Return why the form is not to be trusted, or ""."""
    return str(getattr(request, "csrf_refused", ""))


def outside_transactions(view: View) -> View:
    """Exempt *view* from ``ATOMIC_REQUESTS`` in every database: it waits for a provider (threat D28)."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def content_security_policy() -> str:
    """Return a policy without any script; pictures may come from the providers, and from nobody else (I03).

    ``form-action`` must allow where the start's redirect leads, and providers lead on to hosts of
    their own, so it allows https; plain http only to a provider that is configured so on loopback, and
    to such an ``ORIGIN``: browsers hold the whole chain of redirects to it, and that ends there.
    """
    # Where the stylesheet is, not where "" would be: a manifest of hashed names knows only files.
    own = {"'self'", _origin(static(STYLESHEET))} - {""}
    every = [*conf.provider_settings().values(), {"ORIGIN": conf.written("ORIGIN")}]
    http_endpoints = {
        _origin(value)
        for options in every
        if isinstance(options, Mapping)
        for value in options.values()
        # What is_secure() refuses may not even parse, and nobody is sent there.
        if isinstance(value, str) and value.startswith("http:") and is_secure(value)
    }
    sources = {
        "default-src": "'none'",
        "style-src": " ".join(sorted(own)),
        "img-src": " ".join(sorted(own | set(map(pictures.source, picture_hosts())))),
        "form-action": " ".join(["'self'", "https:", *sorted(http_endpoints)]),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""
