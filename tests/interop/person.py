"""A person with a browser at a server that others wrote: reads its pages and fills its forms in."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
import requests

CREDENTIALS = {"username": "ada", "password": "right"}
YES, NO = {"allow", "logout"}, {"deny"}
PATIENCE = 10  # seconds
PAGES = 12  # no server here takes half as many


class Form(HTMLParser):
    """The one form of a page: where it goes, what it holds, and which named buttons it has."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.buttons = None, {}, {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Note what a form is made of, inside of it or attached to it."""
        attributes = dict(attrs)
        name, value = attributes.get("name"), attributes.get("value", "")
        if tag == "form":
            self.action = attributes.get("action", "")
        elif tag == "button" or attributes.get("type") == "submit":
            self.buttons[name] = value
        elif tag == "input":
            self.fields[name] = value

    def filled_in(self, pressed):
        """Return what the browser sends when one of the buttons named *pressed* is, if it is there."""
        answers = {name: value for name, value in CREDENTIALS.items() if name in self.fields}
        return self.fields | answers | {name: self.buttons[name] for name in pressed & self.buttons.keys()}


class Person:
    """Ada, who has an account there and a browser that remembers its cookies.

    :ivar passwords: how often she had to type hers
    """

    def __init__(self):
        self.passwords = 0
        self.browser = requests.Session()
        self.browser.trust_env = False  # nothing between her and a server on this machine

    def walk(self, url, pressed):
        """Follow redirects and answer forms until the server sends her elsewhere.

        :return: where to, and what a form of the server's sends there by POST
        """
        origin = urlsplit(url).netloc
        page = self._get(url)
        for _ in range(PAGES):
            if page.is_redirect:
                url = urljoin(url, page.headers["Location"])
                if urlsplit(url).netloc != origin:
                    return url, {}
                page = self._get(url)
            else:
                form = self._form(url, page)
                url = urljoin(url, form.action or url)
                fields = form.filled_in(pressed)
                if urlsplit(url).netloc != origin:
                    return url, fields
                page = self._post(url, fields)
        pytest.fail(f"went in a circle, at last to {url}")

    def _get(self, url):
        return self.browser.get(url, allow_redirects=False, timeout=PATIENCE)

    def _post(self, url, fields):
        self.passwords += "password" in fields
        referer = {"Referer": url}
        return self.browser.post(url, fields, headers=referer, allow_redirects=False, timeout=PATIENCE)

    def _form(self, url, page):
        form = Form(page.text)
        if form.action is None:
            pytest.fail(f"{page.status_code} at {url}: {page.text}")
        return form

    def close(self):
        """Close the browser."""
        self.browser.close()
