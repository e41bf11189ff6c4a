"""The sign-in page that remembers, and the admin's with its buttons; in a real browser, by keyboard, too."""

import re

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from tests.browser.steps import approve, leave, press


@pytest.fixture
def several(settings, site):
    """A site with three providers, all of the sandbox; GitHub is the second."""
    providers = ("google", "github", "weibo")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {name: {} for name in providers}}


def sign_out(page):
    page.goto("/oauth2/")
    page.get_by_role("button", name="Sign out").click()


def test_the_button_that_was_used_says_so_after_signing_out(page, several, shot):
    page.goto("/oauth2/login/")
    shot(page, "sign-in-several")
    leave(page)
    approve(page)
    sign_out(page)

    page.goto("/oauth2/login/")
    expect(page.get_by_role("button", name=re.compile("^Sign in with"))).to_have_text(
        ["Sign in with Google", "Sign in with GitHub used last time", "Sign in with 微博"]
    )
    shot(page, "sign-in-remembered")
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in with GitHub used last time")).to_be_visible()
    shot(page, "guestbook-remembered")


def test_another_account_is_asked_for_there(page, several):
    leave(page)
    approve(page)
    sign_out(page)

    page.goto("/oauth2/login/")
    page.get_by_role("button", name="Use another GitHub account").click()

    expect(page).to_have_url(re.compile(r"[?&]prompt=select_account(&|$)"))
    approve(page, "hubot")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert get_user_model().objects.count() == 2


def test_with_one_provider_there_is_one_button(page, shot):
    page.goto("/oauth2/login/")

    expect(page.get_by_role("button")).to_have_text(["Sign in with GitHub"])
    expect(page.get_by_text("Use your GitHub account.")).to_be_visible()
    shot(page, "sign-in-single")


# --- The admin ------------------------------------------------------------------------------------------


@pytest.fixture
def member(page):
    """A user of the site, signed out again, in the browser that they used."""
    leave(page)
    approve(page)
    user = get_user_model().objects.get()
    sign_out(page)
    return user


def make_staff(user):
    get_user_model().objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)


def test_staff_sign_in_to_the_page_of_the_admin_that_they_wanted(page, member, shot):
    make_staff(member)
    page.goto("/admin/guestbook/entry/")
    shot(page, "admin-login")
    press(page)
    approve(page)

    expect(page).to_have_url(re.compile("/admin/guestbook/entry/$"))
    expect(page.get_by_role("heading", name="Select entry to change")).to_be_visible()


def test_the_keyboard_is_enough_for_the_admin(page, member):
    make_staff(member)
    page.goto("/admin/")
    expect(page.get_by_label("Username")).to_be_focused()
    for _ in ("password", "log in", "GitHub"):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign in with GitHub")).to_be_focused()
    page.keyboard.press("Enter")
    approve(page)
    expect(page).to_have_url(re.compile("/admin/$"))


def test_who_is_not_staff_reads_djangos_own_words_and_can_sign_out(page, member, shot):
    page.goto("/admin/")
    press(page)
    approve(page)

    expect(page.get_by_text("You are authenticated as octocat, but are not authorized")).to_be_visible()
    shot(page, "admin-login-not-staff")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/admin/login/"))
    page.get_by_role("button", name="Use another GitHub account").click()
    expect(page.get_by_role("heading", name="Who do you want to be?")).to_be_visible()


def test_a_stranger_is_not_signed_up_by_the_admin(page, shot):
    page.goto("/admin/")
    press(page)
    approve(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody here has this account")
    shot(page, "admin-login-stranger")
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_buttons_follow_the_theme_that_the_admin_is_switched_to(window, shot, theme, system):
    tab = window(color_scheme=system).tab()
    tab.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    tab.goto("/admin/login/")

    ours, djangos, form = (
        tab.locator(element).evaluate("element => getComputedStyle(element).backgroundColor")
        for element in ("button.oauth-login-button", "input[type=submit]", "#container")
    )
    assert ours == djangos
    assert form == ("rgb(255, 255, 255)" if theme == "light" else "rgb(18, 18, 18)")
    shot(tab, f"admin-login-{theme}-on-{system}")
