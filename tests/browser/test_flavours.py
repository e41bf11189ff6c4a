"""Four ways to sign in that nobody has registered, in a real browser."""

import pytest
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount
from tests.browser.steps import approve

LABELS = {"github": "GitHub", "google": "Google", "weibo": "微博", "qq": "QQ"}
#: Two of them tell an address, and one address is one user's.
PERSONAS = {"github": "octocat", "google": "hubot", "weibo": "octocat", "qq": "octocat"}


@pytest.fixture(autouse=True)
def four(site, settings):
    """The demo with ``OAUTH_SANDBOX_PROVIDERS=github,google,weibo,qq``."""
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {alias: {} for alias in LABELS}}


def test_a_visitor_tries_each_of_four_ways_to_sign_in(page, shot):
    page.goto("/oauth2/login/")
    shot(page, "flavours-sign-in")
    for alias, label in LABELS.items():
        page.goto("/oauth2/login/")
        page.get_by_role("button", name=f"Sign in with {label}").click()
        expect(page.get_by_text(f"this is not {label}.")).to_be_visible()
        shot(page, f"flavours-{alias}")
        approve(page, PERSONAS[alias])
        expect(page.get_by_role("button", name="Sign out").first).to_be_visible()
        page.goto("/oauth2/")
        expect(page.get_by_text(label).first).to_be_visible()
        shot(page, f"flavours-{alias}-account")
        page.get_by_role("button", name="Sign out").click()

    assert {account.provider for account in LinkedAccount.objects.all()} == set(LABELS)
