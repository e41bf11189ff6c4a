"""A GitHub Enterprise on a real server: where it answers, what, and how somebody signs in there."""

import functools
import gzip
import tracemalloc
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

CREDENTIALS = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret-of-the-tests"}
TOKEN = {"access_token": "gho_secret", "token_type": "bearer", "scope": "user:email"}
USER = {"id": 7, "login": "octocat", "type": "User"}
EMAILS = [{"email": "octocat@example.com", "primary": True, "verified": True}]
TOKEN_PATH, USER_PATH, EMAILS_PATH = "/login/oauth/access_token", "/api/v3/user", "/api/v3/user/emails"
REDIRECTS = [300, 301, 302, 303, 304, 307, 308]
PLACES = {TOKEN_PATH: TOKEN, USER_PATH: USER, EMAILS_PATH: EMAILS}


def query_back(visitor, alias="ghe"):
    """Start; return the query to come back with."""
    location = visitor.start(alias)["Location"]
    return {"code": "a-code", "state": parse_qs(urlsplit(location).query)["state"][0]}


def sign_in(visitor, alias="ghe"):
    """Start, come back with a code; return the callback's response."""
    return visitor.come_back(query_back(visitor, alias), alias)


@contextmanager
def less_memory_than(megabytes):
    """Fail if what happens within needs more, at any moment, than there was before."""
    tracemalloc.start()
    try:
        yield
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < megabytes << 20


@functools.cache
def bomb(compress=gzip.compress):
    """Return 200 megabytes of spaces, compressed to less than one."""
    return compress(b" " * (200 << 20), 1)
