"""What each provider says about somebody, as its documentation shows it, and what is made of that.

Names and addresses are made up. ``claims`` are the ID Token's beside those of the protocol, ``userinfo`` is
what has to be asked for, ``shown`` is the linked account. What the provider leaves out is left out here.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.oauth_login.oidc.fake_openid import EC_KEY

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@dataclass(frozen=True)
class Case:
    """One preset: what the site has to add to its settings, what the provider says, and what is shown."""

    claims: dict[str, Any]
    shown: dict[str, Any]
    userinfo: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    by_form: bool = False


JANE = {"name": "Jane Doe", "email": "jane@example.com", "email_verified": True}

CASES = {
    "google": Case(
        {
            **JANE,
            "sub": "10769150350006150715113082367",
            "azp": "client-of-the-tests",
            "hd": "example.com",
            "given_name": "Jane",
            "family_name": "Doe",
            "picture": "https://lh3.googleusercontent.com/a/jane=s96-c",
        },
        {**JANE, "username": "", "picture": "https://lh3.googleusercontent.com/a/jane=s96-c"},
    ),
    "microsoft": Case(
        {
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81",
            "tid": TENANT,
            "ver": "2.0",
            "name": "Jane Doe",
            "preferred_username": "jane@example.com",
            "email": "jane@example.com",
        },
        {
            "name": "Jane Doe",
            "username": "jane@example.com",
            "email": "jane@example.com",
            "email_verified": False,
        },
    ),
    "apple": Case(
        {
            "sub": "001473.fe6f83bf4b8e4590aacbabdcb8598bd0.2039",
            "email": "jane@privaterelay.appleid.com",
            "email_verified": "true",
            "is_private_email": "true",
            "nonce_supported": True,
            "auth_time": 1_790_000_000,
        },
        {"name": "", "email": "jane@privaterelay.appleid.com", "email_verified": False},
        settings={"TEAM_ID": "TEAM", "KEY_ID": "KEY", "CLIENT_KEY": EC_KEY.pem},
        by_form=True,
    ),
    "gitlab": Case(
        {
            **JANE,
            "sub": "1234",
            "nickname": "jane",
            "preferred_username": "jane",
            "profile": "https://gitlab.com/jane",
            "picture": "https://secure.gravatar.com/avatar/jane",
            "groups_direct": ["acme"],
        },
        {**JANE, "username": "jane", "profile_url": "https://gitlab.com/jane"},
        settings={"VERIFIES_EMAIL": True},  # as it is by itself of gitlab.com
    ),
    "gitea": Case(
        {
            "sub": "7",
            "name": "Jane Doe",
            "preferred_username": "jane",
            "email": "jane@example.com",
            "groups": [],
        },
        {"name": "Jane Doe", "username": "jane", "email": "jane@example.com", "email_verified": False},
    ),
    "codeberg": Case(
        {
            "sub": "7",
            "name": "Jane Doe",
            "preferred_username": "jane",
            "email": "jane@example.com",
            "groups": [],
        },
        {"name": "Jane Doe", "username": "jane", "email": "jane@example.com", "email_verified": False},
    ),
    "keycloak": Case(
        {
            **JANE,
            "sub": "f:1:jane",
            "preferred_username": "jane",
            "typ": "ID",
            "session_state": "x",
            "acr": "1",
        },
        {**JANE, "username": "jane"},
    ),
    "auth0": Case(
        {
            **JANE,
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "nickname": "jane",
            "picture": "https://s.gravatar.com/avatar/jane",
            "updated_at": "2026-11-01T00:00:00Z",
        },
        {**JANE, "username": "jane", "picture": "https://s.gravatar.com/avatar/jane"},
    ),
    "okta": Case(
        {
            "sub": "00uid4BxXw6I6TV4m0g3",
            "ver": 1,
            "amr": ["pwd"],
            "idp": "00o1",
            "preferred_username": "jane",
        },
        {**JANE, "username": "jane"},
        userinfo={**JANE, "zoneinfo": "Europe/Paris", "preferred_username": "jane"},
    ),
    "authentik": Case(
        {
            "sub": "5f7c8ec7",
            "name": "Jane Doe",
            "preferred_username": "jane",
            "email": "jane@example.com",
            "email_verified": False,
            "groups": ["acme"],
        },
        {"name": "Jane Doe", "username": "jane", "email": "jane@example.com", "email_verified": False},
    ),
    "zitadel": Case(
        {
            "sub": "163840776835432705",
            "aud": ["client-of-the-tests", "project"],
            "azp": "client-of-the-tests",
        },
        {**JANE, "username": "jane@acme.zitadel.cloud"},
        userinfo={**JANE, "preferred_username": "jane@acme.zitadel.cloud"},
        settings={"AUDIENCES": ["project"]},
    ),
    "cognito": Case(
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:username": "jane",
            "token_use": "id",
            **JANE,
        },
        {**JANE, "username": ""},
    ),
    "slack": Case(
        {
            **JANE,
            "sub": "U123ABC456",
            "https://slack.com/user_id": "U123ABC456",
            "https://slack.com/team_id": "T123ABC456",
            "picture": "https://avatars.slack-edge.com/jane.png",
        },
        {**JANE, "picture": "https://avatars.slack-edge.com/jane.png"},
    ),
    "yahoo": Case(
        {"sub": "FSVIDUW3D7FSVIDUW3D72F2F", "auth_time": 1_790_000_000},
        {**JANE, "username": "jane", "picture": "https://s.yimg.com/jane.png"},
        userinfo={**JANE, "nickname": "jane", "picture": "https://s.yimg.com/jane.png"},
    ),
    "salesforce": Case(
        {"sub": "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P"},
        {**JANE, "username": "jane@acme.example"},
        userinfo={**JANE, "user_id": "005x00000012Q9P", "preferred_username": "jane@acme.example"},
    ),
    "huggingface": Case(
        {
            **JANE,
            "sub": "62f264b9f3c90f4b6514a269",
            "preferred_username": "jane",
            "profile": "https://huggingface.co/jane",
            "picture": "https://cdn-avatars.huggingface.co/jane.png",
        },
        {**JANE, "username": "jane", "profile_url": "https://huggingface.co/jane"},
    ),
    "telegram": Case(
        {"sub": "1234567890", "id": 1234567890, "name": "Jane Doe", "preferred_username": "jane"},
        {"name": "Jane Doe", "username": "jane", "email": "", "email_verified": False},
    ),
    "kakao": Case(
        {
            "sub": "166959",
            "nickname": "Jane",
            "picture": "https://k.kakaocdn.net/jane.jpg",
            "email": "jane@example.com",
        },
        {"username": "Jane", "picture": "https://k.kakaocdn.net/jane.jpg", "email_verified": False},
    ),
    "vercel": Case(
        {**JANE, "sub": "345e869043f1a55f8bf6f1b1", "preferred_username": "jane"},
        {**JANE, "username": "jane"},
    ),
    "orcid": Case(
        {"sub": "0000-0002-1825-0097", "given_name": "Jane", "family_name": "Doe", "at_hash": ...},
        {"name": "Jane Doe", "username": "", "email": "", "email_verified": False},
    ),
    "linkedin": Case(
        {
            **JANE,
            "nonce": ...,
            "sub": "782bbtaQ",
            "picture": "https://media.licdn.com/jane.jpg",
            "locale": "en-US",
        },
        {**JANE, "picture": "https://media.licdn.com/jane.jpg"},
    ),
    "twitch": Case(
        {
            "sub": "713936733",
            "preferred_username": "jane",
            "email": "jane@example.com",
            "email_verified": True,
            "picture": "https://static-cdn.jtvnw.net/jane.png",
        },
        {"username": "jane", "email": "jane@example.com", "email_verified": True},
    ),
    "line": Case(
        {
            "sub": "U1234567890abcdef1234567890abcdef",
            "amr": ["pwd"],
            "name": "Jane Doe",
            "picture": "https://profile.line-scdn.net/jane",
            "email": "jane@example.com",
        },
        {"name": "Jane Doe", "picture": "https://profile.line-scdn.net/jane", "email_verified": False},
    ),
}
