"""One of the three, running: started, found again by another process, and stopped."""

import fcntl
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from scripts.servers import Failure
from scripts.servers.kinds import KINDS, Command, Instance, Kind, path
from scripts.servers.say import say

TO_START: Final = 60  # seconds
TO_STOP: Final = 20
TRIES: Final = 5  # a port that was free can be somebody's by the time a server takes it
READY: Final = re.compile(r"ready (to accept|for) connections", re.IGNORECASE)  # in the log of each
TAKEN: Final = "already in use"
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def wholly() -> Iterator[None]:
    """Have whoever wants to stop us wait for the end: a server of which nothing is written down would stay.

    The signals are not blocked, which a server would inherit.
    """
    noted: list[int] = []
    before = {number: signal.signal(number, lambda number, _: noted.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for told in noted:
            signal.raise_signal(told)


class Server:
    """The server of that *name* whose record is in *place*.

    It holds a lock for as long as one of its processes lives. A process id says less: it may be somebody
    else's by now.
    """

    def __init__(self, place: Path, name: str) -> None:
        self.kind = KINDS[name]
        self._record = place / f"{name}.json"
        self._lock = place / f"{name}.lock"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        if not self._lock.exists():
            return False
        with self._lock.open() as lock:
            return not take(lock)

    @property
    def known(self) -> dict[str, Any]:
        """What was written down: ``directory``; once it has started ``pid``, ``port`` and ``url``."""
        with suppress(FileNotFoundError):
            known: dict[str, Any] = json.loads(self._record.read_text())
            return known
        return {}

    def start(self) -> None:
        """Start it with nothing in it, if it does not run yet, and wait until it is ready.

        :raises Failure: it did not start; the text has the end of its log
        """
        if self.alive:
            say(f"{self.kind.title}: runs already, on port {self.known['port']}.")
            return
        self.stop()  # what one that was killed has left
        say(f"{self.kind.title}: starting …")
        since = time.monotonic()
        directory = Path(tempfile.mkdtemp(prefix="services-"))
        self._remember(directory=str(directory))
        try:
            port = self._start_in(directory)
        except BaseException:
            self.stop()
            raise
        say(f"{self.kind.title}: ready on port {port} after {time.monotonic() - since:.1f} s.")

    def stop(self) -> bool:
        """Stop it if it runs, and remove what it held; return whether there was anything."""
        known = self.known
        if "pid" in known and self.alive:
            os.kill(known["pid"], self.kind.stop)
            if not self._gone():
                os.killpg(known["pid"], signal.SIGKILL)
                self._gone()
        if known:
            shutil.rmtree(known["directory"], ignore_errors=True)
        self._record.unlink(missing_ok=True)
        self._lock.unlink(missing_ok=True)
        return bool(known)

    def _start_in(self, directory: Path) -> int:
        owner = owner_of(self.kind)
        for _ in range(TRIES):
            instance = Instance(directory, free_port(), secrets.token_hex(16))
            shutil.rmtree(instance.kept, ignore_errors=True)
            self._make(instance, owner)
            process = self._serve(instance, owner)
            if self._wait(process, directory / "log"):
                return instance.port
        raise Failure(f"{self.kind.title}: {TRIES} ports were free, and taken a moment later.")

    def _make(self, instance: Instance, owner: pwd.struct_passwd) -> None:
        command = self.kind.make(instance)
        log = instance.directory / "log"
        with log.open("wb") as output:
            if subprocess.run(command, check=False, **circumstances(instance, owner, output)).returncode:
                raise Failure(f"{self.kind.title} could not be made:\n{end_of(log)}")

    def _serve(self, instance: Instance, owner: pwd.struct_passwd) -> subprocess.Popen[bytes]:
        command: Command = self.kind.serve(instance)
        with (instance.directory / "log").open("wb") as output, self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held for a moment by whoever asks whether we are alive
            with wholly():
                process = subprocess.Popen(
                    command,
                    pass_fds=[lock.fileno()],
                    # Ctrl-C is for the command that uses it, which may have to clear up.
                    start_new_session=True,
                    **circumstances(instance, owner, output),
                )
                url = self.kind.url.format(password=instance.password, port=instance.port)
                self._remember(pid=process.pid, port=instance.port, url=url)
        return process

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> bool:
        """Wait until it is ready; return whether the port was still free."""
        deadline = time.monotonic() + TO_START
        while not READY.search(log.read_text(errors="replace")):
            ended = process.poll() is not None
            if ended and TAKEN in log.read_text(errors="replace"):
                return False
            if ended or time.monotonic() > deadline:
                raise Failure(f"{self.kind.title} did not start:\n{end_of(log)}")
            time.sleep(0.05)
        return True

    def _remember(self, **more: Any) -> None:
        whole = self._record.with_suffix(".new")  # a record is there as a whole or not at all
        whole.touch(mode=0o600)
        whole.write_text(json.dumps({**self.known, **more}))
        whole.replace(self._record)

    def _gone(self) -> bool:
        deadline = time.monotonic() + TO_STOP
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def take(lock: IO[Any]) -> bool:
    """Take the *lock*; return whether nobody else had it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def owner_of(kind: Kind) -> pwd.struct_passwd:
    """Return who is to run it: never root, as whom PostgreSQL and MariaDB refuse to run."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in kind.users:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failure(f"{kind.title} must not run as root, and there is no user {' or '.join(kind.users)}.")


def circumstances(instance: Instance, owner: pwd.struct_passwd, output: IO[bytes]) -> dict[str, Any]:
    """Return how a program of the server's is run: as *owner*, who gets what is there for it to read."""
    same: dict[str, Any] = {
        "cwd": instance.directory,
        "env": {"PATH": path(), "LC_ALL": "C.UTF-8", "HOME": str(instance.directory)},
        "stdin": subprocess.DEVNULL,
        "stdout": output,
        "stderr": output,
    }
    if os.geteuid() != 0:
        return same
    for file in (instance.directory, *instance.directory.iterdir()):
        os.chown(file, owner.pw_uid, owner.pw_gid)
    return {**same, "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def end_of(log: Path) -> str:
    """Return what the log says last."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
