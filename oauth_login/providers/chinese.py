"""The presets of Chinese providers, in the words of ``definition.py``. Facts: the pages next to each.

Where a provider takes secrets in the query only, that is what it is given; the log shows paths alone.
"""

from collections.abc import Mapping
from typing import Any, Final

#: Servers older than PKCE, and than the rule that a token has a type (RFC 6749 §5.1).
OLD: Final[Mapping[str, Any]] = {"PKCE": False, "TOKEN_TYPE_OPTIONAL": True}
#: Those that know no body and no header either.
BY_QUERY: Final[Mapping[str, Any]] = {"TOKEN_REQUEST": "query", "USERINFO_TOKEN": "query:access_token"}
#: 100 and 40 pixels wide; the former is not there for everybody.
QQ_PICTURES: Final = ["figureurl_qq_2", "figureurl_qq_1"]
#: What its page for phones says of a visitor who said no.
QQ_CANCEL: Final = {"usercancel": "1"}
#: https://wiki.connect.qq.com, "公共返回码说明"
QQ_ERRORS: Final[Mapping[str, Any]] = {
    "ERRORS": {"error": None, "code": None, "ret": 0},
    "ERROR_CODES": {
        **dict.fromkeys((100005, 100019, 100020), "code_rejected"),
        **dict.fromkeys((100000, 100001, 100002, 100004, 100008, 100009), "provider_misconfigured"),
        **dict.fromkeys((100010, 100011, 100031), "provider_misconfigured"),
        100030: "access_denied",
    },
}
#: 180 and 50 pixels wide.
WEIBO_PICTURES: Final = ["avatar_large", "profile_image_url"]
#: https://open.weibo.com/wiki/Error_code
WEIBO_CODES: Final = {
    **dict.fromkeys((21325, 21327), "code_rejected"),
    **dict.fromkeys((10001, 10002, 10009, 21331), "provider_unavailable"),
    **dict.fromkeys((10022, 10023, 10024), "provider_rate_limited"),
    21330: "access_denied",
}
#: It writes the RFC's words in another way, and has none for the callback's URL.
DINGTALK_NAMES: Final[Mapping[str, Any]] = {
    "TOKEN_REQUEST_NAMES": {
        "client_id": "clientId",
        "client_secret": "clientSecret",
        "grant_type": "grantType",
        "redirect_uri": "",
    },
    "TOKEN_NAMES": {
        "access_token": "accessToken",
        "refresh_token": "refreshToken",
        "expires_in": "expireIn",
    },
}
#: https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html
WEIXIN_ERRORS: Final[Mapping[str, Any]] = {
    "ERRORS": {"errcode": 0},
    "ERROR_CODES": {
        **dict.fromkeys((40029, 40163, 42003), "code_rejected"),
        **dict.fromkeys((40013, 40125, 41002, 41004), "provider_misconfigured"),
        -1: "provider_unavailable",
        45011: "provider_rate_limited",
    },
}
#: https://open.feishu.cn/document/authentication-management/access-token/get-user-access-token
FEISHU_CODES: Final = {
    **dict.fromkeys((20003, 20004), "code_rejected"),
    **dict.fromkeys((20002, 20048, 20071), "provider_misconfigured"),
    20050: "provider_unavailable",
}


#: What Feishu and Lark say alike.
FEISHU: Final[Mapping[str, Any]] = {
    "TOKEN_REQUEST": "json",
    "USERINFO_ROOT": "data",
    "ERRORS": {"code": 0, "error": None},
    "ERROR_CODES": FEISHU_CODES,
    "CLAIMS": {"sub": "open_id", "name": "name", "email": "email", "picture": "avatar_url"},
    "SUBJECT_TYPE": "str",
}


def _feishu(label: str, domain: str, registration: str, pictures: str) -> dict[str, Any]:
    return {
        "LABEL": label,
        "REGISTRATION": registration,
        "AUTHORIZATION_ENDPOINT": f"https://accounts.{domain}/open-apis/authen/v1/authorize",
        "TOKEN_ENDPOINT": f"https://accounts.{domain}/oauth/v3/token",
        "USERINFO_ENDPOINT": f"https://open.{domain}/open-apis/authen/v1/user_info",
        "PICTURE_HOSTS": [pictures],
        **FEISHU,
    }


# A row is read across: what belongs together is on one line.
# fmt: off
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    # https://open.weibo.com/wiki/授权机制说明 and /wiki/2/users/show: who it is stands in the token answer.
    "weibo": {
        "LABEL": "微博", "REGISTRATION": "https://open.weibo.com/apps", "SCOPE_SEPARATOR": ",",
        "AUTHORIZATION_ENDPOINT": "https://api.weibo.com/oauth2/authorize", **OLD, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.weibo.com/oauth2/access_token", "PICTURE_HOSTS": [".sinaimg.cn"],
        "USERINFO_ENDPOINT": "https://api.weibo.com/2/users/show.json",
        "USERINFO_MATCHES": {"idstr": "{token.uid}"},
        "USERINFO_TOKEN": "query:access_token", "USERINFO_PARAMS": {"uid": "{token.uid}"},
        "ERRORS": {"error": None, "error_code": None}, "ERROR_CODES": WEIBO_CODES,
        "CLAIMS": {"sub": "token.uid", "preferred_username": "screen_name", "name": "screen_name",
                   "picture": WEIBO_PICTURES, "profile": "https://weibo.com/u/{token.uid}"},
    },
    # https://wiki.connect.qq.com: GET for the token, then for the openid, then for the profile.
    "qq": {
        "LABEL": "QQ", "REGISTRATION": "https://connect.qq.com/manage.html", **OLD, "SUBJECT_TYPE": "str",
        "AUTHORIZATION_ENDPOINT": "https://graph.qq.com/oauth2.0/authorize", "CANCEL_PARAMS": QQ_CANCEL,
        "SCOPE": "get_user_info", "SCOPE_SEPARATOR": ",", **BY_QUERY, "TOKEN_ANSWER": "any",
        "TOKEN_ENDPOINT": "https://graph.qq.com/oauth2.0/token", "TOKEN_PARAMS": {"fmt": "json"},
        "IDENTITY_ENDPOINT": "https://graph.qq.com/oauth2.0/me", "IDENTITY_PARAMS": {"fmt": "json"},
        "IDENTITY_CLIENT": "client_id", "USERINFO_ANSWER": "any", **QQ_ERRORS,
        "USERINFO_ENDPOINT": "https://graph.qq.com/user/get_user_info", "PICTURE_HOSTS": [".qlogo.cn"],
        "USERINFO_PARAMS": {"oauth_consumer_key": "{client_id}", "openid": "{identity.openid}"},
        "CLAIMS": {"sub": "identity.openid", "name": "nickname", "picture": QQ_PICTURES},
    },
    # https://developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.html
    "weixin": {
        "LABEL": "微信", "REGISTRATION": "https://open.weixin.qq.com/", **OLD, "SUBJECT_TYPE": "str",
        "AUTHORIZATION_ENDPOINT": "https://open.weixin.qq.com/connect/qrconnect", **BY_QUERY,
        "AUTHORIZATION_NAMES": {"client_id": "appid"}, "AUTHORIZATION_FRAGMENT": "wechat_redirect",
        "SCOPE": "snsapi_login", "SCOPE_SEPARATOR": ",", "USERINFO_MATCHES": {"openid": "{token.openid}"},
        "TOKEN_ENDPOINT": "https://api.weixin.qq.com/sns/oauth2/access_token",
        "TOKEN_REQUEST_NAMES": {"client_id": "appid", "client_secret": "secret", "redirect_uri": ""},
        "USERINFO_ENDPOINT": "https://api.weixin.qq.com/sns/userinfo", "PICTURE_HOSTS": [".qlogo.cn"],
        "USERINFO_PARAMS": {"openid": "{token.openid}", "lang": "zh_CN"},
        "CLAIMS": {"sub": "token.openid", "name": "nickname", "picture": "headimgurl"}, **WEIXIN_ERRORS,
    },
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
    # https://open.dingtalk.com/document/orgapp/tutorial-obtaining-user-personal-information
    "dingtalk": {
        "LABEL": "钉钉", "REGISTRATION": "https://open-dev.dingtalk.com/",
        "AUTHORIZATION_ENDPOINT": "https://login.dingtalk.com/oauth2/auth",
        "SCOPE": "openid", "AUTHORIZATION_PARAMS": {"prompt": "consent"}, "CODE_PARAM": "authCode",
        "TOKEN_ENDPOINT": "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
        "TOKEN_REQUEST": "json", **OLD, "SUBJECT_TYPE": "str", **DINGTALK_NAMES,
        "USERINFO_ENDPOINT": "https://api.dingtalk.com/v1.0/contact/users/me",
        "USERINFO_TOKEN": "header:x-acs-dingtalk-access-token", "PICTURE_HOSTS": [".dingtalk.com"],
        "ERRORS": {"code": None}, "ERROR_CODES": {"invalidParameter.authCode.notFound": "code_rejected"},
        "CLAIMS": {"sub": "openId", "name": "nick", "email": "email", "picture": "avatarUrl"},
    },
    # https://open.feishu.cn/document/sso/web-application-sso/login-overview
    "feishu": _feishu("飞书", "feishu.cn", "https://open.feishu.cn/app", ".feishucdn.com"),
    "lark": _feishu("Lark", "larksuite.com", "https://open.larksuite.com/app", ".larksuitecdn.com"),
    # https://openauth.baidu.com/doc/doc.html
    "baidu": {
        "LABEL": "百度", "REGISTRATION": "https://developer.baidu.com/console", "SCOPE": "basic", **OLD,
        "AUTHORIZATION_ENDPOINT": "https://openapi.baidu.com/oauth/2.0/authorize", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://openapi.baidu.com/oauth/2.0/token",
        "USERINFO_ENDPOINT": "https://openapi.baidu.com/rest/2.0/passport/users/getInfo",
        "USERINFO_TOKEN": "query:access_token", "ERRORS": {"error": None, "error_code": None},
        "CLAIMS": {"sub": "openid", "name": "username",
                   "picture": "https://himg.bdimg.com/sys/portrait/item/{portrait}.jpg"},
        "PICTURE_HOSTS": ["himg.bdimg.com"],
    },
}
