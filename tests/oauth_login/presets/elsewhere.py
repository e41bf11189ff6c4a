"""The other presets against their documentation."""

from tests.oauth_login.presets.case import BASIC, BEARER, CODE, FORM, TOKEN, Case

CASES = {
    "facebook": Case(
        authorize={"scope": "public_profile,email"},
        userinfo={
            "id": "10158552441234567",
            "name": "Jane Doe",
            "email": "jane@example.com",
            "picture": {"data": {"url": "https://platform-lookaside.fbsbx.com/p?asid=1", "height": 50}},
        },
        userinfo_request="GET /userinfo?fields=id%2Cname%2Cemail%2Cpicture",
        pkce=False,
        error=(
            (400, {"error": {"message": "This authorization code has been used.", "code": 100}}),
            "code_rejected",
        ),
        profile_error=((400, {"error": {"message": "Invalid OAuth token", "code": 190}}), "profile_refused"),
        profile={
            "subject": "10158552441234567",
            "name": "Jane Doe",
            "email": "jane@example.com",
            "picture": "https://platform-lookaside.fbsbx.com/p?asid=1",
        },
    ),
    "discord": Case(
        authorize={"scope": "identify email"},
        callback={"code": CODE, "iss": "https://discord.com"},
        token={**BEARER, "token_type": "Bearer", "refresh_token": "r", "scope": "identify email"},
        userinfo={
            "id": "80351110224678912",
            "username": "nelly",
            "global_name": "Nelly",
            "avatar": "8342729096ea3675442027381ff50dfe",
            "verified": True,
            "email": "nelly@example.com",
        },
        profile={
            "subject": "80351110224678912",
            "preferred_username": "nelly",
            "name": "Nelly",
            "email": "nelly@example.com",
            "email_verified": True,
            "picture": (
                "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png"
            ),
        },
    ),
    "twitter": Case(
        authorize={"scope": "users.read tweet.read"},
        token_request=("form", FORM),
        token_header=BASIC,
        userinfo={
            "data": {
                "id": "2244994945",
                "name": "X Dev",
                "username": "XDevelopers",
                "profile_image_url": "https://pbs.twimg.com/profile_images/1/a_normal.jpg",
                "confirmed_email": "dev@example.com",
            }
        },
        userinfo_request="GET /userinfo?user.fields=profile_image_url",
        profile_error=((401, {"title": "Unauthorized", "status": 401}), "profile_refused"),
        profile={
            "subject": "2244994945",
            "preferred_username": "XDevelopers",
            "name": "X Dev",
            "email": "dev@example.com",
            "email_verified": True,
            "picture": "https://pbs.twimg.com/profile_images/1/a_normal.jpg",
            "profile": "https://x.com/XDevelopers",
        },
    ),
    "bitbucket": Case(
        authorize={"scope": "account email"},
        userinfo={
            "uuid": "{503f1a56-3e8a-4b5e-9f6a-0d1c2b3a4f5e}",
            "account_id": "557058:a",
            "nickname": "evzijst",
            "display_name": "Erik",
            "links": {
                "avatar": {"href": "https://secure.gravatar.com/avatar/f"},
                "html": {"href": "https://bitbucket.org/%7B503f1a56%7D/"},
            },
        },
        emails={
            "values": [
                {"email": "old@example.com", "is_primary": False, "is_confirmed": True},
                {"email": "erik@example.com", "is_primary": True, "is_confirmed": True},
            ]
        },
        profile={
            "subject": "{503f1a56-3e8a-4b5e-9f6a-0d1c2b3a4f5e}",
            "preferred_username": "evzijst",
            "name": "Erik",
            "email": "erik@example.com",
            "email_verified": True,
            "picture": "https://secure.gravatar.com/avatar/f",
            "profile": "https://bitbucket.org/%7B503f1a56%7D/",
        },
    ),
    "yandex": Case(
        authorize={"scope": "login:info login:email login:avatar"},
        userinfo={
            "id": "1000034426",
            "login": "ivan",
            "display_name": "Ivan I.",
            "default_email": "ivan@yandex.example",
            "default_avatar_id": "131652443/abc-1",
        },
        userinfo_request="GET /userinfo?format=json",
        userinfo_header=("authorization", f"OAuth {TOKEN}"),
        profile={
            "subject": "1000034426",
            "preferred_username": "ivan",
            "name": "Ivan I.",
            "email": "ivan@yandex.example",
            "picture": "https://avatars.yandex.net/get-yapic/131652443/abc-1/islands-200",
        },
    ),
    "vk": Case(
        authorize={"scope": "vkid.personal_info email"},
        callback={"code": CODE, "device_id": "device-7", "type": "code_v2"},
        token_request=("form", {**FORM, "client_id": "the-client", "device_id": "device-7"}),
        token={**BEARER, "refresh_token": "r", "user_id": 1234567890, "scope": "email"},
        userinfo={
            "user": {
                "user_id": "1234567890",
                "first_name": "Ivan",
                "last_name": "Ivanov",
                "avatar": "https://pp.userapi.com/60tZWMo4SmwcploUVl9XEt8ufnTTvDUmQ6Bj1g/a.png",
                "email": "ivan@example.com",
                "verified": True,
            }
        },
        userinfo_request="POST /userinfo",
        userinfo_header=None,
        userinfo_body=f"client_id=the-client&access_token={TOKEN}",
        profile={
            "subject": "1234567890",
            "name": "Ivan Ivanov",
            "email": "ivan@example.com",
            "picture": "https://pp.userapi.com/60tZWMo4SmwcploUVl9XEt8ufnTTvDUmQ6Bj1g/a.png",
        },
    ),
    "naver": Case(
        token={**BEARER, "refresh_token": "r", "expires_in": "3600"},
        userinfo={
            "resultcode": "00",
            "message": "success",
            "response": {
                "id": "32742776",
                "nickname": "OpenAPI",
                "name": "오픈 API",
                "email": "openapi@naver.example",
                "profile_image": "https://ssl.pstatic.net/static/pwe/address/nodata_33x33.gif",
            },
        },
        pkce=False,
        profile_error=((401, {"resultcode": "024", "message": "Authentication failed"}), "profile_refused"),
        profile={
            "subject": "32742776",
            "name": "오픈 API",
            "email": "openapi@naver.example",
            "picture": "https://ssl.pstatic.net/static/pwe/address/nodata_33x33.gif",
        },
    ),
    "spotify": Case(
        authorize={"scope": "user-read-email"},
        token_request=("form", FORM),
        token_header=BASIC,
        userinfo={
            "account_id": "acc7",
            "id": "smedjan",
            "display_name": "Smedjan",
            "email": "smedjan@example.com",
            "images": [{"url": "https://i.scdn.co/image/ab67", "height": 300, "width": 300}],
            "external_urls": {"spotify": "https://open.spotify.com/user/smedjan"},
        },
        profile_error=((401, {"error": {"status": 401, "message": "The token expired"}}), "profile_refused"),
        profile={
            "subject": "acc7",
            "name": "Smedjan",
            "email": "smedjan@example.com",
            "picture": "https://i.scdn.co/image/ab67",
            "profile": "https://open.spotify.com/user/smedjan",
        },
    ),
    "reddit": Case(
        authorize={"scope": "identity"},
        token_request=("form", FORM),
        token_header=BASIC,
        userinfo={"id": "t2x9", "name": "spez", "icon_img": "https://styles.redditmedia.com/a.png"},
        pkce=False,
        profile={
            "subject": "t2x9",
            "preferred_username": "spez",
            "name": "spez",
            "profile": "https://www.reddit.com/user/spez",
        },
    ),
    "notion": Case(
        authorize={"owner": "user"},
        token_request=("json", FORM),
        token_header=BASIC,
        token={
            **BEARER,
            "bot_id": "b3414d65",
            "workspace_id": "j565j4d7",
            "owner": {
                "type": "user",
                "user": {
                    "object": "user",
                    "id": "5389a034-eb5c-47b5-8a9e-f79c99ef166c",
                    "name": "Christine Makenotion",
                    "avatar_url": "https://lh3.googleusercontent.com/a/c",
                    "type": "person",
                    "person": {"email": "christine@example.com"},
                },
            },
        },
        pkce=False,
        profile={
            "subject": "5389a034-eb5c-47b5-8a9e-f79c99ef166c",
            "name": "Christine Makenotion",
            "email": "christine@example.com",
            "picture": "https://lh3.googleusercontent.com/a/c",
        },
    ),
    "figma": Case(
        authorize={"scope": "current_user:read"},
        token_request=("form", FORM),
        token_header=BASIC,
        userinfo={
            "id": "1086382348",
            "email": "fig@example.com",
            "handle": "Fig",
            "img_url": "https://s3-alpha.figma.com/profile/1",
        },
        profile={
            "subject": "1086382348",
            "name": "Fig",
            "email": "fig@example.com",
            "picture": "https://s3-alpha.figma.com/profile/1",
        },
    ),
    "atlassian": Case(
        authorize={"scope": "read:me", "audience": "api.atlassian.com", "prompt": "consent"},
        userinfo={
            "account_type": "atlassian",
            "account_id": "112233aa-bb11-cc22-33dd-445566abcabc",
            "email": "mia@example.com",
            "email_verified": True,
            "name": "Mia Krystof",
            "nickname": "mkrystof",
            "picture": "https://avatar-management--avatars.us-west-2.prod.public.atl-paas.net/1/128",
        },
        profile={
            "subject": "112233aa-bb11-cc22-33dd-445566abcabc",
            "preferred_username": "mkrystof",
            "name": "Mia Krystof",
            "email": "mia@example.com",
            "email_verified": True,
            "picture": "https://avatar-management--avatars.us-west-2.prod.public.atl-paas.net/1/128",
        },
    ),
    "dropbox": Case(
        authorize={"scope": "account_info.read"},
        userinfo={
            "account_id": "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc",
            "name": {"display_name": "Franz Ferdinand", "given_name": "Franz"},
            "email": "franz@example.com",
            "email_verified": True,
            "profile_photo_url": "https://dl-web.dropbox.com/account_photo/get/dbaphid%3AAA?size=128x128",
        },
        userinfo_request="POST /userinfo",
        profile_error=((401, {"error_summary": "x/", "error": {".tag": "expired"}}), "profile_refused"),
        profile={
            "subject": "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc",
            "name": "Franz Ferdinand",
            "email": "franz@example.com",
            "email_verified": True,
            "picture": "https://dl-web.dropbox.com/account_photo/get/dbaphid%3AAA?size=128x128",
        },
    ),
    "box": Case(
        userinfo={
            "type": "user",
            "id": "11446498",
            "name": "Aaron Levie",
            "login": "aaron@example.com",
            "avatar_url": "https://app.box.com/api/avatar/large/11446498",
        },
        pkce=False,
        profile_error=((401, b""), "profile_refused"),
        profile={
            "subject": "11446498",
            "name": "Aaron Levie",
            "email": "aaron@example.com",
            "picture": "https://app.box.com/api/avatar/large/11446498",
        },
    ),
    "zoom": Case(
        token_request=("form", FORM),
        token_header=BASIC,
        userinfo={
            "id": "zJKyaiAyTNC-MWjiWC18KQ",
            "display_name": "Jill Chill",
            "email": "jill@example.com",
            "verified": 1,
            "pic_url": "https://us01.zoom.us/p/zJKy",
        },
        profile_error=((401, {"code": 124, "message": "Invalid access token."}), "profile_refused"),
        profile={
            "subject": "zJKyaiAyTNC-MWjiWC18KQ",
            "name": "Jill Chill",
            "email": "jill@example.com",
            "picture": "https://us01.zoom.us/p/zJKy",
        },
    ),
    "strava": Case(
        authorize={"scope": "read"},
        token={**BEARER, "expires_at": 1568775134, "refresh_token": "r", "athlete": {"id": 227615}},
        userinfo={
            "id": 227615,
            "username": "marianne_t",
            "firstname": "Marianne",
            "lastname": "T.",
            "profile": "https://dgalywyr863hv.cloudfront.net/pictures/athletes/227615/large.jpg",
        },
        pkce=False,
        error=(
            (400, {"message": "Bad Request", "errors": [{"field": "code", "code": "invalid"}]}),
            "code_rejected",
        ),
        profile_error=((401, {"message": "Authorization Error", "errors": [{}]}), "profile_refused"),
        profile={
            "subject": "227615",
            "preferred_username": "marianne_t",
            "name": "Marianne T.",
            "picture": "https://dgalywyr863hv.cloudfront.net/pictures/athletes/227615/large.jpg",
            "profile": "https://www.strava.com/athletes/227615",
        },
    ),
    "stackexchange": Case(
        token={"access_token": TOKEN, "expires": 86400},
        userinfo={
            "items": [
                {
                    "account_id": 1138,
                    "user_id": 1,
                    "display_name": "Example User",
                    "profile_image": "https://www.gravatar.com/avatar/a?d=identicon",
                    "link": "https://stackoverflow.com/users/1/example-user",
                }
            ],
            "has_more": False,
            "quota_max": 10000,
        },
        userinfo_request=f"GET /userinfo?site=stackoverflow&access_token={TOKEN}",
        userinfo_header=None,
        pkce=False,
        error=(
            (400, {"error": {"type": "invalid_request", "message": "code is invalid"}}),
            "token_answer_invalid",
        ),
        profile_error=(
            (400, {"error_id": 502, "error_message": "too many requests"}),
            "provider_rate_limited",
        ),
        profile={
            "subject": "1138",
            "name": "Example User",
            "picture": "https://www.gravatar.com/avatar/a?d=identicon",
            "profile": "https://stackoverflow.com/users/1/example-user",
        },
    ),
    "patreon": Case(
        authorize={"scope": "identity identity[email]"},
        userinfo={
            "data": {
                "id": "12345689",
                "type": "user",
                "attributes": {
                    "email": "pat@example.com",
                    "is_email_verified": True,
                    "full_name": "Platform Team",
                    "vanity": "platform",
                    "image_url": "https://c10.patreonusercontent.com/4/a",
                },
            }
        },
        userinfo_request=(
            "GET /userinfo?fields%5Buser%5D=email%2Cfull_name%2Cimage_url%2Cvanity%2Cis_email_verified"
        ),
        pkce=False,
        profile_error=((401, {"errors": [{"code": 1, "status": "401"}]}), "profile_refused"),
        profile={
            "subject": "12345689",
            "preferred_username": "platform",
            "name": "Platform Team",
            "email": "pat@example.com",
            "email_verified": True,
            "picture": "https://c10.patreonusercontent.com/4/a",
        },
    ),
    "mediawiki": Case(
        userinfo={
            "sub": 4711,
            "username": "Example",
            "realname": "",
            "email": "wiki@example.com",
            "confirmed_email": True,
            "blocked": False,
        },
        profile={
            "subject": "4711",
            "preferred_username": "Example",
            "name": "Example",
            "email": "wiki@example.com",
            "email_verified": True,
            "profile": "https://meta.wikimedia.org/wiki/User:Example",
        },
    ),
    "openstreetmap": Case(
        authorize={"scope": "read_prefs"},
        userinfo={
            "version": "0.6",
            "user": {
                "id": 1234,
                "display_name": "Max Muster",
                "img": {"href": "https://www.openstreetmap.org/attachments/users/images/1/a.jpg"},
            },
        },
        profile={
            "subject": "1234",
            "preferred_username": "Max Muster",
            "name": "Max Muster",
            "picture": "https://www.openstreetmap.org/attachments/users/images/1/a.jpg",
            "profile": "https://www.openstreetmap.org/user/Max%20Muster",
        },
    ),
    "tiktok": Case(
        authorize={"client_key": "the-client", "scope": "user.info.basic"},
        token_request=(
            "form",
            {**FORM, "client_key": "the-client", "client_secret": "the-secret"},
        ),
        token={**BEARER, "token_type": "Bearer", "open_id": "723f24d7", "scope": "user.info.basic"},
        userinfo={
            "data": {
                "user": {
                    "open_id": "723f24d7-e717-40f8-a2b6-cb8464cd23b4",
                    "union_id": "c9c60f44-a68e-4f5d-84dd-ce22faeb0ba1",
                    "avatar_url": "https://p19-sign.tiktokcdn-us.com/tos-avt-0068/a.jpeg",
                    "display_name": "Tik Toker",
                }
            },
            "error": {"code": "ok", "message": "", "log_id": "2022"},
        },
        userinfo_request="GET /userinfo?fields=open_id%2Cunion_id%2Cavatar_url%2Cdisplay_name",
        pkce=False,
        profile_error=(
            (401, {"error": {"code": "access_token_invalid", "message": "The token is invalid"}}),
            "profile_refused",
        ),
        profile={
            "subject": "723f24d7-e717-40f8-a2b6-cb8464cd23b4",
            "name": "Tik Toker",
            "picture": "https://p19-sign.tiktokcdn-us.com/tos-avt-0068/a.jpeg",
        },
    ),
    "amazon": Case(
        authorize={"scope": "profile"},
        userinfo={
            "user_id": "amzn1.account.K2LI23KL2LK2",
            "email": "mhashimoto@example.com",
            "name": "Mork Hashimoto",
        },
        profile={
            "subject": "amzn1.account.K2LI23KL2LK2",
            "name": "Mork Hashimoto",
            "email": "mhashimoto@example.com",
        },
    ),
    "linear": Case(
        authorize={"scope": "read"},
        userinfo={
            "data": {
                "viewer": {
                    "id": "f0c2a6f7-8c1c-4a84-ad18-8f3b0b1d5e1a",
                    "name": "Lin",
                    "email": "lin@example.com",
                    "avatarUrl": "https://public.linear.app/a.png",
                }
            }
        },
        userinfo_request="POST /userinfo",
        userinfo_body='{"query": "{ viewer { id name email avatarUrl } }"}',
        profile_error=({"errors": [{"message": "Authentication required"}]}, "profile_refused"),
        profile={
            "subject": "f0c2a6f7-8c1c-4a84-ad18-8f3b0b1d5e1a",
            "name": "Lin",
            "email": "lin@example.com",
            "picture": "https://public.linear.app/a.png",
        },
    ),
}
