"""Two aliases with one registration are one client to its server, and that is said."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.checks.registry import Tags

ONE = {"CLIENT_ID": "Ov23liNobodyKnowsThis", "CLIENT_SECRET": "9f8e7d6c5b4a39281706"}
TWO = {"CLIENT_ID": "Ov23liNorDoesAnybodyThis", "CLIENT_SECRET": "8e7d6c5b4a3928170695"}
GITHUB = {"PRESET": "github", **ONE}
ACME = {"ISSUER": "https://acme.example", **ONE}
FORGE = {
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "USERINFO_ENDPOINT": "https://forge.example/user",
    "CLAIMS": {"sub": "id"},
    **ONE,
}
TENANTS = {"PRESET": "microsoft", **ONE}
T1, T2, T3 = (f"{number}1111111-1111-4111-8111-111111111111" for number in (1, 2, 3))


@pytest.fixture
def found(settings):
    """A way to check a site with these providers: what is said of clients, and all the rest that is."""

    def check(**providers):
        settings.OAUTH_LOGIN = {"PROVIDERS": providers}
        said = run_checks(tags=[Tags.security])
        ours = [one for one in said if one.id == "oauth_login.W015"]
        return [one.msg for one in ours], {one.id for one in said if one not in ours}

    return check


def told(one, other):
    """Return what is said of two."""
    return f"OAUTH_LOGIN['PROVIDERS']: {one!r} and {other!r} have the same CLIENT_ID at the same issuer."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (GITHUB, {**GITHUB, "SCOPE": "read:user repo"}),
        ({**GITHUB, "BASE_URL": "https://ghe.example"}, {**GITHUB, "BASE_URL": "https://ghe.example/"}),
        (ACME, {**ACME, "CLIENT_SECRET": TWO["CLIENT_SECRET"], "LABEL": "Acme again"}),
        (FORGE, FORGE),
        ({**TENANTS, "TENANTS": [T1, T2]}, {**TENANTS, "TENANTS": [T2, T1, T3]}),
        ({**TENANTS, "TENANTS": [T1, T2]}, {**TENANTS, "TENANT": T2}),
    ],
    ids=["GitHub", "Enterprise Server", "OpenID Connect", "OAuth 2.0", "tenants", "one tenant"],
)
def test_two_aliases_that_are_one_client_are_warned_of(found, one, other):
    assert found(one=one, other=other) == ([told("one", "other")], set())


def test_each_is_named_once_with_the_first(found):
    said, _ = found(a=GITHUB, b=ACME, c=GITHUB, d=GITHUB)

    assert said == [told("a", "c"), told("a", "d")]


def test_one_that_is_the_client_of_two_is_named_with_both(found):
    first, second = {**TENANTS, "TENANT": T2}, {**TENANTS, "TENANT": T1}

    assert found(b=first, a=second, c={**TENANTS, "TENANTS": [T1, T2]})[0] == [told("a", "c"), told("b", "c")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (GITHUB, {**GITHUB, **TWO}),
        (GITHUB, {**GITHUB, "BASE_URL": "https://ghe.example"}),
        (ACME, {**ACME, "ISSUER": "https://acme.example/"}),
        ({**TENANTS, "TENANT": T1}, {**TENANTS, "TENANT": T2}),
        (GITHUB, {**GITHUB, "CLIENT_ID": ONE["CLIENT_ID"].lower()}),
    ],
    ids=["two clients", "two servers", "two issuers", "two tenants", "case"],
)
def test_two_clients_are_not(found, one, other):
    assert found(one=one, other=other) == ([], set())


BROKEN: list[tuple[Any, str]] = [
    (None, "E005"),
    ({**GITHUB, "CLIENT_ID": ""}, "E008"),
    ({**GITHUB, "CLIENT_ID": 7}, "E010"),
    ({**GITHUB, "CLIENT_ID": []}, "E010"),
    ({**ONE, "PRESET": "gihtub"}, "E006"),
]


@pytest.mark.parametrize(("options", "number"), BROKEN, ids=str)
def test_what_another_check_reports_is_left_to_it(found, options, number):
    assert found(one=options, other=options) == ([], {f"oauth_login.{number}"})


def test_two_of_the_sandbox_are_no_clients_of_anybody(settings):
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {
        "SANDBOX": True,
        "PROVIDERS": {"github": {}, "other": {"PRESET": "github"}},
    }

    assert run_checks(tags=[Tags.security]) == []
