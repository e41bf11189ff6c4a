"""Two detours on the way back, for a callback whose cookies did not come along.

**Home**: the sign-in was started on another origin of this site (the apex of ``www``, ``localhost`` for
``127.0.0.1``, or one of ``RELAY_ORIGINS``), so the cookie is there, and there the browser is sent.
**Once more**: a browser may keep cookies back on the way from another site, so it is asked to come again from
this one, without JavaScript. Each is taken at most once, by a mark in the URL, and nothing is claimed or
sent before.

Both wait for a genuine ``state``: nobody else's callback moves a browser anywhere.
"""

import logging
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from oauth_login import attempts, branding, conf
from oauth_login.attempts import State
from oauth_login.errors import AuthorizationResponseError
from oauth_login.oauth2 import CODE_LENGTH, AuthorizationResponse
from oauth_login.transport import LOOPBACK

logger = logging.getLogger("oauth_login")

BOUNCED: Final = "oauth_login_bounced"  # our own marks on the callback's URL
RELAYED: Final = "oauth_login_relayed"
#: What is carried on, beside what the provider has in their place: RFC 6749 §4.1.2 and RFC 9207.
CARRIED: Final = ("code", "state", "iss", "error", "error_description")


def for_session(request: HttpRequest, alias: str) -> HttpResponse | None:
    """Return the page that asks the browser to come again, if it keeps the session back.

    ``SameSite=Strict`` keeps it at home on the way from the provider, and on a redirect to ``next``, which
    would be part of the same journey (ADR 5).
    """
    is_strict = str(settings.SESSION_COOKIE_SAMESITE).lower() == "strict"
    if not is_strict or settings.SESSION_COOKIE_NAME in request.COOKIES or BOUNCED in request.GET:
        return None
    return _once_more(request, alias, status=200)


def for_attempt(request: HttpRequest, state: State, alias: str) -> HttpResponse | None:
    """Return the way to the attempt's cookie, if the browser did not send it and there is a way left."""
    if attempts.is_here(request, state):
        return None
    if RELAYED not in request.GET and _is_allowed(request, state.origin):
        return _home(request, state.origin, alias)
    if BOUNCED not in request.GET:
        logger.info(
            "a callback without its cookie is asked once more: provider=%s, started %d s ago at %s",
            alias,
            state.age,
            state.origin,
        )
        # To a stranger's browser this is the refusal already: there is nothing else in it.
        return _once_more(request, alias, status=400)
    return None


def for_form(request: HttpRequest) -> HttpResponse:
    """Send a browser that another site's form has sent here to the same place by GET.

    A cross-site POST carries no ``SameSite=Lax`` cookie; the GET that follows a 303 does. What the form says
    is in a URL then, as it is with every other provider, and as little believed.

    :raises AuthorizationResponseError: a parameter is repeated or too long, or the URL has some, too.
    """
    if request.GET:
        raise AuthorizationResponseError("parameter_repeated", "in the URL and in the form")
    AuthorizationResponse.from_query(dict(request.POST.lists()))
    query = {name: request.POST[name][:CODE_LENGTH] for name in CARRIED if name in request.POST}
    response = HttpResponseRedirect(f"{request.path}?{urlencode(query)}")
    response.status_code = 303  # RFC 9110 §15.4.4: by GET, whatever it was
    return response


def _home(request: HttpRequest, origin: str, alias: str) -> HttpResponse:
    words = conf.callback_words(alias)
    carried = (*CARRIED, words["code_param"], *words["echoes"], *words["cancels"])
    query = {name: request.GET[name] for name in carried if name in request.GET}
    return HttpResponseRedirect(f"{origin}{request.path}?{urlencode({**query, RELAYED: '1'})}")


def _once_more(request: HttpRequest, alias: str, *, status: int) -> HttpResponse:
    again = f"{request.get_full_path()}&{BOUNCED}=1"  # the query has a state, so it is not empty
    context = {"again": again, "alias": alias, "label": branding.label(alias)}
    return render(request, "oauth_login/bounce.html", context, status=status)


def _is_allowed(request: HttpRequest, origin: str) -> bool:
    """Tell whether a sign-in that was started on *origin* is led back there.

    The origin is out of our own sealed state, so this site has answered there; but with a wildcard in
    ``ALLOWED_HOSTS`` a site answers to any name at all. So it is listed, or a twin of the callback's that
    ``ALLOWED_HOSTS`` accepts by name.
    """
    here = conf.origin_seen(request)
    if not origin or origin == here:
        return False
    return origin in conf.setting("RELAY_ORIGINS") or (
        origin in _twins(conf.origin(request)) and conf.is_host_named(urlsplit(origin).netloc)
    )


def _twins(origin: str) -> set[str]:
    """Return the origins that people take for the same: with and without www, the names of this machine."""
    parts = urlsplit(origin)
    host, _, port = parts.netloc.rpartition(":") if parts.port else (parts.netloc, "", "")
    if parts.hostname in LOOPBACK:
        others = {"localhost", "127.0.0.1", "[::1]"} - {host}
    else:
        others = {host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"}
    return {f"{parts.scheme}://{other}{f':{port}' if port else ''}" for other in others}
