"""What the tests of rules share: a site with a rule, and what is to be seen of a refusal."""

import pytest

from oauth_login.models import SignIn


@pytest.fixture
def with_acme(settings):
    """The site has another provider, whose ids are texts."""
    acme = {"ISSUER": "https://sso.acme.example", "CLIENT_ID": "an id", "CLIENT_SECRET": "a secret"}
    written = settings.OAUTH_LOGIN
    settings.OAUTH_LOGIN = written | {"PROVIDERS": written["PROVIDERS"] | {"acme": acme}}


@pytest.fixture
def kept_out(rows):
    """Assert that a newcomer was refused by the site's rule; return what the page told them."""

    def check(visitor, answer, code="policy_refused", status=403):
        assert (answer.status_code, answer.context["code"]) == (status, code)
        assert SignIn.objects.latest("pk").outcome == code
        assert visitor.user is None
        assert rows() == (0, 0, 0)
        return answer.context["explanation"].text

    return check


@pytest.fixture
def member(github):
    """Make the visitor a member of an organisation; return what GitHub says about it."""

    def made(name="acme", *teams, state="active", number=4711):
        organisation = {"login": name, "id": number}
        github.memberships[name] = {"state": state, "role": "member", "organization": organisation}
        github.teams += [{"slug": team, "organization": organisation} for team in teams]
        return github.memberships[name]

    return made
