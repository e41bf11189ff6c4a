"""The documentation's example: users belong to the host at which they signed up."""

import pytest

from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.people.tenants.models import Person, Tenant

pytestmark = [pytest.mark.threat("L06"), pytest.mark.django_db]


def at(new_visitor, host):
    return new_visitor(headers={"host": host})


def test_a_newcomer_belongs_to_the_tenant_of_the_host(new_visitor, github, two_tenants):
    visitor = at(new_visitor, "two.example")
    assert visitor.sign_in(github).status_code == 302

    assert str(visitor.user.tenant) == "two.example"
    assert visitor.get("/").wsgi_request.user == visitor.user


def test_who_belongs_to_one_is_not_let_in_at_another(new_visitor, github, two_tenants):
    at(new_visitor, "one.example").sign_in(github)
    elsewhere = at(new_visitor, "two.example")

    assert elsewhere.sign_in(github).status_code == 403
    assert elsewhere.user is None
    assert SignIn.objects.latest("pk").outcome == "user_inactive"
    assert at(new_visitor, "one.example").sign_in(github).status_code == 302
    assert Person.objects.count() == LinkedAccount.objects.count() == 1


def test_at_a_host_that_is_no_tenants_nobody_is_signed_up(new_visitor, github, refused):
    visitor = at(new_visitor, "nobody.example")

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)
    assert SignIn.objects.get().outcome == "tenant_unknown"


@pytest.fixture
def two_tenants(db):
    Tenant.objects.bulk_create([Tenant(host="one.example"), Tenant(host="two.example")])
