"""The presets that need an issuer and little else, in the words of the settings.

``ISSUER`` finds the rest. ``{BASE_URL}`` stands for where a server of one's own is; ``{tenantid}`` for the
tenant. Where a preset has no ``ISSUER``, each customer has one of their own, and the site says which. A few
keys are facts about a provider and no settings: ``REPEATS_NONCE``, ``SIGNS_SECRET``, ``GRANT_URL``,
``REFRESHES``, and ``{BASE_URL}`` among the hosts of pictures.
"""

from collections.abc import Mapping
from typing import Any, Final

_ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    # https://developers.google.com/identity/openid-connect/openid-connect
    "google": {
        "LABEL": "Google",
        "ISSUER": "https://accounts.google.com",
        "PICTURE_HOSTS": [".googleusercontent.com"],
        "GRANT_URL": "https://myaccount.google.com/connections",
    },
    # https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
    # An address there proves nothing: whoever runs a tenant writes it.
    "microsoft": {
        "LABEL": "Microsoft",
        "VERIFIES_EMAIL": False,
        "ISSUER": "https://login.microsoftonline.com/{tenantid}/v2.0",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "PICTURE_HOSTS": [],
    },
    # https://developer.apple.com/documentation/signinwithapple
    # Asked for an address, it answers by a form. email_verified may be a string: that is not true. A name is
    # not asked for: it would be in that form beside the token, unsigned, and be whatever the browser says.
    "apple": {
        "LABEL": "Apple",
        "ISSUER": "https://appleid.apple.com",
        "SCOPE": "openid email",
        "RESPONSE_MODE": "form_post",
        "SIGNS_SECRET": True,
        "PICTURE_HOSTS": [],
    },
    # https://docs.gitlab.com/integration/openid_connect_provider/. Each server has a setting whether it
    # confirms addresses: https://docs.gitlab.com/security/user_email_confirmation/
    "gitlab": {
        "LABEL": "GitLab",
        "BASE_URL": "https://gitlab.com",
        "ISSUER": "{BASE_URL}",
        "PICTURE_HOSTS": ["{BASE_URL}", "secure.gravatar.com"],
        "VERIFIES_EMAIL_AT": "https://gitlab.com",
    },
    # https://docs.gitea.com/development/oauth2-provider; Forgejo is the same. It calls the address of whoever
    # is active verified, and without REGISTER_EMAIL_CONFIRM everybody is: whatever was typed would be.
    "gitea": {
        "LABEL": "Gitea",
        "BASE_URL": "https://gitea.com",
        "ISSUER": "{BASE_URL}/",
        "VERIFIES_EMAIL": False,
    },
    "codeberg": {
        "LABEL": "Codeberg",
        "BASE_URL": "https://codeberg.org",
        "ISSUER": "{BASE_URL}/",
        "VERIFIES_EMAIL": False,
    },
    # Servers of which everybody has their own: ISSUER is the site's to say.
    "keycloak": {"LABEL": "Keycloak"},
    "auth0": {"LABEL": "Auth0", "PICTURE_HOSTS": ["s.gravatar.com", "cdn.auth0.com"]},
    "okta": {"LABEL": "Okta"},
    # It verifies no address itself; a mapping of its owner's may say who else does:
    # https://docs.goauthentik.io/add-secure-apps/providers/oauth2/verify-email-address/
    "authentik": {"LABEL": "authentik", "VERIFIES_EMAIL": False},
    "zitadel": {"LABEL": "ZITADEL"},
    "cognito": {"LABEL": "Amazon Cognito"},
    # https://docs.slack.dev/authentication/sign-in-with-slack
    "slack": {
        "LABEL": "Slack",
        "ISSUER": "https://slack.com",
        "REFRESHES": False,
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "PICTURE_HOSTS": ["avatars.slack-edge.com", "secure.gravatar.com"],
    },
    # https://developer.yahoo.com/sign-in-with-yahoo/; it signs with ES256 or RS256, as is registered
    "yahoo": {
        "LABEL": "Yahoo",
        "ISSUER": "https://api.login.yahoo.com",
        "ID_TOKEN_SIGNED_RESPONSE_ALG": "ES256",
        "PICTURE_HOSTS": ["s.yimg.com"],
    },
    # https://help.salesforce.com: "OpenID Connect"; BASE_URL is a My Domain or a sandbox
    "salesforce": {
        "LABEL": "Salesforce",
        "BASE_URL": "https://login.salesforce.com",
        "ISSUER": "{BASE_URL}",
        "PICTURE_HOSTS": [],
    },
    # https://huggingface.co/docs/hub/oauth
    "huggingface": {
        "LABEL": "Hugging Face",
        "ISSUER": "https://huggingface.co",
        "PICTURE_HOSTS": ["huggingface.co", "cdn-avatars.huggingface.co"],
    },
    # https://core.telegram.org/bots/telegram-login
    "telegram": {
        "LABEL": "Telegram",
        "ISSUER": "https://oauth.telegram.org",
        "SCOPE": "openid profile",
        "PICTURE_HOSTS": [".telegram.org", ".t.me"],
    },
    # https://developers.kakao.com/docs/latest/en/kakaologin/rest-api
    "kakao": {
        "LABEL": "Kakao",
        "ISSUER": "https://kauth.kakao.com",
        "SCOPE": "openid profile_nickname profile_image account_email",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "PICTURE_HOSTS": [".kakaocdn.net"],
    },
    # https://vercel.com/docs/sign-in-with-vercel
    "vercel": {"LABEL": "Vercel", "ISSUER": "https://vercel.com"},
    # https://info.orcid.org/documentation: it gives a name, and never an address
    "orcid": {
        "LABEL": "ORCID",
        "ISSUER": "https://orcid.org",
        "SCOPE": "openid",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
    },
    # https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2
    # It repeats no nonce, and knows PKCE only at an endpoint for programs that can keep no secret.
    "linkedin": {
        "LABEL": "LinkedIn",
        "ISSUER": "https://www.linkedin.com/oauth",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "REPEATS_NONCE": False,
        "PKCE": False,
        "PICTURE_HOSTS": ["media.licdn.com"],
    },
    # https://dev.twitch.tv/docs/authentication/getting-tokens-oidc: it gives the claims that are asked for
    "twitch": {
        "LABEL": "Twitch",
        "ISSUER": "https://id.twitch.tv/oauth2",
        "SCOPE": "openid user:read:email",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "AUTHORIZATION_PARAMS": {
            "claims": '{"id_token":{"email":null,"email_verified":null,'
            '"picture":null,"preferred_username":null}}'
        },
        "PICTURE_HOSTS": ["static-cdn.jtvnw.net"],
    },
    # https://developers.line.biz/en/docs/line-login/verify-id-token: signed with the channel secret
    "line": {
        "LABEL": "LINE",
        "VERIFIES_EMAIL": False,
        "ISSUER": "https://access.line.me",
        "ID_TOKEN_SIGNED_RESPONSE_ALG": "HS256",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_post",
        "PICTURE_HOSTS": ["profile.line-scdn.net", "sprofile.line-scdn.net"],
    },
}
#: Who is documented to ask anew when told to (``prompt=login``), and to say when that was (``auth_time``).
#: All have to (Core §3.1.2.1); many do one of the two, or neither. So no other is believed to by default.
ASKING_ANEW: Final = frozenset({"keycloak", "auth0", "okta", "authentik", "zitadel"})
ROWS: Final = {name: {"REAUTHENTICATES": name in ASKING_ANEW, **row} for name, row in _ROWS.items()}
