"""How the presets that are data renew a grant and take it back, where RFC 6749 §6 and RFC 7009 do not say it.

Laid under the rows of that name. Facts: the pages named there; what is not documented is not guessed, and
then a provider has no way.
"""

from collections.abc import Mapping
from typing import Any, Final

#: It has no refresh tokens.
NEVER: Final = {"REFRESHES": False}
#: The access token alone is shown, under that name.
SHOWN: Final = {"token": "access_token", "token_type_hint": "", "client_id": "", "client_secret": ""}
#: So are the client's credentials.
PROVEN: Final = {"token": "access_token", "token_type_hint": ""}
#: So are they, and the access token under the RFC's name: no refresh token is.
ACCESS: Final = {"token": "token", "token_type_hint": ""}

# fmt: off
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "baidu": {"REVOCATION_ENDPOINT": "https://openapi.baidu.com/rest/2.0/passport/auth/revokeAuthorization",
              "REVOCATION_NAMES": SHOWN},
    # To renew, it wants the device_id of the callback again, which nobody keeps.
    "vk": {**NEVER, "REVOCATION_ENDPOINT": "https://id.vk.ru/oauth2/revoke", "REVOCATION_NAMES": PROVEN},
    "naver": {"REVOCATION_ENDPOINT": "https://nid.naver.com/oauth2.0/token", "REVOCATION_NAMES": PROVEN,
              "REVOCATION_PARAMS": {"grant_type": "delete", "service_provider": "NAVER"}},
    "figma": {"REFRESH_ENDPOINT": "https://api.figma.com/v1/oauth/refresh"},
    "dropbox": {"REVOCATION_ENDPOINT": "https://api.dropboxapi.com/2/auth/token/revoke",
                "REVOCATION_REQUEST": "bearer"},
    # It answers its status again, and says no more.
    "reddit": {"REFRESH_REJECTED": (400,)},
    "notion": {"REVOCATION_ENDPOINT": "https://api.notion.com/v1/oauth/revoke", "REVOCATION_REQUEST": "json",
               "REVOCATION_NAMES": ACCESS},
    "yandex": {"REVOCATION_NAMES": PROVEN},
    "zoom": {"REVOCATION_NAMES": ACCESS},
    "stackexchange": NEVER,
    "openstreetmap": NEVER,
}
