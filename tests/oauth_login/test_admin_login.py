"""The admin's own login page, with the buttons: for whoever is staff already; it makes nobody anything."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.urls import include, path

from oauth_login.models import LinkedAccount, SignIn
from tests.guestbook.markup import read

LOGIN = "/admin/login/"
ENTRIES = "/admin/guestbook/entry/"

office = admin.AdminSite(name="office")
office.login_template = "oauth_login/admin_login.html"
urlpatterns = [
    path("back/office/", office.urls),
    path("oauth2/", include("oauth_login.urls")),
]


@pytest.fixture
def known(visitor, github):
    """A way to be a user of the site who signs in through GitHub, and is signed out now."""

    def make(**rights):
        visitor.sign_in(github)
        user = visitor.user
        get_user_model().objects.update(**rights)
        visitor.post("/oauth2/logout/")
        return user

    return make


def form_of(page, action):
    (form,) = page.all("form", action=action)
    return form


def next_of(page, action="/oauth2/github/authorize/"):
    return form_of(page, action).one("input", name="next")["value"]


def test_the_login_page_has_the_admins_form_and_the_buttons(client, db):
    page = read(client.get(ENTRIES, follow=True))

    assert page.one("form", id="login-form").one("input", name="password")
    assert next_of(page) == ENTRIES
    assert form_of(page, "/oauth2/github/authorize/").one("button").text == "Sign in with GitHub"


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ({}, "/admin/"),
        ({"next": ENTRIES}, ENTRIES),
        ({"next": "https://evil.example/"}, "/admin/"),
        ({"next": ""}, "/admin/"),
    ],
)
@pytest.mark.threat("C05")
def test_the_buttons_lead_back_into_the_admin(client, db, query, there):
    assert next_of(read(client.get(LOGIN, query))) == there


def test_a_wrong_password_loses_neither_the_buttons_nor_the_page(client, db):
    page = read(client.post(LOGIN, {"username": "owner", "password": "wrong", "next": ENTRIES}))

    assert "Please enter the correct username and password" in page.text
    assert next_of(page) == ENTRIES


def test_staff_come_to_the_page_they_wanted(visitor, github, known):
    user = known(is_staff=True, is_superuser=True)

    answer = visitor.sign_in(github, next=next_of(read(visitor.get(ENTRIES, follow=True))))

    assert answer["Location"] == ENTRIES
    assert visitor.get(ENTRIES).status_code == 200
    assert visitor.user == user


@pytest.mark.threat("F18")
def test_who_is_not_staff_is_told_so_by_the_admin_and_stays_what_they_were(visitor, github, known):
    user = known()

    answer = visitor.sign_in(github, next="/admin/")
    arrived = visitor.get(answer["Location"], follow=True)

    assert arrived.redirect_chain == [(f"{LOGIN}?next=/admin/", 302)]
    page = read(arrived)
    assert (
        "You are authenticated as octocat, but are not authorized" in page.one("p", class_="errornote").text
    )
    assert page.all("form", action="/oauth2/github/authorize/") == []
    assert next_of(page, "/oauth2/logout/") == f"{LOGIN}?next=%2Fadmin%2F"
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_signing_out_there_leads_back_to_the_buttons(visitor, github, known):
    known()
    visitor.sign_in(github, next="/admin/")

    answer = visitor.post("/oauth2/logout/", {"next": f"{LOGIN}?next={ENTRIES}"}, follow=True)

    assert answer.redirect_chain == [(f"{LOGIN}?next={ENTRIES}", 302)]
    page = read(answer)
    assert next_of(page) == ENTRIES
    assert [button.text for button in form_of(page, "/oauth2/github/authorize/").all("button")] == [
        "Sign in with GitHub",
        "Use another GitHub account",
    ]


@pytest.mark.threat("F18")
@pytest.mark.parametrize("page", ["/admin/", "/admin", "/admin/guestbook/entry"])
def test_a_stranger_gets_no_user_there(visitor, github, refused, page):
    answer = visitor.sign_in(github, next=page)

    refused(visitor, answer, 403, token_requests=1, sign_ins=1)
    assert SignIn.objects.get().outcome == "sign_up_not_here"
    assert answer.context["next"] == page
    assert "Nobody here has this account" in read(answer).text


def test_a_stranger_signs_up_everywhere_else(visitor, github):
    assert visitor.sign_in(github, next="/administration/").status_code == 302
    assert visitor.user is not None


@pytest.mark.threat("F07", "F18")
def test_whose_address_is_the_owners_is_told_the_way_to_their_account(visitor, github, rows):
    get_user_model().objects.create_superuser("owner", "octocat@example.com", "owner-password")

    answer = visitor.sign_in(github, next="/admin/")

    assert (answer.status_code, answer.context["code"]) == (409, "email_taken")
    assert visitor.user is None
    assert rows() == (1, 0, 0)


@override_settings(ROOT_URLCONF=__name__)
def test_an_admin_of_another_name_and_place_is_one_too(visitor, github, rows):
    page = read(visitor.get("/back/office/", follow=True))
    assert next_of(page) == "/back/office/"

    answer = visitor.sign_in(github, next="/back/office/")

    assert (answer.status_code, answer.context["code"]) == (403, "sign_up_not_here")
    assert rows() == (0, 0, 0)


def test_the_page_needs_no_inline_style_and_keeps_the_admins_policy(client, db):
    answer = client.get(LOGIN)
    page = read(answer)

    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert page.all("style") == []
    styles = [link["href"] for link in page.all("link", rel="stylesheet")]
    own = [href for href in styles if "oauth_login" in href]
    assert own == ["/static/oauth_login/oauth_login.css", "/static/oauth_login/admin_login.css"]
    assert styles.index("/static/admin/css/login.css") < styles.index(own[0])


def test_it_speaks_chinese(client, db):
    page = read(client.get(LOGIN, headers={"accept-language": "zh-Hans"}))

    assert form_of(page, "/oauth2/github/authorize/").one("button").text == "使用 GitHub 登录"


def test_a_linked_account_of_staff_is_still_only_theirs(visitor, new_visitor, github, known):
    known(is_staff=True)
    github.user["id"] += 1

    stranger = new_visitor()
    assert stranger.sign_in(github, next="/admin/").status_code == 409  # the address is taken
    github.emails = []
    assert stranger.sign_in(github, next="/admin/").status_code == 403
    assert LinkedAccount.objects.count() == 1
