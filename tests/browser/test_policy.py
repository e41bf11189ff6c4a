"""The whole sign-in works under a strict Content-Security-Policy, through a provider on an origin of its own.

Browsers hold a form to ``form-action`` over every redirect that follows, so the provider here does what
those do who know the visitor already: it asks nothing, and sends them straight back.
"""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import expect

from oauth_login.models import LinkedAccount
from tests.browser.steps import Trail, press
from tests.oauth_login.http_server import Server, reply

FORBIDDEN = re.compile("script|unsafe|[*]|data:|connect|frame-src|object")


def send_back(request):
    """Answer an authorization request with a code at once."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
    back = f"{query['redirect_uri']}?code=a-code&state={quote(query['state'])}"
    yield from reply(b"", 302, Location=back)


@pytest.fixture
def provider(site, settings):
    """A provider on another origin than the site's, which is configured to use it."""
    with Server() as server:
        server.answers = {
            "/login/oauth/authorize": send_back,
            "/login/oauth/access_token": reply({"access_token": "gho_x", "token_type": "bearer"}),
            "/api/v3/user": reply({"login": "octocat", "id": 583231, "type": "User"}),
            "/api/v3/user/emails": reply([]),
        }
        credentials = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret"}
        settings.OAUTH_LOGIN = {
            "PROVIDERS": {"github": {**credentials, "LABEL": "GitHub", "BASE_URL": server.url}}
        }
        settings.FORM_ACTION_ORIGINS = [server.url]
        yield server


@pytest.fixture
def visitor(window):
    return window(java_script_enabled=False)


def policies(tab):
    """Collect the policy of every page that *tab* shows from now on, by path."""
    collected = {}

    def collect(response):
        if response.request.is_navigation_request() and response.ok | (response.status >= 400):
            collected[urlsplit(response.url).path] = response.headers.get("content-security-policy", "")

    tab.on("response", collect)
    return collected


def directives(policy):
    return {name: sources for name, _, sources in (part.strip().partition(" ") for part in policy.split(";"))}


@pytest.mark.threat("I09")
def test_every_page_of_a_sign_in_has_a_strict_policy_that_lets_it_happen(visitor, site, provider):
    page = visitor.tab()
    seen = policies(page)

    page.goto("/")
    press(page)  # the guestbook's own button, straight to the provider and back
    expect(page).to_have_url(re.compile("/#write$"))
    page.goto("/oauth2/")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/oauth2/login/")
    page.goto("/oauth2/github/callback/?code=stolen&state=forged")
    press(page)  # the refusal's
    expect(page).to_have_url(f"{site}/")
    page.goto("/oauth2/github/authorize/")
    press(page)
    expect(page).to_have_url(f"{site}/")

    assert {
        "/",
        "/oauth2/",
        "/oauth2/login/",
        "/oauth2/github/callback/",
        "/oauth2/github/authorize/",
    } == set(seen)
    for path, policy in seen.items():
        found = directives(policy)
        assert found["default-src"] == found["base-uri"] == found["frame-ancestors"] == "'none'", path
        assert found["style-src"] == "'self'", path
        assert {"'self'", provider.url} <= set(found["form-action"].split()), path
        if path.startswith("/oauth2/"):
            assert not FORBIDDEN.search(policy), path
    assert LinkedAccount.objects.count() == 1
    # That nothing was violated on the way is what the window asserts when it is closed.


@pytest.mark.threat("I09")
def test_a_violation_would_have_been_noticed(visitor, site, provider, settings):
    settings.FORM_ACTION_ORIGINS = []
    page = visitor.tab()
    page.goto("/")
    with page.expect_console_message() as message:
        press(page)

    assert "form-action 'self'" in message.value.text
    assert visitor.complaints == [message.value.text]
    assert provider.requests == []
    visitor.complaints.clear()


@pytest.mark.parametrize("path", ["/", "/oauth2/github/authorize/"], ids=["guestbook", "our own page"])
def test_the_way_home_is_part_of_what_a_form_may_lead_to(visitor, site, provider, settings, path):
    port = urlsplit(site).port
    started, known = f"http://localhost:{port}", f"http://127.0.0.1:{port}"
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": known}
    settings.FORM_ACTION_ORIGINS = [provider.url, known]  # as the settings of the demo have it with ORIGIN
    page = visitor.tab()
    page.goto(f"{started}{path}")
    trail = Trail(page)
    press(page)

    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert trail.origins == [started, provider.url, known, started]
