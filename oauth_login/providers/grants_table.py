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
BY_GET: Final = {"REVOCATION_REQUEST": "query", "REVOCATION_NAMES": SHOWN}
DELETE: Final = {"grant_type": "delete", "service_provider": "NAVER"}
#: https://open.weibo.com/wiki/Error_code
WEIBO_DEAD: Final = {"error_code": (21314, 21315, 21316, 21317, 21327, 21332)}
WEIBO: Final = {**NEVER, **BY_GET, "API_REJECTED": WEIBO_DEAD}
QQ_DEAD: Final = (100013, 100014, 100015, 100016, 100021)
QQ: Final = {"REFRESH_REJECTED": QQ_DEAD, "API_REJECTED": {"ret": QQ_DEAD}}
FEISHU: Final = {"REFRESH_REJECTED": (20026, 20037, 20064, 20073)}
WEIXIN: Final = {"REFRESH_NAMES": {"client_secret": ""}, "REFRESH_REJECTED": (40030, 42002)}
DINGTALK: Final = {"refresh_token": "refreshToken"}

# fmt: off
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "weibo": {**WEIBO, "REVOCATION_ENDPOINT": "https://api.weibo.com/oauth2/revokeoauth2"},
    "qq": QQ,
    "weixin": {**WEIXIN, "REFRESH_ENDPOINT": "https://api.weixin.qq.com/sns/oauth2/refresh_token"},
    "dingtalk": {"REFRESH_NAMES": DINGTALK},
    "feishu": FEISHU,
    "lark": FEISHU,
    "baidu": {"REVOCATION_ENDPOINT": "https://openapi.baidu.com/rest/2.0/passport/auth/revokeAuthorization",
              "REVOCATION_NAMES": SHOWN},
    # 190: the access token is none any more.
    "facebook": {**NEVER, "REFRESH_REJECTED": (190,)},
    # To renew, it wants the device_id of the callback again, which nobody keeps.
    "vk": {**NEVER, "REVOCATION_ENDPOINT": "https://id.vk.ru/oauth2/revoke", "REVOCATION_NAMES": PROVEN},
    "naver": {"REVOCATION_ENDPOINT": "https://nid.naver.com/oauth2.0/token", "REVOCATION_NAMES": PROVEN,
              "REVOCATION_PARAMS": DELETE},
    "figma": {"REFRESH_ENDPOINT": "https://api.figma.com/v1/oauth/refresh"},
    "dropbox": {"REVOCATION_ENDPOINT": "https://api.dropboxapi.com/2/auth/token/revoke",
                "REVOCATION_REQUEST": "bearer"},
    # It names the field that is wrong.
    "strava": {"REVOCATION_ENDPOINT": "https://www.strava.com/oauth/deauthorize",
               "REVOCATION_REQUEST": "bearer", "REFRESH_REJECTED": ("refresh_token",)},
    # It answers its status again, and says no more.
    "reddit": {"REFRESH_REJECTED": (400,)},
    "tiktok": {"REVOCATION_ENDPOINT": "https://open.tiktokapis.com/v2/oauth/revoke/",
               "REVOCATION_NAMES": {**ACCESS, "client_id": "client_key"}},
    "notion": {"REVOCATION_ENDPOINT": "https://api.notion.com/v1/oauth/revoke", "REVOCATION_REQUEST": "json",
               "REVOCATION_NAMES": ACCESS},
    "yandex": {"REVOCATION_NAMES": PROVEN},
    "zoom": {"REVOCATION_NAMES": ACCESS},
    "stackexchange": NEVER,
    "openstreetmap": NEVER,
}
