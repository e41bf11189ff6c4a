"""Asking later, in a real browser without JavaScript: more scope, and a confirmation through the provider."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount
from tests.browser.steps import approve, deny, leave


@pytest.fixture(autouse=True)
def asking(site, settings):
    """A site with pages that want something first, a provider that asks anew, and one that does not."""
    settings.ROOT_URLCONF = "tests.oauth_login.asking.site_with_accounts"
    providers = {"github": {}, "acme": {"ISSUER": "https://sso.acme.example", "LABEL": "Acme"}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers}


def sign_in_long_ago(page, alias="github"):
    page.goto(f"/oauth2/{alias}/authorize/?next=/oauth2/")
    page.locator(f"button[data-provider={alias}]").click()
    approve(page)
    row = Session.objects.get()
    row.session_data = Session.objects.encode(row.get_decoded() | {"oauth_login_proof": [0, False]})
    row.save()


def test_a_page_that_needs_more_asks_for_it_and_shows_itself_then(page, shot):
    leave(page, "/oauth2/")
    approve(page)
    account = LinkedAccount.objects.get()
    assert "repo" not in account.scope.split()
    page.goto("/repositories/?page=2")
    expect(page.get_by_role("heading", level=1)).to_contain_text("GitHub")
    shot(page, "scope-asked")
    page.get_by_role("button", name="GitHub").click()
    shot(page, "scope-consent")
    approve(page)

    expect(page.get_by_text(f"account {account.subject}")).to_be_visible()
    assert page.url.endswith("/repositories/?page=2")
    account.refresh_from_db()
    assert "repo" in account.scope.split()


def test_who_says_no_to_it_is_asked_on_the_page_again_and_can_do_without(page, shot):
    leave(page, "/oauth2/")
    approve(page)
    page.goto("/repositories/")
    page.get_by_role("button", name="GitHub").click()
    deny(page)

    expect(page.get_by_role("status")).to_contain_text("Nothing was changed")
    shot(page, "scope-denied")
    assert "repo" not in LinkedAccount.objects.get().scope.split()
    page.get_by_role("link", name="without").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_who_signed_in_long_ago_confirms_through_the_provider_and_gets_where_they_wanted(page, shot):
    sign_in_long_ago(page)
    page.goto("/confirmed/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
    shot(page, "reauthenticate-github")
    page.get_by_role("button", name="Confirm with GitHub").click()
    approve(page)

    expect(page.get_by_text("confirmed")).to_be_visible()
    page.goto("/confirmed/anew/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
    shot(page, "reauthenticate-no-way")
    expect(page.get_by_role("button", name="Confirm with GitHub")).to_have_count(0)


def test_a_provider_that_asks_anew_and_says_so_is_believed(page, shot):
    sign_in_long_ago(page, "acme")
    page.goto("/confirmed/anew/")
    shot(page, "reauthenticate-acme")
    page.get_by_role("button", name="Confirm with Acme").click()
    approve(page)

    expect(page.get_by_text("confirmed")).to_be_visible()


def test_somebody_else_at_the_provider_confirms_nothing(page, shot):
    sign_in_long_ago(page)
    page.goto("/confirmed/")
    page.get_by_role("button", name="Confirm with GitHub").click()
    approve(page, "hubot")

    expect(page.get_by_text("somebody_else")).to_be_visible()
    shot(page, "reauthenticate-somebody-else")
    page.goto("/confirmed/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
