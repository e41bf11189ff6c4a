"""The servers that others wrote, which ``make interop`` installs: started once, on a port of their own."""

import json
import os
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.person import NO, PATIENCE, YES, Person
from tests.needs import find_servers

PROGRAMS = Path(__file__).resolve().parent.parent.parent / "scripts" / "interop"
SITE = "http://testserver/"
CALLBACK = f"{SITE}oauth2/acme/callback/"
TO_START = 30  # seconds


class Server:
    """A running server.

    :ivar issuer: its URL, as the setting ``ISSUER`` takes it
    :ivar client_id: of the client that it knows from the start
    :ivar client_secret: of the same
    """

    def __init__(self, output):
        self._output = output
        ready = json.loads(output.readline())
        self.issuer, self.client_id, self.client_secret = ready.values()
        self.person = Person()

    def asked(self):
        """Return what this server was asked since this was asked last, as ``GET /path``."""
        return self._output.read().splitlines()

    def approve(self, location):
        """Sign in and consent where the site sends the browser; return the query of the callback."""
        return urlsplit(self._walk(location, YES)[0]).query

    def approve_by_form(self, location):
        """Do the same with a server that answers by a form; return what the form sends to the callback."""
        return self._walk(location, YES)[1]

    def refuse(self, location):
        """Say no there; return the query of the callback."""
        return urlsplit(self._walk(location, NO)[0]).query

    def sign_out(self, location):
        """Sign out there; return where the browser is sent then."""
        return self._walk(location, YES)[0]

    def _walk(self, location, pressed):
        there = self.person.walk(location, pressed)
        self.asked()  # not what a test wants to know of
        return there

    def metadata(self):
        """Return the discovery document."""
        return self._ask("GET", "/.well-known/openid-configuration").json()

    def register(self, **metadata):
        """Make a client by RFC 7591; return what the server says of it."""
        return self._ask("POST", "/reg", json=metadata).json()

    def change_keys(self):
        """Have it sign with a new key, and publish the old one no more."""
        self._ask("POST", "/keys")

    def _ask(self, method, path, **what):
        answer = self.person.browser.request(method, f"{self.issuer}{path}", timeout=PATIENCE, **what)
        if not answer.ok:
            pytest.fail(answer.text)
        self.asked()
        return answer

    @contextmanager
    def somebody_new(self):
        """Let somebody use it who has never been there."""
        self.asked()
        with closing(Person()) as self.person:
            yield self


@contextmanager
def running(directory, *command, cwd):
    """Start a server, wait until it says that it is ready, and stop it at the end."""
    with (
        (directory / "output").open("w+") as output,
        (directory / "errors").open("w+") as errors,
        subprocess.Popen(
            [*command, CALLBACK, SITE],
            cwd=cwd,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
        ) as process,
        (directory / "output").open() as said,
    ):
        try:
            wait_until_ready(process, directory)
            yield Server(said)
        finally:
            stop(process)


def wait_until_ready(process, directory):
    """Wait for the first line of output."""
    deadline = time.monotonic() + TO_START
    while "\n" not in (directory / "output").read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args} did not start:\n{(directory / 'errors').read_text()}")
        time.sleep(0.02)


def stop(process):
    """Stop it as the end of a run does, and in any case."""
    process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.fixture(scope="session")
def running_oidc_provider(tmp_path_factory):
    """Start npm's oidc-provider."""
    program = PROGRAMS / "oidc-provider.mjs"
    directory = Path(find_servers() or "", "node")
    with running(tmp_path_factory.mktemp("oidc-provider"), "node", program, cwd=directory) as server:
        yield server


@pytest.fixture(scope="session")
def running_toolkit(tmp_path_factory):
    """Start django-oauth-toolkit."""
    python = Path(find_servers() or "", "venv", "bin", "python")
    directory = tmp_path_factory.mktemp("toolkit")
    with running(directory, python, PROGRAMS / "toolkit.py", cwd=directory) as server:
        yield server


@pytest.fixture
def oidc_provider(running_oidc_provider):
    """npm's oidc-provider, and somebody who has never been there."""
    with running_oidc_provider.somebody_new() as server:
        yield server


@pytest.fixture
def toolkit(running_toolkit):
    """django-oauth-toolkit, and somebody who has never been there."""
    with running_toolkit.somebody_new() as server:
        yield server


@pytest.fixture(params=["oidc_provider", "toolkit"])
def server(request):
    """Each of them."""
    return request.getfixturevalue(request.param)
