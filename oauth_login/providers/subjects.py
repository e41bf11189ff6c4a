"""Who it is, by an id that is one: a server without one for somebody must never make two people one.

Every provider's answer passes here, signed or not: a signature says who wrote ``"null"``, and no more.
"""

import re
import string
from typing import Final

from oauth_login.errors import ProviderResponseError

SUBJECT_LENGTH: Final = 255  # characters, OpenID Connect Core §2
SUBJECT: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
#: What a careless server makes of an id that is not there, in any case and any brackets (F01).
NOBODY: Final = frozenset(
    {
        *("none", "null", "nil", "undefined", "nan", "n/a", "unknown", "anonymous", "true", "false"),
        *("object object", "object", "dbnull", "infinity"),
    }
)
#: What may stand around such a word.
AROUND: Final = f" {string.punctuation}"
#: A number that is nothing in another spelling, such as the UUID that stands for none (RFC 9562 §5.9).
NOTHING: Final = re.compile(r"(?:urn:uuid:|0x)?0[0.:-]*", re.IGNORECASE)
NUMBER: Final = re.compile(r"([+-]?)([0-9]+)(?:\.[0-9]*)?")
SUBJECT_TYPES: Final = ("int", "str")
POSITIVE: Final = re.compile(r"[1-9][0-9]{0,18}")


def subject(value: object, kind: str = "") -> str:
    """Return the one spelling of an id: that of a positive integer, or a string as it is (F01, F02).

    :param kind: ``int`` or ``str``, if the provider's ids are always of that type. Without it either will do,
        and so ``7`` and ``"7"`` are one person; that ``"07"`` or ``"7.0"`` were a second one is refused.

    :raises ProviderResponseError: it is anything else, or no id.
    """
    if kind != "str" and isinstance(value, int):
        return positive_integer_subject(value)
    if kind != "int" and isinstance(value, str) and _is_somebody(value):
        is_opaque = kind == "str" or not NUMBER.fullmatch(value)
        return value if is_opaque else _canonical(value)
    raise _no_subject(value)


def positive_integer_subject(value: object) -> str:
    """Return the canonical decimal text of a positive integer id (threats F01, F02).

    :raises ProviderResponseError: for anything else; two visitors whose id is ``null`` must never
        share an account.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 63:
        return str(value)
    raise _no_subject(value)


def written_subject(text: str, kind: str) -> str:
    """Return the one spelling of an id that somebody has kept as text, whatever its type was.

    :raises ProviderResponseError: a provider of that *kind* has no such id.
    """
    if kind == "int":
        return positive_integer_subject(int(text) if POSITIVE.fullmatch(text) else text)
    return subject(text, kind)


def _is_somebody(value: str) -> bool:
    if len(value) > SUBJECT_LENGTH or not SUBJECT.fullmatch(value):
        return False
    word = value.lower().strip(AROUND)
    if word in NOBODY or not word or NOTHING.fullmatch(word):
        return False
    number = NUMBER.fullmatch(value)
    # Nothing, or a number that stands for "not found": no server counts people from there.
    return number is None or (number[1] == "" and number[2].strip("0") != "")


def _canonical(number: str) -> str:
    if number.isdigit() and not number.startswith("0"):
        return number
    raise _no_subject(number)


def _no_subject(value: object) -> ProviderResponseError:
    return ProviderResponseError("subject_invalid", type(value).__name__)
