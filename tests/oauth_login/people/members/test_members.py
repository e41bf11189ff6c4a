"""The documentation's example: columns and a row of the site's own, and a page that asks for the rest."""

import pytest
from django.db.models.signals import pre_save

from tests.guestbook.markup import read
from tests.oauth_login.people.members.models import Card, Member

pytestmark = [pytest.mark.threat("L06"), pytest.mark.django_db]

COMPLETE = "/members/complete/"


def test_names_and_addresses_are_written_in_lower_case(visitor, new_visitor, github):
    github.user["login"], github.emails[0]["email"] = "OctoCat", "OctoCat@Example.com"
    visitor.sign_in(github)
    github.user |= {"id": 7, "login": "OCTOCAT"}
    github.emails = []
    other = new_visitor()
    other.sign_in(github)

    assert (visitor.user.username, visitor.user.email) == ("octocat", "octocat@example.com")
    assert (other.user.username, other.user.email) == ("octocat-2", "")


@pytest.mark.threat("F13")
def test_a_name_that_is_reserved_stays_so_in_lower_case(visitor, github):
    github.user["login"] = "Admin"
    visitor.sign_in(github)

    assert visitor.user.username.startswith("admin-")


def test_a_member_comes_with_their_own_columns_and_row(visitor, github):
    visitor.sign_in(github)

    member = visitor.user
    assert member.home_page == "https://github.com/octocat"
    assert (member.card.greeting, member.card.login_there) == ("I am octocat", "octocat")


def test_if_the_row_cannot_be_written_nothing_is(new_visitor, github, refused):
    def fail(**_kwargs):
        raise RuntimeError("a mistake of the site's own")

    visitor = new_visitor(raise_request_exception=False)
    pre_save.connect(fail, Card)
    try:
        answer = visitor.sign_in(github)
    finally:
        pre_save.disconnect(fail, Card)

    refused(visitor, answer, 503, token_requests=1, sign_ins=1)
    assert not Member.objects.exists()
    visitor.sign_in(github)
    assert visitor.user.card.login_there == "octocat"


def test_what_the_provider_shows_is_brought_up_to_date_and_the_rest_is_not(visitor, github):
    visitor.sign_in(github)
    Card.objects.update(greeting="Hello!")
    github.user["login"] = "monalisa"
    visitor.sign_in(github)

    card = Card.objects.get()
    assert (card.greeting, card.login_there) == ("Hello!", "monalisa")
    assert card.member.username == "octocat"
    assert str(card) == "Hello!"


def test_what_is_missing_is_asked_for_once_and_leads_on(visitor, github):
    arrived = visitor.sign_in(github, next="/where/?a=1#top")
    assert arrived["Location"] == f"{COMPLETE}?next=/where/%3Fa%3D1%23top"

    page = read(visitor.get(arrived["Location"]))
    next_page = page.one("input", name="next")["value"]
    assert visitor.post(COMPLETE, {"city": "", "next": next_page}).status_code == 200
    sent_on = visitor.post(COMPLETE, {"city": "Hangzhou", "next": next_page})

    assert sent_on["Location"] == "/where/?a=1#top"
    assert visitor.user.city == "Hangzhou"
    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"


@pytest.mark.threat("C05")
def test_the_page_sends_nobody_to_another_site(visitor, github):
    visitor.sign_in(github)

    answer = visitor.post(COMPLETE, {"city": "Hangzhou", "next": "//evil.example/"})

    assert answer["Location"] == "/"


def test_only_who_has_signed_in_is_asked(visitor):
    assert visitor.get(COMPLETE)["Location"] == f"/oauth2/login/?next={COMPLETE}"
