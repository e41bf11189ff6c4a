"""The tables of other libraries, as their migrations make them; ``tests/interop`` has the real ones.

The user's key is text: a table that outlived its constraints may say anything.
"""

from django.apps.registry import Apps
from django.db import connection, models

MODELS = Apps()


def table(name, **fields):
    """Return a model of that table, of which the site knows nothing."""
    meta = type("Meta", (), {"app_label": "theirs", "apps": MODELS, "db_table": name})
    key = models.BigAutoField(primary_key=True)
    return type(f"Of_{name}", (models.Model,), {"__module__": __name__, "Meta": meta, "id": key, **fields})


def text(**options):
    return models.CharField(max_length=255, **options)


SocialAccount = table(
    "socialaccount_socialaccount",
    user_id=text(),
    provider=text(default="github"),
    uid=text(),
    extra_data=models.JSONField(default=dict),
    date_joined=models.DateTimeField(null=True),
    last_login=models.DateTimeField(null=True),
)
SocialToken = table(
    "socialaccount_socialtoken",
    account_id=models.BigIntegerField(),
    app_id=models.BigIntegerField(null=True),
    token=models.TextField(),
    token_secret=models.TextField(default=""),
    expires_at=models.DateTimeField(null=True),
)
SocialApp = table("socialaccount_socialapp", client_id=text())
UserSocialAuth = table(
    "social_auth_usersocialauth",
    user_id=text(),
    provider=text(default="github"),
    id_key=text(default=""),
    uid=text(),
    extra_data=models.JSONField(default=dict),
    created=models.DateTimeField(null=True),
)
ALL = (SocialAccount, SocialToken, SocialApp, UserSocialAuth)


def create(*tables):
    """Make tables; not within a transaction, which MariaDB would end."""
    with connection.schema_editor() as editor:
        for model in tables:
            editor.create_model(model)


def drop(*tables):
    """Remove them."""
    with connection.schema_editor() as editor:
        for model in tables:
            editor.delete_model(model)


def dump():
    """Return all that is in the tables, as it is stored."""
    rows = {}
    with connection.cursor() as cursor:
        for model in ALL:
            name = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608  a constant
            rows[model._meta.db_table] = cursor.fetchall()
    return rows
