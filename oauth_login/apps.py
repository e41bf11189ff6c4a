"""The app: its name, and its checks."""

from django.apps import AppConfig, apps
from django.core import checks
from django.core.signals import request_finished
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext_lazy as _


class OAuthLoginConfig(AppConfig):
    """Registers the system checks, and looks after what must outlast a request (``lasting.py``)."""

    name = "oauth_login"
    verbose_name = _("Sign-in with other accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415  needs apps

        from oauth_login import held, memberships, recency  # noqa: PLC0415  need models
        from oauth_login.checks import check_deployment, check_settings  # noqa: PLC0415  needs apps
        from oauth_login.client_checks import check_clients  # noqa: PLC0415  needs apps
        from oauth_login.group_checks import check_given, check_groups, check_users  # noqa: PLC0415  needs models
        from oauth_login.lasting import write_again  # noqa: PLC0415  needs models
        from oauth_login.models import LinkedAccount  # noqa: PLC0415  needs apps
        from oauth_login.orphans import check_orphans  # noqa: PLC0415  needs models
        from oauth_login.view_checks import check_views  # noqa: PLC0415  needs models
        from oauth_login.withdrawal import before_deletion  # noqa: PLC0415  needs models

        # Django tells of a deletion by the class that it went through, and a proxy is another one.
        for model in (one for one in apps.get_models() if one._meta.concrete_model is LinkedAccount):
            pre_delete.connect(
                before_deletion, model, dispatch_uid=f"oauth_login.withdrawal.{model._meta.label}"
            )
            uid = f"oauth_login.memberships.{model._meta.label}"
            pre_delete.connect(memberships.before_deletion, model, dispatch_uid=uid)
            post_delete.connect(memberships.take_back, model, dispatch_uid=uid)

        user_logged_in.connect(recency.on_sign_in, dispatch_uid="oauth_login.recency")
        user_logged_in.connect(held.on_sign_in, dispatch_uid="oauth_login.held")
        request_finished.connect(write_again, dispatch_uid="oauth_login.lasting")
        checks.register(check_settings, checks.Tags.security)
        checks.register(check_deployment, checks.Tags.security, deploy=True)
        checks.register(check_clients, checks.Tags.security)
        checks.register(check_users, checks.Tags.security)
        checks.register(check_views, checks.Tags.urls)
        checks.register(check_orphans, checks.Tags.database)
        checks.register(check_groups, checks.Tags.database)
        checks.register(check_given, checks.Tags.database)
