"""What must hold of the project as a whole: migrations, deployment, the wheel, what the files give away."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PRODUCTION = {
    "ENV_FILE": os.devnull,  # a developer's own .env is no part of the project
    "DATABASE_URL": "sqlite://:memory:",
    "DJANGO_SETTINGS_MODULE": "demo_site.settings",
    "SECRET_KEY": "KpX0rVn3-Qz7sYt1uWb5cEd9fGh2jLm6oNa4iRk8vTx_BqZyCwDuFsHgJeMlPoAi",
    "ALLOWED_HOSTS": "www.example.com",
    "ORIGIN": "https://www.example.com",
    "CACHE_URL": "rediscache://127.0.0.1:6379/1",
    "OAUTH_GITHUB_CLIENT_ID": "Ov23liNobodyKnowsThis",
    "OAUTH_GITHUB_CLIENT_SECRET": "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432",
}
LEFT_BY_TOOLS = {"__pycache__", "build", "dist", "htmlcov", "node_modules", "staticfiles"}


def files():
    """Yield the files of the project: without environments, caches and what was built."""
    for directory, names, filenames in os.walk(ROOT):
        names[:] = [
            name
            for name in names
            if name not in LEFT_BY_TOOLS
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name in {".ci", ".github"})
        ]
        yield from (Path(directory, name) for name in filenames)


def texts():
    """Yield name and text of the files that are text, except what is private to a checkout."""
    # .git is a file in a linked worktree.
    private = re.compile(r"\.env|\.git|\.coverage.*|.*\.sqlite3.*")
    contents = ((path, path.read_bytes()) for path in files() if not private.fullmatch(path.name))
    yield from ((path.relative_to(ROOT), text.decode()) for path, text in contents if b"\0" not in text)


def check_deploy(**changes):
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_demo_site_is_fit_for_deployment():
    run = check_deploy()

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"ALLOWED_HOSTS": ""}, "security.W020"),
        ({"DEBUG": "1"}, "security.W018"),
        ({"HSTS_SECONDS": "0"}, "security.W004"),
        ({"OAUTH_GITHUB_CLIENT_SECRET": ""}, "oauth_login.E"),
        ({"OAUTH_GITHUB_CLIENT_SECRET": "changeme"}, "oauth_login.W008"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"CACHE_URL": "locmemcache://"}, "oauth_login.W006"),
        ({"BEHIND_PROXY": "1", "TRUSTED_PROXIES": "0"}, "oauth_login.W007"),
        ({"ORIGIN": "", "RELAY_ORIGINS": "https://www.example.com"}, "oauth_login.W009"),
    ],
)
def test_a_mistake_in_the_deployment_is_refused(changes, complaint):
    run = check_deploy(**changes)

    assert run.returncode != 0
    assert complaint in run.stderr


def build_wheel(source, target):
    """Return the wheel that is built from *source* into *target*, without a network."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", target, source],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"},
    )
    (wheel,) = target.iterdir()
    return wheel


def recorded(wheel):
    """Return the digests that the wheel's RECORD lists, by file."""
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        rows = [line.split(",") for line in archive.read(name).decode().splitlines()]
    return {path: listed.removeprefix("sha256=") for path, listed, _size in rows if listed}


def digest(wheel, name):
    """Return the digest of a file in the wheel, as RECORD writes it."""
    with ZipFile(wheel) as archive:
        content = hashlib.sha256(archive.read(name)).digest()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.threat("L05")
def test_the_wheel_holds_the_reusable_app_and_nothing_else(tmp_path):
    source, target = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # What must stay out has to be there to be left out.
    for package in ("oauth_login", "guestbook", "demo_site", "tests"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))

    wheel = build_wheel(source, target)
    again = build_wheel(source, tmp_path / "again")

    assert wheel.read_bytes() == again.read_bytes()
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(source).as_posix() for path in (source / "oauth_login").rglob("*") if path.is_file()
    }
    assert wheel.name == f"django_oauth_login-{PYPROJECT['project']['version']}-py3-none-any.whl"
    assert packed == wanted
    assert recorded(wheel) == {name: digest(wheel, name) for name in recorded(wheel)}
    assert {"oauth_login/py.typed", "oauth_login/migrations/0001_initial.py"} <= packed


@pytest.mark.threat("L04")
def test_the_oldest_dependencies_allowed_are_without_known_holes():
    floors = dict(requirement.split(">=") for requirement in PYPROJECT["project"]["dependencies"])
    versions = {name: tuple(map(int, floor.split("."))) for name, floor in floors.items()}

    assert versions["requests"] >= (2, 33)
    assert versions["urllib3"] >= (2, 7)
    assert versions["django"] >= (5, 2)
    assert versions["cryptography"] >= (50,)
    assert versions["pyjwt"] >= (2, 12)  # CVE-2026-32597: crit was not looked at
    assert versions["certifi"] >= (2024, 7, 4)
    assert versions.keys() == {"requests", "urllib3", "django", "cryptography", "certifi", "pyjwt"}


def test_every_direct_dependency_is_constrained_to_one_version_and_to_no_address():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"]
    project = PYPROJECT["project"]
    direct = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in direct} - {project["name"]}

    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    assert names <= {line.split("==")[0] for line in lines}


def test_what_the_interop_tests_are_about_is_installed_in_one_version_and_from_no_address():
    interop = ROOT / "scripts" / "interop"
    lists = [(interop / name).read_text().splitlines()[1:] for name in ("requirements.txt", "libraries.txt")]
    packages = json.loads((interop / "package.json").read_text())["dependencies"]

    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for lines in lists for line in lines)
    assert packages.keys() == {"oidc-provider"}
    assert all(re.fullmatch(r"[\d.]+", version) for version in packages.values())
    assert not list(interop.glob("*lock*"))


def test_no_file_gives_away_a_machine_or_a_registry():
    machine = re.compile(r"(?<![\w.:/~-])/(?:root|home|Users|work|opt)/\w")
    registry = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.org|--(?:extra-)?index[-]url", re.IGNORECASE)
    finds = [
        f"{name}: {find[0]}"
        for name, text in texts()
        for pattern in (machine, registry)
        for find in pattern.finditer(text)
    ]

    assert finds == []
