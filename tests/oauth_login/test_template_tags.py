"""``{% load oauth_login %}``: what a site's own templates can show."""

import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.staticfiles.finders import find
from django.template import RequestContext, Template
from django.test import RequestFactory

from oauth_login import providers

ISSUER = "https://github.com/login/oauth"


@pytest.fixture
def show():
    """Render a template of the site's own, for a user."""

    def render(source, user=None, **context):
        request = RequestFactory().get("/")
        request.user = user or AnonymousUser()
        return Template("{% load oauth_login %}" + source).render(RequestContext(request, context))

    return render


@pytest.fixture
def ada(db):
    return get_user_model().objects.create_user("ada")


def next_of(markup):
    return re.findall(r'name="next" value="([^"]*)"', markup)


def test_there_is_a_button_per_provider_in_the_sites_order(show, settings):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    ghe = github | {"PRESET": "github", "BASE_URL": "https://ghe.example"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ghe": ghe, "github": github}}

    markup = show("{% sign_in_buttons %}")

    assert re.findall(r'data-provider="(\w+)" data-preset="github">([^<]*)<', markup) == [
        ("ghe", "Sign in with GitHub Enterprise"),
        ("github", "Sign in with GitHub"),
    ]


STYLESHEET = Path(str(find("oauth_login/oauth_login.css"))).read_text()


@pytest.mark.parametrize("tag", ["{% sign_in_buttons %}", "{% sign_in_button 'second' %}"])
@pytest.mark.parametrize("name", providers.names())
def test_every_preset_has_its_mark_under_any_alias_and_policy(show, settings, name, tag):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"second": {"PRESET": name}}}

    markup = show(tag)

    assert f'data-provider="second" data-preset="{name}">' in markup
    assert re.search(rf'\[data-preset="{name}"\] \{{ --oauth-login-brand: #[0-9a-f]{{6}}; \}}', STYLESHEET)
    assert "style" not in markup  # a strict Content-Security-Policy allows none


@pytest.mark.parametrize("options", [None, 7, {"PRESET": "githbu"}, {"PRESET": ["github"]}, {"ISSUER": "x"}])
def test_what_has_no_preset_has_no_mark(show, settings, options):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": options}}

    assert 'data-provider="acme">' in show("{% sign_in_buttons %}")


@pytest.mark.threat("A17", "A18")
@pytest.mark.parametrize("tag", ["{% sign_in_buttons %}", "{% sign_in_button 'github' %}"])
def test_a_button_is_a_form_with_a_csrf_token(show, tag):
    markup = show(tag)

    assert '<form class="oauth-login-form" method="post" action="/oauth2/github/authorize/">' in markup
    assert re.search(r'<input type="hidden" name="csrfmiddlewaretoken" value="\w{64}">', markup)
    assert next_of(markup) == []


@pytest.mark.threat("C05")
@pytest.mark.parametrize(
    "tag", ["{% sign_in_buttons next=there %}", "{% sign_in_button 'github' next=there %}"]
)
@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ("/where/?a=1&b=2", ["/where/?a=1&amp;b=2"]),
        ('/"><script>', ["/%22%3E%3Cscript%3E"]),
        ("//evil.example", []),
        ("https://evil.example/", []),
        ("", []),
        (None, []),
    ],
)
def test_a_button_comes_back_to_a_page_of_this_site_only(show, tag, there, kept):
    assert next_of(show(tag, there=there)) == kept


def test_without_providers_the_page_says_so(show, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    markup = show("{% sign_in_buttons %}")

    assert "There is no way to sign in yet" in markup
    assert "<form" not in markup


def test_a_provider_with_broken_settings_breaks_no_page(show, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}}

    assert "Sign in with github" in show("{% sign_in_buttons %}")


def test_accounts_are_listed_oldest_first_under_the_names_people_know(show, ada, django_assert_num_queries):
    ada.linked_accounts.create(
        provider="github",
        issuer=ISSUER,
        subject="1",
        username="ada-on-github",
        email="ada@example.com",
        picture="https://pictures.example/ada.png",
    )
    ada.linked_accounts.create(provider="gone", issuer="https://gone.example", subject="2", name="Ada L.")
    ada.linked_accounts.create(provider="github", issuer=ISSUER, subject="3")
    get_user_model().objects.create_user("bob").linked_accounts.create(
        provider="github", issuer=ISSUER, subject="4", username="bob-on-github"
    )

    with django_assert_num_queries(1):
        markup = show("{% linked_accounts %}", ada)

    assert re.findall(r"<strong><bdi>([^<]*)</bdi></strong> · (\S+)", markup) == [
        ("ada-on-github", "GitHub"),
        ("Ada L.", "gone"),  # the settings do not know it any more
        ("3", "GitHub"),
    ]
    assert "ada@example.com" in markup
    assert (
        '<img src="https://pictures.example/ada.png" alt="" width="40" height="40"'
        ' loading="lazy" referrerpolicy="no-referrer">'
    ) in markup
    assert "last used" not in markup


def test_an_account_shows_when_it_was_used(visitor, github):
    visitor.sign_in(github)

    page = visitor.get("/oauth2/").content.decode()

    assert re.search(r"linked [A-Z][a-z]+\.? \d+, \d{4},\s+last used [A-Z][a-z]+\.? \d+, \d{4}", page)


@pytest.mark.threat("GH23")
@pytest.mark.parametrize(
    ("options", "page"),
    [
        ({}, "https://github.com/settings/connections/applications/client-id-of-the-tests"),
        (
            {"BASE_URL": "https://ghe.example", "CLIENT_ID": "a/b"},
            "https://ghe.example/settings/connections/applications/a%2Fb",
        ),
    ],
)
def test_an_account_links_to_where_its_grant_can_be_withdrawn(show, ada, settings, options, page):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | options
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": github}}
    ada.linked_accounts.create(provider="github", issuer=ISSUER, subject="1")
    ada.linked_accounts.create(provider="gone", issuer="https://gone.example", subject="2")

    assert re.findall(r'<a [^>]*href="(h[^"]*)"', show("{% linked_accounts %}", ada)) == [page]


def test_the_accounts_page_leads_back_to_the_site(visitor, github, settings):
    visitor.sign_in(github)
    assert '<a href="/">Back to the site</a>' in visitor.get("/oauth2/").content.decode()

    settings.LOGIN_REDIRECT_URL = "/accounts/profile/"  # Django's default, which is no page here
    assert "Back to the site" not in visitor.get("/oauth2/").content.decode()


def test_whoever_has_no_account_is_told_how_they_sign_in(show, ada):
    assert "No account is linked. You sign in with a password." in show("{% linked_accounts %}", ada)


def test_nobody_has_no_accounts_and_no_password(show):
    assert show("{% linked_accounts %}").strip() == ""
