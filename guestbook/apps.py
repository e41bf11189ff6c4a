from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuestbookConfig(AppConfig):
    name = "guestbook"
    verbose_name = _("Guestbook")
    default_auto_field = "django.db.models.BigAutoField"
