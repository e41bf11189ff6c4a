"""GitHub's scopes: which of them includes which, and how its API says that one is missing.

Facts: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps. Of those that
are granted GitHub names the widest only.
"""

from collections.abc import Mapping
from typing import Final

from oauth_login.answers import Answer
from oauth_login.providers.base import Provider

#: What each scope comes with.
INCLUDED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"), ("repo",)
    ),
    **dict.fromkeys(("read:user", "user:email", "user:follow"), ("user",)),
    "read:repo_hook": ("write:repo_hook", "repo"),
    "write:repo_hook": ("admin:repo_hook", "repo"),
    **{f"read:{what}": (f"write:{what}",) for what in ("org", "public_key", "gpg_key", "ssh_signing_key")},
    **{f"write:{what}": (f"admin:{what}",) for what in ("org", "public_key", "gpg_key", "ssh_signing_key")},
    "read:project": ("project",),
    "read:packages": ("write:packages",),
    "read:discussion": ("write:discussion",),
}


class GitHubScopes(Provider):
    """The part of GitHub that reads scopes."""

    __slots__ = ()

    def covers(self, granted: frozenset[str], wanted: str) -> bool:
        """Tell whether *wanted* is granted, by itself or with one that includes it (``INCLUDED``)."""
        return wanted in granted or any(self.covers(granted, wider) for wider in INCLUDED.get(wanted, ()))

    def scope_missed(self, answer: Answer) -> frozenset[str] | None:
        """Look at the scopes of which one is needed, and those that the token has; who hides says 404."""
        needed = _listed(answer.headers.get("X-Accepted-OAuth-Scopes", ""))
        granted = frozenset(_listed(answer.headers.get("X-OAuth-Scopes", "")))
        if answer.status not in {403, 404} or not needed:
            return None
        return None if any(self.covers(granted, scope) for scope in needed) else frozenset(needed[:1])


def _listed(header: str) -> list[str]:
    return [name.strip() for name in header.split(",") if name.strip()]
