"""The presets of Feishu and of Lark, which is Feishu elsewhere.

Facts: https://open.feishu.cn/document/sso/web-application-sso/login-overview; the codes,
/document/authentication-management/access-token/get-user-access-token.
"""

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[object, str]] = {
    **dict.fromkeys((20003, 20004), "code_rejected"),
    **dict.fromkeys((20002, 20048, 20071), "provider_misconfigured"),
    20050: "provider_unavailable",
}


def _row(label: str, domain: str, registration: str, pictures: str) -> dict[str, Any]:
    return {
        "LABEL": label,
        "REGISTRATION": registration,
        "AUTHORIZATION_ENDPOINT": f"https://accounts.{domain}/open-apis/authen/v1/authorize",
        "TOKEN_ENDPOINT": f"https://accounts.{domain}/oauth/v3/token",
        "TOKEN_REQUEST": "json",
        "REFRESH_REJECTED": (20026, 20037, 20064, 20073),
        "USERINFO_ENDPOINT": f"https://open.{domain}/open-apis/authen/v1/user_info",
        "USERINFO_ROOT": "data",
        "ERRORS": {"code": 0, "error": None},
        "ERROR_CODES": CODES,
        "SUBJECT_TYPE": "str",
        "CLAIMS": {"sub": "open_id", "name": "name", "email": "email", "picture": "avatar_url"},
        "PICTURE_HOSTS": [pictures],
    }


ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "feishu": _row("飞书", "feishu.cn", "https://open.feishu.cn/app", ".feishucdn.com"),
    "lark": _row("Lark", "larksuite.com", "https://open.larksuite.com/app", ".larksuitecdn.com"),
}
