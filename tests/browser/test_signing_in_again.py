"""A token that is of no use any more is a calm banner with one button, and then it is gone."""

import re

from playwright.sync_api import expect

from oauth_login.models import LinkedAccount, Token
from tests.browser.steps import approve, press


def test_a_visitor_is_asked_to_sign_in_again_does_and_is_not_asked_any_more(page, shot):
    page.goto("/")
    press(page)
    approve(page)
    banner = page.locator(".oauth-login-banner")
    expect(banner).to_have_count(0)
    Token.objects.update(state="reauthorize", access_token="", refresh_token="")

    page.goto("/?page=1")
    expect(banner).to_have_attribute("role", "status")
    expect(banner).to_contain_text("This site cannot reach GitHub for octocat any more.")
    shot(page, "banner")
    again = banner.get_by_role("button", name="Sign in with GitHub again")
    again.focus()
    page.keyboard.press("Enter")
    approve(page)

    expect(page).to_have_url(re.compile(r"/\?page=1$"))
    expect(banner).to_have_count(0)
    assert Token.objects.get().state == "active"


def test_a_visitor_unlinks_an_account_after_a_question(page, shot, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": "password"}
    page.goto("/")
    press(page)
    approve(page)
    account = LinkedAccount.objects.get()
    account.user.set_password("another way in")
    account.user.save()
    page.goto("/oauth2/")
    shot(page, "accounts-with-access")

    # Another password has ended the session.
    page.goto("/")
    press(page)
    approve(page)
    page.goto("/oauth2/")
    page.get_by_role("link", name="Unlink octocat").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Unlink octocat?")
    shot(page, "unlink")
    page.get_by_role("button", name="Unlink").click()

    expect(page.get_by_text("octocat is unlinked, and GitHub has withdrawn")).to_be_visible()
    expect(page.get_by_text("No account is linked.")).to_be_visible()
    assert not LinkedAccount.objects.exists()
