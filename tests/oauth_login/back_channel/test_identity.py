"""Who it is, is asked anew at every sign-in, and of nobody but the provider."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import reverse

from guestbook.models import Entry
from oauth_login.models import LinkedAccount
from tests.oauth_login.back_channel.enterprise import (
    EMAILS_PATH,
    PLACES,
    TOKEN_PATH,
    USER,
    USER_PATH,
    sign_in,
)
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.http_server import certificate, reply

#: What GitHub answers about a user that is an address, and more that might be taken for one.
ADDRESSES = [
    *("avatar_url", "html_url", "blog", "url", "followers_url", "following_url", "gists_url", "starred_url"),
    *("subscriptions_url", "organizations_url", "repos_url", "events_url", "received_events_url"),
    *("picture", "profile", "website", "company", "location", "bio"),
]


@pytest.fixture
def owner(db):
    """The owner of the site, in a browser of their own."""
    browser = Visitor()
    browser.force_login(get_user_model().objects.create_superuser("owner"))
    return browser


def admin_pages():
    """Yield every page of the admin: the lists, and of the first row of each all that there is."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        for row in model._default_manager.all()[:1]:
            yield from (reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history"))


@pytest.mark.threat("D12")
def test_no_address_in_a_profile_is_ever_fetched_by_the_site(
    enterprise, server, servers, visitor, owner, settings, tmp_path
):
    spy = servers(certificate(tmp_path)[0])
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PICTURE_HOSTS"] = [f"127.0.0.1:{spy.port}"]
    server.answers[USER_PATH] = reply(
        {**USER, **{name: f"{spy.url}/{name}" for name in ADDRESSES}, "email": f"{spy.url}/@example.com"}
    )
    assert enterprise().status_code == 302
    assert visitor.post("/write/", {"text": f"See {spy.url}/text"}).status_code == 302
    entry = Entry.objects.get()

    own = ["/", f"/entries/{entry.pk}/edit/", f"/entries/{entry.pk}/delete/", "/oauth2/login/", "/oauth2/"]
    pages = {page: visitor.get(page) for page in own}
    behind = {page: owner.get(page) for page in admin_pages()}
    assert sign_in(Visitor()).status_code == 302

    assert {answer.status_code for answer in [*pages.values(), *behind.values()]} == {200}
    account = LinkedAccount.objects.get()
    assert (account.picture, account.profile_url) == (f"{spy.url}/avatar_url", f"{spy.url}/html_url")
    assert f"{spy.url}/avatar_url" in pages["/"].text  # browsers may fetch it
    assert f"{spy.url}/html_url" in behind[f"/admin/oauth_login/linkedaccount/{account.pk}/change/"].text
    assert (spy.connections, spy.requests) == (0, [])


@pytest.mark.threat("D24")
@pytest.mark.parametrize(
    ("status", "headers", "answered"),
    [
        (201, {}, 502),
        (401, {}, 502),
        (403, {}, 502),
        (404, {}, 502),
        (429, {"Retry_After": "7"}, 503),
        (403, {"Retry_After": "7"}, 503),
        (403, {"X_RateLimit_Remaining": "0"}, 503),
        (500, {}, 503),
        (503, {"Retry_After": "7"}, 503),
    ],
)
def test_who_is_not_told_is_not_signed_in(turned_away, server, status, headers, answered):
    server.answers[USER_PATH] = reply(USER, status, **headers)

    assert turned_away(answered).get("Retry-After") == headers.get("Retry_After")
    assert [request.path for request in server.requests] == [TOKEN_PATH, USER_PATH]  # and not asked again


@pytest.mark.threat("D24")
@pytest.mark.parametrize(("status", "answered"), [(401, 502), (429, 503), (500, 503)])
@pytest.mark.parametrize("path", [TOKEN_PATH, EMAILS_PATH])
def test_no_other_refusal_is_taken_for_an_answer(turned_away, server, path, status, answered):
    server.answers[path] = reply(PLACES[path], status)

    turned_away(answered)


@pytest.mark.threat("D30")
def test_whoever_the_provider_names_this_time_is_who_is_signed_in(enterprise, server, visitor, new_visitor):
    kept = {"Cache_Control": "public, max-age=31536000", "ETag": '"a"', "Last_Modified": "Thu, 01 Jan 2026"}
    server.answers = {path: reply(answer, **kept) for path, answer in PLACES.items()}
    assert enterprise().status_code == 302
    server.answers[USER_PATH] = reply({**USER, "id": 8, "login": "hubot"}, **kept)
    server.answers[EMAILS_PATH] = reply([], **kept)

    another = new_visitor()
    assert sign_in(another).status_code == 302

    assert visitor.user.linked_accounts.get().subject == "7"
    assert another.user.linked_accounts.get().subject == "8"
    assert another.user.get_username() == "hubot"
    assert another.user.email == ""
    assert [request.path for request in server.requests].count(USER_PATH) == 2
    assert not any(name.startswith("if-") for request in server.requests for name in request.headers)
