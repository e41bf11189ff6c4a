"""The sandbox takes grants back as GitHub does."""

from dataclasses import replace

import pytest

from oauth_login import conf
from oauth_login.errors import ProviderMisconfigured, ProviderResponseError
from oauth_login.models import Token
from oauth_login.oauth2 import TokenResponse, authenticate_client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox(settings):
    """A new project: DEBUG, and a provider that nobody has registered yet."""
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}
    return conf.provider("github")


@pytest.fixture
def who(sandbox):
    """Ask who a token belongs to."""

    def ask(access_token):
        answer = {"access_token": access_token, "token_type": "bearer"}
        return sandbox.fetch_profile(TokenResponse.from_answer(200, answer)).preferred_username

    return ask


@pytest.fixture
def access_token(sandbox, visitor):
    """The token of a visitor who has signed in."""
    location = visitor.start()["Location"]
    visitor.get(visitor.post(location, {"persona": "octocat"})["Location"])
    return Token.objects.get().access_token.reveal()


@pytest.mark.threat("GH16")
def test_a_user_who_is_deleted_leaves_no_grant_behind(sandbox, visitor, access_token, who):
    visitor.user.delete()

    with pytest.raises(ProviderResponseError):
        who(access_token)
    assert sandbox.revoke(access_token=access_token, refresh_token="") is True, "it was gone before"


def test_a_client_that_it_does_not_know_takes_nothing_back(sandbox, access_token, who):
    stranger = replace(sandbox, client=replace(sandbox.client, client_secret="another"))

    with pytest.raises(ProviderMisconfigured):
        stranger.revoke(access_token=access_token, refresh_token="")

    assert who(access_token) == "octocat"


@pytest.mark.parametrize("body", [{}, None], ids=["without a token", "empty"])
def test_a_request_that_names_no_token_is_refused(sandbox, body):
    _, headers = authenticate_client(replace(sandbox.client, auth_method="client_secret_basic"))
    answer = sandbox.transport.delete(
        f"{sandbox.api_url}/applications/{sandbox.client.client_id}/grant", json=body, headers=headers
    )

    assert answer.status == 422
