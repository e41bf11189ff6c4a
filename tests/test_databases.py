"""What the tests do with the database that they run on."""

import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model

from tests.databases import is_for_every_database, unquoted

WORKER = """
import sys
import django
django.setup()
from django.contrib.auth import get_user_model
people = get_user_model().objects
sys.stdout.write(people.get().get_username())
people.create_user("bob")
"""


@pytest.mark.databases
def test_another_process_sees_what_is_written_here_and_what_it_writes_is_seen_here(environment):
    people = get_user_model().objects
    people.create_user("ada")

    worker = subprocess.run(
        [sys.executable, "-c", WORKER],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (worker.stdout, worker.stderr) == ("ada", "")
    assert {user.get_username() for user in people.all()} == {"ada", "bob"}


def test_sql_can_be_recognised_whatever_the_database_quotes_names_with():
    assert unquoted(str(get_user_model().objects.only("pk").query)) == "SELECT auth_user.id FROM auth_user"


@pytest.mark.parametrize(
    ("name", "is_for_every"),
    [
        ("tokens", True),
        ("test_tokens.py", True),
        ("test_models.py", True),
        ("test_callback.py", True),
        ("presets", False),
        ("test_usernames.py", False),
    ],
)
def test_what_is_stored_is_tested_on_every_database(name, is_for_every):
    assert is_for_every_database(name) is is_for_every
