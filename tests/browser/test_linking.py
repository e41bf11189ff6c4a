"""Several accounts of one person, in a real browser without JavaScript: link, unlink, and a taken address."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount
from tests.browser.steps import approve, press

ADDRESS, PASSWORD = "octocat@example.com", "correct horse battery"


@pytest.fixture
def ada(site, settings):
    """Somebody who has always signed in with a password, on a site that has a page for that."""
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": "password"}
    return get_user_model().objects.create_user("ada", ADDRESS, PASSWORD)


def type_password(page):
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_visitor_links_a_second_account_and_unlinks_the_first_but_not_the_last(page, shot):
    page.goto("/oauth2/login/")
    press(page)
    approve(page)
    page.goto("/oauth2/")
    shot(page, "link-accounts")
    page.get_by_role("button", name="Link GitHub").click()
    approve(page, "hubot")

    expect(page.get_by_text("hubot is linked: from now on you can sign in with GitHub, too.")).to_be_visible()
    shot(page, "link-done")
    page.get_by_role("link", name="Unlink").first.click()
    shot(page, "unlink-question")
    page.get_by_role("button", name="Unlink").click()
    expect(page.get_by_role("status")).to_contain_text("is unlinked")
    shot(page, "unlink-done")
    last = LinkedAccount.objects.get()
    page.goto(f"/oauth2/accounts/{last.pk}/unlink/")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is your only way in")
    shot(page, "unlink-last")


def test_whose_address_is_taken_types_the_password_and_has_both(page, shot, ada):
    page.goto("/")
    press(page)
    approve(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("You already have an account here")
    shot(page, "guided")
    page.get_by_role("button", name="Sign in with your password").click()
    shot(page, "guided-password")
    type_password(page)

    expect(
        page.get_by_text("octocat is linked: from now on you can sign in with GitHub, too.")
    ).to_be_visible()
    expect(page).to_have_url(re.compile(r"/(#write)?$"))
    shot(page, "guided-done")
    assert LinkedAccount.objects.get().user == ada


def test_or_signs_in_with_the_account_that_they_have(page, shot, ada):
    page.goto("/password/")
    type_password(page)
    page.goto("/oauth2/github/link/")
    shot(page, "link")
    page.get_by_role("button", name="Link GitHub").click()
    approve(page, "hubot")
    page.get_by_role("button", name="Sign out").click()

    page.goto("/oauth2/login/")
    press(page)
    approve(page)
    shot(page, "guided-two-ways")
    press(page)
    approve(page, "hubot")

    expect(
        page.get_by_text("octocat is linked: from now on you can sign in with GitHub, too.")
    ).to_be_visible()
    assert [account.user for account in LinkedAccount.objects.all()] == [ada, ada]


def test_or_starts_anew_if_the_account_is_somebody_elses(page, ada):
    page.goto("/")
    press(page)
    approve(page)
    page.get_by_role("button", name="Start anew with GitHub").click()
    approve(page)

    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    account = LinkedAccount.objects.get()
    assert account.user != ada
    assert get_user_model().objects.get(pk=account.user_id).email == ""


def test_who_signed_in_long_ago_confirms_first_that_it_is_them(page, shot, ada):
    page.goto("/password/")
    type_password(page)
    row = Session.objects.get()
    row.session_data = Session.objects.encode(row.get_decoded() | {"oauth_login_proof": [0, True]})
    row.save()
    page.goto("/oauth2/")
    page.get_by_role("button", name="Link GitHub").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
    shot(page, "confirm")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Confirm with the password").click()
    expect(page.get_by_role("alert")).to_have_text("That is not your password.")
    shot(page, "confirm-wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm with the password").click()

    page.get_by_role("button", name="Link GitHub").click()
    approve(page, "hubot")
    assert LinkedAccount.objects.get().user == ada
