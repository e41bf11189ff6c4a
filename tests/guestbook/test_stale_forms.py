"""A form whose CSRF token is no longer valid: nothing is written, and nothing that was typed is lost."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from guestbook.models import Entry
from tests.guestbook.markup import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def old_tab(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    return client


def test_a_note_from_an_old_tab_is_kept_in_a_fresh_form(old_tab):
    answer = old_tab.post("/write/", {"text": "typed for an hour"})

    assert answer.status_code == 403
    page = read(answer)
    assert page.one("textarea").text.strip() == "typed for an hour"
    assert "out of date" in page.text
    assert not Entry.objects.exists()


def test_a_change_from_an_old_tab_waits_on_the_entrys_page(old_tab, ada):
    entry = Entry.objects.create(author=ada, text="before")

    answer = old_tab.post(f"/entries/{entry.pk}/edit/", {"text": "after"}, follow=True)

    assert answer.redirect_chain == [(f"/entries/{entry.pk}/edit/", 302)]
    assert read(answer).one("textarea").text.strip() == "after"
    entry.refresh_from_db()
    assert entry.text == "before"


def test_a_change_by_somebody_signed_out_meanwhile_is_kept_too(ada):
    entry = Entry.objects.create(author=ada, text="before")

    answer = Client(enforce_csrf_checks=True).post(f"/entries/{entry.pk}/edit/", {"text": "after"})

    assert answer.status_code == 403
    assert read(answer).one("textarea").text.strip() == "after"


def test_other_forms_get_djangos_own_answer(old_tab):
    answer = old_tab.post("/admin/login/", {})

    assert answer.status_code == 403
    assert "CSRF verification failed" in answer.content.decode()
