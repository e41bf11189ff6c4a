"""What of an answer can be shown: names on one line, addresses that are one, URLs that are safe to link to.

What a provider says about a person was typed by that person, or by whoever runs the provider.
"""

import unicodedata
from typing import Final
from urllib.parse import urlsplit

NAME_LENGTH: Final = 150
EMAIL_LENGTH: Final = 254  # characters, RFC 5321 §4.5.3.1.3
URL_LENGTH: Final = 500
JOINERS: Final = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def text(value: object, length: int = NAME_LENGTH) -> str:
    """Return a display string on one line, or "" if *value* is none.

    Characters that control, reverse or hide what follows are removed (threat I14); the two joiners
    stay between others, as names in several scripts are wrong without them.
    """
    if not isinstance(value, str):
        return ""
    kept = (
        char
        for char in value[:length]
        if char in JOINERS or unicodedata.category(char)[0] not in {"C", "Z"} or char == " "
    )
    return "".join(kept).strip(f" {JOINERS}")


def login_name(value: object) -> str:
    """Return *value* if nothing in it would have to be removed, else "".

    A login is compared and may become a username: mended, it could be somebody else's (threat F15).
    """
    return value if isinstance(value, str) and text(value) == value else ""


def email_address(value: object) -> str:
    """Return *value* if it can be an e-mail address, else ""; one that had to be mended is another's."""
    shown = text(value, EMAIL_LENGTH)
    is_one = shown == value and 0 < shown.find("@") < len(shown) - 1 and " " not in shown
    return shown if is_one else ""


def https_url(value: object) -> str:
    """Return *value* if it is a plain https URL that is safe to put into ``href``, or "" (I02)."""
    if not isinstance(value, str) or len(value) > URL_LENGTH or not value.isascii():
        return ""
    if not value.isprintable() or any(char in value for char in " \"'<>\\`"):
        return ""
    try:
        parts = urlsplit(value)
        credentials = parts.username is not None or parts.password is not None
    except ValueError:
        return ""
    return value if parts.scheme == "https" and parts.hostname and not credentials else ""


def picture_url(value: object) -> str:
    """Return *value* if it is an https URL or a path of this very site, as the sandbox's are, or ""."""
    path = value if isinstance(value, str) and value.startswith("/") else ""
    return path if path and https_url(f"https://this.site{path}") and path[:2] != "//" else https_url(value)
