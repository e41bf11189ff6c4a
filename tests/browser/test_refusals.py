"""What a refusal says: to the visitor, in their language, and in DEBUG to whoever builds the site."""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from playwright.sync_api import expect

from oauth_login.attempts import END
from oauth_login.causes import CAUSES
from oauth_login.sealing import Sealer
from tests.browser.steps import Trail, approve, leave, press

NOW = 1_790_000_040  # the start of a minute


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query))


def leave_in_chinese(page):
    page.goto("/oauth2/login/")
    page.get_by_role("button", name="使用 GitHub 登录").click()


def heading(page):
    return page.get_by_role("heading", level=1)


@pytest.mark.threat("B05")
def test_in_debug_the_page_tells_the_owner_what_is_behind_it_and_nothing_secret(page, settings, shot):
    with time_machine.travel(NOW) as clock:
        leave(page, "/?note=long")
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        trail = Trail(page)
        clock.shift(11 * 60)
        approve(page)
        expect(heading(page)).to_have_text("That took a little too long")

    told = page.locator(".oauth-login-evidence")
    for line in (CAUSES["attempt_expired"].cause, CAUSES["attempt_expired"].cure, "1 of sign-ins, 1 others"):
        expect(told).to_contain_text(line)
    expect(told).to_contain_text(re.compile(r"66\d seconds ago"))
    (name,) = [name for name in cookies if name.startswith("oauth_login_")]
    sealer = Sealer([settings.SECRET_KEY], "attempt")
    written, _, _next = sealer.open_bytes(cookies[name], name.removeprefix("oauth_login_")).partition(END)
    attempt = json.loads(written)
    answer = query_of(trail.callbacks[0])
    for secret in (answer["code"], answer["state"], attempt["code_verifier"], *cookies.values()):
        assert secret not in page.content()

    told.get_by_role("link", name="What each code means").click()
    expect(page).to_have_url(re.compile("/oauth2/codes/#attempt_expired$"))
    expect(page.locator("#attempt_expired")).to_be_in_viewport()
    shot(page, "codes")


def test_who_starts_too_often_is_told_how_long_to_wait_and_then_may_go_on(page, site, settings, shot):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STARTS_PER_MINUTE": 1}
    with time_machine.travel(NOW, tick=False) as clock:
        leave(page)
        clock.shift(15)
        leave(page, "/?note=often")
        expect(heading(page)).to_have_text("Too many sign-ins at once")
        expect(page.get_by_text("Please try again in 45 seconds.")).to_be_visible()
        shot(page, "too-many")

        clock.shift(45)
        press(page)
        approve(page)

        expect(page).to_have_url(f"{site}/?note=often")


@pytest.fixture
def for_visitors(site, settings):
    """Switch over to what visitors see, who know neither DEBUG nor a sandbox."""

    def switch():
        settings.DEBUG = False
        github = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret"}
        settings.OAUTH_LOGIN = {"PROVIDERS": {"github": github}}

    return switch


@pytest.fixture
def reader(window):
    """A browser that asks for Chinese, in dark colours."""
    return window(java_script_enabled=False, locale="zh-CN", color_scheme="dark").tab()


def test_who_reads_chinese_is_told_in_chinese_that_cookies_are_blocked(reader, for_visitors, shot):
    leave_in_chinese(reader)
    state = query_of(reader.url)["state"]
    for_visitors()
    reader.context.clear_cookies()

    reader.goto(f"/oauth2/github/callback/?code=x&state={state}&oauth_login_bounced=1")

    expect(heading(reader)).to_have_text("此浏览器阻止了 Cookie")
    expect(reader.get_by_role("button")).to_have_text("使用 GitHub 登录")
    shot(reader, "cookies-blocked-chinese")


def test_who_reads_chinese_is_told_in_chinese_that_it_took_too_long(reader, for_visitors, shot):
    with time_machine.travel(NOW) as clock:
        leave_in_chinese(reader)
        state = query_of(reader.url)["state"]
        for_visitors()
        clock.shift(11 * 60)

        reader.goto(f"/oauth2/github/callback/?code=x&state={state}")

    expect(heading(reader)).to_have_text("用的时间有点久了")
    expect(reader.get_by_role("button")).to_have_text("使用 GitHub 登录")
    shot(reader, "too-old-chinese")


def test_who_reads_chinese_is_told_in_chinese_how_long_to_wait(reader, settings, shot):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STARTS_PER_MINUTE": 1}
    with time_machine.travel(NOW, tick=False) as clock:
        leave_in_chinese(reader)
        clock.shift(15)
        leave_in_chinese(reader)

    expect(heading(reader)).to_have_text("登录次数过多")
    expect(reader.get_by_text("请在 45 秒后再试。")).to_be_visible()
    shot(reader, "too-many-chinese")


@pytest.mark.threat("F27", "F22")
def test_who_is_not_admitted_reads_the_owners_words_and_goes_another_way(page, settings, shot):
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {"github": {"SCOPE": "read:user user:email read:org"}, "google": {}},
        "SANDBOX": True,
        "SIGN_IN_POLICY": "tests.browser.rule.members",
    }
    leave(page, "/?note=long")
    approve(page, "hubot")

    expect(heading(page)).to_have_text("You cannot sign in here with this account")
    expect(page.get_by_text("Only <members> & friends of Acme. Ask Mona.")).to_be_visible()
    expect(page.get_by_text("policy_refused").first).to_be_visible()
    shot(page, "policy-refused")
    page.get_by_role("button", name="See the ways to sign in").click()
    expect(page).to_have_url(re.compile(r"/oauth2/login/\?next="))
    press(page)
    approve(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_words_of_a_ready_part_are_in_the_visitors_language(window, settings, shot):
    settings.OAUTH_LOGIN |= {"SIGN_IN_POLICY": "tests.browser.rule.closed"}
    page = window(locale="zh-CN").tab()
    leave_in_chinese(page)
    approve(page)

    expect(page.get_by_text("目前不接纳新用户")).to_be_visible()
    shot(page, "sign-up-closed-in-chinese")
