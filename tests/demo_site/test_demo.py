"""``manage.py demo``: everything runs after one command, and nothing is left after Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command

from demo_site.management.commands import demo

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def stopped_at_once(monkeypatch, settings):
    """Ctrl-C comes as soon as Django's server listens; the handlers of the signals are put back."""

    def run(host, port, application, *, threading, on_bind):
        on_bind(port)
        raise KeyboardInterrupt

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(demo, "run", run)
    settings.DEBUG = True
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def password_in(output):
    (password,) = re.findall(r"name owner, password (\S+)", output)
    return password


def welcome_of(process):
    """Wait until the site listens; return what it has said by then."""
    welcome = ""
    while "Ctrl-C" not in welcome:
        line = process.stdout.readline()
        assert line, f"it ended by itself: {process.stderr.read()}"
        welcome += line
    return welcome


def visit(site, password):
    """Open the guestbook, then sign in to the admin as its owner."""
    with requests.Session() as browser:
        front_page = browser.get(f"{site}/")
        browser.get(f"{site}/admin/login/")
        answers = {
            "username": "owner",
            "password": password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        return front_page, browser.post(f"{site}/admin/login/?next=/admin/", answers)


@pytest.mark.django_db
class TestOnceStarted:
    @pytest.fixture(autouse=True)
    def _started(self, stopped_at_once):
        """Each of these starts the demo and stops it at once."""

    def test_it_says_where_the_site_is(self, port, capsys):
        call_command("demo", f"--port={port}")

        output = capsys.readouterr().out
        assert f"http://127.0.0.1:{port}/\n" in output
        assert f"http://127.0.0.1:{port}/admin/\n" in output

    def test_its_owner_can_sign_in_to_the_admin(self, port, capsys, client):
        call_command("demo", port=port)

        password = password_in(capsys.readouterr().out)
        assert client.login(username="owner", password=password)
        assert client.get("/admin/").status_code == 200

    def test_the_password_is_new_at_every_start(self, port, capsys):
        call_command("demo", port=port)
        first = password_in(capsys.readouterr().out)
        call_command("demo", port=port)
        second = password_in(capsys.readouterr().out)

        assert first != second
        assert authenticate(username="owner", password=first) is None
        assert authenticate(username="owner", password=second)

    def test_a_visitor_who_is_called_owner_does_not_become_the_owner(self, port):
        get_user_model().objects.create_user("owner")

        with pytest.raises(CommandError, match="is a visitor in this database"):
            call_command("demo", port=port)
        assert not get_user_model().objects.get(username="owner").is_superuser

    def test_it_says_that_the_sandbox_answers(self, port, capsys, settings):
        settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}

        call_command("demo", port=port)

        assert "the sandbox answers instead of GitHub" in capsys.readouterr().out

    def test_it_says_of_each_provider_who_answers(self, port, capsys, settings):
        real = {"CLIENT_ID": "an-id", "CLIENT_SECRET": "a-secret"}
        settings.OAUTH_LOGIN = {"PROVIDERS": {"google": {}, "weibo": real, "qq": {}}, "SANDBOX": True}

        call_command("demo", port=port)

        output = capsys.readouterr().out
        assert "the sandbox answers instead of Google, QQ:" in output
        callback = f"http://127.0.0.1:{port}/oauth2/weibo/callback/"
        assert f"微博 itself; the callback URL to register there is {callback}" in output

    def test_it_says_which_callback_url_the_real_github_must_know(self, port, capsys):
        call_command("demo", port=port)

        callback = f"http://127.0.0.1:{port}/oauth2/github/callback/"
        assert f"the callback URL to register there is {callback}" in capsys.readouterr().out


def test_it_refuses_to_run_in_production(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="runs with DEBUG=1 only"):
        call_command("demo")


def test_a_port_in_use_is_said_before_anything_else_happens(settings, port):
    settings.DEBUG = True

    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(CommandError, match=f"Cannot listen on port {port}: .*make demo PORT="):
            call_command("demo", port=port)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", ""])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(CommandError, match="is no port"):
        call_command("demo", f"--port={text}")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_site_runs_until_it_is_stopped_and_leaves_nothing_but_its_database(tmp_path, port, stop):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "ENV_FILE": os.devnull,
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
        "DEBUG": "1",
    }
    # A script that starts something in the background makes it ignore Ctrl-C: the demo listens all the same.
    command = f'trap "" INT; exec "{sys.executable}" -W error manage.py demo --port {port}'
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            front_page, admin = visit(f"http://127.0.0.1:{port}", password_in(welcome_of(process)))
        finally:
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=30)

    assert (front_page.status_code, admin.status_code) == (200, 200), errors
    assert admin.url.endswith("/admin/")
    assert process.returncode == 0
    assert "Stopped." in rest
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["demo.sqlite3"]
