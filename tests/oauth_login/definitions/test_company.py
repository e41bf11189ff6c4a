"""A company's own server is a few settings, and none of them gives the protocol away."""

import pytest

from oauth_login import conf
from oauth_login.models import LinkedAccount
from oauth_login.providers.plain import OAuth2
from tests.oauth_login.definitions.forge import code_of

pytestmark = pytest.mark.provider


@pytest.mark.threat("F05")
def test_a_company_server_is_a_few_settings(site, new_visitor):
    assert site.sign_in().status_code == 302
    mona = LinkedAccount.objects.get()
    assert (mona.provider, mona.issuer, mona.subject) == ("forge", site.server.url, "7")
    assert site.visitor.user.get_username() == "mona"
    assert site.asked["code_challenge_method"] == "S256"
    (asked,) = site.requests("/user")
    assert asked.headers["authorization"] == "Bearer the-token"

    site.say(user={"id": 7, "login": "mona-lisa"})
    site.visitor = new_visitor()
    site.sign_in()
    assert LinkedAccount.objects.get().user == mona.user  # renamed, and the same person

    site.say(user={"id": 8, "login": "mona"})
    site.visitor = new_visitor()
    site.sign_in()
    assert LinkedAccount.objects.count() == 2  # who took the name, is somebody else


@pytest.mark.django_db
def test_its_button_bears_its_label(client, site):
    site.define()
    assert "Sign in with Forge" in client.get("/oauth2/login/").content.decode()
    site.define(LABEL="The forge")
    assert "Sign in with The forge" in client.get("/oauth2/login/").content.decode()


def test_an_issuer_is_the_namespace_and_what_iss_has_to_be(site):
    site.define(ISSUER="https://sso.example")

    assert code_of(site.sign_in(iss="https://other.example")) == "issuer_mismatch"
    assert site.sign_in(iss="https://sso.example").status_code == 302
    assert LinkedAccount.objects.get().issuer == "https://sso.example"


def test_without_an_issuer_nobody_knows_what_iss_should_be(site):
    assert site.sign_in(iss="https://whatever.example").status_code == 302


def test_a_preset_is_changed_name_by_name(settings):
    unionid = {"CLAIMS": {"sub": "identity.unionid"}, "IDENTITY_PARAMS": {"unionid": "1"}}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"qq": {"CLIENT_ID": "7", "CLIENT_SECRET": "s", **unionid}}}
    qq = conf.provider("qq")

    assert isinstance(qq, OAuth2)
    assert qq.words["CLAIMS"]["sub"] == "identity.unionid"
    assert qq.words["CLAIMS"]["name"] == "nickname"
    assert qq.words["IDENTITY_PARAMS"] == {"fmt": "json", "unionid": "1"}


def test_a_query_that_the_authorization_endpoint_has_already_is_kept(site):
    site.define(AUTHORIZATION_ENDPOINT="https://forge.example/authorize?v=2")
    site.sign_in()

    assert site.asked["v"] == "2"


@pytest.mark.threat("A26", "B03", "B11")
@pytest.mark.parametrize(
    "changes",
    [
        {"AUTHORIZATION_NAMES": {"state": ""}},
        {"AUTHORIZATION_NAMES": {"code_challenge": ""}},
        {"AUTHORIZATION_NAMES": {"state": "client_id"}},
        {"TOKEN_REQUEST_NAMES": {"code": ""}},
        {"CALLBACK_PARAMS": ["code_verifier"]},
        {"CODE_PARAM": "state"},
        {"AUTHORIZATION_ENDPOINT": "https://forge.example/authorize?response_type=token"},
        {"AUTHORIZATION_ENDPOINT": "https://forge.example/authorize?v=2&state=fixed"},
    ],
    ids=str,
)
def test_a_definition_that_gives_the_protocol_away_sends_nobody_anywhere(site, changes):
    site.define(**changes)

    assert code_of(site.visitor.start("forge")) == "settings_invalid"
