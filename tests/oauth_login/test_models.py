"""What is stored: identities that the database keeps apart, claims that one request gets, a log."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, connections, models, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oauth_login.fields import ExactCharField
from oauth_login.models import LinkedAccount, SignIn, Token

ISSUER = "https://github.com/login/oauth"
FORGIVING = {"sqlite": "NOCASE", "mysql": "utf8mb4_general_ci", "postgresql": "forgiving"}
MAKE_FORGIVING = {
    "postgresql": (
        "CREATE COLLATION IF NOT EXISTS forgiving "
        "(provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
    )
}


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("octocat")


@pytest.fixture
def account(user):
    return link(user)


def link(user, subject="583231", issuer=ISSUER, **more):
    return LinkedAccount.objects.create(user=user, provider="github", issuer=issuer, subject=subject, **more)


def claim(attempt="attempt"):
    return SignIn.objects.claim(attempt=attempt, provider="github", started_at=timezone.now())


@pytest.fixture
def forgiving(transactional_db):
    """Give a column a collation to which upper and lower case are the same, for the test."""
    altered = []

    def alter(name):
        exact: Any = LinkedAccount._meta.get_field(name)
        lenient: Any = models.CharField(max_length=255, db_collation=FORGIVING[connection.vendor])
        lenient.set_attributes_from_name(name)
        lenient.model = LinkedAccount
        with connection.cursor() as cursor:
            cursor.execute(MAKE_FORGIVING.get(connection.vendor, "SELECT 1"))
        with connection.schema_editor() as editor:
            editor.alter_field(LinkedAccount, exact, lenient)
        altered.append((lenient, exact))

    yield alter
    LinkedAccount.objects.all().delete()
    for lenient, exact in altered:
        with connection.schema_editor() as editor:
            editor.alter_field(LinkedAccount, lenient, exact)


# --- Identities ----------------------------------------------------------------------------------


def test_an_account_is_found_with_user_and_token_in_one_query(account, django_assert_num_queries):
    Token.objects.create(account=account, access_token="gho_1")
    with django_assert_num_queries(1):
        found: Any = LinkedAccount.objects.identified(ISSUER, "583231")
        assert found == account
        assert found.user.username == "octocat"
        assert found.token.access_token.reveal() == "gho_1"


def test_an_account_is_looked_up_by_all_that_the_index_has(account):
    with CaptureQueriesContext(connection) as queries:
        LinkedAccount.objects.identified(ISSUER, "583231")
    condition = queries[0]["sql"].partition("WHERE")[2]

    assert "issuer" in condition
    assert "subject" in condition


def test_that_an_account_has_no_token_is_known_without_asking_again(account, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = LinkedAccount.objects.identified(ISSUER, "583231")
        assert not hasattr(found, "token")


@pytest.mark.threat("F04", "F05")
@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        (ISSUER, "583232"),
        (ISSUER, ""),
        (ISSUER, "%"),
        (ISSUER, "octocat"),
        ("https://github.com", "583231"),
        (ISSUER.upper(), "583231"),
        ("", ""),
    ],
)
def test_nothing_but_the_whole_identity_finds_an_account(account, issuer, subject):
    LinkedAccount.objects.update(username="octocat", email="octocat@example.com")

    assert LinkedAccount.objects.identified(issuer, subject) is None


@pytest.mark.threat("F04")
@pytest.mark.parametrize(
    ("column", "issuer", "subject"),
    [("subject", ISSUER, "ABC"), ("issuer", ISSUER.upper(), "abc")],
)
def test_a_database_that_ignores_case_leads_to_nobody_elses_account(forgiving, column, issuer, subject):
    forgiving(column)
    link(get_user_model().objects.create_user("octocat"), "abc")

    assert LinkedAccount.objects.filter(issuer=issuer, subject=subject).exists()  # thinks the database
    assert LinkedAccount.objects.identified(issuer, subject) is None
    assert LinkedAccount.objects.identified(ISSUER, "abc") is not None


@pytest.mark.threat("F04")
def test_the_database_keeps_subjects_of_another_case_apart(user):
    link(user, "abc")
    link(user, "ABC")
    link(user, "abc", issuer=ISSUER.upper())

    assert LinkedAccount.objects.filter(subject="abc", issuer=ISSUER).count() == 1
    assert LinkedAccount.objects.count() == 3


@pytest.mark.threat("F04")
@pytest.mark.parametrize(
    ("vendor", "is_mariadb", "collation"),
    [
        ("mysql", True, "utf8mb4_nopad_bin"),
        ("mysql", False, "utf8mb4_0900_bin"),
        ("postgresql", False, None),
        ("sqlite", False, None),
    ],
)
@pytest.mark.parametrize("column", ["issuer", "subject"])
def test_identities_are_exact_where_the_usual_collation_is_not(
    monkeypatch, vendor, is_mariadb, collation, column
):
    monkeypatch.setattr(connections["default"], "vendor", vendor)
    monkeypatch.setattr(connections["default"], "mysql_is_mariadb", is_mariadb, raising=False)
    field: Any = LinkedAccount._meta.get_field(column)

    assert isinstance(field, ExactCharField)
    assert field.db_parameters(connections["default"])["collation"] == collation


@pytest.mark.threat("F26")
def test_one_identity_has_one_account_whoever_writes_it(user):
    twins = [
        LinkedAccount(user=user, provider=provider, issuer=ISSUER, subject="1")
        for provider in ("github", "another")
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        LinkedAccount.objects.bulk_create(twins)

    assert not LinkedAccount.objects.exists()


@pytest.mark.threat("F01", "F26")
@pytest.mark.parametrize(("issuer", "subject"), [(ISSUER, ""), ("", "583231")])
def test_an_identity_is_never_empty_whoever_writes_it(user, issuer, subject):
    nobody = LinkedAccount(user=user, provider="github", issuer=issuer, subject=subject)
    with pytest.raises(IntegrityError), transaction.atomic():
        LinkedAccount.objects.bulk_create([nobody])
    link(user)
    with pytest.raises(IntegrityError), transaction.atomic():
        LinkedAccount.objects.update(issuer=issuer, subject=subject)


@pytest.mark.threat("F26")
def test_an_account_is_always_somebodys(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        LinkedAccount.objects.bulk_create([LinkedAccount(provider="github", issuer=ISSUER, subject="1")])


@pytest.mark.threat("F21")
def test_what_belongs_to_a_user_goes_with_them_and_the_log_stays(account):
    Token.objects.create(account=account, access_token="gho_1")
    claim().finish(SignIn.SIGNED_IN, account)
    account.user.delete()

    assert not LinkedAccount.objects.exists()
    assert not Token.objects.exists()
    assert SignIn.objects.get().account is None


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"username": "octocat", "name": "The Octocat"}, "octocat (github)"),
        ({"name": "The Octocat"}, "The Octocat (github)"),
        ({}, "583231 (github)"),
    ],
)
def test_an_account_is_called_by_the_best_name_it_has(user, names, shown):
    assert str(link(user, **names)) == shown


# --- Tokens --------------------------------------------------------------------------------------


@pytest.mark.threat("H05")
def test_a_token_is_not_in_the_database_in_clear_nor_in_what_is_printed(account):
    token = Token.objects.create(account=account, access_token="gho_secret", refresh_token="ghr_secret")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM oauth_login_token")
        row = cursor.fetchall()

    for shown in (
        str(row),
        str(token),
        repr(token),
        repr(token.__dict__),
        repr(Token.objects.values().get()),
    ):
        assert "gho_secret" not in shown
        assert "ghr_secret" not in shown
    assert str(token) == f"active ({account.pk})"


# --- The log -------------------------------------------------------------------------------------


@pytest.mark.threat("A04", "A06", "A28")
def test_an_attempt_is_claimed_once(db):
    assert claim() is not None
    assert claim() is None
    assert claim("another attempt") is not None
    assert SignIn.objects.count() == 2


@pytest.mark.threat("A06")
def test_a_lost_claim_leaves_the_transaction_of_the_request_usable(db):
    with transaction.atomic():
        claim()
        assert claim() is None
        assert SignIn.objects.count() == 1


@pytest.mark.threat("F26")
def test_an_attempt_is_unique_whoever_writes_it(db):
    now = timezone.now()
    twins = [SignIn(attempt="attempt", provider="github", started_at=now) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic():
        SignIn.objects.bulk_create(twins)


def test_a_sign_in_says_how_it_ended(account):
    sign_in = claim()
    assert str(sign_in) == "github: …"
    sign_in.finish(SignIn.SIGNED_IN, account)
    sign_in.refresh_from_db()

    assert str(sign_in) == "github: signed_in"
    assert sign_in.account == account
    assert sign_in.started_at <= sign_in.claimed_at <= sign_in.finished_at


def test_a_refusal_is_nobodys(db):
    sign_in = claim()
    sign_in.finish("email_taken")
    sign_in.refresh_from_db()

    assert (sign_in.outcome, sign_in.account) == ("email_taken", None)


def test_when_an_account_last_signed_in_is_read_from_the_log(account, django_assert_num_queries):
    assert account.last_sign_in_at is None
    now = timezone.now()
    for attempt, outcome, age in [
        ("1", SignIn.SIGNED_IN, 3),
        ("2", SignIn.SIGNED_IN, 2),
        ("3", "user_inactive", 1),
    ]:
        SignIn.objects.create(
            attempt=attempt,
            provider="github",
            started_at=now,
            outcome=outcome,
            account=account,
            finished_at=now - timedelta(days=age),
        )

    expected = now - timedelta(days=2)
    assert LinkedAccount.objects.get().last_sign_in_at == expected
    with django_assert_num_queries(1):
        assert [each.last_sign_in_at for each in LinkedAccount.objects.with_last_sign_in_at()] == [expected]


def test_accounts_can_be_ordered_by_when_they_last_signed_in(user):
    idle, busy = link(user, "1"), link(user, "2")
    claim("1").finish(SignIn.SIGNED_IN, idle)
    claim("2").finish(SignIn.SIGNED_IN, busy)

    by_use: Any = LinkedAccount.objects.with_last_sign_in_at()  # the types do not see the annotation
    assert list(by_use.order_by("-last_sign_in_at")) == [busy, idle]
