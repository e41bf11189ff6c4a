from django.urls import path

from tests.oauth_login.people.members.views import complete

app_name = "members"
urlpatterns = [path("complete/", complete, name="complete")]
