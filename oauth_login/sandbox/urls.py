"""Where the sandbox is, when there is one; a 404 otherwise."""

from django.urls import path

from oauth_login.sandbox import views

urlpatterns = [
    path("<str:alias>/authorize/", views.authorize, name="sandbox"),
    path("<str:alias>/grants/", views.grants, name="sandbox_grants"),
]
