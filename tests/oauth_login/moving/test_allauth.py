"""The accounts of django-allauth become this site's: the same people, and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from oauth_login.models import LinkedAccount, Token
from tests.oauth_login import odd_providers
from tests.oauth_login.fake_github import CLIENT_ID
from tests.oauth_login.moving import theirs
from tests.oauth_login.moving.theirs import SocialAccount, SocialApp, SocialToken

GITHUB = "https://github.com/login/oauth"
ACME = "https://sso.acme.example"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
YESTERDAY = TOMORROW - timedelta(days=2)
CREDENTIALS = {"CLIENT_ID": "an id", "CLIENT_SECRET": "a secret of more than 32 characters for all"}


@pytest.fixture
def account(user):
    """A way to have accounts in their table, each of a new user."""

    def make(uid="583231", provider="github", *, of=None, **told):
        of = of or user(f"user of {provider} {uid}"[:150])
        return SocialAccount.objects.create(user_id=of.pk, provider=provider, uid=uid, extra_data=told)

    return make


@pytest.fixture
def site(settings):
    """A way to have the site know other providers."""

    def know(**providers):
        settings.OAUTH_LOGIN = {"PROVIDERS": {alias: CREDENTIALS | more for alias, more in providers.items()}}

    return know


def stored():
    """Return what is in the one token's row, opened."""
    token = Token.objects.get()
    return token.access_token.reveal(), token.refresh_token and token.refresh_token.reveal(), token.expires_at


# --- Who it is ------------------------------------------------------------------------------------------


@pytest.mark.threat("L11")
def test_without_being_told_to_write_nothing_is_written(account, bring, identities):
    account()
    run = bring("allauth")

    assert run.code == 0
    assert run.rows["github"] == ["github", "1", "1", "0", "0", "0", "0", "0"]
    assert "Nothing was written" in run.said
    assert identities() == []


def test_who_was_brought_over_signs_in_as_the_user_they_were(account, bring, visitor, github, user):
    octocat = user()
    account("583231", of=octocat, login="octocat", name="The Octocat")
    bring("allauth", "--write")
    (before,) = LinkedAccount.objects.all()

    visitor.sign_in(github)

    assert (before.username, before.name, str(before)) == ("octocat", "The Octocat", "octocat (github)")
    assert visitor.user == octocat
    assert [one.pk for one in LinkedAccount.objects.all()] == [before.pk]
    assert get_user_model().objects.count() == 1


def test_when_it_was_linked_is_known_if_they_knew_it(account, bring):
    account()
    SocialAccount.objects.update(date_joined=YESTERDAY)
    account("7")
    bring("allauth", "--write")

    linked = dict(LinkedAccount.objects.values_list("subject", "linked_at"))
    assert linked["583231"] == YESTERDAY
    assert linked["7"] > YESTERDAY


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    "uid",
    [
        "None",
        "null",
        "",
        "0",
        "-1",
        "007",
        "7.0",
        " 7",
        "7 ",
        "octocat",
        "\N{ARABIC-INDIC DIGIT SEVEN}",
        "9" * 19,
        "1" * 200,
    ],
)
def test_an_id_that_is_nobodys_is_left_out(account, bring, identities, uid):
    account(uid)
    run = bring("allauth", "--write")

    assert run.code == 1
    assert "github, 1 left out: the id is nobody's" in run.said
    assert identities() == []


@pytest.mark.threat("L11")
@pytest.mark.parametrize("link", ["https://github.acme.example/octocat", "https://[", "octocat"])
def test_somebody_of_another_server_is_not_the_one_with_that_number_here(account, bring, identities, link):
    account("7", html_url=link)
    run = bring("allauth", "--write")

    assert "left out: recorded of another server than the provider's" in run.said
    assert identities() == []


def test_a_link_to_the_providers_own_server_is_no_obstacle(account, bring, identities):
    account("7", html_url="https://github.com/octocat", web_url=None)
    bring("allauth", "--write")

    assert [one[:3] for one in identities()] == [("github", GITHUB, "7")]


@pytest.mark.threat("L11")
@pytest.mark.parametrize("options", [(), ("--trust-uid={provider}",)], ids=["by itself", "trusted"])
@pytest.mark.parametrize(
    ("provider", "uid", "told", "alias"),
    [
        ("github", "583231", {"id": 999, "login": "583231"}, "github"),
        ("google", "110169484474386276334", {"sub": "110169484474386276335"}, "google"),
        ("google", "110169484474386276334", {"id": "110169484474386276335"}, "google"),
        ("dropbox", "dbid:A", {"account_id": "dbid:B"}, "dropbox"),
        ("orcid", "0000-0001", {"orcid-identifier": {"path": "0000-0002"}}, "orcid"),
    ],
)
def test_an_id_that_is_not_the_one_kept_beside_is_nobodys(
    account, bring, site, identities, provider, uid, told, alias, options
):
    site(**{alias: {}})
    account(uid, provider, **told)
    run = bring("allauth", "--write", *(option.format(provider=provider) for option in options))

    assert (run.code, identities()) == (1, [])
    assert "1 left out: the uid is another id than the one that was kept beside" in run.said


@pytest.mark.threat("L11")
def test_no_word_of_the_sites_stands_against_the_id_that_was_kept(account, bring, site, identities):
    site(reddit={})
    account("somebody", "reddit", id="2nwd5")
    run = bring("allauth", "--write", "--trust-uid", "reddit")

    assert (run.code, identities()) == (1, [])
    assert "1 left out: the uid is another id than the one that was kept beside" in run.said


@pytest.mark.parametrize(
    ("provider", "uid", "told", "alias", "subject"),
    [
        ("google", "110169484474386276334", {"iss": "accounts.google.com"}, "google", None),
        ("google", "110169484474386276334", {"id": "110169484474386276334"}, "google", None),
        ("gitlab", "7", {"web_url": "https://gitlab.com/octocat"}, "gitlab", None),
        ("twitter_oauth2", "7", {}, "twitter", None),
        ("weibo", "7", {}, "weibo", None),
        ("openstreetmap", "7", {}, "openstreetmap", None),
        ("bitbucket_oauth2", "557058:a", {"uuid": "{c788b2da}"}, "bitbucket", "{c788b2da}"),
        ("notion", "user-a_workspace-b", {"owner": {"user": {"id": "6794"}}}, "notion", "6794"),
        ("reddit", "somebody", {"id": "2nwd5"}, "reddit", "2nwd5"),
        ("slack", "T1_U2", {"sub": "U2"}, "slack", "U2"),
    ],
)
def test_the_id_is_the_one_that_our_preset_signs_in_by(
    account, bring, site, provider, uid, told, alias, subject
):
    site(**{alias: {}})
    account(uid, provider, **told)
    run = bring("allauth", "--write")

    assert run.code == 0, run.said
    linked = LinkedAccount.objects.get()
    assert (linked.provider, linked.subject) == (alias, subject or uid)


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    ("provider", "alias", "options"),
    [
        ("microsoft", "microsoft", {"TENANT": "contoso"}),
        ("linkedin_oauth2", "linkedin", {}),
        ("slack", "slack", {}),
        ("reddit", "reddit", {}),
        ("spotify", "spotify", {}),
        ("openid_connect", "keycloak", {"ISSUER": ACME}),
        ("acme-of-theirs", "keycloak", {"ISSUER": ACME}),
        ("acme-of-theirs", "weibo", {}),
    ],
)
def test_an_id_that_they_do_not_have_is_not_guessed(
    account, bring, site, identities, provider, alias, options
):
    site(**{alias: options})
    account("somebody", provider, id={"no": "text"})
    run = bring("allauth", "--write", "--provider", f"{provider}={alias}")

    assert (run.code, identities()) == (1, [])
    assert "left out: the id that our sign-in finds people by was not recorded" in run.said


def test_a_provider_of_the_sites_own_may_have_ids_of_any_type(
    account, bring, identities, monkeypatch, settings
):
    odd_providers.registered(monkeypatch, settings, odd_providers.SaysNothingOfIds)
    account("octo-7")
    account("007")
    run = bring("allauth", "--write", "--trust-uid", "github")

    assert [one[:3] for one in identities()] == [("github", GITHUB, "octo-7")]
    assert "github, 1 left out: the id is nobody's" in run.said


# --- OpenID Connect -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"userinfo": {"sub": "ada-of-acme", "preferred_username": "ada"}, "id_token": {"iss": ACME}},
        {"id_token": {"iss": ACME, "sub": "ada-of-acme", "preferred_username": "ada"}},
        {"sub": "ada-of-acme", "preferred_username": "ada"},
    ],
)
def test_the_sub_counts_wherever_it_is_kept_and_not_the_uid(account, bring, site, identities, told):
    site(acme={"ISSUER": ACME})
    account("ada@acme.example", "acme", **told)
    bring("allauth", "--write")

    assert [one[:3] for one in identities()] == [("acme", ACME, "ada-of-acme")]
    assert LinkedAccount.objects.get().username == "ada"


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"id_token": {"iss": "https://evil.example", "sub": "7"}}, "recorded of another issuer"),
        ({"id_token": {"iss": f"{ACME}/", "sub": "7"}}, "recorded of another issuer"),
        ({"userinfo": {"sub": True}}, "the id is nobody's"),
        ({"userinfo": {"sub": {"a": 1}}}, "was not recorded"),
        ({"userinfo": "sub"}, "was not recorded"),
    ],
)
def test_what_another_issuer_said_or_nobody_is_left_out(account, bring, site, identities, told, reason):
    site(acme={"ISSUER": ACME})
    account("somebody", "acme", **told)

    assert reason in bring("allauth", "--write").said
    assert identities() == []


def test_of_many_tenants_the_one_that_was_recorded_counts(account, bring, site, identities):
    site(microsoft={"TENANTS": ["one", "two"]})
    issuer = "https://login.microsoftonline.com/two/v2.0"
    account("a", "microsoft", id_token={"sub": "a", "iss": issuer})
    account("b", "microsoft", id_token={"sub": "b"})
    run = bring("allauth", "--write")

    assert [one[:3] for one in identities()] == [("microsoft", issuer, "a")]
    assert "1 left out: which of the provider's tenants it is of was not recorded" in run.said


# --- Tokens ---------------------------------------------------------------------------------------------


@pytest.fixture
def token(account):
    """A way to have somebody's token in their table."""

    def make(text="gho_0123456789", provider="github", **fields):
        theirs_of = account(provider=provider)
        return SocialToken.objects.create(account_id=theirs_of.pk, token=text, **fields)

    return make


@pytest.mark.threat("H01", "L11")
def test_a_token_is_taken_over_and_encrypted_on_the_way(token, bring):
    app = SocialApp.objects.create(client_id=CLIENT_ID)
    token("gho_0123456789", token_secret="ghr_9876543210", expires_at=TOMORROW, app_id=app.pk)
    run = bring("allauth", "--write")

    assert stored() == ("gho_0123456789", "ghr_9876543210", TOMORROW)
    assert run.rows["github"][-2:] == ["1", "0"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM oauth_login_token")
        row = str(cursor.fetchall())
    assert "gho_" not in row
    assert "ghr_" not in row
    assert "gho_" not in run.said


def test_the_newest_token_of_several_is_taken(token, bring):
    first = token("the-first")
    SocialToken.objects.create(account_id=first.account_id, token="the-second")
    bring("allauth", "--write")

    assert stored() == ("the-second", "", None)


@pytest.mark.threat("L11")
@pytest.mark.parametrize(
    ("text", "fields", "reason"),
    [
        ("", {}, "unreadable"),
        ("two words", {}, "unreadable"),
        ("x" * 100_000, {}, "unreadable"),
        ("fine", {"token_secret": "line\nbreak"}, "unreadable"),
        ("fine", {"expires_at": YESTERDAY}, "expired"),
    ],
)
def test_a_token_that_serves_nobody_is_not_taken_and_the_account_is(token, bring, text, fields, reason):
    token(text, **fields)
    run = bring("allauth", "--write")

    assert run.code == 0, "who has no token signs in, and has one"
    assert f"github, 1 tokens not taken: {reason}" in run.said
    assert run.rows["github"][-2:] == ["0", "1"]
    assert (LinkedAccount.objects.count(), Token.objects.count()) == (1, 0)


def test_an_expired_token_that_can_be_renewed_is_taken(token, bring):
    token(token_secret="renews-it", expires_at=YESTERDAY)
    bring("allauth", "--write")

    assert stored() == ("gho_0123456789", "renews-it", YESTERDAY)


@pytest.mark.threat("L11")
def test_a_token_of_another_client_is_not_taken(token, bring):
    token(app_id=SocialApp.objects.create(client_id="another").pk)

    assert "1 tokens not taken: of another client" in bring("allauth", "--write").said
    assert not Token.objects.exists()


def test_a_token_of_oauth_1_is_not_taken(token, bring, site):
    site(twitter={})
    token(provider="twitter")

    assert "1 tokens not taken: unreadable" in bring("allauth", "--write").said
    assert not Token.objects.exists()


@pytest.mark.threat("L11")
def test_a_site_that_keeps_no_tokens_takes_none(token, bring, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STORE_TOKENS": False}
    token()

    assert "1 tokens not taken: not kept here" in bring("allauth", "--write").said
    assert (LinkedAccount.objects.count(), Token.objects.count()) == (1, 0)


def test_moments_without_a_time_zone_are_the_sites(token, bring, settings):
    settings.USE_TZ = False
    SocialToken.objects.update(expires_at=None)
    token(expires_at=TOMORROW.replace(tzinfo=None))
    bring("allauth", "--write")

    assert stored()[2] == TOMORROW


# --- Tables ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_site_that_never_kept_tokens_may_lack_their_tables(account, bring, identities, monkeypatch):
    account()
    lacking = (SocialToken, SocialApp)
    theirs.drop(*lacking)
    monkeypatch.setattr(theirs, "ALL", (SocialAccount,))
    try:
        run = bring("allauth", "--write")
    finally:
        theirs.create(*lacking)
        SocialAccount.objects.all().delete()

    assert run.code == 0
    assert len(identities()) == 1
