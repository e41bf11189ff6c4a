"""How a token is doing is one word, and the same one for whoever looks at it and for whoever searches."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from oauth_login.errors import ReauthorizationRequired
from oauth_login.fields import Envelope
from oauth_login.health import Health, condition, unusable
from oauth_login.models import LinkedAccount, Token
from oauth_login.sealing import Sealer
from oauth_login.tokens import renew

pytestmark = pytest.mark.django_db
OTHER_KEY = "another-key-that-has-never-encrypted-anything-here-0123456789"


def in_seconds(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.fixture
def shown(person):
    """Make an account with such a token; return its health, which whoever searches for it finds, too."""

    def look(*, refresh_token="ghr_", **values):
        account = person(refresh_token=refresh_token)
        Token.objects.filter(pk=account.pk).update(**values)
        found = LinkedAccount.objects.select_related("token").get(pk=account.pk).health
        searched = [word for word in Health if Token.objects.filter(condition(word)).exists()]
        assert searched == [found]
        return found

    return look


@pytest.mark.parametrize(
    ("expires", "refresh_token", "refresh_expires", "health"),
    [
        (None, "", None, "fresh"),
        (None, "ghr_", -60, "fresh"),
        (3600, "ghr_", 7200, "fresh"),
        (3600, "ghr_", -60, "fresh"),
        (30, "", None, "fresh"),
        (30, "ghr_", -60, "fresh"),
        (30, "ghr_", None, "expiring"),
        (-60, "ghr_", None, "expiring"),
        (-60, "ghr_", 7200, "expiring"),
        (-60, "ghr_", -60, "sign_in"),
        (-60, "", None, "sign_in"),
    ],
)
def test_an_active_token_is_as_long_lived_as_what_renews_it(
    shown, expires, refresh_token, refresh_expires, health
):
    values = {"expires_at": expires, "refresh_expires_at": refresh_expires}

    found = shown(
        refresh_token=refresh_token,
        **{name: None if seconds is None else in_seconds(seconds) for name, seconds in values.items()},
    )

    assert found == health


@pytest.mark.parametrize(("state", "health"), [("reauthorize", "sign_in"), ("revoked", "revoked")])
def test_one_that_was_ended_says_by_whom(shown, state, health):
    assert shown(state=state) == health


@pytest.mark.parametrize(("state", "health"), [("reauthorize", "sign_in"), ("revoked", "revoked")])
def test_so_does_one_that_was_wiped_then(shown, state, health):
    assert shown(state=state, access_token="", refresh_token="") == health


@pytest.mark.threat("H04")
def test_one_that_has_run_out_and_is_renewed_by_what_no_key_opens_needs_a_sign_in(person):
    lost = Envelope(Sealer([OTHER_KEY], "token").seal("ghr_1", "the place does not matter"))
    account = person()
    Token.objects.update(expires_at=in_seconds(-60), refresh_token=lost)

    assert LinkedAccount.objects.get().health == "sign_in"
    assert Token.objects.filter(condition("sign_in")).get().pk == account.pk
    assert not Token.objects.filter(condition("expiring")).exists()


def test_an_account_without_a_token_has_none(person):
    account = person()
    account.token.delete()

    assert LinkedAccount.objects.get().health == "none"
    assert person("", "").health == "none"
    assert Token.objects.filter(condition("none")).count() == 1


@pytest.mark.threat("H04")
def test_one_that_no_key_opens_needs_a_sign_in(person, settings):
    person()
    settings.SECRET_KEY = OTHER_KEY

    account = LinkedAccount.objects.get()
    assert account.health == "sign_in"
    assert list(Token.objects.filter(condition("sign_in"))) == list(Token.objects.filter(unusable()))
    assert [token.pk for token in Token.objects.filter(unusable())] == [account.pk]


@pytest.mark.threat("H02", "H04")
def test_so_does_one_that_is_another_rows(person):
    one, other = person(), person()
    Token.objects.filter(pk=one.pk).update(access_token=Token.objects.get(pk=other.pk).access_token.envelope)

    assert LinkedAccount.objects.get(pk=one.pk).health == "sign_in"


def test_what_has_merely_run_out_is_not_said_to_be_of_no_use(person):
    person(refresh_token="")
    Token.objects.update(expires_at=in_seconds(-60))

    assert not Token.objects.filter(unusable()).exists()


@pytest.mark.threat("H11")
def test_a_template_shows_the_word_and_no_secret(person):
    account = person()

    text = Template("{{ account.health.label }} {{ account.token.access_token }}").render(
        Context({"account": account})
    )

    assert text == "fresh ***"


def test_a_token_that_cannot_be_renewed_stays_when_it_is_to_be(person):
    account = person(refresh_token="")

    with pytest.raises(ReauthorizationRequired):
        renew(account)

    assert Token.objects.get().access_token.reveal() == "gho_1"
