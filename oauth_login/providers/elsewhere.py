"""The presets of OAuth 2.0 providers elsewhere, in the words of ``definition.py``. Facts: the pages named."""

from collections.abc import Mapping
from typing import Any, Final

BASIC: Final = "client_secret_basic"
GRAPH: Final = "https://graph.facebook.com/v24.0"

# A row is read across: what belongs together is on one line.
# fmt: off
ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    # https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
    # 190: the access token is none any more.
    "facebook": {
        "LABEL": "Facebook", "REGISTRATION": "https://developers.facebook.com/apps/", "REFRESHES": False,
        "AUTHORIZATION_ENDPOINT": "https://www.facebook.com/v24.0/dialog/oauth", "REFRESH_REJECTED": (190,),
        "SCOPE": "public_profile email", "SCOPE_SEPARATOR": ",", "PKCE": False, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": f"{GRAPH}/oauth/access_token", "ERRORS": {"error.code": None, "error": None},
        "REVOCATION_ENDPOINT": f"{GRAPH}/me/permissions", "REVOCATION_REQUEST": "delete",
        "USERINFO_ENDPOINT": f"{GRAPH}/me", "USERINFO_PARAMS": {"fields": "id,name,email,picture"},
        "ERROR_CODES": {100: "code_rejected", 2: "provider_unavailable", 4: "provider_rate_limited"},
        "CLAIMS": {"sub": "id", "name": "name", "email": "email", "picture": "picture.data.url"},
        "PICTURE_HOSTS": ["platform-lookaside.fbsbx.com", ".fbcdn.net"],
    },
    # https://discord.com/developers/docs/topics/oauth2
    "discord": {
        "LABEL": "Discord", "REGISTRATION": "https://discord.com/developers/applications",
        "ISSUER": "https://discord.com", "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED": True,
        "AUTHORIZATION_ENDPOINT": "https://discord.com/oauth2/authorize",
        "SCOPE": "identify email", "SUBJECT_TYPE": "str", "PICTURE_HOSTS": ["cdn.discordapp.com"],
        "TOKEN_ENDPOINT": "https://discord.com/api/oauth2/token",
        "REVOCATION_ENDPOINT": "https://discord.com/api/oauth2/token/revoke",
        "USERINFO_ENDPOINT": "https://discord.com/api/users/@me",
        "CLAIMS": {"sub": "id", "preferred_username": "username", "name": ["global_name", "username"],
                   "email": "email", "email_verified": "verified",
                   "picture": "https://cdn.discordapp.com/avatars/{id}/{avatar}.png"},
    },
    # https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
    "twitter": {
        "LABEL": "X", "REGISTRATION": "https://developer.x.com/en/portal/dashboard",
        "AUTHORIZATION_ENDPOINT": "https://x.com/i/oauth2/authorize",
        "SCOPE": "users.read tweet.read", "SUBJECT_TYPE": "str", "PICTURE_HOSTS": ["pbs.twimg.com"],
        "TOKEN_ENDPOINT": "https://api.x.com/2/oauth2/token", "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "REVOCATION_ENDPOINT": "https://api.x.com/2/oauth2/revoke",
        "USERINFO_ENDPOINT": "https://api.x.com/2/users/me", "USERINFO_ROOT": "data",
        "USERINFO_PARAMS": {"user.fields": "profile_image_url"},
        "CLAIMS": {"sub": "id", "preferred_username": "username", "name": "name",
                   "email": "confirmed_email", "email_verified": True, "picture": "profile_image_url",
                   "profile": "https://x.com/{username}"},
    },
    # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/
    "bitbucket": {
        "LABEL": "Bitbucket", "REGISTRATION": "https://bitbucket.org/account/workspaces/",
        "AUTHORIZATION_ENDPOINT": "https://bitbucket.org/site/oauth2/authorize",
        "SCOPE": "account email", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://bitbucket.org/site/oauth2/access_token",
        "USERINFO_ENDPOINT": "https://api.bitbucket.org/2.0/user",
        "EMAILS_ENDPOINT": "https://api.bitbucket.org/2.0/user/emails", "EMAILS_ROOT": "values",
        "EMAILS_WHERE": {"is_primary": True, "is_confirmed": True},
        "CLAIMS": {"sub": "uuid", "preferred_username": "nickname", "name": "display_name",
                   "picture": "links.avatar.href", "profile": "links.html.href"},
        "PICTURE_HOSTS": ["bitbucket.org", "secure.gravatar.com", ".atl-paas.net"],
    },
    # https://yandex.com/dev/id/doc/en/user-information
    "yandex": {
        "LABEL": "Yandex", "REGISTRATION": "https://oauth.yandex.com/",
        "AUTHORIZATION_ENDPOINT": "https://oauth.yandex.com/authorize",
        "SCOPE": "login:info login:email login:avatar", "SUBJECT_TYPE": "str", "USERINFO_TOKEN": "OAuth",
        "TOKEN_ENDPOINT": "https://oauth.yandex.com/token", "USERINFO_PARAMS": {"format": "json"},
        "REVOCATION_ENDPOINT": "https://oauth.yandex.com/revoke_token",
        "USERINFO_ENDPOINT": "https://login.yandex.ru/info", "PICTURE_HOSTS": ["avatars.yandex.net"],
        "CLAIMS": {"sub": "id", "preferred_username": "login", "name": "display_name",
                   "email": "default_email",
                   "picture": "https://avatars.yandex.net/get-yapic/{+default_avatar_id}/islands-200"},
    },
    # https://id.vk.com/about/business/go/docs: no secret, but PKCE and the callback's device_id.
    "vk": {
        "LABEL": "VK", "REGISTRATION": "https://id.vk.com/about/business/go",
        "AUTHORIZATION_ENDPOINT": "https://id.vk.ru/authorize", "PICTURE_HOSTS": [".userapi.com"],
        "CALLBACK_PARAMS": ["device_id", "state"], "SCOPE": "vkid.personal_info email", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://id.vk.ru/oauth2/auth", "TOKEN_ENDPOINT_AUTH_METHOD": "none",
        "USERINFO_ENDPOINT": "https://id.vk.ru/oauth2/user_info", "USERINFO_REQUEST": "form",
        "USERINFO_TOKEN": "form:access_token", "USERINFO_PARAMS": {"client_id": "{client_id}"},
        "USERINFO_ROOT": "user",
        "CLAIMS": {"sub": "user_id", "name": ["{first_name} {last_name}", "first_name"], "email": "email",
                   "picture": "avatar"},
    },
    # https://developers.naver.com/docs/login/api/api.md
    "naver": {
        "LABEL": "NAVER", "REGISTRATION": "https://developers.naver.com/apps/",
        "AUTHORIZATION_ENDPOINT": "https://nid.naver.com/oauth2.0/authorize",
        "PKCE": False, "SUBJECT_TYPE": "str", "PICTURE_HOSTS": [".pstatic.net"],
        "TOKEN_ENDPOINT": "https://nid.naver.com/oauth2.0/token",
        "USERINFO_ENDPOINT": "https://openapi.naver.com/v1/nid/me", "USERINFO_ROOT": "response",
        "ERRORS": {"error": None, "resultcode": "00"},
        "CLAIMS": {"sub": "id", "name": ["name", "nickname"], "email": "email", "picture": "profile_image"},
    },
    # https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
    "spotify": {
        "LABEL": "Spotify", "REGISTRATION": "https://developer.spotify.com/dashboard",
        "AUTHORIZATION_ENDPOINT": "https://accounts.spotify.com/authorize",
        "SCOPE": "user-read-email", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://accounts.spotify.com/api/token", "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "USERINFO_ENDPOINT": "https://api.spotify.com/v1/me",
        "CLAIMS": {"sub": "account_id", "name": "display_name", "email": "email", "picture": "images.0.url",
                   "profile": "external_urls.spotify"},
        "PICTURE_HOSTS": ["i.scdn.co"],
    },
    # https://github.com/reddit-archive/reddit/wiki/OAuth2
    "reddit": {
        "LABEL": "Reddit", "REGISTRATION": "https://www.reddit.com/prefs/apps",
        "AUTHORIZATION_ENDPOINT": "https://www.reddit.com/api/v1/authorize",
        "SCOPE": "identity", "PKCE": False, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://www.reddit.com/api/v1/access_token", "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "REVOCATION_ENDPOINT": "https://www.reddit.com/api/v1/revoke_token",
        "USERINFO_ENDPOINT": "https://oauth.reddit.com/api/v1/me",
        "CLAIMS": {"sub": "id", "preferred_username": "name", "name": "name",
                   "profile": "https://www.reddit.com/user/{name}"},
    },
    # https://developers.notion.com/docs/authorization: who it is stands in the token answer.
    "notion": {
        "LABEL": "Notion", "REGISTRATION": "https://www.notion.so/my-integrations",
        "AUTHORIZATION_ENDPOINT": "https://api.notion.com/v1/oauth/authorize",
        "AUTHORIZATION_PARAMS": {"owner": "user"}, "PKCE": False, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.notion.com/v1/oauth/token", "TOKEN_REQUEST": "json",
        "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "CLAIMS": {"sub": "token.owner.user.id", "name": "token.owner.user.name",
                   "email": "token.owner.user.person.email", "picture": "token.owner.user.avatar_url"},
        "PICTURE_HOSTS": ["lh3.googleusercontent.com"],
    },
    # https://developers.figma.com/docs/rest-api/authentication/
    "figma": {
        "LABEL": "Figma", "REGISTRATION": "https://www.figma.com/developers/apps",
        "AUTHORIZATION_ENDPOINT": "https://www.figma.com/oauth",
        "SCOPE": "current_user:read", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.figma.com/v1/oauth/token", "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "USERINFO_ENDPOINT": "https://api.figma.com/v1/me",
        "CLAIMS": {"sub": "id", "name": "handle", "email": "email", "picture": "img_url"},
        "PICTURE_HOSTS": ["s3-alpha.figma.com", "www.gravatar.com"],
    },
    # https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/
    "atlassian": {
        "LABEL": "Atlassian", "REGISTRATION": "https://developer.atlassian.com/console/myapps/",
        "AUTHORIZATION_ENDPOINT": "https://auth.atlassian.com/authorize",
        "AUTHORIZATION_PARAMS": {"audience": "api.atlassian.com", "prompt": "consent"},
        "SCOPE": "read:me", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://auth.atlassian.com/oauth/token",
        "USERINFO_ENDPOINT": "https://api.atlassian.com/me",
        "CLAIMS": {"sub": "account_id", "preferred_username": "nickname", "name": "name", "email": "email",
                   "email_verified": "email_verified", "picture": "picture"},
        "PICTURE_HOSTS": ["secure.gravatar.com", ".atl-paas.net"],
    },
    # https://www.dropbox.com/developers/documentation/http/documentation#users-get_current_account
    "dropbox": {
        "LABEL": "Dropbox", "REGISTRATION": "https://www.dropbox.com/developers/apps",
        "AUTHORIZATION_ENDPOINT": "https://www.dropbox.com/oauth2/authorize",
        "SCOPE": "account_info.read", "SUBJECT_TYPE": "str", "USERINFO_REQUEST": "form",
        "TOKEN_ENDPOINT": "https://api.dropboxapi.com/oauth2/token",
        "USERINFO_ENDPOINT": "https://api.dropboxapi.com/2/users/get_current_account",
        "CLAIMS": {"sub": "account_id", "name": "name.display_name", "email": "email",
                   "email_verified": "email_verified", "picture": "profile_photo_url"},
        "PICTURE_HOSTS": ["dl-web.dropbox.com"],
    },
    # https://developer.box.com/reference/get-users-me/
    "box": {
        "LABEL": "Box", "REGISTRATION": "https://app.box.com/developers/console",
        "AUTHORIZATION_ENDPOINT": "https://account.box.com/api/oauth2/authorize",
        "PKCE": False, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.box.com/oauth2/token",
        "REVOCATION_ENDPOINT": "https://api.box.com/oauth2/revoke",
        "USERINFO_ENDPOINT": "https://api.box.com/2.0/users/me",
        "CLAIMS": {"sub": "id", "name": "name", "email": "login", "picture": "avatar_url"},
        "PICTURE_HOSTS": [".box.com"],
    },
    # https://developers.zoom.us/docs/api/users/#tag/users/GET/users/{userId}
    "zoom": {
        "LABEL": "Zoom", "REGISTRATION": "https://marketplace.zoom.us/develop/create",
        "AUTHORIZATION_ENDPOINT": "https://zoom.us/oauth/authorize",
        "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://zoom.us/oauth/token", "TOKEN_ENDPOINT_AUTH_METHOD": BASIC,
        "REVOCATION_ENDPOINT": "https://zoom.us/oauth/revoke",
        "USERINFO_ENDPOINT": "https://api.zoom.us/v2/users/me",
        "CLAIMS": {"sub": "id", "name": "display_name", "email": "email", "picture": "pic_url"},
        "PICTURE_HOSTS": ["zoom.us", ".zoom.us"],
    },
    # https://developers.strava.com/docs/authentication/: it names the field of a request that is wrong.
    "strava": {
        "LABEL": "Strava", "REGISTRATION": "https://www.strava.com/settings/api", "SCOPE": "read",
        "AUTHORIZATION_ENDPOINT": "https://www.strava.com/oauth/authorize", "PKCE": False,
        "TOKEN_ENDPOINT": "https://www.strava.com/oauth/token", "SCOPE_SEPARATOR": ",", "SUBJECT_TYPE": "int",
        "USERINFO_ENDPOINT": "https://www.strava.com/api/v3/athlete", "REVOCATION_REQUEST": "bearer",
        "ERRORS": {"errors.0.field": None, "errors": None}, "REFRESH_REJECTED": ("refresh_token",),
        "ERROR_CODES": {"client_id": "provider_misconfigured", "client_secret": "provider_misconfigured",
                        "code": "code_rejected"}, "PICTURE_HOSTS": ["dgalywyr863hv.cloudfront.net"],
        "CLAIMS": {"sub": "id", "name": ["{firstname} {lastname}", "firstname"], "picture": "profile",
                   "preferred_username": "username", "profile": "https://www.strava.com/athletes/{id}"},
        "REVOCATION_ENDPOINT": "https://www.strava.com/oauth/deauthorize",
    },
    # https://api.stackexchange.com/docs/authentication, /docs/compression: whatever is asked for.
    "stackexchange": {
        "LABEL": "Stack Exchange", "REGISTRATION": "https://stackapps.com/apps/oauth", "SUBJECT_TYPE": "int",
        "AUTHORIZATION_ENDPOINT": "https://stackoverflow.com/oauth", "SCOPE_SEPARATOR": ",", "PKCE": False,
        "TOKEN_ENDPOINT": "https://stackoverflow.com/oauth/access_token/json", "TOKEN_TYPE_OPTIONAL": True,
        "USERINFO_TOKEN": "query:access_token", "USERINFO_ENDPOINT": "https://api.stackexchange.com/2.3/me",
        "USERINFO_ROOT": "items.0", "USERINFO_ENCODING": "gzip", "TOKEN_NAMES": {"expires_in": "expires"},
        "USERINFO_PARAMS": {"site": "stackoverflow", "key": ""}, "ERRORS": {"error": None, "error_id": None},
        "ERROR_CODES": {502: "provider_rate_limited", 503: "provider_unavailable"},
        "CLAIMS": {"sub": "account_id", "name": "display_name", "profile": "link",
                   "picture": "profile_image"}, "PICTURE_HOSTS": ["i.sstatic.net", "www.gravatar.com"],
    },
    # https://docs.patreon.com/#get-api-oauth2-v2-identity
    "patreon": {
        "LABEL": "Patreon", "REGISTRATION": "https://www.patreon.com/portal/registration/register-clients",
        "AUTHORIZATION_ENDPOINT": "https://www.patreon.com/oauth2/authorize",
        "SCOPE": "identity identity[email]", "PKCE": False, "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://www.patreon.com/api/oauth2/token",
        "USERINFO_ENDPOINT": "https://www.patreon.com/api/oauth2/v2/identity", "USERINFO_ROOT": "data",
        "USERINFO_PARAMS": {"fields[user]": "email,full_name,image_url,vanity,is_email_verified"},
        "ERRORS": {"error": None, "errors": None}, "PICTURE_HOSTS": [".patreonusercontent.com"],
        "CLAIMS": {"sub": "id", "preferred_username": "attributes.vanity", "name": "attributes.full_name",
                   "email": "attributes.email", "email_verified": "attributes.is_email_verified",
                   "picture": "attributes.image_url"},
    },
    # https://www.mediawiki.org/wiki/OAuth/For_Developers
    "mediawiki": {
        "LABEL": "Wikimedia",
        "REGISTRATION": "https://meta.wikimedia.org/wiki/Special:OAuthConsumerRegistration",
        "AUTHORIZATION_ENDPOINT": "https://meta.wikimedia.org/w/rest.php/oauth2/authorize",
        "TOKEN_ENDPOINT": "https://meta.wikimedia.org/w/rest.php/oauth2/access_token",
        "USERINFO_ENDPOINT": "https://meta.wikimedia.org/w/rest.php/oauth2/resource/profile",
        "CLAIMS": {"sub": "sub", "preferred_username": "username", "name": ["realname", "username"],
                   "email": "email", "email_verified": "confirmed_email",
                   "profile": "https://meta.wikimedia.org/wiki/User:{username}"},
    },
    # https://wiki.openstreetmap.org/wiki/OAuth
    "openstreetmap": {
        "LABEL": "OpenStreetMap", "REGISTRATION": "https://www.openstreetmap.org/oauth2/applications",
        "AUTHORIZATION_ENDPOINT": "https://www.openstreetmap.org/oauth2/authorize",
        "SCOPE": "read_prefs", "SUBJECT_TYPE": "int",
        "TOKEN_ENDPOINT": "https://www.openstreetmap.org/oauth2/token",
        "USERINFO_ENDPOINT": "https://api.openstreetmap.org/api/0.6/user/details.json",
        "USERINFO_ROOT": "user",
        "CLAIMS": {"sub": "id", "preferred_username": "display_name", "name": "display_name",
                   "picture": "img.href", "profile": "https://www.openstreetmap.org/user/{display_name}"},
        "PICTURE_HOSTS": ["www.openstreetmap.org", "www.gravatar.com"],
    },
    # https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html
    "amazon": {
        "LABEL": "Amazon",
        "REGISTRATION": "https://developer.amazon.com/loginwithamazon/console/site/lwa/overview.html",
        "AUTHORIZATION_ENDPOINT": "https://www.amazon.com/ap/oa",
        "SCOPE": "profile", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.amazon.com/auth/o2/token",
        "USERINFO_ENDPOINT": "https://api.amazon.com/user/profile",
        "CLAIMS": {"sub": "user_id", "name": "name", "email": "email"},
    },
    # https://linear.app/developers/oauth-2-0-authentication
    "linear": {
        "LABEL": "Linear", "REGISTRATION": "https://linear.app/settings/api",
        "AUTHORIZATION_ENDPOINT": "https://linear.app/oauth/authorize",
        "SCOPE": "read", "SCOPE_SEPARATOR": ",", "SUBJECT_TYPE": "str",
        "TOKEN_ENDPOINT": "https://api.linear.app/oauth/token",
        "REVOCATION_ENDPOINT": "https://api.linear.app/oauth/revoke",
        "USERINFO_ENDPOINT": "https://api.linear.app/graphql", "USERINFO_REQUEST": "json",
        "USERINFO_PARAMS": {"query": "{ viewer { id name email avatarUrl } }"},
        "USERINFO_ROOT": "data.viewer", "ERRORS": {"error": None, "errors": None},
        "CLAIMS": {"sub": "id", "name": "name", "email": "email", "picture": "avatarUrl"},
        "PICTURE_HOSTS": ["public.linear.app"],
    },
}
