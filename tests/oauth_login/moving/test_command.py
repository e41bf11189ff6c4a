"""``manage.py oauth_login import`` as whoever runs it sees it: what it says, and what it never does."""

import io
from contextlib import contextmanager
from unittest.mock import Mock

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import post_init, post_save, pre_save

from oauth_login import signals
from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.moving import theirs
from tests.oauth_login.moving.theirs import SocialAccount, SocialToken

GITHUB = "https://github.com/login/oauth"


@pytest.fixture
def accounts(user):
    """A way to have many accounts in their table, with a token each."""

    def make(number, provider="github"):
        users = [user(f"user{at}") for at in range(1, number + 1)]
        for at, owner in enumerate(users, 1):
            row = SocialAccount.objects.create(user_id=owner.pk, provider=provider, uid=str(at))
            SocialToken.objects.create(account_id=row.pk, token=f"gho_{at}")
        return users

    return make


class Terminal(io.StringIO):
    """Somebody is watching."""

    def isatty(self):
        return True


@contextmanager
def when_writing(happen):
    """Have something happen before accounts are written, given the number of the time."""
    times = []

    def wrapped(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "oauth_login_linkedaccount" in sql:
            times.append(sql)
            happen(len(times))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapped):
        yield


# --- Again, and stopped ---------------------------------------------------------------------------------


@pytest.mark.threat("L11")
def test_a_second_run_finds_everything_here_and_changes_nothing(accounts, bring):
    accounts(5)
    bring("allauth", "--write")
    before = list(LinkedAccount.objects.values()), list(Token.objects.values())
    run = bring("allauth", "--write")

    assert run.code == 0
    assert run.rows["github"] == ["github", "5", "0", "5", "0", "0", "0", "0"]
    assert (list(LinkedAccount.objects.values()), list(Token.objects.values())) == before


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_stopped_keeps_whole_batches_and_the_next_one_goes_on(accounts, bring):
    accounts(7)

    def interrupt(times):
        if times == 3:
            raise KeyboardInterrupt

    with when_writing(interrupt):
        stopped = bring("allauth", "--write", "--batch-size", "2")
    kept = LinkedAccount.objects.count(), Token.objects.count()
    run = bring("allauth", "--write", "--batch-size", "2")
    counts = LinkedAccount.objects.count(), Token.objects.count()
    SocialAccount.objects.all().delete()
    SocialToken.objects.all().delete()

    assert stopped.code == 130
    assert stopped.error == "Stopped: 4 of 7 brought over. The next run goes on."
    assert kept == (4, 4)
    assert run.rows["github"][1:4] == ["7", "3", "4"]
    assert counts == (7, 7)


def test_a_look_that_is_stopped_has_brought_over_nothing(accounts, bring):
    accounts(2)

    def interrupt(execute, sql, params, many, context):
        if "oauth_login_linkedaccount" in sql:
            raise KeyboardInterrupt
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt):
        run = bring("allauth")

    assert (run.code, run.error) == (130, "Stopped: 0 of 2 brought over. The next run goes on.")


def test_nobody_gets_a_mail_and_no_signal_is_sent(accounts, bring):
    hear = Mock()
    listened = (post_save, pre_save, signals.account_linked, signals.signed_in)
    accounts(3)
    for signal in listened:
        signal.connect(hear)
    bring("allauth", "--write")
    for signal in listened:
        signal.disconnect(hear)

    assert LinkedAccount.objects.count() == 3
    assert (hear.mock_calls, mail.outbox) == ([], [])


# --- Whose it is ----------------------------------------------------------------------------------------


@pytest.mark.threat("G03", "L11")
@pytest.mark.parametrize("options", [[], ["--write"]])
def test_an_identity_that_is_linked_to_another_user_stays_theirs(accounts, user, bring, identities, options):
    accounts(2)
    LinkedAccount.objects.create(user=user("earlier"), provider="github", issuer=GITHUB, subject="1")
    run = bring("allauth", *options)

    assert run.code == 1
    assert run.rows["github"][1:5] == ["2", "1", "0", "1"]
    assert "github, 1 collisions: linked here to another user" in run.said
    assert ("github", GITHUB, "1", "earlier") in identities()
    assert len(identities()) == 1 + len(options)


@pytest.mark.threat("L11")
@pytest.mark.parametrize("options", [[], ["--write", "--batch-size", "1"]])
def test_what_two_of_their_users_have_is_given_to_neither(user, bring, identities, options):
    for name, provider in (("ada", "github"), ("grace", "of-old")):
        SocialAccount.objects.create(user_id=user(name).pk, provider=provider, uid="7")
    run = bring("allauth", *options, "--provider", "of-old=github", "--trust-uid", "of-old")

    assert (run.code, identities()) == (1, [])
    assert run.rows["github"][1:5] == run.rows["of-old"][1:5] == ["1", "0", "0", "1"]
    assert "of-old, 1 collisions: two of their users have it" in run.said


@pytest.mark.parametrize("options", [[], ["--write", "--batch-size", "1"], ["--write"]])
def test_what_one_user_has_twice_is_one_account(user, bring, identities, options):
    ada = user("ada")
    for provider in ("github", "of-old"):
        SocialAccount.objects.create(user_id=ada.pk, provider=provider, uid="7")
    run = bring("allauth", *options, "--provider", "of-old=github", "--trust-uid", "of-old")

    assert run.code == 0
    assert run.rows[""] == ["2", "1", "1", "0", "0", "0", "0"]
    assert len(identities()) == bool(options)


@pytest.mark.threat("L11")
@pytest.mark.parametrize("options", [[], ["--write"]])
@pytest.mark.parametrize("key", ["424242", "nobody"])
def test_an_account_whose_user_is_gone_is_left_out(bring, identities, options, key):
    SocialAccount.objects.create(user_id=key, uid="7")
    run = bring("allauth", *options)

    assert (run.code, identities()) == (1, [])
    assert "github, 1 left out: there is no such user" in run.said
    assert f"user {key}" in run.said


@pytest.mark.threat("G03")
def test_who_signs_in_at_this_very_moment_is_faster(accounts, user, bring, identities):
    first, second = accounts(2)
    other = user("other")

    def sign_in(times):
        if times == 1:
            add(user=other, subject="1")
            Token.objects.create(account=add(user=second, subject="2"), access_token="newer")

    def add(**fields):
        return LinkedAccount.objects.create(provider="github", issuer=GITHUB, **fields)

    with when_writing(sign_in):
        run = bring("allauth", "--write")

    assert run.code == 1
    assert "1 collisions: another user has it" in run.said
    assert [one[2:] for one in identities()] == [("1", "other"), ("2", second.username)]
    assert Token.objects.get().access_token.reveal() == "newer"
    assert not first.linked_accounts.exists()


def test_who_signs_up_there_at_this_very_moment_comes_along(accounts, user, identities):
    accounts(2)
    late = user("late")

    def sign_up(times):
        if times == 1:
            SocialAccount.objects.create(user_id=late.pk, provider="github", uid="7")

    with when_writing(sign_up):
        call_command("oauth_login", "import", "allauth", "--write", "--batch-size", "1", stdout=io.StringIO())

    assert [one[2:] for one in identities()] == [("1", "user1"), ("2", "user2"), ("7", "late")]


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_at_this_very_moment_stops_the_batch_and_the_next_run_goes_on(accounts, bring):
    first, *_others = accounts(3)

    def delete(**_more):
        if first.pk:  # looked up already, and nothing is written yet
            first.delete()

    post_init.connect(delete, sender=LinkedAccount)
    failed = bring("allauth", "--write")
    post_init.disconnect(delete, sender=LinkedAccount)
    run = bring("allauth", "--write")
    linked = LinkedAccount.objects.count()
    SocialAccount.objects.all().delete()
    SocialToken.objects.all().delete()

    assert failed.code == 1
    assert "1 left out: there is no such user" in run.said
    assert linked == 2


# --- What is said ---------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_provider_and_sums(accounts, bring):
    accounts(2)
    for uid in ("7", "None"):
        SocialAccount.objects.create(user_id="1", provider="steam", uid=uid)
    run = bring("allauth")

    assert run.said.splitlines()[:4] == [
        "theirs  ours    rows  new  here  collisions  left out  tokens  not taken",
        "github  github     2    2     0           0         0       2          0",
        "steam   -          2    0     0           0         2       0          0",
        "                   4    2     0           0         2       2          0",
    ]
    assert "steam, 2 left out: none of this site's providers is meant: --provider steam=ALIAS" in run.said
    assert run.error == "Not everything can be."
    assert bring("allauth", "--write").error == "Not everything was brought over."


def test_what_the_options_leave_out_is_nothing_to_worry_about(accounts, bring, identities):
    accounts(2)
    run = bring("allauth", "--write", "--provider", "github=")

    assert (run.code, identities()) == (0, [])
    assert "github, 2 left out: left out, as the options say" in run.said


def test_many_rows_with_one_reason_are_listed_on_demand(bring):
    for uid in range(25):
        SocialAccount.objects.create(user_id="1", provider="steam", uid=str(uid))
    short, whole = bring("allauth").said, bring("allauth", verbosity=2).said

    assert short.count("socialaccount_socialaccount ") == 20
    assert "and 5 more, which --verbosity 2 lists" in short
    assert whole.count("socialaccount_socialaccount ") == 25


def test_an_empty_table_is_said_to_be_one(bring):
    run = bring("allauth")

    assert (run.code, run.rows) == (0, {"": ["0"] * 7})


def test_who_wants_no_words_gets_the_exit_code(accounts, bring):
    accounts(1)

    assert bring("allauth", "--write", verbosity=0).said == ""
    assert LinkedAccount.objects.exists()


def test_somebody_at_a_terminal_is_told_how_far_it_is(accounts, time_machine):
    accounts(4)
    time_machine.move_to("2026-11-23")
    terminal = Terminal()

    def later(execute, sql, params, many, context):
        time_machine.shift(3)
        return execute(sql, params, many, context)

    for options in ([], ["--write"]):
        with connection.execute_wrapper(later):
            call_command(
                "oauth_login",
                "import",
                "allauth",
                "--batch-size",
                "2",
                *options,
                stdout=io.StringIO(),
                stderr=terminal,
            )

    assert terminal.getvalue().splitlines() == [
        "2 of 4 read so far",
        "4 of 4 read so far",
        "2 of 4 looked up so far",
        "4 of 4 looked up so far",
        "2 of 4 read so far",
        "4 of 4 read so far",
        "2 of 4 done so far",
        "4 of 4 done so far",
    ]


def test_help_says_what_is_never_done(capsys):
    with pytest.raises(SystemExit):
        call_command("oauth_login", "import", "--help")

    said = " ".join(capsys.readouterr().out.split())
    assert "Without --write, only say what would happen" in said
    assert "never written to; its package need not be installed" in said


# --- What is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["django-allauth"], "invalid choice: 'django-allauth'"),
        (["allauth", "--batch-size", "0"], "a number from 1 to 500, not 0"),
        (["allauth", "--batch-size", "501"], "a number from 1 to 500, not 501"),
        (["allauth", "--batch-size", "many"], "a number from 1 to 500, not many"),
        (["allauth", "--provider", "=github"], "'=github' is no THEIRS=OURS"),
        (["allauth", "--provider", "github"], "whose? Say --provider THEIRS=github"),
        (["allauth", "--provider", "a=gitub"], "no provider 'gitub'. It has: github."),
    ],
)
def test_what_cannot_be_meant_is_refused(db, arguments, said):
    with pytest.raises(CommandError) as refused:
        call_command("oauth_login", "import", *arguments)

    assert said in str(refused.value)


def test_a_site_without_providers_is_told_so(db, settings):
    settings.OAUTH_LOGIN = {}

    with pytest.raises(CommandError, match="It has: none") as refused:
        call_command("oauth_login", "import", "allauth", "--provider", "github=github")
    assert refused.value.returncode == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("library", "named"),
    [("allauth", "django-allauth"), ("social-auth", "social-auth-app-django")],
)
def test_a_database_without_their_table_is_refused(library, named):
    theirs.drop(*theirs.ALL)
    try:
        with pytest.raises(CommandError, match=f"is not one that {named} was used with") as refused:
            call_command("oauth_login", "import", library)
    finally:
        theirs.create(*theirs.ALL)

    assert refused.value.returncode == 2


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"CLIENT_ID": "an id"}, "github is misconfigured: manage.py check says how"),
        ({}, "github is answered by the sandbox, as it has no credentials"),
    ],
)
def test_a_provider_that_is_not_ready_gets_nobody(accounts, bring, identities, settings, options, reason):
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}, "SANDBOX": True}
    accounts(1)
    run = bring("allauth", "--write")

    assert (run.code, identities()) == (1, [])
    assert f"github, 1 left out: {reason}" in run.said
