"""What strangers typed is text, never markup; what they may link to is what they spelled out."""

from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guestbook.links import with_links
from guestbook.models import Entry
from tests.guestbook.conftest import make_user
from tests.guestbook.markup import read

XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</div></article><h1>Spoof</h1>",
    "https://example.com/<script>alert(1)</script>",
    "https://example.com/?q=\"onmouseover='alert(1)'",
    "https://example.com/'onfocus=alert(1)//",
    "https://example.com/&quot;onclick=alert(1)",
    "https://example.com/&lt;script&gt;alert(1)",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(document.domain)//https",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "javascript://example.com/%0aalert(1)",
    '"<b>"@example.com',
    "a@example.com<script>",
    "{{ 7|add:7 }} {% url 'x' %}",
]


@pytest.fixture
def says(client, db):
    author = make_user("ada")

    def shown(text):
        Entry.objects.create(author=author, text=text)
        page = read(client.get("/"))
        return page, page.all("div", class_="text")[0]

    return shown


def links(element):
    return [a["href"] for a in element.all("a")]


@pytest.mark.parametrize("text", XSS)
def test_markup_is_shown_as_it_was_typed_and_does_nothing(says, text):
    page, shown = says(text)
    assert shown.text == text
    assert {element.tag for element in shown.inside} <= {"a"}
    for link in shown.all("a"):
        assert set(link.attributes) <= {"href", "rel"}
        assert link["href"].startswith(("https://", "mailto:"))
    assert page.one("h1").text == "Guestbook"


@pytest.mark.parametrize("text", XSS)
def test_names_are_as_harmless_as_texts(client, db, text):
    author = make_user("eve", username=text, picture=text, profile_url=f"https://x.example/{text}")
    Entry.objects.create(author=author, text=":)")
    client.force_login(author)
    page = read(client.get("/"))
    assert page.one("a", class_="author").text == text
    assert {img["src"] for img in page.all("img")} == {text}
    assert not page.all("script")


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("See https://example.com/a?b=c&d=e#f.", "https://example.com/a?b=c&d=e#f"),
        ("(https://example.com/wiki/A_(b))", "https://example.com/wiki/A_(b)"),
        ("HTTP://example.com", "http://example.com"),
        ("详见https://example.com/文。很好", "https://example.com/%E6%96%87"),
        ("《https://example.com》", "https://example.com"),
        ("“https://example.com”", "https://example.com"),
        ("write to ada@example.com!", "mailto:ada@example.com"),
    ],
)
def test_addresses_become_links_that_search_engines_do_not_follow(says, text, href):
    _, shown = says(text)
    assert shown.text == text
    assert links(shown) == [href]
    if href.startswith("http"):
        assert shown.one("a")["rel"] == "nofollow"


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "www.example.com",
        "notes.py",
        "www.a@example.com",
        "ftp://example.com",
        "//example.com",
        "http://",
        "a@b",
        "@ada",
    ],
)
def test_what_nobody_spelled_out_is_not_linked(says, text):
    _, shown = says(text)
    assert shown.text == text
    assert links(shown) == []


def test_invisible_characters_do_not_disguise_where_a_link_leads(says):
    _, shown = says("https://example.com/\u202egpj.exe")
    assert links(shown) == ["https://example.com/"]


@pytest.mark.parametrize("spoof", ["\u202eevil\u202d", "\u2067\u2067\u2067", "אבג", "\u200f"])
def test_the_direction_of_a_text_or_name_stays_inside_it(client, db, spoof):
    author = make_user("eve", username=spoof, profile_url="https://x.example/")
    Entry.objects.create(author=author, text=spoof)
    article = read(client.get("/")).one("article")
    assert article.one("div", class_="text")["dir"] == "auto"
    assert article.one("bdi").text == spoof


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(st.sampled_from("htps:/w.@aco m<>\"'&;()[]#?=%\n\u202e。"), max_size=60) | st.text(max_size=60)
)
def test_no_text_gains_or_loses_a_character_by_being_linked(text):
    class Response:
        content = f"<p>{with_links(text)}</p>".encode(errors="replace")

    shown = read(Response).one("p")
    same = str.maketrans({"\r": "\n", "\x00": "\ufffd"})
    expected = text.encode(errors="replace").decode()
    assert shown.text.replace("\r\n", "\n").translate(same) == expected.replace("\r\n", "\n").translate(same)


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a@", "a@b.co ", "http://", "https://a", "(", "+-", "&", ";", "://"]
)
def test_no_text_takes_long_to_show(piece):
    started = perf_counter()
    with_links(piece * (2000 // len(piece)))
    assert perf_counter() - started < 1
