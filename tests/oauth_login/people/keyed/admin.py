"""The owner's side of these people."""

from django.contrib import admin

from tests.oauth_login.people.keyed.models import Person


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    """As plain as can be."""

    fields = ("handle", "full_name")
