"""A company's own server, which others wrote, told to the site in four lines: the story in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount

pytestmark = pytest.mark.interop


@pytest.fixture
def company(site, settings, oidc_provider):
    """The server, which knows the site by its address."""
    client = oidc_provider.register(
        client_name="Guestbook",
        redirect_uris=[f"{site}/oauth2/acme/callback/"],
        post_logout_redirect_uris=[f"{site}/"],
    )
    acme = {
        "ISSUER": oidc_provider.issuer,
        "CLIENT_ID": client["client_id"],
        "CLIENT_SECRET": client["client_secret"],
        "LABEL": "Acme",
    }
    settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": acme}}
    settings.FORM_ACTION_ORIGINS = [oidc_provider.issuer]
    return oidc_provider


@pytest.mark.usefixtures("company")
def test_a_visitor_signs_in_with_the_companys_account_and_leaves_a_note(page, shot):
    page.goto("/")
    page.get_by_role("button", name="Sign in with Acme").first.click()
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password").fill("right")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Guestbook wants to know who you are.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()

    expect(page).to_have_url(re.compile("/\\#write$"))
    page.get_by_role("textbox").fill("Hello from Acme")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_text("Hello from Acme")).to_be_visible()
    page.goto("/oauth2/")
    expect(page.get_by_text("grace@acme.example")).to_be_visible()
    shot(page, "company-accounts")


def test_who_is_signed_in_there_presses_one_button(page, company):
    page.goto("/oauth2/acme/authorize/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password").fill("right")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Sign out").first.click()

    page.get_by_role("button", name="Sign in with Acme").first.click()

    expect(page.get_by_role("button", name="Sign out").first).to_be_visible()
    assert LinkedAccount.objects.get().issuer == company.issuer


def test_an_answer_by_form_and_a_sign_out_at_both_ends(window, company, settings):
    acme = settings.OAUTH_LOGIN["PROVIDERS"]["acme"]
    settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": acme | {"RESPONSE_MODE": "form_post", "SIGN_OUT": True}}}
    page = window().tab()  # with JavaScript: the server's form sends itself
    for _ in range(2):
        page.goto("/oauth2/login/")
        page.get_by_role("button", name="Sign in with Acme").click()
        page.get_by_label("Name").fill("grace")
        page.get_by_label("Password").fill("right")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("button", name="Sign out").first).to_be_visible()

        page.get_by_role("button", name="Sign out").first.click()
        expect(page).to_have_url(re.compile(f"^{company.issuer}/"))
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in with Acme").first).to_be_visible()


@pytest.mark.usefixtures("company")
def test_who_says_no_to_the_company_is_told_calmly(page):
    page.goto("/")
    page.get_by_role("button", name="Sign in with Acme").first.click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("status")).to_contain_text("You did not sign in")
