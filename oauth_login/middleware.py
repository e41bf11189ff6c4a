"""For what only the visitor can mend, wherever a view meets it: the page where they can, and back.

``"oauth_login.middleware.GrantMiddleware"`` in ``MIDDLEWARE``, below the one that knows the user. Without it
such an error is the view's own business, or that of the decorators.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from oauth_login import asking, conf
from oauth_login.errors import GrantError, ProviderMisconfigured, ReauthorizationRequired, ScopeRequired
from oauth_login.waypoints import dead_end, page_of, waypoint


class GrantMiddleware(MiddlewareMixin):
    """Answers :class:`~oauth_login.errors.GrantError`, from however deep inside it comes."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the way to where the visitor can mend it; of anything else, nothing."""
        return answer_to(request, exception) if isinstance(exception, GrantError) else None


def answer_to(request: HttpRequest, error: GrantError) -> HttpResponse:
    """Return the way to the page that asks for it; or one that explains, if nobody knows where or for what.

    A visitor without an account of that provider can mend nothing: the view has used somebody else's.
    """
    if isinstance(error, ReauthorizationRequired) and not conf.setting("STORE_TOKENS"):
        # A new token would be forgotten at once, and asked for again, without end.
        detail = "account.session() needs STORE_TOKENS, which is False"
        return dead_end(request, ProviderMisconfigured("settings_invalid", detail), error.provider)
    missing = _missing(error)
    if missing is None or not _has_account(request.user, error.provider):
        return dead_end(request, error, error.provider)
    return waypoint(request, asking.url(request.user, error.provider, missing, page_of(request)), error.code)


def _missing(error: GrantError) -> frozenset[str] | None:
    """Return what to ask for; nothing of who has to agree once more; None if the provider does not say."""
    if isinstance(error, ScopeRequired):
        return error.missing or None
    return frozenset()


def _has_account(user: Any, alias: str) -> bool:
    is_known = alias in conf.aliases() and user.is_authenticated
    return is_known and user.linked_accounts.filter(provider=alias).exists()
