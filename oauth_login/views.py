"""The whole sign-in, seen from the browser. Read on in ``flow.py``.

::

    POST authorize ─ flow.begin ─▶ attempt sealed in a cookie ─▶ 302 provider
    GET  callback  ─ attempts.recall ─▶ flow.complete ─▶ provider: code → token → Profile
                   ─▶ authenticate(request, oauth_profile=profile) ─▶ login() ─▶ 302 next
"""

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from oauth_login import (
    attempts,
    branding,
    conf,
    detours,
    flow,
    held,
    intents,
    last_used,
    refusals,
    session_index,
    sessions,
    signals,
    throttle,
)
from oauth_login.attempts import Attempt
from oauth_login.causes import CAUSES
from oauth_login.errors import (
    AttemptError,
    AuthorizationResponseError,
    EmailTaken,
    FormStale,
    NotHere,
    OAuthLoginError,
    SignInConflict,
)
from oauth_login.flow import Intent
from oauth_login.guard import csrf_refused, csrf_told, guarded, outside_transactions
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.oauth2 import AuthorizationResponse, TokenResponse
from oauth_login.providers.base import Profile, Provider
from oauth_login.redirects import default_page, first_page, leads_to_admin, requested_page
from oauth_login.transport import one_deadline

logger = logging.getLogger("oauth_login")


@guarded
@require_safe
def login(request: HttpRequest) -> HttpResponse:
    """Show the ways to sign in; to somebody who has just said no, with a choice of accounts (GH18)."""
    context = {
        "next": requested_page(request),
        "choose_account": refusals.DENIED in request.GET,
        "labels": [branding.label(alias) for alias in conf.aliases()],
    }
    return render(request, "oauth_login/login.html", context)


@guarded
@require_safe
def codes(request: HttpRequest) -> HttpResponse:
    """Say, to whoever builds the site, what is behind every code; in DEBUG only."""
    if not settings.DEBUG:
        raise NotHere
    return render(request, "oauth_login/codes.html", {"causes": CAUSES.items()})


@guarded
@csrf_told
@outside_transactions  # a start needs no database, and must not depend on one
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, alias: str) -> HttpResponse:
    """Send the browser to the provider, on POST. A GET changes nothing: it shows the button (A17)."""
    next_page = requested_page(request)
    try:
        _require_known(alias)
        _require_genuine(request)
        provider = conf.provider(alias)
        if request.method == "GET":
            context = {"alias": alias, "label": provider.label, "next": next_page}
            return render(request, "oauth_login/authorize.html", context)
        intent = intents.asked(request)
        if somewhere_else := intents.obstacle(request, intent, alias):
            return somewhere_else
        throttle.count_start(request)
        url, attempt = flow.begin(
            provider,
            intent=intent,
            redirect_uri=conf.redirect_uri(request, alias),
            origin=conf.origin_seen(request),
            next_page=next_page,
            user=sessions.signed_in_user(request),
            **intents.wanted(request, intent, alias),
        )
        response = HttpResponseRedirect(url)
        attempt.save(request, response)
    except (OAuthLoginError, DatabaseError) as error:
        return refusals.refuse(request, error, alias=alias, next_page=next_page)
    return response


@guarded  # and no CSRF check of a provider's form: it is only sent on, to where state and cookie count
@require_http_methods(["GET", "POST"])
@outside_transactions
@sensitive_post_parameters()
@sensitive_variables()  # here, and in whatever this calls: error reports show no code, token or profile
def callback(request: HttpRequest, alias: str) -> HttpResponse:
    """Take the visitor back from the provider. What is not about this browser's own attempt ends here."""
    if request.method == "POST":
        return _answered_by_form(request, alias)
    own = attempts.own(request)
    try:
        _require_known(alias)
        throttle.count_callback(request, own=own is not None)
        response = AuthorizationResponse.from_query(dict(request.GET.lists()), **conf.callback_words(alias))
        if not response.state and {"installation_id", "setup_action"} & request.GET.keys():
            # "Install & authorize" of a GitHub App carries no state, so its code is not for us (A30).
            return redirect(reverse("oauth_login:authorize", kwargs={"alias": alias}))
        state = attempts.read_state(response.state)
        if detour := detours.for_session(request, alias):
            return detour
        page, is_reload = sessions.finished(request.session, state.id, response.code)
        if page:
            return _finished_before(request, alias, page, is_reload=is_reload)
        if detour := detours.for_attempt(request, state, alias):
            return detour
        attempt = attempts.recall(request, state, alias)
    except (OAuthLoginError, DatabaseError) as error:
        return refusals.refuse(request, error, alias=alias, next_page=own.next_page if own else "")
    return _finish(request, attempt, response)


def _finished_before(request: HttpRequest, alias: str, page: str, *, is_reload: bool) -> HttpResponse:
    """Go on calmly after a reload; who stepped back to the provider and said yes again is told so (I13)."""
    if is_reload:
        return HttpResponseRedirect(page)
    error = AttemptError("attempt_replayed", "this session finished it with another answer")
    return refusals.refuse(request, error, alias=alias, next_page=page)


def _answered_by_form(request: HttpRequest, alias: str) -> HttpResponse:
    """Take a provider's form to the same place by GET; of one that does not answer so, take none (A21)."""
    try:
        _require_known(alias)
        throttle.count_callback(request, own=False)
        if not conf.provider(alias).form_post:
            return HttpResponseNotAllowed(["GET"])
        return detours.for_form(request)
    except OAuthLoginError as error:
        return refusals.refuse(request, error, alias=alias, next_page="")


def _finish(request: HttpRequest, attempt: Attempt, response: AuthorizationResponse) -> HttpResponse:
    """Check, then claim, then finish a genuine attempt; from here on ``next`` is never lost."""
    about: dict[str, Any] = {
        "alias": attempt.provider,
        "next_page": attempt.next_page,
        **intents.about(request, attempt),
    }
    try:
        provider = flow.meant(conf.provider(attempt.provider), attempt)
        if "prefetch" in request.headers.get("Sec-Purpose", ""):
            raise AuthorizationResponseError("prefetch_refused")  # and not spent (A22)
        flow.check(provider, attempt, response, sessions.user_since(request, attempt.user))
        sign_in = _claim(attempt)
    except (OAuthLoginError, DatabaseError) as error:
        return refusals.refuse(request, error, **about)
    answer = HttpResponseRedirect(attempt.next_page or intents.page(attempt.intent) or default_page())
    try:
        account = _carry_out(request, provider, attempt, response, answer, sign_in)
    except OAuthLoginError as error:
        # The cookie stays: it is of no use any more, but a reload of this page still finds ``next`` in it.
        if isinstance(error, EmailTaken):
            return _guide(request, error, sign_in, about)
        return refusals.refuse(request, error, sign_in=sign_in, **about)
    refusals.write_outcome(sign_in, intents.OUTCOMES[Intent(attempt.intent)], account)
    logger.info("%s: provider=%s user=%s", sign_in.outcome, attempt.provider, account.user_id)
    if intents.signs_in(attempt.intent):
        session_index.follow(request.session, sign_in)
        user: Any = request.user
        created = user.signed_in_first
        signals.signed_in.send_robust(SignIn, request=request, user=user, account=account, created=created)
        last_used.note(request, answer, attempt.provider)
    attempt.forget(request, answer)
    return answer


def _guide(request: HttpRequest, error: EmailTaken, sign_in: SignIn, about: dict[str, Any]) -> HttpResponse:
    """Answer whose address is taken here: by the ways that its user has, one of which may be theirs."""
    guidance = held.guidance(request, error)
    refused = refusals.refuse(request, error, sign_in=sign_in, **about, **guidance)
    held.mark_browser(request, refused)
    sessions.save_if_possible(request, refused)
    return refused


def _carry_out(
    request: HttpRequest,
    provider: Provider,
    attempt: Attempt,
    response: AuthorizationResponse,
    answer: HttpResponse,
    sign_in: SignIn,
) -> LinkedAccount:
    """Do what the attempt is for; or raise, with the session as it was and no row half written."""
    finished = {"attempt_id": attempt.id, "code": response.code}
    is_told = provider.backchannel_logout or conf.setting("SESSIONS_END_ON_REVOCATION")
    is_noted = is_told and session_index.can_end()
    try:
        with one_deadline():  # for what the site's policy asks the provider, too
            token, profile = flow.complete(provider, attempt, response)
            if not intents.signs_in(attempt.intent):
                save = partial(sessions.finish, request, answer, **finished)
                return intents.finish(request, provider, attempt, token, profile, save=save)
            user = _authenticated(request, provider, attempt, token, profile)
        answer["Location"] = first_page(request, user, answer["Location"])
        sessions.sign_in(request, user, answer, through=provider.alias, is_noted=is_noted, **finished)
        if is_noted:
            session_index.note(sign_in, request.session, provider.session_id(token))
    except OAuthLoginError:
        raise
    except Exception as error:
        # A database that is locked, or a mistake in the site's own provider, backend or receiver.
        raise refusals.unfinished(request, provider.alias, error) from error
    signed_in_with: LinkedAccount = user.signed_in_with
    return signed_in_with


def _authenticated(
    request: HttpRequest, provider: Provider, attempt: Attempt, token: TokenResponse, profile: Profile
) -> Any:
    """Return the user of *profile*; whose address is taken is held until they prove who they are."""
    _refuse_somebody_else(request, profile)
    try:
        user: Any = authenticate(
            request,
            oauth_profile=profile,
            oauth_token=token,
            oauth_provider=provider.alias,
            **_wishes(attempt),
        )
    except EmailTaken as error:
        held.hold(request.session, error.user, provider.alias, profile, token)
        raise
    if user is None:
        raise SignInConflict("backend_refused", "no authentication backend took the profile")
    return user


def _wishes(attempt: Attempt) -> dict[str, bool]:
    """Return what else the backend is told; one that knows nothing of it is not."""
    separate = {"oauth_separate": True} if attempt.intent == Intent.SEPARATE else {}
    return separate | ({"oauth_sign_up": False} if leads_to_admin(attempt.next_page) else {})


def _refuse_somebody_else(request: HttpRequest, profile: Profile) -> None:
    """Refuse to switch users, or to link, behind the back of whoever is signed in (F29, A09)."""
    if request.user.is_authenticated:
        account = LinkedAccount.objects.identified(profile.issuer, profile.subject)
        if account is None or account.user_id != request.user.pk:
            raise SignInConflict("already_signed_in")


def _claim(attempt: Attempt) -> SignIn:
    started_at = datetime.fromtimestamp(attempt.started_at, UTC if settings.USE_TZ else None)
    sign_in = SignIn.objects.claim(attempt=attempt.id, provider=attempt.provider, started_at=started_at)
    if sign_in is None:
        raise AttemptError("attempt_replayed")
    return sign_in


def _require_known(alias: str) -> None:
    if alias not in conf.aliases():
        raise NotHere("provider_unknown")


def _require_genuine(request: HttpRequest) -> None:
    """Refuse a start that the visitor may not have pressed the button for (A18)."""
    if reason := csrf_refused(request):
        raise FormStale("form_stale" if request.COOKIES else "form_without_cookies", reason)
