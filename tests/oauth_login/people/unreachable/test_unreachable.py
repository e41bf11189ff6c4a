"""Where users have no address, none is asked for, kept, or in the way."""

import pytest
from django.contrib.auth import get_user_model

from oauth_login.models import LinkedAccount
from tests.guestbook.markup import read

pytestmark = [pytest.mark.threat("L06"), pytest.mark.django_db]


def test_one_address_with_two_identities_is_no_conflict(visitor, new_visitor, github):
    visitor.sign_in(github)
    github.user["id"] += 1
    other = new_visitor()
    other.sign_in(github)

    assert (visitor.user.nick, other.user.nick) == ("octocat", "octocat-2")


def test_a_visitor_without_an_address_is_welcome(visitor, github):
    github.emails = []
    visitor.sign_in(github)

    assert visitor.user.nick == "octocat"


def test_users_whom_the_admin_does_not_know_are_shown_without_a_link(visitor, github):
    visitor.sign_in(github)
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    account = LinkedAccount.objects.get()

    page = read(visitor.get(f"/admin/oauth_login/linkedaccount/{account.pk}/change/"))
    row = page.one("div", class_="form-row field-user_link")
    assert "octocat" in row.text
    assert row.all("a") == []
