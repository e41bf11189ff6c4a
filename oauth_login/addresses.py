"""Where the site's user model keeps a person's e-mail address, if it does: models differ in that."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models


def field() -> str:
    """Return the name of the user model's field for the address."""
    model = get_user_model()
    signs_in_with_it = isinstance(column(model.USERNAME_FIELD), models.EmailField)
    return model.USERNAME_FIELD if signs_in_with_it else model.get_email_field_name()


def column(name: str) -> Any:
    """Return the user model's text column of that name, or None."""
    try:
        found = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, models.CharField) else None


def of(user: Any) -> str:
    """Return the address of *user*, or ""."""
    return str(getattr(user, field(), None) or "")
