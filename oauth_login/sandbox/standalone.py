"""The sandbox as a server of its own: pages and back channel over HTTP, for any client anywhere.

It has no site around it: no database, no sessions, no middleware. Each provider is below its alias.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.utils.translation import get_language_from_request, override

from oauth_login.errors import NotHere
from oauth_login.sandbox import page
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.messages import Request

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    # No form-action: browsers apply it to the redirect that follows, and that leads to the client.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
}
AVATARS: Final = "/avatars/"


@dataclass(frozen=True, slots=True)
class Imitation:
    """A provider that is answered for: its flavour, the name to show, and the one callback URL."""

    flavour: Flavour
    label: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Application:
    """The WSGI application, with what it answers for by alias."""

    imitations: Mapping[str, Imitation]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        request = WSGIRequest(environ)
        with override(get_language_from_request(request)):
            try:
                response = self._answer(request)
            except NotHere:
                response = HttpResponse("Not found.\n", status=404, content_type="text/plain")
            except RequestDataTooBig:
                response = HttpResponse("Too large.\n", status=413, content_type="text/plain")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response

    def _answer(self, request: WSGIRequest) -> HttpResponse:
        alias, _, rest = request.path_info.removeprefix("/").partition("/")
        imitation = self.imitations.get(alias)
        if imitation is None:
            raise NotHere(detail="no such provider")
        path = f"/{rest}"
        if path == imitation.flavour.page:
            return page.answer(
                request,
                imitation.flavour,
                registered_uri=imitation.redirect_uri,
                label=imitation.label,
                is_apart=True,
            )
        if path.startswith(imitation.flavour.grants_page):
            return page.grants(request, imitation.flavour, label=imitation.label, is_apart=True)
        if path.startswith(AVATARS):
            return HttpResponseRedirect(static(f"oauth_login/sandbox/{path.removeprefix(AVATARS)}"))
        return _over_the_back_door(request, imitation.flavour, path)


def _over_the_back_door(request: WSGIRequest, flavour: Flavour, path: str) -> HttpResponse:
    url = f"{path}?{request.META.get('QUERY_STRING', '')}"
    asked = Request.of(str(request.method), url, dict(request.headers), request.body)
    status, headers, content = flavour.respond(asked)
    return HttpResponse(content, status=status, headers=headers)
