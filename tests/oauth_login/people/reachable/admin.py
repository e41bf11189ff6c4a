"""The owner's side of these people: Django's own."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from tests.oauth_login.people.reachable.models import Person

admin.site.register(Person, UserAdmin)
