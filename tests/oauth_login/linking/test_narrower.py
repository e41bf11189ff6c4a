"""A sign-in asks for the least: what a visitor has granted beyond that on another day stays granted."""

import pytest
import time_machine

from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.linking.conftest import NOW

WIDE = "read:user,repo,user:email"


@pytest.fixture
def comes(visitor, github):
    """A way to sign in, and be granted a token of that scope; what is kept then: token and scope."""

    def sign_in(token, scope="read:user,user:email", **fields):
        github.token = {"access_token": f"gho_{token}", "token_type": "bearer", "scope": scope} | fields
        assert visitor.sign_in(github).status_code == 302
        kept = Token.objects.get()
        return kept.access_token.reveal(), kept.account.scope

    return sign_in


@pytest.mark.threat("H26")
def test_the_wider_token_stays_and_so_does_what_is_said_of_it(comes):
    comes("wide", WIDE)

    assert comes("narrow") == ("gho_wide", "read:user repo user:email")


def test_what_is_shown_of_the_person_is_the_newest_all_the_same(comes, github):
    comes("wide", WIDE)
    github.user = github.user | {"name": "Mona"}
    comes("narrow")

    assert LinkedAccount.objects.get().name == "Mona"


@pytest.mark.threat("H26")
@pytest.mark.parametrize(
    "scope",
    ["read:user,user:email,gist", "read:user,repo,user:email", "read:user"],
    ids=["other", "same", "cut"],
)
def test_any_other_is_taken(comes, scope):
    comes("wide", WIDE)

    assert comes("newer", scope) == ("gho_newer", " ".join(sorted(scope.split(","))))


@pytest.mark.threat("H26")
@pytest.mark.parametrize(
    "values",
    [{"state": Token.State.REAUTHORIZE}, {"state": Token.State.REVOKED}],
    ids=["refused", "revoked"],
)
def test_one_that_is_of_no_use_any_more_does_not_stay(comes, values):
    comes("wide", WIDE)
    Token.objects.update(**values)

    assert comes("narrow") == ("gho_narrow", "read:user user:email")


@pytest.mark.parametrize(("refresh", "stays"), [("ghr_1", True), ("", False)], ids=["renewable", "run out"])
@pytest.mark.usefixtures("one_clock")
def test_one_that_has_run_out_stays_only_if_it_can_be_renewed(comes, refresh, stays):
    with time_machine.travel(NOW, tick=False) as clock:
        comes("wide", WIDE, expires_in=3600, refresh_token=refresh, refresh_token_expires_in=86_400)
        clock.shift(3601)

        assert comes("narrow")[0] == ("gho_wide" if stays else "gho_narrow")


def test_where_no_tokens_are_kept_the_old_one_goes(visitor, comes, github, settings):
    comes("wide", WIDE)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    github.token = github.token | {"scope": "read:user,user:email"}
    visitor.sign_in(github)

    assert Token.objects.count() == 0
    assert LinkedAccount.objects.get().scope == "read:user user:email"


@pytest.mark.threat("G04")
def test_who_links_it_once_more_means_what_they_grant(visitor, comes, github):
    comes("wide", WIDE)
    github.token = {"access_token": "gho_meant", "token_type": "bearer", "scope": "read:user,user:email"}

    visitor.sign_in(github, intent="link")

    assert Token.objects.get().access_token.reveal() == "gho_meant"
    assert LinkedAccount.objects.get().scope == "read:user user:email"


@pytest.mark.threat("H26")
def test_a_token_of_an_alias_that_was_renamed_stays_as_well(comes):
    comes("wide", WIDE)
    LinkedAccount.objects.update(provider="former")
    Token.objects.update(provider="former")

    assert comes("narrow") == ("gho_wide", "read:user repo user:email")
    assert LinkedAccount.objects.get().provider == Token.objects.get().provider == "github"


@pytest.mark.threat("H26")
def test_where_nobody_knows_what_was_asked_for_the_newest_counts(comes, settings):
    comes("wide", WIDE)
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    other = providers["github"] | {"PRESET": "github", "CLIENT_ID": "another-client"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers | {"other": other}}
    LinkedAccount.objects.update(provider="gone")  # and which of the two that was, nobody knows
    Token.objects.update(provider="gone")

    assert comes("narrow") == ("gho_narrow", "read:user user:email")
