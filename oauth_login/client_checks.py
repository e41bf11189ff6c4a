"""Checks of which client of a server a provider is: two aliases with one registration are one to the server.

A token then belongs to the client, and not to the alias that got it. GitHub withdraws all that a person has
granted to a client, and has one webhook for it; but this site keeps account, revocation and notice by alias.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.core.checks import CheckMessage, Warning  # noqa: A004  Django's name

from oauth_login import conf, providers
from oauth_login.providers.namespaces import namespaces

SAME: Final = "W015"


def check_clients(**_kwargs: Any) -> list[CheckMessage]:
    """Check that no two aliases have the same ``CLIENT_ID`` at the same issuer."""
    return [
        Warning(
            f"OAUTH_LOGIN['PROVIDERS']: {one!r} and {other!r} have the same CLIENT_ID at the same issuer.",
            hint="To the server they are one client: what is revoked through the one, or told by its "
            "webhook, the other does not know. One alias would do, as more can be asked for later "
            "(@scope_required); or register a second application.",
            id=f"oauth_login.{SAME}",
        )
        for one, other in _same()
    ]


def _same() -> Iterator[tuple[str, str]]:
    """Yield each alias that is the same client as one before it, with that one."""
    first: dict[tuple[str, str], str] = {}
    for alias in conf.aliases():
        options = providers.laid_over_preset(alias, conf.provider_settings()[alias])
        client = options.get("CLIENT_ID")
        if not isinstance(client, str) or not client:
            continue  # the sandbox's, or reported by another check
        clients = [(issuer, client) for issuer in namespaces(alias, options)]
        for one in sorted({first[known] for known in clients if known in first}):
            yield one, alias
        for known in clients:
            first.setdefault(known, alias)
