"""axe-core finds nothing on any page, in light and dark, in English and Chinese."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from axe_core_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount, Token

PAGES = {
    "guestbook": "/",
    "sign-in": "/oauth2/login/",
    "button": "/oauth2/github/authorize/",
    "refusal": "/oauth2/github/callback/?code=stolen&state=forged",
    "accounts": "/oauth2/",
    "codes": "/oauth2/codes/#state_invalid",
    "admin login": "/admin/login/?next=/admin/",
}
#: By the scheme. Only colours differ in the dark, and these are axe's rules about those.
VIOLATIONS = {"resultTypes": ["violations"]}  # what is right is not listed, too
RULES = {"light": VIOLATIONS, "dark": VIOLATIONS | {"runOnly": ["color-contrast", "link-in-text-block"]}}
NOW = 1_790_000_040  # the start of a minute


@pytest.fixture(params=["en", "zh-hans"])
def language(request):
    return request.param


@pytest.fixture
def tab(window, language):
    # axe injects its own script, which the policy would rightly refuse.
    return window(bypass_csp=True, locale=language).tab()


@pytest.fixture
def look(tab):
    """Look at the page in the tab; at the end no page may have had a violation."""
    violations = {}

    def look_at(name, shows="h1"):
        expect(tab.locator(shows), name).to_have_count(1)
        tab.wait_for_load_state()  # with its colours
        for colours, rules in RULES.items():
            tab.emulate_media(color_scheme=colours)
            violations[f"{name}, {colours}"] = [
                (violation["id"], [node["target"] for node in violation["nodes"]])
                for violation in Axe().run(tab, options=rules)["violations"]
            ]

    yield look_at
    assert {name: found for name, found in violations.items() if found} == {}


def leave(tab):
    """Start a sign-in; return where it would come back to."""
    tab.goto("/oauth2/github/authorize/")
    tab.locator("button.oauth-login-button").click()
    state = parse_qs(urlsplit(tab.url).query).get("state", [""])[0]
    return f"/oauth2/github/callback/?code=x&state={state}"


def test_every_page_is_accessible(tab, look):
    leave(tab)
    look("sandbox")
    tab.locator("button[value=octocat]").click()
    for name, path in PAGES.items():
        tab.goto(path)
        look(name)
    tab.context.clear_cookies(name="sessionid")
    for name in ("sign-in", "admin login"):
        tab.goto(PAGES[name])
        look(f"{name}, remembered", "button[value=select_account]")
    tab.context.clear_cookies()
    for name, path in PAGES.items():
        tab.goto(path)
        look(f"{name}, signed out")


def test_the_mark_on_one_of_several_buttons_is_accessible(tab, look, settings):
    leave(tab)
    tab.locator("button[value=octocat]").click()
    tab.context.clear_cookies(name="sessionid")
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"google": {}, "github": {}}}
    for path in ("/", "/oauth2/login/", "/admin/login/"):
        tab.goto(path)
        look(f"marked at {path}", ".oauth-login-mark")


def test_the_banner_and_the_question_before_unlinking_are_accessible(tab, look):
    leave(tab)
    tab.locator("button[value=octocat]").click()
    account = LinkedAccount.objects.get()
    account.user.linked_accounts.create(provider="github", issuer=account.issuer, subject="2")
    Token.objects.update(state="reauthorize")

    tab.goto("/")
    look("banner", ".oauth-login-banner")
    tab.goto("/oauth2/")
    look("accounts with a button", "li button[data-provider=github]")
    tab.goto(f"/oauth2/accounts/{account.pk}/unlink/")
    look("question")
    tab.locator("button[type=submit]").first.click()
    look("unlinked", "[role=status]")
    account = LinkedAccount.objects.get()
    tab.goto(f"/oauth2/accounts/{account.pk}/unlink/")
    look("only way in", "code >> text=last_way_in")


def test_the_pages_about_several_accounts_are_accessible(tab, look, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PASSWORD_LOGIN_URL": "password"}
    get_user_model().objects.create_user("ada", "octocat@example.com", "correct horse")
    leave(tab)
    tab.locator("button[value=octocat]").click()
    look("taken address", "code >> text=email_taken")
    tab.goto("/password/")
    look("password")
    tab.locator("button.oauth-login-button").click()
    tab.locator("input[name=username]").fill("ada")
    tab.locator("input[name=password]").fill("wrong")
    tab.locator("button.oauth-login-button").click()
    look("wrong password", "[role=alert]")
    tab.locator("input[name=password]").fill("correct horse")
    tab.locator("button.oauth-login-button").click()
    for name in ("github/link/", "confirm/"):
        tab.goto(f"/oauth2/{name}")
        look(name)
    tab.locator("input[name=password]").fill("wrong")
    tab.locator("button.oauth-login-button").first.click()
    look("not confirmed", "[role=alert]")


def test_every_page_of_a_sign_in_that_went_wrong_is_accessible(tab, look, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STARTS_PER_MINUTE": 3}
    with time_machine.travel(NOW) as clock:
        leave(tab)
        tab.locator("button[value=deny]").click()
        look("denied", "[role=status]")
        callback = leave(tab)
        clock.shift(11 * 60)
        tab.goto(callback)
        look("too old", "code >> text=attempt_expired")

        callback = leave(tab)
        tab.context.clear_cookies()
        tab.goto(f"{callback}&oauth_login_bounced=1")
        look("cookies blocked", "code >> text=cookies_blocked")
        tab.route(re.compile("oauth_login_bounced"), lambda route: route.abort("aborted"))
        tab.context.clear_cookies()
        tab.goto(callback)
        look("bounce", "meta[http-equiv=refresh]")

        for _ in range(3):
            leave(tab)
        look("too many", "code >> text=too_many_requests")
