"""People who sign in by their e-mail address, and have no other name."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Everybody(BaseUserManager["Person"]):
    """Hides nobody."""


class Person(AbstractBaseUser, PermissionsMixin):
    """The address is the name; ``EMAIL_FIELD`` is not set, as often."""

    address = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = Everybody()

    USERNAME_FIELD = "address"

    def __str__(self) -> str:
        return self.address
