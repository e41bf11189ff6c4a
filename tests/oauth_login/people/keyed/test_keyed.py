"""Short columns, NULL addresses, a manager that hides people, and their own page in the admin."""

import re
import uuid

import pytest

from oauth_login.backends import OAuthBackend
from oauth_login.models import Revocation
from tests.guestbook.markup import read
from tests.oauth_login.people.badges.models import Badge
from tests.oauth_login.people.keyed.models import Person


class Hides(OAuthBackend):
    """Has newcomers wait for somebody who lets them in."""

    def create_user(self, profile, *names):
        user = super().create_user(profile, *names)
        user.left = True
        return user


pytestmark = [pytest.mark.threat("L06"), pytest.mark.django_db]


def test_the_key_is_a_uuid_here_in_the_session_and_in_the_link(visitor, github):
    visitor.sign_in(github)

    assert isinstance(visitor.user.pk, uuid.UUID)
    assert visitor.session["_auth_user_id"] == str(visitor.user.pk)
    assert visitor.user.linked_accounts.get().user_id == visitor.user.pk


@pytest.mark.parametrize("length", [23, 24, 30, 31, 39])
def test_a_handle_always_fits_with_its_suffix(visitor, new_visitor, github, length):
    github.user["login"] = "o" * length
    visitor.sign_in(github)
    github.user["id"] += 1
    github.emails = []
    other = new_visitor()
    other.sign_in(github)

    handles = [visitor.user.handle, other.user.handle]
    assert all(len(handle) <= 30 for handle in handles)
    own = handles == ["o" * length, f"{'o' * length}-2"]
    neutral = all(re.fullmatch(r"user-[0-9a-f]{8}", handle) for handle in handles)
    assert own if length <= 23 else neutral


@pytest.mark.threat("F13", "F15")
@pytest.mark.parametrize("login", [f"admin{'-' * 26}x", "administrator" + "s" * 20])
def test_no_name_is_cut_to_fit_and_becomes_somebody_elses(visitor, github, login):
    github.user["login"] = login
    visitor.sign_in(github)

    assert re.fullmatch(r"user-[0-9a-f]{8}", visitor.user.handle)


@pytest.mark.threat("F06", "F10")
@pytest.mark.parametrize(
    ("address", "kept"),
    [
        (f"{'o' * 28}@example.com", True),
        (f"{'o' * 29}@example.com", False),
        (f"{'o' * 28}@example.com.evil.example", False),
    ],
)
def test_no_address_is_cut_to_fit_and_becomes_somebody_elses(visitor, github, address, kept):
    github.emails[0]["email"] = address
    visitor.sign_in(github)

    assert visitor.user.email == (address if kept else None)
    assert visitor.user.linked_accounts.get().email == address


def test_two_people_without_an_address_are_no_conflict(visitor, new_visitor, github):
    github.emails = []
    visitor.sign_in(github)
    github.user["id"] += 1
    other = new_visitor()
    other.sign_in(github)

    assert visitor.user != other.user
    assert visitor.user.email is other.user.email is None


def test_people_without_an_address_are_in_nobodys_way(visitor, github):
    Person.objects.create(handle="octocat", email=None)
    visitor.sign_in(github)

    assert visitor.user.handle == "octocat-2"
    assert visitor.user.email == "octocat@example.com"


@pytest.mark.threat("F14")
def test_a_handle_stays_with_who_has_left(visitor, github):
    Person.objects.create(handle="OctoCat", left=True)
    visitor.sign_in(github)

    assert visitor.user.handle == "octocat-2"


@pytest.mark.threat("F07")
def test_an_address_stays_with_who_has_left(visitor, github):
    Person.objects.create(handle="ada", email="octocat@example.com", left=True)

    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert "Start anew" not in answer.content.decode()
    assert visitor.sign_in(github, intent="separate").status_code == 409
    assert visitor.user is None


def test_who_proves_that_the_address_is_theirs_has_both_linked(visitor, github):
    ada = Person.objects.create(handle="ada", email="octocat@example.com")
    assert visitor.sign_in(github).status_code == 409

    visitor.is_signed_in(ada)

    assert visitor.user == ada
    assert visitor.user.linked_accounts.get().username == "octocat"


def test_a_name_that_the_model_has_no_column_for_is_only_shown_with_the_account(visitor, github):
    visitor.sign_in(github)

    assert visitor.user.full_name == ""
    assert visitor.user.linked_accounts.get().name == "The Octocat"


def test_a_persons_own_page_in_the_admin_lists_their_accounts(visitor, github):
    visitor.sign_in(github)
    Person.objects.update(is_staff=True, is_superuser=True)
    account = visitor.user.linked_accounts.get()

    person = f"/admin/keyed/person/{visitor.user.pk}/change/"
    assert "octocat@example.com" in read(visitor.get(person)).text
    shown = read(visitor.get(f"/admin/oauth_login/linkedaccount/{account.pk}/change/"))
    assert [a["href"] for a in shown.all("a") if a.text == "octocat"][-1] == person


@pytest.mark.threat("F18")
def test_an_account_that_is_deleted_by_another_name_takes_what_it_gave_with_it(editor):
    Badge.objects.all().delete()

    assert (editor.user.groups.count(), editor.user.is_staff) == (0, False)


@pytest.mark.threat("F20")
def test_so_is_whoever_would_be_hidden_as_soon_as_they_are_here(visitor, github, settings, rows):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Hides"]

    answer = visitor.sign_in(github)

    assert (answer.status_code, answer.context["code"]) == (403, "user_inactive")
    assert rows() == (0, 0, 0)


@pytest.mark.threat("F20")
def test_whom_the_manager_hides_is_told_that_they_cannot_sign_in(visitor, new_visitor, github):
    visitor.sign_in(github)
    Person.objects.update(left=True)
    again = new_visitor()

    answer = again.sign_in(github)

    assert (answer.status_code, answer.context["code"]) == (403, "user_inactive")
    assert "_auth_user_id" not in again.session


@pytest.mark.threat("H24")
def test_an_account_that_is_deleted_by_another_name_leaves_no_grant_behind(visitor, github):
    visitor.sign_in(github)

    Badge.objects.get().delete()

    assert Revocation.objects.get().subject == str(github.user["id"])
