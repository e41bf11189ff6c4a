"""Where addresses are unique, nobody signs up without one, or with somebody else's."""

import pytest

from oauth_login.models import SignIn
from tests.guestbook.markup import read
from tests.oauth_login.people.reachable.models import Person

pytestmark = [pytest.mark.threat("L06", "F12"), pytest.mark.django_db]


def test_without_a_verified_address_nobody_is_signed_up(visitor, github, refused):
    github.emails[0]["verified"] = False

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)
    assert SignIn.objects.get().outcome == "email_required"


@pytest.mark.parametrize("policy", ["guide", "deny", "separate"])
def test_an_address_that_somebody_has_is_no_way_in(visitor, github, rows, settings, policy):
    Person.objects.create_user("victim", "octocat@example.com")
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ON_EMAIL_COLLISION": policy}

    assert visitor.sign_in(github).status_code == 409
    assert visitor.user is None
    assert rows() == (1, 0, 0)


def test_djangos_own_page_of_a_user_lists_the_accounts(visitor, github):
    visitor.sign_in(github)
    Person.objects.update(is_staff=True, is_superuser=True)

    page = read(visitor.get(f"/admin/reachable/person/{visitor.user.pk}/change/"))
    assert "github" in page.one("td", class_="field-provider").text
