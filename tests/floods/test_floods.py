"""Floods of anonymous requests at a running site: nothing is left of them, and nobody else notices."""

import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.floods.browser import CALLBACK, START
from tests.floods.site import WORKERS

pytestmark = pytest.mark.flood

SENDERS = 8
KEPT = 50  # requests over a connection: new ones spread over the workers
# The limits of a site that sets none, per minute and address. Workers with caches of their own let through as
# many times as much as there are of them: see Site.counters.
STARTS, CALLBACKS = 60, 120
MEMORY = 10_000  # kB
HEADER = 8_192  # bytes; servers refuse longer ones
#: Where a first sign-in leaves a row.
SIGNED_IN = [
    "auth_user",
    "django_session",
    "oauth_login_linkedaccount",
    "oauth_login_signin",
    "oauth_login_token",
]


@contextmanager
def crowd(site, address):
    """Several browsers at one address, each with a connection that it keeps."""
    with ExitStack() as connections:
        yield [connections.enter_context(site.browser(address)) for _ in range(SENDERS)]


def flood(browsers, times, send):
    """Call *send* that many times, with one of *browsers*, all at once, and a number; return its results."""

    def send_all(first):
        results = []
        for number in range(first, times, len(browsers)):
            results.append(send(browsers[first], number))
            if len(results) % KEPT == 0:
                browsers[first].hang_up()
        return results

    with ThreadPoolExecutor(len(browsers)) as pool:
        return [result for results in pool.map(send_all, range(len(browsers))) for result in results]


def begun(since):
    """Return in how many minutes of the clock something was counted *since* then: each has a limit."""
    return int(time.time()) // 60 - int(since) // 60 + 1


def junk(own, foreign):
    """Return the parameters of callbacks that lead nowhere, though *own* and *foreign* are genuine states."""
    return [
        {},
        {"code": "junk"},
        {"code": "junk", "state": secrets.token_urlsafe(120)},
        {"code": "junk", "state": own[:-1]},
        {"code": "junk", "state": own[: len(own) // 2]},
        {"code": "junk", "state": foreign},
        {"code": "junk", "state": foreign, "oauth_login_bounced": "1"},
        {"code": "j" * 2048, "state": secrets.token_urlsafe(120)},
        {"code": "j" * 2048, "state": foreign},
        {"error": "access_denied", "state": foreign, "oauth_login_bounced": "1"},
    ]


def state_of(started):
    """Return the state that a start sent to the provider."""
    (state,) = parse_qs(urlsplit(started.headers["Location"]).query)["state"]
    return state


def come_back(provider, browser, started):
    """Approve a start and come back; return the name that the person has at the provider."""
    query = provider.approve(started.headers["Location"])
    answer = browser.come_back(**query)
    assert (answer.status, answer.headers.get("Location")) == (302, "/")
    return f"p-{query['code']}"


@contextmanager
def besieged(site, address, callbacks):
    """Flood the callback from *address*; the block begins when it is held back, and the flood outlasts it.

    Yields the statuses that were answered: at least a thousand after the block.
    """
    statuses: list[int] = []
    held_back, over = threading.Event(), threading.Event()

    def send_on(browser, _):
        while not over.is_set() or len(statuses) < 1_000:
            status = browser.come_back(**callbacks[len(statuses) % len(callbacks)]).status
            statuses.append(status)
            if status == 429:
                held_back.set()

    with crowd(site, address) as browsers, ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, browsers, len(browsers), send_on)
        try:
            assert held_back.wait(30)
            yield statuses
        finally:
            over.set()
        flooding.result()


@pytest.mark.threat("J01", "J03")
def test_ten_thousand_starts_leave_no_row_and_five_cookies(unlimited, figures):
    def start(browser, _):
        answer = browser.start()
        return answer.status, len(browser.jar.attempts()), len(browser.jar.header())

    with crowd(unlimited, "203.0.113.1") as browsers:
        before = unlimited.snapshot()
        statuses, attempts, lengths = zip(*flood(browsers, 10_000, start), strict=True)
        left = unlimited.snapshot() - before

        figures(statuses=Counter(statuses), attempts=max(attempts), header=max(lengths), left=left)
        assert Counter(statuses) == {302: 10_000}
        assert (left.rows, left.requests) == ({}, 0)
        assert max(attempts) == 5
        assert max(lengths) < HEADER
        assert len(left.answers) == WORKERS
        assert max(left.memory.values(), default=0) < MEMORY
        come_back(unlimited.provider, browsers[0], browsers[0].start())


@pytest.mark.threat("J01")
def test_strangers_who_keep_no_cookie_leave_nothing_either(unlimited, figures):
    def forget_and_start(browser, number):
        browser.jar.clear()
        # Every other one brings no token, and so cannot start anything.
        return (browser.start() if number % 2 else browser.post(START)).status

    with crowd(unlimited, "203.0.113.2") as browsers:
        before = unlimited.snapshot()
        statuses = Counter(flood(browsers, 1_000, forget_and_start))
        left = unlimited.snapshot() - before

    figures(statuses=statuses, left=left)
    assert statuses == {302: 500, 403: 500}
    assert (left.rows, left.requests) == ({}, 0)


@pytest.mark.threat("J01")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/oauth2/login/", 200), (START, 200), (CALLBACK, 400)],
    ids=["login", "start", "callback"],
)
def test_a_thousand_looks_at_a_page_leave_nothing(unlimited, figures, path, status):
    def look(browser, _):
        browser.jar.clear()
        answer = browser.get(path)
        return answer.status, *(header.partition("=")[0] for header in answer.set_cookies)

    with crowd(unlimited, "203.0.113.3") as browsers:
        before = unlimited.snapshot()
        answers = Counter(flood(browsers, 1_000, look))
        left = unlimited.snapshot() - before

    figures(answers=answers, left=left)
    assert answers == {(status, "csrftoken"): 1_000}
    assert (left.rows, left.requests) == ({}, 0)


@pytest.mark.threat("J02")
def test_of_a_flood_from_one_address_only_so_many_are_started(limited, figures):
    def start(browser, _):
        answer = browser.start()
        return answer.status, int(answer.headers.get("Retry-After", 0))

    with crowd(limited, "203.0.113.4") as browsers:
        since, before = time.time(), limited.snapshot()
        answers = flood(browsers, 2_000, start)
        left, most = limited.snapshot() - before, begun(since) * limited.counters * STARTS

    statuses = Counter(status for status, _ in answers)
    waits = {wait for status, wait in answers if status == 429}
    figures(statuses=statuses, at_most=most, waits=sorted(waits), left=left)
    assert statuses.keys() == {302, 429}
    assert STARTS <= statuses[302] <= most
    assert waits <= set(range(1, 61))
    assert (left.rows, left.requests) == ({}, 0)


@pytest.mark.threat("J04")
def test_a_thousand_junk_callbacks_cost_no_row_and_no_request(unlimited, figures):
    with unlimited.browser("203.0.113.5") as attacker, unlimited.browser("198.51.100.5") as visitor:
        callbacks = junk(state_of(attacker.start()), state_of(visitor.start()))

    def send(browser, number):
        browser.jar.update(attacker.jar)
        return browser.come_back(**callbacks[number % len(callbacks)]).status

    with crowd(unlimited, "203.0.113.5") as browsers:
        before = unlimited.snapshot()
        statuses = Counter(flood(browsers, 1_000, send))
        left = unlimited.snapshot() - before

    figures(statuses=statuses, left=left)
    assert statuses == {400: 1_000}
    assert (left.rows, left.requests) == ({}, 0)
    assert max(left.memory.values(), default=0) < MEMORY


@pytest.mark.threat("J05")
def test_a_start_buys_one_token_request_however_often_it_comes_back(unlimited, figures):
    def attempt(browser, _):
        query = unlimited.provider.approve(browser.start().headers["Location"]) | {"code": "junk"}
        return browser.come_back(**query).status, browser.come_back(**query).status

    with crowd(unlimited, "203.0.113.6") as browsers:
        before = unlimited.snapshot()
        statuses = Counter(flood(browsers, 100, attempt))
        left = unlimited.snapshot() - before

    figures(statuses=statuses, left=left)
    assert statuses == {(400, 400): 100}
    assert left.requests == 100
    assert left.rows == {"oauth_login_signin": 100}  # the log of what was claimed, and nothing else


@pytest.mark.threat("J05")
def test_an_address_has_no_more_token_requests_than_starts(limited, figures):
    def attempt(browser, _):
        started = browser.start()
        if started.status == 302:
            query = limited.provider.approve(started.headers["Location"])
            browser.come_back(**query | {"code": "junk"})
        return started.status

    with crowd(limited, "203.0.113.7") as browsers:
        since, before = time.time(), limited.snapshot()
        statuses = Counter(flood(browsers, 200, attempt))
        left, most = limited.snapshot() - before, begun(since) * limited.counters * STARTS

    figures(statuses=statuses, at_most=most, left=left)
    assert 0 < left.requests <= statuses[302] <= most
    assert left.rows == {"oauth_login_signin": left.requests}


@pytest.mark.threat("J04", "J08")
def test_visitors_sign_in_while_an_address_floods_the_callback_and_even_at_that_address(limited, figures):
    attackers, elsewhere = "203.0.113.8", "198.51.100.8"
    with limited.browser(attackers) as neighbour, limited.browser(elsewhere) as visitor:
        started = neighbour.start()
        since, before = time.time(), limited.snapshot()
        with besieged(limited, attackers, junk(state_of(started), state_of(started))) as statuses:
            people = [
                come_back(limited.provider, neighbour, started),
                come_back(limited.provider, visitor, visitor.start()),
            ]
        left, most = limited.snapshot() - before, begun(since) * limited.counters * CALLBACKS
        names = [browser.get("/oauth2/").text for browser in (neighbour, visitor)]

    figures(statuses=Counter(statuses), at_most=most, left=left)
    assert all(person in name for person, name in zip(people, names, strict=True))
    assert Counter(statuses).keys() == {400, 429}
    assert statuses.count(400) <= most
    assert left.requests == len(people) * 3  # token, user, addresses
    assert left.rows == dict.fromkeys(SIGNED_IN, len(people))
    assert max(left.memory.values(), default=0) < MEMORY
