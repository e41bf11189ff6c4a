"""Somebody who comes to a real server, and who may be an attacker."""

from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from tests.jar import Jar

START = "/oauth2/github/authorize/"
CALLBACK = "/oauth2/github/callback/"


@dataclass(frozen=True)
class Answer:
    """What a browser is told."""

    status: int
    headers: dict[str, str]
    set_cookies: list[str]
    text: str


class Browser:
    """Somebody at *address*, as the proxy says, with a jar and a connection of their own; both are kept."""

    def __init__(self, port, address):
        self.jar = Jar()
        self._address = address
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()

    def hang_up(self):
        """Close the connection; the next request opens another, maybe to another worker."""
        self._connection.close()

    def get(self, path, **query):
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path)

    def start(self):
        """Press the button. Who has no token yet makes one up, which costs an attacker nothing."""
        self.jar.setdefault("csrftoken", "t" * 32)
        return self.post(START, csrfmiddlewaretoken=self.jar["csrftoken"])

    def post(self, path, **form):
        return self._send("POST", path, urlencode(form))

    def come_back(self, **query):
        return self.get(CALLBACK, **query)

    def _send(self, method, path, body=None):
        headers = {"X-Forwarded-For": self._address}
        if self.jar:
            headers["Cookie"] = self.jar.header()
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        set_cookies = response.headers.get_all("Set-Cookie", [])
        for header in set_cookies:
            self.jar.take(header)
        return Answer(response.status, dict(response.headers), set_cookies, text)
