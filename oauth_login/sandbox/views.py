"""The sandbox's front door as a page of the site."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from oauth_login import conf
from oauth_login.errors import NotHere
from oauth_login.guard import guarded
from oauth_login.pages import label
from oauth_login.sandbox import page
from oauth_login.sandbox.flavours import flavour_for


@guarded  # and no CSRF check, as at a real provider: signing in in another tab must not break this page
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, alias: str) -> HttpResponse:
    """Ask who wants to sign in; there is nobody to ask but in DEBUG, and where nothing is registered."""
    if not conf.sandboxed(alias):
        raise NotHere(detail="no sandbox here")
    try:
        flavour = flavour_for(alias, conf.provider_settings()[alias])
    except KeyError:
        raise NotHere(detail="no such provider") from None
    registered_uri = conf.redirect_uri(request, alias)
    return page.answer(request, flavour, registered_uri=registered_uri, label=label(alias))
