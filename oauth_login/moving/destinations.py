"""Which of the site's providers a library's name for one means."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from oauth_login import conf, providers
from oauth_login.errors import ProviderMisconfigured
from oauth_login.moving.found import CannotRead, LeftOut, Naming
from oauth_login.providers.base import Provider

NOWHERE: Final = "left out, as the options say"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where accounts of one name go.

    :ivar naming: what the library's name means, if that is known.
    :ivar is_chosen: the site has named the alias, and it was not presumed.
    :ivar is_trusted: the site says that the library's ``uid`` is the id.
    """

    alias: str
    provider: Provider
    naming: Naming | None
    is_chosen: bool
    is_trusted: bool


class Destinations:
    """Finds them.

    :param chosen: name → alias, by the site; "" leaves it out.
    :param trusted: names whose ``uid`` is the id, says the site.
    :raises CannotRead: an alias is not one of the site's.
    """

    def __init__(
        self, namings: Mapping[str, Naming], chosen: Mapping[str, str], trusted: Collection[str]
    ) -> None:
        for alias in filter(None, chosen.values()):
            if alias not in conf.aliases():
                known = ", ".join(conf.aliases())
                raise CannotRead(
                    f"--provider: this site has no provider {alias!r}. It has: {known or 'none'}."
                )
        self._namings, self._chosen, self._trusted = namings, chosen, trusted
        self._found: dict[str, Destination | LeftOut] = {}

    def of(self, name: str) -> Destination:
        """Return where the accounts go that the library has under *name*.

        :raises LeftOut: nowhere.
        """
        if name not in self._found:
            try:
                self._found[name] = self._find(name)
            except LeftOut as reason:
                self._found[name] = reason
        found = self._found[name]
        if isinstance(found, LeftOut):
            raise found.with_traceback(None)
        return found

    def alias_of(self, name: str) -> str:
        """Return the alias of that, or ""."""
        found = self._found.get(name)
        return found.alias if isinstance(found, Destination) else ""

    def _find(self, name: str) -> Destination:
        naming = self._namings.get(name)
        alias = self._chosen.get(name, self._presumed(name, naming))
        if not alias:
            hint = f"none of this site's providers is meant: --provider {name}=ALIAS"
            raise LeftOut(NOWHERE if name in self._chosen else hint)
        if conf.sandboxed(alias):
            raise LeftOut(f"{alias} is answered by the sandbox, as it has no credentials")
        try:
            provider = conf.provider(alias)
        except ProviderMisconfigured:
            raise LeftOut(f"{alias} is misconfigured: manage.py check says how") from None
        is_trusted = name in self._trusted
        if naming and not is_trusted and not fits(naming, alias, provider):
            raise LeftOut(f"its ids are not those of {alias}")
        return Destination(alias, provider, naming, name in self._chosen, is_trusted)

    def _presumed(self, name: str, naming: Naming | None) -> str:
        """Return the alias that can be meant only, or ""."""
        aliases = conf.aliases()
        if name in aliases:
            return name
        if naming is None or naming.is_ambiguous or not naming.preset:
            return ""
        alike = [alias for alias in aliases if preset_of(alias) == naming.preset]
        return alike[0] if len(alike) == 1 else ""


def preset_of(alias: str) -> str:
    """Return the preset that the settings of a provider start from, or ""."""
    options = conf.provider_settings()[alias]
    name = options.get("PRESET", alias) if isinstance(options, Mapping) else alias
    return name if name in providers.names() else ""


def fits(naming: Naming, alias: str, provider: Provider) -> bool:
    """Tell whether an id of theirs is one of ours: in the same words, by the same kind of server."""
    return preset_of(alias) == naming.preset if naming.preset else provider.uses_nonce
