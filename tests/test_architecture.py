"""The architecture of ``pyproject.toml`` holds, and its contracts bite."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# One import per contract that must break it, and where it stands.
VIOLATIONS = {
    "layers": ("oauth_login/conf.py", "import oauth_login.views"),
    "acyclic": ("oauth_login/sealing.py", "import oauth_login.attempts"),
    "reusable": ("oauth_login/views.py", "import guestbook"),
    "public-face": ("guestbook/views.py", "import oauth_login.models"),
    "no-django": ("oauth_login/providers/github.py", "import django.conf"),
    "no-io": ("oauth_login/errors.py", "import requests"),
    "one-transport": ("oauth_login/providers/base.py", "import urllib3"),
    "two-sides": ("oauth_login/backends.py", "import oauth_login.flow"),
    "sandbox": ("oauth_login/sandbox/__init__.py", "import oauth_login.attempts"),
}


@pytest.fixture
def copy_of_the_code(tmp_path):
    for package in LINTER["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken_contracts(directory):
    """Return the ids of the contracts that the code in *directory* breaks."""
    # In a process of its own: the linter sets up logging for all, and switches off every other logger.
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    run = subprocess.run(
        [sys.executable, "-c", lint], cwd=directory, capture_output=True, text=True, check=False
    )
    words = " ".join(run.stdout.split())  # the report is wrapped to the width of a terminal
    broken, kept = (
        {contract["id"] for contract in LINTER["contracts"] if f"{contract['name']} {verdict}" in words}
        for verdict in ("BROKEN", "KEPT")
    )
    assert len(broken) + len(kept) == len(LINTER["contracts"]), run.stdout + run.stderr
    return broken


def test_every_import_respects_the_architecture():
    assert broken_contracts(ROOT) == set()


def test_every_contract_bites(copy_of_the_code):
    for file, line in VIOLATIONS.values():
        with (copy_of_the_code / file).open("a") as code:
            code.write(f"\n{line}\n")

    assert broken_contracts(copy_of_the_code) == {contract["id"] for contract in LINTER["contracts"]}
    assert set(VIOLATIONS) == {contract["id"] for contract in LINTER["contracts"]}


def test_a_module_without_a_layer_is_refused(copy_of_the_code):
    (copy_of_the_code / "oauth_login" / "homeless.py").touch()

    assert broken_contracts(copy_of_the_code) == {"layers"}


def test_one_module_alone_reads_the_settings():
    readers = {
        path.name
        for path in (ROOT / "oauth_login").rglob("*.py")
        if re.search(r"settings\.OAUTH_LOGIN\b(?!`)|settings, \"OAUTH_LOGIN\"", path.read_text())
    }

    assert readers == {"conf.py"}
