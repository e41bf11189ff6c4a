"""What somebody has meant who mistyped a name: of a key, a preset, an alias, a claim."""

import difflib
from collections.abc import Iterable

CUTOFF = 0.6  # how alike two names have to be, as difflib counts


def meant(given: object, known: Iterable[object], *, cutoff: float = CUTOFF) -> str:
    """Return the one of the *known* names that *given* is a slip of, in whatever case, or ""."""
    names = {str(name).upper(): str(name) for name in known}  # a key of settings may be a number by mistake
    slip = given.upper() if isinstance(given, str) else ""  # None is no slip of the pen
    close = difflib.get_close_matches(slip, names, n=1, cutoff=cutoff)
    return names[close[0]] if close else ""


def way_out(given: object, known: Iterable[object], *, cutoff: float = CUTOFF) -> str:
    """Return what to tell whoever has written *given*: the name that was meant, or all that there are."""
    names = list(map(str, known))
    close = meant(given, names, cutoff=cutoff)
    return f"Did you mean {close!r}?" if close else f"Known: {', '.join(names) or 'none'}."
