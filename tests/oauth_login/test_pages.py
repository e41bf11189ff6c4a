"""Every page: its words, its one way on, its headers, and nothing on it that somebody else wrote."""

import logging
import re
from html.parser import HTMLParser

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command

from oauth_login.errors import SignInRefused
from oauth_login.explanations import explain
from oauth_login.models import LinkedAccount
from tests.oauth_login.conftest import asked_again, impatience

AVATARS = re.escape("https://avatars.githubusercontent.com")
NOW = 1_790_000_000
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
VOID = {"meta", "link", "input", "img", "br"}


class Markup(HTMLParser):
    """What a page is made of: every tag with its attributes, and whether all are closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def bare(settings):
    """Take away every middleware that could set a header in our place."""
    needed = ("sessions", "auth.", "messages")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if any(part in name for part in needed)]


def every_answer(new_visitor, github, settings):
    """Yield a name and an answer for everything the app can answer with."""
    visitor = new_visitor(enforce_csrf_checks=False)
    yield "login", visitor.get("/oauth2/login/")
    yield "start page", visitor.get("/oauth2/github/authorize/", {"next": "/x"})
    yield "accounts, anonymous", visitor.get("/oauth2/")
    leaving = visitor.start(next="/x")
    yield "start", leaving
    yield "refusal", visitor.come_back({"state": "forged", "code": "x"})
    yield "installation", visitor.come_back({"code": "x", "installation_id": "1"})
    yield "denial", visitor.come_back(github.deny(visitor.start()["Location"]))
    yield "denied", visitor.get("/oauth2/login/")
    query = github.approve(leaving["Location"])
    yield "success", visitor.come_back(query)
    yield "reload", visitor.come_back(query)
    yield "login, signed in", visitor.get("/oauth2/login/")
    yield "accounts", visitor.get("/oauth2/")
    github.user, github.emails = github.user | {"id": 7}, []
    yield "conflict", visitor.sign_in(github)
    yield "logout by GET", visitor.get("/oauth2/logout/")
    yield "logout", visitor.post("/oauth2/logout/")
    yield "start by PUT", visitor.put("/oauth2/github/authorize/")
    yield "login by DELETE", new_visitor(enforce_csrf_checks=True).delete("/oauth2/login/")
    yield "accounts by PATCH", new_visitor(enforce_csrf_checks=True).patch("/oauth2/")
    yield "logout without a token", new_visitor(enforce_csrf_checks=True).post("/oauth2/logout/")
    yield "no boundary", visitor.post("/oauth2/github/authorize/", b"x", content_type="multipart/form-data")
    yield (
        "no UTF-8",
        visitor.post(
            "/oauth2/github/authorize/",
            b"x",
            content_type="application/x-www-form-urlencoded; charset=utf-16",
        ),
    )
    yield "nobody's page", visitor.get("/oauth2/nobody/authorize/")
    yield "nobody's sandbox", visitor.get("/oauth2/sandbox/nobody/authorize/")
    yield "callback by HEAD", visitor.head("/oauth2/github/callback/")
    yield "no CSRF token", new_visitor(enforce_csrf_checks=True).start()
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    yield "bounce", new_visitor().come_back(query)
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}}
    yield "misconfigured", visitor.start()
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}
    location = visitor.start()["Location"]
    yield "sandbox", visitor.get(location)
    yield "sandbox, chosen", visitor.post(location, {"persona": "octocat"})
    yield "sandbox, refused", visitor.get("/oauth2/sandbox/github/authorize/")


@pytest.mark.threat("I07", "I08", "I16", "G14")
def test_every_answer_carries_its_own_headers_whatever_middleware_is_missing(new_visitor, github, settings):
    bare(settings)

    for name, answer in every_answer(new_visitor, github, settings):
        assert answer.status_code < 500 or name == "misconfigured", name
        cache_control = answer["Cache-Control"]
        assert {"no-store", "private"} <= set(cache_control.split(", ")), name
        assert {header: answer.headers.get(header) for header in HEADERS} == HEADERS, name
        policy = answer.headers.get("Content-Security-Policy", "")
        if answer.has_header("Location"):
            assert answer.content == b"", name
        assert re.match(f"default-src 'none'; style-src 'self'; img-src 'self'( {AVATARS})?; ", policy), name
        assert not re.search("script|unsafe", policy), name
        assert policy.endswith("; form-action 'self' https:; base-uri 'none'; frame-ancestors 'none'"), name


@pytest.mark.threat("I16")
def test_every_page_is_sound_works_without_script_and_loads_nothing_foreign(new_visitor, github, settings):
    pages = 0
    for name, answer in every_answer(new_visitor, github, settings):
        if answer.has_header("Location") or not answer.content or name == "no CSRF token":
            continue
        pages += 1
        text = answer.content.decode()
        markup = Markup(text)
        assert markup.open == [], name
        assert markup.all("html")[0]["lang"] == "en", name
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in markup.all("meta")
        assert {"name": "referrer", "content": "strict-origin"} in markup.all("meta"), name
        assert len(markup.all("h1")) == len(markup.all("main")) == len(markup.all("title")) == 1, name
        assert not {tag for tag, _ in markup.tags} & {"script", "style", "iframe", "object", "base"}, name
        for tag, attributes in markup.tags:
            assert not any(key.startswith("on") or key == "style" for key in attributes), (name, tag)
        assert all(button.get("type") == "submit" for button in markup.all("button")), name
        assert all("alt" in image for image in markup.all("img")), name
        assert [link["href"] for link in markup.all("link")] == ["/static/oauth_login/oauth_login.css"], name
        for place in markup.all("a"):
            own = re.match(r"/(?!/)", place["href"])
            assert own or place["href"].startswith("https://github.com/settings/connections/"), name
        for form in markup.all("form"):
            assert re.match(r"/(?!/)", form.get("action", "/")), name
    assert pages == 19


@pytest.mark.threat("I07")
def test_a_cache_in_front_of_the_site_gives_nobodys_page_to_anybody_else(new_visitor, github, settings):
    cache.clear()
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    octocat, mona, nobody = new_visitor(), new_visitor(), new_visitor()
    octocat.sign_in(github)
    assert "octocat" in octocat.get("/oauth2/").content.decode()
    github.user, github.emails = github.user | {"id": 7, "login": "mona"}, []
    mona.sign_in(github)

    for path in ("/oauth2/", "/oauth2/login/"):
        octocat.get(path)
        assert "octocat" not in mona.get(path).content.decode()
        assert "octocat" not in nobody.get(path).content.decode()
    cache.clear()


def test_a_policy_of_the_sites_own_stands(visitor, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csp" not in name]
    ours = visitor.get("/oauth2/login/")["Content-Security-Policy"]

    settings.MIDDLEWARE = ["demo_site.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    assert visitor.get("/oauth2/login/")["Content-Security-Policy"] == ours


def test_the_policy_lets_forms_lead_to_a_provider_on_loopback(visitor, settings):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"BASE_URL": "http://127.0.0.1:9000"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options, "broken": "no dict"}}

    policy = visitor.get("/oauth2/github/authorize/")["Content-Security-Policy"]

    assert "form-action 'self' https: http://127.0.0.1:9000; " in policy


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:8000", "'self' https: http://127.0.0.1:8000"),
        ("https://www.example.com", "'self' https:"),
        ("http://www.example.com", "'self' https:"),
        ("http://[", "'self' https:"),
        (7, "'self' https:"),
        (None, "'self' https:"),
    ],
)
def test_the_policy_lets_forms_lead_to_where_the_provider_sends_visitors_back(
    visitor, settings, origin, allowed
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": origin}

    policy = visitor.get("/oauth2/login/")["Content-Security-Policy"]

    assert f"form-action {allowed}; " in policy


def test_the_policy_lets_the_stylesheet_come_from_where_it_is(visitor, settings):
    settings.STATIC_URL = "https://cdn.example/static/"

    answer = visitor.get("/oauth2/login/")

    assert "style-src 'self' https://cdn.example; " in answer["Content-Security-Policy"]
    assert 'href="https://cdn.example/static/oauth_login/oauth_login.css"' in answer.content.decode()


def test_the_pages_work_with_hashed_static_files(visitor, github, settings, tmp_path):
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)

    answer = visitor.get("/oauth2/login/")

    assert re.search(r'href="/static/oauth_login/oauth_login\.[0-9a-f]{12}\.css"', answer.content.decode())
    assert "style-src 'self';" in answer["Content-Security-Policy"]
    assert visitor.sign_in(github).status_code == 302


# --- What a refusal says ---------------------------------------------------------------------------------


def expired(visitor, github):
    with time_machine.travel(NOW, tick=False) as clock:
        query = github.approve(visitor.start(next="/where/")["Location"])
        clock.shift(601)
        return visitor.come_back(query)


def elsewhere(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    visitor.cookies.clear()
    return visitor.arrive(query)


def blocked(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    visitor.cookies.clear()
    again = asked_again(visitor.come_back(query))
    visitor.cookies.clear()
    return visitor.get(again)


def at_another_address(visitor, github):
    start = visitor.post("/oauth2/github/authorize/", {"next": "/where/"}, headers={"host": "other.example"})
    visitor.cookies.clear()
    return visitor.arrive(github.approve(start["Location"]))


def too_often(visitor, _github):
    with time_machine.travel(1_790_000_000, tick=False):  # or another minute might begin
        for _ in range(60):
            visitor.start()
        return visitor.start(next="/where/")


def unknown(visitor, _github):
    return visitor.get("/oauth2/nobody/authorize/?next=/where/")


def too_large(visitor, _github):
    return visitor.post("/oauth2/github/authorize/?", {"next": "/where/" + "a" * 3_000_000})


def replayed(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    cookies = visitor.attempt_cookies()
    visitor.come_back(query)
    visitor.cookies.clear()
    visitor.cookies.load(cookies)
    return visitor.come_back(query)


def user_changed(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    visitor.force_login(get_user_model().objects.create_user("ada"))
    return visitor.come_back(query)


def inactive(visitor, github):
    visitor.sign_in(github)
    visitor.post("/oauth2/logout/")
    get_user_model().objects.update(is_active=False)
    return visitor.sign_in(github, next="/where/")


def somebody_else(visitor, github):
    visitor.force_login(get_user_model().objects.create_user("ada"))
    return visitor.sign_in(github, next="/where/")


def token(answer):
    def refused(visitor, github):
        github.token = answer
        return visitor.sign_in(github, next="/where/")

    return refused


def never_answered(visitor, github):
    with impatience():
        return token(TimeoutError())(visitor, github)


def user(**facts):
    def refused(visitor, github):
        github.user = github.user | facts
        return visitor.sign_in(github, next="/where/")

    return refused


REFUSALS = [
    (expired, "attempt_expired", 400, "That took a little too long", "again"),
    (elsewhere, "cookie_missing", 400, "This browser does not remember the sign-in", "again"),
    (blocked, "cookies_blocked", 400, "This browser blocks cookies", "again"),
    (
        at_another_address,
        "origin_not_allowed",
        400,
        "This sign-in was started at another address of this site",
        "again",
    ),
    (too_often, "too_many_requests", 429, "Too many sign-ins at once", "again"),
    (unknown, "provider_unknown", 404, "This page does not exist", "other"),
    (too_large, "body_too_large", 413, "That was too much at once", "other"),
    (replayed, "attempt_replayed", 400, "This sign-in was already used", "again"),
    (user_changed, "user_changed", 400, "Somebody else is signed in by now", "again"),
    (
        token({"error": "bad_verification_code"}),
        "code_rejected",
        400,
        "The provider did not accept this sign-in",
        "again",
    ),
    (
        token({"error": "unverified_user_email"}),
        "email_unverified_at_provider",
        400,
        "Your e-mail address is not verified there yet",
        "again",
    ),
    (
        token({"error": "incorrect_client_credentials"}),
        "provider_misconfigured",
        503,
        "This sign-in is not available",
        "other",
    ),
    (token((500, {}, b"")), "provider_unavailable", 503, "The provider cannot be reached", "again"),
    (token((429, {}, b"")), "provider_rate_limited", 503, "The provider cannot be reached", "again"),
    (never_answered, "provider_timeout", 504, "The provider takes too long to answer", "again"),
    (token([]), "json_type_wrong", 502, "The provider gave an answer we cannot use", "again"),
    (user(id=None), "subject_invalid", 502, "The provider gave an answer we cannot use", "again"),
    (user(type="Bot"), "not_a_person", 403, "Only people can sign in here", "again"),
    (inactive, "user_inactive", 403, "This account is not active", "other"),
    (somebody_else, "already_signed_in", 409, "You are already signed in as somebody else", "sign_out"),
]
WAYS_ON = {
    "again": ("post", "/oauth2/github/authorize/", "Sign in with GitHub"),
    "sign_out": ("post", "/oauth2/logout/", "Sign out"),
    "other": ("get", "/oauth2/login/", "See the ways to sign in"),
}


@pytest.mark.parametrize(
    ("refuse", "code", "status", "title", "way_on"), REFUSALS, ids=[refusal[1] for refusal in REFUSALS]
)
def test_a_refusal_says_what_happened_and_has_one_button_that_keeps_next(
    visitor, github, settings, refuse, code, status, title, way_on
):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "other.example"]
    answer = refuse(visitor, github)

    assert answer.status_code == status
    page = answer.content.decode()
    assert f"<title>{title}</title>" in page
    assert f"<h1>{title}</h1>" in page
    assert f"<code>{code}</code>" in page
    markup = Markup(page)
    (form,), (_button,) = markup.all("form"), markup.all("button")
    method, action, label = WAYS_ON[way_on]
    assert (form["method"], form["action"]) == (method, action)
    assert f">{label}</button>" in page
    kept = [field["value"] for field in markup.all("input") if field["name"] == "next"]
    # It was in the cookie, or in a form that nobody reads.
    lost = code in {"cookie_missing", "cookies_blocked", "origin_not_allowed", "body_too_large"}
    assert kept == ([] if lost else ["/where/"])
    assert f'<a href="{"/" if lost else "/where/"}">Go on without this sign-in</a>' in page


@pytest.mark.parametrize(
    ("error", "title", "way_on"),
    [
        (SignInRefused("email_required"), "An e-mail address is needed", "again"),
        (SignInRefused(), "You cannot sign in here with this account", "other"),
    ],
)
def test_what_only_other_sites_refuse_is_explained_too(error, title, way_on):
    told = explain(error)

    assert (str(told.title), told.way_on) == (title, way_on)


@pytest.mark.threat("GH20", "D24")
@pytest.mark.parametrize(("said", "repeated"), [("30", "30"), ("soon", None), (None, None)])
def test_a_busy_providers_retry_after_is_handed_on(visitor, github, said, repeated):
    github.token = (429, {"Retry-After": said} if said else {}, b"")

    assert visitor.sign_in(github).headers.get("Retry-After") == repeated


def test_a_visitor_who_is_in_the_way_of_nobody_can_go_on_from_the_conflict(visitor, github):
    answer = somebody_else(visitor, github)
    assert '<a href="/where/">' in answer.content.decode()

    visitor.start()
    without_next = visitor.sign_in(github)
    assert '<a href="/">Go on without this sign-in</a>' in without_next.content.decode()


# --- Nothing of anybody else's -----------------------------------------------------------------------


@pytest.mark.threat("I04", "I05", "I06")
@pytest.mark.parametrize("genuine", [False, True], ids=["forged", "genuine state"])
@pytest.mark.parametrize(
    "error", ["<script>alert(1)</script>", "access_denied<b>", "unheard_of", "server_error"]
)
def test_the_callback_shows_no_word_of_the_providers(visitor, github, caplog, genuine, error):
    query = {
        "error": error,
        "error_description": "<img src=x onerror=alert(2)> Call 555-0100",
        "error_uri": "https://evil.example/help",
        "state": "forged<i>",
    }
    if genuine:
        query = (
            github.deny(visitor.start()["Location"])
            | {"error": error}
            | {name: query[name] for name in ("error_description", "error_uri")}
        )

    with caplog.at_level(logging.DEBUG):
        answer = visitor.come_back(query)

    page = answer.content.decode()
    assert answer.status_code in {400, 503}
    for told in ("<script", "alert(", "onerror", "555-0100", "evil.example", "forged", "unheard_of", "&lt;"):
        assert told not in page
    lines = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert len(lines) == 1
    assert len(lines[0]) < 400
    assert lines[0].count("555-0100") == (1 if genuine else 0)


@pytest.mark.threat("I04")
def test_a_provider_that_does_not_exist_is_not_repeated(visitor):
    answer = visitor.get("/oauth2/<script>alert(1)</script>/authorize/")

    assert answer.status_code == 404
    assert "<script>alert" not in answer.content.decode()


@pytest.mark.threat("I14", "I01")
def test_a_name_full_of_tricks_is_one_harmless_line_everywhere(visitor, github, caplog):
    github.user = github.user | {
        "login": "octo\r\ncat",
        "name": "Ann\r\nERROR root: \x1b[31mowned\u202e<script>alert(1)</script>",
    }

    with caplog.at_level(logging.DEBUG):
        visitor.sign_in(github)
    page = visitor.get("/oauth2/").content.decode()

    account = LinkedAccount.objects.get()
    assert (account.name + account.username).isprintable()
    for record in caplog.records:
        assert record.getMessage().isprintable()
    assert "<script" not in page
    assert all(char not in page for char in "\x1b\u202e\r")


@pytest.mark.threat("I01")
def test_the_accounts_page_shows_markup_as_text(visitor, github):
    github.user = github.user | {"login": "<b>octocat</b>", "name": '"><script>alert(1)</script>'}
    visitor.sign_in(github)

    page = visitor.get("/oauth2/").content.decode()

    assert "&lt;b&gt;octocat&lt;/b&gt;" in page
    assert not re.search("<script|<b>octocat", page)


# --- The other pages ---------------------------------------------------------------------------------------


def test_the_sign_in_page_has_a_button_per_provider(visitor, settings):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    ghe = github | {"PRESET": "github", "BASE_URL": "https://ghe.example", "LABEL": "Our own"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": github, "ghe": ghe}}

    page = visitor.get("/oauth2/login/", {"next": "/where/"}).content.decode()

    actions = [form["action"] for form in Markup(page).all("form")]
    assert actions == ["/oauth2/github/authorize/", "/oauth2/ghe/authorize/"]
    assert page.count('<input type="hidden" name="next" value="/where/">') == 2
    assert "Sign in with GitHub" in page
    assert "Sign in with Our own" in page


def test_the_sign_in_page_answers_head_like_get(visitor):
    assert visitor.head("/oauth2/login/").status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("page", ["login/", ""])
def test_pages_that_only_show_something_take_nothing(visitor, method, page):
    visitor.force_login(get_user_model().objects.create_user("ada"))

    assert getattr(visitor, method)(f"/oauth2/{page}").status_code == 405


def test_whoever_is_signed_in_is_told_so_on_the_sign_in_page(visitor):
    visitor.force_login(get_user_model().objects.create_user("<i>ada</i>"))

    page = visitor.get("/oauth2/login/", {"next": "/where/"}).content.decode()

    assert "You are signed in as <bdi>&lt;i&gt;ada&lt;/i&gt;</bdi>." in page
    assert '<a href="/where/">Go on</a>' in page
    assert "Sign in with" not in page


def test_the_accounts_are_for_whoever_is_signed_in(visitor, new_visitor, github):
    visitor.sign_in(github)
    page = visitor.get("/oauth2/").content.decode()
    assert "octocat@example.com" in page
    assert '<form class="oauth-login-form" method="post" action="/oauth2/logout/">' in page

    assert new_visitor().get("/oauth2/")["Location"] == "/oauth2/login/?next=/oauth2/"


@pytest.mark.parametrize(
    "path", ["nothing/", "github/", "github/callback/more/", "sandbox/", "login/x/", "github/authorize"]
)
def test_there_are_no_other_pages(visitor, path):
    assert visitor.get(f"/oauth2/{path}").status_code in {301, 404}
    assert visitor.get(f"/oauth2/{path}", follow=True).status_code == (
        200 if path.endswith("authorize") else 404
    )
