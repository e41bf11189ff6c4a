"""The app: its name, and its checks."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class OAuthLoginConfig(AppConfig):
    """Registers the system checks; nothing else happens at start-up."""

    name = "oauth_login"
    verbose_name = _("Sign-in with other accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from oauth_login.checks import check_deployment, check_settings  # noqa: PLC0415  needs apps
        from oauth_login.orphans import check_orphans  # noqa: PLC0415  needs models

        checks.register(check_settings, checks.Tags.security)
        checks.register(check_deployment, checks.Tags.security, deploy=True)
        checks.register(check_orphans, checks.Tags.database)
