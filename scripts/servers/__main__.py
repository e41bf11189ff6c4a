"""Starts PostgreSQL, MariaDB and Redis for tests: private instances on the loopback, each with a password.

A server of the system's own is never spoken to, started or stopped. What an instance holds goes when it
stops.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from scripts.servers import Failure
from scripts.servers.apt import install
from scripts.servers.kinds import KINDS
from scripts.servers.place import STARTED, alone, private
from scripts.servers.say import say
from scripts.servers.server import SIGNALS, Server

EXAMPLES: Final = """
Names are postgresql, mariadb and redis; without any, all three are meant. Examples:

  scripts/services install
  scripts/services run postgresql redis -- make test
  scripts/services start mariadb && eval "$(scripts/services env)" && make demo
"""


class Ended(Exception):
    """A signal of this number came."""


def start(names: Sequence[str]) -> None:
    with alone():
        STARTED.mkdir(exist_ok=True)
        for name in names:
            Server(STARTED, name).start()


def stop(names: Sequence[str]) -> None:
    with alone():
        stopped = [Server(STARTED, name).stop() for name in names]
    if not any(stopped):
        say("Nothing was running.")


def status(names: Sequence[str]) -> None:
    for name in names:
        server = Server(STARTED, name)
        state = "not installed" if server.kind.missing() else "not running"
        if server.alive:
            state = f"runs on 127.0.0.1:{server.known['port']}"
        sys.stdout.write(f"{server.kind.title:<12}{state}\n")


def env(names: Sequence[str]) -> None:
    running = [name for name in names if Server(STARTED, name).alive]
    if not running:
        raise Failure("Nothing is running. To start it: scripts/services start")
    if {"postgresql", "mariadb"} <= set(running):
        raise Failure("PostgreSQL and MariaDB are running: name the one that DATABASE_URL is to be.")
    for variable, value in variables(STARTED, running).items():
        sys.stdout.write(f"export {variable}={shlex.quote(value)}\n")


def variables(place: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the environment that leads to what was started in *place*."""
    servers = [Server(place, name) for name in names]
    return {server.kind.variable: server.known["url"] for server in servers}


def run(names: Sequence[str], command: Sequence[str]) -> int:
    """Run *command* with instances of its own, gone when it has ended; return its exit code."""
    for number in SIGNALS:
        signal.signal(number, end)
    try:
        with private() as place:
            for name in names:
                Server(place, name).start()
            return use(command, {**os.environ, **variables(place, names)})
    except Ended as ended:
        return 128 + int(str(ended))


def end(number: int, _frame: object) -> None:
    raise Ended(number)


def use(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run *command* until it ends by itself: what to do about a signal is for it to decide."""
    early: list[int] = []  # what came before there was anybody to pass it on to
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: early.append(number))
    signal.signal(signal.SIGINT, lambda _number, _frame: None)  # a terminal sends it to the command, too
    try:
        with subprocess.Popen(command, env=environment) as process:
            for number in set(SIGNALS) - {signal.SIGINT}:
                signal.signal(number, lambda number, _frame: process.send_signal(number))
            for told in early:
                process.send_signal(told)
            code = process.wait()
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return 127
    return code if code >= 0 else 128 - code


COMMANDS: Final[dict[str, tuple[Callable[[Sequence[str]], None], str]]] = {
    "install": (install, "install what is missing with apt-get, as root, and start nothing"),
    "start": (start, "start instances that stay until they are stopped"),
    "stop": (stop, "stop them, and remove what they held"),
    "status": (status, "say what is running, and where"),
    "env": (env, "print the variables that lead to what is running, for a shell"),
}
RUN: Final = "run a command with instances of its own: run name … -- command …; its exit code is passed on"


def read(arguments: Sequence[str]) -> Callable[[], int | None]:
    """Return what is asked for. Who asks for what there is not is told so, with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="scripts/services",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, (_function, text) in COMMANDS.items():
        commands.add_parser(name, help=text, description=text).add_argument(
            "names", nargs="*", metavar="name"
        )
    commands.add_parser("run", help=RUN, description=RUN).add_argument("names", nargs="+", metavar="name")

    own, command = split(arguments)
    asked = parser.parse_args(own)
    unknown = [name for name in asked.names if name not in KINDS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if asked.command == "run":
        if not command:
            parser.error("run what? run name … -- command …")
        if {"postgresql", "mariadb"} <= set(asked.names):
            parser.error("a command has one DATABASE_URL: name postgresql or mariadb")
        return lambda: run(asked.names, command)
    if command:
        parser.error(f"{asked.command} takes no command")
    return lambda: COMMANDS[asked.command][0](asked.names or list(KINDS))


def split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Split at the first ``--``."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def main() -> int:
    """Do what the command line asks for; return the exit code."""
    asked = read(sys.argv[1:])
    try:
        return asked() or 0
    except Failure as failure:
        say(str(failure))
        return 1


if __name__ == "__main__":
    sys.exit(main())
