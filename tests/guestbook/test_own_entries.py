"""Authors change and delete what is theirs, and nothing else."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from guestbook.models import Entry
from tests.guestbook.conftest import signed_in
from tests.guestbook.markup import read, typed


def edit_url(entry):
    return f"/entries/{entry.pk}/edit/"


def delete_url(entry):
    return f"/entries/{entry.pk}/delete/"


def test_only_own_entries_offer_to_be_changed(as_ada, bob, entry):
    theirs = Entry.objects.create(author=bob, text="Mine")
    links = [a["href"] for a in read(as_ada.get("/")).all("a")]
    assert edit_url(entry) in links
    assert delete_url(entry) in links
    assert edit_url(theirs) not in links
    assert delete_url(theirs) not in links


def test_visitors_are_not_offered_to_change_anything(client, entry):
    links = [a["href"] for a in read(client.get("/")).all("a")]
    assert not [link for link in links if link.startswith("/entries/")]


def test_editing_starts_from_what_is_there(as_ada, entry):
    form = read(as_ada.get(edit_url(entry))).one("section", class_="write").one("form")
    assert typed(form.one("textarea")) == "I was here."
    assert form.all("input", name="csrfmiddlewaretoken")


def test_an_edit_shows_that_and_leads_to_the_entry_where_it_stands(as_ada, bob, entry):
    Entry.objects.bulk_create(Entry(author=bob, text=f"Later {n}") for n in range(25))
    later = timezone.now() + timedelta(hours=1)
    with time_machine.travel(later, tick=False):
        response = as_ada.post(edit_url(entry), {"text": "I am here.\r\n"})
    assert response.status_code == 302
    article = read(as_ada.get(response["Location"])).all("article")[0]
    assert article["id"] == response["Location"].partition("#")[2]
    assert "I am here." in article.text
    assert "edited" in article.text
    created_at = entry.created_at
    entry.refresh_from_db()
    assert entry.edited_at == later
    assert entry.created_at == created_at


def test_saving_without_a_change_is_no_edit(as_ada, ada):
    entry = Entry.objects.create(author=ada, text="Two\nlines")
    assert as_ada.post(edit_url(entry), {"text": "Two\r\nlines\r\n"}).status_code == 302
    entry.refresh_from_db()
    assert entry.edited_at is None


def test_a_refused_edit_is_kept_where_it_was_typed(as_ada, entry):
    response = as_ada.post(edit_url(entry), {"text": "x" * 2001})
    assert response.status_code == 422
    page = read(response)
    assert typed(page.one("textarea")) == "x" * 2001
    assert page.one("ul", class_="errorlist")["id"] in page.one("textarea")["aria-describedby"]
    assert page.one("title").text.startswith("Error")
    entry.refresh_from_db()
    assert entry.text == "I was here."


def test_deleting_asks_first(as_ada, entry):
    page = read(as_ada.get(delete_url(entry)))
    assert page.one("blockquote").text == "I was here."
    assert page.one("main").one("form", method="post").all("input", name="csrfmiddlewaretoken")
    assert Entry.objects.exists()


def test_a_deleted_entry_is_gone_and_one_is_told_so(as_ada, entry):
    response = as_ada.post(delete_url(entry), follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Your note is deleted." in read(response).one("div", role="status").text
    assert not Entry.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("url", [edit_url, delete_url])
def test_entries_of_others_cannot_be_found(bob, entry, method, url):
    response = getattr(signed_in(bob), method)(url(entry), {"text": "Stolen"})
    assert response.status_code == 404
    assert Entry.objects.get().text == "I was here."


@pytest.mark.parametrize("pk", [0, 10**18, 10**40])
def test_entries_that_do_not_exist_cannot_be_found(as_ada, pk):
    for action in ("edit", "delete"):
        assert as_ada.get(f"/entries/{pk}/{action}/").status_code == 404


def test_a_hidden_entry_can_be_taken_back_but_not_polished(as_ada, ada):
    hidden = Entry.objects.create(author=ada, text="Buy pills!", hidden=True)
    assert as_ada.post(edit_url(hidden), {"text": "Innocent"}).status_code == 404
    assert as_ada.post(delete_url(hidden)).status_code == 302
    assert not Entry.objects.exists()
