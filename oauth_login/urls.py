"""The pages. Mount them anywhere: ``path("oauth2/", include("oauth_login.urls"))``."""

from django.urls import include, path

from oauth_login import accounts, confirmations, consent, notices, sign_out, views

app_name = "oauth_login"

urlpatterns = [
    path("", accounts.show, name="accounts"),
    path("confirm/", confirmations.confirm, name="confirm"),
    path("accounts/<int:pk>/unlink/", accounts.unlink, name="unlink"),
    path("login/", views.login, name="login"),
    path("codes/", views.codes, name="codes"),
    path("logout/", sign_out.logout, name="logout"),
    path("sandbox/", include("oauth_login.sandbox.urls")),
    path("<str:alias>/authorize/", views.authorize, name="authorize"),
    path("<str:alias>/link/", accounts.link, name="link"),
    path("<str:alias>/grant/", consent.show, name="grant"),
    path("<str:alias>/webhook/", notices.webhook, name="webhook"),
    path("<str:alias>/backchannel-logout/", notices.backchannel_logout, name="backchannel_logout"),
    path("<str:alias>/callback", views.callback),
    path("<str:alias>/callback/", views.callback, name="callback"),
]
