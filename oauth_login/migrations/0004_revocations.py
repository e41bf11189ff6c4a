import uuid

from django.db import migrations, models

import oauth_login.fields
import oauth_login.models


class Migration(migrations.Migration):
    dependencies = [
        ("oauth_login", "0003_tokens_are_renewed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "provider",
                    models.CharField(
                        help_text="Alias in the settings.", max_length=50, verbose_name="provider"
                    ),
                ),
                ("issuer", oauth_login.fields.ExactCharField(max_length=255, verbose_name="issuer")),
                ("subject", oauth_login.fields.ExactCharField(max_length=255, verbose_name="subject")),
                (
                    "access_token",
                    oauth_login.fields.EncryptedTextField(
                        blank=True, editable=False, verbose_name="access token"
                    ),
                ),
                (
                    "refresh_token",
                    oauth_login.fields.EncryptedTextField(
                        blank=True, editable=False, verbose_name="refresh token"
                    ),
                ),
                ("expires_at", oauth_login.fields.MomentField(blank=True, null=True, verbose_name="expires")),
                (
                    "created_at",
                    oauth_login.fields.MomentField(default=oauth_login.models.now, verbose_name="asked for"),
                ),
                (
                    "tried_at",
                    oauth_login.fields.MomentField(blank=True, null=True, verbose_name="last tried"),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_try_at",
                    oauth_login.fields.MomentField(
                        default=oauth_login.models.lease_end, verbose_name="next try"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        help_text="The code of what went wrong last, if anything.",
                        max_length=50,
                        verbose_name="reason",
                    ),
                ),
            ],
            options={
                "verbose_name": "revocation",
                "verbose_name_plural": "revocations",
                "indexes": [models.Index(fields=["next_try_at"], name="oauth_login_revocation_due")],
            },
        ),
    ]
