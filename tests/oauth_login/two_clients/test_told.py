"""What GitHub tells one of two clients is heard about tokens of that one."""

import hashlib
import hmac
import json

import pytest

from oauth_login.models import LinkedAccount, Token
from tests.oauth_login.two_clients.conftest import SECRETS

pytestmark = pytest.mark.django_db(transaction=True)


def hook(client, alias, secret="", delivery=""):
    body = json.dumps({"action": "revoked", "sender": {"id": 583231, "login": "octocat"}}).encode()
    signed = hmac.new(SECRETS[secret or alias].encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "github_app_authorization",
        "X-GitHub-Delivery": delivery or f"of-{alias}",
        "X-Hub-Signature-256": f"sha256={signed}",
    }
    return client.generic("POST", f"/oauth2/{alias}/webhook/", body, "application/json", headers=headers)


@pytest.mark.threat("K06")
def test_one_app_says_nothing_of_what_was_granted_to_the_other(visitor, github, client):
    visitor.sign_in(github)

    assert hook(client, "second").status_code == 202
    assert Token.objects.get().state == "active"
    assert hook(client, "github").status_code == 200
    assert Token.objects.get().state == "revoked"


@pytest.mark.threat("K06")
def test_the_app_of_the_client_that_got_the_token_is_heard(client, linked):
    linked()
    LinkedAccount.objects.update(provider="github")

    assert hook(client, "github").status_code == 202
    assert hook(client, "second").status_code == 200
    assert Token.objects.get().state == "revoked"


@pytest.mark.threat("K06")
def test_one_app_under_two_names_is_heard_under_either(visitor, github, client, one_registration):
    visitor.sign_in(github)

    assert hook(client, "second").status_code == 200
    assert Token.objects.get().state == "revoked"


@pytest.mark.threat("K05")
def test_what_one_name_has_heard_is_old_news_to_the_other(
    visitor, github, client, one_registration, settings
):
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    both = {alias: options | {"WEBHOOK_SECRETS": [SECRETS["github"]]} for alias, options in providers.items()}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": both}
    visitor.sign_in(github)

    assert hook(client, "github", delivery="one").json() == {"result": "revoked"}
    visitor.sign_in(github)
    assert hook(client, "second", "github", delivery="one").json() == {"result": "seen_before"}
    assert Token.objects.get().state == "active"


@pytest.mark.threat("K06")
def test_the_app_of_another_client_says_nothing_of_one_that_was_renamed(visitor, github, client, settings):
    visitor.sign_in(github)
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    renamed = {"gh": providers["github"] | {"PRESET": "github"}, "second": providers["second"]}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": renamed}

    assert hook(client, "second").status_code == 202
    assert Token.objects.get().state == "active"


@pytest.mark.threat("K06")
def test_a_client_whose_settings_are_wrong_is_not_taken_for_another(visitor, github, client, settings):
    visitor.sign_in(github)
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    providers = providers | {"github": providers["github"] | {"CLIENT_ID": 1}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers}

    assert hook(client, "second").status_code == 202
    assert Token.objects.get().state == "active"
