"""People with passwords, who link accounts; and who is signed in at GitHub at the moment."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages

from oauth_login.models import LinkedAccount, SignIn

PASSWORD = "correct horse"
NOW = "2026-03-01 12:00:00+00:00"


def messages_of(answer):
    """Return what the visitor is told next."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def code_of(answer):
    """Return the code of the refusal, or "" if it is none."""
    return answer.context["code"] if answer.context else ""


def outcomes():
    """Return the log: what happened, whose it was, and through which account; oldest first."""
    return list(SignIn.objects.order_by("pk").values_list("outcome", "user__username", "account__subject"))


def linked():
    """Return who has which account: name and subject, in the order of linking."""
    return list(LinkedAccount.objects.order_by("pk").values_list("user__username", "subject"))


@pytest.fixture
def somebody(db):
    """A way to make users who have a password, and an address if it is given."""

    def make(name="ada", **values):
        return get_user_model().objects.create_user(name, password=PASSWORD, **values)

    return make


@pytest.fixture
def ada(visitor, somebody):
    """Ada, who has just signed in with her password."""
    user = somebody(email="ada@example.com")
    visitor.login(username="ada", password=PASSWORD)
    return user


@pytest.fixture
def at_github(github):
    """A way to sign in at GitHub as somebody: whoever comes back from there next is that person."""

    def become(number, *, email="", verified=True, **values):
        github.user = github.user | {"id": number, "login": f"cat{number}"} | values
        github.emails = [{"email": email, "primary": True, "verified": verified}] if email else []
        github.token = github.token | {"access_token": f"gho_of_{number}"}

    return become


@pytest.fixture
def link(github, at_github):
    """A way for a visitor to link the account of that number; the callback's answer."""

    def through(visitor, number, **values):
        at_github(number, **values)
        return visitor.sign_in(github, intent="link")

    return through
