"""The associations of python-social-auth become this site's, by the ids that last."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.db import connection, models

from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.moving import theirs
from tests.oauth_login.moving.theirs import UserSocialAuth

ACME = "https://sso.acme.example"
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
CREDENTIALS = {"CLIENT_ID": "an id", "CLIENT_SECRET": "a secret of more than 32 characters for all"}


@pytest.fixture
def association(user):
    """A way to have associations in their table, each of a new user."""

    def make(uid="583231", provider="github", *, id_key="", **extra_data):
        owner = user(f"user of {provider} {uid}")
        fields = {"provider": provider, "uid": uid, "id_key": id_key, "extra_data": extra_data}
        return UserSocialAuth.objects.create(user_id=owner.pk, **fields)

    return make


@pytest.fixture
def site(settings):
    """A way to have the site know providers."""

    def know(**providers):
        settings.OAUTH_LOGIN = {"PROVIDERS": {alias: CREDENTIALS | more for alias, more in providers.items()}}

    return know


def id_token(**claims):
    """Return an ID Token as it was kept when it had been verified."""
    return jwt.encode(claims, "whoever signed it, signed it long ago", algorithm="HS256")


def test_who_was_brought_over_signs_in_as_the_user_they_were(association, bring, visitor, github):
    association(login="octocat", access_token="gho_0123456789", token_type="bearer", expires=None)
    bring("social-auth", "--write")
    (account,) = LinkedAccount.objects.all()

    visitor.sign_in(github)

    assert visitor.user == account.user
    assert LinkedAccount.objects.count() == 1


@pytest.mark.threat("L11", "F02")
@pytest.mark.parametrize(
    ("theirs", "ours", "options"),
    [
        ("github", "ghe", {"PRESET": "github", "BASE_URL": "https://github.acme.example"}),
        ("github-org", "ghe", {"PRESET": "github", "BASE_URL": "https://github.acme.example"}),
        ("github", "github", {"BASE_URL": "https://github.acme.example"}),
        ("gitlab", "gitlab", {"BASE_URL": "https://gitlab.acme.example"}),
        ("gitlab", "gitlab", {}),
    ],
    ids=["the only one", "an organisation's", "the same name", "its own", "of whichever server"],
)
def test_a_number_that_is_of_whichever_server_is_nobodys_unless_the_site_says_so(
    association, bring, site, identities, theirs, ours, options
):
    association(provider=theirs, access_token="gho_of_another_server")
    site(**{ours: options})

    run = bring("social-auth", "--write", verbosity=2)

    assert (run.code, identities(), Token.objects.count()) == (1, [], 0)
    assert "of which server it is was not recorded: --provider says so" in run.said
    assert bring("social-auth", "--write", f"--provider={theirs}={ours}").code == 0
    assert len(identities()) == 1


# --- Who it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "uid", "id_key", "alias"),
    [
        ("github-org", "7", "", "github"),
        ("google-oauth2", "110169484474386276334", "sub", "google"),
        ("google-oauth2", "110169484474386276334", "", "google"),
        ("twitter-oauth2", "7", "id", "twitter"),
        ("bitbucket-oauth2", "{c788b2da}", "uuid", "bitbucket"),
        ("openstreetmap-oauth2", "7", "id", "openstreetmap"),
        ("amazon", "amzn1.account.A", "user_id", "amazon"),
        ("atlassian", "557058:a", "accountId", "atlassian"),
        ("weibo", "7", "uid", "weibo"),
        ("weixin", "o6_bmjrPTlm6", "openid", "weixin"),
        ("yahoo-oauth2", "A7", "sub", "yahoo"),
    ],
)
def test_their_names_are_known(association, bring, site, provider, uid, id_key, alias):
    site(**{alias: {}})
    association(uid, provider, id_key=id_key)
    run = bring("social-auth", "--write")

    assert (run.code, run.rows[provider][0]) == (0, alias)
    assert LinkedAccount.objects.get().subject == uid


@pytest.mark.threat("F05", "L11")
@pytest.mark.parametrize(
    ("provider", "uid", "id_key", "reason"),
    [
        ("google-oauth2", "ada@gmail.com", "", "known by an e-mail address, which changes hands"),
        ("google-oauth2", "ada@gmail.com", "email", "known by an e-mail address, which changes hands"),
        ("google-oauth2", "ada", "email", "is not the id that our sign-in finds people by"),
        ("github", "583231", "login", "is not the id that our sign-in finds people by"),
        ("discord", "7", "username", "is not the id that our sign-in finds people by"),
        ("weixin", "o6_bmjrPTlm6", "unionid", "is not the id that our sign-in finds people by"),
        ("keycloak", "ada", "username", "is not the id that our sign-in finds people by"),
        ("keycloak", "ada", "", "was not recorded"),
        ("bitbucket-oauth2", "ada", "username", "is not the id that our sign-in finds people by"),
        ("dropbox-oauth2", "7", "uid", "was not recorded"),
        ("azuread-tenant-oauth2", "a-sub", "sub", "was not recorded"),
        ("slack", "U7", "id", "was not recorded"),
    ],
)
def test_who_was_known_by_what_changes_hands_is_left_out(
    association, bring, site, identities, provider, uid, id_key, reason
):
    site(
        **{name: {} for name in ("google", "bitbucket", "discord", "dropbox", "github", "slack", "weixin")},
        keycloak={"ISSUER": ACME},
        microsoft={"TENANT": "contoso"},
    )
    association(uid, provider, id_key=id_key)
    run = bring("social-auth", "--write")

    assert (run.code, identities()) == (1, [])
    assert reason in run.said


@pytest.mark.threat("F02", "L11")
@pytest.mark.parametrize("key", ["login", ""], ids=["as it says", "as nobody says"])
def test_who_has_somebodys_number_for_a_name_does_not_let_them_in(
    user, bring, visitor, github, identities, key
):
    chief = user("chief", is_staff=True)
    row = {"user_id": chief.pk, "uid": "583231", "id_key": key}
    UserSocialAuth.objects.create(**row, extra_data={"login": "583231", "id": 999})

    assert (bring("social-auth", "--write").code, identities()) == (1, [])
    visitor.sign_in(github)
    assert visitor.user != chief


@pytest.mark.threat("F02", "L11")
@pytest.mark.parametrize("options", [(), ("--trust-uid=discord",)], ids=["by itself", "trusted"])
@pytest.mark.parametrize("setting", ["SOCIAL_AUTH_DISCORD_ID_KEY", "SOCIAL_AUTH_ID_KEY"])
def test_who_was_known_by_a_name_that_only_the_settings_tell_of_is_left_out(
    association, bring, site, identities, settings, setting, options
):
    site(discord={})
    association("80351110224678912", "discord")
    setattr(settings, setting, "username")
    run = bring("social-auth", "--write", *options)

    assert (run.code, identities()) == (1, [])
    assert "is not the id that our sign-in finds people by" in run.said


@pytest.mark.parametrize("key", ["sub", ""])
def test_a_right_setting_proves_nothing_of_an_older_row(association, bring, site, identities, settings, key):
    site(keycloak={"ISSUER": ACME})
    association("ada", "keycloak")
    settings.SOCIAL_AUTH_KEYCLOAK_ID_KEY = key

    assert (bring("social-auth", "--write").code, identities()) == (1, [])


def test_a_row_that_says_what_its_uid_is_goes_before_the_settings(
    association, bring, site, identities, settings
):
    site(discord={})
    association("80351110224678912", "discord", id_key="id")
    settings.SOCIAL_AUTH_DISCORD_ID_KEY = "username"

    assert bring("social-auth", "--write").code == 0
    assert [one[2] for one in identities()] == ["80351110224678912"]


@pytest.mark.threat("L11")
@pytest.mark.parametrize("options", [(), ("--trust-uid={provider}",)], ids=["by itself", "trusted"])
@pytest.mark.parametrize(
    ("provider", "uid", "id_key", "extra_data"),
    [
        ("github", "583231", "", {"id": 999}),
        ("github", "583231", "id", {"id": "999"}),
        ("github-org", "583231", "", {"id": "583231 "}),
        ("amazon", "amzn1.account.A", "", {"user_id": "amzn1.account.B"}),
        ("dropbox-oauth2", "dbid:A", "account_id", {"account_id": "dbid:B"}),
        ("google-oauth2", "110169484474386276334", "", {"sub": "110169484474386276335"}),
        ("keycloak", "ada", "sub", {"sub": "grace"}),
        ("keycloak", "ada", "sub", {"id_token": id_token(iss=ACME, sub="grace")}),
    ],
)
def test_an_id_that_is_not_the_one_kept_beside_is_nobodys(
    association, bring, site, identities, provider, uid, id_key, extra_data, options
):
    site(**{name: {} for name in ("amazon", "dropbox", "github", "google")}, keycloak={"ISSUER": ACME})
    association(uid, provider, id_key=id_key, **extra_data)
    run = bring("social-auth", "--write", *(option.format(provider=provider) for option in options))

    assert (run.code, identities()) == (1, [])
    assert "1 left out: the uid is another id than the one that was kept beside" in run.said


def test_the_same_id_beside_is_no_obstacle_in_whatever_type(association, bring, identities):
    association(id=583231)
    association("7", id="7")

    assert bring("social-auth", "--write").code == 0
    assert [one[2] for one in identities()] == ["583231", "7"]


@pytest.mark.parametrize(
    ("provider", "alias", "extra_data"),
    [
        ("google-oauth2", "google", {"sub": "a-sub"}),
        ("keycloak", "keycloak", {"sub": "a-sub"}),
        (
            "google-openidconnect",
            "google",
            {"id_token": id_token(iss="https://accounts.google.com", sub="a-sub")},
        ),
        ("oidc", "keycloak", {"id_token": id_token(iss=ACME, sub="a-sub"), "sub": "another"}),
        ("oidc", "keycloak", {"_oidc_id_token_context": {"iss": ACME, "sub": "a-sub"}}),
        ("dropbox-oauth2", "dropbox", {"account_id": "a-sub"}),
    ],
)
def test_an_address_is_no_obstacle_where_the_sub_was_kept_beside(
    association, bring, site, provider, alias, extra_data
):
    site(google={}, dropbox={}, keycloak={"ISSUER": ACME})
    association("ada@acme.example", provider, id_key="email", **extra_data)
    bring("social-auth", "--write", "--provider", f"{provider}={alias}")

    assert LinkedAccount.objects.get().subject == "a-sub"


@pytest.mark.threat("L11")
@pytest.mark.parametrize("kept", [id_token(iss="https://other.example", sub="a"), "no.id.token", 7, "%"])
def test_an_id_token_of_another_or_of_nobody_brings_nobody_in(association, bring, site, identities, kept):
    site(oidc={"ISSUER": ACME})
    association("ada", "oidc", id_token=kept)

    assert bring("social-auth", "--write").code == 1
    assert identities() == []


def test_the_site_may_say_that_their_uid_is_the_id(association, bring, site, identities):
    site(acme={"ISSUER": ACME})
    association("a-sub", "our-own-backend")
    mapped = ("--provider", "our-own-backend=acme")

    assert bring("social-auth", *mapped).code == 1
    assert bring("social-auth", "--write", *mapped, "--trust-uid", "our-own-backend").code == 0
    assert [one[:3] for one in identities()] == [("acme", ACME, "a-sub")]


@pytest.mark.threat("L11")
@pytest.mark.parametrize("theirs", ["github", "our-own-backend"])
@pytest.mark.parametrize("key", ["login", "username", "email"])
def test_what_is_called_a_name_is_no_id_whatever_the_site_says(association, bring, identities, theirs, key):
    association("7", theirs, id_key=key)
    run = bring("social-auth", "--write", f"--provider={theirs}=github", f"--trust-uid={theirs}")

    assert (run.code, identities()) == (1, [])
    assert "is not the id that our sign-in finds people by" in run.said


def test_the_site_may_say_so_of_an_id_that_has_another_name_there(association, bring, site, identities):
    site(auth0={"ISSUER": ACME})
    association("auth0|7", "auth0", id_key="user_id")

    assert bring("social-auth").code == 1
    assert bring("social-auth", "--write", "--trust-uid", "auth0").code == 0
    assert [one[2] for one in identities()] == ["auth0|7"]


@pytest.mark.threat("L11")
def test_which_enterprise_server_is_meant_the_site_has_to_say(association, bring, site, identities):
    site(ghe={"PRESET": "github", "BASE_URL": "https://github.acme.example"})
    association("7", "github-enterprise")

    assert "--provider github-enterprise=ALIAS" in bring("social-auth", "--write").said
    assert identities() == []
    assert bring("social-auth", "--write", "--provider", "github-enterprise=ghe").code == 0
    assert identities()[0][:3] == ("ghe", "https://github.acme.example/login/oauth", "7")


@pytest.mark.threat("L11")
def test_ids_of_one_kind_of_server_are_not_taken_for_those_of_another(association, bring, site, identities):
    site(google={})
    association("7", "github")
    run = bring("social-auth", "--write", "--provider", "github=google")

    assert (run.code, identities()) == (1, [])
    assert "github, 1 left out: its ids are not those of google" in run.said


def test_of_two_providers_that_can_be_meant_none_is_chosen(association, bring, site, identities):
    site(google={}, again={"PRESET": "google"}, ours={"PRESET": "github"}, other={"PRESET": "github"})
    association("7", "github-app")
    association("7", "unheard-of")
    association("a-sub", "oidc", id_key="sub")
    run = bring("social-auth", "--write")

    assert run.said.count("none of this site's providers is meant") == 3
    assert identities() == []


# --- Tokens ---------------------------------------------------------------------------------------------


def epoch(moment):
    return int(moment.timestamp())


@pytest.mark.parametrize(
    ("said", "expires_at"),
    [
        ({}, None),
        ({"expires": None}, None),
        ({"expires": 0}, None),
        ({"expires": "soon"}, None),
        ({"expires_in": True}, None),
        ({"expires": epoch(NOW + HOUR)}, NOW + HOUR),
        ({"expires_on": str(epoch(NOW + HOUR))}, NOW + HOUR),
        ({"expires": 7200, "auth_time": epoch(NOW - HOUR)}, NOW + HOUR),
        ({"expires_in": "7200", "auth_time": epoch(NOW - HOUR)}, NOW + HOUR),
        ({"expires_in": 3600}, datetime(1970, 1, 1, 1, tzinfo=UTC)),
        ({"expires_on": 10**12}, None),
    ],
)
def test_when_a_token_expires_is_read_in_all_their_ways(association, bring, said, expires_at):
    association(access_token="gho_0123456789", refresh_token="ghr_9876543210", **said)
    bring("social-auth", "--write")

    token = Token.objects.get()
    assert token.expires_at == expires_at
    assert token.refresh_token.reveal() == "ghr_9876543210"


@pytest.mark.threat("L11")
@pytest.mark.parametrize("access_token", [{"oauth_token": "of OAuth 1.0"}, 7, ["gho_1"]])
def test_what_is_no_bearer_token_is_not_taken(association, bring, access_token):
    association(access_token=access_token)

    assert "1 tokens not taken: unreadable" in bring("social-auth", "--write").said
    assert not Token.objects.exists()


def test_a_token_of_another_type_is_not_taken(association, bring):
    association(access_token="gho_0123456789", token_type="mac")

    assert "1 tokens not taken: unreadable" in bring("social-auth", "--write").said


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ("user:email,read:user", "read:user user:email"),
        ("user:email read:user", "read:user user:email"),
        (["user:email", None, "read:user"], "read:user user:email"),
        (None, ""),
        ("a" * 100_000, ""),
    ],
)
def test_the_scope_is_kept_if_they_have_kept_it(association, bring, scope, kept):
    association(access_token="gho_0123456789", scope=scope)
    bring("social-auth", "--write")

    assert LinkedAccount.objects.get().scope == kept


# --- Earlier versions -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_table_of_an_earlier_version_is_read_as_well(association, bring, identities):
    text = '{"login": "octocat", "access_token": "gho_0123456789"}'
    association()
    UserSocialAuth.objects.update(extra_data=text)  # a JSON string, within which is an object
    gone = [UserSocialAuth._meta.get_field(name) for name in ("id_key", "created")]
    with connection.schema_editor() as editor:
        for field in gone:
            editor.remove_field(UserSocialAuth, field)
    try:
        run = bring("social-auth", "--write")
    finally:
        theirs.drop(UserSocialAuth)
        theirs.create(UserSocialAuth)

    assert run.code == 0
    assert len(identities()) == 1
    assert LinkedAccount.objects.get().username == "octocat"
    assert Token.objects.exists()


@pytest.mark.parametrize("extra_data", ["", "no JSON", "[]", "\\ud800", None, [], 7])
def test_extra_data_that_is_none_tells_nothing(association, bring, identities, extra_data):
    association()
    value = models.Value(extra_data, models.JSONField())
    UserSocialAuth.objects.update(extra_data=value)

    assert bring("social-auth", "--write").code == 0
    assert len(identities()) == 1
