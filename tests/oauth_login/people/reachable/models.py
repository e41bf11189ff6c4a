"""People as Django's own, of whom no two have one address."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    """What most sites with a user model of their own have."""

    email = models.EmailField(unique=True)
