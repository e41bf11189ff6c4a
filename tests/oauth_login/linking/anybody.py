"""Backends of a site's own: one takes any password for that of Bob, others know people by their address."""

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.core.exceptions import PermissionDenied


class Bob(BaseBackend):
    """Knows everybody by their number, and Bob by any password."""

    def authenticate(self, request, **credentials):
        return get_user_model().objects.get(username="bob")

    def get_user(self, user_id):
        return get_user_model().objects.get(pk=user_id)


def _known(address, password):
    found = get_user_model().objects.filter(email=address or "nobody").first()
    return found if found and found.check_password(password) else None


class ByAddressAsName(ModelBackend):
    """Calls an address a name, as the form does that has a field for either."""

    def authenticate(self, request, username=None, password=None, **more):
        return _known(username, password)


class ByAddress(ModelBackend):
    """Calls it by its name."""

    def authenticate(self, request, email=None, password=None, **more):  # type: ignore[override]
        return _known(email, password)


class ByAddressAlone(ModelBackend):
    """Is not asked for anything else."""

    def authenticate(self, request, email, password):  # type: ignore[override]  # as sites write it
        return _known(email, password)


class Locks(ModelBackend):
    """Denies everybody, for too many wrong passwords say."""

    def authenticate(self, request, username=None, password=None, **more):
        raise PermissionDenied


class ByLastName(ModelBackend):
    """Knows people by a field of theirs."""

    def authenticate(self, request, last_name, password):  # type: ignore[override]
        found = get_user_model().objects.filter(last_name=last_name).first()
        return found if found and found.check_password(password) else None


class ByWhatever(ModelBackend):
    """Takes what it is given, and expects a name in it."""

    def authenticate(self, request, **credentials):  # type: ignore[override]
        return _known(credentials["username"], credentials["password"])


class Strict(ModelBackend):
    """Lets nobody in, and no other backend either."""

    def authenticate(self, request, email, password):  # type: ignore[override]
        raise PermissionDenied
