"""A directory per user model: its own settings, and tests that only hold for it.

A run has one user model. ``test_custom_users.py`` starts one for each of these; the ordinary run has Django's
own, and leaves the directories out.
"""

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group


def pytest_ignore_collect(collection_path):
    """Leave out the directories of the user models that this run does not have."""
    if not (collection_path / "settings.py").exists():
        return None
    return collection_path.name != settings.AUTH_USER_MODEL.partition(".")[0]


@pytest.fixture(autouse=True)
def tenant_of_the_tests(db):
    """Have the host of the tests be a tenant's, where nobody signs up at any other."""
    if apps.is_installed("tests.oauth_login.people.tenants"):
        from tests.oauth_login.people.tenants.models import Tenant

        Tenant(host="testserver").save()


@pytest.fixture
def editor(visitor, github, settings):
    """Somebody who has signed in, and is staff and in a group by a team of theirs."""
    rules = {"TEAMS": True, "GROUPS": {"acme/editors": "Editors"}, "STAFF": ["acme/editors"]}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": {"github": rules}}
    Group.objects.create(name="Editors")
    github.teams = [{"slug": "editors", "organization": {"login": "acme"}}]
    visitor.sign_in(github)
    assert (visitor.user.groups.count(), visitor.user.is_staff) == (1, True)
    return visitor
