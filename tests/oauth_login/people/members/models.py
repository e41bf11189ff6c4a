from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    """A user with two columns more; the second is for them to fill."""

    home_page = models.URLField(max_length=500, blank=True)
    city = models.CharField(max_length=100, default="")


class Card(models.Model):
    """What others see of a member: a row of its own, that every member has."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE)
    greeting = models.CharField(max_length=200)
    login_there = models.CharField(max_length=150)

    def __str__(self):
        return self.greeting
