"""People without an e-mail address."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Everybody(BaseUserManager["Person"]):
    """Hides nobody."""


class Person(AbstractBaseUser, PermissionsMixin):
    """There is no column for an address."""

    nick = models.CharField(max_length=150, unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = Everybody()

    USERNAME_FIELD = "nick"

    def __str__(self) -> str:
        return self.nick
