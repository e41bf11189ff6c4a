"""Signing in with a password, as sites had it before: beside the providers, whose buttons are elsewhere."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView


class PasswordForm(AuthenticationForm):
    """Django's form, with fields that look like those of the pages around it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "oauth-login-field"


class PasswordView(LoginView):
    """Django's view: whoever signs in here has what was held for them linked, as after any sign-in."""

    template_name = "demo_site/password.html"
    authentication_form = PasswordForm
