"""Usernames for newcomers: readable, and never somebody else's.

What a provider calls a person is the person's own choice, so it may be ``admin``, look like it, or be a
path. Nothing here decides who anybody is.
"""

import hashlib
import re
import secrets
import unicodedata
from typing import Final

from oauth_login.providers.base import Profile

SAFE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
LONGEST: Final = 67  # characters, with a suffix
SUFFIX: Final = 7  # characters: a hyphen and six hexadecimal digits
RESERVED: Final = frozenset(
    """
    about abuse account accounts admin administrator administrators admins anonymous anonymoususer api
    app apps auth billing blog bot callback ceo config contact daemon default deleted demo dev developer
    docs everyone false feedback founder ftp ghost god guest guestbook help helpdesk home hostmaster info
    internal it login logout mail mailer mailerdaemon manager master me moderator mod moderators myself
    news nobody none noreply null oauth official operator ops owner postmaster privacy private public
    register robot root sa sales security self service settings signin signout signup siteadmin staff
    static status su super superadmin superuser support sys sysadmin sysop system team test tester true
    undefined unknown user username users webadmin webmaster wellknown www you
    """.split()  # noqa: SIM905  a list of literals would be a page long
)
#: Characters that pass for another; each group becomes its first member in a skeleton (UTS 39 §4).
LOOK_ALIKES: Final = str.maketrans("01i!|35478$@", "ollllesatbsa")


def skeleton(name: str) -> str:
    """Return *name* as a hasty reader sees it: two names with one skeleton look alike."""
    folded = name.casefold().translate(LOOK_ALIKES)
    return re.sub(r"[^a-z]", "", folded.replace("rn", "m").replace("cl", "d").replace("vv", "w"))


RESERVED_SKELETONS: Final = frozenset(skeleton(name) for name in RESERVED)


def username_for(profile: Profile, longest: int = LONGEST) -> str:
    """Return a name for the person: their own if it is harmless, else a neutral one.

    A name that needs mending is not mended: dropping a Cyrillic letter from somebody's ``admin``, or the
    end of a long name, would leave somebody else's name (threats F13, F15, F16).

    :param longest: the characters that the name may have together with a suffix.
    """
    person = hashlib.sha256(f"{profile.issuer}\n{profile.subject}".encode()).hexdigest()
    name = profile.preferred_username
    is_safe = SAFE.fullmatch(name)
    if _looks_reserved(name):
        name = f"{name}-{person[:4]}"
    return name if is_safe and len(name) <= min(longest, LONGEST) - SUFFIX else f"user-{person[:8]}"


def _looks_reserved(name: str) -> bool:
    without_number = name.rstrip("0123456789-_")  # whose digits would pass for letters: admin1
    return not RESERVED_SKELETONS.isdisjoint({skeleton(name), skeleton(without_number)})


def alternatives(name: str) -> list[str]:
    """Return *name* and what to try when it is taken, best first, in bounded number (threat F17)."""
    numbered = [f"{name}-{number}" for number in (2, 3, 4)]
    return [name, *numbered, f"{name}-{secrets.token_hex(SUFFIX // 2)}"]


def folded(name: str) -> str:
    """Return *name* as the most forgiving collation compares it: without case and accents (threat F14)."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))
