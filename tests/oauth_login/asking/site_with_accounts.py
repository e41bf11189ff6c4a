"""The same site, with a page where Django presumes it."""

from django.urls import path

from tests.oauth_login.asking import site

urlpatterns = [path("accounts/login/", site.confirmed), *site.urlpatterns]
