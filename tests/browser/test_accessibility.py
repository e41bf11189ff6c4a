"""axe-core finds nothing on any page, in light and dark, in English and Chinese."""

import pytest
from axe_core_python.sync_playwright import Axe

PAGES = {
    "guestbook": "/",
    "sign-in": "/oauth2/login/",
    "button": "/oauth2/github/authorize/",
    "refusal": "/oauth2/github/callback/?code=stolen&state=forged",
    "accounts": "/oauth2/",
}


@pytest.fixture(params=["light", "dark"])
def colours(request):
    return request.param


@pytest.fixture(params=["en", "zh-hans"])
def language(request):
    return request.param


def test_every_page_is_accessible(window, colours, language):
    # axe injects its own script, which the policy would rightly refuse.
    tab = window(bypass_csp=True, color_scheme=colours, locale=language).tab()
    violations = {}

    def look(name):
        violations[name] = [
            (violation["id"], [node["target"] for node in violation["nodes"]])
            for violation in Axe().run(tab)["violations"]
        ]

    tab.goto("/oauth2/github/authorize/")
    tab.locator("button.oauth-login-button").click()
    look("sandbox")
    tab.locator("button[value=octocat]").click()
    for name, path in PAGES.items():
        tab.goto(path)
        look(name)
    tab.context.clear_cookies()
    for name, path in PAGES.items():
        tab.goto(path)
        look(f"{name}, signed out")
    assert {name: found for name, found in violations.items() if found} == {}
