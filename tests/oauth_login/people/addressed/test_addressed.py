"""The address is the name: nobody signs up without one, and nobody gets somebody else's."""

import pytest
from django.db.models.signals import post_init

from tests.oauth_login.people.addressed.models import Person

pytestmark = [pytest.mark.threat("L06", "F12"), pytest.mark.django_db]


@pytest.fixture
def ada(db):
    return Person.objects.create(address="octocat@example.com")


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "octocat@example.com", "primary": True, "verified": False}],
        [{"email": f"{'o' * 250}@example.com", "primary": True, "verified": True}],
    ],
    ids=["none", "not verified", "longer than any address"],
)
def test_without_a_verified_address_nobody_is_signed_up(visitor, github, refused, emails):
    github.emails = emails
    answer = visitor.sign_in(github)

    refused(visitor, answer, 403, token_requests=1, sign_ins=1)
    assert "An e-mail address is needed" in answer.content.decode()


@pytest.mark.parametrize("policy", ["guide", "deny", "separate"])
@pytest.mark.parametrize("address", ["octocat@example.com", "OctoCat@Example.COM"])
def test_an_address_that_somebody_has_is_no_way_in(visitor, github, rows, settings, ada, policy, address):
    settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, "ON_EMAIL_COLLISION": policy}
    github.emails[0]["email"] = address
    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert visitor.user is None
    assert rows() == (1, 0, 0)


@pytest.mark.parametrize("intent", ["sign_in", "separate"])
def test_who_is_not_the_one_who_has_it_is_told_whom_to_ask(visitor, github, ada, intent):
    page = visitor.sign_in(github, intent=intent).content.decode()

    assert "Please tell the owner of this site, with the number below" in page
    assert "Start anew" not in page


def test_who_is_has_both_linked_by_signing_in_as_before(visitor, github, ada):
    visitor.sign_in(github)

    visitor.is_signed_in(ada)

    assert visitor.user.linked_accounts.get().username == "octocat"


def test_an_address_that_is_taken_at_the_last_moment_is_no_way_in(visitor, github, rows):
    def be_faster(sender, **_kwargs):
        post_init.disconnect(be_faster, sender)
        sender.objects.create(address="octocat@example.com")

    post_init.connect(be_faster, Person)
    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert visitor.user is None
    assert rows() == (1, 0, 0)


def test_a_new_address_at_the_provider_changes_no_name_here(visitor, github):
    visitor.sign_in(github)
    github.emails[0]["email"] = "new@example.com"
    visitor.sign_in(github)

    assert visitor.user.address == "octocat@example.com"
    assert visitor.user.linked_accounts.get().email == "new@example.com"
