"""What the session for a provider's API takes from nobody: this machine, endless redirects, odd addresses."""

import pytest

from oauth_login.errors import ProviderResponseError
from tests.oauth_login.http_server import reply

pytestmark = pytest.mark.django_db


@pytest.mark.threat("D13")
def test_a_password_in_netrc_is_nothing_to_an_api(account_of, granting, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password of-this-machine")
    monkeypatch.setenv("NETRC", str(netrc))

    answer = account_of(3600).session().get("/user")

    assert "Authorization" not in answer.request.headers
    assert granting.calls[-1].headers["authorization"] == "Bearer ghu_access000001"


def test_redirects_without_end_are_an_answer_that_is_none(account_of, granting):
    session = account_of(3600).session()
    granting.answers_api = reply({}, 302, Location="/api/v3/again")

    with pytest.raises(ProviderResponseError, match="redirect_refused"):
        session.get("/user")

    assert len(granting.calls) == 6


@pytest.mark.threat("D07")
@pytest.mark.parametrize("location", ["http://[::1/user", "/caf\xe9", "//evil.example/user"])
def test_a_redirect_to_what_is_no_url_is_returned_as_it_came(account_of, granting, location):
    session = account_of(3600).session()
    granting.answers_api = reply({}, 302, Location=location)

    assert session.get("/user").status_code == 302
    assert len(granting.calls) == 1
