"""Signing out: here always, and at the provider if the site wants that and it can."""

import logging
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth import logout as end_session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.http import require_POST

from oauth_login import attempts, conf, sessions
from oauth_login.errors import FormStale, OAuthLoginError
from oauth_login.guard import csrf_refused, csrf_told, guarded
from oauth_login.oauth2 import new_nonce
from oauth_login.redirects import requested_page

logger = logging.getLogger("oauth_login")


@guarded
@csrf_told
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out; nothing else can do that, so no image tag on another site can (I10)."""
    if reason := csrf_refused(request):
        raise FormStale("sign_out_stale", reason)
    alias = sessions.signed_in_through(request.session)
    end_session(request)
    signed_out = resolve_url(settings.LOGOUT_REDIRECT_URL or "oauth_login:login")
    page = _sign_out_there(request, alias, signed_out) or requested_page(request) or signed_out
    response = HttpResponseRedirect(page)
    attempts.forget_all(request, response)
    return response


def _sign_out_there(request: HttpRequest, alias: str, signed_out: str) -> str:
    """Return where the provider ends its own session, too, if the site wants that and it can, or "".

    Whoever comes back from there finds a page that does nothing, whatever the URL says: here, the visitor is
    signed out already (OpenID Connect RP-Initiated Logout 1.0 §2, K20). Nobody is kept from signing out by a
    provider that is down.
    """
    if alias not in conf.aliases():
        return ""
    try:
        provider = conf.provider(alias)
        back = urljoin(conf.origin(request), signed_out)
        return provider.sign_out_url(back=back, state=new_nonce()) if provider.signs_out else ""
    except OAuthLoginError as error:
        logger.warning("no sign-out at %s: %s", alias, error)
        return ""
