"""The visitor says no: calmly back to the sign-in page, with what they wanted kept, and no way around it."""

import html
import logging
import re

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import SignIn

TOLD = "You did not sign in. Nothing was changed."


@pytest.mark.threat("A23", "I12")
def test_a_visitor_who_says_no_is_back_at_the_sign_in_page_and_told_once(visitor, github, rows):
    answer = visitor.come_back(github.deny(visitor.start(next="/where/")["Location"]))

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?next=/where/&denied=1")
    assert github.token_requests == []
    assert visitor.user is None
    assert rows() == (0, 0, 0)
    assert SignIn.objects.get().outcome == "access_denied"
    page = visitor.get(answer["Location"]).content.decode()
    assert TOLD in page
    assert '<input type="hidden" name="next" value="/where/">' in page
    assert TOLD not in visitor.get(answer["Location"]).content.decode()


def test_a_visitor_who_changes_their_mind_still_gets_where_they_wanted(visitor, github):
    answer = visitor.come_back(github.deny(visitor.start(next="/where/")["Location"]))
    page = visitor.get(answer["Location"]).content.decode()
    next_page = re.search(r'name="next" value="([^"]*)"', page)
    assert next_page

    assert visitor.sign_in(github, next=next_page[1])["Location"] == "/where/"


@pytest.mark.threat("I12")
def test_a_denial_is_used_once(visitor, github, refused):
    query = github.deny(visitor.start()["Location"])
    cookies = visitor.attempt_cookies()
    visitor.come_back(query)

    for kept in (False, True):  # as browsers do, and as somebody who kept the cookie
        visitor.cookies.load(cookies if kept else {})
        refused(visitor, visitor.come_back(query), sign_ins=1)


@pytest.mark.threat("A23", "I12")
def test_after_a_denial_the_attempt_takes_no_code_either(visitor, github, refused):
    location = visitor.start()["Location"]
    cookies = visitor.attempt_cookies()
    visitor.come_back(github.deny(location))
    visitor.cookies.load(cookies)

    refused(visitor, visitor.come_back(github.approve(location)), sign_ins=1)


@pytest.mark.threat("A23")
@pytest.mark.parametrize("state", [None, "", "forged"])
@pytest.mark.parametrize("started", [False, True])
def test_a_denial_that_anybody_could_have_made_up_is_invalid(visitor, github, refused, state, started):
    kept = github.approve(visitor.start()["Location"]) if started else None
    query = {"error": "access_denied"} | ({} if state is None else {"state": state})

    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert TOLD not in answer.content.decode()
    if kept:
        assert visitor.come_back(kept).status_code == 302


@pytest.mark.threat("A23")
def test_another_servers_denial_cancels_nothing(visitor, github, refused):
    location = visitor.start()["Location"]

    answer = visitor.come_back(github.deny(location) | {"iss": "https://evil.example"})

    refused(visitor, answer)
    assert answer.context["code"] == "issuer_mismatch"
    assert visitor.come_back(github.approve(location)).status_code == 302


@pytest.mark.threat("I12")
def test_whoever_is_signed_in_stays_so(visitor, github):
    visitor.sign_in(github)
    user = visitor.user

    answer = visitor.come_back(github.deny(visitor.start()["Location"]))

    assert answer["Location"] == "/oauth2/login/?denied=1"
    assert visitor.user == user
    assert get_user_model().objects.count() == 1


@pytest.mark.threat("C21")
def test_an_odd_next_is_escaped_on_the_page_and_works_from_there(visitor, github):
    odd = "/p?x=\"><script>alert(1)</script>&y='"

    answer = visitor.come_back(github.deny(visitor.start(next=odd)["Location"]))
    page = visitor.get(answer["Location"]).content.decode()

    assert "<script" not in page
    (kept,) = re.findall(r'name="next" value="([^"]*)"', page)
    retried = visitor.sign_in(github, next=html.unescape(kept))
    assert retried["Location"] == "/p?x=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&y='"


@pytest.mark.threat("C21")
def test_the_longest_next_survives_a_denial(visitor, github):
    longest = "/" + "%E7%95%99" * 222

    answer = visitor.come_back(github.deny(visitor.start(next=longest)["Location"]))

    assert answer.status_code == 302
    assert longest in visitor.get(answer["Location"]).content.decode()


@pytest.mark.threat("I05", "I06")
def test_the_providers_words_are_in_the_log_and_nowhere_else(visitor, github, caplog):
    query = github.deny(visitor.start()["Location"]) | {
        "error_description": "Call 555-0100 now " + "x" * 5000,
        "error_uri": "https://evil.example/help",
    }

    with caplog.at_level(logging.INFO, logger="oauth_login"):
        answer = visitor.come_back(query)
    page = visitor.get(answer["Location"]).content.decode()

    assert "555-0100" not in page
    assert "evil.example" not in page + answer["Location"] + caplog.text
    (line,) = [record for record in caplog.records if record.name == "oauth_login"]
    assert line.levelno == logging.INFO  # nobody did anything wrong
    assert "code=access_denied" in line.getMessage()
    assert line.getMessage().count("555-0100") == 1
    assert len(line.getMessage()) < 400


def test_without_messages_a_denial_still_leads_to_the_sign_in_page(visitor, github, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "messages" not in name]

    answer = visitor.come_back(github.deny(visitor.start()["Location"]))

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert visitor.get(answer["Location"]).status_code == 200
