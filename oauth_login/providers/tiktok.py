"""The preset of TikTok, which calls a client_id a client_key.

Facts: https://developers.tiktok.com/doc/login-kit-web, /doc/oauth-user-access-token-management and
/doc/tiktok-api-v2-get-user-info.
"""

from collections.abc import Mapping
from typing import Any, Final

NAMES: Final = {"client_id": "client_key"}

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "tiktok": {
        "LABEL": "TikTok",
        "REGISTRATION": "https://developers.tiktok.com/apps/",
        "AUTHORIZATION_ENDPOINT": "https://www.tiktok.com/v2/auth/authorize/",
        "AUTHORIZATION_NAMES": NAMES,
        "SCOPE": "user.info.basic",
        "SCOPE_SEPARATOR": ",",
        "PKCE": False,
        "TOKEN_ENDPOINT": "https://open.tiktokapis.com/v2/oauth/token/",
        "TOKEN_REQUEST_NAMES": NAMES,
        "REVOCATION_ENDPOINT": "https://open.tiktokapis.com/v2/oauth/revoke/",
        "REVOCATION_NAMES": {**NAMES, "token": "token", "token_type_hint": ""},
        "USERINFO_ENDPOINT": "https://open.tiktokapis.com/v2/user/info/",
        "USERINFO_PARAMS": {"fields": "open_id,union_id,avatar_url,display_name"},
        "USERINFO_ROOT": "data.user",
        "ERRORS": {"error.code": "ok"},
        "SUBJECT_TYPE": "str",
        "CLAIMS": {"sub": "open_id", "name": "display_name", "picture": "avatar_url"},
        "PICTURE_HOSTS": [".tiktokcdn.com", ".tiktokcdn-us.com"],
    },
}
