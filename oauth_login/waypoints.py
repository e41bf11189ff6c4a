"""Sending somebody to a page that has to come first, and back: as a browser, htmx or ``fetch`` takes it."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from oauth_login.redirects import same_origin_path

#: What a browser says of a page that it is to show (Fetch Metadata §2.3).
NAVIGATION: Final = "navigate"


def waypoint(request: HttpRequest, url: str, code: str) -> HttpResponse:
    """Return the way to *url*: a redirect, or 403 with the URL for what would follow one behind the scenes.

    A redirect to a page is of no use to a script: it would get the page's HTML in place of what it asked for,
    or nothing, if the page is another origin's. So it is told: in JSON, and htmx in ``HX-Redirect``.
    """
    if not is_scripted(request):
        return HttpResponseRedirect(url)
    answer = JsonResponse({"error": code, "url": url}, status=HTTPStatus.FORBIDDEN)
    answer["HX-Redirect"] = url
    answer["Cache-Control"] = "no-store"
    return answer


def is_scripted(request: HttpRequest) -> bool:
    """Tell whether a script on a page sends the request, and not the visitor who wants to see one."""
    headers = request.headers
    if "HX-Request" in headers or headers.get("X-Requested-With") == "XMLHttpRequest":
        return headers.get("HX-Boosted") != "true"
    if "Sec-Fetch-Mode" in headers:
        return headers["Sec-Fetch-Mode"] != NAVIGATION
    return not request.accepts("text/html")


def page_of(request: HttpRequest) -> str:
    """Return the page to come back to: this one, or the one it was asked from if it is not a page itself."""
    if request.method in {"GET", "HEAD"} and not is_scripted(request):
        return same_origin_path(request.get_full_path())
    return _own_path(request, request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))


def _own_path(request: HttpRequest, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if (parts.scheme, parts.netloc) != (request.scheme, request.get_host()):
        return ""
    return same_origin_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
