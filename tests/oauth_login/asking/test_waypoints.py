"""Whoever lacks something is sent where they can get it, as a browser, htmx or ``fetch`` can be sent."""

import json

import pytest

from tests.oauth_login.asking.conftest import forms_of, query_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FEED = "http://testserver/feed/?page=2"


def way_of(answer):
    """Return where a redirect leads, or a script is told to go; and check that it is told so."""
    if answer.status_code == 302:
        return answer["Location"]
    told = json.loads(answer.content)
    assert (answer.status_code, told.keys()) == (403, {"error", "url"})
    assert answer["HX-Redirect"] == told["url"]
    assert told["error"] == "scope_required"
    return told["url"]


@pytest.mark.parametrize(
    ("headers", "is_scripted"),
    [
        ({}, False),
        (BROWSER, False),
        (BROWSER | {"Sec-Fetch-Mode": "navigate"}, False),
        ({"Accept": "*/*"}, False),
        (BROWSER | {"X-Requested-With": "com.example.browser"}, False),
        ({"Accept": "*/*", "Sec-Fetch-Mode": "cors"}, True),
        (BROWSER | {"Sec-Fetch-Mode": "same-origin"}, True),
        ({"Accept": "image/*", "Sec-Fetch-Mode": "no-cors"}, True),
        ({"Accept": "application/json"}, True),
        ({"Accept": "application/json, text/plain, */*"}, True),
        (BROWSER | {"X-Requested-With": "XMLHttpRequest"}, True),
        (BROWSER | {"HX-Request": "true"}, True),
        (BROWSER | {"HX-Request": "true", "HX-Boosted": "true"}, True),
        (BROWSER | {"HX-Request": "true", "Sec-Fetch-Mode": "cors"}, True),
    ],
)
def test_a_browser_is_redirected_and_a_script_is_told(octocat, headers, is_scripted):
    answer = octocat.get("/repositories/", headers=headers)

    assert answer.status_code == (403 if is_scripted else 302)
    assert way_of(answer).startswith("/oauth2/github/grant/?ask=")


@pytest.mark.parametrize("headers", [BROWSER, {"HX-Request": "true"}])
def test_no_cache_gives_one_form_of_the_answer_to_who_needs_the_other(octocat, headers):
    answer = octocat.get("/repositories/", headers=headers)

    assert answer["Cache-Control"] == "no-store, private"
    vary = {name.strip() for name in answer["Vary"].split(",")}
    assert vary >= {"HX-Request", "X-Requested-With", "Sec-Fetch-Mode", "Accept", "Cookie"}


@pytest.mark.parametrize(
    ("method", "headers", "page"),
    [
        ("get", {}, "/repositories/?page=2"),
        ("head", {}, "/repositories/?page=2"),
        ("get", {"Referer": FEED}, "/repositories/?page=2"),
        (
            "get",
            {"HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": FEED},
            "/repositories/?page=2",
        ),
        ("get", {"HX-Request": "true", "HX-Current-URL": FEED}, "/feed/?page=2"),
        ("get", {"Sec-Fetch-Mode": "cors", "Referer": FEED}, "/feed/?page=2"),
        ("post", {"Referer": FEED}, "/feed/?page=2"),
        ("post", {"Referer": "https://testserver/feed/"}, "/feed/"),
        ("post", {"HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": FEED}, "/feed/?page=2"),
        ("post", {"HX-Current-URL": FEED, "Referer": "http://testserver/other/"}, "/feed/?page=2"),
        ("post", {}, ""),
        ("post", {"Referer": "https://evil.example/feed/"}, ""),
        ("post", {"Referer": "http://testserver.evil.example/feed/"}, ""),
        ("post", {"Referer": "http://testserver:81/feed/"}, ""),
        ("post", {"Referer": "javascript://testserver/%0aalert(1)"}, ""),
        ("post", {"Referer": "http://testserver//evil.example/"}, ""),
        ("post", {"Referer": "http://[::1/feed/"}, ""),
        ("post", {"HX-Current-URL": "https://evil.example/"}, ""),
        ("post", {"Referer": "http://testserver/oauth2/login/"}, ""),
        ("post", {"Referer": f"http://testserver/{'a' * 2000}"}, ""),
    ],
)
def test_the_way_back_is_the_page_that_the_visitor_is_on(octocat, method, headers, page):
    answer = getattr(octocat, method)("/repositories/?page=2", headers=headers)

    assert query_of(way_of(answer)).get("next", "") == page


def test_without_a_way_back_the_visitor_comes_to_their_accounts(octocat, agree):
    page = octocat.get(octocat.post("/repositories/")["Location"])

    answer = agree(octocat, octocat.start(**forms_of(page)[0]))

    assert answer["Location"] == "/oauth2/"
