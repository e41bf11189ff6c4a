from typing import Any

from django.db import migrations, models

import oauth_login.fields


def take_over_dates(apps: Any, schema_editor: Any) -> None:
    tokens = apps.get_model("oauth_login", "Token").objects.using(schema_editor.connection.alias)
    dated = tokens.exclude(expires_was=None, refresh_expires_was=None)
    for pk, expires, refresh_expires in dated.values_list("pk", "expires_was", "refresh_expires_was"):
        tokens.filter(pk=pk).update(expires_at=expires, refresh_expires_at=refresh_expires)


class Migration(migrations.Migration):
    dependencies = [
        ("oauth_login", "0002_support_id"),
    ]

    operations = [
        migrations.RenameField("token", "expires_at", "expires_was"),
        migrations.RenameField("token", "refresh_expires_at", "refresh_expires_was"),
        migrations.RemoveField("token", "lease_until"),
        migrations.AddField(
            model_name="token",
            name="expires_at",
            field=oauth_login.fields.MomentField(blank=True, null=True, verbose_name="expires"),
        ),
        migrations.AddField(
            model_name="token",
            name="refresh_expires_at",
            field=oauth_login.fields.MomentField(blank=True, null=True, verbose_name="refresh token expires"),
        ),
        migrations.AddField(
            model_name="token",
            name="lease_until",
            field=oauth_login.fields.MomentField(blank=True, null=True, verbose_name="lease until"),
        ),
        migrations.RunPython(take_over_dates, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField("token", "expires_was"),
        migrations.RemoveField("token", "refresh_expires_was"),
        migrations.AddField(
            model_name="token",
            name="reason",
            field=models.CharField(
                blank=True,
                help_text="The code of what went wrong last, if anything.",
                max_length=50,
                verbose_name="reason",
            ),
        ),
        migrations.AlterField(
            model_name="token",
            name="access_token",
            field=oauth_login.fields.EncryptedTextField(
                blank=True, editable=False, verbose_name="access token"
            ),
        ),
        migrations.AddIndex(
            model_name="token",
            index=models.Index(fields=["state", "expires_at"], name="oauth_login_token_due"),
        ),
    ]
