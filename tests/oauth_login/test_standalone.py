"""``manage.py oauth_sandbox``: the sandbox over real HTTP, for our own client and for any other."""

import ast
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import time_machine
from django.core.management import CommandError, call_command

from oauth_login.errors import ReauthorizationRequired
from oauth_login.management.commands import oauth_sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
PROVIDERS = "github,google,weibo,qq,gitee,stackexchange"
CALLBACK = "http://testserver/oauth2/{alias}/callback/"


@pytest.fixture(scope="module")
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def welcome_of(process):
    """Wait until the sandbox listens; return what it has said by then."""
    welcome = ""
    while "Ctrl-C" not in welcome:
        line = process.stdout.readline()
        assert line, f"it ended by itself: {process.stderr.read()}"
        welcome += line
    return welcome


@pytest.fixture(scope="module")
def sandbox(port, tmp_path_factory):
    """The command, running in a process of its own; its value is what it tells a client to set."""
    # Whoever stops it leaves the connections that clients keep to the operating system.
    warnings = ["-W", "error", "-W", "ignore::ResourceWarning"]
    command = [sys.executable, *warnings, "manage.py", "oauth_sandbox", f"--port={port}"]
    options = [f"--providers={PROVIDERS}", f"--redirect-uri={CALLBACK}", "--client-secret=another"]
    environment = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "demo_site.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('none')}/none.sqlite3",
        "CACHE_URL": "locmemcache://",  # its own memory: other tests clear the one that is set for them
    }
    with subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            (told,) = re.findall(r"OAUTH_LOGIN = (\{.*?\})\n\n", welcome_of(process), re.DOTALL)
            yield ast.literal_eval(told)
        finally:
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=30)
    assert "Stopped." in rest
    assert "Traceback" not in errors
    assert process.returncode == 0


@pytest.fixture
def site(sandbox, settings):
    """A site, in production even, that has the settings it was told to have."""
    settings.OAUTH_LOGIN = sandbox
    return sandbox["PROVIDERS"]


@pytest.mark.parametrize("alias", PROVIDERS.split(","))
@pytest.mark.usefixtures("site")
def test_our_own_client_signs_in_over_real_http_with_the_settings_that_are_printed(visitor, port, alias):
    location = visitor.start(alias)["Location"]
    assert location.startswith(f"http://127.0.0.1:{port}/{alias}/")
    page = requests.get(location, timeout=30)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert "for trying things out" in page.text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=30).status_code == 200

    back = requests.post(location, {"persona": "octocat"}, allow_redirects=False, timeout=30)

    answer = visitor.get(back.headers["Location"])
    assert answer.status_code == 302, answer.context["code"]
    assert visitor.user.linked_accounts.get().issuer.startswith(f"http://127.0.0.1:{port}/{alias}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("alias", "user", "page"),
    [
        ("github", "user", "settings/connections/applications/sandbox-client"),
        ("google", "google/userinfo", "grants"),
    ],
)
@pytest.mark.usefixtures("site", "one_clock")
def test_tokens_are_renewed_over_real_http_until_the_grant_is_taken_back_there(
    visitor, port, alias, user, page
):
    location = visitor.start(alias)["Location"]
    chosen = {"persona": "octocat", "brief": "1"}
    back = requests.post(location, chosen, allow_redirects=False, timeout=30)
    assert visitor.get(back.headers["Location"]).status_code == 302
    account = visitor.user.linked_accounts.get()
    first = account.access_token()

    with time_machine.travel(time.time() + 61):
        session = account.session()
        assert session.get(user).status_code == 200
        assert account.access_token() != first

    taken_back = requests.post(f"http://127.0.0.1:{port}/{alias}/{page}", {"persona": "octocat"}, timeout=30)
    assert "octocat had granted" in taken_back.text
    with pytest.raises(ReauthorizationRequired):
        session.get(user)


def test_a_request_that_is_not_right_gets_a_page_without_a_way_to_another_site(site):
    answer = requests.get(f"{site['google']['ISSUER']}/authorize", timeout=30)

    assert answer.status_code == 400
    assert "unknown_client" in answer.text
    assert "<a " not in answer.text


def test_a_visitor_reads_the_page_in_their_own_language(visitor, site):
    location = visitor.start("google")["Location"]

    page = requests.get(location, headers={"Accept-Language": "zh-CN"}, timeout=30)

    assert "仅供试用" in page.text


def test_pictures_are_there(site):
    answer = requests.get(f"{site['google']['ISSUER']}/avatars/octocat.svg", timeout=30)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    ("path", "status"), [("/", 404), ("/nobody/authorize", 404), ("/google/nothing", 404)]
)
@pytest.mark.usefixtures("sandbox")
def test_what_is_not_there_is_not_found(port, path, status):
    assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=30).status_code == status


def test_nobody_can_be_somebody_who_is_not_there(visitor, site):
    location = visitor.start("google")["Location"]

    assert requests.post(location, {"persona": "nobody"}, timeout=30).status_code == 404


def test_a_request_of_megabytes_is_refused(site):
    answer = requests.post(site["google"]["ISSUER"] + "/token", b"x" * 3_000_000, timeout=30)

    assert answer.status_code == 413


# --- Where it does not run ----------------------------------------------------------------------------


@pytest.mark.threat("L03")
def test_it_does_not_run_in_production(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="runs with DEBUG on only"):
        call_command("oauth_sandbox")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"providers": "github,gogle"}, "Did you mean 'google'"),
        ({"providers": "apple"}, "apple: its client signs its own secret"),
        ({"redirect_uri": "/callback"}, "'/callback' is no http or https URL"),
        ({"redirect_uri": "https://a.example/#x"}, "without a fragment"),
        ({"redirect_uri": "app:callback"}, "is no http or https URL"),
        ({"redirect_uri": "http://[x/"}, "is no http or https URL"),
        *(({"providers": names}, "--providers names none") for names in ("", ",", " , ")),
        *(({"url": f"ftp://x{rest}"}, "--url: 'ftp://x") for rest in ("", "/", ":21")),
        *(({"url": f"http://x{rest}"}, "--url: .* without a query and a fragment") for rest in ("/?a", "#b")),
        *(({"url": url}, "--url: ") for url in ("sandbox:9000", "/sandbox", "http://", "http://[x")),
        *(
            ({"url": url}, "--url: ")
            for url in ("http://a b", "http://x:99999", "http://u:p@x", "http://x:0", "http://x/{a}")
        ),
        ({"redirect_uri": "https://x/{alias}/{b}"}, "is no http or https URL"),
        ({"redirect_uri": "https://x:port/"}, "is no http or https URL"),
        ({"host": ""}, "--host and --port: "),
        ({"port": 0}, "--host and --port: "),
        ({"port": 70_000}, "--host and --port: "),
        ({"host": "192.0.2.1", "port": 9}, "Cannot listen on 192.0.2.1:9"),
        ({"client_id": ""}, "cannot be empty"),
        ({"client_secret": ""}, "cannot be empty"),
    ],
)
def test_what_cannot_be_is_said_at_once(settings, stopped, options, message):
    settings.DEBUG = True

    with pytest.raises(CommandError, match=message):
        call_command("oauth_sandbox", **{"host": "192.0.2.1", **options})  # nowhere, even if it is not said


@pytest.fixture
def stopped():
    """Put back what the command does to signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def bound(monkeypatch, settings, stopped):
    """Ctrl-C comes as soon as Django's server would listen. Its value is where."""
    settings.DEBUG = True
    places = []

    def run(host, port, application, *, ipv6, on_bind, **_kind):
        places.append((host, ipv6))
        on_bind(port)
        raise KeyboardInterrupt

    monkeypatch.setattr(oauth_sandbox, "run", run)
    return places


@pytest.mark.threat("L03")
@pytest.mark.parametrize(
    ("host", "warns", "place"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:9000"),
        ("::1", False, "http://[::1]:9000"),
        ("0.0.0.0", True, "http://0.0.0.0:9000"),  # noqa: S104  that is what it warns of
    ],
)
def test_it_listens_on_this_machine_only_or_warns(bound, capsys, host, warns, place):
    call_command("oauth_sandbox", host=host)

    said = capsys.readouterr()
    assert bound == [(host, ":" in host)]
    assert ("can be anybody" in said.err) is warns
    assert f"answers at {place}." in said.out
    assert "http://127.0.0.1:8000/oauth2/qq/callback/" in said.out


@pytest.mark.usefixtures("bound")
def test_clients_may_call_it_by_another_name(capsys):
    call_command("oauth_sandbox", url="http://sandbox:9000/")

    assert "'ISSUER': 'http://sandbox:9000/google'" in capsys.readouterr().out
