"""The owner's side of tokens: how they are doing, and what can be done about it. No secret is ever shown."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.contrib import admin, messages
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from oauth_login import tokens
from oauth_login.errors import GrantError, ProviderError, ProviderResponseError
from oauth_login.exchange import has_passed
from oauth_login.health import Health, condition
from oauth_login.models import LinkedAccount, Token
from oauth_login.sealing import KEY_ID_LENGTH, VERSION
from oauth_login.transport import one_deadline
from oauth_login.withdrawal import Outcome, outcome_of, withdraw

KEY_ID: Final = re.compile(rf"{VERSION}([0-9a-f]{{{KEY_ID_LENGTH}}})")


class ShownToken:
    """How the token of an account is shown: that it is there, since its text never is (H05)."""

    @admin.display(description=_("access of this site"))
    def token_health(self, account: LinkedAccount) -> str:
        """Show how the token is doing."""
        return str(account.health.label)

    @admin.display(description=_("kept"))
    def token_kept(self, account: LinkedAccount) -> str:
        """Show which of the two tokens there are."""
        token = _token(account)
        kept = {
            gettext("access token"): token and token.access_token,
            gettext("refresh token"): token and token.refresh_token,
        }
        return ", ".join(name for name, secret in kept.items() if secret)

    @admin.display(description=_("expires"))
    def token_expires(self, account: LinkedAccount) -> str:
        """Show when the access token ends, in the owner's own time."""
        token = _token(account)
        return localize(localtime(token.expires_at)) if token and token.expires_at else ""

    @admin.display(description=_("key"))
    def token_key(self, account: LinkedAccount) -> str:
        """Show the id of the key that has sealed it."""
        secret: Any = token.access_token if (token := _token(account)) else None
        found = KEY_ID.match(secret.envelope) if secret else None
        return found[1] if found else ""

    @admin.display(description=_("reason"))
    def token_reason(self, account: LinkedAccount) -> str:
        """Show the code of what went wrong last."""
        token = _token(account)
        return token.reason if token else ""


def _token(account: LinkedAccount) -> Token | None:
    return getattr(account, "token", None)


class HealthFilter(admin.SimpleListFilter):
    """Accounts by how their token is doing."""

    title = _("access of this site")
    parameter_name = "health"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [(health.value, str(health.label)) for health in Health]

    def queryset(self, _request: HttpRequest, accounts: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in Health.values:
            return accounts
        found = Q(pk__in=Token.objects.filter(condition(wanted)).values("pk"))
        return accounts.filter(found | Q(token=None) if wanted == Health.NONE else found)


class TokenActions:
    """What the owner can do about tokens. A provider that fails is told of, and keeps nobody for long."""

    log_change: Callable[..., Any]
    message_user: Callable[..., None]

    def has_renew_permission(self, request: HttpRequest) -> bool:
        """Tell whether whoever asks may have tokens renewed."""
        return request.user.has_perm("oauth_login.change_token")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether whoever asks may give grants back."""
        return request.user.has_perm("oauth_login.delete_token")

    @admin.action(permissions=["renew"], description=_("Renew the tokens of the selected accounts now"))
    def renew_tokens(self, request: HttpRequest, accounts: QuerySet[LinkedAccount]) -> None:
        """Renew them, one after the other, within one deadline."""
        renewed = 0
        trouble: Counter[tuple[str, str]] = Counter()
        for account, code in _renewals(list(accounts.select_related("user"))):
            if code:
                trouble[account.provider, code] += 1
            else:
                renewed += 1
                self.log_change(request, account, gettext("Its token was renewed."))
        if renewed:
            text = ngettext("%d token was renewed.", "%d tokens were renewed.", renewed)
            self.message_user(request, text % renewed, messages.SUCCESS)
        for (provider, code), number in trouble.items():
            text = ngettext(
                "%(number)d token of %(provider)s was not renewed: %(code)s",
                "%(number)d tokens of %(provider)s were not renewed: %(code)s",
                number,
            )
            told = {"number": number, "provider": provider, "code": code}
            self.message_user(request, text % told, messages.WARNING)

    @admin.action(permissions=["revoke"], description=_("Withdraw the grants of the selected accounts"))
    def withdraw_grants(self, request: HttpRequest, accounts: QuerySet[LinkedAccount]) -> None:
        """Give them back at their providers; the accounts stay linked."""
        selected = list(accounts.select_related("user"))
        with transaction.atomic(using=router.db_for_write(Token)):
            for account in selected:
                withdraw(account)
                self.log_change(request, account, gettext("Its grant was withdrawn."))
        self.tell_outcomes(request, selected)

    def tell_outcomes(self, request: HttpRequest, accounts: list[LinkedAccount]) -> None:
        """Tell what has become of the grants of accounts that were unlinked or revoked."""
        outcomes = Counter(map(outcome_of, accounts))
        if number := outcomes[Outcome.WITHDRAWN]:
            text = ngettext("%d grant was withdrawn.", "%d grants were withdrawn.", number)
            self.message_user(request, text % number, messages.SUCCESS)
        if number := outcomes[Outcome.AWAITED]:
            text = ngettext(
                "%d grant remains to be withdrawn when its provider answers: see the revocations.",
                "%d grants remain to be withdrawn when their providers answer: see the revocations.",
                number,
            )
            self.message_user(request, text % number, messages.WARNING)
        if number := outcomes[Outcome.NO_WAY]:
            text = ngettext(
                "%d account has no grant that this site could withdraw.",
                "%d accounts have no grant that this site could withdraw.",
                number,
            )
            self.message_user(request, text % number, messages.INFO)


def _renewals(accounts: list[LinkedAccount]) -> Iterator[tuple[LinkedAccount, str]]:
    """Renew the token of each; yield "", or the code of why not. Who has just failed is not asked again."""
    failed: dict[str, str] = {}
    with one_deadline():
        for account in accounts:
            client = _client_of(account)
            code = "no_time_left" if has_passed() else failed.get(client, "")
            if not code:
                try:
                    tokens.renew(account)
                except GrantError as error:
                    code = error.code
                except ProviderResponseError as error:  # of one token: it says nothing of the next
                    code = error.code
                except ProviderError as error:
                    code = failed[client] = error.code
            yield account, code


def _client_of(account: LinkedAccount) -> str:
    token = getattr(account, "token", None)
    return account.client_of(token) if token else account.provider
