"""Grants over time: tokens expire, are renewed once, and die before their time with what they are part of.

Tokens are sealed values that carry their own facts. What died early is noted in Django's cache, so that
workers who share one agree. A refresh token that is shown twice ends everything that came of that sign-in,
because one of the two who have it stole it (RFC 9700 §4.14.2): a client that renews twice should learn it
here.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.cache import cache

from oauth_login import conf
from oauth_login.sealing import SealBroken, Sealer

TOKEN_LIFETIME: Final = 8 * 3600  # seconds, as GitHub's
#: Of a token that somebody waits to see renewed; a client renews it when half of that is over.
BRIEF: Final = 120  # seconds
REFRESH_LIFETIME: Final = 15_897_600  # seconds; GitHub's six months
ACCESS: Final = "token"
REFRESH: Final = "refresh"


class Refused(Exception):
    """The server says no, with RFC 6749's or the flavour's ``error``."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(error)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a token stands for: whose, for what, since when, and what is issued for it now."""

    persona: Mapping[str, Any]
    scope: str
    nonce: str = ""
    claims: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_in: int = TOKEN_LIFETIME
    since: float = 0

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that were granted, however the provider separates them."""
        return frozenset(self.scope.replace(",", " ").split())


@dataclass(frozen=True, slots=True)
class Grants:
    """All that was ever granted at one server.

    :param refreshes: whether it issues refresh tokens.
    """

    issuer: str
    refreshes: bool = True

    def begin(self, persona: Mapping[str, Any], scope: str, lifetime: int) -> Grant:
        """Issue the first tokens of a sign-in; *lifetime* is in seconds."""
        facts = {"issuer": self.issuer, "persona": persona, "scope": scope, "lifetime": lifetime}
        return self._issued({**facts, "family": secrets.token_hex(8), "since": time.time()})

    def renew(self, refresh_token: str) -> Grant:
        """Issue the next tokens; those of before are dead from now on, as at GitHub.

        :raises Refused: it is none that is good, or no longer.
        """
        facts = self._alive(refresh_token, REFRESH)
        if facts is None:
            raise Refused("invalid_grant", "The refresh token is incorrect or expired.")
        if not cache.add(_note(facts["pair"]), 1, _memory(facts)):
            _bury(facts, "family")
            raise Refused("invalid_grant", "The refresh token was used before.")
        return self._issued(facts)

    def holder(self, access_token: str) -> Grant | None:
        """Return whose token it is, and for what, or None if it is no good."""
        facts = self._alive(access_token, ACCESS)
        if facts is None or cache.get(_note(facts["pair"])):
            return None
        return Grant(facts["persona"], facts["scope"], since=facts["since"])

    def revoke(self, token: str) -> None:
        """End an access token; or with a refresh token, all that came of the same sign-in (RFC 7009 §2.1)."""
        if facts := self._alive(token, ACCESS):
            _bury(facts, "id")
        elif facts := self._alive(token, REFRESH):
            _bury(facts, "family")

    def withdraw(self, whose: str) -> None:
        """End everything that a persona, by key or by number, has granted to this day."""
        cache.set(_withdrawal(self.issuer, whose), time.time(), REFRESH_LIFETIME)

    def _issued(self, facts: Mapping[str, Any]) -> Grant:
        pair, lifetime = secrets.token_hex(8), facts["lifetime"]
        refresh_token = _sealed(facts, pair, REFRESH, REFRESH_LIFETIME) if self.refreshes else ""
        return Grant(
            facts["persona"],
            facts["scope"],
            access_token=_sealed(facts, pair, ACCESS, lifetime),
            refresh_token=refresh_token,
            expires_in=lifetime,
            since=facts["since"],
        )

    def _alive(self, token: str, kind: str) -> dict[str, Any] | None:
        facts = opened(token, kind)
        if facts is None or facts["expires"] < time.time() or facts["issuer"] != self.issuer:
            return None
        if cache.get_many([_note(facts["id"]), _note(facts["family"])]):
            return None
        persona = facts["persona"]
        keys = [_withdrawal(self.issuer, whose) for whose in (persona["key"], persona["id"])]
        is_withdrawn = any(facts["since"] <= moment for moment in cache.get_many(keys).values())
        return None if is_withdrawn else facts


def sealed(content: Mapping[str, Any], kind: str) -> str:
    """Return a code or a token that says *content* to this server only."""
    return _sealer().seal(json.dumps(content), kind)


def opened(envelope: str, kind: str) -> dict[str, Any] | None:
    """Return what a code or a token says, or None if it is none of this *kind*."""
    try:
        content: dict[str, Any] = json.loads(_sealer().open(envelope, kind))
    except SealBroken:
        return None
    return content


def _sealed(facts: Mapping[str, Any], pair: str, kind: str, lifetime: int) -> str:
    own = {"pair": pair, "id": f"{kind}.{pair}", "expires": time.time() + lifetime}
    return sealed({**facts, **own}, kind)


def _bury(facts: Mapping[str, Any], what: str) -> None:
    cache.set(_note(facts[what]), 1, _memory(facts))


def _memory(facts: Mapping[str, Any]) -> int:
    """Return for how many seconds it has to be remembered that something of this grant is dead."""
    return max(REFRESH_LIFETIME, int(facts["lifetime"]))


def _note(name: str) -> str:
    return f"oauth_login.sandbox.dead.{name}"


def _withdrawal(issuer: str, whose: object) -> str:
    return f"oauth_login.sandbox.withdrawn.{issuer}.{whose}"


def _sealer() -> Sealer:
    return Sealer(conf.signing_secrets(), "sandbox")
