"""``next``: the visitor comes back to where they were, and never to another site."""

import html
import re
from urllib.parse import urlencode

import pytest
from django.urls import clear_script_prefix, set_script_prefix
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login.redirects import default_page, same_origin_path

DEFAULT = "/"  # LOGIN_REDIRECT_URL and LOGOUT_REDIRECT_URL of the tests: the guestbook

GOOD = {
    "/": "/",
    "/where/": "/where/",
    "/#write": "/#write",
    "/search/?q=a+b&page=2#top": "/search/?q=a+b&page=2#top",
    "/a:b/@c/~d": "/a:b/@c/~d",
    "/留言/": "/%E7%95%99%E8%A8%80/",
    "/%E7%95%99/": "/%E7%95%99/",
    "/?next=https://elsewhere.example/": "/?next=https://elsewhere.example/",
    "/oauth2/": "/oauth2/",  # the visitor's own accounts
    "/admin/": "/admin/",
    # C10, C11: stays on this site, because a single slash is followed by neither slash nor backslash.
    "/%2fevil.example": "/%2fevil.example",
    "/%5cevil.example": "/%5cevil.example",
    "/%09/evil.example": "/%09/evil.example",
    "/%252f/evil.example": "/%252f/evil.example",
    "/.../...?q=/../": "/.../...?q=/../",
    "/\N{FULLWIDTH SOLIDUS}evil.example": "/%EF%BC%8Fevil.example",
    "/ evil.example": "/%20evil.example",
}
BAD = {
    "C05": ["//evil.example", "///evil.example", "////evil.example", "//evil.example/%2f..", "//"],
    "C06": ["/\\evil.example", "\\\\evil.example", "/\\/evil.example", "\\/evil.example", "/a\\b", "\\evil"],
    "C07": [
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "\x01//evil.example",
        "\x00//evil.example",
        "/\x00",
        "/\x7f/x",
        "/a\rb",
        " /where/",
    ],
    "C08": [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "http:evil.example",
        "https:///evil.example",
        "https:evil.example",
        "blob:https://testserver/x",
        "mailto:a@evil.example",
    ],
    "C09": [
        "https://testserver@evil.example/",
        "//testserver@evil.example/",
        "https://testserver:443@evil.example",
        "https://evil.example\\@testserver",
    ],
    "C10": [
        "\N{FULLWIDTH SOLIDUS}\N{FULLWIDTH SOLIDUS}evil.example",
        "//evil。example",
        "//ⓔvil.example",
        "/\u2028/evil.example",
        "/\u200b/evil.example",
        "/\u202eevil.example",
        "\ufeff/where/",
    ],
    "C12": [
        "https://testserver.evil.example/",
        "https://eviltestserver/",
        "http://testserver:8080/",
        "http://testserver/where/",
        "https://testserver/where/",
        "https://good.example/x",
    ],
    "C13": ["//[::1", "https://[x", "http://testserver:port/", "//[", "https://]/"],
    "C14": ["/" + "a" * 2000, "/" + "a" * 1_000_000, "/" + "留" * 300, "/" + "留" * 223],
    "C15": ["/ok\r\nSet-Cookie:a=b", "/ok\nX: y"],
    "C17": [
        "/oauth2/login/",
        "/oauth2/logout/",
        "/oauth2/logout/?next=/oauth2/logout/",
        "/oauth2/github/authorize/",
        "/oauth2/github/callback/?error=x",
        "/oauth2/github/callback",
        "/oauth2/github/callback#top",
        "/oauth2/%6cogout/",
        "/oauth2/sandbox/github/authorize/",
        "/where/../oauth2/logout/",
        "/where/%2E%2e/oauth2/logout/",
        "/./oauth2/logout/",
        "/oauth2/github/%2e/authorize/..",
    ],
    "C11": ["/..//evil.example", "/.//evil.example", "/where/..#top"],
    "C18": ["LOGIN_URL", "SECRET_KEY", "GITHUB_SECRET", "admin:index", "guestbook:index", "index"],
    "C19": ["", "where", "./where", "../where", "?next=/", "#top", "None"],
}


def bad_values():
    return [
        pytest.param(value, id=f"{threat}-{number}")
        for threat, values in BAD.items()
        for number, value in enumerate(values)
    ]


def is_on_this_site(location):
    """Tell what a browser would do with *location* (WHATWG URL): a single slash keeps it here."""
    return location.isascii() and location.isprintable() and re.match(r"/(?![/\\])", location) is not None


@pytest.mark.threat("C10", "C11")
def test_a_visitor_comes_back_to_any_page_of_this_site(visitor, github):
    for asked, given_back in GOOD.items():
        answer = visitor.sign_in(github, next=asked)

        assert answer["Location"] == given_back
        assert is_on_this_site(answer["Location"])


def form_of(page):
    """Return the fields of the forms on *page* that carry a ``next``."""
    return [html.unescape(value) for value in re.findall(r'name="next" value="([^"]*)"', page)]


def press(visitor, path, value):
    """POST the form at *path* with a ``next`` of any characters at all."""
    body = urlencode({"next": value}, errors="surrogatepass")
    return visitor.post(path, body, content_type="application/x-www-form-urlencoded")


@pytest.mark.threat(
    "C05", "C06", "C07", "C08", "C09", "C10", "C11", "C12", "C13", "C14", "C15", "C17", "C18", "C19"
)
@pytest.mark.parametrize("value", bad_values())
def test_any_other_next_counts_as_none(visitor, github, settings, value):
    settings.ALLOWED_HOSTS = ["testserver", "good.example"]
    query = urlencode({"next": value}, errors="surrogatepass")

    def start():
        return press(visitor, "/oauth2/github/authorize/", value)["Location"]

    assert visitor.come_back(github.deny(start()))["Location"] == "/oauth2/login/?denied=1"
    for path in ("/oauth2/login/", "/oauth2/github/authorize/"):
        page = visitor.get(f"{path}?{query}")
        assert page.status_code == 200
        assert form_of(page.content.decode()) == []
    refused = visitor.come_back(github.approve(start(), code=None))
    assert form_of(refused.content.decode()) == []

    answer = visitor.come_back(github.approve(start()))
    assert (answer.status_code, answer["Location"]) == (302, DEFAULT)
    assert "Set-Cookie" not in answer.headers
    assert "a" not in answer.cookies
    signed_in_page = visitor.get(f"/oauth2/login/?{query}").content.decode()
    assert '<a href="/oauth2/">' in signed_in_page

    answer = press(visitor, "/oauth2/logout/", value)
    assert (answer.status_code, answer["Location"]) == (302, DEFAULT)


@hypothesis_settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet="/\\.:@%#? \t\n\r\0abhtps25cf[]é\N{FULLWIDTH SOLIDUS}", max_size=20),
        st.text(alphabet="/\\.:@%#?\t2fc5", max_size=12).map(lambda tail: f"/{tail}"),
    )
)
@example("/\t/evil.example")
@example("//")
def test_whatever_is_accepted_is_a_path_of_this_site(value):
    path = same_origin_path(value)

    assert path == "" or is_on_this_site(path)
    assert same_origin_path(path) == path  # so that it may be checked again wherever it arrives


@pytest.mark.parametrize("value", [None, 0, b"/where/", ["/where/"], object(), "/\ud800"])
def test_what_is_no_text_is_no_page(value):
    assert same_origin_path(value) == ""


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.text(alphabet="/\\.:@%#? \t\r\nabe", max_size=15))
def test_a_sign_in_always_ends_on_this_site(new_visitor, github, value):
    answer = new_visitor().sign_in(github, next=value)

    assert answer.status_code == 302
    assert is_on_this_site(answer["Location"])


@pytest.mark.threat("C14")
def test_a_next_of_a_megabyte_is_not_kept(visitor):
    visitor.start(next="/" + "a" * 1_000_000)

    (cookie,) = visitor.attempt_cookies().values()
    assert len(cookie) < 1000


@pytest.mark.threat("C14")
def test_the_longest_next_that_is_kept_comes_back_whole(visitor, github):
    longest = "/" + "a" * 1999

    assert visitor.sign_in(github, next=longest)["Location"] == longest


@pytest.mark.threat("C16")
@pytest.mark.parametrize("value", ["/admin/", "//evil.example"])
def test_a_next_at_the_callback_is_not_looked_at(visitor, github, value):
    query = github.approve(visitor.start(next="/where/")["Location"])

    assert visitor.come_back({**query, "next": value})["Location"] == "/where/"


@pytest.mark.threat("C16", "I05")
def test_a_next_at_a_callback_that_is_refused_is_not_looked_at_either(visitor):
    answer = visitor.come_back({"state": "forged", "code": "x", "next": "/admin/"})

    assert form_of(answer.content.decode()) == []
    assert "/admin/" not in answer.content.decode()


@pytest.mark.threat("C19")
@pytest.mark.parametrize(
    "body",
    ["next=/a&next=//evil.example", "next=/a&next=/a", "next[]=/a", "next[0]=/a", "NEXT=/a", "nextpage=/a"],
)
def test_a_repeated_or_misnamed_next_counts_as_none(visitor, github, body):
    form = "application/x-www-form-urlencoded"
    leaving = visitor.post("/oauth2/github/authorize/", body, content_type=form)

    assert visitor.come_back(github.approve(leaving["Location"]))["Location"] == DEFAULT


def test_a_start_reads_next_from_its_form_only(visitor, github):
    leaving = visitor.post("/oauth2/github/authorize/", query_params={"next": "/from-the-url/"})

    assert visitor.come_back(github.approve(leaving["Location"]))["Location"] == DEFAULT


@pytest.mark.threat("C20")
def test_the_referrer_decides_nothing(visitor, github):
    for referer in ("https://evil.example/", "http://testserver/where/"):
        leaving = visitor.post("/oauth2/github/authorize/", headers={"referer": referer})

        answer = visitor.come_back(github.approve(leaving["Location"]), headers={"referer": referer})
        assert answer["Location"] == DEFAULT


# --- Where to without a next ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "page"),
    [
        ("guestbook:index", "/"),
        ("/where/?a=b#c", "/where/?a=b#c"),  # perhaps nginx serves it, not Django
        ("https://app.example.com/", "https://app.example.com/"),
        ("/accounts/profile/", "/oauth2/"),  # Django's default, which does not exist here
        ("no-such-name", "/oauth2/"),
        ("", "/oauth2/"),
        (None, "/oauth2/"),
    ],
)
def test_without_a_next_the_site_decides(visitor, github, settings, setting, page):
    settings.LOGIN_REDIRECT_URL = setting

    assert visitor.sign_in(github)["Location"] == page


def test_djangos_own_default_is_taken_where_it_exists(visitor, github, settings):
    settings.ROOT_URLCONF = "tests.oauth_login.urls_with_a_profile"
    settings.LOGIN_REDIRECT_URL = "/accounts/profile/"

    assert visitor.sign_in(github)["Location"] == "/accounts/profile/"


@pytest.fixture
def mounted_at_app():
    set_script_prefix("/app/")
    yield
    clear_script_prefix()


@pytest.mark.threat("C17")
@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/app/oauth2/logout/", ""),
        ("/app/oauth2/", "/app/oauth2/"),
        ("/app/where/", "/app/where/"),
        ("/oauth2/logout/", "/oauth2/logout/"),  # of somebody else on this host
    ],
)
def test_a_project_below_a_path_knows_its_own_pages(mounted_at_app, value, path):
    assert same_origin_path(value) == path


def test_a_project_below_a_path_has_its_default_page_there(mounted_at_app, settings):
    assert default_page() == "/app/"

    settings.LOGIN_REDIRECT_URL = "/accounts/profile/"
    assert default_page() == "/app/oauth2/"


@pytest.mark.parametrize(
    ("setting", "page"), [(None, "/oauth2/login/"), ("guestbook:index", "/"), ("/x/", "/x/")]
)
def test_after_signing_out_the_site_decides_too(visitor, settings, setting, page):
    settings.LOGOUT_REDIRECT_URL = setting

    assert visitor.post("/oauth2/logout/")["Location"] == page
    assert visitor.post("/oauth2/logout/", {"next": "/where/"})["Location"] == "/where/"
