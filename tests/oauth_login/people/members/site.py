"""The pages of the tests, with the members' own."""

from django.urls import include, path

urlpatterns = [
    path("members/", include("tests.oauth_login.people.members.urls")),
    path("", include("demo_site.urls")),
]
