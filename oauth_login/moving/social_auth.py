"""python-social-auth, as ``social-auth-app-django``: ``UserSocialAuth``, with tokens among its extra data.

Names and ids: ``name`` and ``ID_KEY`` of each backend, and what the key was in earlier versions, 4.0 to 7.0
of ``social-auth-core``. Since 8.0 of the app, a column says which one a row has; before, only the settings of
the site did.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models

from oauth_login.moving.found import Found, Kept, Library, Naming
from oauth_login.moving.tables import Row, Table, an_object, required

#: Where its ``uid`` is what our preset of that name signs in by.
ALIKE: Final = (
    *("amazon", "atlassian", "box", "discord", "facebook", "gitea", "github", "gitlab", "kakao", "line"),
    *("naver", "orcid", "patreon", "qq", "reddit", "strava", "twitch", "weibo", "weixin"),
)
RENAMED: Final = {
    **dict.fromkeys(("github-app", "github-org", "github-team"), "github"),
    **dict.fromkeys(("google-oauth2", "google-onetap", "google-openidconnect"), "google"),
    **{f"{name}-oauth2": name for name in ("openstreetmap", "twitter", "vk", "yahoo", "yandex", "zoom")},
    "apple-id": "apple",
    "linkedin-openidconnect": "linkedin",
}
#: What it calls the ids of those, where that is not ``id``, and what they are called beside.
KEYS: Final = {
    **dict.fromkeys(("google-oauth2", "google-onetap", "google-openidconnect", "apple-id"), ("sub",)),
    **dict.fromkeys(("yahoo-oauth2", "linkedin-openidconnect"), ("sub", "id")),
    **dict.fromkeys(("qq", "weixin"), ("openid",)),
    "amazon": ("user_id",),
    "atlassian": ("accountId", "account_id"),
    "line": ("userId", "id"),
    "orcid": ("orcid", "id"),
    "weibo": ("uid", "id"),
}
#: Larger numbers are moments, and smaller ones durations, wherever only ``expires`` is kept: two years.
LONGEST: Final = 63_072_000
LAST: Final = 10_000_000_000  # seconds since 1970; the year 2286


class SocialAuth(Library):
    """The associations of one database."""

    namings: ClassVar[Mapping[str, Naming]] = {
        **{name: Naming(name, keys=KEYS.get(name, ("id",))) for name in ALIKE},
        **{name: Naming(preset, keys=KEYS.get(name, ("id",))) for name, preset in RENAMED.items()},
        "twitter": Naming("twitter", has_bearer_tokens=False),
        **{f"github-enterprise{kind}": Naming("github", is_ambiguous=True) for kind in ("", "-org", "-team")},
        # Names and addresses in earlier versions, or by a setting: they change hands.
        "bitbucket-oauth2": Naming("bitbucket", keys=("uuid",), needs_key=True),
        "dropbox-oauth2": Naming("dropbox", "account_id", keys=("account_id",)),
        "spotify": Naming("spotify", "account_id", keys=("account_id",)),
        **dict.fromkeys(
            (
                "auth0",
                "auth0_openidconnect",
                "cognito",
                "keycloak",
                "oidc",
                "okta-oauth2",
                "okta-openidconnect",
            ),
            Naming("", keys=("sub",), needs_key=True),
        ),
        # Another id than the sub, or that of another issuer than signs in here.
        **dict.fromkeys(
            ("azuread-oauth2", "azuread-oauth2-v2", "azuread-tenant-oauth2", "azuread-v2-tenant-oauth2"),
            Naming("microsoft", "", keys=()),
        ),
        "microsoft-graph": Naming("microsoft", "", keys=()),
        "slack": Naming("slack", "", keys=()),
        "salesforce-oauth2": Naming("salesforce", "", keys=()),
    }

    def __init__(self, database: str, subject_field: str = "") -> None:
        table = Table(
            "social_auth_usersocialauth",
            database,
            {
                "user_id": models.TextField(),
                "provider": models.TextField(),
                "uid": models.TextField(),
                "id_key": models.TextField(),
                "extra_data": models.JSONField(),
                "created": models.DateTimeField(),
            },
        )
        self._associations = required(table, "social-auth-app-django")

    def count(self) -> int:
        """Return how many associations there are."""
        return self._associations.count()

    def batches(self, size: int) -> Iterator[list[Found]]:
        """Yield them."""
        for rows in self._associations.batches(size):
            yield [self._found(row) for row in rows]

    def _found(self, row: Row) -> Found:
        told = an_object(row["extra_data"])
        return Found(
            place=f"{self._associations.name} {row['id']}",
            provider=row["provider"],
            user=row["user_id"],
            uid=row["uid"],
            key=row.get("id_key") or self._configured(row["provider"]),
            told=told,
            since=row.get("created"),
            kept=kept(told) if told.get("access_token") else None,
        )

    def _configured(self, provider: str) -> str:
        """Return what a setting says that its ``uid`` is, if that is no id of ours; "" otherwise.

        A right setting proves nothing: the row may be older.
        """
        naming, key = self.namings.get(provider), id_key(provider)
        return "" if naming and key in naming.keys else key


def id_key(provider: str) -> str:
    """Return the library's setting of what to know people of that provider by, or "" if it has none."""
    own = f"SOCIAL_AUTH_{provider.upper().replace('-', '_')}_ID_KEY"
    said = (getattr(settings, name) for name in (own, "SOCIAL_AUTH_ID_KEY") if hasattr(settings, name))
    return str(next(said, None) or "")


def kept(told: Mapping[str, Any]) -> Kept:
    """Return the grant that is among what was told."""
    return Kept(
        access_token=told["access_token"],
        refresh_token=told.get("refresh_token") or "",
        expires_at=expiry(told),
        token_type=told.get("token_type") or "Bearer",
        scope=told.get("scope"),
    )


def expiry(told: Mapping[str, Any]) -> datetime | None:
    """Return when the access token expires; None if nobody says.

    A duration counts from ``auth_time``, which is always there; without it, nothing is left of it.
    """
    until = whole(told.get("expires_on"))
    lasts = whole(told.get("expires_in"))
    if until is None and lasts is None:
        either = whole(told.get("expires"))
        until, lasts = (either, None) if either and either > LONGEST else (None, either)
    if until is not None:
        return datetime.fromtimestamp(until, UTC)
    if not lasts:
        return None
    return datetime.fromtimestamp(whole(told.get("auth_time")) or 0, UTC) + timedelta(seconds=lasts)


def whole(value: object) -> int | None:
    """Return *value* if it is a number of seconds, or the text of one, within what a date can be."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < LAST else None
