from django.contrib.auth.models import AbstractUser
from django.db import models


class Tenant(models.Model):
    """One customer of the site, at a host of their own."""

    host = models.CharField(max_length=255, unique=True)

    def __str__(self):
        return self.host


class Person(AbstractUser):
    """A user of one tenant, and of no other."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT)
