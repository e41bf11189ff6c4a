"""``ENCRYPTION_KEYS`` that are wrong open nothing: the checks say so, and nobody meets a 500 (H04)."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from oauth_login.errors import ProviderMisconfigured
from oauth_login.health import Health, condition, unusable
from oauth_login.models import LinkedAccount, Revocation, Token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.threat("H04")]
ACCOUNTS = "/admin/oauth_login/linkedaccount/"


def signed_in(user):
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(params=[[], ["short"], "a-text-where-a-list-is-needed-0123456789", 7], ids=str)
def account(request, person, settings):
    """Somebody whose token was kept while the keys were good."""
    account = person()
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": request.param}
    return LinkedAccount.objects.get(pk=account.pk)


def test_each_token_needs_a_sign_in_as_far_as_anybody_can_tell(account):
    assert account.health == "sign_in"
    assert [word for word in Health if Token.objects.filter(condition(word)).exists()] == ["sign_in"]
    assert Token.objects.filter(unusable()).exists()


@pytest.mark.parametrize("page", ["/", "/oauth2/", "/oauth2/login/"])
def test_pages_are_shown(account, page):
    assert signed_in(account.user).get(page).status_code == 200


@pytest.mark.parametrize("page", ["", "?health=sign_in", "?health=fresh", "{pk}/change/", "{pk}/delete/"])
def test_the_admin_is_there(account, page):
    owner = get_user_model().objects.create_superuser("owner", password=None)

    assert signed_in(owner).get(ACCOUNTS + page.format(pk=account.pk)).status_code == 200


@pytest.mark.parametrize(
    ("action", "said"),
    [("renew_tokens", "settings_invalid"), ("withdraw_grants", "no grant that this site could withdraw")],
)
def test_the_admins_actions_say_what_they_could_not_do(account, action, said):
    owner = get_user_model().objects.create_superuser("owner", password=None)
    chosen = {"action": action, "_selected_action": [account.pk]}

    answer = signed_in(owner).post(ACCOUNTS, chosen, follow=True)

    assert answer.status_code == 200
    [message] = answer.context["messages"]
    assert said in str(message)


def test_whoever_needs_the_token_is_told_why_and_it_is_kept(account):
    with pytest.raises(ProviderMisconfigured, match="ENCRYPTION_KEYS"):
        account.access_token()

    assert Token.objects.get().state == "active"


def test_an_account_is_unlinked_and_the_log_says_that_its_grant_stays(account, caplog):
    answer = signed_in(account.user).post(f"/oauth2/accounts/{account.pk}/unlink/")

    assert answer.status_code == 302
    assert not LinkedAccount.objects.exists()
    assert not Revocation.objects.exists()
    assert "grants of ghe cannot be withdrawn: settings_invalid" in caplog.text
