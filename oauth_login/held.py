"""An identity that is held until its owner has proved that an account here is theirs (guided linking).

A newcomer's verified address belongs to a user. Nobody is signed in for having an address (threats F07,
F08): whoever it is signs in the way they did before, whatever way that is, and then the two are linked. What
is held is sealed into the session, for half an hour, one at a time, and for that one user only. It comes to
nothing if anybody else signs in, or in another browser than the one that came from the provider: whoever has
once proved an address that is not theirs, and plants their session in the browser of whose it is, gets
nothing. What tells the browser is a cookie of its own, which no subdomain can plant over https.
"""

import json
import logging
import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error as DatabaseError  # also what drivers raise about a closed connection
from django.db import connections, router, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from oauth_login import branding, conf, intents, linking, recency, refusals, session_index, tokens, ways_in
from oauth_login.attempts import HOST_PREFIX
from oauth_login.errors import (
    AttemptError,
    EmailTaken,
    OAuthLoginError,
    ProviderError,
    ProviderMisconfigured,
    SignInUnfinished,
)
from oauth_login.explanations import explain
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.sealing import SealBroken, Sealer
from oauth_login.transport import one_deadline

HELD: Final = "oauth_login_held"
COOKIE: Final = "oauth_held"  # not as attempts are called, of which a browser keeps a few only
HELD_AGE: Final = 1800  # seconds: time to find a password
LONGEST: Final = 48_000  # characters: all claims that may be kept, and a token
LONGEST_IN_COOKIE: Final = 2_000  # of the 4,096 that a session in a cookie has for everything
AGAIN: Final = gettext_lazy(
    "It is held for half an hour: sign in once more, without signing out before, and it is tried again."
)

logger = logging.getLogger("oauth_login")


@sensitive_variables()
def hold(session: SessionBase, user: str, alias: str, profile: Profile, token: TokenResponse | None) -> None:
    """Hold an identity for the user of that primary key, and no other that was held before.

    What is too long is left behind, as the next sign-in brings it again: first the token, then the claims.
    Whoever is in many groups is guided as well; but a rule that may look at claims is not asked without them.

    :param user: "" for nobody in particular, for whom nothing is held.
    """
    session.pop(HELD, None)
    if not user:
        return
    content = {
        "since": int(time.time()),
        "user": user,
        "alias": alias,
        "browser": secrets.token_urlsafe(16),
    }
    longest = LONGEST if session_index.can_end() else LONGEST_IN_COOKIE
    tokens, profiles = (token if _is_needed(alias) else None, None), (profile, replace(profile, claims={}))
    for kept, known in ((kept, known) for known in profiles for kept in tokens):
        said = {"profile": asdict(known), "is_cut": known != profile, "token": _written(kept)}
        sealed = _sealer().seal(json.dumps({**content, **said}), HELD)
        if len(sealed) <= longest:
            session[HELD] = sealed
            return
    logger.warning("an identity of %s is too long to be held", alias)


def mark_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Have the browser remember that it has brought what is held: in a cookie that no subdomain can plant."""
    if content := _opened(request.session):
        response.set_cookie(
            _cookie(request),
            content["browser"],
            max_age=HELD_AGE,
            secure=_cookie(request).startswith(HOST_PREFIX),
            httponly=True,
            samesite="Lax",
        )


def _cookie(request: HttpRequest) -> str:
    return f"{HOST_PREFIX}{COOKIE}" if conf.origin(request).startswith("https://") else COOKIE


def guidance(request: HttpRequest, error: EmailTaken) -> dict[str, Any]:
    """Return what the page about a taken address needs: how its user signs in, and the way on without it.

    The address is proven, by the provider, so that this tells nobody what they have no business with (F30).
    """
    return {"ways": _ways(request), "is_guided": True, "separable": error.separable}


def _ways(request: HttpRequest) -> dict[str, Any]:
    content = _opened(request.session)
    if content is None:
        return {}
    model = get_user_model()
    user: Any = model._default_manager.using(router.db_for_write(model)).get(pk=content["user"])
    providers, password = ways_in.providers(user.linked_accounts.all()), ways_in.has_password(user)
    if not providers and not password:
        return {}
    page = ways_in.password_page_of(user) if password else ""
    # Of a form that is sent by GET, browsers replace the query of the page that it leads to.
    asked = [pair for pair in parse_qsl(urlsplit(page).query, keep_blank_values=True) if pair[0] != "next"]
    return {"providers": providers, "password": password, "password_page": page, "asked": asked}


@sensitive_variables()
def on_sign_in(sender: Any, request: Any, user: Any, **_kwargs: Any) -> None:
    """Link what is held for *user*, who has just signed in; drop what is held for somebody else.

    Nobody is kept from signing in, whatever goes wrong with it. A provider that does not answer is asked
    again at the next sign-in of this session, as long as the identity is held.
    """
    if not recency.opens_session(request, user):
        return
    content = _opened(request.session)
    sealed = request.session.pop(HELD, "")
    if content is None or content["user"] != str(user.pk):
        return
    try:
        account = _linked(request, user, content)
    except OAuthLoginError as error:
        if isinstance(error, ProviderError):
            request.session[HELD] = sealed
        _refuse(request, user, content["alias"], error)
    except Exception as error:  # a database that is locked, or a mistake in the site's own rule
        _refuse(request, user, content["alias"], refusals.unfinished(request, content["alias"], error))
    else:
        if account:
            intents.tell_linked(request, account)


def _linked(request: HttpRequest, user: Any, content: dict[str, Any]) -> LinkedAccount | None:
    """Return the account, linked; None if *user* has linked it meanwhile: its token is newer than this.

    :raises OAuthLoginError: ``held_expired``, ``held_elsewhere``, ``held_cut``, and whatever refuses a link.
    """
    profile = Profile(**content["profile"])
    account = LinkedAccount.objects.identified(profile.issuer, profile.subject)
    if account is not None and account.user_id == user.pk:
        return None
    if time.time() - content["since"] > HELD_AGE:
        raise AttemptError("held_expired")
    if not compare_digest(request.COOKIES.get(_cookie(request), "").encode(), content["browser"].encode()):
        raise AttemptError("held_elsewhere", f"for user {user.pk}")
    if content["is_cut"] and conf.policy() is not None:  # a rule may refuse for what stands in a claim
        raise AttemptError("held_cut")
    # By now the alias may be gone, or be another server, which knows nobody of the former.
    alias = tokens.provider_of(content["alias"], profile.issuer).alias
    # For what the site's policy asks the provider: a password is being waited for.
    with one_deadline(), _savepoint(LinkedAccount):
        return linking.link(user, alias, profile, _token(content), also=_note, request=request)


def _savepoint(model: type[Model]) -> AbstractContextManager[object]:
    """Keep what fails from breaking the transaction that the site signs in within, if it has one open."""
    database = router.db_for_write(model)
    is_open = connections[database].in_atomic_block
    return transaction.atomic(using=database) if is_open else nullcontext()


def _refuse(request: HttpRequest, user: Any, alias: str, error: OAuthLoginError) -> None:
    """Answer a refusal as every other: by the log, the signal and a row; for a page, by a message."""
    refusals.report(request, error, alias=alias)
    try:
        with _savepoint(SignIn):
            SignIn.objects.note_refusal(error.code, alias, user, support_id=error.support_id)
    except DatabaseError:
        logger.exception("the sign-in log could not be written")
    is_ours = isinstance(error, SignInUnfinished)
    told = format_html(
        '{} {} {} {} <a href="{}">{}</a>',
        _("%(provider)s is not linked to your account.") % {"provider": branding.label(alias)},
        _("Something went wrong on this site.") if is_ours else explain(error).text,
        AGAIN if HELD in request.session else "",
        _("(Support ID: %(id)s)") % {"id": error.support_id},
        reverse("oauth_login:accounts"),
        _("See your linked accounts"),
    )
    messages.warning(request, told, fail_silently=True)


def _is_needed(alias: str) -> bool:
    """Tell whether a token is of use when the two are linked: to be kept, or to ask the provider with."""
    return bool(conf.setting("STORE_TOKENS") or conf.policy() is not None or conf.memberships(alias))


def _note(account: LinkedAccount) -> None:
    SignIn.objects.note(SignIn.LINKED, account)


def _opened(session: SessionBase) -> dict[str, Any] | None:
    """Return what is held, or None if there is nothing that a key opens; wrong keys open nothing, too."""
    try:
        content: dict[str, Any] = json.loads(_sealer().open(session.get(HELD, ""), HELD))
    except (SealBroken, ProviderMisconfigured):
        return None
    return content


def _written(token: TokenResponse | None) -> dict[str, Any] | None:
    """Return what is worth keeping of *token*: not what it said about who it is."""
    if token is None:
        return None
    scope = None if token.scope is None else sorted(token.scope)
    return {**asdict(replace(token, id_token=None, answer={})), "scope": scope}


def _token(content: dict[str, Any]) -> TokenResponse | None:
    """Return the token that was held, which has been getting older."""
    written = content["token"]
    if written is None:
        return None
    age, scope = int(time.time()) - content["since"], written["scope"]
    left = {
        name: None if written[name] is None else max(written[name] - age, 0)
        for name in ("expires_in", "refresh_token_expires_in")
    }
    return TokenResponse(**{**written, **left, "scope": None if scope is None else frozenset(scope)})


def _sealer() -> Sealer:
    return Sealer(conf.encryption_secrets(), "held")
