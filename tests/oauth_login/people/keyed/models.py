"""People with a UUID for a key, a short handle, perhaps an address, and whole names."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Present(BaseUserManager["Person"]):
    """Those who have not left."""

    def get_queryset(self) -> models.QuerySet["Person"]:
        return super().get_queryset().filter(left=False)


class Person(AbstractBaseUser, PermissionsMixin):
    """The columns are short, the address may be NULL, and the manager hides some."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    handle = models.CharField(max_length=30, unique=True)
    email = models.EmailField(max_length=40, unique=True, null=True)  # noqa: DJ001  as some sites have it
    full_name = models.CharField(max_length=100, blank=True)
    left = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = Present()

    USERNAME_FIELD = "handle"

    def __str__(self) -> str:
        return self.handle
