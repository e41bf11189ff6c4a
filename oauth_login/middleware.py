"""For what only the visitor can mend, wherever a view meets it: the page where they can, and back.

``"oauth_login.middleware.GrantMiddleware"`` in ``MIDDLEWARE``, below the one that knows the user. Without it
such an error is the view's own business, or that of the decorators.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode

from oauth_login import asking, conf, pages
from oauth_login.errors import GrantError, ScopeRequired
from oauth_login.waypoints import page_of, waypoint


class GrantMiddleware(MiddlewareMixin):
    """Answers :class:`~oauth_login.errors.GrantError`, from however deep inside it comes."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the way to where the visitor can mend it; of anything else, nothing."""
        return answer_to(request, exception) if isinstance(exception, GrantError) else None


def answer_to(request: HttpRequest, error: GrantError) -> HttpResponse:
    """Return the way to the provider's button, or a page that explains, if nobody knows which or for what."""
    url = _way(request, error) if error.provider in conf.aliases() else ""
    if url:
        return waypoint(request, url, error.code)
    return pages.refusal(request, error, alias="", next_page="")


def _way(request: HttpRequest, error: GrantError) -> str:
    page = page_of(request)
    if isinstance(error, ScopeRequired):
        return asking.url(error.provider, error.missing, page) if error.missing else ""
    url = reverse("oauth_login:authorize", kwargs={"alias": error.provider})
    return f"{url}?{urlencode({'next': page})}" if page else url
