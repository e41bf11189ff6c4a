from django.urls import reverse

from oauth_login.backends import OAuthBackend
from tests.oauth_login.people.members.models import Card


class MemberBackend(OAuthBackend):
    def username_for(self, profile):
        return super().username_for(profile).lower()

    def create_user(self, profile, username, email):
        user = super().create_user(profile, username, email.lower())
        user.home_page = profile.profile
        return user

    def complete_user(self, user, profile):
        Card.objects.create(
            member=user, greeting=f"I am {user.username}", login_there=profile.preferred_username
        )

    def update_user(self, user, profile):
        Card.objects.filter(member=user).update(login_there=profile.preferred_username)

    def page_after_sign_in(self, request, user, next_page):
        return "" if user.city else reverse("members:complete")
