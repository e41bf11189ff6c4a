"""One server that the site is two clients of: who comes through which."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from oauth_login.models import LinkedAccount, Revocation, Token
from tests.databases import unquoted

SECRETS = {"github": "the secret of the first webhook", "second": "the secret of the second webhook"}
SECOND = ("client-two", "secret-of-client-two")


@pytest.fixture(autouse=True)
def two(settings):
    """A site with two registrations at GitHub."""
    first = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    second = first | {"PRESET": "github", "CLIENT_ID": SECOND[0], "CLIENT_SECRET": SECOND[1]}
    providers = {
        alias: options | {"WEBHOOK_SECRETS": [SECRETS[alias]]}
        for alias, options in {"github": first, "second": second}.items()
    }
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers}


@pytest.fixture
def by_the_second(new_visitor, github):
    """Sign in through the second, in a browser that has nothing to do with the first."""

    def sign_in():
        as_the_second(github)
        assert new_visitor().sign_in(github, "second").status_code == 302
        return LinkedAccount.objects.get()

    return sign_in


@pytest.fixture
def linked(visitor, github):
    """Sign in through the first, then link the same person through the second."""

    def come():
        github.token = github.new_pair()
        visitor.sign_in(github)
        before = LinkedAccount.objects.select_related("token").get()
        as_the_second(github)
        assert visitor.sign_in(github, "second", intent="link").status_code == 302
        return before

    return come


@pytest.fixture
def revoked(github):
    """The clients whose grants were given back, and the access tokens that were shown for it."""
    asked = []

    def answer(request):
        asked.append((request.path.split("/")[2], json.loads(request.body)["access_token"]))
        return 204, {}, b""

    github.revocation = answer
    return asked


@pytest.fixture
def one_registration(settings):
    """One registration at GitHub, two buttons."""
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    first = {name: providers["github"][name] for name in ("CLIENT_ID", "CLIENT_SECRET")}
    providers = providers | {"second": providers["second"] | first}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers}


def as_the_second(github):
    """Have GitHub speak to the second registration, and grant it a token that can be renewed."""
    github.client = SECOND
    github.clients |= [SECOND]
    github.token = github.new_pair()


@contextmanager
def before_it_is_saved(github, do):
    """Do something once, when a new token has come and is about to be saved."""
    waiting = [do]

    def first(execute, sql, *more):
        if unquoted(sql).startswith("UPDATE oauth_login_token") and github.refresh_requests and waiting:
            waiting.pop()()
        return execute(sql, *more)

    with connection.execute_wrapper(first):
        yield
    assert not waiting


def expire():
    """Let all tokens be expired, and what waits be due."""
    past = datetime.now(UTC) - timedelta(seconds=10)
    Token.objects.update(expires_at=past)
    Revocation.objects.update(next_try_at=past)
