"""mozilla-django-oidc keeps no sub: only where a site has kept it, there is something to bring over."""

import base64
import hashlib

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount

ACME = "https://sso.acme.example"
BY_NAME = ("--subject-field", "username", "--provider", "acme")


@pytest.fixture(autouse=True)
def site(settings):
    """The site knows their provider."""
    acme = {"ISSUER": ACME, "CLIENT_ID": "an id", "CLIENT_SECRET": "a secret"}
    ours = settings.OAUTH_LOGIN
    settings.OAUTH_LOGIN = ours | {"PROVIDERS": ours["PROVIDERS"] | {"acme": acme}}


def test_without_a_field_that_has_the_sub_it_is_said_why_nothing_can_be_done(user, bring, identities):
    user()
    run = bring("mozilla-oidc", "--write", "--provider", "acme")

    assert run.code == 2
    assert "finds users by their e-mail address" in run.error
    assert "docs/moving-in.md" in run.error
    assert identities() == []


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("email", "an address changes hands"),
        ("groups", "holds no id"),
        ("sub", "users have no such field"),
        ("password", "holds nothing that a provider has given"),
        ("date_joined", "holds nothing that a provider has given"),
        ("is_staff", "holds nothing that a provider has given"),
    ],
)
def test_a_field_that_has_no_sub_is_refused(user, bring, identities, field, reason):
    user(email="ada@acme.example")
    run = bring("mozilla-oidc", "--write", "--subject-field", field, "--provider", "acme")

    assert (run.code, identities()) == (2, [])
    assert reason in run.error


def test_a_sub_that_the_site_has_made_the_username_of_is_one(user, bring, identities):
    user("a-sub", email="ada@acme.example")
    user("another-sub", email="")
    run = bring("mozilla-oidc", "--write", *BY_NAME, "--batch-size", "1")

    assert run.code == 0
    assert [one[1:] for one in identities()] == [
        (ACME, "a-sub", "a-sub"),
        (ACME, "another-sub", "another-sub"),
    ]


@pytest.mark.threat("L11")
def test_who_has_a_password_may_be_called_like_somebodys_sub(user, bring, identities):
    user("admin", password="of the administrator", is_superuser=True)
    run = bring("mozilla-oidc", "--write", *BY_NAME)

    assert (run.code, identities()) == (1, [])
    assert "1 left out: the user has a password" in run.said


@pytest.mark.threat("F08", "L11")
@pytest.mark.parametrize("field", ["username", "id", "first_name"])
def test_who_has_signed_up_here_by_the_name_of_somebodys_sub_does_not_get_them_in(
    visitor, github, bring, field
):
    github.user = github.user | {"login": "a-sub", "name": "a-sub"}
    visitor.sign_in(github)
    run = bring("mozilla-oidc", "--write", "--subject-field", field, "--provider", "acme")

    assert run.code == 1
    assert run.rows["mozilla-oidc"][1:5] == ["1", "0", "0", "1"]
    assert "1 collisions: the user has linked another account here" in run.said
    assert LinkedAccount.objects.get().provider == "github"


def test_who_was_brought_over_and_has_linked_another_since_is_here(user, bring):
    ada = user("a-sub")
    bring("mozilla-oidc", "--write", *BY_NAME)
    LinkedAccount.objects.create(user=ada, provider="github", issuer="https://github.com", subject="7")

    assert bring("mozilla-oidc", "--write", *BY_NAME).rows["mozilla-oidc"][1:5] == ["1", "0", "1", "0"]


def test_a_field_that_nobody_here_fills_counts_for_who_has_signed_up_here_too(visitor, github, bring):
    visitor.sign_in(github)
    get_user_model().objects.update(last_name="a-sub")

    assert bring("mozilla-oidc", "--write", "--subject-field", "last_name", "--provider", "acme").code == 0
    assert LinkedAccount.objects.get(provider="acme").user == visitor.user


@pytest.mark.threat("L11")
def test_the_default_username_is_no_sub(user, bring, identities):
    digest = hashlib.sha1(b"ada@acme.example", usedforsecurity=False).digest()
    user(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), email="Ada@acme.example")
    user("grace@acme.example")
    run = bring("mozilla-oidc", "--write", *BY_NAME)

    assert (run.code, identities()) == (1, [])
    assert "1 left out: the username is the hash of the address" in run.said
    assert "1 left out: known by an e-mail address" in run.said


def test_a_field_of_its_own_counts_for_those_with_a_password_too(user, bring, identities):
    user("ada", password="hers", last_name="a-sub")
    user("grace", last_name="")
    run = bring("mozilla-oidc", "--write", "--subject-field", "last_name", "--provider", "mozilla-oidc=acme")

    assert run.rows["mozilla-oidc"] == ["acme", "1", "1", "0", "0", "0", "0", "0"]
    assert [one[2:] for one in identities()] == [("a-sub", "ada")]


def test_a_number_may_be_a_sub(user, bring):
    ada = user()
    bring("mozilla-oidc", "--write", "--subject-field", "id", "--provider", "acme")

    assert LinkedAccount.objects.get().subject == str(ada.pk)
