"""The story once more, through Django's ASGI application, which is free to give up half-way."""

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.urls import reverse

from demo_site.asgi import application
from oauth_login.models import LinkedAccount, SignIn
from tests.jar import Jar
from tests.oauth_login.many_people import ManyPeople

pytestmark = [pytest.mark.threat("L07"), pytest.mark.usefixtures("database")]

LOGIN = reverse("oauth_login:login")
START = reverse("oauth_login:authorize", args=["github"])
CALLBACK = reverse("oauth_login:callback", args=["github"])
ACCOUNTS = reverse("oauth_login:accounts")
PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Answer:
    """What the application told the server."""

    status: int
    location: str
    text: str


class Browser:
    """A visitor of the ASGI application, by way of no server."""

    def __init__(self):
        self.jar = Jar()

    async def get(self, path, **query):
        return await self._send("GET", path, urlencode(query), b"")

    async def start(self, **fields):
        """Look at the ways to sign in, and press the button."""
        page = await self.get(LOGIN)
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
        form = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        return await self._send("POST", START, "", form)

    async def come_back(self, query):
        return await self.get(CALLBACK, **query)

    async def leave_while_coming_back(self, query, asked, answer):
        """Come back, and disconnect when the provider was *asked*; it waits for *answer*."""
        exchange = self._open("GET", CALLBACK, urlencode(query))
        await exchange.send_input({"type": "http.request"})
        assert await asyncio.to_thread(asked.wait, PATIENCE)
        await exchange.send_input({"type": "http.disconnect"})
        assert await exchange.receive_nothing()  # by then it has noticed
        answer.set()
        await exchange.wait(PATIENCE)
        assert exchange.output_queue.empty()

    def _open(self, method, path, query):
        headers = {
            "host": "testserver",
            "cookie": self.jar.header(),
            "content-type": "application/x-www-form-urlencoded",
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 50_000),
            "server": ("testserver", 80),
        }
        return ApplicationCommunicator(application, scope)

    async def _send(self, method, path, query, body):
        exchange = self._open(method, path, query)
        await exchange.send_input({"type": "http.request", "body": body})
        start = await exchange.receive_output(PATIENCE)
        content = await exchange.receive_output(PATIENCE)
        await exchange.wait(PATIENCE)
        assert not content["more_body"]
        headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
        for name, value in headers:
            if name == "set-cookie":
                self.jar.take(value)
        return Answer(start["status"], dict(headers).get("location", ""), content["body"].decode())


def played(story):
    """Return what a story ends with. It has a thread of its own: a browser test leaves a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


def test_a_visitor_signs_in_and_is_who_they_are(github):
    async def story():
        browser = Browser()
        started = await browser.start(next="/?from=here")
        came_back = await browser.come_back(github.approve(started.location))
        return came_back, await browser.get(ACCOUNTS)

    came_back, accounts = played(story())

    assert (came_back.status, came_back.location) == (302, "/?from=here")
    assert "octocat" in accounts.text
    user = get_user_model().objects.get()
    assert user.linked_accounts.get().token.access_token.reveal() == github.token["access_token"]


def test_who_says_no_or_brings_a_foreign_state_stays_signed_out(github, rows):
    async def story():
        browser, other = Browser(), Browser()
        denied = await browser.come_back(github.deny((await browser.start()).location))
        foreign = await browser.come_back(github.approve((await other.start()).location))
        return denied, foreign, await browser.get(ACCOUNTS)

    denied, foreign, accounts = played(story())

    assert (denied.status, foreign.status) == (302, 400)
    assert denied.location.startswith(LOGIN)
    assert accounts.location.startswith(LOGIN)
    assert rows() == (0, 0, 0)
    assert github.token_requests == []


@pytest.mark.threat("D27")
def test_of_thirty_two_people_at_once_everybody_is_who_they_are(settings):
    async def story(provider):
        browser = Browser()
        query = provider.approve((await browser.start()).location)
        came_back = await browser.come_back(query)
        return f"p-{query['code']}", came_back.status, (await browser.get(ACCOUNTS)).text

    async def stories(provider):
        return await asyncio.gather(*(story(provider) for _ in range(32)))

    with ManyPeople() as provider:
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": provider.options}}
        told = played(stories(provider))

    names = {name for name, _, _ in told}
    assert len(names) == 32
    for name, status, accounts in told:
        assert status == 302
        assert {other for other in names if other in accounts} == {name}
        account = LinkedAccount.objects.get(user__username=name)
        assert account.token.access_token.reveal() == f"gho_{name.removeprefix('p-')}"


@pytest.mark.parametrize(
    ("answer", "written", "outcome"),
    [({}, (1, 1, 1), SignIn.SIGNED_IN), ({"error": "bad_verification_code"}, (0, 0, 0), "code_rejected")],
    ids=["granted", "refused"],
)
def test_who_leaves_while_the_provider_is_asked_leaves_all_or_nothing(github, rows, answer, written, outcome):
    asked, may_answer = threading.Event(), threading.Event()
    answered = answer or github.token

    def slowly(*_):
        asked.set()
        may_answer.wait(PATIENCE)
        return answered

    github.token = slowly

    async def leave():
        browser = Browser()
        query = github.approve((await browser.start(next="/mine/")).location)
        await browser.leave_while_coming_back(query, asked, may_answer)
        return browser, query

    browser, query = played(leave())

    assert rows() == written
    assert SignIn.objects.get().outcome == outcome
    # Whoever left has not been given the key of the session that was made for them.
    assert Session.objects.count() == written[0]

    async def reload():
        return await browser.come_back(query), await browser.get(ACCOUNTS)

    again, accounts = played(reload())
    assert again.status == 400
    assert "/mine/" in again.text  # the way on
    assert accounts.location.startswith(LOGIN)
    assert (rows(), SignIn.objects.count(), len(github.token_requests)) == (written, 1, 1)
