"""``manage.py oauth_login revoke``: what was not taken back at once, and live grants on demand."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from oauth_login.models import LinkedAccount, Revocation, Token
from tests.oauth_login.grants.conftest import fails
from tests.oauth_login.http_server import reply

pytestmark = pytest.mark.django_db(transaction=True)


class Terminal(io.StringIO):
    """Somebody is watching."""

    def isatty(self):
        return True


class StoppedAtOnce(Terminal):
    """Somebody presses Ctrl-C as soon as there is something to be read."""

    def write(self, text):
        raise KeyboardInterrupt


@pytest.fixture
def revoke():
    """Run the command; return exit code, and what it said here and there."""

    def run(*arguments, terminal=None):
        out, err = io.StringIO(), terminal or Terminal()
        try:
            call_command("oauth_login", "revoke", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            return error.returncode, f"{out.getvalue()}{error}", err.getvalue()
        return 0, out.getvalue().strip(), err.getvalue()

    return run


@pytest.fixture
def down(person, revoking):
    """Have so many accounts unlinked while the provider is down; then it is up again, and they are due."""

    def unlink(number=1, **values):
        revoking.says = fails()
        for _ in range(number):
            person(**values).delete()
        due()
        revoking.says = None
        revoking.requests.clear()

    return unlink


def due(**values):
    """Make it so late that whatever waits is due; set other *values*."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    Revocation.objects.update(**{"next_try_at": past, **values})


@pytest.mark.threat("H24")
def test_what_waits_is_withdrawn_when_the_provider_answers_again(down, revoke, revoking, waiting):
    down(3)

    assert revoke() == (0, "Grants: 3 withdrawn.", "")
    assert sorted(revoking.revoked) == ["gho_1", "gho_2", "gho_3"]
    assert waiting() == []


def test_a_second_run_finds_nothing(revoke, revoking, db):
    assert revoke() == (0, "Grants: nothing to be done now.", "")
    assert revoking.requests == []


def test_a_provider_that_is_still_down_is_asked_once_and_the_exit_code_says_so(
    down, revoke, revoking, waiting
):
    down(2)
    revoking.says = fails()

    code, said, complained = revoke()

    assert code == 1
    assert said == "Grants: 1 not done. 2 remain to be withdrawn."
    assert complained == "ghe: provider_unavailable (1)\n"
    assert len(revoking.requests) == 1
    assert sorted(row[1] for row in waiting()) == [1, 2]


@pytest.mark.threat("H25")
@pytest.mark.parametrize(
    ("attempts", "headers", "seconds"),
    [
        (0, {}, 60),
        (1, {}, 120),
        (4, {}, 960),
        (40, {}, 86400),
        (0, {"Retry_After": "7200"}, 7200),
        (9, {"Retry_After": "7200"}, 30720),
        (0, {"Retry_After": "864000"}, 604800),
    ],
)
def test_the_next_try_is_later_each_time_and_not_before_the_provider_wants_it(
    down, revoke, revoking, attempts, headers, seconds
):
    down()
    due(attempts=attempts)
    revoking.says = fails(**headers)

    assert revoke()[0] == 1

    row = Revocation.objects.get()
    assert row.attempts == attempts + 1
    assert (row.next_try_at - row.tried_at).total_seconds() == seconds
    assert revoke()[1] == "Grants: nothing to be done now. 1 remain to be withdrawn."
    assert len(revoking.requests) == 1


def test_what_nobody_understands_is_left_and_the_next_is_tried(down, revoke, revoking, waiting):
    down(2)
    revoking.says = reply({}, 302)

    assert revoke()[0] == 1
    assert len(revoking.requests) == 2
    assert [row[1:] for row in waiting()] == [(2, "redirect_refused")] * 2


@pytest.mark.threat("H04")
def test_what_no_key_opens_waits_and_the_next_is_tried(down, revoke, revoking, waiting, settings):
    down(1)
    kept, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-for-a-moment-0123456789-0123456789-01"
    down(1)
    settings.SECRET_KEY = kept

    code, said, complained = revoke()

    assert (code, said) == (1, "Grants: 1 withdrawn, 1 not done. 1 remain to be withdrawn.")
    assert complained == "ghe: token_unreadable (1)\n"
    assert waiting() == [("2", 2, "token_unreadable")]


@pytest.mark.threat("H03")
def test_what_waits_gets_the_newest_key_like_any_other_token(down, revoke, revoking, settings):
    down(2)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = f"newest-{old}", [old]
    call_command("oauth_login", "rotate-keys", verbosity=0)
    settings.SECRET_KEY_FALLBACKS = []

    assert revoke() == (0, "Grants: 2 withdrawn.", "")
    assert sorted(revoking.revoked) == ["gho_1", "gho_2"]


def test_what_another_machine_is_at_is_left_to_it(down, revoke, revoking):
    down()
    row = Revocation.objects.get()
    assert Revocation.objects.take(row)

    assert revoke()[0] == 1
    assert Revocation.objects.take(row) is None
    assert revoking.requests == []


def test_what_was_tried_since_it_was_read_is_not_taken_though_it_is_due_again(down):
    down()
    row, same = Revocation.objects.get(), Revocation.objects.get()
    assert Revocation.objects.take(same)
    due()

    assert Revocation.objects.take(row) is None
    assert Revocation.objects.get().attempts == row.attempts + 1


def test_what_is_not_due_is_not_taken_though_nobody_has_tried_it(person, revoking):
    with transaction.atomic():
        person().delete()

        assert Revocation.objects.take(Revocation.objects.get()) is None

    assert revoking.revoked == ["gho_1"]


def test_a_row_that_another_machine_took_a_moment_ago_is_passed_over(down, revoke, revoking, waiting):
    down(2)

    def take_the_other(_request):
        revoking.says = None
        for row in Revocation.objects.exclude(attempts=2):
            Revocation.objects.take(row)
        return reply(b"", 204)

    revoking.says = take_the_other

    assert revoke() == (1, "Grants: 1 withdrawn. 1 remain to be withdrawn.", "")
    assert len(revoking.requests) == 1


@pytest.mark.threat("GH16")
def test_who_has_signed_in_again_keeps_the_new_grant(down, person, revoke, revoking, waiting):
    down()
    person(subject="1")

    assert revoke() == (0, "Grants: 1 left alone, as the person has signed in again.", "")
    assert (revoking.requests, waiting()) == ([], [])


def test_an_account_that_was_revoked_and_is_linked_still_is_not_taken_for_that(
    person, revoke, revoking, waiting
):
    revoking.says = fails()
    account = person()
    assert revoke("--account", str(account.pk), "--no-input")[0] == 1
    due()
    revoking.says = None

    assert revoke() == (0, "Grants: 1 withdrawn.", "")
    assert waiting() == []


def test_no_more_than_the_limit_are_tried(down, revoke, revoking):
    down(3)

    assert revoke("--limit", "2") == (1, "Grants: 2 withdrawn. 1 remain to be withdrawn.", "")
    assert len(revoking.requests) == 2


@pytest.mark.parametrize("number", ["0", "-1", "many", "36501"])
def test_a_number_that_cannot_be_meant_is_refused(revoke, number, db):
    assert revoke("--limit", number)[0] == 1


def test_only_what_is_of_that_provider_is_tried(down, revoke, revoking, settings):
    down()
    settings.OAUTH_LOGIN["PROVIDERS"]["other"] = settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]

    assert revoke("--provider", "other") == (0, "Grants: nothing to be done now.", "")
    assert revoke("--provider", "ghe") == (0, "Grants: 1 withdrawn.", "")


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--account", "1"]], ids=["waiting", "dry", "live"])
@pytest.mark.parametrize(
    ("alias", "hint"), [("gh", "Did you mean 'ghe'?"), ("weibo", "Known: ghe."), ("\0", "Known: ghe.")]
)
def test_a_provider_that_nobody_knows_is_a_slip(down, revoke, revoking, waiting, alias, hint, more):
    down()

    assert revoke("--provider", alias, *more) == (1, f"There is no provider {alias!r}. {hint}", "")
    assert (len(waiting()), revoking.requests) == (1, [])


def test_where_the_settings_have_none_there_is_nothing_to_be_meant(revoke, settings, db):
    settings.OAUTH_LOGIN = {}

    assert revoke("--provider", "ghe")[:2] == (1, "There is no provider 'ghe'. Known: none.")


def test_one_that_is_not_in_the_settings_any_more_is_known_while_something_of_it_waits(
    down, revoke, settings
):
    down()
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    code, said, complained = revoke("--provider", "ghe")

    assert (code, said) == (1, "Grants: 1 not done. 1 remain to be withdrawn.")
    assert complained == "ghe: settings_invalid (1)\n"


def test_a_dry_run_says_how_much_there_is_and_does_nothing(down, revoke, revoking, waiting):
    down(3)
    Revocation.objects.filter(subject="3").update(next_try_at=datetime.now(UTC) + timedelta(days=1))

    assert revoke("--dry-run") == (0, "3 to be withdrawn, 2 of them now. Nothing was done.", "")
    assert len(waiting()) == 3
    assert revoking.requests == []


def test_what_a_provider_never_takes_back_is_given_up_and_named(down, revoke, revoking, waiting, caplog):
    down(22)
    Revocation.objects.exclude(subject="1").update(
        created_at=datetime.now(UTC) - timedelta(days=31), reason=""
    )

    code, said, complained = revoke("--dry-run")
    assert (code, len(waiting())) == (0, 22)
    assert complained.endswith(" to be given up.\n")
    code, said, complained = revoke()

    assert (code, said) == (0, "Grants: 1 withdrawn.")
    *lines, last = complained.splitlines()
    assert len(lines) == 20
    assert re.fullmatch(r"ghe [0-9a-f-]{36}: since [0-9-]{10}, tried 1 times, without an answer", lines[0])
    assert last == "21 of more than 30 days ago given up."
    assert caplog.text.count("a grant is never withdrawn") == 21
    assert waiting() == []


def test_who_is_patient_gives_nothing_up(down, revoke, revoking, waiting):
    down()
    due(created_at=datetime.now(UTC) - timedelta(days=31))

    assert revoke("--abandon", "40") == (0, "Grants: 1 withdrawn.", "")


@pytest.fixture
def slowly(revoking, time_machine):
    """A provider that takes three seconds for each answer."""

    def answer(_request):
        time_machine.shift(3)
        return reply(b"", 204)

    def begin():
        time_machine.move_to(datetime.now(UTC), tick=False)
        revoking.says = answer

    return begin


def test_it_can_be_stopped_and_the_next_run_goes_on(down, revoke, slowly, waiting):
    down(3)
    slowly()

    code, said, _ = revoke(terminal=StoppedAtOnce())

    assert (code, said) == (130, "Stopped. Grants: 1 withdrawn. The next run goes on.")
    assert len(waiting()) == 2
    assert revoke()[:2] == (0, "Grants: 2 withdrawn.")


def test_somebody_at_a_terminal_is_told_how_far_it_is(down, revoke, slowly):
    down(2)
    slowly()

    assert revoke() == (0, "Grants: 2 withdrawn.", "1 tried so far\n2 tried so far\n")


def test_it_can_be_silent(down, revoke, revoking):
    down()

    assert revoke("--verbosity", "0") == (0, "", "")
    assert len(revoking.requests) == 1


# --- Live accounts ----------------------------------------------------------------------------------------


def test_a_live_account_gives_its_grant_back_and_stays_linked(person, revoke, revoking):
    account, other = person(), person()

    code, said, _ = revoke("--account", str(account.pk), "--no-input")

    assert (code, said) == (0, f"{account.pk}: 1 (ghe), fresh\nGrants: 1 withdrawn.")
    assert revoking.revoked == ["gho_1"]
    assert LinkedAccount.objects.get(pk=account.pk).health == "revoked"
    assert LinkedAccount.objects.get(pk=other.pk).health == "fresh"


def test_all_accounts_of_a_user_do(person, revoke, revoking):
    one = person()
    person(user=one.user)
    person(user=one.user, provider="gone", issuer="https://gone.example")
    person()

    code, said, _ = revoke("--user", one.user.username, "--account", str(one.pk), "--no-input")

    assert (code, said.splitlines()[-1]) == (
        0,
        "Grants: 2 withdrawn, 1 without a way to withdraw them.",
    )
    assert revoking.revoked == ["gho_1", "gho_2"]


@pytest.mark.parametrize(("answer", "asked"), [("y", 1), ("YES ", 1), ("", 0), ("n", 0)])
def test_whether_it_is_meant_is_asked_first(person, revoke, revoking, monkeypatch, answer, asked):
    account = person()
    questions = []

    def answers(question):
        questions.append(question)
        return answer

    monkeypatch.setattr("builtins.input", answers)

    code, said, _ = revoke("--user", account.user.username)

    assert len(questions) == 1
    assert len(revoking.requests) == asked
    assert (code == 0) is bool(asked)
    assert said.endswith("withdrawn." if asked else "Nothing was done.")


def test_a_dry_run_names_the_accounts(person, revoke, revoking):
    account = person()

    assert revoke("--account", str(account.pk), "--dry-run") == (
        0,
        f"{account.pk}: 1 (ghe), fresh\nNothing was done.",
        "",
    )
    assert Token.objects.get().state == "active"


@pytest.mark.parametrize("arguments", [("--account", "404"), ("--account", "x"), ("--user", "nobody")])
def test_who_is_not_there_is_said_to_be_not(revoke, db, arguments):
    code, said, _ = revoke(*arguments)

    assert code == 1
    assert said in {
        "There is no linked account 404.",
        "There is no linked account x.",
        "There is no user nobody.",
    }
