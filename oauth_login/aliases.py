"""What an alias means: a server, and a client of it; and which alias means that now.

The settings may have renamed it, taken it out, or given its name to another server, and one server may be
known by several. Nothing here fails because of that.
"""

from typing import Any

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured
from oauth_login.providers.base import Provider


def configured(alias: str) -> Provider | None:
    """Return the provider, or None if the site has none of that alias, or none that can be used."""
    try:
        return conf.provider(alias)
    except (KeyError, ProviderMisconfigured):
        return None


def alias_of(account: Any) -> str:
    """Return the alias that a linked account leads in through, or "" if none is the server it was linked at.

    Its own, or else the first of the settings that is: identities are found by the issuer, and so the account
    still is when its alias was renamed.
    """
    aliases = (account.provider, *conf.aliases())
    return next((alias for alias in aliases if _means(alias, account.issuer)), "")


def is_stranded(account: Any) -> bool:
    """Tell whether nobody can come by *account* any more, as no alias means its server.

    Nobody can tell as long as the settings of any provider cannot be used.
    """
    return not alias_of(account) and all(map(configured, conf.aliases()))


def called_now(alias: str, issuer: str) -> str:
    """Return what the settings call a provider of that server now.

    One that is gone was renamed, if a single one is that server: another client of it could do nothing with
    what the former got.
    """
    if alias in conf.provider_settings():
        return alias
    by_now = [other for other in conf.aliases() if _means(other, issuer)]
    return by_now[0] if len(by_now) == 1 else alias


def is_one_client(alias: str, other: str, issuer: str) -> bool:
    """Tell whether two aliases of a server mean one client of it, to which a person grants once."""
    pair = [called_now(name, issuer) for name in (alias, other)]
    if pair[0] == pair[1]:
        return True
    found = [configured(name) for name in pair]
    clients = {provider.client.client_id for provider in found if provider}
    return None not in found and len(clients) == 1


def _means(alias: str, issuer: str) -> bool:
    provider = configured(alias)
    return provider is not None and provider.speaks_for(issuer)
