"""The owner hides, restores, deletes and blocks; every act is permitted, logged and confirmed."""

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from guestbook.models import BlockedAuthor, Entry
from tests.guestbook.conftest import make_user, signed_in
from tests.guestbook.markup import read

ENTRIES = "/admin/guestbook/entry/"
BLOCKS = "/admin/guestbook/blockedauthor/"


def act(client, action, *entries, **more):
    data = {"action": action, "_selected_action": [entry.pk for entry in entries], **more}
    return client.post(ENTRIES, data, follow=True)


def listed(response):
    return [row.text.strip() for row in read(response).all("th", class_="field-__str__")]


@pytest.fixture
def hidden(bob):
    return Entry.objects.create(author=bob, text="Buy pills!", hidden=True)


@pytest.fixture
def moderator(db):
    """A member of staff with exactly the permissions a test names."""

    def permitted(*codenames):
        user = get_user_model().objects.create_user("moderator", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return signed_in(user)

    return permitted


def test_hidden_entries_are_listed_too(as_owner, entry, hidden):
    assert listed(as_owner.get(ENTRIES)) == ["Buy pills!", "I was here."]


@pytest.mark.parametrize("words", ["pills", "bob", "bob-on-github"])
def test_entries_are_found_by_text_and_by_author_here_or_at_the_provider(as_owner, entry, hidden, words):
    assert listed(as_owner.get(ENTRIES, {"q": words})) == ["Buy pills!"]


def test_entries_are_filtered_by_whether_they_are_hidden(as_owner, entry, hidden):
    assert listed(as_owner.get(ENTRIES, {"hidden__exact": "0"})) == ["I was here."]


def test_an_authors_name_leads_to_all_they_wrote(as_owner, ada, entry, hidden):
    link = next(a for a in read(as_owner.get(ENTRIES)).all("a") if a.text == "ada")
    assert listed(as_owner.get(link["href"])) == ["I was here."]


def test_the_list_costs_the_same_however_many_entries_and_authors(as_owner, entry):
    BlockedAuthor.objects.create(user=entry.author)

    def sql():
        with CaptureQueriesContext(connection) as captured:
            assert as_owner.get(ENTRIES).status_code == 200
        return len(captured)

    as_owner.get(ENTRIES)
    few = sql()
    for n in range(30):
        Entry.objects.create(author=make_user(f"u{n}"), text="x")
    assert sql() == few


def test_hiding_takes_entries_off_the_page_and_is_logged(as_owner, owner, client, entry, hidden):
    response = act(as_owner, "hide", entry, hidden)
    assert "1 entry is hidden." in read(response).text
    assert not read(client.get("/")).all("article")
    log = LogEntry.objects.get()
    assert (log.user, log.action_flag, log.object_id) == (owner, CHANGE, str(entry.pk))
    assert log.get_change_message() == "Hidden."


def test_restoring_puts_entries_back_and_is_logged(as_owner, client, entry, hidden):
    response = act(as_owner, "restore", entry, hidden)
    assert "1 entry is visible again." in read(response).text
    assert len(read(client.get("/")).all("article")) == 2
    log = LogEntry.objects.get()
    assert (log.object_id, log.get_change_message()) == (str(hidden.pk), "Restored.")


def test_all_that_a_search_finds_can_be_hidden_at_once(as_owner, bob, entry):
    Entry.objects.bulk_create(Entry(author=bob, text="pills") for _ in range(120))
    found = Entry.objects.filter(author=bob)
    response = as_owner.post(
        f"{ENTRIES}?q=bob-on-github",
        {"action": "hide", "_selected_action": [found[0].pk], "select_across": "1"},
        follow=True,
    )
    assert "120 entries are hidden." in read(response).text
    assert list(Entry.objects.visible()) == [entry]
    assert LogEntry.objects.count() == 120


def test_blocking_and_unblocking_authors_is_logged(as_owner, ada, bob, entry, hidden):
    BlockedAuthor.objects.create(user=bob)
    response = act(as_owner, "block_author", entry, hidden)
    assert "1 author is blocked." in read(response).text
    assert BlockedAuthor.objects.filter(user=ada).exists()
    assert LogEntry.objects.get().action_flag == ADDITION
    assert LogEntry.objects.get().object_repr == "ada"

    response = act(as_owner, "unblock_author", entry, hidden)
    assert "2 authors may write again." in read(response).text
    assert not BlockedAuthor.objects.exists()
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 2


def test_an_author_of_many_entries_is_blocked_once(as_owner, ada, entry):
    more = Entry.objects.create(author=ada, text="More")
    act(as_owner, "block_author", entry, more)
    assert BlockedAuthor.objects.count() == 1


@pytest.mark.parametrize(
    ("permission", "actions"),
    [
        ("view_entry", set()),
        ("change_entry", {"hide", "restore"}),
        ("delete_entry", {"delete_selected"}),
        ("add_blockedauthor", {"block_author"}),
        ("delete_blockedauthor", {"unblock_author"}),
    ],
)
def test_each_action_is_offered_to_those_who_may(moderator, entry, permission, actions):
    page = read(moderator("view_entry", permission).get(ENTRIES))
    offered = {option["value"] for option in page.all("option") if option["value"]}
    assert offered - {"0", "1"} == actions


@pytest.mark.parametrize("action", ["hide", "block_author"])
def test_an_action_that_is_not_offered_does_nothing(moderator, entry, action):
    act(moderator("view_entry"), action, entry)
    assert Entry.objects.visible().exists()
    assert not BlockedAuthor.objects.exists()


def test_the_owner_decides_what_is_shown_not_what_was_said(as_owner, ada, entry):
    url = f"{ENTRIES}{entry.pk}/change/"
    page = read(as_owner.get(url))
    assert not page.all("textarea")
    as_owner.post(url, {"text": "Put in their mouth", "hidden": "on"})
    entry.refresh_from_db()
    assert (entry.text, entry.author, entry.hidden) == ("I was here.", ada, True)


def test_nobody_adds_entries_for_others(as_owner):
    assert as_owner.get(f"{ENTRIES}add/").status_code == 403


def test_entries_can_be_deleted(as_owner, entry):
    as_owner.post(f"{ENTRIES}{entry.pk}/delete/", {"post": "yes"})
    assert not Entry.objects.exists()


def test_an_entry_leads_to_where_it_stands_on_the_site(as_owner, entry):
    links = [
        a.attributes.get("href", "") for a in read(as_owner.get(f"{ENTRIES}{entry.pk}/change/")).all("a")
    ]
    on_site = next(link for link in links if link.startswith("/admin/r/"))
    assert as_owner.get(on_site)["Location"].endswith(entry.get_absolute_url())


def test_anybody_can_be_blocked_with_a_reason(as_owner, ada):
    as_owner.post(f"{BLOCKS}add/", {"user": ada.pk, "reason": "Pills"})
    assert BlockedAuthor.objects.get().reason == "Pills"
    assert "Pills" in read(as_owner.get(BLOCKS, {"q": "ada-on-github"})).text
