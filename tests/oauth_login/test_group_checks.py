"""What is given by declaration must have a place with the users, and be there to be given."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from oauth_login.group_checks import check_groups, check_users

RULES = {"TEAMS": True, "GROUPS": {"acme/a": "Editors", "acme/b": "Writers"}, "STAFF": ["acme/c"]}
BROKEN: list[Any] = [
    None,
    [],
    {"github": None},
    {"github": []},
    {"github": {"TEAMS": True}},
    {"github": {"GROUPS": 7}},
]


@pytest.fixture
def declare(settings):
    """A way to declare what is given."""

    def declared(memberships):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MEMBERSHIPS": memberships}

    return declared


def told(messages):
    return [(message.id, message.msg) for message in messages]


@pytest.mark.django_db
def test_a_group_that_does_not_exist_is_missed(declare):
    declare({"github": RULES})
    Group.objects.create(name="Writers")

    (found,) = check_groups(databases=["default"])
    assert found.id == "oauth_login.W013"
    assert "'Editors'" in found.msg


@pytest.mark.django_db
def test_groups_that_exist_are_not_complained_about(declare):
    declare({"github": RULES})
    for name in ("Editors", "Writers"):
        Group.objects.create(name=name)

    assert check_groups(databases=["default"]) == check_groups() == []


@pytest.mark.django_db
@pytest.mark.parametrize("declared", BROKEN, ids=str)
def test_what_another_check_reports_is_left_to_it(declare, declared):
    declare(declared)

    assert check_users() == []
    assert check_groups(databases=["default"]) == []


@pytest.mark.django_db
def test_before_the_first_migration_there_is_nothing_to_miss(declare, monkeypatch):
    declare({"github": RULES})
    monkeypatch.setattr(connection.introspection, "table_names", list)

    assert check_groups(databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (RULES, ["groups", "is_staff"]),
        (RULES | {"STAFF": []}, ["groups"]),
        (RULES | {"GROUPS": {}}, ["is_staff"]),
    ],
    ids=["both", "groups", "staff"],
)
def test_users_without_a_place_for_it_are_noticed(declare, settings, rules, missing):
    declare({"github": rules})
    assert check_users() == []
    settings.AUTH_USER_MODEL = "auth.Permission"  # which has neither

    found = told(check_users())
    assert [number for number, _ in found] == ["oauth_login.E025"] * len(missing)
    assert [f"no field {field!r}" in message for (_, message), field in zip(found, missing, strict=True)]
    assert check_groups(databases=["default"]) == []
