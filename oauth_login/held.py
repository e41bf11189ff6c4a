"""An identity that is held until its owner has proved that an account here is theirs (guided linking).

A newcomer's verified address belongs to a user. Nobody is signed in for having an address (threats F07,
F08): whoever it is signs in the way they did before, whatever way that is, and then the two are linked. What
is held is sealed into the session, for half an hour, one at a time, and for that one user only: it comes to
nothing if anybody else signs in, so that planting it in somebody's browser is of no use.
"""

import json
import logging
import time
from dataclasses import asdict, replace
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.db import router
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from oauth_login import conf, linking, pages, session_index
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.sealing import SealBroken, Sealer

HELD: Final = "oauth_login_held"
HELD_AGE: Final = 1800  # seconds: time to find a password
LONGEST: Final = 20_000  # characters
LONGEST_IN_COOKIE: Final = 2_000  # of the 4,096 that a session in a cookie has for everything

logger = logging.getLogger("oauth_login")


@sensitive_variables()
def hold(session: SessionBase, user: str, alias: str, profile: Profile, token: TokenResponse | None) -> None:
    """Hold an identity for the user of that primary key.

    A token that is too long is left behind: the next sign-in brings another.

    :param user: "" for nobody in particular, for whom nothing is held.
    """
    if not user:
        return
    content = {"since": int(time.time()), "user": user, "alias": alias, "profile": asdict(profile)}
    longest = LONGEST if session_index.can_end() else LONGEST_IN_COOKIE
    for kept in (token, None):
        sealed = _sealer().seal(json.dumps({**content, "token": _written(kept)}), user)
        if len(sealed) <= longest:
            session[HELD] = [user, sealed]
            return
    session.pop(HELD, None)
    logger.warning("an identity of %s is too long to be held", alias)


def ways(request: HttpRequest) -> dict[str, Any]:
    """Return how the user signs in that an identity is held for here, for the page that asks them to.

    The address is proven, by the provider, so that this tells nobody what they have no business with (F30).
    """
    content = _opened(request.session)
    user: Any = _user(content["user"]) if content else None
    if user is None:
        return {}
    providers, password = pages.ways_in(user), user.has_usable_password()
    if not providers and not password:
        return {}
    page = pages.password_page() if password else ""
    return {"providers": providers, "password": password, "password_page": page}


def _user(pk: str) -> Any:
    model = get_user_model()
    return model._base_manager.using(router.db_for_write(model)).filter(pk=pk, is_active=True).first()


@sensitive_variables()
def on_sign_in(sender: Any, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Link what is held for *user*, who has just signed in; drop what is held for somebody else.

    Nobody is kept from signing in, whatever goes wrong with it.
    """
    content = _opened(request.session)
    request.session.pop(HELD, None)
    if content is None or content["user"] != str(user.pk):
        return
    try:
        account = linking.link(
            user, content["alias"], Profile(**content["profile"]), _token(content), request=request
        )
    except Exception:
        logger.exception("what was held for user %s could not be linked", user.pk)
        return
    told = _("%(account)s is linked: from now on you can sign in with %(provider)s, too.")
    shown = account.username or account.name or account.subject
    words = {"account": shown, "provider": pages.label(account.provider)}
    messages.success(request, told % words, fail_silently=True)


def _opened(session: SessionBase) -> dict[str, Any] | None:
    try:
        user, sealed = session.get(HELD, ("", ""))
        content: dict[str, Any] = json.loads(_sealer().open(sealed, user))
    except SealBroken:
        return None
    return content if time.time() - content["since"] <= HELD_AGE else None


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
