from __future__ import annotations

import re

from django.utils.html import escape, urlize
from django.utils.safestring import SafeString, mark_safe

# What may be clicked is spelled out: a scheme or an e-mail address. Guessing ("example.com",
# "notes.py") sends people to places nobody has written down.
# Not part of a link: quotes, brackets and the full-width punctuation that follows a link in texts
# without spaces, and invisible characters that turn the direction in which an address is read.
# An address that starts with "www." is none: urlize would make a web page of it.
# Possessive, behind a look-behind: every character is looked at once, whatever strangers write.
_LINK = re.compile(
    r"""
    ( https?://[^\s<>"'«»\u2018-\u201f\u3000-\u303f\uff01-\uff60\u200b-\u200f\u202a-\u202e\u2066-\u2069]+
    | (?<![\w.+@-])(?!www\.)[\w.+-]++@[\w-]++(?:\.[\w-]++)++(?!@)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def with_links(text: str) -> SafeString:
    """Return the text as HTML, escaped, with web and e-mail addresses to click."""
    return mark_safe(  # noqa: S308  escaped piece by piece, here and in urlize
        "".join(
            urlize(piece, nofollow=True, autoescape=True) if is_link else escape(piece)
            for piece, is_link in _pieces(text)
        )
    )


def _pieces(text: str) -> list[tuple[str, bool]]:
    # Splitting by one group alternates between what is around the links and the links.
    return [(piece, position % 2 == 1) for position, piece in enumerate(_LINK.split(text))]
