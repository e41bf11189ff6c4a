"""The documentation says what the code does: settings, checks, codes, signals, names, and the way in."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.dispatch import Signal
from django.urls import reverse

from oauth_login import conf, errors, problems, providers, signals, urls
from oauth_login.backends import OAuthBackend
from oauth_login.causes import CAUSES
from oauth_login.management.subcommands import SUBCOMMANDS
from oauth_login.providers.definition import WORDS
from scripts import write_docs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
SOURCES = [path for path in (ROOT / "oauth_login").rglob("*.py") if "migrations" not in path.parts]


def first_cells(text, heading):
    """Return every code span in the first column of the tables under *heading*."""
    section = re.split(r"\n##? ", text.split(heading, 1)[1])[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {span for cell in cells for span in re.findall(r"`([^`]+)`", cell)}


def error_codes():
    """Return the statuses of every code that an exception of ours is raised with, read from the source."""
    classes = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.OAuthLoginError)
    }
    codes = {kind.default_code: {kind.status} for kind in classes.values() if hasattr(kind, "default_code")}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in classes and node.args:
                kind = classes[ast.unparse(node.func)]
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and re.fullmatch(r"[a-z_]+", str(part.value)):
                        codes.setdefault(str(part.value), set()).add(kind.status)
    return codes


def test_the_readme_lists_every_setting_and_no_other():
    options = problems.PROVIDER_KEYS.union(
        *(providers.kind(name, {}).option_names for name in providers.names())
    )
    # Those that define a provider have a page of their own, but for two that the table points to it with.
    pointers = {"CLAIMS", "USERINFO_ENDPOINT"}
    assert first_cells(README, "## Settings") == {*conf.DEFAULTS, *options} - {*WORDS} | pointers


@pytest.mark.parametrize("name", ["custom-users.md", "providers.md", "providers-from-data.md"])
def test_examples_presets_and_the_words_of_definitions_are_documented_as_they_are(name):
    path = f"docs/{name}"
    assert write_docs.DOCUMENTS[path](ROOT) == (ROOT / path).read_text()


@pytest.mark.parametrize("name", providers.names())
def test_a_preset_lacks_nothing_with_what_has_to_be_set_as_documented(name):
    row = providers.row(name)
    said = first_cells((ROOT / "docs/providers.md").read_text(), f"| preset | `{name}`,")

    assert {*providers.kind(name, {}).required(row)} <= {*row, *said}


def test_the_reference_lists_every_check_and_no_other():
    used = {
        f"oauth_login.{number}"
        for source in SOURCES
        for number in re.findall(r'"([EW]0\d\d)"', source.read_text())
    }
    assert first_cells(REFERENCE, "## System checks") == used


def test_every_code_and_no_other_has_a_cause_a_cure_and_one_status():
    assert {code: {cause.status} for code, cause in CAUSES.items()} == error_codes()


def test_the_codes_are_documented_as_they_are():
    assert write_docs.refusals(ROOT) == (ROOT / "docs" / "refusals.md").read_text()


def test_the_reference_lists_every_signal_and_no_other():
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert first_cells(REFERENCE, "## Signals") == names


def test_the_reference_lists_every_page_and_no_other():
    names = {getattr(pattern, "name", None) for pattern in urls.urlpatterns} - {None}
    assert names <= set(re.findall(r"`(\w+)`", REFERENCE.split("## Pages")[1].split("## Template")[0]))


def test_the_reference_lists_every_subcommand_and_no_other():
    assert first_cells(REFERENCE, "## Commands") == set(SUBCOMMANDS)


def test_the_methods_to_override_exist():
    for span in first_cells(REFERENCE, "## Users"):
        name, _, arguments = span.rstrip(")").partition("(")
        parameters = list(inspect.signature(getattr(OAuthBackend, name)).parameters)[1:]
        assert parameters == arguments.split(", ")


def test_the_package_says_which_files_to_read_and_they_exist():
    import oauth_login

    for path in re.findall(r"[\w/]+\.py", str(oauth_login.__doc__)):
        assert (ROOT / "oauth_login" / path).is_file()


@pytest.mark.threat("GH07")
def test_the_readme_has_the_exact_callback_url_registered_and_no_others_below_it():
    steps = " ".join(README.split("## Register with GitHub")[1].split("\n## ")[0].split())
    callback = reverse("oauth_login:callback", args=["github"])

    assert f"`https://www.example.com{callback}`" in steps
    assert "Register the exact URL" in steps
    assert "wildcard matching of redirect URIs, switch it off" in steps


@pytest.mark.parametrize(
    "path", [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]], ids=str
)
def test_links_within_the_repository_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / path).read_text()):
        assert (ROOT / path.parent / target).exists(), target


def test_the_lines_of_the_readme_make_a_new_project_sign_in(tmp_path):
    section = README.split("## Add it to your project")[1].split("\n## ")[0]
    settings_lines, urls_lines = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (template_lines,) = re.findall(r"```django\n(.*?)```", section, re.DOTALL)
    lines = [settings_lines, urls_lines, template_lines]
    assert sum(len(text.strip().splitlines()) for text in lines) <= 8

    def run(*command):
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "newcomer.settings"}
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "django", "startproject", "newcomer", ".", "--settings=django.conf.global_settings")
    project = tmp_path / "newcomer"
    for name, text in (("settings.py", settings_lines), ("urls.py", urls_lines)):
        file = project / name
        file.write_text(file.read_text() + "\n" + text)
    run("manage.py", "check", "--fail-level", "WARNING")
    run("manage.py", "migrate", "--verbosity=0")
    visit = (
        "from django.test import Client; from django.template import Template, RequestContext; "
        "from django.test import RequestFactory; "
        "page = Client().get('/oauth2/login/', headers={'host': 'localhost'}); print(page.status_code); "
        f"buttons = Template({template_lines!r}).render(RequestContext(RequestFactory().get('/here/'))); "
        "print('Sign in with GitHub' in page.text, 'value=\"/here/\"' in buttons)"
    )
    assert run("manage.py", "shell", "--no-imports", "-c", visit).split() == ["200", "True", "True"]
