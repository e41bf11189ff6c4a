import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from guestbook.models import Entry


def make_user(name, /, **account):
    user = get_user_model().objects.create_user(name)
    if account:
        link(user, **account)
    return user


def link(user, **account):
    subject = str(user.linked_accounts.count())
    return user.linked_accounts.create(
        provider="github", issuer="https://github.com", subject=f"{user.pk}-{subject}", **account
    )


@pytest.fixture
def ada(db):
    return make_user(
        "ada",
        username="ada-on-github",
        name="Ada Lovelace",
        picture="https://pictures.example/ada.png",
        profile_url="https://github.com/ada-on-github",
    )


@pytest.fixture
def bob(db):
    return make_user("bob", username="bob-on-github")


@pytest.fixture
def owner(db):
    return get_user_model().objects.create_superuser("owner", password=None)


@pytest.fixture
def as_ada(ada):
    return signed_in(ada)


@pytest.fixture
def as_owner(owner):
    return signed_in(owner)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def entry(ada):
    return Entry.objects.create(author=ada, text="I was here.")
