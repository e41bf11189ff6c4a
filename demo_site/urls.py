"""The guestbook in front, signing in beside it, the owner's side behind."""

from django.contrib import admin
from django.urls import include, path

from demo_site.password import PasswordView

admin.site.login_template = "oauth_login/admin_login.html"

urlpatterns = [
    path("", include("guestbook.urls")),
    path("oauth2/", include("oauth_login.urls")),
    path("password/", PasswordView.as_view(), name="password"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]
