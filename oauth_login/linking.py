"""Linking: one more account for somebody who is signed in. No network, no session.

Nothing here moves an account from one user to another, and nothing joins two users (threats G03, G13).
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, router, transaction
from django.http import HttpRequest

from oauth_login import letters, memberships, policies, signals, snapshot
from oauth_login.errors import SignInConflict
from oauth_login.models import LinkedAccount
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.questions import SignInQuestion
from oauth_login.visitor_api import VisitorApi

TRIES: Final = 2  # who loses a race finds the winner's row

Also = Callable[[LinkedAccount], object]

logger = logging.getLogger("oauth_login")


def link(
    user: Any,
    alias: str,
    profile: Profile,
    token: TokenResponse | None,
    *,
    also: Also,
    request: HttpRequest | None = None,
) -> LinkedAccount:
    """Return the account of that identity, which is *user*'s from now on if it was nobody's.

    Linked twice it is linked once, with the newest token (threat G04), and so it is when more is granted;
    another of the same provider is one more, and replaces none (G05).

    :param alias: the provider's.
    :param also: what has to be saved with it, in the same transaction; if that fails, nothing is linked.
    :param request: for the site's policy, which is asked before anything is written.
    :raises SignInRefused: the policy does not admit it.
    :raises ProviderError: the policy, or ``MEMBERSHIPS``, had to ask the provider, and it did not answer.
    :raises SignInConflict: ``linked_elsewhere``: it is somebody else's; who, is not told.
    :raises ProviderResponseError: ``subject_invalid``.
    """
    snapshot.require_identity(profile)
    question = SignInQuestion("link", profile, alias, user, request, VisitorApi(alias, token))
    told: memberships.Told | None = None
    for _ in range(TRIES):
        account = LinkedAccount.objects.identified(profile.issuer, profile.subject)
        if account is not None and account.user_id != user.pk:
            raise SignInConflict("linked_elsewhere")
        if told is None:  # the site's rule is asked once
            with memberships.kept_by_the_admitted(account):
                policies.ask(question)
            told = memberships.told(question)
        settled = partial(_settle, told, also)
        try:
            if account is not None:
                return _renewed(account, alias, profile, token, settled)
            return _new(user, alias, profile, token, settled)
        except IntegrityError:
            continue
    raise SignInConflict("account_conflict")


def _settle(told: memberships.Told, also: Also, account: LinkedAccount) -> None:
    memberships.settle(account, told)
    also(account)


def _renewed(
    account: LinkedAccount, alias: str, profile: Profile, token: TokenResponse | None, also: Also
) -> LinkedAccount:
    """Return *account* with what the provider says and grants now."""
    with transaction.atomic(using=router.db_for_write(LinkedAccount)):
        snapshot.renew(account, alias, profile, token, narrows=True)
        also(account)
    return account


def _new(user: Any, alias: str, profile: Profile, token: TokenResponse | None, also: Also) -> LinkedAccount:
    database = router.db_for_write(LinkedAccount)
    with transaction.atomic(using=database):
        account = snapshot.first(user, alias, profile, token)
        also(account)
        signalled = partial(signals.account_linked.send_robust, LinkedAccount, user=user, account=account)
        transaction.on_commit(signalled, using=database)
        transaction.on_commit(partial(letters.send, "linked", user, account), using=database)
    logger.info("linked: provider=%s user=%s account=%s", alias, user.pk, account.pk)
    return account
