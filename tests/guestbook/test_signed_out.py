"""Who is signed out finds the way to sign in where the button would be, and loses nothing typed."""

import pytest

from guestbook.drafts import _MAX_LENGTH
from guestbook.models import Entry
from tests.guestbook.conftest import signed_in
from tests.guestbook.markup import read, typed

FRONT = "/"
WRITE = "/write/"


def field(response):
    return read(response).one("textarea")


def test_the_sign_in_buttons_stand_where_the_submit_button_would(client, db):
    section = read(client.get(FRONT)).one("section", id="write")
    assert "disabled" in section.one("textarea")
    button = section.one("button", type="submit")
    assert "GitHub" in button.text
    assert section.one("input", name="next")["value"] == "/#write"
    forms = [element for element in button.parents if element.tag == "form"]
    assert [form["method"] for form in forms] == ["post"], "a form in a form is no form"


def test_reading_leaves_no_session_behind(client, db):
    assert "sessionid" not in client.get(FRONT).cookies


def test_what_was_typed_when_the_session_ended_is_shown_and_waits(client, ada):
    response = client.post(WRITE, {"text": "A long\r\n\r\nletter"})
    assert response.status_code == 403
    page = read(response)
    assert typed(page.one("textarea")) == "A long\r\n\r\nletter"
    assert "readonly" in page.one("textarea")
    assert "signed out" in page.one("p", role="alert").text
    assert page.one("section", id="write").one("input", name="next")["value"] == "/#write"
    assert not Entry.objects.exists()
    assert typed(field(client.get(FRONT))) == "A long\r\n\r\nletter"

    client.force_login(ada)
    page = read(client.get(FRONT))
    assert typed(page.one("textarea")) == "A long\r\n\r\nletter"
    assert "readonly" not in page.one("textarea")
    assert page.one("form", action=WRITE).all("textarea")


def test_a_draft_disappears_once_it_is_posted(client, ada):
    client.post(WRITE, {"text": "Letter"})
    client.force_login(ada)
    client.post(WRITE, {"text": "Letter, corrected"})
    assert typed(field(client.get(FRONT))) == ""
    assert Entry.objects.get().text == "Letter, corrected"


def test_a_draft_survives_a_refused_post(client, ada):
    client.post(WRITE, {"text": "Letter"})
    client.force_login(ada)
    client.post(WRITE, {"text": ""})
    assert typed(field(client.get(FRONT))) == "Letter"


@pytest.mark.parametrize("posted", [{}, {"text": ""}, {"text": " \r\n"}])
def test_nothing_typed_is_nothing_to_keep(client, db, posted):
    response = client.post(WRITE, posted)
    assert response.status_code == 403
    assert "sessionid" not in response.cookies
    assert not read(response).all("p", role="alert") or posted["text"]


def test_a_stranger_cannot_fill_the_session_store(client, db):
    client.post(WRITE, {"text": "x" * 100_000})
    assert len(typed(field(client.get(FRONT)))) == _MAX_LENGTH


def test_a_text_that_is_too_long_waits_to_be_shortened(client, ada):
    client.post(WRITE, {"text": "x" * 2500})
    client.force_login(ada)
    assert len(typed(field(client.get(FRONT)))) == 2500


def test_what_was_typed_into_an_edit_waits_for_that_entry_only(client, ada, entry):
    edit = f"/entries/{entry.pk}/edit/"
    response = client.post(edit, {"text": "Changed"})
    assert response.status_code == 403
    page = read(response)
    assert typed(page.one("textarea")) == "Changed"
    assert page.one("section", class_="write").one("input", name="next")["value"] == edit

    client.force_login(ada)
    other = Entry.objects.create(author=ada, text="Other")
    assert typed(field(client.get(FRONT))) == ""
    assert typed(field(client.get(f"/entries/{other.pk}/edit/"))) == "Other"
    assert typed(field(client.get(edit))) == "Changed"

    client.post(WRITE, {"text": "Something else"})
    assert typed(field(client.get(edit))) == "Changed"
    client.post(edit, {"text": "Changed"})
    entry.refresh_from_db()
    assert entry.text == "Changed"
    assert entry.edited_at
    client.post(edit, {"text": "Back"})
    assert typed(field(client.get(edit))) == "Back"


def test_signing_in_leads_to_the_edit_form_one_asked_for(client, entry):
    edit = f"/entries/{entry.pk}/edit/"
    assert client.get(edit)["Location"] == f"/oauth2/login/?next={edit}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_is_deleted_before_signing_in(client, entry, method):
    delete = f"/entries/{entry.pk}/delete/"
    assert getattr(client, method)(delete)["Location"] == f"/oauth2/login/?next={delete}"
    assert Entry.objects.exists()


def test_strangers_learn_nothing_about_which_entries_exist(client, entry):
    for pk in (entry.pk, entry.pk + 1):
        assert client.get(f"/entries/{pk}/edit/").status_code == 302
        assert client.post(f"/entries/{pk}/edit/", {"text": "x"}).status_code == 403


def test_where_signing_in_is_the_rule_what_was_typed_is_kept_too(client, ada, entry, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    for url in (WRITE, f"/entries/{entry.pk}/edit/"):
        response = client.post(url, {"text": "Letter"})
        assert response.status_code == 403
        assert typed(field(response)) == "Letter"
    assert signed_in(ada).get(f"/entries/{entry.pk}/delete/").status_code == 200
