"""Sending somebody to a page that has to come first, and back: as a browser, htmx or ``fetch`` takes it."""

import logging
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.cache import patch_vary_headers

from oauth_login import pages
from oauth_login.errors import OAuthLoginError, ProviderMisconfigured
from oauth_login.guard import guarded
from oauth_login.redirects import same_origin_path

#: What a browser says of a page that it is to show (Fetch Metadata §2.3).
NAVIGATION: Final = "navigate"
#: What the form of an answer depends on.
VARY: Final = ("HX-Request", "X-Requested-With", "Sec-Fetch-Mode", "Accept", "Cookie")

logger = logging.getLogger("oauth_login")


def waypoint(request: HttpRequest, url: str, code: str) -> HttpResponse:
    """Return the way to *url*: a redirect, or 403 with the URL for what would follow one behind the scenes.

    A redirect to a page is of no use to a script: it would get the page's HTML in place of what it asked for,
    or nothing, as the page leads on to another origin. So it is told: in JSON, and htmx in ``HX-Redirect``.
    """
    if not is_scripted(request):
        return _uncached(HttpResponseRedirect(url))
    answer = _in_json(code, url, HTTPStatus.FORBIDDEN)
    answer["HX-Redirect"] = url
    return answer


def dead_end(request: HttpRequest, error: OAuthLoginError, alias: str = "") -> HttpResponse:
    """Return a page that explains *error*, which leads nowhere; the log has the rest, by its support id."""
    level = logging.ERROR if isinstance(error, ProviderMisconfigured) else logging.WARNING
    found = (error.code, alias, error.support_id, error.detail)
    logger.log(level, "page refused: code=%s provider=%s support=%s detail=%s", *found)
    if is_scripted(request):
        return _in_json(error.code, None, error.status)
    # The page is one of ours, on whatever URL of the site: with the headers of ours.
    return _uncached(guarded(lambda it: pages.refusal(it, error, alias="", next_page=""))(request))


def is_scripted(request: HttpRequest) -> bool:
    """Tell whether a script on a page sends the request, and not the browser that wants to show one.

    htmx is a script also where it acts for a link (``hx-boost``): it follows redirects out of sight, and a
    browser lets it follow none to a provider.
    """
    headers = request.headers
    if "HX-Request" in headers or headers.get("X-Requested-With") == "XMLHttpRequest":
        return True
    if "Sec-Fetch-Mode" in headers:  # not sent to http, but for loopback hosts
        return headers["Sec-Fetch-Mode"] != NAVIGATION
    return request.get_preferred_type(["text/html", "application/json"]) != "text/html"


def page_of(request: HttpRequest) -> str:
    """Return the page to come back to: this one, or the one it was asked from if it is not a page itself."""
    is_page = not is_scripted(request) or request.headers.get("HX-Boosted") == "true"
    if is_page and request.method in {"GET", "HEAD"}:
        return same_origin_path(request.get_full_path())
    return page_before(request)


def page_before(request: HttpRequest) -> str:
    """Return the page of this site that the visitor is on, or was, as far as their browser tells; or ""."""
    told = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    try:
        parts = urlsplit(told)
    except ValueError:
        return ""
    # Not the scheme: behind a proxy the site may not know its own. It is a path of this site in any case.
    if parts.scheme not in {"http", "https"} or parts.netloc != request.get_host():
        return ""
    return same_origin_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _in_json(code: str, url: str | None, status: int) -> HttpResponse:
    return _uncached(JsonResponse({"error": code, "url": url}, status=status))


def _uncached(answer: HttpResponse) -> HttpResponse:
    """Keep caches from giving one form of the answer to who needs the other, or anybody somebody else's."""
    answer["Cache-Control"] = "no-store, private"
    patch_vary_headers(answer, VARY)
    return answer
