"""What a logout token says: whose sessions are over (OpenID Connect Back-Channel Logout 1.0 §2.4)."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from oauth_login.errors import ProviderResponseError

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
#: What its header may say it is, if anything (§2.4, RFC 8725 §3.11).
TYPES: Final = ("JWT", "LOGOUT+JWT")
OLDEST: Final = 300  # seconds since it was issued; it comes straight from the provider
CLOCK_SKEW: Final = 60  # seconds between the provider's clock and this one
NAME: Final = re.compile(r"[\x20-\x7e]{1,255}")  # Core §2, of ``sub``; a ``sid`` is held to the same


@dataclass(frozen=True, slots=True)
class Logout:
    """Sessions that are over: those of ``sid``, those of ``subject``, or those of both. ``id`` is ``jti``."""

    issuer: str
    subject: str
    sid: str
    id: str

    @classmethod
    def of(cls, claims: Mapping[str, Any], *, client_id: str) -> "Logout":
        """Read the claims of a token whose signature and issuer are right (§2.6).

        :raises ProviderResponseError: ``id_token_invalid``; the detail names the claim, and no value.
        """
        audience = claims.get("aud")
        _require(client_id in (audience if isinstance(audience, list) else [audience]), "aud")
        now = int(time.time())
        _require(now - OLDEST <= _instant(claims, "iat") <= now + CLOCK_SKEW, "iat")
        _require(_instant(claims, "exp") + CLOCK_SKEW > now, "exp")
        events = claims.get("events")
        _require(isinstance(events, dict) and isinstance(events.get(EVENT), dict), "events")
        # What an ID Token has, so that none can be passed off as this (§2.4).
        _require("nonce" not in claims, "nonce")
        _require("sub" in claims or "sid" in claims, "sub")
        return cls(
            issuer=str(claims["iss"]),
            subject=_name(claims, "sub") if "sub" in claims else "",
            sid=_name(claims, "sid") if "sid" in claims else "",
            id=_name(claims, "jti"),
        )


@runtime_checkable
class TellsLogouts(Protocol):
    """A provider that can say whose sessions are over."""

    def logged_out(self, logout_token: str) -> Logout:
        """Return what a token says.

        :raises ProviderError: it is wrong, or cannot be checked now.
        """


def session_id(claims: Mapping[str, Any]) -> str:
    """Return the ``sid`` of an ID Token's claims (§2.1), or "" if it has none that could be kept."""
    sid = claims.get("sid")
    return sid if isinstance(sid, str) and NAME.fullmatch(sid) else ""


def _name(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    _require(isinstance(value, str) and NAME.fullmatch(value) is not None, name)
    return str(value)


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int):
        raise ProviderResponseError("id_token_invalid", name)
    return value


def _require(condition: bool, claim: str) -> None:  # noqa: FBT001  it is an assertion
    if not condition:
        raise ProviderResponseError("id_token_invalid", claim)
