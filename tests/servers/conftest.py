"""A way to call ``scripts/services``, and a Redis that needs no installing."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.traces import PATIENCE

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "services"
READY = "echo Ready to accept connections; exec sleep 600"
#: What a command that is run with a server prints of it first: the record that ``scripts/services`` keeps.
SHOW = 'cat "$SERVICES"/run-*/redis.json; echo; '


@pytest.fixture
def state(tmp_path):
    """Where it is written down what runs."""
    return tmp_path / "state"


@pytest.fixture
def programs():
    """A directory that others may read, too: as root, the script starts a server as somebody else."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def redis(programs):
    """A way to have a Redis that does as it is told, and needs no installing."""

    def does(what):
        program = programs / "redis-server"
        program.write_text(f"#!/bin/sh\n{what}\n")
        program.chmod(0o755)

    does(READY)
    return does


@pytest.fixture
def environment(state, programs):
    return {**os.environ, "SERVICES": str(state), "PATH": f"{programs}:{os.environ['PATH']}"}


@pytest.fixture
def services(environment):
    """A way to call the script; returns how it ended and what it said."""

    def call(*arguments, **more):
        return subprocess.run(
            [sys.executable, SCRIPT, *arguments],
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=10 * PATIENCE,
        )

    return call


@pytest.fixture
def running(environment, redis):
    """A way to have a command run with a Redis meanwhile; its value is the script and the record."""

    @contextmanager
    def start(command):
        with subprocess.Popen(
            [sys.executable, SCRIPT, "run", "redis", "--", "sh", "-c", f"{SHOW}{command}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as script:
            shown: Any = script.stdout
            yield script, json.loads(shown.readline())

    return start
