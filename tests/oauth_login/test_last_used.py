"""The sign-in page remembers which provider this browser used the last time, and nothing about anybody."""

import pytest
from django.template import RequestContext, Template
from django.test import RequestFactory

from tests.guestbook.markup import read

COOKIE = "last_oauth_login"
PAGE = "/oauth2/login/"
OTHERS = {
    "acme": {"ISSUER": "https://sso.acme.example", "CLIENT_ID": "c", "CLIENT_SECRET": "s", "LABEL": "Acme"},
    "weibo": {"CLIENT_ID": "c", "CLIENT_SECRET": "s"},
}


@pytest.fixture
def several(settings):
    """A site with three providers; GitHub is the second."""
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    ordered = {"acme": OTHERS["acme"], **providers, "weibo": OTHERS["weibo"]}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": ordered}


@pytest.fixture
def configure(settings):
    def change(**changes):
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | changes

    return change


def remembering(visitor, alias):
    visitor.cookies[COOKIE] = alias
    return read(visitor.get(PAGE))


def names(page):
    return [button.text for button in page.all("button")]


def test_a_sign_in_is_remembered_for_a_year_where_no_script_can_read_it(visitor, github):
    morsel = visitor.sign_in(github).cookies[COOKIE]

    assert (morsel.value, morsel["max-age"], morsel["path"]) == ("github", 365 * 24 * 3600, "/")
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Lax")
    assert morsel["secure"] == ""


@pytest.mark.threat("I15")
@pytest.mark.parametrize("secure", ["by its ORIGIN", "by the request"])
def test_on_https_it_is_sent_over_https_only(visitor, github, configure, settings, secure):
    if secure == "by its ORIGIN":
        configure(ORIGIN="https://testserver")
    else:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        visitor.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
        visitor.defaults["HTTP_REFERER"] = "https://testserver/"

    morsel = visitor.sign_in(github).cookies[COOKIE]

    assert (morsel["secure"], morsel["httponly"], morsel["domain"]) == (True, True, "")


def test_who_starts_or_is_refused_is_not_remembered(visitor, github):
    left = visitor.start()
    denied = visitor.come_back(github.deny(left["Location"]))
    refused = visitor.come_back("code=stolen&state=forged")

    assert all(COOKIE not in answer.cookies for answer in (left, denied, refused))


def test_signing_out_keeps_it(visitor, github):
    visitor.sign_in(github)
    visitor.start()
    visitor.post("/oauth2/logout/")

    assert visitor.attempt_cookies() == {}
    assert visitor.cookies[COOKIE].value == "github"


def test_the_one_used_last_says_so_in_its_name_and_stays_in_its_place(visitor, several):
    assert names(remembering(visitor, "github")) == [
        "Sign in with Acme",
        "Sign in with GitHub used last time",
        "Use another GitHub account",
        "Sign in with 微博",
    ]


def test_a_stranger_sees_no_mark(visitor, several):
    assert names(read(visitor.get(PAGE))) == ["Sign in with Acme", "Sign in with GitHub", "Sign in with 微博"]


@pytest.mark.parametrize("value", ["", "gone", "GitHub", "<script>", "acme,github", "ac" * 2000])
def test_a_cookie_that_names_no_provider_of_the_site_is_nothing(visitor, several, value):
    page = visitor.get(PAGE, headers={"cookie": f"{COOKIE}={value}"})

    assert names(read(page)) == ["Sign in with Acme", "Sign in with GitHub", "Sign in with 微博"]


def test_the_only_provider_needs_no_mark(visitor):
    page = read(visitor.get(PAGE))
    assert names(page) == ["Sign in with GitHub"]
    assert "Use your GitHub account." in page.one("main").text

    assert names(remembering(visitor, "github")) == ["Sign in with GitHub", "Use another GitHub account"]


def test_of_several_providers_the_page_names_none(visitor, several):
    text = read(visitor.get(PAGE)).one("main").text

    assert "Use an account you already have." in text
    assert "Use your" not in text


def test_without_providers_the_page_promises_nothing(visitor, configure):
    configure(PROVIDERS={})

    text = read(visitor.get(PAGE)).one("main").text
    assert "There is no way to sign in yet" in text
    assert "account you" not in text


# --- Another account ------------------------------------------------------------------------------------


@pytest.mark.threat("GH18", "B11")
@pytest.mark.parametrize(("alias", "label"), [("github", "GitHub"), ("acme", "Acme")])
def test_another_account_is_the_same_form_with_a_wish_for_the_chooser(visitor, several, alias, label):
    page = remembering(visitor, alias)

    (another,) = [button for button in page.all("button") if button.text == f"Use another {label} account"]
    forms = [element for element in another.parents if element.tag == "form"]
    assert [form["action"] for form in forms] == [f"/oauth2/{alias}/authorize/"]
    assert (another["name"], another["value"]) == ("prompt", "select_account")
    assert [field["name"] for field in forms[0].all("input")] == ["csrfmiddlewaretoken"]


def test_it_is_not_offered_of_a_provider_that_cannot_ask(visitor, several):
    assert "Use another" not in remembering(visitor, "weibo").text


def test_it_is_not_offered_where_the_site_has_decided_what_is_asked(visitor, settings, configure):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    configure(PROVIDERS={"github": github | {"AUTHORIZATION_PARAMS": {"prompt": "consent"}}})

    assert names(remembering(visitor, "github")) == ["Sign in with GitHub"]


def test_it_is_not_offered_of_a_provider_with_broken_settings(visitor, configure):
    configure(PROVIDERS={"github": {}})

    assert names(remembering(visitor, "github")) == ["Sign in with github"]


def test_after_a_denial_every_button_asks_already(visitor, several):
    visitor.cookies[COOKIE] = "github"
    page = read(visitor.get(PAGE, {"denied": "1"}))

    assert "Use another" not in page.text
    assert len(page.all("input", name="prompt", value="select_account")) == 3


# --- Turned off, elsewhere, and in caches -----------------------------------------------------------------


def test_a_site_can_have_nothing_remembered_and_nothing_shown(visitor, github, several, configure):
    configure(REMEMBER_PROVIDER=False)

    assert COOKIE not in visitor.sign_in(github).cookies
    visitor.post("/oauth2/logout/")
    assert names(remembering(visitor, "github")) == [
        "Sign in with Acme",
        "Sign in with GitHub",
        "Sign in with 微博",
    ]


@pytest.mark.parametrize(
    ("tag", "marks"),
    [
        ("{% sign_in_buttons %}", 1),
        ("{% sign_in_button 'github' %}", 0),
        ("{% sign_in_button 'github' mark_last=True %}", 1),
        ("{% sign_in_button 'acme' mark_last=True %}", 0),
    ],
)
def test_on_a_page_of_the_sites_own_a_button_alone_is_marked_only_when_asked(several, tag, marks):
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = "github"

    markup = Template("{% load oauth_login %}" + tag).render(RequestContext(request))

    assert markup.count("used last time") == marks
    assert "Use another" not in markup


def test_the_mark_reads_well_in_chinese(visitor, several):
    visitor.cookies[COOKIE] = "github"
    page = read(visitor.get(PAGE, headers={"accept-language": "zh-Hans"}))

    assert names(page)[1:3] == ["使用 GitHub 登录 上次使用", "使用其他 GitHub 账号"]


@pytest.mark.parametrize("path", ["/", PAGE])
def test_no_cache_shows_one_visitors_mark_to_another(visitor, several, path):
    answer = visitor.get(path)

    assert "cookie" in {name.strip().lower() for name in answer["Vary"].split(",")}
