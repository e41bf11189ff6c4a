"""Who is signed in proves again who they are, on a page of ours: by the password that they have here."""

from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_login_failed

from tests.oauth_login.linking.conftest import NOW, PASSWORD, code_of

PAGE = "/oauth2/confirm/"


@pytest.fixture
def late(visitor, somebody):
    """Ada's browser, an hour after she signed in."""
    with time_machine.travel(NOW, tick=False) as clock:
        somebody()
        visitor.login(username="ada", password=PASSWORD)
        clock.shift(3600)
        yield visitor


def is_let_link(visitor):
    return visitor.start(intent="link")["Location"].startswith("https://github.com/")


def test_the_page_says_whose_password_it_wants_and_keeps_where_to_go(late):
    page = late.get(f"{PAGE}?next=/where/").content.decode()

    assert "You are signed in as <bdi>ada</bdi>." in page
    assert '<input type="hidden" name="next" value="/where/">' in page
    assert 'type="password" name="password" autocomplete="current-password"' in page
    assert 'name="anew"' not in page
    assert "There is no way to confirm it here" not in page


@pytest.mark.threat("G02")
def test_the_password_is_a_proof_for_a_quarter_of_an_hour(late):
    assert not is_let_link(late)

    answer = late.post(PAGE, {"password": PASSWORD, "next": "/where/"})

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert is_let_link(late)


def test_without_a_page_to_go_on_to_it_leads_to_the_accounts(late):
    assert late.post(PAGE, {"password": PASSWORD})["Location"] == "/oauth2/"
    assert late.post(PAGE, {"password": PASSWORD, "next": "https://evil.example/"})["Location"] == "/oauth2/"
    assert late.post(PAGE, {"password": PASSWORD, "next": PAGE})["Location"] == "/oauth2/"


@pytest.mark.threat("G02")
@pytest.mark.parametrize("typed", ["", "wrong", PASSWORD.upper()])
def test_a_wrong_password_proves_nothing_and_is_told_so(late, typed):
    failed = []

    def hear(credentials, **_):
        failed.append(credentials)

    user_login_failed.connect(hear)
    answer = late.post(PAGE, {"password": typed, "next": "/where/", "anew": "1"})
    user_login_failed.disconnect(hear)

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "That is not your password." in page
    assert '<input type="hidden" name="next" value="/where/">' in page
    assert '<input type="hidden" name="anew" value="1">' in page
    assert PASSWORD not in page
    assert not is_let_link(late)
    assert [attempt["username"] for attempt in failed] == ["ada"]  # for whoever counts them


@pytest.mark.threat("G02")
@pytest.mark.parametrize("backend", ["ByAddress", "ByAddressAlone", "ByAddressAsName", "ByLastName"])
def test_where_people_are_known_by_their_address_so_they_are_here(late, settings, backend):
    settings.AUTHENTICATION_BACKENDS = [f"tests.oauth_login.linking.anybody.{backend}"]
    session = late.session
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()

    assert late.post(PAGE, {"password": PASSWORD}).status_code == 403
    get_user_model().objects.update(email="ada@example.com", last_name="Lovelace")
    assert late.post(PAGE, {"password": "wrong"}).status_code == 403
    assert not is_let_link(late)
    assert late.post(PAGE, {"password": PASSWORD, "next": "/where/"})["Location"] == "/where/"
    assert is_let_link(late)


@pytest.mark.threat("G02")
@pytest.mark.parametrize("backend", ["ByWhatever", "Strict", "ByAddress"])
def test_a_wrong_password_is_one_whatever_backends_there_are(late, settings, backend):
    """Django's signal, by which some count, is sent once; and no backend is asked what it does not expect."""
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        f"tests.oauth_login.linking.anybody.{backend}",
    ]
    get_user_model().objects.update(email="ada@example.com")
    failed = []

    def hear(credentials, **_):
        failed.append(credentials["username"])

    user_login_failed.connect(hear)
    answer = late.post(PAGE, {"password": "wrong"})
    user_login_failed.disconnect(hear)

    assert (answer.status_code, failed) == (403, ["ada"])


@pytest.mark.threat("G02")
def test_who_is_denied_by_one_backend_is_let_in_by_no_later_one(late, settings):
    backends = [f"tests.oauth_login.linking.anybody.{name}" for name in ("Locks", "ByAddressAsName")]
    settings.AUTHENTICATION_BACKENDS = backends
    get_user_model().objects.update(email="ada@example.com")
    session = late.session
    session["_auth_user_backend"] = backends[-1]
    session.save()

    assert late.post(PAGE, {"password": PASSWORD}).status_code == 403
    assert not is_let_link(late)

    settings.AUTHENTICATION_BACKENDS = backends[1:]
    assert late.post(PAGE, {"password": PASSWORD}).status_code == 302


@pytest.mark.threat("G02")
def test_the_password_of_somebody_else_proves_nothing(late, somebody, settings):
    somebody("bob")
    settings.AUTHENTICATION_BACKENDS = ["tests.oauth_login.linking.anybody.Bob"]
    session = late.session
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()

    assert late.post(PAGE, {"password": PASSWORD}).status_code == 403
    assert not is_let_link(late)


@pytest.mark.threat("G01")
def test_a_form_without_its_token_is_refused(late, new_visitor):
    strict = new_visitor(enforce_csrf_checks=True)
    strict.cookies = late.cookies

    answer = strict.post(PAGE, {"password": PASSWORD})

    assert (answer.status_code, code_of(answer)) == (403, "form_stale")
    assert not is_let_link(late)


def test_nobody_in_particular_signs_in_first(visitor):
    assert visitor.get(PAGE)["Location"] == f"/oauth2/login/?next={PAGE}"
    assert visitor.post(PAGE, {"password": PASSWORD})["Location"] == f"/oauth2/login/?next={PAGE}"


def test_passwords_cannot_be_tried_without_end(late, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STARTS_PER_MINUTE": 3}

    answers = [late.post(PAGE, {"password": "wrong"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]


@pytest.mark.threat("G02")
def test_nor_from_many_addresses_by_whoever_has_stolen_the_session(late, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"STARTS_PER_MINUTE": 3}

    answers = [late.post(PAGE, {"password": "wrong"}, REMOTE_ADDR=f"192.0.2.{n}") for n in range(4)]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]


def test_who_has_no_password_is_shown_the_providers_that_they_have(visitor, github):
    visitor.sign_in(github)

    page = visitor.get(f"{PAGE}?next=/where/").content.decode()

    assert 'type="password"' not in page
    assert '<input type="hidden" name="intent" value="reauthenticate">' in page
    assert "Confirm with GitHub</button>" in page
    assert "GitHub does not ask for your password again" in page
    assert "There is no way to confirm it here" not in page


def test_a_password_that_no_backend_takes_is_not_asked_for(late, settings):
    settings.AUTHENTICATION_BACKENDS = ["oauth_login.backends.OAuthBackend"]
    late.force_login(get_user_model().objects.get(), "oauth_login.backends.OAuthBackend")

    page = late.get(PAGE).content.decode()

    assert 'type="password"' not in page
    assert "There is no way to confirm it here" in page


def test_who_has_no_way_at_all_is_told_so(visitor, github, settings):
    visitor.sign_in(github)
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    page = visitor.get(PAGE).content.decode()

    assert "There is no way to confirm it here. Sign out, and in again." in page
    assert "It is not me: sign out" in page


# --- Others who say that somebody has signed in -----------------------------------------------------------


@pytest.mark.threat("G02")
@pytest.mark.parametrize("signed_in", [False, True], ids=["no session", "a session of somebody else"])
def test_a_sign_in_that_opens_no_session_proves_nothing_to_the_one_there_is(late, somebody, signed_in):
    session = late.session
    request = SimpleNamespace(session=session) if signed_in else SimpleNamespace()

    user_logged_in.send(object, request=request, user=somebody("bob"))

    session.save()
    assert not is_let_link(late)
