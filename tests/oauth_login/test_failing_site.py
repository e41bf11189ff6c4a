"""Whatever fails on this site's own side, at whichever moment: a page, the session as it was, no half row."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from oauth_login.models import LinkedAccount, SignIn
from tests.oauth_login.test_refusals import support_ids

# A database that has failed once refuses the rest of the transaction that most tests are wrapped in.
pytestmark = pytest.mark.django_db(transaction=True)


class FailsAt:
    """A database that fails at the n-th statement, and from then on if it stays down."""

    def __init__(self, place, error=OperationalError, *, stays_down=False):
        self.place, self.error, self.stays_down = place, error, stays_down
        self.statements = 0

    def __call__(self, execute, *arguments):
        self.statements += 1
        if self.statements == self.place or (self.stays_down and self.statements > self.place):
            raise self.error("the database is down")
        return execute(*arguments)


def walked(prepared, error=OperationalError):
    """Yield an answer for each statement that the database may fail at, until it fails at none.

    *prepared* returns what to do while it may fail.
    """
    place = 1
    while True:
        fails, ask = FailsAt(place, error), prepared()
        with connection.execute_wrapper(fails):
            answer = ask()
        if fails.statements < place:
            return
        yield answer
        place += 1


@pytest.mark.threat("J09", "I18", "F24")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "returning"])
def test_wherever_the_database_fails_a_visitor_is_signed_in_or_told_but_never_half(
    new_visitor, github, error, known
):
    if known:
        new_visitor().sign_in(github)
        Session.objects.all().delete()
    browsers = []

    def come_back():
        browsers.append(new_visitor(raise_request_exception=False))
        query = github.approve(browsers[-1].start(next="/where/")["Location"])
        return lambda: browsers[-1].come_back(query)

    for answer in walked(come_back, error):
        browser = browsers[-1]
        if answer.status_code == 302:  # only the log could not be written
            assert answer["Location"] == "/where/"
            assert browser.user is not None
        else:
            assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
            assert answer.context["next"] == "/where/"
            assert browser.user is None
            assert answer["X-Frame-Options"] == "DENY"
        users = get_user_model().objects.count()
        assert users == LinkedAccount.objects.count() <= 1
    assert len(browsers) > 7


@pytest.mark.threat("J09", "A16")
def test_wherever_the_database_fails_somebody_who_is_signed_in_stays_so(new_visitor, github):
    browser = new_visitor(raise_request_exception=False)
    browser.sign_in(github)
    user = browser.user

    def come_back():
        query = github.approve(browser.start(next="/where/")["Location"])
        return lambda: browser.come_back(query)

    for answer in walked(come_back):
        assert answer.status_code in {302, 503}
        assert browser.user == user
    assert Session.objects.count() == 1


@pytest.mark.threat("J09", "I18")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "login/"),
        ("get", ""),
        ("post", "logout/"),
        ("get", "github/authorize/"),
        ("post", "github/authorize/"),
    ],
)
def test_every_page_survives_a_database_that_fails(new_visitor, github, method, path):
    browser = new_visitor(raise_request_exception=False)
    browser.sign_in(github)

    for answer in walked(lambda: lambda: getattr(browser, method)(f"/oauth2/{path}")):
        assert answer.status_code in {200, 302, 503}
        assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.threat("J09")
def test_a_start_needs_no_database_even_where_each_request_is_a_transaction(visitor, settings):
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with connection.execute_wrapper(FailsAt(1, stays_down=True)):
            assert visitor.start().status_code == 302
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.threat("J09")
def test_sessions_that_cannot_be_saved_sign_nobody_in(new_visitor, github, settings, rows):
    settings.SESSION_ENGINE = "tests.oauth_login.failing_sessions"
    browser = new_visitor(raise_request_exception=False)
    query = github.approve(browser.start(next="/where/")["Location"])

    answer = browser.come_back(query)

    assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
    assert "sessionid" not in answer.cookies
    assert SignIn.objects.get().outcome == "site_unavailable"
    assert rows() == (1, 1, 1)  # the newcomer is there, whole, for the next time


@pytest.mark.threat("I18")
def test_the_traceback_in_the_log_has_the_support_id_of_the_page(new_visitor, github, caplog):
    browser = new_visitor(raise_request_exception=False)
    query = github.approve(browser.start()["Location"])

    with connection.execute_wrapper(FailsAt(1, stays_down=True)):
        answer = browser.come_back(query)

    (support_id,) = support_ids(answer.content.decode())
    assert f"sign-in through github failed: support={support_id}" in caplog.text


@pytest.mark.threat("A18")
def test_a_refused_sign_in_leaves_the_forms_of_other_tabs_good(new_visitor, github, settings):
    settings.SESSION_ENGINE = "tests.oauth_login.failing_sessions"
    browser = new_visitor(enforce_csrf_checks=True, raise_request_exception=False)
    browser.get("/oauth2/login/")
    token = browser.cookies["csrftoken"].value
    query = github.approve(browser.start(csrfmiddlewaretoken=token)["Location"])

    assert browser.come_back(query).status_code == 503

    assert browser.cookies["csrftoken"].value == token
    assert browser.start(csrfmiddlewaretoken=token).status_code == 302


@pytest.mark.threat("H30")
def test_a_site_without_time_zones_signs_people_in(visitor, github, settings):
    settings.USE_TZ = False

    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"
    assert SignIn.objects.get().outcome == "signed_in"


@pytest.mark.threat("A16")
@pytest.mark.parametrize("gone", ["inactive", "deleted"])
def test_nothing_of_somebody_who_is_gone_is_found_by_the_next(visitor, github, gone):
    first = get_user_model().objects.create_user("alice")
    visitor.force_login(first)
    session = visitor.session
    session["secret"] = "of the first"
    session.save()
    if gone == "inactive":
        get_user_model().objects.update(is_active=False)
    else:
        first.delete()

    assert visitor.sign_in(github).status_code == 302

    assert visitor.user.get_username() == "octocat"
    assert "secret" not in visitor.session


@pytest.mark.threat("D25", "I14", "B13")
@pytest.mark.parametrize("alias", ["x%0aERROR%20oauth_login:%20forged%1b[31m", "a" * 7000])
def test_an_alias_that_somebody_made_up_forges_no_line_and_fills_no_log(visitor, caplog, alias):
    answer = visitor.get(f"/oauth2/{alias}/callback/?state=a")

    assert answer.status_code == 404
    (line,) = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.threat("C01")
def test_a_host_that_only_a_wildcard_accepts_starts_nothing(visitor, settings):
    settings.ALLOWED_HOSTS = ["*"]

    answer = visitor.post("/oauth2/github/authorize/", headers={"host": "evil.example"})

    assert (answer.status_code, answer.context["code"]) == (400, "host_not_named")
    assert not visitor.attempt_cookies()


@pytest.mark.parametrize("broken", ["https://example.com/", 7, "http://evil.example"])
def test_in_debug_a_wrong_origin_is_told_by_a_page_without_code_and_state(visitor, github, settings, broken):
    query = github.approve(visitor.start()["Location"])
    settings.DEBUG = True
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": broken}

    for answer in (visitor.start(), visitor.come_back(query)):
        page = answer.content.decode()
        assert answer.status_code in {400, 503}
        assert "For you who build this site" in page
        assert query["code"] not in page
        assert query["state"] not in page


def test_in_debug_too_many_parameters_are_a_page_as_well(visitor, settings):
    settings.DEBUG = True

    answer = visitor.come_back("&".join(f"p{number}=x" for number in range(2000)))

    assert answer.status_code == 413
