"""Accounts that nobody would find again, because their provider has another issuer now."""

import pytest
from django.core.management import call_command
from django.db import connection

from oauth_login.models import LinkedAccount
from oauth_login.orphans import check_orphans

pytestmark = [pytest.mark.django_db, pytest.mark.threat("E36")]

CREDENTIALS = {"CLIENT_ID": "Ov23liNobodyKnowsThis", "CLIENT_SECRET": "9f8e7d6c5b4a39281706"}
TENANTS = {"TENANTS": ["one", "two"], "ISSUER": "https://op.example/{tenantid}"}
FORGE = {
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "USERINFO_ENDPOINT": "https://forge.example/user",
    "CLAIMS": {"sub": "id"},
}


@pytest.fixture
def found(settings, django_user_model):
    """What is found if somebody of *issuer* signed in through a provider that has these settings now."""

    def check(issuer, options, alias="acme"):
        user = django_user_model.objects.create_user("ada")
        LinkedAccount.objects.create(user=user, provider="acme", issuer=issuer, subject="7")
        settings.OAUTH_LOGIN = {"PROVIDERS": {alias: options}, "SANDBOX": True}
        return [(message.id, issuer in message.msg) for message in check_orphans(databases=["default"])]

    return check


@pytest.mark.parametrize(
    ("issuer", "options"),
    [
        ("https://old.example", {"ISSUER": "https://new.example"}),
        ("https://op.example/", {"ISSUER": "https://op.example"}),
        ("https://op.example/three", TENANTS),
        ("https://old.example", FORGE),
        ("https://forge.example", {**FORGE, "ISSUER": "https://forge.example/v2"}),
        ("https://github.com", {"PRESET": "github", "BASE_URL": "https://github.acme.example"}),
    ],
)
def test_who_signed_in_under_an_issuer_that_is_gone_is_missed(found, issuer, options):
    assert found(issuer, CREDENTIALS | options) == [("oauth_login.W012", True)]


@pytest.mark.parametrize(
    ("issuer", "options"),
    [
        ("https://op.example", {"ISSUER": "https://op.example"}),
        ("https://op.example/two", TENANTS),
        ("https://forge.example", FORGE),
        ("https://forge.example/v2", {**FORGE, "ISSUER": "https://forge.example/v2"}),
        ("https://acme.sandbox.invalid", {"ISSUER": "https://op.example"}),
        ("https://github.com", {"PRESET": "no such"}),
    ],
)
def test_whoever_is_found_again_is_not_missed(found, issuer, options):
    assert found(issuer, CREDENTIALS | options) == []


def test_who_uses_a_provider_that_was_taken_away_is_not_lost(found):
    assert found("https://old.example", CREDENTIALS, alias="github") == []


def test_the_sandbox_makes_nobody_an_orphan(found, settings):
    settings.DEBUG = True

    assert found("https://github.com", {"PRESET": "github"}) == []


def test_no_database_is_asked_unless_it_is_to_be_checked(found, django_assert_num_queries):
    found("https://old.example", CREDENTIALS | {"ISSUER": "https://new.example"})

    with django_assert_num_queries(0):
        assert check_orphans() == []


def test_the_command_says_so(found, capsys):
    found("https://old.example", CREDENTIALS | {"ISSUER": "https://new.example"})

    call_command("check", tags=["database"], databases=["default"])

    assert "oauth_login.W012" in capsys.readouterr().err


def test_before_the_first_migration_there_is_nobody_to_miss(monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", lambda: ["django_migrations"])

    assert check_orphans(databases=["default"]) == []
