"""Cookies that stayed behind: the way home to where they are, one more try, a page when nothing helps."""

import json
import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from oauth_login.models import LinkedAccount, SignIn
from tests.browser.conftest import ARGUMENTS
from tests.browser.steps import Trail, approve, leave, press
from tests.needs import find_chromium
from tests.oauth_login.http_server import certificate

BOUNCED = re.compile(r"/callback/.*&oauth_login_bounced=1$")


@pytest.fixture
def visitor(window):
    """A browser without JavaScript, that takes the certificates of the tests for good ones."""
    return window(java_script_enabled=False, ignore_https_errors=True)


@pytest.fixture
def called_back_at(settings):
    """Say which one address the provider knows, and what else the site is called."""

    def change(origin, *, hosts, relay=()):
        settings.ALLOWED_HOSTS = [*hosts]
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": origin, "RELAY_ORIGINS": list(relay)}

    return change


@pytest.fixture
def port(site):
    """Where the site is on the loopback, whatever it is called."""
    return urlsplit(site).port


@pytest.fixture
def secure_port(site, settings, tmp_path):
    """Where the same site is over TLS, as in production, under every name that ends in .test."""
    context, _ = certificate(tmp_path, "*.site.test")

    class SecureServer(ThreadedWSGIServer):
        # A thread that outlived the server could not close the database's connection, nor then its own.
        daemon_threads = False

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.accepted = []
            # The handshake is for the connection's own thread: browsers open connections that say nothing.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

        def process_request(self, request, client_address):
            self.accepted.append(request)
            super().process_request(request, client_address)

        def server_close(self):
            for connection in self.accepted:
                with suppress(OSError):  # its thread may have closed it
                    # Below TLS, which a thread may be in the middle of.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            super().server_close()

        def setup_environ(self):
            super().setup_environ()
            self.base_environ["HTTPS"] = "on"

    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    server = LiveServer("localhost", start=False)
    server.thread.server_class = SecureServer
    server.start()
    yield server.thread.port
    server.stop()


# --- Home -----------------------------------------------------------------------------------------------


@pytest.mark.threat("A20")
@pytest.mark.parametrize("names", [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")], ids=" to ".join)
def test_who_starts_at_another_name_of_this_machine_is_led_home(visitor, called_back_at, port, names):
    started, known = (f"http://{name}:{port}" for name in names)
    called_back_at(known, hosts=names)
    page = visitor.tab()
    leave(page, "/?way=home", at=started)
    trail = Trail(page)
    approve(page)

    expect(page).to_have_url(f"{started}/?way=home")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert trail.origins == [started, known, started]
    assert len(trail.callbacks) == 2
    assert LinkedAccount.objects.count() == SignIn.objects.count() == 1
    page.goto(f"{known}/")
    expect(page.get_by_role("button", name="Sign in with GitHub").first).to_be_visible()


@pytest.mark.threat("A20")
@pytest.mark.parametrize(
    ("started", "known", "relay"),
    [
        ("www.site.test", "site.test", False),
        ("site.test", "www.site.test", False),
        ("shop.site.test", "www.site.test", True),
    ],
    ids=["www", "apex", "listed"],
)
def test_who_starts_at_another_name_of_the_site_is_led_home(
    visitor, called_back_at, secure_port, started, known, relay
):
    hosts = (started, known)
    started, known = (f"https://{name}:{secure_port}" for name in hosts)
    called_back_at(known, hosts=hosts, relay=[started] if relay else [])
    page = visitor.tab()
    leave(page, "/?way=home", at=started)
    (cookie,) = [cookie for cookie in visitor.context.cookies() if "oauth_login_" in cookie["name"]]
    assert cookie["name"].startswith("__Host-")
    trail = Trail(page)
    approve(page)

    expect(page).to_have_url(f"{started}/?way=home")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert trail.origins == [started, known, started]
    assert len(trail.callbacks) == 2


def test_who_starts_at_an_address_that_is_not_listed_is_told_and_the_button_works_there(
    visitor, called_back_at, port, shot
):
    known, started = f"http://127.0.0.1:{port}", f"http://shop.localhost:{port}"
    called_back_at(known, hosts=["127.0.0.1", ".localhost"])
    page = visitor.tab()
    leave(page, "/?way=home", at=started)
    trail = Trail(page)
    approve(page)

    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("This sign-in was started at another address of this site")
    shot(page, "origin-not-allowed")
    assert trail.origins == [started, known]
    assert len(trail.callbacks) == 2
    expect(page.get_by_role("button")).to_have_count(1)
    press(page)
    approve(page)

    expect(page).to_have_url(f"{known}/")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


# --- Once more ------------------------------------------------------------------------------------------


def keep_back(context, *, for_good=False):
    """Take the cookies away when the visitor says yes; the browser's second try brings them, or never."""
    held = []

    def on_the_way_back(route):
        held.extend(context.cookies())
        context.clear_cookies()
        route.continue_()

    def on_the_second_try(route):
        context.clear_cookies()  # the page in between may have set some
        context.add_cookies([] if for_good else held)
        route.continue_()

    context.route(re.compile("/sandbox/"), on_the_way_back)
    context.route(BOUNCED, on_the_second_try)


@pytest.mark.threat("A20")
def test_cookies_that_are_kept_back_once_come_with_the_second_try(visitor, site):
    page = visitor.tab()
    leave(page, "/?cookies=late")
    keep_back(visitor.context)
    trail = Trail(page)
    approve(page)

    expect(page).to_have_url(f"{site}/?cookies=late")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert [bool(BOUNCED.search(url)) for url in trail.callbacks] == [False, True]
    assert SignIn.objects.count() == 1


@pytest.mark.threat("A20")
def test_cookies_that_never_come_end_on_a_page_that_says_so(visitor, site, shot):
    page = visitor.tab()
    leave(page, "/?cookies=never")
    keep_back(visitor.context, for_good=True)
    trail = Trail(page)
    approve(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("This browser blocks cookies")
    shot(page, "cookies-blocked")
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    assert [bool(BOUNCED.search(url)) for url in trail.callbacks] == [False, True]
    assert SignIn.objects.count() == 0

    visitor.context.unroute_all()
    expect(page.get_by_role("button")).to_have_count(1)
    press(page)
    approve(page)
    expect(page).to_have_url(f"{site}/")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.threat("A20")
def test_a_browser_that_stays_on_the_page_in_between_has_a_link_that_goes_on(visitor, site, shot):
    page = visitor.tab()
    leave(page, "/?cookies=late")
    held = visitor.context.cookies()
    visitor.context.route(BOUNCED, lambda route: route.abort("aborted"))  # as if it knew no refresh
    visitor.context.clear_cookies()
    approve(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("One moment")
    shot(page, "bounce")

    visitor.context.unroute_all()
    visitor.context.add_cookies(held)
    # Followed and not clicked: the refresh that was stopped leaves Chromium a page that it may not scroll.
    page.goto(str(page.get_by_role("link", name="Go on").get_attribute("href")))

    expect(page).to_have_url(f"{site}/?cookies=late")


@pytest.mark.threat("A20")
def test_a_browser_that_really_blocks_cookies_is_told_so_before_it_leaves(chromium, site, tmp_path):
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    preferences.write_text(json.dumps(blocked))
    with chromium.browser_type.launch_persistent_context(
        tmp_path, executable_path=find_chromium(), args=ARGUMENTS, base_url=site, java_script_enabled=False
    ) as context:
        page = context.new_page()
        trail = Trail(page)
        leave(page, "/?cookies=never")

        expect(page.get_by_role("heading", level=1)).to_have_text("This browser blocks cookies")
        press(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("This browser blocks cookies")
        assert context.cookies() == []
    assert len(trail.urls) == 3
