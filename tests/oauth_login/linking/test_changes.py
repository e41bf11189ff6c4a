"""Whose ways in are changed learns of it, by mail and in the log; and nobody changes them unseen."""

import logging
import smtplib

import django
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.linking.conftest import NOW, PASSWORD, code_of, linked, messages_of, outcomes

pytestmark = pytest.mark.django_db(transaction=True)


class Failing(BaseEmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, _messages):
        raise smtplib.SMTPServerDisconnected("gone")


def unlink(visitor, number=1):
    """Unlink the account of that number; return the answer."""
    pk = LinkedAccount.objects.get(subject=number).pk
    return visitor.post(reverse("oauth_login:unlink", args=[pk]))


# --- By mail, and in the log ------------------------------------------------------------------------------


@pytest.mark.threat("G11")
def test_a_link_is_one_line_in_the_log_and_one_mail(visitor, ada, link, github, mailoutbox):
    link(visitor, 1, name="http://evil.example")

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["ada@example.com"], "GitHub was linked to your account")
    assert mail.body.startswith("Hello ada,\n\nAn account at GitHub was linked to your account.")
    assert outcomes() == [("linked", "ada", "1")]
    (form,) = github.token_requests
    for secret in ("gho_", form["code"], form["code_verifier"], "evil.example", "cat1"):
        assert secret not in mail.message().as_string()


@pytest.mark.threat("G11")
def test_so_is_what_is_unlinked(visitor, ada, link, mailoutbox):
    link(visitor, 1)
    mailoutbox.clear()

    answer = unlink(visitor)

    (mail,) = mailoutbox
    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/")
    assert (mail.to, mail.subject) == (["ada@example.com"], "GitHub was unlinked from your account")
    assert "An account at GitHub was unlinked from your account." in mail.body
    assert outcomes() == [("linked", "ada", None), ("unlinked", "ada", None)]


@pytest.mark.threat("G11")
def test_a_link_that_was_there_already_is_not_mailed_again(visitor, ada, link, mailoutbox):
    link(visitor, 1)
    link(visitor, 1)

    assert len(mailoutbox) == 1


def test_a_site_that_writes_for_itself_can_turn_the_mails_off(visitor, ada, link, settings, mailoutbox):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"MAIL_ON_CHANGE": False}

    link(visitor, 1)
    unlink(visitor)

    assert mailoutbox == []


def test_who_has_no_address_is_written_to_by_nobody(visitor, somebody, link, mailoutbox):
    somebody()
    visitor.login(username="ada", password=PASSWORD)

    link(visitor, 1, email="cat1@example.com")

    assert (linked(), mailoutbox) == ([("ada", "1")], [])


@pytest.mark.threat("G11")
def test_a_mail_server_that_is_down_keeps_nobody_from_linking(visitor, ada, link, settings, caplog):
    backend = f"{__name__}.Failing"
    newer = ("MAILERS", {"default": {"BACKEND": backend}})
    setattr(settings, *{False: ("EMAIL_BACKEND", backend), True: newer}[django.VERSION >= (6, 1)])

    answer = link(visitor, 1)

    assert (answer.status_code, linked()) == (302, [("ada", "1")])
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage().startswith("no mail about the account ")


def test_who_has_a_name_of_two_lines_gets_a_subject_of_one(visitor, ada, link, settings, mailoutbox):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"LABEL": "Git\n  Hub"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": github}}

    link(visitor, 1)

    assert [mail.subject for mail in mailoutbox] == ["Git Hub was linked to your account"]


def test_the_mail_is_in_the_language_of_the_page(visitor, ada, at_github, github, mailoutbox):
    at_github(1)
    query = github.approve(visitor.start(intent="link")["Location"])

    visitor.come_back(query, headers={"accept-language": "zh-hans"})

    assert mailoutbox[0].subject == "GitHub 已关联到您的账号"


def test_of_a_provider_that_is_not_there_any_more_the_mail_has_the_alias(
    visitor, ada, link, settings, mailoutbox
):
    link(visitor, 1)
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {}}

    unlink(visitor)

    assert mailoutbox[-1].subject == "github was unlinked from your account"


# --- Soon after a sign-in ---------------------------------------------------------------------------------


@pytest.mark.threat("G02")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_session_left_open_unlinks_nothing(visitor, somebody, link, method):
    with time_machine.travel(NOW, tick=False) as clock:
        somebody()
        visitor.login(username="ada", password=PASSWORD)
        link(visitor, 1)
        clock.shift(16 * 60)
        page = reverse("oauth_login:unlink", args=[LinkedAccount.objects.get().pk])

        answer = getattr(visitor, method)(page)

        assert (answer.status_code, linked()) == (302, [("ada", "1")])
        assert answer["Location"] == f"/oauth2/confirm/?next={page}"
        confirmed = visitor.post("/oauth2/confirm/", {"password": PASSWORD, "next": page})
        assert confirmed["Location"] == page
        assert visitor.post(page).status_code == 302
        assert linked() == []


# --- What an account that is unlinked leaves behind -------------------------------------------------------


@pytest.mark.threat("G12")
@pytest.mark.parametrize("end", [True, False])
def test_the_sessions_that_it_opened_end_if_the_site_wants_that_but_not_ones_own(
    new_visitor, github, settings, end
):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"SESSIONS_END_ON_REVOCATION": end}
    own, other = new_visitor(), new_visitor()
    for browser in (own, other):
        browser.sign_in(github)
    user = own.user
    user.set_password(PASSWORD)
    user.save()
    own.sign_in(github)  # a new password ends all sessions
    other.sign_in(github)

    assert unlink(own, 583231).status_code == 302

    assert own.user == user
    assert (other.user is None) is end
    assert own.get("/oauth2/").status_code == 200
    assert other.get("/oauth2/").status_code == (302 if end else 200)


# --- What nobody can do -----------------------------------------------------------------------------------


@pytest.mark.threat("G13")
def test_signing_in_and_linking_all_over_never_moves_an_account(new_visitor, github, somebody, at_github):
    browsers = [new_visitor(), new_visitor()]
    for number, browser in enumerate(browsers, 1):
        somebody(f"user{number}", email=f"user{number}@example.com")
        browser.login(username=f"user{number}", password=PASSWORD)
        at_github(number)
        browser.sign_in(github, intent="link")

    for number, browser in enumerate(reversed(browsers), 1):
        at_github(number, email=f"user{number}@example.com")
        for intent in ("sign_in", "separate", "link", "reauthenticate"):
            assert browser.sign_in(github, intent=intent).status_code == 409

    assert linked() == [("user1", "1"), ("user2", "2")]
    assert get_user_model().objects.count() == 2


@pytest.mark.threat("G13", "L12")
def test_nor_can_the_admin(admin_client, visitor, ada, link, somebody):
    link(visitor, 1)
    account = LinkedAccount.objects.get()
    page = reverse("admin:oauth_login_linkedaccount_change", args=[account.pk])

    assert admin_client.post(page, {"user": somebody("bob").pk}).status_code == 403
    assert 'name="user"' not in admin_client.get(page).content.decode()
    assert linked() == [("ada", "1")]


# --- The log in the admin ---------------------------------------------------------------------------------


def test_the_admin_shows_whose_it_was_and_finds_what_was_changed(admin_client, visitor, ada, link, github):
    link(visitor, 1)
    visitor.sign_in(github, intent="reauthenticate")
    visitor.sign_in(github)
    unlink(visitor)
    visitor.come_back(github.deny(visitor.start(intent="link")["Location"]))
    page = reverse("admin:oauth_login_signin_changelist")

    def shown(ended):
        rows = admin_client.get(page, {"ended": ended}).context["cl"].queryset
        return sorted(rows.values_list("outcome", "user__username"))

    assert shown("changed") == [("linked", "ada"), ("unlinked", "ada")]
    assert shown("confirmed") == [("reauthenticated", "ada")]
    assert shown("signed-in") == [("signed_in", "ada")]
    assert shown("refused") == [("access_denied", None)]
    assert '<td class="field-user nowrap">' in admin_client.get(page).content.decode()
    row = reverse("admin:oauth_login_signin_change", args=[SignIn.objects.get(outcome="signed_in").pk])
    assert f'href="/admin/auth/user/{ada.pk}/change/"' in admin_client.get(row).content.decode()


def test_the_log_outlasts_the_user(visitor, ada, link):
    link(visitor, 1)

    get_user_model().objects.all().delete()

    assert outcomes() == [("linked", None, None)]


# --- In whose frame -----------------------------------------------------------------------------------------


@pytest.mark.threat("G14")
@pytest.mark.parametrize(
    "path", ["", "confirm/", "github/link/", "github/authorize/", "accounts/{pk}/unlink/", "github/grant/"]
)
def test_no_page_is_shown_in_the_frame_of_another_site(
    new_visitor, somebody, at_github, github, settings, path
):
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if "clickjacking" not in name and "csp" not in name
    ]
    somebody()
    visitor = new_visitor()
    visitor.login(username="ada", password=PASSWORD)
    at_github(1)
    visitor.sign_in(github, intent="link")

    answer = visitor.get(f"/oauth2/{path.format(pk=LinkedAccount.objects.get().pk)}")

    assert answer.status_code == (400 if "grant" in path else 200)  # nobody asks for a grant by such a link
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")


@pytest.mark.threat("G08")
def test_who_has_only_that_way_in_is_told_so_after_the_proof(visitor, github):
    visitor.sign_in(github)

    answer = unlink(visitor, 583231)

    assert (answer.status_code, code_of(answer)) == (409, "last_way_in")
    assert outcomes() == [("signed_in", "octocat", "583231")]
    assert messages_of(answer) == []
