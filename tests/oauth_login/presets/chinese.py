"""The Chinese presets against their documentation."""

from tests.oauth_login.presets.case import BEARER, CLIENT_ID, CLIENT_SECRET, CODE, POST, TOKEN, Case

CASES = {
    "weibo": Case(
        token={
            "access_token": TOKEN,
            "remind_in": "157679999",
            "expires_in": 157679999,
            "uid": "6397634785",
            "isRealName": "true",
        },
        userinfo={
            "id": 6397634785,
            "idstr": "6397634785",
            "screen_name": "微博小秘书",
            "name": "微博小秘书",
            "avatar_large": "https://tvax1.sinaimg.cn/crop.0.0.180.180.180/a.jpg",
            "verified": True,
        },
        userinfo_request=f"GET /userinfo?uid=6397634785&access_token={TOKEN}",
        userinfo_header=None,
        pkce=False,
        error=(
            {"error": "invalid_grant", "error_code": 21325, "request": "/oauth2/access_token"},
            "code_rejected",
        ),
        profile_error=(
            {"error": "User requests out of rate limit!", "error_code": 10023},
            "provider_rate_limited",
        ),
        profile={
            "subject": "6397634785",
            "preferred_username": "微博小秘书",
            "name": "微博小秘书",
            "picture": "https://tvax1.sinaimg.cn/crop.0.0.180.180.180/a.jpg",
            "profile": "https://weibo.com/u/6397634785",
        },
    ),
    "qq": Case(
        authorize={"scope": "get_user_info"},
        token_request=("query", {**POST, "fmt": "json"}),
        token={"access_token": TOKEN, "expires_in": "7776000", "refresh_token": "once"},
        identity={"client_id": CLIENT_ID, "openid": "1704A7B2C0F10D5E9A33B0D1C6E7F804", "unionid": "UID_9"},
        userinfo={
            "ret": 0,
            "msg": "",
            "nickname": "企鹅",
            "figureurl_qq_1": "http://thirdqq.qlogo.cn/g?b=oidb&s=40",
            "figureurl_qq_2": "",
            "gender": "男",
        },
        userinfo_request=(
            f"GET /userinfo?oauth_consumer_key={CLIENT_ID}&openid=1704A7B2C0F10D5E9A33B0D1C6E7F804"
            f"&access_token={TOKEN}"
        ),
        userinfo_header=None,
        pkce=False,
        error=(
            b'callback( {"error":100019,"error_description":"code to access token error"} );',
            "code_rejected",
        ),
        profile_error=({"ret": 100013, "msg": "access token is illegal"}, "profile_refused"),
        profile={
            "subject": "1704A7B2C0F10D5E9A33B0D1C6E7F804",
            "name": "企鹅",
            "picture": "https://thirdqq.qlogo.cn/g?b=oidb&s=40",
        },
    ),
    "weixin": Case(
        authorize={"appid": CLIENT_ID, "scope": "snsapi_login"},
        token_request=(
            "query",
            {"appid": CLIENT_ID, "secret": CLIENT_SECRET, "code": CODE, "grant_type": "authorization_code"},
        ),
        token={
            "access_token": TOKEN,
            "expires_in": 7200,
            "refresh_token": "for-30-days",
            "openid": "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "scope": "snsapi_login",
            "unionid": "o6_bmasdasdsad6_2sgVt7hMZOPfL",
        },
        userinfo={
            "openid": "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "nickname": "小明",
            "sex": 1,
            "headimgurl": "https://thirdwx.qlogo.cn/mmopen/g3Mo/0",
            "privilege": [],
        },
        userinfo_request=(
            f"GET /userinfo?openid=o6_bmjrPTlm6_2sgVt7hMZOPfL2M&lang=zh_CN&access_token={TOKEN}"
        ),
        userinfo_header=None,
        pkce=False,
        error=({"errcode": 40029, "errmsg": "invalid code, rid: 1"}, "code_rejected"),
        profile_error=({"errcode": -1, "errmsg": "system error"}, "provider_unavailable"),
        profile={
            "subject": "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "name": "小明",
            "picture": "https://thirdwx.qlogo.cn/mmopen/g3Mo/0",
        },
    ),
    "gitee": Case(
        authorize={"scope": "user_info emails"},
        userinfo={
            "id": 1234,
            "login": "xiaoming",
            "name": "小明",
            "avatar_url": "https://gitee.com/assets/no_portrait.png",
            "email": "shown@example.com",
        },
        emails=[
            {"email": "other@example.com", "state": "unconfirmed", "scope": ["primary"]},
            {"email": "ming@example.com", "state": "confirmed", "scope": ["primary", "notified"]},
        ],
        pkce=False,
        profile={
            "subject": "1234",
            "preferred_username": "xiaoming",
            "name": "小明",
            "email": "ming@example.com",
            "email_verified": True,
            "picture": "https://gitee.com/assets/no_portrait.png",
            "profile": "https://gitee.com/xiaoming",
        },
    ),
    "dingtalk": Case(
        authorize={"scope": "openid", "prompt": "consent"},
        callback={"authCode": CODE},
        token_request=(
            "json",
            {
                "clientId": CLIENT_ID,
                "clientSecret": CLIENT_SECRET,
                "code": CODE,
                "grantType": "authorization_code",
            },
        ),
        token={"accessToken": TOKEN, "refreshToken": "abcd", "expireIn": 7200, "corpId": "corpxxxx"},
        userinfo={
            "nick": "钉三多",
            "avatarUrl": "https://static-legacy.dingtalk.com/media/a.png",
            "mobile": "150xxxx9144",
            "openId": "123",
            "unionId": "z21HjQliSzpw0Yxxxx",
            "email": "ding@example.com",
            "stateCode": "86",
        },
        userinfo_header=("x-acs-dingtalk-access-token", TOKEN),
        pkce=False,
        error=(
            (400, {"code": "invalidParameter.authCode.notFound", "message": "the auth code is not found"}),
            "code_rejected",
        ),
        profile_error=((403, {"code": "Forbidden.AccessDenied", "message": "no"}), "profile_refused"),
        profile={
            "subject": "123",
            "name": "钉三多",
            "email": "ding@example.com",
            "picture": "https://static-legacy.dingtalk.com/media/a.png",
        },
    ),
    **{
        name: Case(
            token_request=("json", POST),
            token={"code": 0, **BEARER, "token_type": "Bearer", "scope": ""},
            userinfo={
                "code": 0,
                "msg": "success",
                "data": {
                    "name": "张三",
                    "en_name": "zhangsan",
                    "avatar_url": f"https://s1-imfile.{cdn}/static/a.webp",
                    "open_id": "ou-caecc734c2e3328a62489fe0648c4b98779515d3",
                    "union_id": "on-d89jhsdhjsajkda7828enjdj328ydhhw3u43yjhdj",
                    "email": "zhangsan@example.com",
                },
            },
            error=((400, {"code": 20003, "error": "invalid_grant"}), "code_rejected"),
            profile_error=({"code": 20005, "msg": "invalid access token"}, "profile_refused"),
            profile={
                "subject": "ou-caecc734c2e3328a62489fe0648c4b98779515d3",
                "name": "张三",
                "email": "zhangsan@example.com",
                "picture": f"https://s1-imfile.{cdn}/static/a.webp",
            },
        )
        for name, cdn in {"feishu": "feishucdn.com", "lark": "larksuitecdn.com"}.items()
    },
    "baidu": Case(
        authorize={"scope": "basic"},
        token={"access_token": TOKEN, "expires_in": 2592000, "refresh_token": "r", "scope": "basic"},
        userinfo={
            "openid": "Th2RQyhyUqTkVTwv2xrkgqhAaE4",
            "username": "度***娘",
            "portrait": "e2c1776c31393837",
        },
        userinfo_request=f"GET /userinfo?access_token={TOKEN}",
        userinfo_header=None,
        pkce=False,
        profile_error=({"error_code": 110, "error_msg": "Access token invalid"}, "profile_refused"),
        profile={
            "subject": "Th2RQyhyUqTkVTwv2xrkgqhAaE4",
            "name": "度***娘",
            "picture": "https://himg.bdimg.com/sys/portrait/item/e2c1776c31393837.jpg",
        },
    ),
}
