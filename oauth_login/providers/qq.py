"""The preset of QQ: GET for the token, then for the openid, then for the profile.

Facts: https://wiki.connect.qq.com; the codes, "公共返回码说明". It takes secrets in the query only: the log
shows paths alone.
"""

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[object, str]] = {
    **dict.fromkeys((100005, 100019, 100020), "code_rejected"),
    **dict.fromkeys((100000, 100001, 100002, 100004, 100008, 100009), "provider_misconfigured"),
    **dict.fromkeys((100010, 100011, 100031), "provider_misconfigured"),
    100030: "access_denied",
}
DEAD: Final = (100013, 100014, 100015, 100016, 100021)

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "qq": {
        "LABEL": "QQ",
        "REGISTRATION": "https://connect.qq.com/manage.html",
        "AUTHORIZATION_ENDPOINT": "https://graph.qq.com/oauth2.0/authorize",
        "CANCEL_PARAMS": {"usercancel": "1"},  # what its page for phones says of a visitor who said no
        "SCOPE": "get_user_info",
        "SCOPE_SEPARATOR": ",",
        "PKCE": False,
        "TOKEN_ENDPOINT": "https://graph.qq.com/oauth2.0/token",
        "TOKEN_REQUEST": "query",
        "TOKEN_PARAMS": {"fmt": "json"},
        "TOKEN_ANSWER": "any",
        "TOKEN_TYPE_OPTIONAL": True,
        "REFRESH_REJECTED": DEAD,
        "IDENTITY_ENDPOINT": "https://graph.qq.com/oauth2.0/me",
        "IDENTITY_PARAMS": {"fmt": "json"},
        "IDENTITY_CLIENT": "client_id",
        "USERINFO_ENDPOINT": "https://graph.qq.com/user/get_user_info",
        "USERINFO_TOKEN": "query:access_token",
        "USERINFO_PARAMS": {"oauth_consumer_key": "{client_id}", "openid": "{identity.openid}"},
        "USERINFO_ANSWER": "any",
        "ERRORS": {"error": None, "code": None, "ret": 0},
        "ERROR_CODES": CODES,
        "API_REJECTED": {"ret": DEAD},
        "SUBJECT_TYPE": "str",
        "CLAIMS": {
            "sub": "identity.openid",
            "name": "nickname",
            # 100 and 40 pixels wide; the former is not there for everybody.
            "picture": ["figureurl_qq_2", "figureurl_qq_1"],
        },
        "PICTURE_HOSTS": [".qlogo.cn"],
    },
}
