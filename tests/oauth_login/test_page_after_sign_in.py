"""A site's backend may name a page that comes first; a page of this site, which is told what comes next."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse_lazy

from oauth_login.backends import OAuthBackend
from oauth_login.errors import SignInRefused
from oauth_login.models import SignIn


class Asks(OAuthBackend):
    """Wants whatever a test wants, and notes what it was told."""

    wanted: object = ""
    told: list[object] = []

    def page_after_sign_in(self, request, user, next_page):
        self.told.append(
            (request.path, request.user.is_authenticated, user.signed_in_first, user.pk, next_page)
        )
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted


@pytest.fixture
def backend_wants(settings, monkeypatch):
    """Name the page; the value is what the backend was told."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Asks"]

    def answer(wanted):
        monkeypatch.setattr(Asks, "wanted", wanted)
        monkeypatch.setattr(Asks, "told", [])
        return Asks.told

    return answer


@pytest.mark.parametrize(
    ("wanted", "next_page", "led_to"),
    [
        ("/more/", "/where/", "/more/?next=/where/"),
        ("/more/?a=1#here", "/where/?b=2#there", "/more/?a=1&next=/where/%3Fb%3D2%23there#here"),
        ("/more/?next=/own/", "/where/", "/more/?next=/own/"),
        ("/more/?next=", "/where/", "/more/?next="),
        ("/mehr/ü/", "/wo/ß/", "/mehr/%C3%BC/?next=/wo/%25C3%259F/"),
        ("/more/", "", "/more/?next=/"),
        ("/where/", "/where/", "/where/"),
        (reverse_lazy("guestbook:index"), "/where/", "/?next=/where/"),
        ("", "/where/", "/where/"),
        (None, "/where/", "/where/"),
    ],
)
def test_a_page_that_comes_first_is_told_what_comes_next(
    visitor, github, backend_wants, wanted, next_page, led_to
):
    backend_wants(wanted)

    answer = visitor.sign_in(github, next=next_page)

    assert (answer.status_code, answer["Location"]) == (302, led_to)
    assert visitor.user is not None


@pytest.mark.threat("C05", "C17")
@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "more/",
        "javascript:alert(1)",
        "/more/\r\nX: y",
        "/" + "a" * 3000,
        "/oauth2/github/authorize/",
        b"/more/",
        True,
        ["/more/"],
    ],
)
def test_what_is_no_page_of_this_site_is_left_out_and_noted(visitor, github, backend_wants, caplog, wanted):
    backend_wants(wanted)

    answer = visitor.sign_in(github, next="/where/")

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    notes = [record for record in caplog.records if "page_after_sign_in() of" in record.message]
    assert [note.levelname for note in notes] == ["WARNING"]
    assert "evil" not in notes[0].message


def test_it_is_asked_of_everybody_before_they_are_logged_in(visitor, new_visitor, github, backend_wants):
    told = backend_wants("")
    visitor.sign_in(github, next="/where/")
    new_visitor().sign_in(github)

    pk = get_user_model().objects.get().pk
    path = "/oauth2/github/callback/"
    assert told == [(path, False, True, pk, "/where/"), (path, False, False, pk, "/")]


def test_a_reload_of_the_callback_leads_to_the_same_page(visitor, github, backend_wants):
    backend_wants("/more/")
    query = github.approve(visitor.start(next="/where/")["Location"])
    visitor.come_back(query)

    assert visitor.come_back(query)["Location"] == "/more/?next=/where/"


@pytest.mark.threat("J09", "F24")
def test_a_mistake_in_it_signs_nobody_in_and_keeps_next(new_visitor, github, backend_wants):
    visitor = new_visitor(raise_request_exception=False)
    backend_wants(LookupError("a mistake of the site's own"))

    answer = visitor.sign_in(github, next="/where/")

    assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
    assert answer.context["next"] == "/where/"
    assert visitor.user is None
    assert SignIn.objects.get().outcome == "site_unavailable"

    backend_wants("")
    assert visitor.sign_in(github, next="/where/").status_code == 302
    assert get_user_model().objects.count() == 1


def test_it_may_refuse_in_the_sites_own_words(visitor, github, backend_wants):
    backend_wants(SignInRefused("terms_refused"))

    answer = visitor.sign_in(github)

    assert (answer.status_code, answer.context["code"]) == (403, "terms_refused")
    assert visitor.user is None
