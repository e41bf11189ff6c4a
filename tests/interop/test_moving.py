"""Sites that signed people in through another library move in: whoever was somebody there is the same here.

The libraries are real, in an environment of their own, and have written their tables themselves, with as many
people as ``MOVING_IN`` says, or 300.
"""

import functools
import io
import json
import os
import shutil
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from oauth_login.models import LinkedAccount, Token
from tests.interop.servers import PROGRAMS
from tests.names import found_here
from tests.needs import find_servers
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET, FakeGitHub, serving
from tests.oauth_login.http_server import certificate
from tests.oauth_login.oidc import fake_openid
from tests.oauth_login.oidc.fake_openid import FakeOpenID, OpenIDServer

NUMBER = int(os.environ.get("MOVING_IN", "300"))
OURS = {
    "github": {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET},
    "google": {"CLIENT_ID": "client-of-google", "CLIENT_SECRET": "a secret"},
    "acme": {
        "ISSUER": fake_openid.ISSUER,
        "CLIENT_ID": fake_openid.CLIENT_ID,
        "CLIENT_SECRET": fake_openid.CLIENT_SECRET,
    },
}
#: By library: how to bring its people over, and what it calls GitHub and the OpenID Provider.
WAYS = {
    "allauth": ([], "github", "acme"),
    "social-auth": (["--provider", "oidc=acme"], "github", "oidc"),
    "mozilla-oidc": (["--provider", "acme", "--subject-field", "username"], "", "mozilla-oidc"),
}


@contextmanager
def on_file(path, blocker):
    """Have the site on the database in that file, whatever the tests run on."""
    kept, before = dict(connections.settings["default"]), connections["default"]
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {}, "TEST": {}}
    connections.settings["default"].update(file)
    connections["default"] = connections.create_connection("default")
    try:
        with blocker.unblock(), closing(connections["default"]):
            yield
    finally:
        connections.settings["default"].update(kept)
        connections["default"] = before


class Site:
    """A site with its people, as another library has left it; it has just added this one."""

    def __init__(self, library, people):
        self.library, self.people = library, people
        self.options, self.github, self.openid = WAYS[library]

    def bring(self, *more):
        """Run the command; return what it says."""
        out = io.StringIO()
        call_command("oauth_login", "import", self.library, *self.options, *more, stdout=out)
        return out.getvalue()

    def user_of(self, provider, uid):
        """Return the key of who has that there."""
        (pk,) = (pk for name, theirs, pk in self.people if (name, theirs) == (provider, uid))
        return pk


def theirs():
    """Return every row that was there before this app was."""
    ours = ("oauth_login_", "guestbook_", "django_", "sqlite_", "auth_permission")
    with connections["default"].cursor() as cursor:
        names = connections["default"].introspection.table_names(cursor)
        rows = {}
        for name in (name for name in names if not name.startswith(ours)):
            cursor.execute(f'SELECT * FROM "{name}" ORDER BY 1')  # noqa: S608  a name of the database's own
            rows[name] = cursor.fetchall()
    return rows


def counts():
    """Return how many users, linked accounts and tokens there are."""
    return get_user_model().objects.count(), LinkedAccount.objects.count(), Token.objects.count()


@pytest.fixture(scope="module")
def providers(tmp_path_factory):
    """Where the site finds GitHub and the OpenID Provider, and who vouches for them."""
    with serving() as github:
        context, bundle = certificate(tmp_path_factory.mktemp("op"), fake_openid.HOST)
        with Path(bundle).open("a") as authorities:
            authorities.write(Path(os.environ["SSL_CERT_FILE"]).read_text())
        with OpenIDServer(context) as openid, found_here({(fake_openid.HOST, 443): openid.port}):
            yield github, openid, bundle


@pytest.fixture(scope="module")
def left_by(tmp_path_factory, django_db_blocker):
    """A way to get what a library has left, with this app's tables beside: the file, and who is in it."""
    python = Path(find_servers() or "", "libraries", "bin", "python")

    @functools.cache
    def leave(library):
        path = tmp_path_factory.mktemp(library) / "db.sqlite3"
        command = [python, PROGRAMS / "libraries.py", library, path, str(NUMBER)]
        filled = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        with on_file(path, django_db_blocker):
            call_command("migrate", verbosity=0)
        return path, json.loads(filled.stdout.splitlines()[-1])

    return leave


@pytest.fixture(params=WAYS)
def site(request, settings, providers, left_by, tmp_path, django_db_blocker):
    """Each library's, as it was left."""
    path, people = left_by(request.param)
    shutil.copy(path, tmp_path)
    settings.OAUTH_LOGIN = {"PROVIDERS": OURS, "CA_BUNDLE": providers[2]}
    with on_file(tmp_path / path.name, django_db_blocker):
        yield Site(request.param, people)


@pytest.mark.threat("L11")
def test_everybody_moves_in_and_nothing_of_theirs_is_touched(site):
    before, started = theirs(), time.monotonic()
    tokens = 0 if site.library == "mozilla-oidc" else NUMBER
    assert (counts(), len(site.people)) == ((NUMBER, 0, 0), NUMBER)

    looked = site.bring()
    assert counts() == (NUMBER, 0, 0)
    wrote = site.bring("--write")
    seconds = time.monotonic() - started
    assert counts() == (NUMBER, NUMBER, tokens)
    again = site.bring("--write")

    assert theirs() == before
    assert counts() == (NUMBER, NUMBER, tokens)
    assert sums(looked) == sums(wrote) == [NUMBER, NUMBER, 0, 0, 0, tokens, 0]
    assert sums(again) == [NUMBER, 0, NUMBER, 0, 0, 0, 0]
    print(f"{site.library}: {seconds:.1f} s to look and to write\n{wrote}")  # noqa: T201  for who asks by -s


def sums(said):
    """Return the last line of the table."""
    return [int(word) for word in said.partition("\n\n")[0].splitlines()[-1].split()]


def test_who_signs_in_through_the_openid_provider_is_who_they_were(site, providers):
    site.bring("--write")
    sub, visitor = "sub-4", Visitor()
    with FakeOpenID(providers[1]) as openid:
        openid.claims = openid.userinfo = {"sub": sub, "email": "of-another-address@example.com"}
        visitor.sign_in(openid, "acme")

    assert visitor.user.pk == site.user_of(site.openid, sub)
    assert counts()[:2] == (NUMBER, NUMBER)


@pytest.mark.parametrize("site", ["allauth", "social-auth"], indirect=True)
def test_who_signs_in_through_github_is_who_they_were_and_their_token_was_theirs(site, providers):
    site.bring("--write")
    visitor, account = Visitor(), LinkedAccount.objects.get(provider="github", subject="7")
    assert account.token.access_token.reveal() == "access-token-7"
    with FakeGitHub(providers[0]) as github:
        github.user = github.user | {"id": 7, "login": "renamed-since"}
        visitor.sign_in(github)

    assert visitor.user.pk == account.user_id == site.user_of(site.github, "7")
    assert counts()[:2] == (NUMBER, NUMBER)
