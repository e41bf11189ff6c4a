"""The presets of Chinese providers in the words of ``definition.py``. Facts: the pages named."""

from collections.abc import Mapping
from typing import Any, Final

# A row is read across: what belongs together is on one line.
# fmt: off
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    # https://gitee.com/api/v5/oauth_doc
    "gitee": {
        "LABEL": "Gitee", "REGISTRATION": "https://gitee.com/oauth/applications",
        "AUTHORIZATION_ENDPOINT": "https://gitee.com/oauth/authorize",
        "SCOPE": "user_info emails", "PKCE": False, "SUBJECT_TYPE": "int",
        "TOKEN_ENDPOINT": "https://gitee.com/oauth/token",
        "USERINFO_ENDPOINT": "https://gitee.com/api/v5/user",
        "EMAILS_ENDPOINT": "https://gitee.com/api/v5/emails",
        "EMAILS_WHERE": {"state": "confirmed", "scope": "primary"},
        "CLAIMS": {"sub": "id", "preferred_username": "login", "name": "name", "picture": "avatar_url",
                   "profile": "https://gitee.com/{login}"},
        "PICTURE_HOSTS": ["gitee.com", ".gitee.com"],
    },
    # https://openauth.baidu.com/doc/doc.html
    "baidu": {
        "LABEL": "百度", "REGISTRATION": "https://developer.baidu.com/console", "SCOPE": "basic",
        "AUTHORIZATION_ENDPOINT": "https://openapi.baidu.com/oauth/2.0/authorize", "PKCE": False,
        "TOKEN_ENDPOINT": "https://openapi.baidu.com/oauth/2.0/token", "TOKEN_TYPE_OPTIONAL": True,
        "USERINFO_ENDPOINT": "https://openapi.baidu.com/rest/2.0/passport/users/getInfo",
        "USERINFO_TOKEN": "query:access_token", "ERRORS": {"error": None, "error_code": None},
        "CLAIMS": {"sub": "openid", "picture": "https://himg.bdimg.com/sys/portrait/item/{portrait}.jpg",
                   "name": "username"}, "PICTURE_HOSTS": ["himg.bdimg.com"], "SUBJECT_TYPE": "str",
    },
}
