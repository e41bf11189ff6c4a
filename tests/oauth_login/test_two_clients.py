"""One server that the site is two clients of: each token is the business of the client that got it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from oauth_login.models import LinkedAccount, Revocation, Token
from oauth_login.withdrawal import Outcome, outcome_of, withdraw

pytestmark = pytest.mark.django_db(transaction=True)
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
        github.client = SECOND
        github.token = github.new_pair()
        assert new_visitor().sign_in(github, "second").status_code == 302
        return LinkedAccount.objects.get()

    return sign_in


@pytest.mark.threat("H23", "H26")
def test_a_sign_in_takes_nothing_back_that_was_granted_to_another_client(visitor, github, by_the_second):
    visitor.sign_in(github)
    granted = github.token["access_token"]

    account = by_the_second()

    assert account.provider == "github"
    assert account.access_token() == granted


@pytest.mark.threat("H23")
@pytest.mark.parametrize(
    "change",
    [
        {"state": Token.State.REAUTHORIZE},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC), "refresh_token": ""},
    ],
    ids=["ended", "expired"],
)
def test_a_token_that_serves_no_more_gives_way_and_the_new_one_is_renewed_by_its_own_client(
    visitor, github, by_the_second, change
):
    visitor.sign_in(github)
    Token.objects.update(**change)

    account = by_the_second()
    Token.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=10))

    assert account.provider == "second"
    assert LinkedAccount.objects.get().access_token() != github.token["access_token"]


def test_without_tokens_the_account_is_of_the_client_that_was_last_used(
    visitor, github, settings, by_the_second
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    visitor.sign_in(github)

    assert by_the_second().provider == "second"


def test_who_links_through_the_other_client_means_that_one(visitor, github):
    visitor.sign_in(github)
    github.client = SECOND
    github.token = github.new_pair()
    assert visitor.sign_in(github, "second", intent="link").status_code == 302

    account = LinkedAccount.objects.get()
    assert account.provider == "second"
    assert account.access_token() == github.token["access_token"]


@pytest.mark.threat("H24")
def test_what_waits_for_one_client_is_not_settled_by_a_sign_in_through_the_other(
    visitor, new_visitor, github, settings
):
    visitor.sign_in(github)
    github.revocation = (503, {}, b"")
    LinkedAccount.objects.get().delete()
    assert Revocation.objects.get().provider == "github"
    client, github.client = github.client, SECOND
    new_visitor().sign_in(github, "second")
    github.client, github.revocation = client, (204, {}, b"")
    Revocation.objects.update(next_try_at=datetime.now(UTC) - timedelta(seconds=1))

    call_command("oauth_login", "revoke")

    assert not Revocation.objects.exists()
    assert [request.method for request in github.requests][-1] == "DELETE"


def hook(client, alias):
    body = json.dumps({"action": "revoked", "sender": {"id": 583231, "login": "octocat"}}).encode()
    signed = hmac.new(SECRETS[alias].encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "github_app_authorization",
        "X-GitHub-Delivery": f"of-{alias}",
        "X-Hub-Signature-256": f"sha256={signed}",
    }
    return client.generic("POST", f"/oauth2/{alias}/webhook/", body, "application/json", headers=headers)


@pytest.mark.threat("K06")
def test_one_app_says_nothing_of_what_was_granted_to_the_other(visitor, github, client):
    visitor.sign_in(github)

    assert hook(client, "second").status_code == 202
    assert Token.objects.get().state == "active"
    assert hook(client, "github").status_code == 200
    assert Token.objects.get().state == "revoked"


def test_an_alias_that_was_renamed_is_learned_at_the_next_sign_in(visitor, new_visitor, github, settings):
    visitor.sign_in(github)
    first = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"gh": first | {"PRESET": "github"}}}
    new_visitor().sign_in(github, "gh")

    account = LinkedAccount.objects.get()
    assert account.provider == "gh"
    assert account.access_token() == github.token["access_token"]
    withdraw(account)
    assert outcome_of(account) is Outcome.WITHDRAWN
