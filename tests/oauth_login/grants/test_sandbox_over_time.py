"""Tokens of the sandbox over time, as a site sees them: renewed, refused, given back."""

from urllib.parse import urlsplit

import jwt
import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse

from oauth_login import conf, providers
from oauth_login.errors import ProviderMisconfigured, ReauthorizationRequired, TokenRequestError
from oauth_login.models import Token
from oauth_login.oauth2 import authenticate_client
from oauth_login.sandbox.flavours import flavour_for

pytestmark = pytest.mark.django_db(transaction=True)

PRESETS = providers.names()
REFRESHING = [name for name in PRESETS if providers.row(name).get("REFRESHES", True)]
REVOKING = [name for name in PRESETS if name == "github" or "REVOCATION_ENDPOINT" in providers.row(name)]
NOW = 1_790_000_000
#: Where each API says whose token it is.
USER = {"github": "user", "google": "userinfo", "gitee": "userinfo"}


@pytest.fixture(autouse=True)
def sandbox(settings, one_clock):
    """A project that has registered nothing anywhere."""
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {
            **{name: {} for name in PRESETS},
            "weibo_app": {"PRESET": "weibo", "REFRESHES": True},
            "qq_once": {"PRESET": "qq", "REFRESHES": False},
        },
        "SANDBOX": True,
        "PASSWORD_LOGIN_URL": "password",
    }
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def sign_in(visitor):
    """A way to sign in at a provider; returns the linked account."""

    def walk(alias="github", **fields):
        location = visitor.start(alias)["Location"]
        back = visitor.post(location, {"persona": "octocat", **fields})["Location"]
        assert visitor.get(back).status_code == 302
        return visitor.user.linked_accounts.get(provider=alias)

    return walk


def tokens_of(account):
    """Return what is stored: the access token and the refresh token."""
    token = Token.objects.get(pk=account.pk)
    return tuple(secret.reveal() if secret else "" for secret in (token.access_token, token.refresh_token))


def lives(alias, access_token):
    """Tell whether the provider takes a token."""
    return flavour_for(alias, {}).server.holder(access_token) is not None


# --- Renewal ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alias", [*REFRESHING, "weibo_app"])
def test_a_refresh_token_works_once_and_who_shows_it_twice_loses_everything(sign_in, alias):
    account = sign_in(alias)
    provider, first = conf.provider(alias), tokens_of(account)[1]

    granted = provider.refresh(first, subject=account.subject)

    assert granted.access_token
    assert granted.refresh_token not in {"", first}
    for dead in (first, granted.refresh_token):
        with pytest.raises(TokenRequestError):
            provider.refresh(dead, subject=account.subject)


@pytest.mark.parametrize("alias", [*sorted({*PRESETS} - {*REFRESHING}), "qq_once"])
def test_a_provider_without_refresh_tokens_gives_none(sign_in, alias):
    assert tokens_of(sign_in(alias))[1] == ""
    assert not conf.provider(alias).can_refresh


def test_a_provider_without_refresh_tokens_redeems_none(sign_in):
    _, refresh_token = tokens_of(sign_in("qq"))

    with pytest.raises(ProviderMisconfigured):
        conf.provider("qq_once").refresh(refresh_token, subject="1")


@pytest.mark.parametrize("alias", USER)
def test_a_session_renews_a_brief_token_before_it_expires_and_the_old_one_is_dead(sign_in, alias):
    with time_machine.travel(NOW, tick=False) as clock:
        account = sign_in(alias, brief="1")
        old = tokens_of(account)
        assert account.access_token() == old[0]
        clock.shift(61)

        assert account.session().get(USER[alias]).status_code == 200

        new = tokens_of(account)
        assert not {*old} & {*new}
        assert not lives(alias, old[0])
        clock.shift(61)
        assert account.access_token() not in {old[0], new[0]}, "it is brief for as long as the grant lasts"


def test_without_a_wish_a_token_lasts_for_hours(sign_in):
    with time_machine.travel(NOW, tick=False) as clock:
        account = sign_in()
        old = account.access_token()
        clock.shift(8 * 3600 - 61)
        assert account.access_token() == old
        clock.shift(2)
        assert account.access_token() != old


def test_a_refresh_token_lasts_for_six_months(sign_in):
    with time_machine.travel(NOW, tick=False) as clock:
        account = sign_in()
        clock.shift(15_897_601)

        with pytest.raises(ReauthorizationRequired):
            account.session()


def test_a_brief_token_that_cannot_be_renewed_sends_the_visitor_to_sign_in(sign_in):
    with time_machine.travel(NOW, tick=False) as clock:
        account = sign_in("weibo", brief="1")
        clock.shift(121)

        with pytest.raises(ReauthorizationRequired):
            account.access_token()


def test_a_renewed_id_token_tells_of_the_same_sign_in(sign_in):
    with time_machine.travel(NOW, tick=False) as clock:
        account = sign_in("google")
        clock.shift(3600)

        granted = conf.provider("google").refresh(tokens_of(account)[1], subject=account.subject)

    claims = jwt.decode(str(granted.id_token), options={"verify_signature": False})
    assert (claims["sub"], claims["auth_time"], claims["iat"]) == (account.subject, NOW, NOW + 3600)
    assert "nonce" not in claims


def test_the_command_renews_what_expires_soon(sign_in):
    account = sign_in(brief="1")
    old = tokens_of(account)

    call_command("oauth_login", "refresh", "--expiring", "10m", verbosity=0)

    assert not {*old} & {*tokens_of(account)}


# --- Giving back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("alias", [*REVOKING, "google", "okta"])
def test_what_is_given_back_is_gone_and_may_be_given_back_again(sign_in, alias):
    access_token, refresh_token = tokens_of(sign_in(alias))
    provider = conf.provider(alias)
    assert lives(alias, access_token)

    assert provider.revoke(access_token=access_token, refresh_token=refresh_token) is True

    assert not lives(alias, access_token)
    assert provider.revoke(access_token=access_token, refresh_token=refresh_token) is True


@pytest.mark.parametrize("alias", ["github", "google", "weibo", "naver"])
def test_unlinking_leaves_no_grant_behind(visitor, sign_in, alias):
    account = sign_in(alias)
    access_token, _ = tokens_of(account)
    user = visitor.user
    user.set_password("another way in")
    user.save()
    visitor.force_login(user, "django.contrib.auth.backends.ModelBackend")

    answer = visitor.post(reverse("oauth_login:unlink", args=[account.pk]))

    assert answer.status_code == 302
    assert not lives(alias, access_token)


def test_the_command_withdraws_what_is_linked(sign_in):
    account = sign_in("google")
    access_token, _ = tokens_of(account)

    call_command("oauth_login", "revoke", "--account", str(account.pk), "--no-input", verbosity=0)

    assert not lives("google", access_token)


def test_github_takes_back_one_token_or_everything(sign_in):
    provider = conf.provider("github")
    one, another = (tokens_of(sign_in())[0] for _ in range(2))
    # The same client, which proves itself by header there.
    _, headers = authenticate_client(conf.provider("spotify").client)
    application = f"{provider.api_url}/applications/{provider.client.client_id}"

    def delete(url, token):
        return provider.transport.delete(url, json={"access_token": token}, headers=headers).status

    assert delete(f"{application}/nothing", one) == 404
    assert delete(f"{provider.api_url}/applications/another/grant", one) == 401
    assert delete(f"{application}/token", one) == 204
    assert (lives("github", one), lives("github", another)) == (False, True)
    assert delete(f"{application}/token", one) == 404
    assert delete(f"{application}/grant", another) == 204
    assert not lives("github", another)


# --- At the provider's own page -----------------------------------------------------------------------


@pytest.mark.parametrize("alias", USER)
def test_who_takes_the_grant_back_at_the_provider_is_asked_to_sign_in_again(visitor, sign_in, alias):
    account = sign_in(alias)
    session = account.session()
    assert session.get(USER[alias]).status_code == 200
    page = conf.provider(alias).grant_url
    assert f'href="{page}"' in visitor.get("/oauth2/").content.decode()
    assert "Take back what was granted" in visitor.get(page).content.decode()

    assert "octocat had granted" in visitor.post(page, {"persona": "octocat"}).content.decode()

    with pytest.raises(ReauthorizationRequired):
        session.get(USER[alias])
    assert "again" in visitor.get("/oauth2/").content.decode()
    assert sign_in(alias).session().get(USER[alias]).status_code == 200


@pytest.mark.threat("H22")
@pytest.mark.parametrize(
    ("alias", "path"),
    [("weibo", "2/users/show.json"), ("qq", "user/get_user_info"), ("qq_once", "user/get_user_info")],
)
def test_so_is_who_does_so_where_that_is_no_401(visitor, sign_in, alias, path):
    account = sign_in(alias)
    session = account.session()
    assert session.get(path).status_code in {200, 400}  # it wants to hear of whom, and takes the token
    visitor.post(conf.provider(alias).grant_url, {"persona": "octocat"})

    with pytest.raises(ReauthorizationRequired):
        session.get(path)
    assert Token.objects.get(pk=account.pk).state == Token.State.REAUTHORIZE


def test_what_one_takes_back_another_has_still(visitor, sign_in):
    access_token, _ = tokens_of(sign_in())

    visitor.post(conf.provider("github").grant_url, {"persona": "hubot"})

    assert lives("github", access_token)


def test_nobody_takes_back_what_nobody_has_granted(visitor):
    assert visitor.post(conf.provider("github").grant_url, {"persona": "nobody"}).status_code == 404


# --- As strict as a provider --------------------------------------------------------------------------


def test_the_revocation_endpoint_is_for_the_client_alone_and_knows_one_token_from_all(sign_in):
    provider, account = conf.provider("google"), sign_in("google")
    access_token, refresh_token = tokens_of(account)
    endpoint = provider.metadata().revocation_endpoint
    assert urlsplit(endpoint).hostname == "google.sandbox.invalid"

    def revoke(token, **client):
        return provider.transport.post(endpoint, form={"token": token, **client})

    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    refused = revoke(access_token, client_id="sandbox-client", client_secret="wrong")
    assert (refused.status, refused.json(dict)["error"]) == (401, "invalid_client")
    assert revoke("made-up", **client).status == 200
    assert lives("google", access_token)
    assert revoke(access_token, **client).status == 200
    assert not lives("google", access_token)
    assert provider.refresh(refresh_token, subject=account.subject).access_token


@pytest.mark.parametrize(
    ("alias", "changes", "status"),
    [
        ("naver", {}, 200),
        ("naver", {"service_provider": "another"}, 401),
        ("naver", {"client_secret": "wrong"}, 401),
        ("naver", {"access_token": "made-up"}, 401),
    ],
)
def test_a_provider_of_data_takes_back_what_is_asked_in_its_words(sign_in, alias, changes, status):
    provider = conf.provider(alias)
    access_token, _ = tokens_of(sign_in(alias))
    asked = {
        "access_token": access_token,
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        **providers.row(alias).get("REVOCATION_PARAMS", {}),
        **changes,
    }

    assert provider.transport.post(provider.server.revocation_endpoint, form=asked).status == status
    assert lives(alias, access_token) == (status != 200)


@pytest.mark.parametrize(("shown", "status"), [("{}", 200), ("made-up", 401), ("", 401)])
def test_a_provider_that_wants_the_token_as_a_bearer_takes_it_back_so(sign_in, shown, status):
    provider = conf.provider("strava")
    access_token, _ = tokens_of(sign_in("strava"))
    headers = {"Authorization": f"Bearer {shown.format(access_token)}"}

    assert provider.transport.post(provider.server.revocation_endpoint, headers=headers).status == status
    assert lives("strava", access_token) == (status != 200)


def test_where_renewal_has_an_endpoint_of_its_own_neither_does_the_others_work(sign_in):
    figma = conf.provider("figma")
    _, refresh_token = tokens_of(sign_in("figma"))
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    _, headers = authenticate_client(conf.provider("spotify").client)

    def asked(url, **changes):
        return figma.transport.post(url, form=form | changes, headers=headers).json(dict)

    credentials = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    assert asked(figma.server.token_endpoint, **credentials)["error"] == "unsupported_grant_type"
    renewal = "https://figma.sandbox.invalid/refresh"
    assert asked(renewal, **credentials, grant_type="password")["error"] == "unsupported_grant_type"
    assert asked(renewal, **credentials)["access_token"]


def test_what_is_said_of_a_dead_refresh_token_is_said_in_githubs_way(sign_in):
    provider = conf.provider("github")
    form = {"grant_type": "refresh_token", "refresh_token": "made-up"}
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    headers = {"Accept": "application/json"}

    def asked(**changes):
        url = provider.server.token_endpoint
        answer = provider.transport.post(url, form=form | client | changes, headers=headers)
        return answer.status, answer.json(dict)["error"]

    assert asked() == (200, "bad_refresh_token")
    assert asked(client_secret="wrong") == (200, "incorrect_client_credentials")
