"""A site as it runs in production: two workers, each of several threads, and a database that they share."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.databases import Database
from tests.floods.browser import Browser
from tests.oauth_login.many_people import ManyPeople

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
ANSWERS = "answers"  # a line per answer: the worker's process id
GUNICORN = [
    *["-W", "error", "-W", "ignore::ResourceWarning"],  # its own, about the socket it is given
    *["-m", "gunicorn", "demo_site.wsgi", "--no-control-socket"],
    *[f"--workers={WORKERS}", "--threads=4", "--keep-alive=60", "--access-logformat=%(p)s"],
]


@dataclass(frozen=True)
class Snapshot:
    """What can be counted of a site at one moment; one less another is what came in between."""

    rows: dict[str, int]  # of every table
    requests: int  # to the provider
    answers: dict[str, int]  # by worker
    memory: dict[str, int]  # resident, in kB, by worker

    def __sub__(self, before):
        return Snapshot(
            changes(self.rows, before.rows),
            self.requests - before.requests,
            changes(self.answers, before.answers),
            changes(self.memory, before.memory),
        )


def changes(after, before):
    """Return by how much the numbers changed that did."""
    return {name: number - before[name] for name, number in after.items() if number != before[name]}


@dataclass(frozen=True)
class Site:
    """A running site, as its clients see it and as its owner does."""

    port: int
    directory: Path
    database: Database
    provider: ManyPeople

    @property
    def counters(self):
        """In how many places what one address does is counted: as many as there are caches."""
        return WORKERS if settings.CACHES["default"]["BACKEND"].endswith("LocMemCache") else 1

    def browser(self, address):
        return Browser(self.port, address)

    def snapshot(self):
        answers = self.answers()
        memory = {worker: resident(worker) for worker in answers}
        return Snapshot(self.database.rows(), len(self.provider.requests), answers, memory)

    def answers(self):
        """Count the answers that each worker has given, by its process id."""
        return Counter(re.findall(r"\d+", (self.directory / ANSWERS).read_text()))

    def wake(self):
        """Have every worker load what it loads for the first start and the first callback."""
        while len(self.answers()) < WORKERS:
            with self.browser("192.0.2.1") as somebody:
                somebody.start()
                somebody.come_back()


def resident(worker):
    """Return the resident memory of a process in kB."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())[0])


@contextmanager
def running(directory, database, provider, limits):
    """Run a site until the end of the block, then see that it stops, and that nothing in it failed."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.floods.settings",
        "DATABASE_URL": database.url,
        "OAUTH_LOGIN": json.dumps(
            {"PROVIDERS": {"github": provider.options}, "TRUSTED_PROXIES": 1, **limits}
        ),
    }
    shared = ("CACHE_URL", "PYTEST_XDIST_WORKER")  # which cache of the server's is this process's
    environment |= {name: os.environ[name] for name in shared if name in os.environ}
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(migrate, cwd=ROOT, env={**os.environ, **environment}, check=True)
    output, answers = directory / "output", directory / ANSWERS
    answers.touch()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, output.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *GUNICORN, f"--bind=fd://{listener.fileno()}", f"--access-logfile={answers}"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
        )
        site = Site(listener.getsockname()[1], directory, database, provider)
    try:
        site.wake()
        yield site
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    assert server.returncode == 0, output.read_text()
    assert "Traceback" not in output.read_text()
