"""What ``MEMBERSHIPS`` declares: which groups people get here by what their provider says of them.

There is no key for superusers. Who may do everything here decides about everybody's rights, and that
decision is never left to another system, where somebody who may add people to a group would make it (F18).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from oauth_login import providers
from oauth_login.problems import Problem
from oauth_login.providers.claims import find
from oauth_login.slips import way_out

KEYS: Final = ("CLAIM", "TEAMS", "GROUPS", "STAFF")
TEAM: Final = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+")
EXAMPLE: Final = '{"acme": {"CLAIM": "groups", "GROUPS": {"editors": "Editors"}, "STAFF": ["admins"]}}'


@dataclass(frozen=True, slots=True)
class Memberships:
    """What one provider's people get.

    :ivar claim: the name of a kept claim, or a path into one; "" where the visitor's teams at GitHub count.
    :ivar groups: what the provider says → the name of a group here.
    :ivar staff: what makes somebody staff here.
    :ivar organisations: the only ones at GitHub whose teams count, and their ids; all if there are none.
    """

    claim: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    staff: frozenset[str] = frozenset()
    organisations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> "Memberships":
        """Return what the settings declare, which are checked already; of teams the case does not count."""
        groups, staff = declared.get("GROUPS", {}), declared.get("STAFF", ())
        if "CLAIM" in declared:
            return cls(declared["CLAIM"], groups, frozenset(staff))
        teams = {team.lower(): name for team, name in groups.items()}
        listed = declared["TEAMS"] if isinstance(declared["TEAMS"], Mapping) else {}
        numbers = {name.lower(): number for name, number in listed.items()}
        return cls("", teams, frozenset(map(str.lower, staff)), numbers)

    def said_by(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return what the claim says: a text, a list of texts, or an object's names (ZITADEL's roles).

        A claim that is not there says nothing, nor does a name whose value is false, null or empty.
        """
        value = claims[self.claim] if self.claim in claims else find(claims, self.claim)
        if isinstance(value, dict):
            value = [name for name, told in value.items() if told]
        values: Any = [value] if isinstance(value, str) else value if isinstance(value, list) else ()
        return frozenset(one for one in values if isinstance(one, str))

    def names_for(self, said: frozenset[str]) -> frozenset[str]:
        """Return the names of the groups that somebody gets of whom that is *said*."""
        return frozenset(name for value, name in self.groups.items() if value in said)


def membership_problems(declared: Mapping[Any, Any], configured: Mapping[Any, Any]) -> Iterator[Problem]:
    """Yield the mistakes in ``MEMBERSHIPS``.

    :param configured: ``PROVIDERS``.
    """
    for alias, rules in declared.items():
        where = f"OAUTH_LOGIN['MEMBERSHIPS'][{alias!r}]"
        if alias not in configured:
            yield _problem(f"{where}: there is no such provider", way_out(alias, configured))
        elif not isinstance(rules, Mapping):
            yield _problem(f"{where} must be a dict", f"E.g. {EXAMPLE}.")
        else:
            for flaw, hint in (*_flaws(rules), *_source_flaws(alias, rules, configured[alias])):
                yield _problem(f"{where} {flaw}", hint)


def _problem(message: str, hint: str) -> Problem:
    return Problem("E025", f"{message}.", hint)


def _flaws(rules: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key in rules:
        if "SUPERUSER" in str(key).upper():
            yield f"has {key!r}", "Nobody becomes a superuser by what a provider says; STAFF is the most."
        elif key not in KEYS:
            yield f"has a key that is not known: {key!r}", way_out(key, KEYS)
    groups, staff = rules.get("GROUPS", {}), rules.get("STAFF", ())
    if not isinstance(groups, Mapping) or not all(map(_is_text, [*groups, *groups.values()])):
        yield "has GROUPS that are no dict of strings", "What the provider says → the name of a group here."
    elif not isinstance(staff, list | tuple) or not all(map(_is_text, staff)):
        yield "has STAFF that is no list of strings", f"E.g. {EXAMPLE}."
    elif not groups and not staff:
        yield "gives nothing", f"E.g. {EXAMPLE}."
    elif "TEAMS" in rules and not all(TEAM.fullmatch(team) for team in (*groups, *staff)):
        yield "names teams that are none", 'E.g. "acme/editors": the organisation, and the team\'s slug.'


def _source_flaws(alias: Any, rules: Mapping[Any, Any], options: object) -> Iterator[tuple[str, str]]:
    written = options if isinstance(options, Mapping) else {}
    try:
        kind = providers.kind(alias, written)
    except KeyError:
        return  # E006 says so
    if ("CLAIM" in rules) == ("TEAMS" in rules):
        yield "needs either CLAIM or TEAMS", "The name of a claim of the provider's; or True, for GitHub."
    elif "TEAMS" in rules:
        if not kind.has_teams:
            yield "has TEAMS", "It is for GitHub; another provider says it in a CLAIM."
        elif rules["TEAMS"] is not True:
            yield from _number_flaws(rules["TEAMS"], [*_texts(rules, "GROUPS"), *_texts(rules, "STAFF")])
    elif not _is_text(rules["CLAIM"]):
        yield (
            "has a CLAIM that is no name",
            'E.g. "groups", or "realm_access.roles" for what is within another.',
        )
    elif not _is_kept(rules["CLAIM"], kind.option_names, providers.laid_over_preset(alias, written)):
        yield (
            f"needs the claim {rules['CLAIM']!r}, which is not kept",
            "GitHub has TEAMS instead; give any other provider KEEP_CLAIMS with the claim's name in it.",
        )


def _number_flaws(numbers: object, teams: list[str]) -> Iterator[tuple[str, str]]:
    hint = 'E.g. {"acme": 9919}: organisations and their ids, which https://api.github.com/orgs/acme shows.'
    if not isinstance(numbers, Mapping) or not numbers:
        yield "has TEAMS that are neither True nor a dict", hint
    elif not all(_is_text(name) and type(number) is int and number > 0 for name, number in numbers.items()):
        yield "has TEAMS that are no dict of names and numbers", hint
    elif len({name.lower() for name in numbers}) < len(numbers):
        yield "names an organisation twice in its TEAMS", hint
    elif others := {team.partition("/")[0].lower() for team in teams} - {name.lower() for name in numbers}:
        yield f"has no id of the organisation {min(others)!r} in its TEAMS", hint


def _texts(rules: Mapping[Any, Any], key: str) -> list[str]:
    """Return what counts, as far as it can be read; the rest is reported as it is."""
    written = rules.get(key)
    return (
        [one for one in written if isinstance(one, str)]
        if isinstance(written, Mapping | list | tuple)
        else []
    )


def _is_kept(claim: str, option_names: frozenset[str], options: Mapping[str, Any]) -> bool:
    kept = options.get("KEEP_CLAIMS", ())
    is_list = isinstance(kept, list | tuple) and "KEEP_CLAIMS" in option_names
    return is_list and bool(
        {claim, claim.partition(".")[0]} & {name for name in kept if isinstance(name, str)}
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
