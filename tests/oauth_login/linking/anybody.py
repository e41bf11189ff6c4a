"""A backend that takes whatever password it is shown for that of Bob."""

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend


class Bob(BaseBackend):
    """Knows everybody by their number, and Bob by any password."""

    def authenticate(self, request, **credentials):
        return get_user_model().objects.get(username="bob")

    def get_user(self, user_id):
        return get_user_model().objects.get(pk=user_id)
