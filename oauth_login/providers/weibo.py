"""The preset of Weibo.

Facts: https://open.weibo.com/wiki/授权机制说明, /wiki/2/users/show and /wiki/Error_code. Who it is stands
in the token answer. It takes secrets in the query only: the log shows paths alone.
"""

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[object, str]] = {
    **dict.fromkeys((21325, 21327), "code_rejected"),
    **dict.fromkeys((10001, 10002, 10009, 21331), "provider_unavailable"),
    **dict.fromkeys((10022, 10023, 10024), "provider_rate_limited"),
    21330: "access_denied",
}
#: Under which name the token that is taken back is shown; nothing else is.
ALONE: Final = {"token": "access_token", "token_type_hint": "", "client_id": "", "client_secret": ""}

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "weibo": {
        "LABEL": "微博",
        "REGISTRATION": "https://open.weibo.com/apps",
        "AUTHORIZATION_ENDPOINT": "https://api.weibo.com/oauth2/authorize",
        "SCOPE_SEPARATOR": ",",
        "PKCE": False,
        "TOKEN_ENDPOINT": "https://api.weibo.com/oauth2/access_token",
        "TOKEN_TYPE_OPTIONAL": True,
        "REFRESHES": False,
        "REVOCATION_ENDPOINT": "https://api.weibo.com/oauth2/revokeoauth2",
        "REVOCATION_REQUEST": "query",
        "REVOCATION_NAMES": ALONE,
        "USERINFO_ENDPOINT": "https://api.weibo.com/2/users/show.json",
        "USERINFO_TOKEN": "query:access_token",
        "USERINFO_PARAMS": {"uid": "{token.uid}"},
        "USERINFO_MATCHES": {"idstr": "{token.uid}"},
        "ERRORS": {"error": None, "error_code": None},
        "ERROR_CODES": CODES,
        "API_REJECTED": {"error_code": (21314, 21315, 21316, 21317, 21327, 21332)},
        "SUBJECT_TYPE": "str",
        "CLAIMS": {
            "sub": "token.uid",
            "preferred_username": "screen_name",
            "name": "screen_name",
            "picture": ["avatar_large", "profile_image_url"],  # 180 and 50 pixels wide
            "profile": "https://weibo.com/u/{token.uid}",
        },
        "PICTURE_HOSTS": [".sinaimg.cn"],
    },
}
