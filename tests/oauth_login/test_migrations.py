"""What the migration makes, up, down and up again: tables with constraints that hold."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from oauth_login.models import LinkedAccount, SignIn, Token

pytestmark = [pytest.mark.threat("L10", "F26"), pytest.mark.django_db(transaction=True)]

TABLES = {f"oauth_login_{name}" for name in ("linkedaccount", "notice", "revocation", "signin", "token")}


def tables():
    return {name for name in connection.introspection.table_names() if name.startswith("oauth_login_")}


def constraints(model):
    """Return what holds in the table, by name."""
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, model._meta.db_table)


def unique(model):
    found = constraints(model).values()
    return [made["columns"] for made in found if made["unique"] and not made["primary_key"]]


def foreign_keys(model):
    found = constraints(model).values()
    return {made["foreign_key"][0] for made in found if made["foreign_key"]}


def required(model):
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, model._meta.db_table)
    return {column.name for column in columns if not column.null_ok}


@pytest.fixture
def down_and_up_again():
    """The tables as a site has them that went back and thought better of it."""
    call_command("migrate", "oauth_login", "zero", verbosity=0)
    gone = tables()
    call_command("migrate", "oauth_login", verbosity=0)
    return gone


def test_going_back_leaves_nothing_behind_and_coming_again_makes_all_of_it(down_and_up_again):
    assert down_and_up_again == set()
    assert tables() == TABLES


def test_users_and_what_they_wrote_survive_going_back(transactional_db):
    get_user_model().objects.create_user("octocat")
    call_command("migrate", "oauth_login", "zero", verbosity=0)
    call_command("migrate", "oauth_login", verbosity=0)

    assert get_user_model().objects.get().username == "octocat"


def test_the_database_itself_holds_one_account_per_identity(down_and_up_again):
    made = constraints(LinkedAccount)

    assert made["oauth_login_identity"]["unique"]
    assert made["oauth_login_identity"]["columns"] == ["issuer", "subject"]
    assert made["oauth_login_identity_not_empty"]["check"]
    assert foreign_keys(LinkedAccount) == {get_user_model()._meta.db_table}
    assert {"user_id", "issuer", "subject"} <= required(LinkedAccount)


def test_the_database_itself_holds_one_token_per_account(down_and_up_again):
    primary = [made["columns"] for made in constraints(Token).values() if made["primary_key"]]

    assert primary == [["account_id"]]
    assert foreign_keys(Token) == {"oauth_login_linkedaccount"}
    assert {"account_id", "access_token", "refresh_token"} <= required(Token)


def test_the_database_itself_holds_one_claim_per_attempt(down_and_up_again):
    made = constraints(SignIn)

    assert ["attempt"] in unique(SignIn)
    assert foreign_keys(SignIn) == {"oauth_login_linkedaccount", "auth_user"}
    assert made["oauth_login_last_sign_in"]["columns"] == ["account_id", "finished_at"]
    assert made["oauth_login_sign_in_age"]["columns"] == ["claimed_at"]


def test_the_constraints_bite_after_going_down_and_up(down_and_up_again):
    user = get_user_model().objects.create_user("octocat")
    identity = {"user": user, "provider": "github", "issuer": "https://github.com", "subject": "1"}
    account = LinkedAccount.objects.create(**identity)
    Token.objects.create(account=account, access_token="gho_1")
    SignIn.objects.create(attempt="1", provider="github", started_at=timezone.now())

    for again in (
        LinkedAccount(**identity),
        LinkedAccount(**{**identity, "subject": ""}),
        SignIn(attempt="1", provider="github", started_at=timezone.now()),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again.save(force_insert=True)


def test_tokens_keep_their_dates_when_those_become_moments(transactional_db):
    call_command("migrate", "oauth_login", "0002", verbosity=0)
    before = MigrationExecutor(connection).loader.project_state([("oauth_login", "0002_support_id")]).apps
    user = get_user_model().objects.create_user("octocat")
    ends, over = datetime(2026, 11, 25, 12, 0, tzinfo=UTC), datetime(2027, 5, 25, 12, 0, tzinfo=UTC)
    for number, dates in enumerate(
        [{}, {"expires_at": ends}, {"expires_at": ends, "refresh_expires_at": over}]
    ):
        account = before.get_model("oauth_login", "LinkedAccount").objects.create(
            user_id=user.pk, provider="github", issuer="https://github.com", subject=str(number + 1)
        )
        before.get_model("oauth_login", "Token").objects.create(account=account, **dates)

    call_command("migrate", "oauth_login", verbosity=0)

    moments = Token.objects.order_by("pk").values_list("expires_at", "refresh_expires_at")
    assert list(moments) == [(None, None), (ends, None), (ends, over)]
