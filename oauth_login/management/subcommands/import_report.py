"""What an import has done, or would do, as a table and lists."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from oauth_login.moving.arrivals import NEW, OUTCOMES, TAKEN, Verdict
from oauth_login.moving.destinations import NOWHERE, Destinations

NAMED: Final = 20  # rows of each kind, unless all are asked for
HEADS: Final = ("theirs", "ours", "rows", *OUTCOMES, "tokens", "not taken")


class Report:
    """Counts verdicts by what the library calls the provider, and remembers the rows that need a look."""

    def __init__(self, destinations: Destinations, *, is_written: bool) -> None:
        self.destinations, self.is_written = destinations, is_written
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.tokens: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.reasons: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count what came of a batch."""
        for verdict in verdicts:
            name = verdict.found.provider
            self.outcomes[name][verdict.outcome] += 1
            if verdict.token:
                self.tokens[name][verdict.token] += 1
            if verdict.reason:
                named = f"{verdict.found.place}, user {verdict.found.user}"
                self.reasons[verdict.outcome, name, verdict.reason].append(named)

    @property
    def total(self) -> int:
        """How many rows have been looked at."""
        return sum(counts.total() for counts in self.outcomes.values())

    @property
    def written(self) -> int:
        """How many accounts are written."""
        return sum(counts[NEW] for counts in self.outcomes.values()) if self.is_written else 0

    def is_anything_left(self) -> bool:
        """Tell whether something is not brought over that should be."""
        return any(reason != NOWHERE for _outcome, _name, reason in self.reasons)

    def text(self, *, is_complete: bool) -> str:
        """Return all of it; every single row only if *is_complete*."""
        lines = [*self._table(), *self._lists(is_complete=is_complete), *self._tokens_not_taken(), ""]
        return "\n".join(
            [*lines, "Done." if self.is_written else "Nothing was written: that is for --write."]
        )

    def _table(self) -> Iterator[str]:
        rows = [HEADS, *(self._row(name) for name in sorted(self.outcomes))]
        rows.append(("", "", *(str(sum(int(row[at]) for row in rows[1:])) for at in range(2, len(HEADS)))))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            names = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
            numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
            yield "  ".join([*names, *numbers]).rstrip()

    def _row(self, name: str) -> tuple[str, ...]:
        counts, tokens = self.outcomes[name], self.tokens[name]
        numbers = (counts.total(), *(counts[outcome] for outcome in OUTCOMES))
        taken = tokens[TAKEN]
        return (
            name,
            self.destinations.alias_of(name) or "-",
            *map(str, (*numbers, taken, tokens.total() - taken)),
        )

    def _lists(self, *, is_complete: bool) -> Iterator[str]:
        for (outcome, name, reason), named in sorted(self.reasons.items()):
            yield ""
            yield f"{name}, {len(named)} {outcome}: {reason}"
            shown = named if is_complete else named[:NAMED]
            yield from (f"  {one}" for one in shown)
            if len(named) > len(shown):
                yield f"  and {len(named) - len(shown)} more, which --verbosity 2 lists"

    def _tokens_not_taken(self) -> Iterator[str]:
        for name, counts in sorted(self.tokens.items()):
            for word, number in sorted(counts.items()):
                if word != TAKEN:
                    yield ""
                    yield f"{name}, {number} tokens not taken: {word}"
