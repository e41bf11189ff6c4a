"""The demo's pages, and the one that Django's own ``LOGIN_REDIRECT_URL`` names."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("accounts/profile/", lambda request: HttpResponse("a profile")),
    path("", include("demo_site.urls")),
]
