"""Each token is the business of the client that got it, under whatever name that is now."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from oauth_login.errors import ProviderMisconfigured
from oauth_login.models import LinkedAccount, Token
from oauth_login.withdrawal import Outcome, outcome_of, withdraw
from tests.oauth_login.fake_github import CLIENT_ID
from tests.oauth_login.two_clients.conftest import SECOND, expire

pytestmark = pytest.mark.django_db(transaction=True)


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


@pytest.mark.threat("H23")
def test_whoever_read_the_account_before_it_was_linked_anew_asks_as_the_right_client(github, linked):
    """A task of Celery's, say, or an API session that lives."""
    before = linked()
    expire()

    assert before.access_token() != github.token["access_token"]
    assert [form["client_id"] for form in github.refresh_requests] == [SECOND[0]]
    assert Token.objects.get().state == "active"


@pytest.mark.threat("H24")
def test_whoever_read_the_account_before_gives_back_what_the_right_client_got(github, linked, revoked):
    before = linked()
    granted = before.token.access_token.reveal()

    withdraw(before)

    assert outcome_of(before) is Outcome.WITHDRAWN
    assert sorted(revoked) == sorted([(SECOND[0], github.token["access_token"]), (CLIENT_ID, granted)])


@pytest.mark.threat("H23")
def test_a_token_is_renewed_by_the_client_that_its_row_names(github, linked):
    """Two who sign in at once through two aliases may leave the account under the name of the other."""
    linked()
    LinkedAccount.objects.update(provider="github")
    expire()

    call_command("oauth_login", "refresh", "--expiring", "10m")

    assert [form["client_id"] for form in github.refresh_requests] == [SECOND[0]]
    assert Token.objects.get().state == "active"


def test_a_token_of_before_this_was_known_is_its_accounts(visitor, github):
    github.token = github.new_pair()
    visitor.sign_in(github)
    Token.objects.update(provider="")
    expire()

    call_command("oauth_login", "refresh", "--expiring", "10m")

    assert [form["client_id"] for form in github.refresh_requests] == [CLIENT_ID]
    assert LinkedAccount.objects.get().health == "fresh"


@pytest.mark.threat("H19")
def test_until_then_its_tokens_are_renewed_through_the_new_name(visitor, github, settings):
    github.token = github.new_pair()
    visitor.sign_in(github)
    first = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"gh": first | {"PRESET": "github"}}}
    expire()

    assert LinkedAccount.objects.get().session().get("/user").status_code == 200
    assert len(github.refresh_requests) == 1


@pytest.mark.threat("H19")
def test_where_two_may_be_the_one_that_was_renamed_neither_is_shown_a_token(visitor, github, settings):
    github.token = github.new_pair()
    visitor.sign_in(github)
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    first = providers["github"] | {"PRESET": "github"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"gh": first, "second": providers["second"]}}
    expire()

    with pytest.raises(ProviderMisconfigured):
        LinkedAccount.objects.get().access_token()
    assert github.refresh_requests == []


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
