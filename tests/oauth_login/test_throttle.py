"""How much one client may send in a minute, who a client is, and what if the cache does not count."""

import logging
import threading

import pytest
import time_machine
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from oauth_login.models import SignIn

NOW = 1_790_000_060  # 20 seconds into a minute
START = "/oauth2/github/authorize/"
CALLBACK = "/oauth2/github/callback/"


class BrokenCache(LocMemCache):
    """A cache whose server is down."""

    def add(self, *_args, **_kwargs):
        raise ConnectionRefusedError


class ForgetfulCache(LocMemCache):
    """A cache that is full: what was just added is gone."""

    def incr(self, *_args, **_kwargs):
        raise ValueError


@pytest.fixture(autouse=True)
def clock():
    """Let no minute end in the middle of a test."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def limits(settings):
    """Change the top-level settings."""

    def change(**options):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | options

    change(STARTS_PER_MINUTE=3, CALLBACKS_PER_MINUTE=3)
    return change


def statuses(browser, times, method="post", path=START, **sent):
    """Return how often *browser* was answered with which status."""
    answers = [getattr(browser, method)(path, **sent).status_code for _ in range(times)]
    return {status: answers.count(status) for status in answers}


@pytest.mark.threat("J02")
def test_two_hundred_starts_of_one_address_are_cut_off_at_the_limit_as_delivered(visitor, rows):
    assert statuses(visitor, 200) == {302: 60, 429: 140}
    assert rows() == (0, 0, 0)
    assert SignIn.objects.count() == 0


@pytest.mark.threat("J02")
def test_who_is_cut_off_is_told_when_to_try_again_and_can_then(visitor, limits, clock):
    statuses(visitor, 3)

    answer = visitor.start(next="/where/")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "40"
    page = answer.content.decode()
    assert "Please try again in 40 seconds." in page
    assert '<input type="hidden" name="next" value="/where/">' in page

    clock.shift(40)
    assert visitor.start().status_code == 302


def test_a_single_second_is_said_as_one(visitor, limits, clock):
    clock.shift(39)
    statuses(visitor, 3)

    assert "Please try again in 1 second." in visitor.start().content.decode()


@pytest.mark.threat("J04")
def test_stray_callbacks_are_cut_off_without_a_row_or_a_request(visitor, github, limits):
    assert statuses(visitor, 10, "get", f"{CALLBACK}?code=x&state=y") == {400: 3, 429: 7}
    assert github.token_requests == []
    assert SignIn.objects.count() == 0


@pytest.mark.threat("J08")
def test_stray_callbacks_that_another_site_causes_do_not_keep_a_visitor_from_coming_back(
    visitor, github, limits
):
    query = github.approve(visitor.start(next="/where/")["Location"])
    statuses(visitor, 10, "get", f"{CALLBACK}?code=x&state=y")

    assert visitor.come_back(query)["Location"] == "/where/"


@pytest.mark.threat("J05")
def test_a_visitor_who_replays_their_own_callback_is_cut_off_too(visitor, github, limits):
    github.token = {"error": "bad_verification_code"}
    query = github.approve(visitor.start()["Location"])

    assert statuses(visitor, 9, "get", CALLBACK, query_params=query) == {400: 3, 429: 6}
    assert len(github.token_requests) == 1


@pytest.mark.threat("J05")
def test_junk_codes_burn_no_more_token_requests_than_starts_are_allowed(new_visitor, github):
    github.token = {"error": "bad_verification_code"}
    ended = []
    for _ in range(100):
        browser = new_visitor()
        start = browser.start()
        if start.status_code == 302:
            ended.append(browser.come_back(github.approve(start["Location"])).status_code)

    assert ended == [400] * 60
    assert len(github.token_requests) == 60


def test_looking_at_the_button_and_the_pages_is_not_counted(visitor, limits):
    assert statuses(visitor, 10, "get") == {200: 10}
    assert statuses(visitor, 10, "get", "/oauth2/login/") == {200: 10}
    assert visitor.start().status_code == 302


def test_a_start_that_another_site_posts_is_refused_and_not_counted(new_visitor, limits):
    browser = new_visitor(enforce_csrf_checks=True)

    assert statuses(browser, 10) == {403: 10}
    assert statuses(new_visitor(), 3) == {302: 3}


@pytest.mark.threat("J08")
def test_one_address_at_its_limit_is_no_limit_for_another(visitor, new_visitor, limits):
    statuses(visitor, 5, REMOTE_ADDR="192.0.2.1")

    assert visitor.start().status_code == 302
    assert statuses(new_visitor(), 4, REMOTE_ADDR="192.0.2.1") == {429: 4}


@pytest.mark.threat("J06")
def test_addresses_that_anybody_can_write_into_a_header_are_not_believed(visitor, limits, caplog):
    answers = [
        visitor.post(START, headers={"x-forwarded-for": f"203.0.113.{n}"}).status_code for n in range(200)
    ]

    assert answers == [302] * 3 + [429] * 197
    assert "came through a proxy, but TRUSTED_PROXIES is 0" in caplog.text


@pytest.mark.threat("J06")
def test_behind_trusted_proxies_their_own_entries_tell_visitors_apart(visitor, limits):
    limits(TRUSTED_PROXIES=2)

    def start(forwarded):
        return visitor.post(START, headers={"x-forwarded-for": forwarded}).status_code

    # The nearest proxy appends the other's address, that one the visitor's; what stands left is theirs.
    assert [start(f"6.6.6.{n}, 203.0.113.1, 10.0.0.1") for n in range(5)] == [302] * 3 + [429] * 2
    assert start("203.0.113.1, 10.0.0.9") == 429
    assert start("203.0.113.2, 10.0.0.1") == 302


@pytest.mark.threat("J06")
@pytest.mark.parametrize("forwarded", ["", "203.0.113.1", " , ,203.0.113.1", "not an address, 10.0.0.1"])
def test_a_header_that_trusted_proxies_did_not_write_counts_for_the_connection(visitor, limits, forwarded):
    limits(TRUSTED_PROXIES=2)

    assert statuses(visitor, 4, headers={"x-forwarded-for": forwarded}) == {302: 3, 429: 1}
    assert visitor.start().status_code == 429


@pytest.mark.threat("J06")
@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),  # one customer's /64
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:DB8::1", "2001:db8:0:0:0:0:0:1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_one_client_has_many_addresses(visitor, limits, one, another, are_one):
    statuses(visitor, 3, REMOTE_ADDR=one)

    assert visitor.post(START, REMOTE_ADDR=another).status_code == (429 if are_one else 302)


@pytest.mark.threat("J06")
def test_two_hundred_addresses_of_one_customer_are_one_client(visitor, limits):
    answers = [
        visitor.post(START, REMOTE_ADDR=f"2001:db8:0:1::{number:x}").status_code for number in range(200)
    ]

    assert answers == [302] * 3 + [429] * 197


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.7:4711", "203.0.113.7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
    ],
)
def test_a_proxy_may_add_the_port(visitor, limits, written, meant):
    limits(TRUSTED_PROXIES=1)
    statuses(visitor, 3, headers={"x-forwarded-for": meant})

    assert visitor.post(START, headers={"x-forwarded-for": written}).status_code == 429


def test_where_nothing_tells_clients_apart_nobody_is_counted_for_all(visitor, limits):
    assert statuses(visitor, 9, REMOTE_ADDR="") == {302: 9}  # a Unix socket


@pytest.mark.threat("J07")
def test_starts_at_the_same_moment_are_all_counted(new_visitor, limits):
    limits(STARTS_PER_MINUTE=10)
    browsers = [new_visitor() for _ in range(50)]
    barrier, answers = threading.Barrier(50), []

    def press(browser):
        barrier.wait()
        answers.append(browser.start().status_code)

    threads = [threading.Thread(target=press, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [302] * 10 + [429] * 40


@pytest.mark.threat("J07")
def test_a_cache_that_is_down_lets_everybody_in_and_says_so(visitor, github, limits, settings, caplog):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.BrokenCache"}}

    with caplog.at_level(logging.ERROR, logger="oauth_login"):
        assert [visitor.sign_in(github).status_code for _ in range(4)] == [302] * 4

    assert visitor.user is not None
    assert "nobody is held back" in caplog.text


def test_a_cache_that_forgets_at_once_counts_one(visitor, limits, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.ForgetfulCache"}}

    assert statuses(visitor, 5) == {302: 5}


@pytest.mark.usefixtures("cache_with_our_clock")
def test_what_was_counted_does_not_stay_for_ever(visitor, limits, clock):
    visitor.start()
    key = f"oauth_login.throttle.start.{NOW // 60}.127.0.0.1"
    assert cache.get(key) == 1

    clock.shift(121)
    assert cache.get(key) is None


@pytest.mark.threat("J02")
def test_the_limit_is_refused_before_the_provider_or_a_cookie_is_thought_of(visitor, limits):
    statuses(visitor, 3)
    before = visitor.attempt_cookies()

    visitor.start()

    assert visitor.attempt_cookies() == before
