"""A site with one preset, and a server that behaves as its documentation says, through the real views."""

from copy import deepcopy
from urllib.parse import parse_qsl, urlsplit

import pytest

from oauth_login import providers
from tests.oauth_login.http_server import reply
from tests.oauth_login.presets import chinese, elsewhere
from tests.oauth_login.presets.case import CLIENT_ID, CLIENT_SECRET

CASES = {**chinese.CASES, **elsewhere.CASES}
ENDPOINTS = ("AUTHORIZATION", "TOKEN", "IDENTITY", "USERINFO", "EMAILS")

PLACES = [
    (name, place)
    for name in CASES
    for place in ("token", "identity", "userinfo", "emails")
    if getattr(CASES[name], place)
]

every_preset = pytest.mark.parametrize("name", CASES)


def among(known, *names):
    """Return *names*, each of which is among *known*: with a slip, less would be tried unseen."""
    unknown = sorted({*names} - {*known})
    if unknown:
        raise ValueError(f"nothing is called {', '.join(unknown)}")
    return {*names}


#: Those whose answers are read in a way of their own, and some of each type of id; the others are read alike.
ODD = {
    name
    for name in CASES
    if {"TOKEN_ANSWER", "USERINFO_ANSWER", "USERINFO_ENCODING"} & {*providers.row(name)}
    or CASES[name].emails
    or CASES[name].identity
    or name in among(CASES, "weibo", "strava", "mediawiki", "linear")
}


def with_some(values, *for_all):
    """Return a mark that tries every preset with the values *for_all*, and the odd ones with all."""
    meant = among(values, *for_all)
    return pytest.mark.parametrize(
        ("name", "value"),
        [
            pytest.param(name, value, id=f"{name}-{what}")
            for name in CASES
            for what, value in values.items()
            if name in ODD or what in meant
        ],
    )


class Preset:
    """One preset, its documented server, and a visitor who signs in with it."""

    def __init__(self, name, server, visitor, settings):
        self.name, self.case, self.server, self.visitor = name, CASES[name], server, visitor
        self.row = providers.row(name)
        public = self.row.get("TOKEN_ENDPOINT_AUTH_METHOD") == "none"
        self.options = {
            "CLIENT_ID": CLIENT_ID,
            **({} if public else {"CLIENT_SECRET": CLIENT_SECRET}),
            **{
                f"{place}_ENDPOINT": f"{server.url}/{place.lower()}"
                for place in ENDPOINTS
                if f"{place}_ENDPOINT" in self.row
            },
        }
        settings.OAUTH_LOGIN = {"PROVIDERS": {name: self.options}}
        self.answers = {
            place: deepcopy(getattr(self.case, place))
            for place in ("token", "identity", "userinfo", "emails")
        }

    def sign_in(self):
        """Start, approve, come back; return the callback's response."""
        for place, answer in self.answers.items():
            self.server.answers[f"/{place}"] = as_reply(answer)
        self.asked = dict(parse_qsl(urlsplit(self.visitor.start(self.name)["Location"]).query))
        return self.visitor.come_back({**self.case.callback, "state": self.asked["state"]}, self.name)

    def place_of(self, claim):
        """Return which answer has a claim, and where in it."""
        expression = self.row["CLAIMS"][claim]
        place, _, path = expression.partition(".")
        if place in {"token", "identity"}:
            return place, path
        return "userinfo", ".".join(filter(None, [self.row.get("USERINFO_ROOT"), expression]))

    def change(self, claim, value):
        """Have the server say *value* where it says *claim*; nothing at all for ``...``."""
        place, path = self.place_of(claim)
        *steps, last = path.split(".")
        parent = self.answers[place]
        for step in steps:
            parent = parent[int(step) if isinstance(parent, list) else step]
        if value is ...:
            del parent[last]
        else:
            parent[last] = value
            if claim == "sub" and "USERINFO_MATCHES" in self.row:
                self.answers["userinfo"].update(dict.fromkeys(self.row["USERINFO_MATCHES"], value))

    def come_back(self, **callback):
        """Start, and come back with that; return the callback's response."""
        asked = dict(parse_qsl(urlsplit(self.visitor.start(self.name)["Location"]).query))
        return self.visitor.come_back({**callback, "state": asked["state"]}, self.name)


def as_reply(answer):
    status, content = answer if isinstance(answer, tuple) else (200, answer)
    # Several of them call JSON text/plain.
    return reply(content, status, Content_Type="text/plain;charset=UTF-8")
