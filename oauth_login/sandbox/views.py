"""The sandbox's front door as pages of the site."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from oauth_login import conf
from oauth_login.branding import label
from oauth_login.errors import NotHere
from oauth_login.guard import guarded
from oauth_login.sandbox import page
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.flavours import flavour_for


@guarded  # and no CSRF check, as at a real provider: signing in in another tab must not break this page
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, alias: str) -> HttpResponse:
    """Ask who wants to sign in; there is nobody to ask but in DEBUG, and where nothing is registered."""
    flavour = _flavour(alias)
    registered_uri = conf.redirect_uri(request, alias)
    return page.answer(request, flavour, registered_uri=registered_uri, label=label(alias))


@guarded
@require_http_methods(["GET", "POST"])
def grants(request: HttpRequest, alias: str) -> HttpResponse:
    """Let people take back what they granted, as at a provider's own pages."""
    return page.grants(request, _flavour(alias), label=label(alias))


def _flavour(alias: str) -> Flavour:
    if not conf.sandboxed(alias):
        raise NotHere(detail="no sandbox here")
    try:
        return flavour_for(alias, conf.provider_settings()[alias])
    except KeyError:
        raise NotHere(detail="no such provider") from None
