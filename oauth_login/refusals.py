"""What happens when a sign-in is refused: one line in the log, one signal, one row's outcome, one page.

All four carry the refusal's code and its support id, so that what a visitor reads out leads to the rest.
"""

import logging
from typing import Any, Final

from django.contrib import messages
from django.core.signals import got_request_exception
from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from oauth_login import intents, pages, signals
from oauth_login.errors import (
    AuthorizationDenied,
    OAuthLoginError,
    ProviderMisconfigured,
    SignInUnfinished,
    printable,
)
from oauth_login.flow import Intent
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.problems import ALIAS_LENGTH
from oauth_login.redirects import url_to

DENIED: Final = "denied"  # our own mark on the sign-in page's URL

logger = logging.getLogger("oauth_login")


def refuse(
    request: HttpRequest,
    error: OAuthLoginError | DatabaseError,
    *,
    alias: str,
    next_page: str,
    sign_in: SignIn | None = None,
    **more: Any,
) -> HttpResponse:
    """Answer a refusal; a database that is locked or down is one, too (J09).

    :param sign_in: the row of an attempt that was claimed already.
    :param more: what the page is to know besides (``pages.refusal``).
    """
    alias = printable(alias, ALIAS_LENGTH)  # it may be whatever somebody wrote into the URL
    if isinstance(error, DatabaseError):
        error = unfinished(request, alias, error)
    report(request, error, alias=alias)
    if sign_in:
        write_outcome(sign_in, error.code, support_id=error.support_id)
    if isinstance(error, AuthorizationDenied):
        intent = more.get("intent", Intent.SIGN_IN)
        if intents.signs_in(intent):
            return _back_to_sign_in(request, error, next_page)
        return _back(request, error, intents.page_after_no(intent, more.get("ask", ""), alias, next_page))
    return pages.refusal(request, error, alias=alias, next_page=next_page, **more)


def report(request: HttpRequest, error: OAuthLoginError, *, alias: str) -> None:
    """Tell the site of a refusal: one line in the log, and the signal."""
    _log(error, alias)
    signals.sign_in_failed.send_robust(
        SignIn,
        request=request,
        provider=alias,
        code=error.code,
        stage=error.stage,
        support_id=error.support_id,
    )


def unfinished(request: HttpRequest, alias: str, error: Exception) -> SignInUnfinished:
    """Report an error of this site's own as Django would, for the owner; return the visitor's."""
    got_request_exception.send(sender=type(error), request=request)
    told = SignInUnfinished(detail=type(error).__name__)
    logger.error("sign-in through %s failed: support=%s", alias, told.support_id, exc_info=error)
    return told


def write_outcome(
    sign_in: SignIn, outcome: str, account: LinkedAccount | None = None, *, support_id: str = ""
) -> None:
    """Write how the attempt ended; the log is not worth a second failure, nor a sign-in that succeeded."""
    try:
        sign_in.finish(outcome, account, support_id=support_id)
    except DatabaseError:
        logger.exception("the sign-in log could not be written")


def _log(error: OAuthLoginError, alias: str) -> None:
    level = logging.ERROR if isinstance(error, ProviderMisconfigured) else logging.WARNING
    if isinstance(error, AuthorizationDenied):
        level = logging.INFO
    logger.log(
        level,
        "sign-in refused: code=%s stage=%s provider=%s status=%d support=%s detail=%s",
        error.code,
        error.stage,
        alias,
        error.status,
        error.support_id,
        error.detail,
    )


def _back(request: HttpRequest, error: AuthorizationDenied, page: str) -> HttpResponse:
    """Who is signed in already, and says no to more, is not shown an error either (threat I12)."""
    told = _("You said no there. Nothing was changed. (Support ID: %(id)s)") % {"id": error.support_id}
    messages.info(request, told, fail_silently=True)
    return redirect(page)


def _back_to_sign_in(request: HttpRequest, error: AuthorizationDenied, next_page: str) -> HttpResponse:
    """Who says no is not shown an error, but the ways to sign in: perhaps it was the wrong account."""
    told = _("You did not sign in. Nothing was changed. (Support ID: %(id)s)") % {"id": error.support_id}
    messages.info(request, told, fail_silently=True)
    return redirect(url_to("login", next=next_page, **{DENIED: "1"}))
