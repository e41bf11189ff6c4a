"""Who a row is, as our own sign-in would write it: ``(issuer, subject)``, or nobody.

A wrong identity is worse than none: it would let somebody in as another. So nothing is guessed. What the
provider itself has told, if that was kept, goes before what the library made of it.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from oauth_login.errors import ProviderResponseError
from oauth_login.jws import SignedToken
from oauth_login.moving.destinations import Destination, preset_of
from oauth_login.moving.found import Found, LeftOut, Naming
from oauth_login.providers.base import Provider
from oauth_login.providers.claims import find
from oauth_login.providers.subjects import written_subject

Identity = tuple[str, str]

ADDRESS: Final = "known by an e-mail address, which changes hands"
NOT_RECORDED: Final = "the id that our sign-in finds people by was not recorded"
OTHER_KEY: Final = "the uid is not the id that our sign-in finds people by, as the library itself says"
OTHER_ID: Final = "the uid is another id than the one that was kept beside"
NOBODY: Final = "the id is nobody's"
OTHER_ISSUER: Final = "recorded of another issuer than the provider's"
OTHER_SERVER: Final = "recorded of another server than the provider's"
WHICH_SERVER: Final = "of which server it is was not recorded: --provider says so"
NO_TENANT: Final = "which of the provider's tenants it is of was not recorded"
#: Presets whose servers many companies run, and tell of themselves in links to people.
HOMED: Final = frozenset({"github", "gitlab", "gitea", "codeberg"})
HOMES: Final = ("html_url", "web_url")
#: Where an id is from that is kept without such a link, as both libraries' name for it is that one server's.
BY_NAME: Final = {"github": "github.com"}
#: What a library calls names and addresses, which nobody's word makes ids: they change hands.
CHANGING: Final = frozenset({"email", "login", "name", "nickname", "preferred_username", "upn", "username"})
#: Where claims are kept, the best first; the second is python-social-auth's note of the first.
ANSWERS: Final = ("id_token", "_oidc_id_token_context", "userinfo")


def identity_of(found: Found, to: Destination) -> Identity:
    """Return who it is.

    :raises LeftOut: nothing that was kept says so for certain.
    """
    if found.doubt:
        raise LeftOut(found.doubt)
    provider = to.provider
    claims = recorded(found.told) if provider.uses_nonce else {}
    if preset_of(to.alias) in HOMED:
        _require_home(found.told, to)
    issuer = _issuer(claims, provider)
    written = claims.get("sub") or _written(found, to)
    if _is_uid_meant(found, to):
        _require_one_id(found, to, claims)
    try:
        return issuer, written_subject(str(written), provider.subject_type)
    except ProviderResponseError:
        raise LeftOut(NOBODY) from None


def recorded(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that an OpenID Provider made, from wherever a library keeps them, if it does.

    An ID Token was verified when it came. The issuer of one counts for a ``sub`` next to it, too.
    """
    sources = [*(_claims_of(told.get(name)) for name in ANSWERS), told]
    said: dict[str, Any] = {}
    for source in reversed(sources):
        said |= {name: source[name] for name in ("iss", "sub") if isinstance(source.get(name), str | int)}
    return said


def _claims_of(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            return SignedToken.parse(value).unverified()
        except ProviderResponseError:
            return {}
    return value if isinstance(value, Mapping) else {}


def _issuer(claims: Mapping[str, Any], provider: Provider) -> str:
    named = str(claims.get("iss", ""))
    if named:
        named = named if "://" in named else f"https://{named}"  # as Google has called itself, too
        if named not in provider.issuers:
            raise LeftOut(OTHER_ISSUER)
        return named
    if len(provider.issuers) > 1:
        raise LeftOut(NO_TENANT)
    return next(iter(provider.issuers))


def _require_home(told: Mapping[str, Any], to: Destination) -> None:
    """Refuse people of another server of the kind, or perhaps so: number 7 there is not number 7 here.

    Nor would the token be this server's, which would be shown it.
    """
    links = [link for name in HOMES if isinstance(link := told.get(name), str)]
    hosts = {urlsplit(issuer).hostname for issuer in to.provider.issuers}
    if any(host_of(link) not in hosts for link in links):
        raise LeftOut(OTHER_SERVER)
    if not links and not to.is_chosen and BY_NAME.get(preset_of(to.alias)) not in hosts:
        raise LeftOut(WHICH_SERVER)


def host_of(link: str) -> str | None:
    """Return the host that a link leads to."""
    try:
        return urlsplit(link).hostname
    except ValueError:
        return None


def _written(found: Found, to: Destination) -> object:
    """Return the id as the library has it."""
    if to.is_trusted:
        if found.key in CHANGING:
            raise LeftOut(OTHER_KEY)
        return found.uid
    if to.naming is None or not to.naming.subject:
        raise LeftOut(NOT_RECORDED)
    if to.naming.subject != "uid":
        value = find(found.told, to.naming.subject)
        if not isinstance(value, str | int):
            raise LeftOut(NOT_RECORDED)
        return value
    return _uid(found, to.naming)


def _uid(found: Found, naming: Naming) -> str:
    """Return the ``uid``, unless the library says, or an earlier version may have meant, that it is no id."""
    if "@" in found.uid:
        raise LeftOut(ADDRESS)
    if not found.key and naming.needs_key:
        raise LeftOut(NOT_RECORDED)
    if found.key and found.key not in naming.keys:
        raise LeftOut(OTHER_KEY)
    return found.uid


def _is_uid_meant(found: Found, to: Destination) -> bool:
    """Tell whether somebody says that the ``uid`` is the id: the site, or the library, or its name for it."""
    naming = to.naming
    if to.is_trusted or naming is None:
        return to.is_trusted
    if found.key:
        return found.key in naming.keys
    return naming.subject == "uid" and not naming.needs_key and "@" not in found.uid


def _require_one_id(found: Found, to: Destination, claims: Mapping[str, Any]) -> None:
    """Refuse a ``uid`` that is not what was kept beside: it may be a name, of digits, which anybody may take.

    An earlier version of the library, told by a setting to go by names, has not noted that it did.
    """
    names = {*to.naming.keys, to.naming.subject} - {"", "uid"} if to.naming else set()
    beside = [claims.get("sub"), *(find(found.told, name) for name in names)]
    if any(str(one) != found.uid for one in beside if isinstance(one, str | int) and one != ""):
        raise LeftOut(OTHER_ID)
