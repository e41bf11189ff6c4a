"""Where the sandbox is, when there is one; a 404 otherwise."""

from django.urls import path

from oauth_login.sandbox import views

urlpatterns = [path("<str:alias>/authorize/", views.authorize, name="sandbox")]
