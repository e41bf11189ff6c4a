"""What a rule says of the settings: aliases of providers, and ids of their people.

A slip in one of them is silent where it does harm: whom ``Deny(("githup", 583231))`` means is let in. So what
can mean nobody is a mistake: ``manage.py check`` says so, and as long as it is there, nobody is admitted.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from oauth_login import conf, providers
from oauth_login.errors import ProviderMisconfigured, ProviderResponseError
from oauth_login.providers.subjects import written_subject
from oauth_login.slips import way_out

People = frozenset[tuple[str, str]]


def subject_of(person: object, given: object) -> str:
    """Return an id as it is compared: a number as the text of one, a text as it is.

    :param person: for the message.
    :raises ValueError: it can be nobody's at any provider, such as a float, a blank or ``None``.
    """
    if not isinstance(given, str | int):
        raise ValueError(f"{person!r} has an id of the type {type(given).__name__}: write a number or a text")
    try:
        return written_subject(str(given), "str")
    except ProviderResponseError:
        raise ValueError(f"{person!r} has an id that is nobody's, as it is written") from None


def unknown_aliases(aliases: Iterable[object]) -> Iterator[str]:
    """Yield a mistake for each alias that the settings do not have."""
    for alias in sorted(set(aliases).difference(conf.aliases()), key=str):
        yield f"there is no provider {alias!r}. {way_out(alias, conf.aliases())}"


def unknown_people(people: People) -> Iterator[str]:
    """Yield a mistake for each provider of which somebody is named whom it cannot have."""
    for alias in sorted({alias for alias, _subject in people}.intersection(conf.aliases())):
        try:
            kind = conf.provider(alias).subject_type
        except ProviderMisconfigured:
            continue  # checks of its own say how, and nobody comes through it
        if subject := _impossible(people, alias, kind):
            yield f"{alias!r} has nobody with the id {subject!r}: its ids are written otherwise"


def not_of_github(alias: str) -> Iterator[str]:
    """Yield a mistake if that is no alias of a GitHub."""
    yield from unknown_aliases([alias])
    if alias in conf.aliases() and not _has_teams(alias):
        yield f"{alias!r} is no GitHub"


def require_none(mistakes: Iterable[str]) -> None:
    """Let nobody in by a rule with a mistake in it.

    :raises ProviderMisconfigured: it has one.
    """
    for mistake in mistakes:
        raise ProviderMisconfigured("settings_invalid", f"SIGN_IN_POLICY: {mistake}")


@lru_cache(maxsize=64)  # a list may be long, and is asked about at every sign-in
def _impossible(people: People, alias: str, kind: str) -> str:
    """Return the first id of those at *alias* that no provider of ids of that *kind* has, or ""."""
    return next((one for at, one in sorted(people) if at == alias and not _can_be(one, kind)), "")


def _can_be(subject: str, kind: str) -> bool:
    try:
        written_subject(subject, kind)
    except ProviderResponseError:
        return False
    return True


def _has_teams(alias: str) -> bool:
    options = conf.provider_settings()[alias]
    try:
        return providers.kind(alias, options).has_teams
    except KeyError:
        return True  # of an unknown kind, which is a mistake of its own (E006)
