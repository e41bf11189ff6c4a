"""What a site's policy is asked: one frozen value that says who wants to do what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from django.http import HttpRequest

from oauth_login.errors import SignInRefused
from oauth_login.providers.base import Profile
from oauth_login.visitor_api import VisitorApi

Occasion = Literal["sign_up", "link", "sign_in"]


@dataclass(frozen=True, slots=True)
class SignInQuestion:
    """May this person do this here?

    ``request`` is not shown: its URL is the callback's, which has the code in it.

    :ivar occasion: ``sign_up``: there is no such user yet; ``link``: a user who is signed in adds the
        account to theirs, or grants more through it; ``sign_in``: the account is a user's.
    :ivar provider: its alias in the settings.
    :ivar user: whose account it is, or is to become; None for ``sign_up``.
    :ivar request: the callback's, or that of the sign-in that has linked what was held; None where the
        backend was called without one.
    :ivar api: asks the provider in the visitor's name.
    """

    occasion: Occasion
    profile: Profile
    provider: str
    user: Any
    request: HttpRequest | None = field(repr=False)
    api: VisitorApi


#: None admits; a refusal is returned or raised.
Policy = Callable[[SignInQuestion], SignInRefused | None]
