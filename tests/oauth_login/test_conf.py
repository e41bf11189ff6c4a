"""Settings: read when they are needed, and never half believed."""

import pytest
from django.core.exceptions import DisallowedHost
from django.test import override_settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, override

from oauth_login import conf, problems, providers
from oauth_login.errors import ProviderMisconfigured
from oauth_login.providers.github import GitHub

GITHUB = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "secret"}
NOTHING = {"PROVIDERS": {"github": {}}, "SANDBOX": True}


def of(**provider):
    """Return settings with one provider."""
    return {"PROVIDERS": {"github": {**GITHUB, **provider}}}


# --- Reading ------------------------------------------------------------------------------------------


def test_a_setting_that_is_not_written_has_its_default(settings):
    settings.OAUTH_LOGIN = {"ATTEMPT_MAX_AGE": 300}

    assert {name: conf.setting(name) for name in conf.DEFAULTS} == {**conf.DEFAULTS, "ATTEMPT_MAX_AGE": 300}


@pytest.mark.parametrize("written", [None, [], "github", 7])
def test_settings_that_are_no_dict_are_as_good_as_none(settings, written):
    settings.OAUTH_LOGIN = written

    assert conf.aliases() == []
    assert conf.setting("SANDBOX") is False


def test_a_site_without_settings_has_no_providers(settings):
    del settings.OAUTH_LOGIN

    assert conf.aliases() == []
    assert list(conf.problems()) == []


def test_a_change_of_the_settings_counts_at_once(settings):
    assert conf.provider("github").client.client_id == "client-id-of-the-tests"
    with override_settings(OAUTH_LOGIN=of(CLIENT_ID="another")):
        assert conf.provider("github").client.client_id == "another"
    assert conf.provider("github").client.client_id == "client-id-of-the-tests"


def test_providers_keep_the_order_of_the_site(settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": {"PRESET": "github", **GITHUB}, "github": GITHUB}}

    assert conf.aliases() == ["ghe", "github"]
    assert isinstance(conf.provider("ghe"), GitHub)
    assert conf.provider("ghe").alias == "ghe"


def test_providers_of_the_same_settings_share_a_transport_and_others_do_not(settings):
    first = conf.provider("github")
    assert conf.provider("github").transport is first.transport

    settings.OAUTH_LOGIN = {**of(), "PROXIES": {"https": "http://127.0.0.1:3128"}}
    assert conf.provider("github").transport is not first.transport


@pytest.mark.threat("A19")
def test_a_provider_the_site_does_not_have_is_none():
    with pytest.raises(KeyError):
        conf.provider("gitlab")


@pytest.mark.threat("A26")
@pytest.mark.parametrize(
    "options",
    [
        {"CLIENT_SECRET": ""},
        {"CLIENT_ID": "  "},
        {"CLIENT_ID": None},
        {"BASE_URL": "http://ghe.example"},
        {"VERIFY": False},
        {"PKCE": "yes"},
        {"PRESET": ["github"]},
    ],
    ids=str,
)
def test_a_provider_with_wrong_settings_fails_closed(settings, visitor, options):
    settings.OAUTH_LOGIN = of(**options)

    with pytest.raises(ProviderMisconfigured, match="settings_invalid"):
        conf.provider("github")
    assert visitor.start().status_code == 503
    assert visitor.user is None


#: Top-level values that E003 reports; silencing it must not make them run.
WRONG = [
    {"ENCRYPTION_KEYS": "k" * 43},
    {"ENCRYPTION_KEYS": []},
    {"ATTEMPT_MAX_AGE": "600"},
    {"ATTEMPT_MAX_AGE": None},
    {"ATTEMPT_MAX_AGE": 10**9},
    {"PROXIES": "http://proxy.example:3128"},
    {"PROXIES": [1]},
    {"STORE_TOKENS": "no"},
    {"ON_EMAIL_COLLISION": "link"},
    {"CA_BUNDLE": "not-there.pem"},
    {"ORIGIN": "https://*.example.com"},
    {"ORIGIN": 7},
    {"SANDBOX": "no"},
]


@pytest.mark.threat("A26")
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_setting_of_the_app_is_never_run_with(settings, wrong):
    settings.OAUTH_LOGIN = {**of(), **wrong}
    ((name, value),) = wrong.items()

    assert conf.written(name) == value
    with pytest.raises(ProviderMisconfigured, match="settings_invalid") as refused:
        conf.setting(name)
    assert refused.value.detail == f"OAUTH_LOGIN['{name}']"
    with pytest.raises(ProviderMisconfigured, match="settings_invalid"):
        conf.provider("github")


@pytest.mark.threat("A26")
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_setting_of_the_app_stops_sign_ins_and_nothing_else(settings, visitor, github, wrong):
    leaving = visitor.start()
    settings.OAUTH_LOGIN = {**of(), **wrong}

    assert visitor.start().status_code == 503
    for page in ("/", "/oauth2/login/"):
        assert visitor.get(page).status_code == 200
    assert visitor.come_back(github.approve(leaving["Location"])).status_code == 503
    assert github.token_requests == []
    assert visitor.user is None


@pytest.mark.threat("A26")
@pytest.mark.parametrize("keys", ["k" * 43, []])
def test_nothing_is_encrypted_with_keys_that_were_not_chosen(settings, keys):
    settings.OAUTH_LOGIN = {"ENCRYPTION_KEYS": keys}

    with pytest.raises(ProviderMisconfigured, match="settings_invalid"):
        conf.encryption_secrets()


@pytest.mark.threat("A26")
@pytest.mark.parametrize("key", ["BASE_URL", "AUTHORIZATION_ENDPOINT", "ISSUER"])
@pytest.mark.parametrize("url", ["http://[::1", "https://[::1"])
def test_a_url_that_does_not_parse_breaks_no_page(settings, visitor, key, url):
    settings.OAUTH_LOGIN = of(**{key: url})

    answer = visitor.get("/oauth2/login/")
    assert answer.status_code == 200
    assert "[::1" not in answer["Content-Security-Policy"]
    assert visitor.start().status_code == 503


@pytest.mark.threat("A26")
@pytest.mark.parametrize("alias", ["a/b", "", "a" * 60, 7, None, "Git Hub", "login", "sandbox"])
def test_an_alias_that_cannot_be_used_has_no_button(settings, visitor, alias):
    settings.OAUTH_LOGIN = {"PROVIDERS": {alias: {"PRESET": "github", **GITHUB}, "github": GITHUB}}

    assert conf.aliases() == ["github"]
    page = visitor.get("/oauth2/login/")
    assert page.status_code == 200
    assert page.content.decode().count("/authorize/") == 1


def test_a_label_may_be_translated_when_it_is_shown(settings):
    settings.OAUTH_LOGIN = of(LABEL=gettext_lazy("username"))
    label = conf.provider("github").label

    assert isinstance(label, Promise)
    with override("zh-hans"):
        assert label == "用户名"


# --- The sandbox ------------------------------------------------------------------------------------------


@pytest.mark.threat("L03")
@pytest.mark.parametrize(
    ("debug", "written", "sandboxed"),
    [
        (True, NOTHING, True),
        (True, {**NOTHING, "PROVIDERS": {"github": {"CLIENT_ID": "", "CLIENT_SECRET": ""}}}, True),
        (False, NOTHING, False),
        (True, {**NOTHING, "SANDBOX": False}, False),
        (True, {**NOTHING, "SANDBOX": "yes"}, False),
        (True, {**NOTHING, "PROVIDERS": {"github": GITHUB}}, False),
        (True, {**NOTHING, "PROVIDERS": {"github": {"CLIENT_ID": "x"}}}, False),
        (True, {**NOTHING, "PROVIDERS": {"github": {"CLIENT_SECRET": "x"}}}, False),
        (True, {**NOTHING, "PROVIDERS": {"github": None}}, False),
        (True, {**NOTHING, "PROVIDERS": {}}, False),
    ],
)
def test_the_sandbox_answers_in_debug_only_and_where_nothing_is_registered(
    settings, debug, written, sandboxed
):
    settings.DEBUG, settings.OAUTH_LOGIN = debug, written

    assert conf.sandboxed("github") is sandboxed


@pytest.mark.threat("L03")
def test_the_sandbox_is_not_there_in_production(settings, visitor):
    settings.DEBUG, settings.OAUTH_LOGIN = False, NOTHING

    assert visitor.start().status_code == 503
    assert visitor.get("/oauth2/sandbox/github/authorize/").status_code == 404
    settings.DEBUG = True
    assert visitor.start().status_code == 302
    assert conf.provider("github").server.issuer == "https://github.sandbox.invalid/login/oauth"


# --- Where this site is ---------------------------------------------------------------------------------


def test_the_callback_is_on_the_host_that_was_asked_for(rf):
    request = rf.get("/", headers={"host": "testserver"}, secure=True)

    assert conf.redirect_uri(request, "github") == "https://testserver/oauth2/github/callback/"


def test_the_callback_is_on_the_one_origin_that_is_set(rf, settings):
    settings.OAUTH_LOGIN = {**of(), "ORIGIN": "https://www.example.com"}
    request = rf.get("/", headers={"host": "evil.example"})

    assert conf.redirect_uri(request, "github") == "https://www.example.com/oauth2/github/callback/"


def test_an_origin_that_is_none_is_not_made_up_for(rf, settings):
    settings.OAUTH_LOGIN = {**of(), "ORIGIN": "https://*.example.com"}

    with pytest.raises(ProviderMisconfigured, match="settings_invalid"):
        conf.origin(rf.get("/", headers={"host": "testserver"}))


def test_a_host_that_is_not_ours_has_no_callback(rf):
    with pytest.raises(DisallowedHost):
        conf.origin(rf.get("/", headers={"host": "evil.example"}))


# --- Keys --------------------------------------------------------------------------------------------------


def test_keys_are_the_secret_key_and_its_fallbacks_unless_others_are_set(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert conf.signing_secrets() == conf.encryption_secrets() == ["new", "old"]

    settings.OAUTH_LOGIN = {"ENCRYPTION_KEYS": ["2" * 32, "1" * 32]}
    assert conf.encryption_secrets() == ["2" * 32, "1" * 32]
    assert conf.signing_secrets() == ["new", "old"]


# --- The environment ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        (
            {"OAUTH_GITHUB_CLIENT_ID": "i", "OAUTH_GITHUB_CLIENT_SECRET": "s"},
            {"github": {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}},
        ),
        (
            {"OAUTH_WEIBO_CLIENT_ID": "7", "OAUTH_WEIBO_USERINFO_ENDPOINT": "https://weibo.example"},
            {"weibo": {"CLIENT_ID": "7", "USERINFO_ENDPOINT": "https://weibo.example"}},
        ),
        (
            {"OAUTH_MY_GHE_PRESET": "github", "OAUTH_MY_GHE_BASE_URL": "https://ghe.example"},
            {"my_ghe": {"PRESET": "github", "BASE_URL": "https://ghe.example"}},
        ),
        ({"OAUTH_ACME_API_URL": "https://a"}, {"acme": {"API_URL": "https://a"}}),
        (
            {"OAUTH_A_TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_basic", "OAUTH_A_TOKEN_ENDPOINT": "t"},
            {"a": {"TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_basic", "TOKEN_ENDPOINT": "t"}},
        ),
        (
            {"OAUTH_GITHUB_PICTURE_HOSTS": "a.example,.b.example"},
            {"github": {"PICTURE_HOSTS": ["a.example", ".b.example"]}},
        ),
        (
            {"OAUTH_GITHUB_WEBHOOK_SECRETS": "new,old", "OAUTH_GITHUB_WEBHOOK_TARGET_ID": "7"},
            {"github": {"WEBHOOK_SECRETS": ["new", "old"], "WEBHOOK_TARGET_ID": "7"}},
        ),
        ({"OAUTH_GITHUB_CLIENT_ID": ""}, {}),
        ({"OAUTH_CLIENT_ID": "another program's"}, {}),
        ({"OAUTH__CLIENT_ID": "nobody's"}, {}),
        ({"OAUTH_GITHUB_SOMETHING": "x", "OAUTH_GITHUB": "x", "OAUTH_": "x", "OAUTH": "x"}, {}),
        (
            {
                "OAUTH_A_ISSUER": "i",
                "OAUTH_A_PKCE": "False",
                "OAUTH_A_SIGN_OUT": "1",
                "OAUTH_B_ISSUER": "i",
                "OAUTH_B_PKCE": "0",
                "OAUTH_B_SIGN_OUT": "yes",
            },
            {
                "a": {"ISSUER": "i", "PKCE": False, "SIGN_OUT": True},
                "b": {"ISSUER": "i", "PKCE": False, "SIGN_OUT": "yes"},
            },
        ),
        (
            {"OAUTH_A_AUDIENCE": "x", "OAUTH_A_ISSUER": "i", "OAUTH_AB_LABLE": "x"},
            {"a": {"AUDIENCE": "x", "ISSUER": "i"}},
        ),
        ({"GITHUB_CLIENT_ID": "x", "MY_OAUTH_GITHUB_CLIENT_ID": "x", "OAUTHGITHUB_CLIENT_ID": "x"}, {}),
        ({"oauth_github_CLIENT_ID": "x", "": "x", "PATH": "/bin"}, {}),
        ({}, {}),
    ],
    ids=str,
)
def test_providers_are_found_in_the_environment(environ, found):
    assert conf.providers_from_environ(environ) == found


def test_every_text_setting_of_a_provider_can_come_from_the_environment():
    names = problems.PROVIDER_KEYS | providers.kind("github", {}).option_names
    texts = names - conf.TRUTHS - conf.LISTS

    environ = {f"OAUTH_GITHUB_{name}": name for name in texts}

    assert conf.providers_from_environ(environ) == {"github": {name: name for name in texts}}


def test_what_the_environment_says_signs_somebody_in(visitor, github, settings):
    environ = {
        "OAUTH_GITHUB_CLIENT_ID": "client-id-of-the-tests",
        "OAUTH_GITHUB_CLIENT_SECRET": "client-secret-of-the-tests",
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": conf.providers_from_environ(environ)}

    assert visitor.sign_in(github).status_code == 302
    assert reverse("oauth_login:callback", args=["github"]) in github.token_requests[0]["redirect_uri"]


@pytest.mark.django_db
@pytest.mark.threat("A26")
@pytest.mark.parametrize("written", [None, [], "github", {"PROVIDERS": None}, {"PROVIDERS": ["github"]}])
def test_settings_of_the_wrong_type_offer_no_provider_and_break_no_page(client, settings, written):
    settings.OAUTH_LOGIN = written

    assert "set up no provider" in client.get("/oauth2/login/").content.decode()
    assert client.get("/oauth2/github/authorize/").status_code == 404
