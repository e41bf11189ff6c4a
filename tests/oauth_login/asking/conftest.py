"""Octocat, who signs in through GitHub and grants more later; and how to walk through the page that asks."""

import asyncio
import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount, Token

LEAST = "read:user user:email"  # what every sign-in asks GitHub for
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def no_loop_of_a_browsers():
    """Let asynchronous views run in a thread in which Playwright has left its event loop."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


def query_of(url):
    """Return the parameters of a URL."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def asked_of(answer):
    """Return what the start of an attempt asks GitHub for, without what is another each time."""
    assert answer["Location"].startswith("https://github.com/login/oauth/authorize?")
    random = {"state", "code_challenge"}
    return {name: value for name, value in query_of(answer["Location"]).items() if name not in random}


def forms_of(page):
    """Return the fields of the forms of a page that go to a provider."""
    found = re.findall(r'<form [^>]*action="[^"]*/authorize/">(.*?)</form>', page.content.decode(), re.DOTALL)
    fields = [re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form) for form in found]
    return [{name: html.unescape(value) for name, value in form} for form in fields]


def kept():
    """Return what is kept of each account: its subject, its scope and its token, in the order of linking."""
    tokens = {token.account_id: token.access_token.reveal() for token in Token.objects.all()}
    accounts = LinkedAccount.objects.order_by("pk")
    return [(account.subject, account.scope, tokens[account.pk]) for account in accounts]


@pytest.fixture(autouse=True)
def site(settings):
    """The site with the pages that ask."""
    settings.ROOT_URLCONF = "tests.oauth_login.asking.site"


@pytest.fixture
def is_at_github(github):
    """A way to have somebody signed in at GitHub, who is who comes back next."""

    def become(number):
        github.user = github.user | {"id": number, "login": f"cat{number}"}

    return become


@pytest.fixture
def agree(github):
    """A way to say yes at GitHub, to all that is asked for or to a part; the callback's answer."""
    tokens = iter(range(1, 100))

    def say_yes(visitor, start, scope=None):
        granted = (query_of(start["Location"])["scope"] if scope is None else scope).split()
        github.token = {
            "access_token": f"gho_{next(tokens)}",
            "token_type": "bearer",
            "scope": ",".join(granted),
        }
        return visitor.come_back(github.approve(start["Location"]))

    return say_yes


@pytest.fixture
def octocat(visitor, agree, is_at_github):
    """A browser that has signed in through GitHub, and granted the least."""
    is_at_github(1)
    agree(visitor, visitor.start())
    return visitor


@pytest.fixture
def somebody(db):
    """A way to make users who have a password."""

    def make(name="bob"):
        return get_user_model().objects.create_user(name, password=PASSWORD)

    return make


@pytest.fixture
def asked_for_more(octocat):
    """The page that asks Octocat for ``repo``."""
    return octocat.get("/repositories/", follow=True)


@pytest.fixture
def at():
    """A clock that stands still; a way to have time go by."""
    with time_machine.travel("2026-03-01 12:00:00+00:00", tick=False) as clock:
        yield lambda **time: clock.shift(timedelta(**time))
