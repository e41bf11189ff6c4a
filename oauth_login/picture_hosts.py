"""The hosts that pictures of people may be on, which every page of ours tells the browser.

Of a provider that is misconfigured there are none. To look at every provider for each page would take longer
than all the rest of it, so what was found is remembered as long as the settings are what they were.
"""

from typing import Final

from oauth_login import aliases, conf

#: By the digest of the settings; of the newest ones only.
_found: Final[dict[bytes, frozenset[str]]] = {}


def picture_hosts() -> frozenset[str]:
    """Return the hosts: ``a.example``, or ``.example`` for its subdomains."""
    digest = conf.digest()
    known = _found.get(digest)
    if known is not None:
        return known
    providers = [aliases.configured(alias) for alias in conf.aliases()]
    hosts = frozenset(host for each in providers if each for host in each.picture_hosts)
    if None not in providers:  # what keeps one out, a file perhaps, may be mended while the settings stay
        _found.clear()
        _found[digest] = hosts
    return hosts
