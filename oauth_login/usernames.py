"""Usernames for newcomers: readable, and never somebody else's.

What a provider calls a person is the person's own choice, so it may be ``admin``, look like it, or be a
path. Nothing here decides who anybody is.
"""

import hashlib
import re
import secrets
from typing import Final

from oauth_login.providers.base import Profile

SAFE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
LONGEST: Final = 60  # characters, leaving room for a suffix in any sensible column
RESERVED: Final = frozenset(
    """
    about abuse account accounts admin administrator anonymous api app apps auth billing blog bot
    callback ceo config contact daemon default deleted demo dev developer docs everyone false feedback
    ftp ghost god guest guestbook help home hostmaster info internal it login logout mail mailer
    mailerdaemon manager master me moderator mod moderators myself news nobody none noreply null
    oauth official operator ops owner postmaster privacy private public register robot root sa sales
    security self service settings signin signout signup staff static status su super superuser
    support sys sysadmin sysop system team test tester true undefined unknown user username users
    webmaster wellknown www you
    """.split()  # noqa: SIM905  a list of literals would be a page long
)
#: Characters that pass for another; each group becomes its first member in a skeleton (UTS 39 §4).
LOOK_ALIKES: Final = str.maketrans("01i!|35478$@", "ollllesatbsa")


def skeleton(name: str) -> str:
    """Return *name* as a hasty reader sees it: two names with one skeleton look alike."""
    folded = name.casefold().translate(LOOK_ALIKES)
    return re.sub(r"[^a-z]", "", folded.replace("rn", "m").replace("vv", "w"))


RESERVED_SKELETONS: Final = frozenset(skeleton(name) for name in RESERVED)


def username_for(profile: Profile) -> str:
    """Return a name for the person: their own if it is harmless, else a neutral one.

    A name that needs mending is not mended: dropping a Cyrillic letter from somebody's ``admin`` would leave
    somebody else's name (threats F13, F15, F16).
    """
    person = hashlib.sha256(f"{profile.issuer}\n{profile.subject}".encode()).hexdigest()
    name = profile.preferred_username
    if not SAFE.fullmatch(name) or len(name) > LONGEST:
        return f"user-{person[:8]}"
    if skeleton(name) in RESERVED_SKELETONS:
        return f"{name}-{person[:4]}"
    return name


def alternatives(name: str) -> list[str]:
    """Return *name* and what to try when it is taken, best first, in bounded number (threat F17)."""
    numbered = [f"{name}-{number}" for number in (2, 3, 4)]
    return [name, *numbered, f"{name}-{secrets.token_hex(3)}"]
