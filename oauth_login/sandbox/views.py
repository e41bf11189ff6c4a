"""The sandbox's front door: the page where a visitor picks who to be."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from oauth_login import conf
from oauth_login.errors import NotHere
from oauth_login.guard import guarded
from oauth_login.pages import label
from oauth_login.sandbox.flavours import FLAVOURS, flavour_for
from oauth_login.sandbox.personas import PERSONAS, resolve
from oauth_login.sandbox.server import Refused


@guarded  # and no CSRF check, as at a real provider: signing in in another tab must not break this page
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, alias: str) -> HttpResponse:
    """Ask who wants to sign in; send the answer back as a real provider would."""
    preset = conf.provider_settings()[alias].get("PRESET", alias) if conf.sandboxed(alias) else ""
    if preset not in FLAVOURS:
        raise NotHere(detail="no sandbox here")
    server = flavour_for(alias, preset).server
    try:
        query = dict(request.GET.lists())
        authorization = server.authorize(query, conf.redirect_uri(request, alias))
    except Refused as refused:
        return render(request, "oauth_login/sandbox_refused.html", {"refused": refused}, status=400)
    if request.method == "GET":
        context = {"personas": PERSONAS.values(), "label": label(alias), "authorization": authorization}
        return render(request, "oauth_login/sandbox.html", context)
    if request.POST.get("persona") == "deny":
        return redirect(server.deny(authorization))
    persona = resolve(request.POST.get("persona", ""))
    if persona is None:
        raise NotHere(detail="no such persona")
    return redirect(server.approve(authorization, persona))
