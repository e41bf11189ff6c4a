"""A picture comes from its owner's provider, or it is none: whoever serves one sees who looks at it."""

from urllib.parse import urlsplit

import pytest
import urllib3
from django.contrib.auth import get_user_model
from django.test import Client
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login.providers.github import GitHub
from oauth_login.transport import Transport
from tests.oauth_login.fake_github import CLIENT_ID, CLIENT_SECRET

AVATAR = "https://avatars.githubusercontent.com/u/583231?v=4"
TWO_KINDS = ("pictures.example", ".cdn.example", "odd.example:8443")


def provider(**options):
    credentials = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
    return GitHub.from_options("github", {**credentials, **options}, Transport())


def configured(settings, **options):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": {**github, **options}}}


def img_src(client, path="/oauth2/login/"):
    """Return where the policy of a page lets pictures come from."""
    directives = client.get(path)["Content-Security-Policy"].split("; ")
    (sources,) = [directive.split()[1:] for directive in directives if directive.startswith("img-src ")]
    return sources


# --- Hosts --------------------------------------------------------------------------------------------


@pytest.mark.threat("I03")
@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, AVATAR),
        ({}, "https://avatars.githubusercontent.com"),
        ({}, "https://avatars.githubusercontent.com?u=1"),
        ({"BASE_URL": "https://ghe.example"}, "https://ghe.example/avatars/u/7?"),
        ({"BASE_URL": "https://ghe.example/"}, "https://avatars.ghe.example/u/7"),
        ({"BASE_URL": "https://GHE.example/x"}, "https://a.b.ghe.example/u/7#x"),
        ({"BASE_URL": "https://ghe.example:8443"}, "https://ghe.example:8443/u/7"),
        ({"BASE_URL": "https://10.0.0.5"}, "https://10.0.0.5/u/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://pictures.example/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://a.b-c.cdn.example/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://odd.example:8443/7"),
        ({"PICTURE_HOSTS": list(TWO_KINDS), "BASE_URL": "https://ghe.example"}, "https://pictures.example/7"),
    ],
)
def test_a_picture_at_its_provider_is_shown(options, url):
    assert provider(**options).picture(url) == url


@pytest.mark.threat("I03")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/u/583231",
        "https://avatars.githubusercontent.com.evil.example/u/1",
        "https://evilavatars.githubusercontent.com/u/1",
        "https://evil-githubusercontent.com/u/1",
        "https://githubusercontent.com/u/1",
        "https://raw.githubusercontent.com/evil/evil/main/x.png",
        "https://x.avatars.githubusercontent.com/u/1",
        "https://avatars.githubusercontent.com@evil.example/u/1",
        "https://evil.example@avatars.githubusercontent.com/u/1",
        "https://:@avatars.githubusercontent.com/u/1",
        "https://avatars.githubusercontent.com:8443/u/1",
        "https://avatars.githubusercontent.com:443/u/1",
        "https://avatars.githubusercontent.com:/u/1",
        "https://avatars.githubusercontent.com:x/u/1",
        "https://AVATARS.githubusercontent.com/u/1",
        "https://avatars.githubusercontent.com./u/1",
        "https://avatars.githubusercontent..com/u/1",
        "https://.avatars.githubusercontent.com/u/1",
        "https://\N{CYRILLIC SMALL LETTER A}vatars.githubusercontent.com/u/1",
        "https://xn--vatars-7of.githubusercontent.com/u/1",
        "https://avatars.githubusercontent\N{IDEOGRAPHIC FULL STOP}com/u/1",
        "https://%61vatars.githubusercontent.com/u/1",
        "https://evil.example/avatars.githubusercontent.com/u/1",
        "https://evil.example?avatars.githubusercontent.com",
        "https://evil.example#.avatars.githubusercontent.com",
        "https://evil.example\\.avatars.githubusercontent.com/u/1",
        "https://evil.example\t.avatars.githubusercontent.com/u/1",
        "https:///avatars.githubusercontent.com/u/1",
        "https:avatars.githubusercontent.com/u/1",
        "http://avatars.githubusercontent.com/u/1",
        "//avatars.githubusercontent.com/u/1",
        "/u/1",
        "data:image/svg+xml,<svg/>",
        "",
        None,
        583231,
        [AVATAR],
        f"{AVATAR}{'x' * 500}",
    ],
    ids=ascii,
)
def test_a_picture_anywhere_else_is_none(url):
    assert provider().picture(url) == ""


@pytest.mark.threat("I03")
@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"BASE_URL": "https://ghe.example"}, AVATAR),
        ({"BASE_URL": "https://ghe.example"}, "https://ghe.example:8443/u/7"),
        ({"BASE_URL": "https://ghe.example:8443"}, "https://ghe.example/u/7"),
        ({"BASE_URL": "https://ghe.example"}, "https://evilghe.example/u/7"),
        ({"BASE_URL": "http://127.0.0.1:3000"}, "http://127.0.0.1:3000/u/7"),  # no https page may load it
        ({"BASE_URL": "http://127.0.0.1:3000"}, "https://127.0.0.1:3000/u/7"),
        ({"BASE_URL": "https://[::1]"}, "https://[::1]/u/7"),  # no policy can name it
        ({"PICTURE_HOSTS": TWO_KINDS}, AVATAR),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://cdn.example/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://evil:1.cdn.example/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://evil/.cdn.example"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://x.pictures.example/7"),
        ({"PICTURE_HOSTS": TWO_KINDS}, "https://odd.example/7"),
        ({"PICTURE_HOSTS": []}, AVATAR),
    ],
)
def test_the_hosts_of_one_provider_are_not_those_of_another(options, url):
    assert provider(**options).picture(url) == ""


PARTS = st.sampled_from(
    [
        *("https://", "http://", "//", "/", "\\", "@", ":", ":443", ":8443", "#", "?", "%2e", ".", "-", "\t"),
        *("a", "evil", "\N{CYRILLIC SMALL LETTER A}", "pictures.example", "PICTURES.example", "cdn.example"),
        *(".cdn.example", "odd.example:8443"),
    ]
)
LISTS = st.lists(PARTS).map("".join)


@hypothesis_settings(max_examples=500, deadline=None)
@given(st.text() | LISTS | LISTS.map("https://{}".format))
@example("https://a.cdn.example/x")
@example("https://evil:1.cdn.example")
@pytest.mark.threat("I03")
def test_whatever_a_provider_says_a_picture_is_on_one_of_its_hosts(url):
    shown = provider(PICTURE_HOSTS=TWO_KINDS).picture(url)

    assert shown in {"", url}
    for parse in (urlsplit, urllib3.util.parse_url):
        parts = parse(shown)
        at = (parts.hostname or "", parts.port)
        allowed = at in {("pictures.example", None), ("odd.example", 8443)} or (
            at[0].endswith(".cdn.example") and at[1] is None
        )
        assert not shown or (parts.scheme == "https" and allowed)


# --- Pages --------------------------------------------------------------------------------------------


def every_page_with_a_picture(visitor, as_owner):
    """Return the text of the pages that show the one visitor's picture."""
    account = visitor.user.linked_accounts.get()
    pages = [visitor.get(path) for path in ("/", "/oauth2/")]
    pages += [
        as_owner.get(f"/admin/{path}")
        for path in (
            "oauth_login/linkedaccount/",
            f"oauth_login/linkedaccount/{account.pk}/change/",
            f"auth/user/{account.user_id}/change/",
        )
    ]
    assert {page.status_code for page in pages} == {200}
    return [page.content.decode() for page in pages]


@pytest.fixture
def as_owner(db):
    client = Client()
    owner = get_user_model().objects.create_superuser("owner", password=None)
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.threat("I03")
@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        (AVATAR, True),
        ("https://evil.example/pixel.png", False),
        ("https://avatars.githubusercontent.com.evil.example/u/583231", False),
    ],
)
def test_only_a_picture_at_the_provider_is_stored_and_on_any_page(visitor, github, as_owner, url, is_shown):
    github.user["avatar_url"] = url
    visitor.sign_in(github)
    visitor.post("/write/", {"text": "Hello"})

    assert visitor.user.linked_accounts.get().picture == (url if is_shown else "")
    for page in every_page_with_a_picture(visitor, as_owner):
        assert (f'src="{url}"' in page) == is_shown
        assert "evil.example" not in page


@pytest.mark.threat("I03")
def test_a_picture_from_before_goes_with_the_next_sign_in(visitor, new_visitor, github):
    visitor.sign_in(github)
    foreign = github.user["avatar_url"] = "https://evil.example/pixel.png"
    account = visitor.user.linked_accounts.get()
    account.picture = foreign
    account.save()

    new_visitor().sign_in(github)
    account.refresh_from_db()
    assert account.picture == ""


# --- The policy of our pages --------------------------------------------------------------------------


@pytest.mark.threat("I03")
@pytest.mark.parametrize(
    ("options", "sources"),
    [
        ({}, ["https://avatars.githubusercontent.com"]),
        ({"BASE_URL": "https://ghe.example"}, ["https://*.ghe.example", "https://ghe.example"]),
        ({"BASE_URL": "http://127.0.0.1:3000"}, []),
        ({"BASE_URL": "https://ghe.example;img-src"}, []),
        (
            {"PICTURE_HOSTS": TWO_KINDS},
            ["https://*.cdn.example", "https://odd.example:8443", "https://pictures.example"],
        ),
        ({"PICTURE_HOSTS": []}, []),
        ({"PICTURE_HOSTS": ["*"]}, []),
        ({"CLIENT_SECRET": ""}, []),
    ],
    ids=str,
)
def test_the_policy_lets_pictures_come_from_this_site_and_the_provider_only(
    visitor, github, settings, options, sources
):
    visitor.sign_in(github)
    configured(settings, **options)

    for path in ("/oauth2/", "/oauth2/login/", "/oauth2/github/callback/"):
        assert img_src(visitor, path) == ["'self'", *sources]


@pytest.mark.threat("I03")
def test_a_provider_that_is_misconfigured_takes_no_others_pictures_away(visitor, settings):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    ghe = github | {"PRESET": "github", "BASE_URL": "https://ghe.example"}
    broken = github | {"PRESET": "github", "PICTURE_HOSTS": "evil.example"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"broken": broken, "github": github, "ghe": ghe, "none": None}}

    assert img_src(visitor) == [
        "'self'",
        "https://*.ghe.example",
        "https://avatars.githubusercontent.com",
        "https://ghe.example",
    ]


@pytest.mark.threat("I03")
def test_with_settings_that_sign_nobody_in_pictures_are_this_sites_own(visitor, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ENCRYPTION_KEYS": []}

    assert img_src(visitor) == ["'self'"]


@pytest.mark.threat("I03")
@pytest.mark.parametrize("options", [{}, {"PICTURE_HOSTS": ["pictures.example"]}], ids=str)
def test_the_pictures_of_the_sandbox_are_this_sites_own(visitor, settings, options):
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}, "SANDBOX": True}

    assert img_src(visitor) == ["'self'"]
