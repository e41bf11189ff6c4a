"""Whatever happens between leaving and coming back, the visitor ends where they wanted to."""

import re

import pytest
import time_machine
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount, SignIn
from tests.browser.steps import Trail, approve, deny, leave, press

NOW = 1_790_000_040
SUPPORT_ID = re.compile(r"Support ID: [2-9A-Z]{4}-[2-9A-Z]{4}")


@pytest.fixture
def visitor(window):
    """A browser without JavaScript."""
    return window(java_script_enabled=False)


def outcomes():
    return sorted(SignIn.objects.values_list("outcome", flat=True))


# --- Tabs -----------------------------------------------------------------------------------------------


@pytest.mark.threat("A11")
@pytest.mark.parametrize(
    "steps",
    [
        ["leave 1", "return 1", "leave 2", "return 2"],
        ["leave 1", "leave 2", "return 1", "return 2"],
        ["leave 1", "leave 2", "return 2", "return 1"],
        ["leave 1", "leave 2", "leave 3", "return 2", "return 3", "return 1"],
    ],
    ids=", ".join,
)
def test_tabs_finish_in_any_order_each_where_it_wanted_to(visitor, site, steps):
    tabs = {number: visitor.tab() for number in "123"}
    for step in steps:
        action, number = step.split()
        if action == "leave":
            leave(tabs[number], f"/?tab={number}")
        else:
            approve(tabs[number])
            expect(tabs[number]).to_have_url(f"{site}/?tab={number}")
            expect(tabs[number].get_by_role("button", name="Sign out")).to_be_visible()

    assert LinkedAccount.objects.count() == 1
    assert outcomes() == ["signed_in"] * len([step for step in steps if "return" in step])


@pytest.mark.threat("A11", "I12")
@pytest.mark.parametrize("first", [approve, deny], ids=["approved first", "denied first"])
def test_a_no_in_one_tab_takes_nothing_from_the_yes_in_the_other(visitor, site, first):
    yes, no = visitor.tab(), visitor.tab()
    leave(yes, "/?tab=yes")
    leave(no, "/?tab=no")
    answers = [(yes, approve), (no, deny)]
    for tab, answer in answers if first is approve else reversed(answers):
        answer(tab)
        tab.wait_for_url(re.compile(r"/\?tab=yes$|/login/"))

    expect(yes).to_have_url(f"{site}/?tab=yes")
    expect(no.get_by_role("status")).to_contain_text(SUPPORT_ID)
    yes.goto("/oauth2/")
    expect(yes.get_by_text("octocat@example.com")).to_be_visible()
    assert outcomes() == ["access_denied", "signed_in"]


def test_a_button_that_another_tab_made_stale_works_when_pressed_again(visitor, site, shot):
    first, second = visitor.tab(), visitor.tab()
    second.goto("/oauth2/github/authorize/?next=/?tab=second")
    leave(first, "/?tab=first")
    approve(first)
    expect(first).to_have_url(f"{site}/?tab=first")

    press(second)
    expect(second.get_by_role("heading", level=1)).to_have_text("This page was out of date")
    shot(second, "form-stale")
    press(second)
    approve(second)

    expect(second).to_have_url(f"{site}/?tab=second")


def test_another_identity_in_the_second_tab_replaces_nobody(visitor, site, shot):
    first, second = visitor.tab(), visitor.tab()
    leave(first, "/?tab=first")
    leave(second, "/?tab=second")
    approve(first)
    expect(first).to_have_url(f"{site}/?tab=first")

    approve(second, "hubot")

    expect(second.get_by_role("heading", level=1)).to_have_text("You are already signed in as somebody else")
    shot(second, "already-signed-in")
    second.get_by_role("link", name="Go on without this sign-in").click()
    expect(second).to_have_url(f"{site}/?tab=second")
    assert LinkedAccount.objects.count() == 1


def test_who_steps_back_before_saying_yes_can_press_again(visitor, site):
    page = visitor.tab()
    leave(page, "/?tab=same")
    page.wait_for_load_state()  # or there is nothing yet to step back from
    page.go_back()
    press(page)
    approve(page)

    expect(page).to_have_url(f"{site}/?tab=same")
    assert outcomes() == ["signed_in"]


@pytest.mark.threat("A04", "I13")
def test_who_steps_back_afterwards_and_says_yes_again_is_told_that_once_was_enough(visitor, site, shot):
    page = visitor.tab()
    trail = Trail(page)
    leave(page, "/?tab=same")
    approve(page)
    expect(page).to_have_url(f"{site}/?tab=same")

    page.go_back()
    approve(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in was already used")
    shot(page, "already-used")
    assert len(trail.callbacks) == 2
    page.get_by_role("link", name="Go on without this sign-in").click()
    expect(page).to_have_url(f"{site}/?tab=same")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert outcomes() == ["signed_in"]


# --- Again ----------------------------------------------------------------------------------------------


@pytest.mark.threat("A04", "I13")
def test_a_callback_that_is_opened_again_goes_on_calmly(visitor, site):
    page = visitor.tab()
    trail = Trail(page)
    leave(page, "/?tab=same")
    approve(page)
    expect(page).to_have_url(f"{site}/?tab=same")

    for again in (page, visitor.tab()):
        again.goto(trail.callbacks[0])
        expect(again).to_have_url(f"{site}/?tab=same")

    # A second token request would have been refused: the sandbox redeems a code once.
    assert outcomes() == ["signed_in"]


def test_back_and_forward_end_where_the_visitor_was(visitor, site):
    page = visitor.tab()
    trail = Trail(page)
    leave(page, "/?tab=same")
    approve(page)
    expect(page).to_have_url(f"{site}/?tab=same")

    page.go_back()
    page.go_forward()
    page.reload()

    expect(page).to_have_url(f"{site}/?tab=same")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert len(trail.callbacks) == 1
    assert outcomes() == ["signed_in"]


# --- Late -----------------------------------------------------------------------------------------------


@pytest.mark.threat("A07")
def test_who_takes_too_long_is_told_and_one_button_brings_them_where_they_wanted_to(visitor, site, shot):
    page = visitor.tab()
    with time_machine.travel(NOW) as clock:
        leave(page, "/?note=long")
        clock.shift(11 * 60)
        approve(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("That took a little too long")
        shot(page, "too-old")
        assert SignIn.objects.count() == 0
        expect(page.get_by_role("button")).to_have_count(1)

        press(page)
        approve(page)

        expect(page).to_have_url(f"{site}/?note=long")
    assert outcomes() == ["signed_in"]


def test_a_key_that_is_rotated_meanwhile_costs_nobody_their_sign_in(visitor, site, settings):
    page = visitor.tab()
    leave(page, "/?key=new")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the-key-that-comes-after-it-and-that-only-the-tests-know-0123456789"

    approve(page)

    expect(page).to_have_url(f"{site}/?key=new")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


# --- No -------------------------------------------------------------------------------------------------


@pytest.mark.threat("I12")
def test_who_says_no_is_told_calmly_and_the_second_try_works(visitor, site, shot):
    page = visitor.tab()
    leave(page, "/?mind=changed")
    deny(page)
    expect(page.get_by_role("status")).to_contain_text("You did not sign in. Nothing was changed.")
    expect(page.get_by_role("status")).to_contain_text(SUPPORT_ID)
    shot(page, "denied")

    press(page)
    approve(page)

    expect(page).to_have_url(f"{site}/?mind=changed")
    assert outcomes() == ["access_denied", "signed_in"]


@pytest.mark.threat("I12")
def test_who_is_signed_in_and_says_no_stays_signed_in(visitor, site, shot):
    page = visitor.tab()
    leave(page)
    approve(page)
    expect(page).to_have_url(f"{site}/")

    leave(page, "/?mind=changed")
    deny(page)
    expect(page.get_by_role("status")).to_contain_text(SUPPORT_ID)
    expect(page.get_by_text("You are signed in as")).to_be_visible()
    shot(page, "denied-signed-in")
    page.get_by_role("link", name="Go on").click()

    expect(page).to_have_url(f"{site}/?mind=changed")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
