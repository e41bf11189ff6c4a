"""The presets that are an issuer and little else, and what can be wrong with the settings."""

import subprocess
import sys

import pytest
from django.core.checks import run_checks

from oauth_login import conf, providers
from oauth_login.providers.openid import OpenID
from oauth_login.providers.openid_table import ROWS
from tests.oauth_login.oidc.fake_openid import CLIENT_SECRET, EC_KEY, OTHER_CURVE_KEY, RSA_KEYS, WEAK_KEY

pytestmark = pytest.mark.provider

#: What a site has to say beside its credentials.
OWN = {
    "keycloak": {"ISSUER": "https://sso.acme.example/realms/acme"},
    "auth0": {"ISSUER": "https://acme.auth0.com/"},
    "okta": {"ISSUER": "https://acme.okta.com"},
    "authentik": {"ISSUER": "https://sso.acme.example/application/o/acme/"},
    "zitadel": {"ISSUER": "https://acme.zitadel.cloud"},
    "cognito": {"ISSUER": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Acme"},
    "microsoft": {"TENANT": "72f988bf-86f1-41af-91ab-2d7cd011db47"},
    "apple": {"TEAM_ID": "TEAM", "KEY_ID": "KEY", "CLIENT_KEY": EC_KEY.pem},
}
CREDENTIALS = {"CLIENT_ID": "client", "CLIENT_SECRET": CLIENT_SECRET}


@pytest.fixture
def check(settings):
    """A way to ask for what is wrong with one provider's settings, as id and message."""

    def checked(alias, options):
        settings.OAUTH_LOGIN = {"PROVIDERS": {alias: options}}
        found = [(str(message.id), f"{message.msg} {message.hint}") for message in run_checks()]
        return [(id_[-4:], text) for id_, text in found if id_.startswith("oauth_login.E")]

    return checked


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_preset_needs_its_credentials_and_little_else(check, name):
    options = CREDENTIALS | OWN.get(name, {})

    assert check(name, options) == []
    provider = conf.provider(name)
    assert isinstance(provider, OpenID)
    assert provider.label == ROWS[name]["LABEL"]
    assert provider.server.issuer.startswith("https://")
    assert "{" not in provider.server.issuer
    assert "openid" in provider.scope.split()


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_preset_is_a_few_facts(name):
    assert len(ROWS[name]) <= 12
    assert name in providers.names()


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_only_the_site_can_say_is_asked_for(check, name):
    problems = check(name, CREDENTIALS)

    assert {id_ for id_, _ in problems} == {"E008"}
    assert any(key in text for _, text in problems for key in OWN[name])


REGISTER = "Register an application with the provider and set"


@pytest.mark.parametrize(
    ("alias", "names"),
    [
        ("microsoft", "TENANT or TENANTS (or OAUTH_MICROSOFT_TENANT or OAUTH_MICROSOFT_TENANTS)"),
        ("our-own", "TENANT or TENANTS"),
    ],
)
def test_whoever_names_no_tenant_is_told_both_ways_to(check, alias, names):
    (problem,) = check(alias, CREDENTIALS | {"PRESET": "microsoft"})

    found, text = problem
    assert found == "E008"
    assert text.startswith(
        f"OAUTH_LOGIN['PROVIDERS'][{alias!r}] has no TENANT and no TENANTS. {REGISTER} {names}. "
    )


def test_whoever_names_no_issuer_is_told_where_it_is_found(check):
    (problem,) = check("keycloak", CREDENTIALS)

    found, text = problem
    assert found == "E008"
    assert text.startswith(
        f"OAUTH_LOGIN['PROVIDERS']['keycloak'] has no ISSUER. {REGISTER} ISSUER (or OAUTH_KEYCLOAK_ISSUER) "
        'to what the server calls "issuer" in its document at …/.well-known/openid-configuration. '
    )


@pytest.mark.parametrize("name", sorted(name for name in OWN if "ISSUER" in OWN[name]))
def test_a_base_url_where_an_issuer_is_needed_is_told_as_that(check, name):
    problems = dict(check(name, CREDENTIALS | {"BASE_URL": "https://sso.acme.example"}))

    where = f"OAUTH_LOGIN['PROVIDERS'][{name!r}]"
    assert problems.keys() == {"E008", "E010"}
    assert problems["E008"].startswith(f"{where} has no ISSUER. ")
    assert problems["E010"].startswith(f"{where}['BASE_URL'] must be replaced by ISSUER, which is missing: ")


@pytest.mark.parametrize("tenants", [{"TENANT": "a"}, {"TENANTS": ["a"]}])
def test_what_an_issuer_is_missing_for_is_told_once_there_is_one(check, tenants):
    problems = check("keycloak", CREDENTIALS | tenants)

    assert [id_ for id_, _ in problems] == ["E008"]


@pytest.mark.parametrize(
    ("name", "base", "issuer"),
    [
        ("gitlab", "https://git.acme.example", "https://git.acme.example"),
        ("gitea", "https://git.acme.example/", "https://git.acme.example/"),
        ("salesforce", "https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
    ],
)
def test_a_server_of_ones_own_is_a_base_url(check, name, base, issuer):
    assert check(name, CREDENTIALS | {"BASE_URL": base}) == []
    assert conf.provider(name).server.issuer == issuer


def test_a_company_server_is_four_lines(check):
    options = CREDENTIALS | {"ISSUER": "https://sso.acme.example", "LABEL": "Acme SSO"}

    assert check("acme", options) == []
    assert conf.provider("acme").label == "Acme SSO"


def test_a_server_whose_tenants_are_hosts_is_called_by_its_alias(check):
    assert check("acme", CREDENTIALS | {"ISSUER": "https://{tenantid}.sso.example", "TENANTS": ["a"]}) == []

    assert conf.provider("acme").label == "acme"


def test_apple_takes_no_rsa_key(check):
    ((found, text),) = check("apple", {"CLIENT_ID": "c", **OWN["apple"], "CLIENT_KEY": RSA_KEYS[0].pem})

    assert found == "E010"
    assert "P-256" in text


def test_the_one_gitlab_that_is_known_to_verify_addresses_is_believed(check):
    believed = []
    for where in ({}, {"BASE_URL": "https://gitlab.example"}, {"ISSUER": "https://gitlab.example"}):
        check("gitlab", CREDENTIALS | where)
        believed.append(getattr(conf.provider("gitlab"), "verifies_email", None))

    assert believed == [True, False, False]


#: Presets of servers that anybody may have.
OF_ONES_OWN = frozenset({"authentik", "gitlab", "keycloak"})


@pytest.mark.threat("F06")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "more", "is_verified"),
    [
        *((name, {}, False) for name in ("microsoft", "gitea", "codeberg", "line", "authentik", "gitlab")),
        *((name, {"VERIFIES_EMAIL": True}, True) for name in ("gitea", "authentik", "gitlab")),
        ("keycloak", {}, True),
    ],
)
def test_whoever_calls_any_address_verified_is_not_believed(
    visitor, openid, configure, row, more, is_verified
):
    said = {"VERIFIES_EMAIL": ROWS[row]["VERIFIES_EMAIL"]} if "VERIFIES_EMAIL" in ROWS[row] else {}
    configure(**{**said, **({"PRESET": row} if row in OF_ONES_OWN else {}), **more})
    openid.claims = {"email": "jane@example.com", "email_verified": True}

    assert visitor.sign_in(openid, "acme").status_code == 302

    assert visitor.user.linked_accounts.get().email_verified is is_verified


def test_a_server_without_a_label_is_called_by_its_host(check):
    check("acme", CREDENTIALS | {"ISSUER": "https://sso.acme.example"})

    assert conf.provider("acme").label == "sso.acme.example"


#: PKCS 8, of an algorithm that nobody has given that number.
OF_NO_KNOWN_KIND = "-----BEGIN PRIVATE KEY-----\nMA8CAQAwBwYDKgMEBQAEAQA=\n-----END PRIVATE KEY-----\n"
#: Nobody's issuer has these in it, so that every start would find another than it was told to expect.
NO_TENANTS = ["common", "Common", "organizations", "consumers", "acme.example", "a/b", "{tenantid}", "", 7]


@pytest.mark.parametrize(
    ("options", "id_", "words"),
    [
        ({"ISUER": "x"}, "E007", "'ISSUER'"),
        ({"TENNANTS": ["x"]}, "E007", "'TENANTS'"),
        ({"REPEATS_NONCE": False}, "E007", "REPEATS_NONCE"),
        ({"ISSUER": "http://sso.acme.example"}, "E009", "https"),
        ({"ISSUER": "https://sso.acme.example/{tenant}"}, "E009", "https"),
        ({"ISSUER": "https://sso.acme.example?x"}, "E009", "query"),
        ({"ISSUER": 7}, "E009", "https"),
        *(
            ({"ISSUER": f"https://sso.acme.example/a{path}"}, "E009", "Try 'https://sso.acme.example/a'")
            for path in (
                "/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server",
                "/.well-known/",
                "/.well-known",
            )
        ),
        *(
            ({"ISSUER": f"https://sso.acme.example{path}"}, "E009", f"Try 'https://sso.acme.example{issuer}'")
            for path, issuer in (
                ("/.well-known/oauth-authorization-server/a/b", "/a/b"),
                ("/.well-known/oauth-authorization-server/a/", "/a/"),
                ("/{tenantid}/v2.0/.well-known/openid-configuration", "/{tenantid}/v2.0"),
            )
        ),
        ({"CLIENT_SECRET": "\ud800" * 40}, "E010", "UTF-8"),
        ({"ID_TOKEN_SIGNED_RESPONSE_ALG": "HS256", "CLIENT_SECRET": "\ud800" * 40}, "E010", "UTF-8"),
        ({"TENANT": "a"}, "E010", "left out: no {tenantid} is in this ISSUER"),
        ({"TENANTS": ["a"]}, "E010", "left out: no {tenantid} is in this ISSUER"),
        ({"ISSUER": "https://x.example/{tenantid}", "TENANT": "a", "TENANTS": ["a"]}, "E010", "or TENANT"),
        ({"BASE_URL": "https://sso.acme.example"}, "E010", "left out: ISSUER says where"),
        ({"API_VERSION": "7"}, "E007", "Leave it out"),
        ({"JWKS_URI": "http://sso.acme.example"}, "E009", "https"),
        ({"USERINFO_ENDPOINT": "x"}, "E009", "https"),
        ({"ID_TOKEN_SIGNED_RESPONSE_ALG": "none"}, "E010", "RS256"),
        ({"ID_TOKEN_SIGNED_RESPONSE_ALG": "HS256", "CLIENT_SECRET": "short"}, "E010", "32"),
        ({"TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_jwt"}, "E010", "private_key_jwt"),
        ({"TOKEN_ENDPOINT_AUTH_METHOD": "private_key_jwt"}, "E008", "CLIENT_KEY"),
        ({"CLIENT_KEY": "/no/such/file"}, "E010", "private key in PEM"),
        ({"CLIENT_KEY": "-----BEGIN nothing"}, "E010", "private key in PEM"),
        ({"CLIENT_KEY": ""}, "E010", "not empty"),
        ({"CLIENT_KEY": OF_NO_KNOWN_KIND}, "E010", "private key in PEM"),
        ({"VERIFIES_EMAIL": "no"}, "E010", "True or False"),
        ({"SCOPE": "profile email"}, "E010", "openid"),
        ({"RESPONSE_MODE": "fragment"}, "E010", "form_post"),
        ({"SIGN_OUT": "yes"}, "E010", "True or False"),
        ({"TENANTS": []}, "E010", "list"),
        ({"TENANTS": "x"}, "E010", "list"),
        ({"TENANTS": ["a", "common"]}, "E010", "a tenant's id"),
        *(({"TENANT": name}, "E010", "a tenant's id") for name in NO_TENANTS),
        ({"AUTHORIZATION_PARAMS": {"response_mode": "form_post"}}, "E010", "RESPONSE_MODE"),
        ({"AUDIENCES": [""]}, "E010", "list"),
        ({"TEAM_ID": " "}, "E010", "not empty"),
        *(
            ({"AUTHORIZATION_PARAMS": {"max_age": age}}, "E010", "max_age")
            for age in (" 60", "²", "-1", "", "6" * 5_000)
        ),
        ({"AUTHORIZATION_ENDPOINT": "https://sso.acme.example/?max_age=x"}, "E010", "max_age"),
        ({"AUTHORIZATION_PARAMS": {"request": "x"}}, "E010", "request_uri"),
        ({"AUTHORIZATION_PARAMS": {"request_uri": "https://x.example"}}, "E010", "request_uri"),
        ({"AUTHORIZATION_PARAMS": {"acr_values": ""}}, "E010", "acr"),
        (
            {
                "AUTHORIZATION_ENDPOINT": "https://sso.acme.example/?acr_values=gold",
                "AUTHORIZATION_PARAMS": {"acr_values": "silver"},
            },
            "E010",
            "acr",
        ),
        *(
            ({"AUTHORIZATION_PARAMS": {"claims": claims}}, "E010", "claims")
            for claims in ("{", "[]", '{"id_token": [7]}')
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_told_with_a_way_out(check, options, id_, words):
    problems = check("acme", CREDENTIALS | {"ISSUER": "https://sso.acme.example"} | options)

    assert any(found == id_ and words in text for found, text in problems), problems


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known"])
def test_who_copied_the_address_of_the_document_is_told_where_the_issuer_is_found(check, path):
    (problem,) = check("acme", CREDENTIALS | {"ISSUER": f"https://sso.acme.example{path}"})

    assert problem == (
        "E009",
        "OAUTH_LOGIN['PROVIDERS']['acme']['ISSUER'] is where its documents are. "
        "Try 'https://sso.acme.example', or copy what the document calls \"issuer\": "
        "each byte of it counts, and some end with a slash.",
    )


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/", "/.well-known"])
@pytest.mark.parametrize("name", ["gitlab", "gitea", "salesforce", "github"])
def test_an_address_of_ones_own_server_that_is_its_documents_is_told(check, name, path):
    (problem,) = check(name, CREDENTIALS | {"BASE_URL": f"https://git.acme.example/code{path}"})

    assert problem == (
        "E009",
        f"OAUTH_LOGIN['PROVIDERS'][{name!r}]['BASE_URL'] is where its documents are. "
        "Try 'https://git.acme.example/code', or where people open that server: the rest is added to it.",
    )


def test_an_endpoint_that_is_no_url_is_told_as_that(check):
    options = {"ISSUER": "https://sso.acme.example", "AUTHORIZATION_ENDPOINT": "https://[sso.acme.example"}

    problems = check("acme", CREDENTIALS | options)

    assert [id_ for id_, _ in problems] == ["E009"]


@pytest.mark.parametrize("key", [WEAK_KEY, OTHER_CURVE_KEY], ids=["weak", "another curve"])
def test_a_key_that_signs_nothing_we_know_is_told(check, key):
    pem = key.pem

    problems = check("acme", CREDENTIALS | {"ISSUER": "https://sso.acme.example", "CLIENT_KEY": pem})

    assert [id_ for id_, _ in problems] == ["E010"]
    assert pem[:60] not in str(problems)


@pytest.mark.parametrize(
    "options",
    [
        {"TOKEN_ENDPOINT_AUTH_METHOD": "none"},
        {"TOKEN_ENDPOINT_AUTH_METHOD": "private_key_jwt", "CLIENT_KEY": RSA_KEYS[0].pem},
        {"TEAM_ID": "TEAM", "KEY_ID": "KEY", "CLIENT_KEY": EC_KEY.pem},
    ],
    ids=["none", "key", "team"],
)
def test_who_proves_themselves_otherwise_needs_no_secret(check, options):
    assert check("acme", {"CLIENT_ID": "client", "ISSUER": "https://sso.acme.example", **options}) == []


@pytest.mark.threat("A26", "E12")
def test_tokens_that_a_secret_signs_need_one(check):
    problems = check("line", {"CLIENT_ID": "client", "TOKEN_ENDPOINT_AUTH_METHOD": "none"})

    assert [id_ for id_, _ in problems] == ["E010"]


@pytest.mark.threat("E29")
def test_a_plain_issuer_is_a_mistake(check):
    (problem,) = check("acme", CREDENTIALS | {"ISSUER": "http://sso.acme.example"})

    assert problem[0] == "E009"


def test_lists_and_files_come_from_the_environment_too():
    found = conf.providers_from_environ(
        {
            "OAUTH_ACME_ISSUER": "https://sso.acme.example",
            "OAUTH_ACME_AUDIENCES": "a,b",
            "OAUTH_ACME_CLIENT_KEY": "/run/secrets/key.pem",
            "OAUTH_MICROSOFT_CLIENT_ID": "x",
            "OAUTH_MICROSOFT_TENANTS": "t",
            "OAUTH_ACME_SIGN_OUT": "1",
        }
    )

    assert found == {
        "acme": {
            "ISSUER": "https://sso.acme.example",
            "AUDIENCES": ["a", "b"],
            "CLIENT_KEY": "/run/secrets/key.pem",
            "SIGN_OUT": True,
        },
        "microsoft": {"CLIENT_ID": "x", "TENANTS": ["t"]},
    }


def test_a_site_without_openid_connect_loads_nothing_of_it():
    script = (
        "import django, sys; django.setup(); from oauth_login import conf; "
        "conf.provider('github'); conf.providers_from_environ({'OAUTH_GITHUB_CLIENT_ID': 'x'}); "
        "sys.exit(str({'jwt', 'oauth_login.oidc', 'oauth_login.jws'} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )

    assert run.stderr.strip() == "set()"


def test_pictures_of_a_gitlab_of_ones_own_are_on_its_own_host(check):
    assert check("gitlab", CREDENTIALS | {"BASE_URL": "https://git.acme.example"}) == []

    provider = conf.provider("gitlab")

    for url in ("https://git.acme.example/uploads/jane.png", "https://secure.gravatar.com/avatar/jane"):
        assert provider.picture(url) == url
    assert provider.picture("https://gitlab.com/uploads/jane.png") == ""
    assert check("gitlab", CREDENTIALS) == []
    assert "gitlab.com" in conf.provider("gitlab").picture_hosts


def test_apple_is_not_asked_for_a_name_that_nobody_would_keep(check):
    check("apple", {"CLIENT_ID": "x", **OWN["apple"]})

    assert conf.provider("apple").scope == "openid email"
