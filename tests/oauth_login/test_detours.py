"""A callback without its cookie is led home or asked once more, and never moves anybody else anywhere."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine

from oauth_login.models import SignIn
from oauth_login.sealing import Sealer
from tests.oauth_login.conftest import asked_again

WWW, APEX = "https://www.example.com", "https://example.com"
START, CALLBACK = "/oauth2/github/authorize/", "/oauth2/github/callback/"
NOW = 1_790_000_000


@pytest.fixture
def site(settings):
    """Change where the site is: by default at www, and reachable at the apex."""

    def change(*, hosts=("www.example.com", "example.com"), **options):
        settings.ALLOWED_HOSTS = list(hosts)
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": WWW} | options

    change()
    return change


class Traveller:
    """A browser that keeps a jar of cookies per host, as browsers do."""

    def __init__(self, new_visitor):
        self.new_visitor = new_visitor
        self.jars = {}

    def at(self, origin):
        """Return the browser as the site at *origin* sees it."""
        return self.jars.setdefault(urlsplit(origin).netloc, self.new_visitor())

    def send(self, method, url, fields=None):
        """Send one request to wherever *url* leads."""
        parts = urlsplit(url)
        extra = {"headers": {"host": parts.netloc}, "secure": parts.scheme == "https"}
        path = f"{parts.path}?{parts.query}"
        return getattr(self.at(url), method)(path, fields, **extra)

    def start(self, origin, **fields):
        return self.send("post", f"{origin}{START}", fields)

    def come_back(self, origin, query):
        return self.send("get", f"{origin}{CALLBACK}", query)


@pytest.fixture
def traveller(new_visitor):
    return Traveller(new_visitor)


def led_home(answer, origin):
    """Assert that *answer* leads to the callback at *origin*; return where exactly."""
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{origin}{CALLBACK}?")
    assert not answer.cookies
    return answer["Location"]


# --- Home ---------------------------------------------------------------------------------------------


@pytest.mark.threat("A20", "B17")
def test_who_starts_at_the_apex_is_led_home_and_signed_in_there(traveller, github, site):
    start = traveller.start(APEX, next="/where/")
    assert dict(parse_qsl(urlsplit(start["Location"]).query))["redirect_uri"] == f"{WWW}{CALLBACK}"
    query = github.approve(start["Location"])

    home = led_home(traveller.come_back(WWW, query), APEX)
    assert SignIn.objects.count() == 0
    assert github.token_requests == []
    answer = traveller.send("get", home)

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert traveller.at(APEX).user.username == "octocat"
    assert traveller.at(WWW).user is None
    assert github.token_requests[0]["redirect_uri"] == f"{WWW}{CALLBACK}"
    assert len(github.token_requests) == 1


@pytest.mark.parametrize(
    ("origin", "started"),
    [
        (WWW, APEX),
        (APEX, WWW),
        ("https://www.example.com:8443", "https://example.com:8443"),
        ("http://127.0.0.1:8000", "http://localhost:8000"),
        ("http://localhost:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://localhost:8000"),
        ("http://localhost", "http://[::1]"),
    ],
)
def test_twins_of_an_allowed_host_are_one_site(traveller, github, site, origin, started):
    hosts = ["example.com", "www.example.com", "localhost", "127.0.0.1", "[::1]"]
    site(ORIGIN=origin, hosts=hosts)
    query = github.approve(traveller.start(started, next="/where/")["Location"])

    home = led_home(traveller.come_back(origin, query), started)

    assert traveller.send("get", home)["Location"] == "/where/"


def test_in_debug_the_names_of_this_machine_need_not_be_listed(traveller, github, site, settings):
    settings.DEBUG = True
    site(ORIGIN="http://127.0.0.1:8000", hosts=[])
    query = github.approve(traveller.start("http://localhost:8000")["Location"])

    led_home(traveller.come_back("http://127.0.0.1:8000", query), "http://localhost:8000")


def test_other_origins_are_led_home_when_they_are_listed(traveller, github, site):
    shop = "https://shop.example.net"
    site(RELAY_ORIGINS=[shop], hosts=["www.example.com", "shop.example.net"])
    query = github.approve(traveller.start(shop, next="/where/")["Location"])

    home = led_home(traveller.come_back(WWW, query), shop)

    assert traveller.send("get", home)["Location"] == "/where/"


@pytest.mark.threat("C01", "C12")
@pytest.mark.parametrize(
    ("started", "hosts"),
    [
        ("https://shop.example.net", ["www.example.com", "shop.example.net"]),  # allowed, but not listed
        ("https://evil.example", ["*"]),  # anybody's name
        (APEX, ["*"]),  # nobody said that the apex is ours
        ("https://www.example.com:8443", ["www.example.com"]),  # another port
    ],
)
def test_nobody_is_led_to_an_origin_that_is_not_listed(traveller, github, site, rows, started, hosts):
    site(hosts=hosts)
    query = github.approve(traveller.start(started)["Location"])

    answer = traveller.come_back(WWW, query)
    assert answer.status_code == 400
    answer = traveller.send("get", f"{WWW}{asked_again(answer)}")

    assert (answer.status_code, answer.context["code"]) == (400, "origin_not_allowed")
    assert f"started at {started}, came back to {WWW}" not in answer.content.decode()
    assert github.token_requests == []
    assert rows() == (0, 0, 0)


@pytest.mark.threat("A13", "C12")
def test_an_origin_that_we_did_not_seal_moves_nobody(traveller, site, github):
    query = github.approve(traveller.start(APEX)["Location"])
    state = query["state"]
    for forged in (state[:-1], state[:-1] + ("A" if state[-1] != "A" else "B"), f"{state}.", "https://x"):
        answer = traveller.come_back(WWW, query | {"state": forged})
        assert (answer.status_code, answer.context["code"]) == (400, "state_invalid")


def test_the_way_home_is_taken_once(traveller, github, site):
    query = github.approve(traveller.start(APEX)["Location"])
    home = led_home(traveller.come_back(WWW, query), APEX)
    traveller.jars.clear()  # no cookie there either
    answer = traveller.send("get", home)
    traveller.jars.clear()

    answer = traveller.send("get", f"{APEX}{asked_again(answer)}")

    assert (answer.status_code, answer.context["code"]) == (400, "cookies_blocked")


def test_who_was_led_home_once_is_not_led_again_by_a_site_that_sees_another_host(traveller, github, site):
    query = github.approve(traveller.start(APEX)["Location"])

    answer = traveller.come_back(WWW, query | {"oauth_login_relayed": "1"})

    assert answer.status_code == 400
    assert asked_again(answer)


@pytest.mark.threat("C16")
def test_only_what_belongs_to_the_answer_is_carried_home(traveller, github, site):
    query = github.approve(traveller.start(APEX)["Location"])

    home = led_home(traveller.come_back(WWW, query | {"next": "//evil.example", "x": "y"}), APEX)

    assert dict(parse_qsl(urlsplit(home).query)) == query | {"oauth_login_relayed": "1"}


def test_a_denial_is_carried_home_too(traveller, github, site):
    query = github.deny(traveller.start(APEX, next="/where/")["Location"])

    home = led_home(traveller.come_back(WWW, query), APEX)

    assert traveller.send("get", home)["Location"] == "/oauth2/login/?next=/where/&denied=1"


@pytest.mark.threat("A07")
def test_a_late_visitor_is_led_home_and_told_there_with_next_kept(traveller, github, site):
    with time_machine.travel(NOW, tick=False) as clock:
        query = github.approve(traveller.start(APEX, next="/where/")["Location"])
        clock.shift(601)
        answer = traveller.send("get", led_home(traveller.come_back(WWW, query), APEX))

    assert (answer.context["code"], answer.context["next"]) == ("attempt_expired", "/where/")


def test_behind_a_proxy_that_rewrites_the_host_nobody_is_led_around(traveller, github, site):
    internal = "http://10.1.2.3:8000"
    site(hosts=["10.1.2.3"])
    query = github.approve(traveller.start(internal, next="/where/")["Location"])

    assert traveller.come_back(internal, query)["Location"] == "/where/"


@pytest.mark.threat("A20")
def test_a_strict_session_is_waited_for_at_home(traveller, github, site, settings):
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    query = github.approve(traveller.start(APEX, next="/where/")["Location"])

    at_www = asked_again(traveller.come_back(WWW, query))
    home = led_home(traveller.send("get", f"{WWW}{at_www}"), APEX)
    at_apex = asked_again(traveller.send("get", home))

    assert traveller.send("get", f"{APEX}{at_apex}")["Location"] == "/where/"


# --- Once more ----------------------------------------------------------------------------------------


@pytest.mark.threat("A20")
def test_a_cookie_that_was_kept_back_once_is_enough(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    held = dict(visitor.cookies)
    visitor.cookies.clear()

    answer = visitor.come_back(query)
    assert answer.status_code == 400
    assert github.token_requests == []
    assert SignIn.objects.count() == 0
    assert "no-store" in answer["Cache-Control"]
    visitor.cookies.update(held)

    assert visitor.get(asked_again(answer))["Location"] == "/where/"
    assert visitor.user is not None


@pytest.mark.threat("A20")
def test_without_any_cookie_the_visitor_is_told_how_to_allow_them(visitor, github, refused):
    query = github.approve(visitor.start(next="/where/")["Location"])
    visitor.cookies.clear()
    again = asked_again(visitor.come_back(query))
    visitor.cookies.clear()

    answer = visitor.get(again)

    refused(visitor, answer)
    assert answer.context["code"] == "cookies_blocked"
    assert "Allow cookies for this site" in answer.content.decode()
    assert asked_again(answer) == ""


@pytest.mark.threat("A02", "A20")
def test_a_browser_that_keeps_cookies_and_was_sent_somebody_elses_callback_is_told_apart(
    visitor, new_visitor, github, refused, caplog
):
    query = github.approve(new_visitor().start()["Location"])
    visitor.get(START)  # and has our CSRF cookie now

    answer = visitor.arrive(query)

    refused(visitor, answer)
    assert answer.context["code"] == "cookie_missing"
    assert "code=cookie_missing stage=attempt" in caplog.text


@pytest.mark.threat("A20")
def test_the_page_that_asks_again_has_a_link_and_a_button_for_who_stays_on_it(visitor, github):
    query = github.approve(visitor.start()["Location"])
    visitor.cookies.clear()

    page = visitor.come_back(query).content.decode()

    assert '<form class="oauth-login-form" method="post" action="/oauth2/github/authorize/">' in page
    assert "Go on</a>" in page


@pytest.mark.threat("A03")
@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=y", "error=access_denied"])
def test_nobody_is_asked_again_without_a_genuine_state(visitor, refused, query):
    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert asked_again(answer) == ""


def test_a_state_of_a_release_before_origins_still_works(visitor, github, settings):
    query = github.approve(visitor.start(next="/where/")["Location"])
    sealer = Sealer([settings.SECRET_KEY], "state")
    content = json.loads(sealer.open(query["state"], "state"))
    query["state"] = sealer.seal(json.dumps(content[:2]), "state")

    assert visitor.come_back(query)["Location"] == "/where/"
