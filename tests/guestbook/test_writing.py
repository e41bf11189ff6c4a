"""Signed-in visitors write; whatever is refused is kept where it was typed, with the reason."""

import pytest
from django.test import Client

from guestbook.models import TEXT_MAX_LENGTH, Entry
from tests.guestbook.conftest import signed_in
from tests.guestbook.markup import read, typed

FRONT = "/"
WRITE = "/write/"


def post(client, text):
    return client.post(WRITE, {"text": text})


def shown(client):
    return read(client.get(FRONT)).all("div", class_="text")[0]


def assert_refused(response, text, reason):
    assert response.status_code == 422
    page = read(response)
    field = page.one("textarea")
    assert typed(field) == text
    assert field["aria-invalid"] == "true"
    described_by = field["aria-describedby"].split()
    errors = [e for e in page.inside if e.attributes.get("id") in described_by and reason in e.text]
    assert errors, f"no description says {reason!r}"
    assert page.one("title").text.startswith("Error")
    assert not Entry.objects.exists()


def test_a_posted_note_is_on_top_of_the_page_one_is_sent_to(as_ada, ada):
    response = post(as_ada, "朕已阅")
    entry = Entry.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"/#entry-{entry.pk}"
    assert entry.author == ada
    assert shown(as_ada).text == "朕已阅"


def test_the_form_posts_with_a_token_to_where_notes_are_written(as_ada):
    form = read(as_ada.get(FRONT)).one("form", action=WRITE)
    assert form["method"] == "post"
    assert form.all("input", name="csrfmiddlewaretoken")
    assert "disabled" not in form.one("textarea")


def test_a_post_without_a_token_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert post(client, "Forged").status_code == 403
    assert not Entry.objects.exists()


def test_a_browser_does_not_cut_a_long_text_before_it_is_refused(as_ada):
    assert "maxlength" not in read(as_ada.get(FRONT)).one("textarea")


@pytest.mark.parametrize("text", ["", "   ", "\r\n\t ", "\u3000", "\u200b\u200d", "\ufeff", "\x00"])
def test_a_text_in_which_nothing_can_be_seen_is_refused(as_ada, text):
    response = post(as_ada, text)
    assert response.status_code == 422
    assert "Please write something first." in read(response).text
    assert not Entry.objects.exists()


def test_a_post_without_a_text_is_refused(as_ada):
    assert_refused(as_ada.post(WRITE), "", "Please write something first.")


def test_a_text_that_is_too_long_is_kept_with_the_number_to_reach(as_ada):
    text = "x" * (TEXT_MAX_LENGTH + 1)
    assert_refused(post(as_ada, text), text, "to 2000 characters; it has 2001")


def test_the_longest_text_is_accepted(as_ada):
    assert post(as_ada, "字" * TEXT_MAX_LENGTH).status_code == 302


def test_line_breaks_count_once_although_browsers_send_two_characters(as_ada):
    assert post(as_ada, "ab\r\n" * 666 + "ab").status_code == 302
    assert len(Entry.objects.get().text) == TEXT_MAX_LENGTH


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
def test_control_characters_are_refused(as_ada, character):
    response = post(as_ada, f"ring{character}ring")
    assert response.status_code == 422
    assert "control characters" in read(response).one("ul", class_="errorlist").text
    assert not Entry.objects.exists()


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n", "\u2028", "\u2029"])
def test_line_breaks_and_tabs_are_kept(as_ada, line_break):
    post(as_ada, f"  one{line_break}{line_break}\ttwo{line_break} ")
    assert Entry.objects.get().text == "one\n\n\ttwo"
    assert shown(as_ada).text == "one\n\n\ttwo"


def test_sending_the_same_note_twice_leaves_one(as_ada):
    first, second = post(as_ada, "Click"), post(as_ada, "Click\r\n")
    assert first["Location"] == second["Location"]
    assert Entry.objects.count() == 1


def test_the_same_words_are_a_new_note_after_others_and_from_others(as_ada, bob):
    post(as_ada, "Hello")
    post(signed_in(bob), "Hello")
    post(as_ada, "Me again")
    post(as_ada, "Hello")
    assert Entry.objects.count() == 4


def test_a_note_like_a_hidden_one_is_a_new_note(as_ada, ada):
    hidden = Entry.objects.create(author=ada, text="Hello", hidden=True)
    assert not post(as_ada, "Hello")["Location"].endswith(f"#entry-{hidden.pk}")
    assert Entry.objects.visible().count() == 1


def test_nobody_writes_in_the_name_of_others_or_hides_by_adding_fields(as_ada, ada, bob):
    as_ada.post(WRITE, {"text": "Hi", "author": bob.pk, "hidden": "on", "created_at": "2000-01-01"})
    entry = Entry.objects.get()
    assert (entry.author, entry.hidden) == (ada, False)
    assert entry.created_at.year > 2000


def test_reloading_the_address_of_a_refused_post_leads_to_the_form(as_ada, client):
    for visitor in (as_ada, client):
        assert visitor.get(WRITE)["Location"] == "/#write"
    assert read(as_ada.get(FRONT)).one("section", id="write")


def test_other_methods_are_refused(as_ada):
    assert as_ada.put(WRITE).status_code == 405
