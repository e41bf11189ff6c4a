"""What is missing comes from Debian's packages, and none of them starts anything."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.servers import Failure
from scripts.servers.kinds import KINDS, find
from scripts.servers.say import say

POLICY: Final = Path("/usr/sbin/policy-rc.d")  # asked before a package starts the daemon that it brings
FORBIDDEN: Final = 101  # its answer
DAEMONS: Final = ("postgresql", "redis-server")


def install(names: Sequence[str]) -> None:
    """Install what the servers of these *names* lack.

    :raises Failure: there is no apt-get, we are not root, a daemon would be started, or apt-get has failed
    """
    packages = sorted({package for name in names for package in KINDS[name].missing()})
    if packages:
        fetch(packages)
    for name in names:
        kind = KINDS[name]
        if lacking := kind.missing():
            raise Failure(
                f"{kind.title}: {', '.join(lacking)} installed, and still without a program of theirs."
            )
        say(f"{kind.title}: {kind.find(next(iter(kind.needs)))}")


def fetch(packages: Sequence[str]) -> None:
    by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not find("apt-get"):
        raise Failure(f"There is no apt-get here. Install what Debian has in: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise Failure(f"Installing takes an administrator:\n  sudo {by_hand}")
    say(f"Installing {' '.join(packages)} …")
    with nothing_started(by_hand):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode:
                raise Failure(f"apt-get {command[0]} has failed; it says why above.")


@contextmanager
def nothing_started(by_hand: str) -> Iterator[None]:
    """Have no package start a daemon meanwhile. An administrator's own policy is asked, never replaced."""
    try:
        policy = POLICY.open("x")
    except FileExistsError:
        asked = [subprocess.run([POLICY, name, "start"], check=False).returncode for name in DAEMONS]
        if set(asked) != {FORBIDDEN}:
            raise Failure(f"{POLICY} lets packages start daemons. Install by hand:\n  {by_hand}") from None
        yield
        return
    try:
        with policy:
            policy.write(f"#!/bin/sh\nexit {FORBIDDEN}\n")
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()
