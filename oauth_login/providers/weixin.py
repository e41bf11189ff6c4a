"""The preset of WeChat's websites.

Facts: https://developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.html; the codes,
/doc/oplatform/Return_codes/Return_code_descriptions_new.html. It takes secrets in the query only: the log
shows paths alone.
"""

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[object, str]] = {
    **dict.fromkeys((40029, 40163, 42003), "code_rejected"),
    **dict.fromkeys((40013, 40125, 41002, 41004), "provider_misconfigured"),
    -1: "provider_unavailable",
    45011: "provider_rate_limited",
}

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "weixin": {
        "LABEL": "微信",
        "REGISTRATION": "https://open.weixin.qq.com/",
        "AUTHORIZATION_ENDPOINT": "https://open.weixin.qq.com/connect/qrconnect",
        "AUTHORIZATION_NAMES": {"client_id": "appid"},
        "AUTHORIZATION_FRAGMENT": "wechat_redirect",
        "SCOPE": "snsapi_login",
        "SCOPE_SEPARATOR": ",",
        "PKCE": False,
        "TOKEN_ENDPOINT": "https://api.weixin.qq.com/sns/oauth2/access_token",
        "TOKEN_REQUEST": "query",
        "TOKEN_REQUEST_NAMES": {"client_id": "appid", "client_secret": "secret", "redirect_uri": ""},
        "TOKEN_TYPE_OPTIONAL": True,
        "REFRESH_ENDPOINT": "https://api.weixin.qq.com/sns/oauth2/refresh_token",
        "REFRESH_NAMES": {"client_secret": ""},
        "REFRESH_REJECTED": (40030, 42002),
        "USERINFO_ENDPOINT": "https://api.weixin.qq.com/sns/userinfo",
        "USERINFO_TOKEN": "query:access_token",
        "USERINFO_PARAMS": {"openid": "{token.openid}", "lang": "zh_CN"},
        "USERINFO_MATCHES": {"openid": "{token.openid}"},
        "ERRORS": {"errcode": 0},
        "ERROR_CODES": CODES,
        "SUBJECT_TYPE": "str",
        "CLAIMS": {"sub": "token.openid", "name": "nickname", "picture": "headimgurl"},
        "PICTURE_HOSTS": [".qlogo.cn"],
    },
}
