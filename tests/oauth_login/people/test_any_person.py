"""What holds for every user model; the file runs with each of them (threat L06)."""

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import call_command

from guestbook.models import Entry
from oauth_login.models import LinkedAccount
from tests.guestbook.markup import read

pytestmark = [pytest.mark.threat("L06"), pytest.mark.django_db]

ADMIN_PAGES = [
    "/admin/",
    "/admin/guestbook/entry/",
    "/admin/oauth_login/linkedaccount/",
    "/admin/oauth_login/linkedaccount/{account.pk}/change/",
    "/admin/oauth_login/linkedaccount/{account.pk}/delete/",
    "/admin/oauth_login/signin/",
]


def sign_in_as_the_next_person(github, browser):
    """Sign in with an identity, a name and an address that nobody has had yet."""
    number = github.user["id"] = github.user["id"] + 1
    github.user["login"] = f"octocat{number}"
    github.emails[0]["email"] = f"octocat{number}@example.com"
    return browser.sign_in(github)


def test_no_migration_is_missing():
    call_command("makemigrations", "oauth_login", "guestbook", check=True, dry_run=True, verbosity=0)


def test_the_system_checks_have_nothing_to_say():
    # E002: what --fail-on-template-vars puts in the templates' options.
    assert [problem for problem in run_checks() if problem.id != "templates.E002"] == []


def test_a_visitor_signs_in_and_is_the_same_person_the_next_time(visitor, new_visitor, github):
    first = visitor.sign_in(github)
    again = new_visitor()
    second = again.sign_in(github)

    assert first.status_code == second.status_code == 302
    assert visitor.user == again.user
    assert get_user_model().objects.get() == LinkedAccount.objects.get().user


def test_other_identities_are_other_people(visitor, new_visitor, github):
    visitor.sign_in(github)
    other = new_visitor()
    sign_in_as_the_next_person(github, other)

    assert other.user != visitor.user
    assert get_user_model().objects.count() == 2


def test_the_name_and_the_address_go_where_the_model_has_room_for_them(visitor, github):
    visitor.sign_in(github)
    user = visitor.user
    by_address = user.USERNAME_FIELD == "address"

    assert user.get_username() == ("octocat@example.com" if by_address else "octocat")
    assert getattr(user, user.get_email_field_name(), "octocat@example.com") == "octocat@example.com"


def test_nobody_gets_a_password_or_rights(visitor, github):
    visitor.sign_in(github)

    assert not visitor.user.has_usable_password()
    assert not visitor.user.is_staff
    assert not visitor.user.is_superuser


def test_teams_give_a_group_and_take_it_back(editor, new_visitor, github):
    github.teams = []
    new_visitor().sign_in(github)
    assert (editor.user.groups.count(), editor.user.is_staff) == (0, False)


def test_who_is_deactivated_neither_stays_nor_comes_back(visitor, github):
    visitor.sign_in(github)
    get_user_model().objects.update(is_active=False)

    assert not visitor.get("/").wsgi_request.user.is_authenticated
    assert visitor.sign_in(github).status_code == 403
    assert not visitor.get("/").wsgi_request.user.is_authenticated


def test_who_is_deleted_starts_anew(visitor, github):
    visitor.sign_in(github)
    before = visitor.user.pk
    visitor.user.delete()

    assert not LinkedAccount.objects.exists()
    assert visitor.sign_in(github).status_code == 302
    assert visitor.user.pk != before


def test_one_person_links_a_second_account_and_comes_by_either(
    visitor, new_visitor, github, mailoutbox, django_capture_on_commit_callbacks
):
    visitor.sign_in(github)
    github.user = github.user | {"id": 2, "login": "other"}
    with django_capture_on_commit_callbacks(execute=True):
        assert visitor.sign_in(github, intent="link").status_code == 302

    other = new_visitor()
    other.sign_in(github)
    assert other.user == visitor.user
    assert get_user_model().objects.count() == 1
    reachable = get_user_model().__module__ != "tests.oauth_login.people.unreachable.models"
    assert [mail.to for mail in mailoutbox] == ([["octocat@example.com"]] if reachable else [])


def test_a_visitor_leaves_a_note_in_the_guestbook(visitor, github):
    visitor.sign_in(github)
    visitor.post("/write/", {"text": "A moth!"})
    front = read(visitor.get("/")).text

    assert Entry.objects.get().author == visitor.user
    assert "A moth!" in front
    assert "octocat" in front
    assert "octocat@example.com" not in front


def test_the_accounts_page_shows_the_linked_account(visitor, github):
    visitor.sign_in(github)

    page = read(visitor.get("/oauth2/"))

    assert visitor.user.get_username() in page.text
    assert page.one("strong").text == "octocat"


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_the_owners_pages_work(visitor, github, page):
    visitor.sign_in(github)
    visitor.post("/write/", {"text": "A moth!"})
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    account = LinkedAccount.objects.get()

    assert visitor.get(page.format(account=account)).status_code == 200


def test_an_accounts_page_names_its_user(visitor, github):
    visitor.sign_in(github)
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    account = LinkedAccount.objects.get()

    page = visitor.get(f"/admin/oauth_login/linkedaccount/{account.pk}/change/")
    assert visitor.user.get_username() in read(page).one("div", class_="form-row field-user_link").text
