"""What is asked of a visitor, and what is made of what they grant."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from oauth_login import conf
from oauth_login.models import LinkedAccount
from oauth_login.providers import table
from oauth_login.providers.openid_table import ROWS as OPENID_ROWS

#: What providers call reading who somebody is and their address, and nothing else. Strava's and Linear's
#: ``read``, and X's ``tweet.read``, are more, and the least that these have.
IDENTITY = {
    *("openid", "profile", "email", "account", "account_email", "account_info.read", "basic", "emails"),
    *("current_user:read", "get_user_info", "identify", "identity", "identity[email]", "login:avatar"),
    *("login:email", "login:info", "profile_image", "profile_nickname", "public_profile", "read:me"),
    *("read_prefs", "snsapi_login", "user-read-email", "user.info.basic", "user:read:email", "user_info"),
    *("users.read", "vkid.personal_info", "read", "tweet.read"),
}
LINK = re.compile(r"""(?:href|src|action|content)=["']([^"']*//[^"']*|//[^"']*)""")


def asked(location):
    return parse_qs(urlsplit(location).query)["scope"]


@pytest.mark.threat("H28")
def test_github_is_asked_who_it_is_and_for_nothing_more(visitor, github):
    assert asked(visitor.start()["Location"]) == ["read:user user:email"]


@pytest.mark.threat("H28")
@pytest.mark.parametrize("name", sorted({**table.ROWS, **OPENID_ROWS}))
def test_no_preset_asks_for_more_than_who_it_is(name):
    row = {**table.ROWS, **OPENID_ROWS}[name]

    assert set(row.get("SCOPE", "").split()) <= IDENTITY


@pytest.mark.threat("H28")
def test_a_server_known_by_its_issuer_is_asked_who_it_is_and_for_nothing_more(settings):
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {"acme": {"ISSUER": "https://sso.example", "CLIENT_ID": "i", "CLIENT_SECRET": "s"}}
    }

    assert conf.provider("acme").scope == "openid profile email"


@pytest.mark.threat("H27")
def test_more_than_was_asked_for_is_recorded_and_permits_nothing_here(visitor, github):
    github.token["scope"] = "repo,admin:org,read:user,user:email"

    visitor.sign_in(github)

    account = LinkedAccount.objects.get()
    assert account.scope.split() == ["admin:org", "read:user", "repo", "user:email"]
    user = account.user
    assert (user.is_staff, user.is_superuser, user.get_all_permissions(), user.groups.count()) == (
        False,
        False,
        set(),
        0,
    )


@pytest.mark.threat("H26")
@pytest.mark.parametrize(
    ("said", "granted"), [("", ""), ("read:user", "read:user"), (None, "read:user user:email")]
)
def test_what_was_granted_is_what_the_provider_says_or_what_was_asked_if_it_says_nothing(
    visitor, github, said, granted
):
    github.token["scope"] = said

    visitor.sign_in(github)

    assert LinkedAccount.objects.get().scope == granted


@pytest.mark.threat("H12", "H13")
def test_where_a_sign_in_ends_nothing_of_the_providers_query_is_left(visitor, github):
    done = visitor.sign_in(github, next="/there/?page=2")
    denied = visitor.come_back(github.deny(visitor.start(next="/there/")["Location"]))

    assert done["Location"] == "/there/?page=2"
    assert parse_qs(urlsplit(denied["Location"]).query).keys() == {"next", "denied"}
    assert denied["Referrer-Policy"] == done["Referrer-Policy"] == "no-referrer"


@pytest.mark.threat("H12", "H13")
def test_a_page_about_a_refusal_leads_nowhere_with_the_query_it_came_with(visitor, github):
    query = github.approve(visitor.start(next="/there/")["Location"])
    github.token = {"error": "bad_verification_code"}

    answer = visitor.come_back(query)

    page = answer.content.decode()
    assert answer.status_code == 400
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    for secret in (query["code"], query["state"]):
        assert secret not in page
    assert not LINK.search(page)


@pytest.mark.threat("H13")
def test_what_a_refusal_leaves_in_the_address_bar_is_of_no_use(visitor, github, client):
    query = github.approve(visitor.start(next="/there/")["Location"])
    github.token = {"error": "bad_verification_code"}
    visitor.come_back(query)
    github.token = {"access_token": "gho_x", "token_type": "bearer", "scope": ""}

    again = visitor.come_back(query)
    elsewhere = client.get(reverse("oauth_login:callback", args=["github"]), query)

    assert (visitor.user, again.status_code) == (None, 400)
    assert elsewhere.status_code == 400
    assert "_auth_user_id" not in client.session
    assert len(github.token_requests) == 1
