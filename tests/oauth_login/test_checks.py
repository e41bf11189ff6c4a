"""Every mistake in the settings has an id that never changes, and is found before anybody signs in."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.core.checks import Error
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy

import oauth_login
from oauth_login import expectations, problems
from oauth_login.backends import OAuthBackend
from oauth_login.checks import check_deployment, check_settings
from oauth_login.client_checks import SAME
from oauth_login.fields import KEY_TOO_LATE
from oauth_login.group_checks import MISSING, UNDECLARED
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.orphans import ORPHANED
from oauth_login.view_checks import UNKNOWN

GITHUB = {"CLIENT_ID": "Ov23liNobodyKnowsThis", "CLIENT_SECRET": "9f8e7d6c5b4a39281706"}
URLS = "guestbook.urls"  # without our pages


class OwnBackend(OAuthBackend):
    """A site's own."""


class BrokenModule:
    """No module, so nothing can be imported from it."""


class OwnMiddleware(AuthenticationMiddleware):
    """A site's own."""


def of(**options):
    return {"OAUTH_LOGIN": {"PROVIDERS": {"github": {**GITHUB, **options}}}}


def at_top(**options):
    return {"OAUTH_LOGIN": {"PROVIDERS": {"github": GITHUB}, **options}}


def named(alias, options=None):
    return {"OAUTH_LOGIN": {"PROVIDERS": {alias: GITHUB if options is None else options}}}


SUB = {"sub": "id"}
NEEDS = "Without a preset it needs ISSUER (OpenID Connect), or CLAIMS and endpoints (OAuth 2.0)."
#: Links that an answer could lead to any other host.
OFF_HOST = [
    *(
        "https://{login}.a.example/",
        "https://a.example{login}",
        "https://{login}@a.example/x",
        "{scheme}://a/x",
    ),
    *(
        "https:{rest}",
        "https://a.example:{port}/",
        "{a}{b}",
        "https://a.example\\{login}/x",
        "//a.example/{login}",
    ),
    ["link", "https://{host}/x"],
]
FORGE = {
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "USERINFO_ENDPOINT": "https://forge.example/user",
    "CLAIMS": SUB,
}


def defined(**options):
    """Return settings that define a provider; an option that is ``...`` is left out."""
    written = {**GITHUB, **FORGE, **options}
    return named("forge", {key: value for key, value in written.items() if value is not ...})


def at(origin):
    """Return settings of a site at *origin*, where Django answers."""
    return {**at_top(ORIGIN=origin), "ALLOWED_HOSTS": [urlsplit(origin).netloc.removesuffix(":8000")]}


def without(middleware):
    from tests.settings import MIDDLEWARE

    return {"MIDDLEWARE": [path for path in MIDDLEWARE if middleware not in path]}


def each(settings: Callable[..., Any], **values: list[Any]) -> list[Any]:
    """Return *settings* with each of the values of one key."""
    ((key, wrong),) = values.items()
    return [settings(**{key: value}) for value in wrong]


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return settings that define two providers."""
    forge = {**GITHUB, **FORGE}
    return {"OAUTH_LOGIN": {"PROVIDERS": {"one": {**forge, **one}, "other": {**forge, **other}}}}


#: What makes a definition ask for other people than one without it does.
OTHER_PEOPLE: dict[str, Any] = {
    "USERINFO_ROOT": "team",
    "USERINFO_PARAMS": {"of": "team"},
    "IDENTITY_ENDPOINT": "https://forge.example/me",
    "TOKEN_PARAMS": {"realm": "team"},
    "IDENTITY_PARAMS": {"of": "team"},
    "USERINFO_HEADERS": {"X-Tenant": "team"},
}


def two_of(issuer: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return settings of two providers that say that they are one issuer."""
    named = {"one": one, "other": other}
    both = {alias: {**GITHUB, "ISSUER": issuer, **options} for alias, options in named.items()}
    return {"OAUTH_LOGIN": {"PROVIDERS": both}}


def beside_forge(issuer: str = "", **other: Any) -> dict[str, Any]:
    """Return settings that define a provider by its claims, and another by its issuer."""
    forge = {**GITHUB, **FORGE, **({"ISSUER": issuer} if issuer else {})}
    return {"OAUTH_LOGIN": {"PROVIDERS": {"forge": forge, "other": {**GITHUB, **other}}}}


def defined_as(**values: list[Any]) -> list[Any]:
    """Return definitions with each of the values of each of several keys, one at a time."""
    return [defined(**{key: value}) for key, several in values.items() for value in several]


RULES = "tests.oauth_login.policy.rule"
TEAMS: dict[str, Any] = {"TEAMS": True, "GROUPS": {"acme/editors": "Editors"}, "STAFF": ["acme/admins"]}
NO_GROUPS: list[Any] = [[], "x", {"acme/a": ""}, {"acme/a": 7}, {"a": "A"}]
NO_STAFF: list[Any] = ["acme/a", ["a"], [7], [""], {}]
NO_CLAIM: list[Any] = ["", 7, None, "grups", "roles.groups"]
CLAIM: dict[str, Any] = {"CLAIM": "groups", "GROUPS": {"editors": "Editors"}}


def giving(**rules):
    """Return settings that declare what providers give."""
    return at_top(MEMBERSHIPS=rules)


def given_by_forge(rules: Any, **options: Any) -> dict[str, Any]:
    """Return settings that declare what a provider of the site's own gives, which keeps a claim."""
    made = defined(**{"KEEP_CLAIMS": ["groups"], **options})["OAUTH_LOGIN"]
    return {"OAUTH_LOGIN": {**made, "MEMBERSHIPS": {"forge": rules}}}


IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"
NO_ORIGINS: list[Any] = [
    *("", 7, "www.example.com", "http://10.0.0.5", "http://www.example.com", "https://www.example.com/"),
    *("https://www.example.com/path", "https://www.example.com?x", "https://WWW.example.com"),
    *("https://user@www.example.com", "https://www.example.com\\.evil.example", "http://0x7f.1"),
    *("http://127.0.0.1@evil.example", "http://127.0.0.1.evil.example", "http://[::ffff:127.0.0.1]"),
    *("myapp://", "myapp://callback"),
    *(
        "https://*.example.com",
        "https://*",
        "https://.example.com",
        "https://a..example",
        "https://bücher.example",
    ),
    *("https://www.example.com:", "https://www.example.com:0", "https://www.example.com:65536"),
    *("https://www.example.com:443", "http://127.0.0.1:80"),
    *(
        "https://www.example.com:0443",
        "https://www.example.com:x",
        "https://www.example.com:\N{FULLWIDTH DIGIT FOUR}",
    ),
    *("https://www example.com", " https://www.example.com", "https://www.example.com\n"),
    *("https://[::1", "https://[::1].evil.example", "https://[v1.x]", "https://::1", "http://[::1]:"),
]
NO_URLS: list[Any] = [
    "http://ghe.example",
    "ghe.example",
    "",
    None,
    7,
    "https://user@ghe.example",
    "https://a b",
    "http://[::1",
    "https://ghe.example/#top",
    "https://ghe.example/#",
]
WITH_QUERIES: list[Any] = ["https://ghe.example/?a=b", "https://ghe.example?"]
NO_HOSTS: list[Any] = [
    *(7, None, "", ".", "..", "*", "*.example", "https://a.example", "a.example/", "A.example", "a..example"),
    *("a.example.", "a.example:", "a.example:0", "a.example:65536", "a.example:x", "user@a.example"),
    *("a.example;", "a.example,b.example", "a b", " a.example", "a.example\n", "[::1]", "bücher.example"),
]
#: Credentials that something was copied along with.
MISCOPIED: list[Any] = [
    " 9f8e7d6c",
    "9f8e7d6c\n",
    "sec\nret",
    "sec\u200bret",
    "9f8e7d6c\N{NO-BREAK SPACE}",
]
#: What is in the place of credentials in examples, templates and forms.
PLACEHOLDERS = [
    *("…", "...", "***", "••••••••", "x", "xxx", "XXXXXXXXXXXXXXXXXXXX", "xxxx-xxxx", "<…>", "<xxx>", "-"),
    *("client-id", "client_id", "CLIENT_ID", "Client ID", "<client-id>", "{{ client_id }}", "[CLIENT ID]"),
    *("client-secret", "clientSecret", "${CLIENT_SECRET}", "%CLIENT_SECRET%", "$OAUTH_GITHUB_CLIENT_SECRET"),
    *(
        "your-client-id",
        "YOUR_CLIENT_ID",
        "<your client secret here>",
        "your-github-client-id",
        "my-client-id",
    ),
    *("secret", "SECRET", "your-secret", "'secret'", "id", "changeme", "change-me", "CHANGE_ME", "changeit"),
    *(
        "replace-me",
        "password",
        "placeholder",
        "todo",
        "TODO",
        "fixme",
        "TBD",
        "None",
        "null",
        "the client id",
    ),
]
#: What only looks a little like one of them.
NO_PLACEHOLDERS = [
    *("Ov23liAbCdEf01234567", "Iv1.8a61f9b3a7aba766", "0123456789abcdef0123", "xylophone", "1x", "guestbook"),
    *("9f8e7d6c5b4a39281706f5e4d3c2b1a098765432", "secretary", "id7", "client", "$7dx", "client-id-7", "0"),
]
#: What is wrong, by the id that must say so.
MISTAKES = {
    "E001": each(dict, OAUTH_LOGIN=[None, [], "github", 7]),
    "E002": [
        *(at_top(PROVIDER={}), at_top(providers={}), at_top(**{"": 1}), {"OAUTH_LOGIN": {1: 2}}),
        *(at_top(VERIFY=False), at_top(TIMEOUT=None), at_top(PKCE=False)),
    ],
    "E003": [
        *each(at_top, PROVIDERS=[None, [], "github"]),
        *each(at_top, SANDBOX=["True", 1, None]),
        *each(at_top, STORE_TOKENS=["False", 0, None]),
        *each(at_top, SIGN_IN_POLICY=["", 7, [], len]),
        *each(at_top, MEMBERSHIPS=[None, [], "github"]),
        *each(at_top, SESSIONS_END_ON_REVOCATION=["True", 1, None]),
        *each(at_top, ATTEMPT_MAX_AGE=[None, "600", 59, 3601, 60.5, True, 86_400]),
        *each(at_top, ENCRYPTION_KEYS=["k" * 32, [], (), ["k" * 31], ["k" * 32, 7], [b"k" * 32]]),
        *each(at_top, ON_EMAIL_COLLISION=["link", None, [], "GUIDE"]),
        *(at_top(ENCRYPTION_KEYS=["\ud800" * 32]), at_top(PASSWORD_LOGIN_URL="/\ud800")),
        *each(at_top, RECENT_SIGN_IN_AGE=[None, "900", 59, 86_401, 60.5, True]),
        *each(at_top, PASSWORD_LOGIN_URL=["", 7, ["/"], True]),
        *each(at_top, MAIL_ON_CHANGE=["True", 1, None]),
        *each(at_top, CA_BUNDLE=[False, True, 7, "", "not-there.pem", "tests", "a" * 5000, "a\0b"]),
        *each(at_top, PROXIES=["http://proxy", [1], {"https": None}, {1: "http://proxy"}]),
        *each(at_top, PROXIES=[{"HTTPS": "http://proxy"}, {"all": "http://proxy"}, {"https": "http://[::1"}]),
        *each(at_top, PROXIES=[{"https": url} for url in ("", "proxy:3128", "http://", "socks5://proxy")]),
        *each(at_top, PROXIES=[{"https": url} for url in ("http://proxy:x", "http://pro xy", "//proxy")]),
        *each(at_top, ORIGIN=NO_ORIGINS),
        *each(
            at_top, RELAY_ORIGINS=["https://example.com", None, {}, [None], *([one] for one in NO_ORIGINS)]
        ),
        *each(at_top, TRUSTED_PROXIES=[-1, 11, None, "1", True, 1.0]),
        *each(at_top, STARTS_PER_MINUTE=[0, 1_000_001, None, "60", True, 1.5]),
        *each(at_top, CALLBACKS_PER_MINUTE=[0, 1_000_001, None, "60", True, 1.5]),
    ],
    "E004": [
        *map(named, ["", "Git Hub", "GITHUB", "git.hub", "a/b", "ü", 7, None, "a" * 51]),
        *map(named, ["login", "logout", "accounts", "confirm", "sandbox"]),
    ],
    "E005": [named("github", []), named("github", "secret"), named("github", 7)],
    "E006": [
        {"OAUTH_LOGIN": {"PROVIDERS": {"forge": GITHUB}, "MEMBERSHIPS": {"forge": CLAIM}}},
        named("sourcehut"),
        *each(of, PRESET=["sourcehut", "", None, ["github"]]),
    ],
    "E007": [
        *(
            of(CLIENT="x"),
            of(client_id="x"),
            of(VERIFY=False),
            of(**{"": 1}),
            of(USERINFO_ENDPOINT="https://x"),
        ),
        named("github", {**GITHUB, 7: 7}),
    ],
    "E008": [named("github", {}), *each(of, CLIENT_ID=["", None]), *each(of, CLIENT_SECRET=[None, " "])],
    "E009": [
        *each(of, AUTHORIZATION_ENDPOINT=[*NO_URLS, "https://ghe.example/a?b=c&response_mode=form_post"]),
        *each(
            of,
            AUTHORIZATION_ENDPOINT=[
                f"https://ghe.example/a?{query}"
                for query in (
                    *("response_type=token", "response_type=code", "client_id=x", "redirect_uri=", "scope=a"),
                    *(
                        "state=s",
                        "b=c&nonce=n",
                        "code_challenge=c",
                        "code_challenge_method=plain",
                        "st%61te=s",
                    ),
                    *("response_mode=form_post&response_mode=query", "response_mode="),
                )
            ],
        ),
        *each(of, TOKEN_ENDPOINT=NO_URLS),
        *defined_as(USERINFO_ENDPOINT=NO_URLS, IDENTITY_ENDPOINT=NO_URLS, EMAILS_ENDPOINT=NO_URLS),
        *each(of, API_URL=NO_URLS + WITH_QUERIES),
        *each(of, BASE_URL=NO_URLS + WITH_QUERIES),
        *each(of, ISSUER=[*NO_URLS, *WITH_QUERIES, "https://ghe.example/" + "a" * 236]),
        *each(of, ISSUER=["https://ghe.example/.well-known/openid-configuration"]),
        *each(of, BASE_URL=["https://ghe..example", "https://.example", f"https://{'a' * 64}.example"]),
        *each(of, BASE_URL=[f"https://ghe.example/{'a' * 230}"]),
        *each(of, TOKEN_ENDPOINT=[f"https://ghe.example/{'a' * 2_000}"]),
        named("gitlab", {**GITHUB, "BASE_URL": f"https://gitlab.example/{'a' * 240}"}),
        named("microsoft", {**GITHUB, "TENANT": "a" * 240}),
        named("acme", {**GITHUB, "ISSUER": "https://a.example/{tenantid}", "TENANT": "a" * 250}),
    ],
    "E010": [
        *each(of, CLIENT_ID=[*MISCOPIED, 7]),
        *each(of, CLIENT_SECRET=[*MISCOPIED, 7, b"s" * 40, ["s" * 40], True]),
        *defined_as(CLIENT_SECRET=[7, ["s" * 40]], TOKEN_ENDPOINT_AUTH_METHOD=[7]),
        *each(of, LABEL=["", " ", None, 7, True, [], ["GitHub"], b"GitHub", gettext_lazy(" ")]),
        *each(of, SCOPE=[None, ["user:email"]]),
        *each(of, PKCE=["False", 0, None, "plain"]),
        *defined_as(KEEP_CLAIMS=[None, "groups", {}, [""], [7], ["a\n"], ["a" * 201], ["a"] * 21]),
        *each(of, WEBHOOK_SECRETS=[None, "s" * 16, [], ["s" * 16, ""], ["s" * 15], [7], [b"s" * 16]]),
        *each(of, WEBHOOK_TARGET_ID=[None, 7, "", "seven", "७"]),
        *each(of, AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED=["True", 1, None]),
        *each(of, PICTURE_HOSTS=["a.example", None, 7, {"a.example": 1}, *([host] for host in NO_HOSTS)]),
        *each(of, AUTHORIZATION_PARAMS=[None, "a=b", {"a": 1}, {1: "a"}, [("a", "b")]]),
        *each(of, AUTHORIZATION_PARAMS=[{"response_mode": "form_post"}, {"response_mode": "fragment"}]),
        *each(of, TOKEN_ENDPOINT_AUTH_METHOD=["none", "basic", None, []]),
        *each(of, AUTHORIZATION_PARAMS=[{"a": "\ud800"}, {"\ud800": "a"}]),
        *(of(LABEL="\ud800"), of(SCOPE="a \udfff"), of(WEBHOOK_SECRETS=["\ud800" * 16])),
        of(API_URL="https://ghe.example/\ud800"),
        *defined_as(TOKEN_PARAMS=[{"a": "\ud800"}], CALLBACK_PARAMS=[["\ud800"]]),
        named("github", {**GITHUB, "\ud800": 1}),
    ],
    "E017": [
        *defined_as(AUTHORIZATION_ENDPOINT=[...], TOKEN_ENDPOINT=[...], USERINFO_ENDPOINT=[...]),
        *defined_as(CLAIMS=[None, "id", [], {}, {"name": "name"}, {**SUB, "e_mail": "email"}]),
        *defined_as(CLAIMS=[{"sub": sub} for sub in ("", None, True, 7, ["id"], "{id}", "a..b", "a b")]),
        *defined_as(CLAIMS=[{**SUB, "email_verified": value} for value in ("", None, 1, "{a}", ["a"])]),
        *defined_as(
            CLAIMS=[{**SUB, "name": value} for value in ("", None, True, [], "{", "{a} }", ["a", True])],
        ),
        *defined_as(CLAIMS=[{**SUB, claim: link} for claim in ("picture", "profile") for link in OFF_HOST]),
        *defined_as(CLAIMS=[{"sub": "identity.id"}, {**SUB, "name": "{identity.name}"}]),
        *defined_as(USERINFO_PARAMS=[7, {"a": 1}, {"a": "{client_secret}"}, {"a": "{uid}"}, {"": "a"}]),
        *defined_as(USERINFO_PARAMS=[{"a": "{identity.id}"}], IDENTITY_PARAMS=[{"a": "{access_token}"}]),
        *defined_as(USERINFO_TOKEN=["", 7, "cookie:x", "header:", "Bearer ", "header:a b", "\n", "query:ü"]),
        *defined_as(
            USERINFO_HEADERS=[
                7,
                {"X": ""},
                {"X": "a\nb"},
                {"X": "中"},
                {"中": "a"},
                {"X Y": "a"},
                {"X": " a"},
            ],
            USERINFO_ROOT=[7, "a..b"],
        ),
        *defined_as(
            USERINFO_REQUEST=["get", None, []], USERINFO_ANSWER=["xml", None], USERINFO_ENCODING=["br"]
        ),
        *defined_as(TOKEN_REQUEST=["get", None], TOKEN_ANSWER=["xml", []], TOKEN_TYPE_OPTIONAL=[1, None]),
        *defined_as(TOKEN_NAMES=[7, {"access_token": ""}], TOKEN_REQUEST_NAMES=[7, {"code": 1}]),
        *defined_as(TOKEN_PARAMS=[7, {"a": 1}], AUTHORIZATION_NAMES=[7, {"": "a"}]),
        *defined_as(AUTHORIZATION_FRAGMENT=[7], SCOPE_SEPARATOR=["", 7]),
        *defined_as(CODE_PARAM=["", None, [], "state", "iss", "error", "error_description", "error_uri"]),
        *defined_as(USERINFO_MATCHES=[["id"], {"a b": "{token.id}"}, {"id": "{user.id}"}, {"id": 7}]),
        *defined_as(USERINFO_MATCHES=[{"id": "{identity.id}"}]),
        *defined_as(CANCEL_PARAMS=[["no"], {"": "1"}, {"no": ""}, {"no": 1}]),
        *defined_as(TOKEN_NAMES=[{"token": "a"}], AUTHORIZATION_NAMES=[{"code": "a"}]),
        *defined_as(TOKEN_REQUEST_NAMES=[{"state": "a"}]),
        *defined_as(REFRESH_NAMES=[7, {"refresh": "a"}], REVOCATION_NAMES=[7, {"refresh_token": "a"}]),
        *defined_as(
            AUTHORIZATION_NAMES=[
                *({name: ""} for name in ("client_id", "state", "code_challenge", "code_challenge_method")),
                {"state": "client_id"},
                {"state": "st", "redirect_uri": "st"},
            ],
            TOKEN_REQUEST_NAMES=[{"code": ""}, {"code_verifier": ""}, {"code": "grant_type"}],
            REFRESH_NAMES=[{"refresh_token": ""}, {"refresh_token": "client_id"}],
            REVOCATION_NAMES=[{"token": ""}, {"token": "token_type_hint"}],
        ),
        *defined_as(TOKEN_REQUEST_NAMES=[{"client_id": "refresh_token"}]),
        *defined_as(CALLBACK_PARAMS=["device", [7], [["device"]], None], IDENTITY_CLIENT=[7]),
        *defined_as(
            CALLBACK_PARAMS=[
                ["device", name]
                for name in (
                    *("grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier"),
                )
            ]
        ),
        *defined_as(EMAILS_ROOT=[7], EMAILS_WHERE=[7, {"a": None}], SUBJECT_TYPE=["text", None, []]),
        *defined_as(API_REJECTED=[7, {"a": 1}, {"a": "21332"}, {"a b": [1]}, {"a": [True]}, [21332]]),
        *defined_as(ERRORS=[7, {"a": []}, {"a b": 0}], ERROR_CODES=[7, {1: "x"}, {True: "code_rejected"}]),
        named("weibo", {**GITHUB, "CLAIMS": 7}),
    ],
    "E018": [
        both({}, {"TOKEN_ENDPOINT": "https://forge.example/other/token"}),
        both(
            {"ISSUER": "https://a.example"},
            {"ISSUER": "https://a.example", "TOKEN_ENDPOINT": "https://b.example"},
        ),
        both({}, {"CLAIMS": {"sub": "login"}}),
        both({}, {"USERINFO_ENDPOINT": "https://forge.example/api/other"}),
        beside_forge(ISSUER="https://forge.example"),
        beside_forge(PRESET="gitlab", BASE_URL="https://forge.example/"),
        beside_forge("https://forge.example/a", ISSUER="https://forge.example/{tenantid}", TENANT="a"),
        beside_forge(
            "https://forge.example/b", ISSUER="https://forge.example/{tenantid}", TENANTS=["a", "b"]
        ),
        beside_forge("https://github.com/login/oauth", PRESET="github"),
        beside_forge("https://ghe.example/login/oauth", PRESET="github", BASE_URL="https://ghe.example/"),
        *(both({}, {key: value}) for key, value in OTHER_PEOPLE.items()),
        two_of(
            "https://a.example", {"PRESET": "github"}, {"PRESET": "github", "BASE_URL": "https://b.example"}
        ),
        two_of("https://a.example", {"PRESET": "github"}, {}),
        *(
            {"OAUTH_LOGIN": {"PROVIDERS": {"github": GITHUB, "ghe": {**GITHUB, "PRESET": "github", **there}}}}
            for there in (
                {"API_URL": "https://ghe.example/api/v3"},
                {"TOKEN_ENDPOINT": "https://ghe.example/login/oauth/access_token"},
            )
        ),
    ],
    "E011": [at_top(SANDBOX=True)],
    "E024": each(
        at_top,
        SIGN_IN_POLICY=[
            *("nowhere.at.all", "no_dots", f"{__name__}.nothing", f"{__name__}.GITHUB"),
            *(f"{RULES}.{name}" for name in ("Rule", "later", "unready", "broken")),
        ],
    ),
    "E025": [
        at_top(MEMBERSHIPS={"gitub": TEAMS}),
        {
            "OAUTH_LOGIN": {
                "PROVIDERS": {1: GITHUB, None: GITHUB, b"x": GITHUB, "github": GITHUB},
                "MEMBERSHIPS": {"gitub": TEAMS},
            }
        },
        at_top(MEMBERSHIPS={7: TEAMS}),
        *each(
            giving,
            github=[
                *(None, "teams", {}, {"TEAMS": True}, {**TEAMS, "TEAMS": False}, {**TEAMS, "TEAM": True}),
                *(
                    {**TEAMS, "TEAMS": ids}
                    for ids in (
                        {},
                        {"acme": "1"},
                        {"acme": True},
                        {"acme": -1},
                        {7: 1},
                        {"other": 1},
                        {"acme": 1, "Acme": 2},
                    )
                ),
                *({**TEAMS, "CLAIM": "groups"}, {**TEAMS, "SUPERUSER": ["acme/owners"]}),
                *({**TEAMS, "GROUPS": value} for value in NO_GROUPS),
                *({**TEAMS, "STAFF": value} for value in NO_STAFF),
                {"CLAIM": "noreply_email", "STAFF": ["x"]},
            ],
        ),
        *each(
            given_by_forge,
            rules=[
                *({"CLAIM": claim, "STAFF": ["x"]} for claim in NO_CLAIM),
                *({"TEAMS": True, "STAFF": ["acme/x"]}, {"STAFF": ["x"]}),
            ],
        ),
        given_by_forge(rules=CLAIM, KEEP_CLAIMS=...),
    ],
    "E023": [
        {**at_top(SESSIONS_END_ON_REVOCATION=True), "SESSION_ENGINE": IN_COOKIES},
        {
            **named("acme", {**GITHUB, "ISSUER": "https://op.example", "BACKCHANNEL_LOGOUT": True}),
            "SESSION_ENGINE": IN_COOKIES,
        },
    ],
    "E012": [
        {"AUTHENTICATION_BACKENDS": []},
        {"AUTHENTICATION_BACKENDS": ["django.contrib.auth.backends.ModelBackend"]},
        {"AUTHENTICATION_BACKENDS": ["not.there.Backend"]},
        {"AUTHENTICATION_BACKENDS": ["oauth_login.backends.NotThere"]},
    ],
    "E013": [without("SessionMiddleware"), without("AuthenticationMiddleware")],
    "E014": [{"ROOT_URLCONF": URLS, "LOGIN_REDIRECT_URL": "/"}],
    "E015": [
        {"TEMPLATES": []},
        {"TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]},
        {"TEMPLATES": [{"BACKEND": "x", "OPTIONS": {"context_processors": []}}]},
    ],
    "W005": [
        at_top(ORIGIN="https://www.example.com"),
        {**at_top(ORIGIN="https://www.example.com"), "ALLOWED_HOSTS": []},
        {**at_top(ORIGIN="https://www.example.com"), "ALLOWED_HOSTS": ["example.com", "*.example.com"]},
        {**at_top(ORIGIN="https://www.example.com"), "ALLOWED_HOSTS": [], "DEBUG": True},
        {**at_top(ORIGIN="http://127.0.0.1:8000"), "ALLOWED_HOSTS": ["www.example.com"], "DEBUG": True},
        {**at_top(ORIGIN="https://my_host"), "ALLOWED_HOSTS": ["*"]},  # Django answers at no such name
        {
            **at_top(ORIGIN="https://www.example.com", RELAY_ORIGINS=["https://example.com"]),
            "ALLOWED_HOSTS": ["www.example.com"],
        },
    ],
    "W009": [at_top(RELAY_ORIGINS=["https://testserver"])],
    "W011": [
        {
            **at_top(ORIGIN="https://www.example.com", RELAY_ORIGINS=["http://127.0.0.1:8000"]),
            "ALLOWED_HOSTS": ["www.example.com", "127.0.0.1"],
        },
    ],
    "E016": each(
        dict,
        LOGIN_REDIRECT_URL=[
            "no-such-name",
            "guestbook:no-such-name",
            "",
            None,
            7,
            reverse_lazy("no-such-name"),
        ],
    ),
    "E026": each(at_top, PASSWORD_LOGIN_URL=["no-such-name", "guestbook:no-such-name", "http://[bad/"]),
    "W001": [{"OAUTH_LOGIN": {}}, {"OAUTH_LOGIN": {"PROVIDERS": {}}}],
    "W002": [at("http://localhost:8000"), at("http://localhost")],
    "W003": [without("MessageMiddleware")],
    "W004": [of(PKCE=False)],
    "W008": [of(CLIENT_ID="your-client-id"), of(CLIENT_SECRET="changeme", LABEL="GitHub")],
}
DEPLOYMENT_MISTAKES = {
    "E020": [{"ALLOWED_HOSTS": ["*"]}, {"ALLOWED_HOSTS": ["www.example.com", "*"]}],
    "E021": [
        at_top(ORIGIN="http://127.0.0.1:8000"),
        at_top(ORIGIN="http://localhost"),
        at_top(ORIGIN="https://www.example.com", RELAY_ORIGINS=["https://example.com", "http://[::1]"]),
    ],
    "W006": [
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}},
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}},
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}}},
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}}},
    ],
    "W010": [{"CSRF_USE_SESSIONS": True}],
    "W007": [
        {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
        {"USE_X_FORWARDED_HOST": True},
    ],
}
SHARED_CACHE = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
#: Mistakes that leave no provider.
ALSO = {"E001": {"W001"}, "E002": {"W001"}, "E003": {"W001"}, "E025": {"E004"}}
RIGHT = [
    {},
    {**at_top(SANDBOX=True), "DEBUG": True},
    at_top(SANDBOX=False, STORE_TOKENS=False, ATTEMPT_MAX_AGE=60, ON_EMAIL_COLLISION="separate"),
    at_top(ATTEMPT_MAX_AGE=3600, ON_EMAIL_COLLISION="deny", ENCRYPTION_KEYS=["k" * 32], CA_BUNDLE=__file__),
    at_top(ENCRYPTION_KEYS=("k" * 32, "l" * 40), PROXIES={"https": "http://proxy.example:3128"}),
    at_top(ENCRYPTION_KEYS=None, PROXIES=None, CA_BUNDLE=None, ORIGIN=None),
    at_top(PROXIES={}),
    at_top(RECENT_SIGN_IN_AGE=60, PASSWORD_LOGIN_URL="password", MAIL_ON_CHANGE=False),
    at_top(RECENT_SIGN_IN_AGE=86_400, PASSWORD_LOGIN_URL="/of/something/else/", MAIL_ON_CHANGE=True),
    at_top(PASSWORD_LOGIN_URL=None),
    at_top(PROXIES={"http": "http://name:pass%20word@proxy:1", "https": "https://[::1]:3128"}),
    at("https://www.example.com"),
    at("https://my-host2.example.com"),
    {**at_top(ORIGIN="https://www.example.com:8443"), "ALLOWED_HOSTS": [".example.com"]},
    {**at_top(ORIGIN="https://www.example.com:65535"), "ALLOWED_HOSTS": ["*"]},
    {**at_top(ORIGIN="https://[2001:db8::1]"), "ALLOWED_HOSTS": ["[2001:db8::1]"]},
    at("http://127.0.0.1:8000"),
    at("http://[::1]:8000"),
    {**at_top(ORIGIN="http://127.0.0.1:8000"), "ALLOWED_HOSTS": [], "DEBUG": True},
    {**at_top(ORIGIN="http://[::1]:8000"), "ALLOWED_HOSTS": [], "DEBUG": True},
    {**at_top(ORIGIN="https://site.localhost"), "ALLOWED_HOSTS": [], "DEBUG": True},
    *each(
        dict,
        LOGIN_REDIRECT_URL=["/where/", "https://app.example.com/", "guestbook:index", "/accounts/profile/"],
    ),
    of(LABEL=gettext_lazy("username")),
    of(CLIENT_ID="Iv1.a b", CLIENT_SECRET="!~"),
    *each(of, CLIENT_ID=NO_PLACEHOLDERS),
    *each(of, CLIENT_SECRET=NO_PLACEHOLDERS),
    of(AUTHORIZATION_ENDPOINT="https://ghe.example/a?b=c", TOKEN_ENDPOINT="https://ghe.example/t?b=c"),
    of(ISSUER="https://ghe.example/" + "a" * 235),
    of(LABEL="Octopus", SCOPE="", PKCE=True, AUTHORIZATION_PARAMS={"allow_signup": "false"}),
    of(TOKEN_ENDPOINT_AUTH_METHOD="client_secret_basic", BASE_URL="http://127.0.0.1:3000"),
    of(BASE_URL="https://ghe.example", API_URL="https://api.ghe.example", ISSUER="https://ghe.example/x"),
    *each(of, PICTURE_HOSTS=[[], ("a.example", ".b.example"), ["a-b.example:8443", "127.0.0.1"]]),
    defined(),
    both({}, {"SCOPE": "more"}),
    both({}, {"ISSUER": "https://b.example", "TOKEN_ENDPOINT": "https://b.example/token"}),
    defined(CLAIMS={"sub": "token.uid"}, USERINFO_ENDPOINT=...),
    *defined_as(
        CLAIMS=[
            {**SUB, "name": ["{first} {last}", "first"], "email": "emails.0.value", "email_verified": True},
            {**SUB, "picture": "https://cdn.example/{id}.png", "email_verified": "email_verified"},
            {**SUB, "profile": ["link", "http://forge.example/?u={login}"], "picture": "a.0"},
        ],
        USERINFO_TOKEN=["OAuth", "header:X-Token", "query:access_token", "form:token"],
        USERINFO_PARAMS=[{"a": "{client_id}{token.b.0}"}, {"query": "{ viewer { id } }"}],
        ERRORS=[{"ret": 0, "error": None, "a.b": "ok"}],
    ),
    named("vk", {"CLIENT_ID": "7"}),
    *[named(name) for name in ("weibo", "qq", "weixin", "twitter")],
    named("my_ghe-2", {**GITHUB, "PRESET": "github"}),
    named("a" * 50, {**GITHUB, "PRESET": "github"}),
    {"AUTHENTICATION_BACKENDS": ["not.there.Backend", f"{__name__}.OwnBackend"]},
    {
        **at_top(ORIGIN="https://www.example.com", RELAY_ORIGINS=("https://example.com", "https://[::1]")),
        "ALLOWED_HOSTS": [".example.com", "[::1]"],
    },
    at_top(SIGN_IN_POLICY=f"{RULES}.of_the_test"),
    at_top(SIGN_IN_POLICY=f"{RULES}.closed"),
    at_top(SIGN_IN_POLICY="oauth_login.policy.nobody"),
    giving(github=TEAMS),
    giving(github={"TEAMS": True, "STAFF": ("a-b/c_d.e",)}),
    given_by_forge(rules=CLAIM),
    given_by_forge(rules={"CLAIM": "groups.names", "STAFF": ["admins"]}),
    given_by_forge(
        rules={"CLAIM": "https://a.example/g", "STAFF": ["x"]}, KEEP_CLAIMS=["https://a.example/g"]
    ),
    *defined_as(KEEP_CLAIMS=[[], ("groups",), ["a" * 200] * 20]),
    at_top(TRUSTED_PROXIES=10, STARTS_PER_MINUTE=1, CALLBACKS_PER_MINUTE=1_000_000),
]


def configure(settings, changes):
    for name, value in changes.items():
        setattr(settings, name, value)


def own_middleware(settings):
    own = f"{__name__}.OwnMiddleware"
    names = [own if "AuthenticationMiddleware" in path else path for path in settings.MIDDLEWARE]
    settings.MIDDLEWARE = [f"{__name__}.own_middleware", *names]  # a function


def ids(found):
    return {str(message.id).removeprefix("oauth_login.") for message in found}


def cases(mistakes):
    return [
        pytest.param(number, changes, id=f"{number} {position}")
        for number, all_changes in mistakes.items()
        for position, changes in enumerate(all_changes)
    ]


@pytest.mark.threat("L01", "L03", "M01", "M02", "M03", "D03", "D14", "B02")
@pytest.mark.parametrize(("number", "changes"), cases(MISTAKES))
def test_a_mistake_is_reported_under_its_id(settings, number, changes):
    configure(settings, changes)
    found = check_settings()

    assert number in ids(found)
    assert ids(found) <= {number} | ALSO.get(number, set())
    for message in found:
        assert message.msg
        assert isinstance(message, Error) == ("oauth_login.E" in str(message.id))
        assert message.hint or " must be " in message.msg


@pytest.mark.threat("L01", "M01")
@pytest.mark.parametrize(("number", "changes"), cases(DEPLOYMENT_MISTAKES))
def test_a_mistake_of_the_deployment_is_reported_under_its_id(settings, number, changes):
    configure(settings, {"CACHES": SHARED_CACHE, **changes})
    found = check_deployment()

    assert ids(found) == {number}
    for message in found:
        assert message.hint
        assert isinstance(message, Error) == ("oauth_login.E" in str(message.id))


@pytest.mark.parametrize("changes", RIGHT, ids=str)
def test_what_is_right_is_not_complained_about(settings, changes):
    configure(settings, changes)

    assert check_settings() == []


@pytest.mark.threat("L01", "L02")
@pytest.mark.parametrize("key", expectations.CREDENTIALS)
@pytest.mark.parametrize("value", PLACEHOLDERS, ids=ascii)
def test_a_credential_that_was_never_filled_in_is_warned_of(settings, key, value):
    settings.OAUTH_LOGIN = of(**{key: value})["OAUTH_LOGIN"]
    (found,) = check_settings()

    assert found.id == "oauth_login.W008"
    assert f"['github']['{key}']" in found.msg


def test_a_site_may_have_middleware_and_templates_of_its_own(settings):
    own_middleware(settings)
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.jinja2.Jinja2"}, *settings.TEMPLATES]

    assert check_settings() == []


def test_middleware_that_cannot_be_imported_is_left_to_django(settings):
    broken = f"{__name__}.{BrokenModule.__name__}.attribute"
    settings.MIDDLEWARE = ["not.there.Middleware", "nodots", broken, *settings.MIDDLEWARE]

    assert check_settings() == []


def test_what_is_refused_for_its_length_is_what_the_columns_cannot_hold():
    for model in (LinkedAccount, SignIn):
        assert model._meta.get_field("provider").max_length == problems.ALIAS_LENGTH
    assert LinkedAccount._meta.get_field("issuer").max_length == problems.ISSUER_LENGTH


@pytest.mark.parametrize(
    "changes",
    [
        {},
        at_top(ORIGIN="https://www.example.com"),
        {**at_top(ORIGIN="https://www.example.com"), "ALLOWED_HOSTS": ["*"]},
        {"OAUTH_LOGIN": None},
        {"OAUTH_LOGIN": []},
    ],
    ids=str,
)
def test_a_right_deployment_is_not_complained_about(settings, changes):
    configure(settings, {"CACHES": SHARED_CACHE, **changes})

    assert check_deployment() == []


def test_several_mistakes_are_reported_at_once(settings):
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {"a.b": {}, "github": {"CLIENT_ID": "7", "LABEL": ""}, "ghe": {"PRESET": "ghe"}},
        "SANDBOKS": True,
        "ATTEMPT_MAX_AGE": 0,
    }

    assert ids(check_settings()) == {"E002", "E003", "E004", "E006", "E008", "E010"}


# --- Hints --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        (at_top(SANDBOKS=True), "Did you mean 'SANDBOX'?"),
        (at_top(encryption_keys=None), "Did you mean 'ENCRYPTION_KEYS'?"),
        (of(CLIENTID="x"), "Did you mean 'CLIENT_ID'?"),
        (of(base_url="x"), "Did you mean 'BASE_URL'?"),
        (of(PRESET="githbu"), "Did you mean 'github'?"),
        (of(PRESET=None), "Known: amazon, apple, "),
        (of(PRESET="GitHub"), "Did you mean 'github'?"),
        (named("something-of-ours"), "Known: amazon, "),
        (named("wiebo"), "Did you mean 'weibo'?"),
        (defined(USERINFO_ENPOINT="https://forge.example/"), "Did you mean 'USERINFO_ENDPOINT'?"),
        (defined(CLAIMS={**SUB, "prefered_username": "login"}), "Did you mean 'preferred_username'?"),
        (defined(CLAIMS={**SUB, "avatar": "x"}), "Known: sub, preferred_username, "),
        (defined(CLAIMS={**SUB, 7: "x"}), "Known: sub, preferred_username, "),
        (defined(CLAIMS={"name": "name"}), 'E.g. {"sub": "id"}'),
        (defined(TOKEN_NAMES={"acess_token": "a"}), "Did you mean 'access_token'?"),
        (defined(TOKEN_NAMES={"xyzzy": "a"}), "Known: access_token, "),
        (defined(AUTHORIZATION_NAMES={"clientid": "a"}), "Did you mean 'client_id'?"),
        (defined(TOKEN_REQUEST_NAMES={"code_verifer": "a"}), "Did you mean 'code_verifier'?"),
        (defined(REFRESH_NAMES={"refreshtoken": "a"}), "Did you mean 'refresh_token'?"),
        (defined(REVOCATION_NAMES={"token_hint": "a"}), "Did you mean 'token_type_hint'?"),
        (defined(AUTHORIZATION_NAMES={"code_challenge": ""}), "If the server knows no PKCE, set PKCE"),
        (defined(AUTHORIZATION_NAMES={"state": ""}), "It is needed."),
        (defined(AUTHORIZATION_NAMES={"state": "scope"}), "One would replace the other."),
        (defined(AUTHORIZATION_ENDPOINT="https://forge.example/a?scope=a"), "Remove that: each request"),
        (named("acme", {**GITHUB, "ISSUR": "https://a.example"}), f"Did you mean 'ISSUER'? {NEEDS}"),
        (defined(CLAIMS=..., CLAIM=SUB), f"Did you mean 'CLAIMS'? {NEEDS}"),
        (defined(CLAIMS=...), NEEDS),
        (named("gihub"), f"Did you mean 'github'? {NEEDS}"),
        (defined(TOKEN_ENDPOINT=...), "A provider with CLAIMS needs TOKEN_ENDPOINT"),
        (defined(USERINFO_ENDPOINT=...), "Set it; or, if the token answer says who it is"),
        (at_top(MEMBERSHIPS={"gitub": TEAMS}), "Did you mean 'github'?"),
        (at_top(MEMBERSHIPS={"xyzzy": TEAMS}), "Known: github."),
        (giving(github={**TEAMS, "GROUP": {}}), "Did you mean 'GROUPS'?"),
        (giving(github={**TEAMS, "SUPERUSERS": []}), "Nobody becomes a superuser"),
        (defined(KEEP_CLAMS=["groups"]), "Did you mean 'KEEP_CLAIMS'?"),
        (at_top(SIGN_IN_POLICY=f"{RULES}.Rule"), 'E.g. "yourproject.policy.rule"'),
        (at_top(XYZZY=1), "Known: ATTEMPT_MAX_AGE, CALLBACKS_PER_MINUTE, CA_BUNDLE, "),
    ],
    ids=str,
)
def test_a_slip_is_answered_by_what_was_meant(settings, changes, hint):
    configure(settings, changes)
    (found,) = check_settings()

    assert str(found.hint).startswith(hint)


def test_whoever_names_a_preset_is_told_of_presets_alone(settings):
    configure(settings, of(PRESET="githbu"))
    (found,) = check_settings()

    assert found.hint == "Did you mean 'github'?"


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"DEBUG": True, "ALLOWED_HOSTS": []}, "http://127.0.0.1:8000/oauth2/github/callback/"),
        (
            {"DEBUG": True, "ALLOWED_HOSTS": ["www.example.com"]},
            "http://127.0.0.1:8000/oauth2/github/callback/",
        ),
        (
            {"ALLOWED_HOSTS": [".example.org", "*", "www.example.com", "b.example"]},
            "https://www.example.com/oauth2/github/callback/",
        ),
        ({"ALLOWED_HOSTS": [".example.com"]}, "https://example.com/oauth2/github/callback/"),
        ({"ALLOWED_HOSTS": ["*"]}, "https://<your host>/oauth2/github/callback/"),
        ({"ALLOWED_HOSTS": []}, "https://<your host>/oauth2/github/callback/"),
        ({"ALLOWED_HOSTS": ["a.example"], "ORIGIN": 7}, "https://a.example/oauth2/github/callback/"),
        (
            {"ALLOWED_HOSTS": ["b.example"], "ORIGIN": "https://a.example"},
            "https://a.example/oauth2/github/callback/",
        ),
        ({"ALLOWED_HOSTS": ["a.example"], "ROOT_URLCONF": URLS}, "https://a.example/…/github/callback/"),
    ],
    ids=str,
)
def test_a_missing_registration_is_hinted_at_with_the_exact_callback_url(settings, changes, url):
    configure(settings, changes)
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "ORIGIN": changes.get("ORIGIN")}
    found = [message for message in check_settings() if message.id == "oauth_login.E008"]

    for message, key in zip(found, ("CLIENT_ID", "CLIENT_SECRET"), strict=True):
        assert message.msg == f"OAUTH_LOGIN['PROVIDERS']['github'] has no {key}."
        assert message.hint == (
            f"Register an application with the provider and set {key} (or OAUTH_GITHUB_{key}). "
            f"Its callback URL: {url}"
        )


def test_no_environment_variable_is_named_that_no_shell_can_set(settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"my-ghe": {"PRESET": "github"}}}

    for message in check_settings():
        assert "Register an application" in str(message.hint)
        assert "OAUTH_" not in str(message.hint)


def test_a_sandboxed_provider_needs_no_registration(settings):
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}

    assert check_settings() == []


@pytest.mark.parametrize(
    "middleware", ["sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware"]
)
def test_missing_middleware_is_named_as_it_has_to_be_written(settings, middleware):
    configure(settings, without(middleware))
    (found,) = check_settings()

    assert found.hint == f"Add 'django.contrib.{middleware}'."


@pytest.mark.threat("H07")
def test_no_check_repeats_a_secret(settings):
    secret = "a-very-secret-value"
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {"github": {"CLIENT_ID": secret, "CLIENT_SECRET": [secret], "CLIENT_SECRT": secret}},
        "ENCRYPTION_KEYS": [secret],
        "ENCRYPTION_KEY": secret,
    }

    assert ids(check_settings()) == {"E002", "E003", "E007", "E010"}
    assert secret not in str(check_settings())


@pytest.mark.threat("H07")
@pytest.mark.parametrize("key", expectations.CREDENTIALS)
def test_a_credential_copied_with_something_around_it_is_not_repeated(settings, key):
    settings.OAUTH_LOGIN = of(**{key: " a-very-secret-value"})["OAUTH_LOGIN"]
    (found,) = check_settings()

    assert "white space" in found.msg
    assert "a-very-secret-value" not in str(found)


# --- Registration and ids ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_manage_py_check_fails_on_a_mistake(settings):
    call_command("check", tags=["security"])
    settings.OAUTH_LOGIN = of(CLIENT_SECRET="")["OAUTH_LOGIN"]

    for tags in (None, ["security"]):
        with pytest.raises(SystemCheckError, match=r"\(oauth_login\.E008\)"):
            call_command("check", tags=tags)


def test_manage_py_check_deploy_fails_on_a_mistake_of_the_deployment(settings):
    settings.ALLOWED_HOSTS = ["*"]

    call_command("check", tags=["security"])
    with pytest.raises(SystemCheckError, match=r"\(oauth_login\.E020\)"):
        call_command("check", tags=["security"], deploy=True)


@pytest.mark.threat("L01")
def test_every_id_of_the_code_is_tested_and_has_one_meaning():
    source = "".join(path.read_text() for path in Path(oauth_login.__file__).parent.rglob("*.py"))
    written = re.findall(r'"([EW]\d{3})"', source)

    # Whose tests are those of orphans, of groups, of fields, of views, of clients.
    elsewhere = {ORPHANED, MISSING, UNDECLARED, KEY_TOO_LATE, UNKNOWN, SAME}
    assert set(written) == {*MISTAKES, *DEPLOYMENT_MISTAKES} | elsewhere
    assert {number for number in written if written.count(number) > 1} == {"E004"}  # two ways to be unusable
