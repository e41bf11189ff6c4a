"""Servers that others wrote, after the sign-in: they ask anew and say when, and are asked for more later."""

import time

import pytest
import time_machine

from oauth_login.models import LinkedAccount, SignIn
from tests.interop.test_sign_in import changed
from tests.oauth_login.asking.conftest import forms_of, query_of


@pytest.fixture(autouse=True)
def pages(settings):
    """The site with pages that ask for something."""
    settings.ROOT_URLCONF = "tests.interop.site"


def test_who_has_an_open_session_there_types_the_password_again_and_it_says_when(visitor, oidc):
    visitor.sign_in(oidc, "acme")
    visitor.sign_in(oidc, "acme")
    assert oidc.person.passwords == 1  # for a sign-in the open session is enough
    [form] = forms_of(visitor.get("/anew/", follow=True))

    answer = visitor.come_back(oidc.approve(visitor.start("acme", **form)["Location"]), "acme")

    assert (answer.status_code, answer["Location"]) == (302, "/anew/")
    assert oidc.person.passwords == 2
    assert visitor.get("/anew/").content == b"shown"
    assert SignIn.objects.latest("pk").outcome == "reauthenticated"


@pytest.mark.threat("E33")
def test_a_session_there_that_is_older_than_the_question_is_no_proof(visitor, oidc):
    visitor.sign_in(oidc, "acme")
    with time_machine.travel(time.time() + 120):
        start = visitor.start("acme", intent="reauthenticate")
        # Somebody in between takes the question out, and the server is content with the session it has.
        weaker = changed(start["Location"], prompt="consent", max_age="3600")
        answer = visitor.come_back(oidc.approve(weaker), "acme")

        assert (answer.status_code, answer.context["code"]) == (502, "id_token_invalid")
        assert oidc.person.passwords == 1
        assert visitor.get("/anew/").status_code == 302


def test_who_says_no_to_it_there_is_back_on_the_page_that_asked(visitor, oidc):
    visitor.sign_in(oidc, "acme")
    start = visitor.start("acme", intent="reauthenticate", next="/anew/")

    answer = visitor.come_back(oidc.refuse(start["Location"]), "acme")

    assert answer["Location"] == "/oauth2/confirm/?next=/anew/"


def test_more_is_granted_later_and_what_was_granted_before_stays(visitor, oidc, site):
    site(oidc, SCOPE="openid profile")
    visitor.sign_in(oidc, "acme")
    account = LinkedAccount.objects.get()
    assert (account.scope, account.email) == ("openid profile", "")
    [form] = forms_of(visitor.get("/mail/", follow=True))
    start = visitor.start("acme", **form)
    assert query_of(start["Location"])["scope"] == "openid profile email"

    answer = visitor.come_back(oidc.approve(start["Location"]), "acme")

    assert answer["Location"] == "/mail/"
    assert visitor.get("/mail/").content == b"shown"
    account = LinkedAccount.objects.get()
    assert (account.scope, account.email) == ("email openid profile", "ada@acme.example")
    assert oidc.person.passwords == 1
