"""The sandbox's front door: where a visitor picks who to be, and where people take back what they granted."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from oauth_login.errors import NotHere
from oauth_login.sandbox.flavour import Flavour
from oauth_login.sandbox.grants import Refused
from oauth_login.sandbox.personas import PERSONAS, resolve


def answer(
    request: HttpRequest, flavour: Flavour, *, registered_uri: str, label: str, is_apart: bool = False
) -> HttpResponse:
    """Ask who wants to sign in; send the answer back as a real provider would.

    :param registered_uri: the callback URL of the client.
    :param is_apart: this is a server of its own, without the pages of a site around it.

    :raises NotHere: nobody is called what was chosen.
    """
    try:
        authorization = flavour.server.authorize(dict(request.GET.lists()), registered_uri)
    except Refused as refused:
        context = {"refused": refused, "is_apart": is_apart}
        return render(request, "oauth_login/sandbox_refused.html", context, status=400)
    if request.method != "POST":
        context = {
            "personas": PERSONAS.values(),
            "label": label,
            "authorization": authorization,
            "withholdable": authorization.withholdable,
            "is_apart": is_apart,
        }
        return render(request, "oauth_login/sandbox.html", context)
    granted = authorization.without(request.POST.getlist("withheld"))
    if request.POST.get("persona") == "deny" or (authorization.scope and not granted.scope):
        return redirect(flavour.server.deny(authorization))
    persona = resolve(request.POST.get("persona", ""))
    if persona is None:
        raise NotHere(detail="no such persona")
    return redirect(flavour.server.approve(granted, persona, is_brief="brief" in request.POST))


def grants(request: HttpRequest, flavour: Flavour, *, label: str, is_apart: bool = False) -> HttpResponse:
    """Let people take back what they granted, behind the client's back.

    :raises NotHere: nobody is called what was chosen.
    """
    context = {"personas": PERSONAS.values(), "label": label, "is_apart": is_apart}
    if request.method == "POST":
        persona = PERSONAS.get(request.POST.get("persona", ""))
        if persona is None:
            raise NotHere(detail="no such persona")
        flavour.server.grants.withdraw(persona.key)
        context["withdrawn"] = persona
    return render(request, "oauth_login/sandbox_grants.html", context)
