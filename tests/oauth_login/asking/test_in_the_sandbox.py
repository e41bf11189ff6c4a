"""What is asked for later can be tried without a provider: granted, or in part, or not; proved anew."""

import re

import pytest

from oauth_login.models import LinkedAccount
from tests.oauth_login.asking.conftest import LEAST, forms_of, query_of
from tests.oauth_login.linking.conftest import messages_of


@pytest.fixture(autouse=True)
def sandbox(settings):
    """A project that has registered nothing anywhere."""
    settings.DEBUG = True
    providers = {
        "github": {},
        "acme": {"ISSUER": "https://sso.acme.example"},
        "google": {},
        "forge": {
            "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
            "TOKEN_ENDPOINT": "https://forge.example/token",
            "USERINFO_ENDPOINT": "https://forge.example/me",
            "SCOPE": "me mail",
            "SCOPE_SEPARATOR": ",",
            "CLAIMS": {"sub": "id"},
        },
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": providers, "SANDBOX": True}


def through(visitor, alias="github", *, start=None, **said):
    """Walk over the sandbox's page; return the callback's answer."""
    page = visitor.start(alias, **(start or {}))["Location"]
    return visitor.get(visitor.post(page, {"persona": "octocat", **said})["Location"])


def asks_for_repo(visitor):
    """Return the form of the page that asks for ``repo``."""
    [form] = forms_of(visitor.get("/repositories/", follow=True))
    return form


def test_its_page_shows_what_is_asked_for_and_lets_somebody_say_no_to_a_part(visitor):
    through(visitor)

    page = visitor.get(visitor.start(**asks_for_repo(visitor))["Location"]).content.decode()

    assert f"<code>{LEAST} repo</code>" in page
    assert re.findall(r'name="withheld" value="([^"]+)"', page) == [*LEAST.split(), "repo"]


def test_who_they_are_is_nothing_to_say_no_to(visitor):
    start = visitor.start("acme")["Location"]

    assert re.findall(r'name="withheld" value="([^"]+)"', visitor.get(start).content.decode()) == [
        "profile",
        "email",
    ]
    visitor.get(visitor.post(start, {"persona": "octocat", "withheld": ["openid", "email"]})["Location"])
    assert LinkedAccount.objects.get().scope == "openid profile"


def test_all_of_it_is_granted(visitor):
    through(visitor)

    answer = through(visitor, start=asks_for_repo(visitor))

    assert (answer["Location"], messages_of(answer)) == ("/repositories/", [])
    assert visitor.get("/repositories/").content == b"account 583231"


def test_a_part_of_it_is_granted_and_the_site_is_told(visitor):
    through(visitor)

    answer = through(visitor, start=asks_for_repo(visitor), withheld=["repo"])

    assert messages_of(answer) == ["GitHub says that not all of it was granted."]
    assert LinkedAccount.objects.get().scope == LEAST


def test_commas_separate_as_well(visitor):
    through(visitor, "forge", withheld=["mail"])

    assert LinkedAccount.objects.get().scope == "me"


def test_who_says_no_to_all_of_it_says_no(visitor):
    through(visitor)

    answer = through(visitor, start=asks_for_repo(visitor), withheld=[*LEAST.split(), "repo"])

    assert answer["Location"].startswith("/oauth2/github/grant/")
    assert LinkedAccount.objects.get().scope == LEAST


def test_a_provider_that_asks_for_nothing_can_be_said_yes_to(visitor, settings):
    settings.OAUTH_LOGIN["PROVIDERS"]["github"]["SCOPE"] = ""

    assert through(visitor)["Location"] == "/"


def test_its_openid_provider_asks_anew_and_says_when(visitor):
    through(visitor, "acme")
    assert visitor.get("/confirmed/anew/").status_code == 302
    start = visitor.start("acme", intent="reauthenticate", next="/confirmed/anew/")
    asked = query_of(start["Location"])
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")

    answer = visitor.get(visitor.post(start["Location"], {"persona": "octocat"})["Location"])

    assert answer["Location"] == "/confirmed/anew/"
    assert visitor.get("/confirmed/anew/").content == b"confirmed"


def test_it_is_believed_no_more_than_the_provider_whose_place_it_takes(visitor):
    through(visitor, "google")

    assert "prompt" not in query_of(visitor.start("google", intent="reauthenticate")["Location"])
