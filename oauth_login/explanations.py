"""What a visitor is told when a sign-in did not succeed: by code, else by kind, else in general."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from oauth_login.errors import (
    GrantError,
    NotHere,
    OAuthLoginError,
    PolicyRefused,
    ProviderError,
    ProviderMisconfigured,
    ProviderTimeout,
    ProviderUnavailable,
    RequestRefused,
    SignInRefused,
    TokenRequestError,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a visitor is told. Never a provider's words: they are somebody else's (threats I04, I05).

    ``way_on`` is what the one button does: the same sign-in ``again``, ``sign_out``, ``accounts`` for
    the visitor's own, or ``other`` for all the ways to sign in, where doing the same again would only fail
    again.
    """

    title: str | Promise
    text: str | Promise
    way_on: str = "again"


_AGAIN = _("Nothing was changed, and nothing is lost. Please try again.")
_FAILED = Explanation(_("Signing in did not work"), _AGAIN)
_COOKIES = Explanation(
    _("This browser blocks cookies"),
    _(
        "Signing in needs two small cookies of this very site, and the browser sent none. Allow cookies "
        "for this site (often behind the icon next to its address, or leave the private window), "
        "then try again."
    ),
)
_EXPLANATIONS: Final[Mapping[str, Explanation]] = {
    "attempt_expired": Explanation(
        _("That took a little too long"),
        _("A sign-in has to be finished within a few minutes. One click starts it again."),
    ),
    "cookie_missing": Explanation(
        _("This browser does not remember the sign-in"),
        _(
            "Perhaps it was started in another browser, was already finished, or cookies are blocked "
            "for this site. Please try again here."
        ),
    ),
    "held_expired": Explanation(
        _("That took a little too long"),
        _("It was held for half an hour. Link it again where your linked accounts are."),
        way_on="accounts",
    ),
    "held_cut": Explanation(
        _("That was too much at once"),
        _("What was said about you was too much to be held. Link it again where your linked accounts are."),
        way_on="accounts",
    ),
    "held_elsewhere": Explanation(
        _("This browser does not remember the sign-in"),
        _("It was held for another browser, or for another address of this site."),
        way_on="accounts",
    ),
    "cookies_blocked": _COOKIES,
    "form_without_cookies": _COOKIES,
    "origin_not_allowed": Explanation(
        _("This sign-in was started at another address of this site"),
        _("It has to be finished where it was started. Please start it again here."),
    ),
    "host_not_named": Explanation(
        _("This sign-in is not available"),
        _("The provider and this site do not agree with each other. The owner can see why."),
        way_on="other",
    ),
    "sign_out_stale": Explanation(
        _("This page was out of date"),
        _("Perhaps you signed in or out in another tab meanwhile. You are still signed in as before."),
        way_on="sign_out",
    ),
    "unlink_stale": Explanation(
        _("This page was out of date"),
        _("Perhaps you signed in or out in another tab meanwhile. Nothing was unlinked."),
        way_on="accounts",
    ),
    "account_unknown": Explanation(
        _("This account is not linked"),
        _("Perhaps you have unlinked it already, or are signed in as somebody else."),
        way_on="accounts",
    ),
    "last_way_in": Explanation(
        _("This is your only way in"),
        _("Without this account you could not sign in here again, so it stays linked."),
        way_on="accounts",
    ),
    "body_too_large": Explanation(
        _("That was too much at once"),
        _("The form was larger than this site accepts. Please start again."),
        way_on="other",
    ),
    "too_many_requests": Explanation(
        _("Too many sign-ins at once"),
        _("Very many sign-ins came from your network within a minute."),
    ),
    "attempt_replayed": Explanation(
        _("This sign-in was already used"),
        _("Each sign-in works once. If you are not signed in yet, please try again."),
    ),
    "user_changed": Explanation(
        _("Somebody else is signed in by now"),
        _("Since this sign-in was started, the signed-in user has changed. Please start it again."),
    ),
    "email_unverified_at_provider": Explanation(
        _("Your e-mail address is not verified there yet"),
        _("The provider wants you to verify your e-mail address first. Then please try again."),
    ),
    "user_inactive": Explanation(
        _("This account is not active"),
        _("The owner of this site has deactivated it. Please ask them if you think this is wrong."),
        way_on="other",
    ),
    "not_a_person": Explanation(
        _("Only people can sign in here"),
        _("This is an account of an organisation, a bot, or it is suspended. Please use your own."),
    ),
    "email_required": Explanation(
        _("An e-mail address is needed"),
        _(
            "This site needs an e-mail address that you have verified at the provider. Add one there "
            "and allow this site to see it, then try again."
        ),
    ),
    "sign_up_not_here": Explanation(
        _("Nobody here has this account"),
        _(
            "That page is for people who are known here already, so nothing was created. If you are, sign in "
            "the way you did before."
        ),
        way_on="other",
    ),
    "email_taken": Explanation(
        _("You already have an account here"),
        _("Your e-mail address belongs to it. Please sign in the way you did before."),
        way_on="other",
    ),
    "linked_elsewhere": Explanation(
        _("Somebody here signs in with that account already"),
        _(
            "An account can be linked to one person only. If that is you, too, sign in there and unlink it "
            "first. Nothing was changed."
        ),
        way_on="accounts",
    ),
    "somebody_else": Explanation(
        _("That is another account"),
        _(
            "You are signed in at the provider with another account than the one that this is about. "
            "Nothing was changed. Choose the right one there."
        ),
    ),
    "form_stale": Explanation(
        _("This page was out of date"),
        _(
            "Perhaps you signed in or out in another tab meanwhile. Please press the button once more; "
            "if this page comes back, allow cookies for this site."
        ),
    ),
    "site_unavailable": Explanation(
        _("This site could not finish the sign-in"),
        _("Something is wrong on our side. Please try again in a little while."),
    ),
    "already_signed_in": Explanation(
        _("You are already signed in as somebody else"),
        _("To change to the other account, sign out first."),
        way_on="sign_out",
    ),
}
_KINDS: Final[Mapping[type[OAuthLoginError], Explanation]] = {
    NotHere: Explanation(
        _("This page does not exist"),
        _("There is no such way to sign in here, or there is none any more."),
        way_on="other",
    ),
    RequestRefused: Explanation(
        _("This request could not be read"),
        _("It was not what this page takes. Please start again."),
        way_on="other",
    ),
    ProviderMisconfigured: Explanation(
        _("This sign-in is not available"),
        _("The provider and this site do not agree with each other. The owner can see why."),
        way_on="other",
    ),
    ProviderUnavailable: Explanation(
        _("The provider cannot be reached"),
        _("It is down or very busy. Please try again in a little while."),
    ),
    ProviderTimeout: Explanation(
        _("The provider takes too long to answer"),
        _("Please try again in a little while."),
    ),
    TokenRequestError: Explanation(
        _("The provider did not accept this sign-in"),
        _("Perhaps it took too long, or was already used. One click starts it again."),
    ),
    ProviderError: Explanation(
        _("The provider gave an answer we cannot use"),
        _AGAIN,
    ),
    GrantError: Explanation(
        _("This page needs more from your provider"),
        _("Sign in again, or allow this site there what it asks for. Then come back to this page."),
        way_on="accounts",
    ),
    SignInRefused: Explanation(
        _("You cannot sign in here with this account"),
        _("Please try another way, or ask the owner of this site."),
        way_on="other",
    ),
}


def explain(error: OAuthLoginError) -> Explanation:
    """Return what to tell the visitor: by code, by kind, or in general; of a rule, its owner's words."""
    by_kind = (told for kind, told in _KINDS.items() if isinstance(error, kind))
    told = _EXPLANATIONS.get(error.code) or next(by_kind, _FAILED)
    return replace(told, text=str(error.words)) if isinstance(error, PolicyRefused) and error.words else told
