"""Anybody reads: newest first, page by page, at a price that does not depend on what lies below."""

from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import find
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from guestbook.models import Entry
from tests.guestbook.conftest import link, make_user, signed_in
from tests.guestbook.markup import read

FRONT = "/"


def texts(response):
    return [text.text for text in read(response).all("div", class_="text")]


def older(response):
    """Where the link to the next page leads."""
    return next((link["href"] for link in read(response).all("a", rel="next")), None)


def write_many(author, count):
    return Entry.objects.bulk_create(Entry(author=author, text=f"Note {n}") for n in range(count))


def sql(client, url=FRONT):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_front_page_is_the_guestbook(client, entry):
    assert reverse("guestbook:index") == FRONT
    assert texts(client.get(FRONT)) == ["I was here."]


def test_an_entry_shows_name_picture_profile_and_time(client, entry):
    article = read(client.get(FRONT)).one("article")
    assert article["id"] == f"entry-{entry.pk}"
    author = article.one("a", class_="author")
    assert author.text == "ada-on-github"
    assert author["href"] == "https://github.com/ada-on-github"
    assert set(author["rel"].split()) == {"nofollow", "noopener", "noreferrer", "ugc"}
    picture = article.one("img")
    assert picture["src"] == "https://pictures.example/ada.png"
    assert picture["alt"] == ""
    assert picture["referrerpolicy"] == "no-referrer"
    assert picture["loading"] == "lazy"
    assert picture["width"] == picture["height"] == "40"
    assert datetime.fromisoformat(article.one("time")["datetime"]) == entry.created_at
    assert "edited" not in article.text


def test_an_author_without_a_picture_is_an_initial_that_is_not_read_aloud(client, bob):
    Entry.objects.create(author=bob, text="Me too.")
    article = read(client.get(FRONT)).one("article")
    assert not article.all("img")
    assert article.one("svg")["aria-hidden"] == "true"
    assert article.one("text").text == "B"


def test_an_author_without_a_profile_is_a_name_without_a_link(client, bob):
    Entry.objects.create(author=bob, text="Me too.")
    assert read(client.get(FRONT)).one("bdi", class_="author").text == "bob-on-github"


@pytest.mark.parametrize(
    "profile_url", ["javascript:alert(1)", "http://insecure.example/", "//example.com/", "data:,x"]
)
def test_a_profile_that_is_not_on_the_secure_web_is_not_linked(client, db, profile_url):
    Entry.objects.create(author=make_user("eve", username="eve", profile_url=profile_url), text=":)")
    page = read(client.get(FRONT))
    assert page.one("bdi", class_="author").text == "eve"
    assert profile_url not in [a["href"] for a in page.all("a")]


def test_an_author_without_a_username_at_the_provider_has_their_name_there(client, db):
    Entry.objects.create(author=make_user("u1", name="Grace Hopper"), text="Hi")
    assert "Grace Hopper" in read(client.get(FRONT)).one("article").text


@pytest.mark.parametrize("account", [{}, {"picture": "https://pictures.example/x.png"}])
def test_an_author_without_a_name_at_any_provider_has_their_username_here(client, db, account):
    Entry.objects.create(author=make_user("mallory", **account), text="Hi")
    assert read(client.get(FRONT)).one("bdi", class_="author").text == "mallory"


def test_a_second_linked_account_does_not_rename_the_author(client, ada, entry):
    link(ada, username="ada-elsewhere")
    assert read(client.get(FRONT)).one("a", class_="author").text == "ada-on-github"


@pytest.mark.parametrize(("username", "shown"), [("grace@navy.example", "grace"), ("@grace", "@grace")])
def test_an_address_to_sign_in_with_is_not_published(client, db, username, shown):
    Entry.objects.create(author=make_user(username), text="Hi")
    response = client.get(FRONT)
    assert read(response).one("bdi", class_="author").text == shown
    assert b"navy.example" not in response.content


def test_entries_go_with_their_author(client, ada, entry):
    ada.delete()
    assert texts(client.get(FRONT)) == []


def test_hidden_entries_are_not_shown(client, ada, entry):
    Entry.objects.create(author=ada, text="Buy pills!", hidden=True)
    assert texts(client.get(FRONT)) == ["I was here."]


def test_an_empty_guestbook_invites(client, db):
    assert "Yours can be the first" in read(client.get(FRONT)).text


def test_pages_follow_each_other_newest_first_without_gaps(client, ada):
    write_many(ada, 45)
    first = client.get(FRONT)
    second = client.get(older(first))
    third = client.get(older(second))
    shown = [texts(page) for page in (first, second, third)]
    assert [len(page) for page in shown] == [20, 20, 5]
    assert [text for page in shown for text in page] == [f"Note {n}" for n in reversed(range(45))]
    assert older(third) is None


def test_a_full_last_page_promises_no_older_one(client, ada):
    write_many(ada, 20)
    assert older(client.get(FRONT)) is None


def test_an_older_page_leads_back_to_the_newest_notes(client, entry):
    newest = [a for a in read(client.get(f"/?before={entry.pk + 1}")).all("a") if a.text == "Newest notes"]
    assert [a["href"] for a in newest] == [FRONT]


def test_writing_does_not_move_the_page_one_is_reading(client, ada):
    write_many(ada, 30)
    second = older(client.get(FRONT))
    before = texts(client.get(second))
    write_many(ada, 5)
    assert texts(client.get(second)) == before


def test_below_the_last_entry_there_is_nothing(client, entry):
    assert "There are no older notes" in read(client.get("/?before=0")).text


@pytest.mark.parametrize("before", ["", "x", "-1", "1.5", "1 ", "٣", "9" * 19, "9" * 5000, "1\x00"])
def test_a_page_that_cannot_exist_is_not_found(client, db, before):
    assert client.get(FRONT, {"before": before}).status_code == 404


def test_the_time_links_to_a_page_that_shows_the_entry_however_old(client, ada):
    oldest = Entry.objects.create(author=ada, text="First!")
    write_many(ada, 30)
    url, _, anchor = oldest.get_absolute_url().partition("#")
    assert anchor == f"entry-{oldest.pk}"
    assert texts(client.get(url)) == ["First!"]


def test_a_visitor_costs_three_queries_however_many_entries_and_authors(client, db):
    write_many(make_user("u", username="u"), 1)
    assert sql(client) == 3
    for n in range(25):
        write_many(make_user(f"u{n}", username=f"u{n}"), 3)
    assert sql(client) == 3
    assert sql(client, f"/?before={Entry.objects.latest('pk').pk}") == 3


def test_a_signed_in_visitor_costs_eight_queries_however_many_entries(as_ada, ada, bob):
    # The session, the user, their block, their picture, whether they have to sign in again; the entries,
    # their authors, their pictures.
    write_many(bob, 1)
    assert sql(as_ada) == 8
    write_many(bob, 15)
    write_many(ada, 15)
    assert sql(as_ada) == 8


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases explain in other words")
def test_the_entries_are_read_from_an_index_without_sorting(client, entry):
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/?before={entry.pk + 1}")
    query = next(q["sql"] for q in captured if 'FROM "guestbook_entry"' in q["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        plan = " ".join(row[-1] for row in cursor.fetchall())
    assert "SEARCH guestbook_entry USING INDEX guestbook_entry_visible" in plan
    assert "B-TREE" not in plan


def test_the_page_needs_no_script_and_no_inline_style(as_ada, entry):
    page = read(as_ada.get(FRONT))
    assert not page.all("script")
    assert not page.all("style")
    for element in page.inside:
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", ["/", "/entries/{pk}/edit/", "/entries/{pk}/delete/"])
def test_every_page_is_whole_and_every_reference_leads_somewhere(as_ada, entry, path):
    page = read(as_ada.get(path.format(pk=entry.pk)))
    assert page.one("html")["lang"] == "en"
    assert page.one("html")["dir"] == "ltr"
    assert page.one("meta", name="viewport")
    assert "Guestbook" in page.one("title").text
    ids = [element["id"] for element in page.inside if "id" in element]
    assert len(ids) == len(set(ids))
    references = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    for name in ("for", "aria-describedby", "aria-labelledby"):
        for element in page.inside:
            references.update(element.attributes.get(name, "").split())
    assert references <= set(ids)
    assert "main" in references


def test_the_header_says_who_is_signed_in_and_lets_them_go(as_ada, ada):
    header = read(as_ada.get(FRONT)).one("header", class_="top")
    me = header.one("a", class_="me")
    assert me["href"] == reverse("oauth_login:accounts")
    assert me.one("bdi").text == "ada-on-github"
    assert me.one("img")["src"] == "https://pictures.example/ada.png"
    sign_out = header.one("form", method="post")
    assert sign_out["action"] == reverse("oauth_login:logout")
    assert sign_out.one("input", name="next")["value"] == FRONT
    assert sign_out.all("input", name="csrfmiddlewaretoken")


def test_the_header_offers_visitors_to_sign_in(client, db):
    header = read(client.get(FRONT)).one("header", class_="top")
    assert [a["href"] for a in header.all("a") if a.text == "Sign in"] == [
        reverse("oauth_login:login") + "?next=/"
    ]


def test_only_staff_are_shown_the_way_to_the_admin(as_ada, as_owner):
    admin = reverse("admin:guestbook_entry_changelist")
    assert admin in [a["href"] for a in read(as_owner.get(FRONT)).all("a")]
    assert admin not in [a["href"] for a in read(as_ada.get(FRONT)).all("a")]


def test_everybody_may_read_where_signing_in_is_the_rule(client, entry, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert client.get(FRONT).status_code == 200


def test_a_page_cannot_be_posted_to(as_ada):
    assert as_ada.post(FRONT).status_code == 405


def test_people_are_known_by_whatever_their_user_model_signs_in_with(client, db, monkeypatch):
    user = get_user_model().objects.create_user("internal-1", email="grace@navy.example")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    Entry.objects.create(author=user, text="Hi")
    assert read(client.get(FRONT)).one("bdi", class_="author").text == "grace"
    assert read(signed_in(user).get(FRONT)).one("a", class_="me").one("bdi").text == "grace"


def test_the_stylesheet_is_small_and_loads_nothing_from_elsewhere():
    css = Path(str(find("guestbook/guestbook.css"))).read_text()
    assert len(css.encode()) < 8_000
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css


def test_every_file_a_page_names_is_there(client, db):
    page = read(client.get(FRONT))
    files = [link["href"].removeprefix("/static/") for link in page.all("link")]
    assert len(files) == 3
    assert [name for name in files if not find(name)] == []
