"""The story in a real browser, without JavaScript: read, sign in, write, see it, sign out."""

import re

from playwright.sync_api import expect

from tests.browser.steps import approve, press


def sign_in(page):
    """Press the button, and pick who to be on the sandbox's page."""
    press(page)
    approve(page)


def test_a_visitor_signs_in_and_leaves_a_note(page, shot):
    page.goto("/")
    shot(page, "guestbook-signed-out")
    page.get_by_role("button", name="Sign in with GitHub").first.click()
    expect(page.get_by_text("Sandbox", exact=True)).to_be_visible()
    shot(page, "sandbox")
    page.get_by_role("button", name="octocat").click()

    expect(page).to_have_url(re.compile("/\\#write$"))
    page.get_by_role("textbox").fill("朕已阅\nhttps://example.com/")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_text("朕已阅")).to_be_visible()
    expect(page.get_by_role("link", name="https://example.com/")).to_be_visible()
    shot(page, "guestbook-signed-in")

    page.goto("/oauth2/")
    expect(page.get_by_text("octocat@example.com")).to_be_visible()
    shot(page, "accounts")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in with GitHub").first).to_be_visible()


def test_a_callback_that_nobody_asked_for_ends_on_a_page_with_one_button(page, shot):
    page.goto("/oauth2/github/callback/?code=stolen&state=forged")
    expect(page.get_by_role("heading", level=1)).to_have_text("Signing in did not work")
    shot(page, "refusal")
    sign_in(page)
    expect(page.get_by_text("octocat").first).to_be_visible()


def test_a_strict_session_cookie_is_no_obstacle(page, settings):
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    page.goto("/")
    sign_in(page)
    expect(page).to_have_url(re.compile("/\\#write$"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_keyboard_is_enough(page):
    page.goto("/oauth2/login/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Who do you want to be?")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_owner_sees_the_note_and_the_account_in_the_admin(page, owner, window, shot):
    page.goto("/")
    sign_in(page)
    page.get_by_role("textbox").fill("Hello, owner")
    page.get_by_role("button", name="Leave").click()

    admin = window().tab()
    admin.goto("/admin/")
    admin.get_by_label("Username").fill("owner")
    admin.get_by_label("Password").fill("owner-password")
    admin.get_by_role("button", name="Log in").click()
    admin.goto("/admin/guestbook/entry/")
    expect(admin.get_by_text("Hello, owner")).to_be_visible()
    admin.goto("/admin/oauth_login/linkedaccount/")
    expect(admin.get_by_role("link", name="octocat").first).to_be_visible()
    shot(admin, "admin-linked-accounts")
