"""The demo, with two pages that ask for more than a sign-in."""

from django.http import HttpResponse
from django.urls import include, path

from oauth_login.decorators import recent_sign_in_required, scope_required


def shown(request):
    """Show the page."""
    return HttpResponse("shown")


urlpatterns = [
    path("anew/", recent_sign_in_required(asked_anew=True)(shown)),
    path("mail/", scope_required("acme", "email")(shown)),
    path("", include("demo_site.urls")),
]
