"""Every preset can be tried without credentials: the whole story, through the real views, in the sandbox."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache

from oauth_login import conf, providers

PRESETS = providers.names()
#: Definitions with what no preset has.
OF_ONES_OWN = {
    "acme": {"ISSUER": "https://sso.acme.example"},
    "forge": {
        "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
        "AUTHORIZATION_NAMES": {"response_type": "", "redirect_uri": "back"},
        "CANCEL_PARAMS": {"no": "1"},
        "TOKEN_ENDPOINT": "https://forge.example/token",
        "TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_basic",
        "TOKEN_REQUEST_NAMES": {"grant_type": "", "code": "ticket"},
        "TOKEN_ANSWER": "form",
        "IDENTITY_ENDPOINT": "https://forge.example/who",
        "IDENTITY_PARAMS": {"site": "{client_id}", "ticket": "{token.ticket}"},
        "IDENTITY_CLIENT": "audience.0",
        "USERINFO_ENDPOINT": "https://api.forge.example/people",
        "USERINFO_HEADERS": {"X-Version": "3"},
        "USERINFO_PARAMS": {"who": "{identity.person.id}"},
        "USERINFO_MATCHES": {"whose": "{identity.person.id}"},
        "USERINFO_TOKEN": "Token",
        "CLAIMS": {
            "sub": "identity.person.id",
            "name": "{given} {family}",
            "picture": "https://pictures.forge.example/{face}/small",
            "profile": "pages.1.url",
        },
    },
}
#: Those that tell a login and no name, or let one be read as the other.
NAMES = {"apple": "", "gitee": "The Octocat", "reddit": "octocat", "openstreetmap": "octocat", "twitch": ""}

#: What QQ calls the persona in this application.
OPENID = "80F94675A78EAAB646BD84613DD47D76"


@pytest.fixture(autouse=True)
def sandbox(settings):
    """A project that has registered nothing anywhere."""
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {**{name: {} for name in PRESETS}, **OF_ONES_OWN},
        "SANDBOX": True,
    }
    cache.clear()


def sign_in_as(visitor, alias, persona="octocat"):
    """Walk from the button over the sandbox's page to the callback; return the callback's answer."""
    location = visitor.start(alias)["Location"]
    assert visitor.get(location).status_code == 200
    back = visitor.post(location, {"persona": persona})["Location"]
    assert urlsplit(back).path == f"/oauth2/{alias}/callback/"
    return visitor.get(back)


@pytest.mark.parametrize("alias", [*PRESETS, *OF_ONES_OWN])
def test_whoever_signs_in_is_who_they_chose_to_be_and_nobody_of_the_real_provider(visitor, github, alias):
    answer = sign_in_as(visitor, alias)

    assert answer.status_code == 302, answer.context["code"]
    account = visitor.user.linked_accounts.get()
    assert urlsplit(account.issuer).hostname.endswith(".sandbox.invalid")
    assert account.subject == (OPENID if alias == "qq" else "583231")
    assert account.name == NAMES.get(alias, "The Octocat")
    assert account.picture in {"", "/static/oauth_login/sandbox/octocat.svg"}
    assert account.profile_url in {"", "https://github.com/octocat"}
    assert github.requests == []


@pytest.mark.parametrize("alias", ["_a", "a_", "a__b", "_"])
def test_any_alias_has_a_host_of_its_own(settings, alias):
    settings.OAUTH_LOGIN = {"PROVIDERS": {alias: {"PRESET": "google"}}, "SANDBOX": True}
    host = urlsplit(conf.provider(alias).server.issuer).netloc

    assert all(re.fullmatch("[a-z0-9-]+", label) for label in host.split("."))


@pytest.mark.parametrize("alias", [*PRESETS, *OF_ONES_OWN])
def test_no_address_of_somebody_who_did_not_prove_it_becomes_a_users(visitor, alias):
    sign_in_as(visitor, alias, "unverified")

    assert visitor.user.email == ""
    assert visitor.user.linked_accounts.get().email_verified is False


@pytest.mark.parametrize("alias", [*PRESETS, *OF_ONES_OWN])
def test_somebody_without_a_name_and_somebody_new_are_welcome(new_visitor, alias):
    users = set()
    for persona in ("private", "newcomer", "newcomer"):
        visitor = new_visitor()
        assert sign_in_as(visitor, alias, persona).status_code == 302
        users.add(visitor.user)

    assert len(users) == 3


@pytest.mark.threat("A23")
@pytest.mark.parametrize(
    ("alias", "said"),
    [("qq", {"usercancel"}), ("forge", {"no"}), ("weibo", {"error", "error_description", "iss"})],
)
def test_who_says_no_comes_back_in_the_providers_own_way_and_is_calmly_told(visitor, alias, said):
    location = visitor.start(alias)["Location"]
    back = visitor.post(location, {"persona": "deny"})["Location"]

    assert set(parse_qs(urlsplit(back).query)) == {*said, "state"}
    answer = visitor.get(back)
    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert visitor.user is None
