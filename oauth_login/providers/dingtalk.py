"""The preset of DingTalk, which writes the RFC's words in another way and has none for the callback's URL.

Facts: https://open.dingtalk.com/document/orgapp/tutorial-obtaining-user-personal-information.
"""

from collections.abc import Mapping
from typing import Any, Final

ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "dingtalk": {
        "LABEL": "钉钉",
        "REGISTRATION": "https://open-dev.dingtalk.com/",
        "AUTHORIZATION_ENDPOINT": "https://login.dingtalk.com/oauth2/auth",
        "AUTHORIZATION_PARAMS": {"prompt": "consent"},
        "CODE_PARAM": "authCode",
        "SCOPE": "openid",
        "PKCE": False,
        "TOKEN_ENDPOINT": "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
        "TOKEN_REQUEST": "json",
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
        "TOKEN_TYPE_OPTIONAL": True,
        "REFRESH_NAMES": {"refresh_token": "refreshToken"},
        "USERINFO_ENDPOINT": "https://api.dingtalk.com/v1.0/contact/users/me",
        "USERINFO_TOKEN": "header:x-acs-dingtalk-access-token",
        "ERRORS": {"code": None},
        "ERROR_CODES": {"invalidParameter.authCode.notFound": "code_rejected"},
        "SUBJECT_TYPE": "str",
        "CLAIMS": {"sub": "openId", "name": "nick", "email": "email", "picture": "avatarUrl"},
        "PICTURE_HOSTS": [".dingtalk.com"],
    },
}
