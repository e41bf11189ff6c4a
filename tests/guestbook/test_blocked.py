"""A blocked author reads, takes back what they wrote, and is told calmly that there is no more."""

import pytest

from guestbook.models import BlockedAuthor, Entry
from tests.guestbook.markup import read, typed


@pytest.fixture
def blocked(ada):
    return BlockedAuthor.objects.create(user=ada, reason="Pills, again")


def test_there_is_a_message_where_the_form_would_be(as_ada, blocked, entry):
    page = read(as_ada.get("/"))
    section = page.one("section", id="write")
    assert "You cannot write in this guestbook" in section.text
    assert not section.all("form")
    links = [a["href"] for a in page.all("a")]
    assert f"/entries/{entry.pk}/edit/" not in links
    assert f"/entries/{entry.pk}/delete/" in links


@pytest.mark.parametrize("path", ["/write/", "/entries/{pk}/edit/"])
def test_a_text_sent_anyway_is_refused_and_given_back(as_ada, blocked, entry, path):
    response = as_ada.post(path.format(pk=entry.pk), {"text": "Typed before the block"})
    assert response.status_code == 403
    assert typed(read(response).one("textarea")) == "Typed before the block"
    assert Entry.objects.get().text == "I was here."


def test_without_a_text_there_is_nothing_to_give_back(as_ada, blocked):
    response = as_ada.post("/write/")
    assert response.status_code == 403
    assert not read(response).all("textarea")


def test_the_edit_form_is_closed(as_ada, blocked, entry):
    assert as_ada.get(f"/entries/{entry.pk}/edit/").status_code == 403


def test_own_entries_can_still_be_deleted(as_ada, blocked, entry):
    assert as_ada.post(f"/entries/{entry.pk}/delete/").status_code == 302
    assert not Entry.objects.exists()


def test_the_reason_stays_with_the_owner(as_ada, blocked):
    for response in (as_ada.get("/"), as_ada.post("/write/", {"text": "x"})):
        assert b"Pills" not in response.content


def test_a_block_goes_with_its_user(ada, blocked):
    ada.delete()
    assert not BlockedAuthor.objects.exists()
