"""Where a visitor may be sent after signing in: to a page of this very site, or to the default one."""

import logging
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from django.conf import global_settings, settings
from django.contrib.auth import load_backend
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, ResolverMatch, get_script_prefix, resolve, reverse
from django.utils.encoding import iri_to_uri
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme

from oauth_login import attempts

LONGEST: Final = 2_000  # characters
#: Of a page of ours that leads on to another, whose percent signs are escaped once more in it.
LONGEST_OF_OURS: Final = 2 * LONGEST
#: Bytes of the latter as the cookie keeps it: room for 2,000 characters of whatever kind, escaped once more.
LONGEST_KEPT: Final = 2_200
PAGES: Final = frozenset({"accounts", "link", "unlink", "grant"})  # of ours, that lead nowhere by themselves

logger = logging.getLogger("oauth_login")


def url_to(page: str, alias: str = "", **parameters: str) -> str:
    """Return the URL of one of our pages.

    What need not be escaped in a query is not (RFC 3986 §3.4), as a page to go on to may itself lead on.

    :param page: its name, without the namespace.
    :param parameters: for the query; those that are "" are left out.
    """
    url = reverse(f"oauth_login:{page}", kwargs={"alias": alias} if alias else None)
    given = {name: value for name, value in parameters.items() if value}
    return f"{url}?{urlencode(given, safe='/?=')}" if given else url


def same_origin_path(value: object) -> str:
    """Return *value* as an ASCII path of this site, or "" if it is anything else (threats C05 – C19).

    A path is not decoded, joined or looked up by name: it is accepted as it stands or not at all.
    Absolute URLs are refused even for this host, so that no list of hosts can be wrong.
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_OF_OURS or not value.isprintable():
        return ""
    path = iri_to_uri(value)
    # Browsers read a backslash as a slash; so ask the value, in which it is not yet percent-encoded.
    if not path.startswith("/") or path.startswith("//") or "\\" in value:
        return ""
    # Which takes nothing of more than 2,048 characters; but in a query there is no host and no scheme.
    if not url_has_allowed_host_and_scheme(path.partition("?")[0], allowed_hosts=None):
        return ""
    return path if _is_short(path) and not _climbs(path) and not is_ours(path) else ""


def _climbs(path: str) -> bool:
    """Tell whether *path* has a dot segment, by which a browser goes elsewhere than it says (WHATWG URL)."""
    return not {".", ".."}.isdisjoint(unquote(_bare(path)).split("/"))


def _bare(path: str) -> str:
    return path.partition("?")[0].partition("#")[0]


def _is_short(path: str) -> bool:
    """Tell whether *path* is short enough: what is accepted here comes back from a provider, too."""
    if not _leads_on(path):
        return len(path) <= LONGEST
    return len(path) <= LONGEST_OF_OURS and len(attempts.packed(path)) <= LONGEST_KEPT


def requested_page(request: HttpRequest) -> str:
    """Return the page the visitor asked to come to, from ``next``, or "" if there is no good one."""
    parameters = request.POST if request.method == "POST" else request.GET
    values = parameters.getlist("next")
    return same_origin_path(values[0]) if len(values) == 1 else ""


def default_page() -> str:
    """Return ``LOGIN_REDIRECT_URL``, or the visitor's linked accounts if the site never chose one.

    Django's own default, ``/accounts/profile/``, is a 404 in a new project. What a site has set is
    taken at its word: the page may be served by something other than Django.
    """
    page = chosen_page()
    if not page or (page == global_settings.LOGIN_REDIRECT_URL and not is_there(page)):
        return reverse("oauth_login:accounts")
    return page


def chosen_page() -> str:
    """Return ``LOGIN_REDIRECT_URL`` as a URL, or "" if it names no page, which E016 reports.

    Nobody who has just signed in is to see an error page because of it.
    """
    try:
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    except (NoReverseMatch, TypeError):  # TypeError: it is not even text
        return ""


def first_page(request: HttpRequest, user: Any, next_page: str) -> str:
    """Return where *user* goes: to the page that their backend wants them to see first, or to *next_page*.

    What it wants is held to the rules for ``next``: it may have been made of what a visitor sent.
    """
    backend: Any = load_backend(user.backend)
    wanted = backend.page_after_sign_in(request, user, next_page)
    page = same_origin_path(str(wanted) if isinstance(wanted, Promise) else wanted)
    if wanted and not page:
        logger.warning("page_after_sign_in() of %s returned no page of this site", user.backend)
    return _leading_on(page, next_page) if page and page != next_page else next_page


def _leading_on(page: str, next_page: str) -> str:
    """Return *page* with ``next`` in its query, unless it says itself what comes next."""
    parts = urlsplit(page)
    if "next" in parse_qs(parts.query, keep_blank_values=True):
        return page
    added = urlencode({"next": next_page}, safe="/")
    return parts._replace(query=f"{parts.query}&{added}" if parts.query else added).geturl()


def leads_to_admin(path: str) -> bool:
    """Tell whether *path* is a page of an admin site, whatever that is called and wherever it is mounted."""
    match = _match(path)
    return match is not None and match.app_names[:1] == ["admin"]


def is_ours(path: str) -> bool:
    """Tell whether *path* is a step of the flow itself, which would go round in circles (C17)."""
    match = _match(path)
    return match is not None and match.app_names[-1:] == ["oauth_login"] and match.url_name not in PAGES


def _leads_on(path: str) -> bool:
    """Tell whether *path* is a page of ours that may have the page to go on to in its query."""
    match = _match(path)
    return match is not None and match.app_names[-1:] == ["oauth_login"]


def is_there(path: str) -> bool:
    """Tell whether a view of this site answers *path*."""
    return _match(path) is not None


def _match(path: str) -> ResolverMatch | None:
    """Return which view of this site answers *path*, read as the server would read it.

    One without a slash at its end may be led to where there is one, by Django or whoever is in front.
    """
    bare = unquote(_bare(path))
    prefix = get_script_prefix()  # where the whole project is mounted; it ends with a slash
    if not bare.startswith(prefix):
        return None
    for candidate in (bare, f"{bare}/"):
        with suppress(Resolver404):
            return resolve(f"/{candidate.removeprefix(prefix)}")
    return None
