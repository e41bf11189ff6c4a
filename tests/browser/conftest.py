"""A real Chromium in front of a real server; behind it the sandbox, so that no test needs a network."""

import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from playwright.sync_api import sync_playwright

from tests.needs import find_chromium

# Playwright keeps an event loop in this thread, in which Django would refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 740}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # the names of a site that is known by several
]


def pytest_collection_modifyitems(items):
    """Mark what is in this directory."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium(django_db_setup):
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()
        # Within its loop Django gives this thread other connections, which nobody finds afterwards.
        connections.close_all()


@pytest.fixture
def site(live_server, settings):
    """The demo as ``make demo`` runs it: the sandbox answers. Its value is the address."""
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}
    return live_server.url


class Window:
    """One browser profile: its cookies, and what it complained about."""

    def __init__(self, chromium, site, **options):
        self.context = chromium.new_context(base_url=site, viewport=DESKTOP, **options)
        self.context.set_default_timeout(15_000)
        self.complaints = []

    def tab(self):
        """Open a tab that notes every error, such as a violated Content-Security-Policy."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type == "error" and "status of 4" not in message.text
                else None
            ),
        )
        return page


@pytest.fixture
def window(chromium, site):
    """Open windows; at the end nothing may have been complained about."""
    opened = []

    def open_window(**options):
        opened.append(Window(chromium, site, **options))
        return opened[-1]

    yield open_window
    for one in opened:
        one.context.close()
    assert [complaint for one in opened for complaint in one.complaints] == []


@pytest.fixture
def page(window):
    """A tab of a visitor who has JavaScript switched off, as nothing here needs it."""
    return window(java_script_enabled=False).tab()


@pytest.fixture
def owner(db):
    """The owner of the site, who can see the admin."""
    return get_user_model().objects.create_superuser("owner", "owner@example.com", "owner-password")


@pytest.fixture
def shot(site):
    """Take a picture at both widths into ``SCREENSHOTS``, when that names a directory."""
    directory = os.environ.get("SCREENSHOTS")

    def take(page, name):
        for width, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(viewport)
            if directory:
                page.screenshot(path=Path(directory) / f"{name}-{width}.png", full_page=True)
            scroll = page.evaluate("document.documentElement.scrollWidth")
            assert scroll <= viewport["width"], f"{name} scrolls sideways at {viewport['width']} px"
        page.set_viewport_size(DESKTOP)

    return take
