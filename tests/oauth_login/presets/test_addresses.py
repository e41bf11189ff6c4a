"""When a preset has an address, and when that is proven."""

import pytest

from oauth_login import providers
from oauth_login.models import LinkedAccount
from tests.oauth_login.presets.site import CASES

pytestmark = [pytest.mark.provider, pytest.mark.django_db]

with_an_address = pytest.mark.parametrize(
    "name", [name for name in CASES if "email" in providers.row(name)["CLAIMS"]]
)

with_a_proof = pytest.mark.parametrize(
    "name", [name for name in CASES if isinstance(providers.row(name)["CLAIMS"].get("email_verified"), str)]
)

with_a_list = pytest.mark.parametrize("name", [name for name in CASES if CASES[name].emails])


@pytest.mark.parametrize(
    "value", [..., None, "", True, 7, ["a@example.com"], "no address", "a@b c"], ids=ascii
)
@with_an_address
def test_without_an_address_one_still_signs_in(preset, name, value):
    preset = preset(name)
    preset.change("email", value)

    assert preset.sign_in().status_code == 302
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("", False)
    assert preset.visitor.user.email == ""


@pytest.mark.parametrize("value", [..., None, False, "true", 1, "yes", ["true"]], ids=ascii)
@with_a_proof
def test_only_true_vouches_for_an_address(preset, name, value):
    preset = preset(name)
    preset.change("email_verified", value)

    assert preset.sign_in().status_code == 302
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == (CASES[name].profile["email"], False)
    assert preset.visitor.user.email == ""


@pytest.mark.parametrize("status", [403, 404])
@with_a_list
def test_whoever_withholds_the_list_of_addresses_still_signs_in(preset, name, status):
    preset = preset(name)
    preset.answers["emails"] = (status, {"message": "no such scope"})

    assert preset.sign_in().status_code == 302
    assert LinkedAccount.objects.get().email == ""


@with_a_list
def test_two_primary_addresses_are_none(preset, name):
    preset = preset(name)
    emails = preset.answers["emails"]
    listed = emails["values"] if isinstance(emails, dict) else emails
    listed.append({**listed[-1], "email": "another@example.com"})

    assert preset.sign_in().status_code == 302
    assert LinkedAccount.objects.get().email == ""


@pytest.mark.parametrize("value", [{"values": 7}, [7], {}, {"values": [None]}], ids=ascii)
@with_a_list
def test_a_list_of_addresses_that_is_none_is_refused(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["emails"] = value

    turned_away(preset, preset.sign_in(), "emails_invalid")
