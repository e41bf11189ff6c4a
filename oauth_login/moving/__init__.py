"""Moving in: accounts that another library has linked become this one's (``manage.py oauth_login import``).

Read top to bottom: a library's tables are read (``allauth``, ``social_auth``, ``mozilla_oidc``), each of
their providers is one of ours or left out (``destinations``), each row is a person as our own sign-in would
find them (``identities``), and that person's account is written if nobody else has it (``arrivals``).

Their packages need not be installed, and nothing of theirs is written to.
"""

from collections.abc import Mapping
from typing import Final

from oauth_login.moving.allauth import AllAuth
from oauth_login.moving.found import Library
from oauth_login.moving.mozilla_oidc import MozillaOIDC
from oauth_login.moving.social_auth import SocialAuth

LIBRARIES: Final[Mapping[str, type[Library]]] = {
    "allauth": AllAuth,
    "social-auth": SocialAuth,
    "mozilla-oidc": MozillaOIDC,
}
