"""The page where somebody who is signed in proves again who they are: by password, or at a provider."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from oauth_login import recency, throttle, ways_in
from oauth_login.errors import FormStale
from oauth_login.guard import csrf_refused, csrf_told, guarded
from oauth_login.redirects import requested_page


@guarded
@csrf_told
@sensitive_post_parameters("password")
@login_required(login_url="oauth_login:login")
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Show the ways to prove it; take a password. The providers' buttons lead to ``authorize``."""
    if request.method == "GET":
        return _page(request)
    if reason := csrf_refused(request):
        raise FormStale("form_stale", reason)
    throttle.count_start(request)
    throttle.count_proof(request, str(request.user.pk))
    if not ways_in.proves(request, request.user, request.POST.get("password", "")):
        return _page(request, is_wrong=True)
    recency.note(request.session, asked_anew=True)
    return HttpResponseRedirect(requested_page(request) or reverse("oauth_login:accounts"))


def _page(request: HttpRequest, *, is_wrong: bool = False) -> HttpResponse:
    user: Any = request.user
    wants_anew = "anew" in request.GET or "anew" in request.POST
    ways = ways_in.providers(user.linked_accounts.all())
    context = {
        "ways": [way for way in ways if way["asks_anew"] or not wants_anew],
        "has_password": ways_in.has_password(user),
        "next": requested_page(request),
        "is_wrong": is_wrong,
        "wants_anew": wants_anew,
    }
    return render(request, "oauth_login/confirm.html", context, status=403 if is_wrong else 200)
