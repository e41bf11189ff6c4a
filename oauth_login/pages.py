"""The pages of a sign-in that did not succeed: what happened, calmly, and one button to go on."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from oauth_login import attempts, branding, conf
from oauth_login.causes import cause_of
from oauth_login.errors import (
    AttemptError,
    OAuthLoginError,
    ProviderMisconfigured,
    RequestRefused,
    SignInUnfinished,
    printable,
)
from oauth_login.explanations import explain
from oauth_login.redirects import default_page


def refusal(
    request: HttpRequest, error: OAuthLoginError, *, alias: str, next_page: str, **more: Any
) -> HttpResponse:
    """Return the page for *error*, with its status and one button that keeps ``next``.

    :param more: for the template: ``intent`` and ``ask`` of the attempt, and ``held.guidance()``.
    """
    context = {
        "intent": "",
        "ask": "",
        "ways": {},
        "is_guided": False,
        "separable": False,
        **more,
        "explanation": explain(error),
        "code": error.code,
        "support_id": error.support_id,
        "wait": _wait(error.retry_after),
        "alias": alias,
        "label": branding.label(alias),
        "next": next_page,
        "elsewhere": next_page or default_page(),
        "evidence": _evidence(request, error) if settings.DEBUG else None,
        "cause": cause_of(error.code, error.status),
        "choose_account": error.code == "somebody_else",
    }
    if isinstance(error, SignInUnfinished):
        # Messages may be kept in sessions, and those in the database that has just failed.
        context["messages"] = ()
    response = render(request, "oauth_login/refusal.html", context, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _wait(seconds: int | None) -> str:
    """Return when to try again, as people say it, or "" if nobody knows."""
    if seconds is None:
        return ""
    if seconds < 90:
        text = ngettext("Please try again in %d second.", "Please try again in %d seconds.", seconds)
        return text % seconds
    minutes = -(-seconds // 60)
    return ngettext("Please try again in %d minute.", "Please try again in %d minutes.", minutes) % minutes


def _evidence(request: HttpRequest, error: OAuthLoginError) -> dict[str, str]:
    """Return what is known of a refusal, for whoever builds the site; no value of a cookie or parameter.

    Nothing here may fail: what is wrong with the request or the settings is what it tells about.
    """
    own = [
        name
        for name in request.COOKIES
        if name.removeprefix(attempts.HOST_PREFIX).startswith(attempts.COOKIE)
    ]
    others = len(request.COOKIES) - len(own)
    host = request.headers.get("Host", "") or request.META.get("SERVER_NAME", "")  # allowed or not
    return {
        "stage": error.stage,
        "status": str(error.status),
        "detail": error.detail,
        "this address": f"{request.scheme}://{printable(host)}",
        "ORIGIN": printable(conf.written("ORIGIN") or ""),
        "cookies that arrived": f"{len(own)} of sign-ins, {others} others",
        **({} if isinstance(error, RequestRefused) else _attempt_evidence(request)),
    }


def _attempt_evidence(request: HttpRequest) -> dict[str, str]:
    try:
        state = attempts.read_state(request.GET.get("state", ""))
    except (AttemptError, ProviderMisconfigured):
        return {}
    return {"started": f"{state.age} seconds ago, at {state.origin}"}
