"""What an attempt is for: to sign in; or to link an account, to prove again who one is, to grant more.

The latter three are for somebody who is signed in, begin on that user's own page, and end in that user's
session or not at all (threats A09, A10). Nobody is signed in by them.
"""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from oauth_login import asking, branding, linking, recency
from oauth_login.attempts import Attempt
from oauth_login.errors import BodyUnreadable, SignInConflict
from oauth_login.flow import Intent
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile, Provider
from oauth_login.redirects import requested_page, url_to

OUTCOMES: Final = {
    Intent.SIGN_IN: SignIn.SIGNED_IN,
    Intent.SEPARATE: SignIn.SIGNED_IN,
    Intent.LINK: SignIn.LINKED,
    Intent.REAUTHENTICATE: SignIn.REAUTHENTICATED,
    Intent.GRANT: SignIn.GRANTED,
}


def signs_in(intent: str) -> bool:
    """Tell whether such an attempt signs somebody in, and so is for whoever comes."""
    return OUTCOMES[Intent(intent)] == SignIn.SIGNED_IN


def asked(request: HttpRequest) -> Intent:
    """Return what the form is for.

    :raises BodyUnreadable: ``intent_unknown``.
    """
    try:
        return Intent(request.POST.get("intent", Intent.SIGN_IN))
    except ValueError:
        raise BodyUnreadable("intent_unknown") from None


def obstacle(request: HttpRequest, intent: Intent, alias: str) -> HttpResponse | None:
    """Return where the visitor has to go first, or None: signing in, or proving again who they are (G02)."""
    if signs_in(intent):
        return None
    if not request.user.is_authenticated:
        page = requested_page(request) or reverse("oauth_login:accounts")
        return redirect(url_to("login", next=page))
    if intent == Intent.LINK and not recency.is_recent(request):
        return redirect(url_to("confirm", next=url_to("link", alias, next=requested_page(request))))
    return None


def page(intent: str) -> str:
    """Return where an attempt leads that had nowhere else to go; "" for the site's default."""
    return "" if signs_in(intent) else reverse("oauth_login:accounts")


def wanted(request: HttpRequest, intent: Intent, alias: str) -> dict[str, Any]:
    """Return what ``flow.begin`` is to ask for, beyond what every sign-in does (threat B11).

    What was granted so far is asked for again: the new token may do what it says itself, and no more.

    :raises BodyUnreadable: ``ask_invalid``: it was not this site who asked.
    """
    asked = request.POST.dict()
    if intent != Intent.GRANT:
        return {"asked": asked}
    ask = asking.read(request.POST.get("ask", ""), request.user, alias)
    account = _asked_of(request.user, alias, ask.account)
    if account is None:
        raise BodyUnreadable("ask_invalid", "the account is not linked any more")
    scope = dict.fromkeys([*account.scope.split(), *ask.scope])
    # Who is signed in there as somebody else is helped to be who is meant, where the provider can.
    asked = {**asked, "login": account.username}
    return {"asked": asked, "scope": " ".join(scope), "account": str(account.pk)}


def about(request: HttpRequest, attempt: Attempt) -> dict[str, str]:
    """Return what a button needs to begin the same again."""
    if attempt.intent != Intent.GRANT:
        return {"intent": attempt.intent}
    scope = attempt.scope.split()
    ask = asking.sealed(request.user, attempt.provider, scope, attempt.account)
    return {"intent": attempt.intent, "ask": ask}


def page_after_no(intent: str, ask: str, alias: str, next_page: str) -> str:
    """Return where somebody is sent who said no at the provider: to where they can do without it."""
    if intent == Intent.GRANT:
        return asking.page_of(ask, alias, next_page)
    if intent == Intent.REAUTHENTICATE:
        return url_to("confirm", next=next_page)
    return reverse("oauth_login:accounts")


def finish(
    request: HttpRequest,
    provider: Provider,
    attempt: Attempt,
    token: TokenResponse,
    profile: Profile,
    *,
    save: Callable[[], None],
) -> LinkedAccount:
    """Do what the attempt is for; return the account that it is about.

    :param save: saves the session. What is written to the database is written only if that succeeds.
    :raises SignInConflict: ``linked_elsewhere``, ``somebody_else``.
    """
    user: Any = request.user
    if attempt.intent == Intent.LINK:
        account = linking.link(
            user, provider.alias, profile, token, also=lambda _account: save(), request=request
        )
        tell_linked(request, account)
        return account
    account = _own(user, profile)
    if attempt.intent == Intent.REAUTHENTICATE:
        recency.note(request.session, asked_anew=provider.proves_sign_in)
        save()
        return account
    if str(account.pk) != attempt.account:  # its token is not to be replaced by one for another's scope
        raise SignInConflict("somebody_else", "another account of the same user")
    account = linking.link(
        user, provider.alias, profile, token, also=lambda _account: save(), request=request
    )
    granted = frozenset(account.scope.split())
    if any(not provider.covers(granted, name) for name in attempt.scope.split()):
        _tell(request, _("%(provider)s says that not all of it was granted."), account)
    return account


def _asked_of(user: Any, alias: str, pk: str) -> LinkedAccount | None:
    return next((one for one in user.linked_accounts.filter(provider=alias) if str(one.pk) == pk), None)


def _own(user: Any, profile: Profile) -> LinkedAccount:
    """Return the account of that identity, which has to be *user*'s.

    :raises SignInConflict: ``somebody_else``; nobody is told whose it is.
    """
    account = LinkedAccount.objects.identified(profile.issuer, profile.subject)
    if account is None or account.user_id != user.pk:
        raise SignInConflict("somebody_else")
    return account


def tell_linked(request: HttpRequest, account: LinkedAccount) -> None:
    """Tell the visitor that *account* is theirs from now on."""
    _tell(request, _("%(account)s is linked: from now on you can sign in with %(provider)s, too."), account)


def _tell(request: HttpRequest, words: str, account: LinkedAccount) -> None:
    shown = account.username or account.name or account.subject
    told = words % {"account": shown, "provider": branding.label_of(account)}
    messages.info(request, told, fail_silently=True)
