from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User  # for the types: any user model will do


@dataclass(frozen=True)
class Byline:
    """How an author is shown to strangers."""

    name: str
    picture: str = ""
    profile_url: str = ""

    @property
    def initial(self) -> str:
        return self.name[:1].upper()


def byline(user: User) -> Byline:
    # The oldest account: who links a second one does not change their name in old entries.
    # Compared here, because a queryset that sorts would not use what was prefetched.
    account = min(user.linked_accounts.all(), key=lambda account: account.pk, default=None)
    if account is None:
        return Byline(name=_public_username(user))
    return Byline(
        name=account.username or account.name or _public_username(user),
        picture=account.picture,
        # Links from a page of strangers: nothing but the web, whatever a provider has sent.
        profile_url=account.profile_url if account.profile_url.startswith("https://") else "",
    )


def _public_username(user: User) -> str:
    # Where people sign in with an e-mail address, their user name is nobody else's business.
    name, _, _domain = user.get_username().partition("@")
    return name or user.get_username()
