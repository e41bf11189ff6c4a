"""What is to be known of each of the three: its programs, how it is started, by whom, what leads to it."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.servers import Failure

Command = list[str | Path]


@dataclass(frozen=True)
class Instance:
    """One server to be: its files, its port and its password."""

    directory: Path
    port: int
    password: str

    @property
    def kept(self) -> Path:
        """Where it keeps what it holds."""
        return self.directory / "kept"

    def write(self, name: str, text: str) -> Path:
        """Write a file that nobody but the server can read: what stands in a command, everybody can."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path


@dataclass(frozen=True)
class Kind:
    """What the three differ in.

    :ivar needs: Debian's packages, by the program that each is wanted for
    :ivar find: finds a program
    :ivar make: the command that makes an empty instance
    :ivar serve: the command that serves it until it gets the signal *stop*, on which it waits for no client
    :ivar users: who may run it when we are root, the first who exists
    :ivar variable: of the environment, for *url*
    """

    title: str
    needs: dict[str, str]
    find: Callable[[str], Path | None]
    make: Callable[[Instance], Command]
    serve: Callable[[Instance], Command]
    stop: signal.Signals
    users: tuple[str, ...]
    variable: str
    url: str

    def missing(self) -> list[str]:
        """Return the packages that are not here."""
        return [package for program, package in self.needs.items() if not self.find(program)]


def path() -> str:
    """Return where programs are, servers among them, which the path of not everybody has."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def find(name: str) -> Path | None:
    """Return the program of that *name*."""
    found = shutil.which(name, path=path())
    return Path(found) if found else None


def find_postgresql(name: str) -> Path | None:
    """Return a program of the newest PostgreSQL, which Debian keeps off the path."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(versions, key=lambda path: float(path.parts[-3]), default=None) or find(name)


def program(name: str, finder: Callable[[str], Path | None] = find) -> Path:
    """Return a program that there has to be.

    :raises Failure: there is none
    """
    found = finder(name)
    if not found:
        raise Failure(f"There is no {name} here. To install it, as root: scripts/services install")
    return found


def make_postgresql(instance: Instance) -> Command:
    password = instance.write("password", instance.password)
    # No file of the tests' data survives them, so that none has to survive a crash.
    form = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
    access = ["--username=tests", f"--pwfile={password}", "--auth=scram-sha-256"]
    return [program("initdb", find_postgresql), f"--pgdata={instance.kept}", *form, *access]


def serve_postgresql(instance: Instance) -> Command:
    hasty = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
    # No socket in a file: its path must not have more than 107 bytes, and nobody needs it.
    reach = {"listen_addresses": "127.0.0.1", "port": instance.port, "unix_socket_directories": ""}
    options = [f"--{name}={value}" for name, value in {**hasty, **reach, "max_connections": 200}.items()]
    return [program("postgres", find_postgresql), "-D", instance.kept, *options]


def make_mariadb(instance: Instance) -> Command:
    # --no-defaults: what the system's own server is told is not for this one.
    quick = ["--skip-name-resolve", "--skip-test-db", "--auth-root-authentication-method=normal"]
    return [program("mariadb-install-db"), "--no-defaults", f"--datadir={instance.kept}", *quick]


#: A new MariaDB lets root in without a password.
NOBODY: Final = "DELETE FROM mysql.global_priv WHERE User = 'root';\nFLUSH PRIVILEGES;\n"


def serve_mariadb(instance: Instance) -> Command:
    first = instance.write(
        "first.sql",
        NOBODY + f"CREATE USER tests@127.0.0.1 IDENTIFIED BY '{instance.password}';\n"
        "GRANT ALL ON *.* TO tests@127.0.0.1;\n"
        "CREATE DATABASE tests;\n",
    )
    files = [f"--datadir={instance.kept}", f"--socket={instance.directory}/socket", f"--init-file={first}"]
    reach = ["--bind-address=127.0.0.1", f"--port={instance.port}", "--skip-name-resolve"]
    text = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
    hasty = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"]
    return [program("mariadbd"), "--no-defaults", *files, *reach, *text, *hasty]


def make_redis(instance: Instance) -> Command:
    program("redis-server")  # said here, before anything is made
    return ["mkdir", instance.kept]


def serve_redis(instance: Instance) -> Command:
    lines = {
        "bind": "127.0.0.1",
        "port": instance.port,
        "requirepass": instance.password,
        "dir": instance.kept,
        "databases": 64,  # one for each process of a test run
        "save": '""',
    }
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    return [program("redis-server"), instance.write("redis.conf", text)]


KINDS: Final = {
    "postgresql": Kind(
        title="PostgreSQL",
        needs={"initdb": "postgresql", "postgres": "postgresql"},
        find=find_postgresql,
        make=make_postgresql,
        serve=serve_postgresql,
        stop=signal.SIGINT,
        users=("postgres", "nobody"),
        variable="DATABASE_URL",
        url="postgres://tests:{password}@127.0.0.1:{port}/postgres",
    ),
    "mariadb": Kind(
        title="MariaDB",
        # The server without its daemon, and what pip builds mysqlclient with.
        needs={
            "mariadbd": "mariadb-server-core",
            "mariadb-install-db": "mariadb-server-core",
            "mariadb_config": "libmariadb-dev",
            "pkg-config": "pkg-config",
            "gcc": "gcc",
        },
        find=find,
        make=make_mariadb,
        serve=serve_mariadb,
        stop=signal.SIGTERM,
        users=("mysql", "nobody"),
        variable="DATABASE_URL",
        url="mysql://tests:{password}@127.0.0.1:{port}/tests",
    ),
    "redis": Kind(
        title="Redis",
        needs={"redis-server": "redis-server"},
        find=find,
        make=make_redis,
        serve=serve_redis,
        stop=signal.SIGTERM,
        users=("redis", "nobody"),
        variable="CACHE_URL",
        url="rediscache://:{password}@127.0.0.1:{port}/0",
    ),
}
