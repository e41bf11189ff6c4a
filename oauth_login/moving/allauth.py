"""django-allauth: ``SocialAccount``, with the ``SocialToken`` of each and the ``SocialApp`` that it is of.

Names and ids: ``extract_uid`` of each of its providers, versions 0.40 to 65.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from django.db import models

from oauth_login.moving.found import Found, Kept, Library, Naming
from oauth_login.moving.tables import Row, Table, an_object, required

#: Where its ``uid`` is what our preset of that name signs in by.
ALIKE: Final = (
    *("amazon", "apple", "atlassian", "box", "dingtalk", "discord", "dropbox", "facebook", "feishu", "figma"),
    *("gitea", "github", "gitlab", "google", "kakao", "line", "mediawiki", "naver", "openstreetmap", "orcid"),
    *("patreon", "stackexchange", "strava", "tiktok", "twitch", "vk", "weibo", "weixin", "yahoo", "yandex"),
    "zoom",
)
#: What those call it in what is kept beside, where that is not ``id``.
KEYS: Final = {
    **dict.fromkeys(("apple", "mediawiki", "yahoo"), ("sub",)),
    **dict.fromkeys(("atlassian", "dropbox", "stackexchange"), ("account_id",)),
    **dict.fromkeys(("feishu", "tiktok"), ("open_id",)),
    "amazon": ("user_id",),
    "dingtalk": ("openId",),
    "google": ("sub", "id"),
    "line": ("userId", "sub"),
    "orcid": ("orcid-identifier.path",),
    "vk": ("user_id", "id"),
    "weibo": ("idstr", "id"),
    "weixin": ("openid",),
}


class AllAuth(Library):
    """The accounts of one database."""

    namings: ClassVar[Mapping[str, Naming]] = {
        **{name: Naming(name, keys=KEYS.get(name, ("id",))) for name in ALIKE},
        "twitter": Naming("twitter", has_bearer_tokens=False),
        "twitter_oauth2": Naming("twitter"),
        # What it made the uid of changes, or is longer than what signs in here.
        "bitbucket_oauth2": Naming("bitbucket", "uuid"),
        "notion": Naming("notion", "owner.user.id"),
        "reddit": Naming("reddit", "id"),
        "spotify": Naming("spotify", "account_id"),
        # The uid is another id than the sub, or whatever the site has chosen.
        **{name: Naming(name, "") for name in ("microsoft", "salesforce", "slack")},
        **dict.fromkeys(
            ("amazon_cognito", "auth0", "keycloak", "linkedin_oauth2", "okta", "openid_connect"),
            Naming("", ""),
        ),
    }

    def __init__(self, database: str, subject_field: str = "") -> None:
        def table(name: str, **fields: Any) -> Table:
            return Table(f"socialaccount_{name}", database, fields)

        self._accounts = required(
            table(
                "socialaccount",
                user_id=models.TextField(),
                provider=models.TextField(),
                uid=models.TextField(),
                extra_data=models.JSONField(),
                date_joined=models.DateTimeField(),
            ),
            "django-allauth",
        )
        self._tokens = table(
            "socialtoken",
            account_id=models.BigIntegerField(),
            app_id=models.BigIntegerField(),
            token=models.TextField(),
            token_secret=models.TextField(),
            expires_at=models.DateTimeField(),
        )
        apps = table("socialapp", client_id=models.TextField())
        self._clients = {row["id"]: row["client_id"] for row in apps.where()} if apps.is_there else {}

    def count(self) -> int:
        """Return how many accounts there are."""
        return self._accounts.count()

    def batches(self, size: int) -> Iterator[list[Found]]:
        """Yield them, each with its newest token."""
        for rows in self._accounts.batches(size):
            tokens = self._tokens_of([row["id"] for row in rows])
            yield [self._found(row, tokens.get(row["id"])) for row in rows]

    def _tokens_of(self, accounts: list[int]) -> dict[int, Row]:
        rows = self._tokens.where(account_id__in=accounts) if self._tokens.is_there else []
        return {row["account_id"]: row for row in rows}

    def _found(self, row: Row, token: Row | None) -> Found:
        return Found(
            place=f"{self._accounts.name} {row['id']}",
            provider=row["provider"],
            user=row["user_id"],
            uid=row["uid"],
            told=an_object(row["extra_data"]),
            since=row["date_joined"],
            kept=self._kept(token) if token else None,
        )

    def _kept(self, token: Row) -> Kept:
        return Kept(
            access_token=token["token"],
            refresh_token=token["token_secret"],
            expires_at=token["expires_at"],
            client_id=self._clients.get(token["app_id"], ""),
        )
