"""Where it is written down what runs: in one place what was started, in others what commands run with."""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scripts.servers.kinds import KINDS
from scripts.servers.server import SIGNALS, Server, take

PLACE: Final = Path(os.environ.get("SERVICES") or Path(__file__).resolve().parents[2] / ".services")
STARTED: Final = PLACE / "started"


@contextmanager
def alone() -> Iterator[None]:
    """Keep others from starting and stopping meanwhile, and clear up after those that were killed."""
    PLACE.mkdir(exist_ok=True)
    with (PLACE / "alone").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for place in PLACE.glob("run-*"):
            if abandoned(place):
                clear(place)
        yield


def abandoned(place: Path) -> bool:
    with suppress(FileNotFoundError), (place / "owner").open() as owner:
        return take(owner)
    return True


@contextmanager
def private() -> Iterator[Path]:
    """Have a place for the block, at whose end all that was started there is stopped."""
    with alone():
        place = Path(tempfile.mkdtemp(prefix="run-", dir=PLACE))
        owner = (place / "owner").open("w")
        take(owner)
    with owner:
        try:
            yield place
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            clear(place)


def clear(place: Path) -> None:
    for name in KINDS:
        Server(place, name).stop()
    shutil.rmtree(place, ignore_errors=True)
