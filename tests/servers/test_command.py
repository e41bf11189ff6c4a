"""``scripts/services`` starts what it is asked for, for as long as it is asked to, and leaves nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.servers.kinds import KINDS
from tests.servers.conftest import READY, SCRIPT, SHOW
from tests.servers.traces import PATIENCE, is_gone

TAKEN_AT_FIRST = (
    f'[ -e "$HOME/second" ] || {{ touch "$HOME/second"; echo Address already in use; exit 1; }}; {READY}'
)


# --- What can be asked for ---------------------------------------------------------------------------


def test_the_help_says_what_there_is(services):
    told = services("--help")

    assert told.returncode == 0
    for word in ("install", "start", "stop", "status", "env", "run", *KINDS):
        assert word in told.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "required: command"),
        ("dance", "invalid choice: 'dance'"),
        ("start postgres", "there is no postgres; there are postgresql, mariadb, redis"),
        ("run oracle -- true", "there is no oracle"),
        ("run -- true", "required: name"),
        ("run redis", "run what?"),
        ("run postgresql mariadb -- true", "one DATABASE_URL"),
        ("stop -- true", "stop takes no command"),
    ],
)
def test_what_there_is_not_is_refused(services, state, arguments, complaint):
    refused = services(*arguments.split())

    assert refused.returncode == 2
    assert complaint in refused.stderr
    assert not state.exists()


def test_a_server_that_is_not_installed_is_said_to_be_missing_and_how_to_get_it(services, state, programs):
    refused = services("start", "redis", PATH=str(programs))

    assert refused.returncode == 1
    assert "There is no redis-server here. To install it, as root: scripts/services install" in refused.stderr
    assert not list((state / "started").iterdir())
    assert "Redis       not installed" in services("status", "redis", PATH=str(programs)).stdout


def test_where_there_is_no_apt_it_is_said_what_to_install(services, programs):
    refused = services("install", "redis", PATH=str(programs))

    assert refused.returncode == 1
    assert "There is no apt-get here. Install what Debian has in: redis-server" in refused.stderr


@pytest.mark.usefixtures("redis")
def test_what_is_installed_is_not_installed_again(services, programs):
    done = services("install", "redis", PATH=str(programs))

    assert (done.returncode, done.stderr) == (0, f"Redis: {programs}/redis-server\n")


# --- With a command ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)],
    ids=["right", "wrong", "killed"],
)
def test_a_command_has_a_server_and_its_exit_code_is_passed_on(services, state, command, code):
    done = services("run", "redis", "--", "sh", "-c", f'{SHOW}echo "$CACHE_URL"; {command}')
    record, url = done.stdout.splitlines()

    assert done.returncode == code
    assert url == json.loads(record)["url"]
    assert re.fullmatch(r"rediscache://:\w{32}@127\.0\.0\.1:\d+/0", url)
    assert f"ready on port {json.loads(record)['port']}" in done.stderr
    assert is_gone(json.loads(record))
    assert not list(state.glob("run-*"))


@pytest.mark.usefixtures("redis")
def test_a_command_that_is_not_there_is_said_as_a_shell_says_it(services, state):
    done = services("run", "redis", "--", "no-such-command")

    assert done.returncode == 127
    assert "no-such-command: No such file or directory" in done.stderr
    assert not list(state.glob("run-*"))


def test_after_ctrl_c_the_command_clears_up_and_then_the_server_goes(running, state):
    clear_up = 'trap "echo clearing up; cat \\"\\$SERVICES\\"/run-*/redis.json; exit 5" INT; echo; '
    with running(f"{clear_up} while :; do sleep 0.05; done") as (script, record):
        script.stdout.readline()
        os.killpg(script.pid, signal.SIGINT)
        output, _ = script.communicate(timeout=PATIENCE)

    assert script.returncode == 5
    assert output.startswith("clearing up\n{")
    assert is_gone(record)
    assert not list(state.glob("run-*"))


def test_who_ends_the_script_ends_the_command_and_the_server(running, state):
    with running("exec sleep 600") as (script, record):
        script.send_signal(signal.SIGTERM)
        script.communicate(timeout=PATIENCE)

    assert script.returncode == 143
    assert is_gone(record)
    assert not list(state.glob("run-*"))


def test_ctrl_c_while_a_server_starts_stops_it(redis, environment, programs):
    redis(f'echo "$$" > {programs}/pid; exec sleep 600')
    (programs / "pid").touch()
    (programs / "pid").chmod(0o666)
    with subprocess.Popen([sys.executable, SCRIPT, "run", "redis", "--", "true"], env=environment) as script:
        while not (pid := (programs / "pid").read_text().strip()):
            time.sleep(0.02)
        script.send_signal(signal.SIGINT)
        script.wait(PATIENCE)

    assert script.returncode == 130
    assert is_gone({"pid": pid, "directory": "/nowhere"})


def test_what_a_killed_script_left_behind_is_cleared_up_by_the_next_one(running, services, state):
    with running("exec sleep 0.1") as (script, record):
        script.kill()
        script.communicate(timeout=PATIENCE)
    assert Path(record["directory"]).exists()

    services("stop")

    assert is_gone(record)
    assert not list(state.glob("run-*"))


def test_two_commands_at_once_have_a_server_each(running, services):
    with running("exec sleep 600") as (script, record):
        done = services("run", "redis", "--", "sh", "-c", "echo $CACHE_URL")
        script.terminate()

    assert done.returncode == 0
    assert done.stdout.strip() != record["url"]


@pytest.mark.usefixtures("redis")
def test_a_port_that_was_taken_meanwhile_is_exchanged_for_another(services, redis):
    redis(TAKEN_AT_FIRST)

    assert services("run", "redis", "--", "true").returncode == 0


@pytest.mark.parametrize("program", ["echo boom; exit 3", "echo boom"], ids=["failing", "ending"])
def test_of_a_server_that_does_not_start_the_log_is_shown_and_nothing_stays(services, state, redis, program):
    redis(program)

    refused = services("run", "redis", "--", "echo", "never")

    assert refused.returncode == 1
    assert "Redis did not start:\nboom" in refused.stderr
    assert "never" not in refused.stdout
    assert not list(state.glob("run-*"))


# --- Until it is stopped -----------------------------------------------------------------------------


def record_of(state):
    return json.loads((state / "started" / "redis.json").read_text())


@pytest.mark.usefixtures("redis")
def test_what_is_started_stays_until_it_is_stopped(services, state):
    first = services("start", "redis")
    record = record_of(state)
    again = services("start", "redis")

    assert (first.returncode, again.returncode) == (0, 0)
    assert f"runs already, on port {record['port']}" in again.stderr
    assert record_of(state) == record
    assert services("status", "redis").stdout == f"Redis       runs on 127.0.0.1:{record['port']}\n"
    assert services("env", "redis").stdout == f"export CACHE_URL={record['url']}\n"

    assert services("stop").returncode == 0

    assert is_gone(record)
    assert services("status", "redis").stdout == "Redis       not running\n"


@pytest.mark.usefixtures("redis")
def test_where_nothing_was_started_there_is_nothing_to_stop_and_nothing_to_use(services):
    stopped, used = services("stop"), services("env")

    assert (stopped.returncode, stopped.stderr) == (0, "Nothing was running.\n")
    assert (used.returncode, used.stdout) == (1, "")
    assert "Nothing is running" in used.stderr


@pytest.mark.usefixtures("redis")
def test_what_is_written_of_a_server_that_was_killed_is_seen_through(services, state):
    services("start", "redis")
    killed = record_of(state)
    os.kill(killed["pid"], signal.SIGKILL)
    assert services("status", "redis").stdout == "Redis       not running\n"

    # Its number may be another's by now.
    (state / "started" / "redis.json").write_text(json.dumps({**killed, "pid": os.getpid()}))
    services("start", "redis")

    assert record_of(state)["pid"] not in {killed["pid"], os.getpid()}
    assert not Path(killed["directory"]).exists()
    services("stop")
