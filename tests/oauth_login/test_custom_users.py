"""The user model is the site's. It cannot be changed once models are loaded, so each gets runs of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PEOPLE = Path(__file__).parent / "people"
ROOT = PEOPLE.parents[2]

pytestmark = [
    pytest.mark.threat("L06", "F12"),
    pytest.mark.parametrize(
        ("users", "tests"),
        [
            ("addressed", 28),
            ("keyed", 34),
            ("reachable", 22),
            ("unreachable", 20),
            ("members", 25),
            ("tenants", 20),
        ],
        ids=[
            "an address for a name",
            "a UUID for a key",
            "a unique address",
            "no address",
            "columns and a row of their own",
            "a tenant",
        ],
    ),
]


def test_the_suite_passes_with_users_that_have(users, tests):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", PEOPLE],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": "sqlite://:memory:",  # another database's would be in use by this very run
            "DJANGO_SETTINGS_MODULE": f"tests.oauth_login.people.{users}.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"^=+ (\d+) passed in", done.stdout, re.MULTILINE)
    assert int(passed) >= tests
