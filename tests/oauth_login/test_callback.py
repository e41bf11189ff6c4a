"""Coming back: what is refused before anything is asked or written, what is spent, and what it is worth."""

import ast
import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import oauth_login
from oauth_login import signals
from oauth_login.backends import OAuthBackend
from oauth_login.models import LinkedAccount, SignIn
from tests.databases import unquoted
from tests.oauth_login import odd_providers

CALLBACK = "/oauth2/github/callback/"
NOW = 1_790_000_000


def changed(query, **changes):
    """Return *query* with parameters changed, or left out where the change is None."""
    return {name: value for name, value in {**query, **changes}.items() if value is not None}


def code_of(answer):
    """Return the code on a page of refusal."""
    return answer.context["code"]


def password_sign_in(visitor, name):
    """Sign in as somebody who has a password, as the admin's login does."""
    user = get_user_model().objects.create_user(name, password="correct horse")
    assert visitor.login(username=name, password="correct horse")
    return user


@pytest.fixture
def returning(visitor, github):
    """A query with which *visitor* comes back from a genuine start."""
    return github.approve(visitor.start(next="/where/")["Location"])


@pytest.fixture
def heard():
    """What listeners were told, signal by signal."""
    calls, connected = [], []

    def listen(signal, answer=None):
        def receiver(**told):
            calls.append(told)
            if answer:
                raise answer

        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))
        return calls

    yield listen
    for signal, receiver in connected:
        signal.disconnect(receiver)


def test_whoever_comes_back_is_signed_in_and_where_they_wanted_to_be(visitor, github, returning):
    answer = visitor.come_back(returning)

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert visitor.user.linked_accounts.get().subject == "583231"
    assert len(github.token_requests) == 1
    assert not visitor.attempt_cookies()
    log = SignIn.objects.get()
    assert (log.provider, log.outcome) == ("github", "signed_in")
    assert log.account == LinkedAccount.objects.get()
    assert log.finished_at is not None
    assert log.started_at <= log.claimed_at <= log.finished_at


def test_the_callback_is_there_with_and_without_its_slash(visitor, returning):
    answer = visitor.get("/oauth2/github/callback", returning)

    assert (answer.status_code, answer["Location"]) == (302, "/where/")


# --- Group A: state -----------------------------------------------------------------------------------


@pytest.mark.threat("A01")
def test_a_code_without_a_state_is_refused(visitor, refused):
    answer = visitor.come_back({"code": "x"})

    refused(visitor, answer)
    assert code_of(answer) == "state_missing"


@pytest.mark.threat("A02")
def test_somebody_elses_state_is_refused_and_still_works_for_them(visitor, new_visitor, github, refused):
    attacker = new_visitor()
    query = github.approve(attacker.start()["Location"])

    assert visitor.come_back(query).status_code == 400
    answer = visitor.arrive(query)
    refused(visitor, answer)
    assert code_of(answer) == "cookie_missing"

    assert attacker.come_back(query).status_code == 302
    assert attacker.user is not None


@pytest.mark.threat("A02")
def test_a_visitor_with_an_attempt_of_their_own_cannot_be_given_another_ones_state(
    visitor, new_visitor, github, refused
):
    query = github.approve(new_visitor().start()["Location"])
    visitor.start()

    refused(visitor, visitor.arrive(query))


@pytest.mark.threat("A03")
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("state", ["", "None", "null", "undefined", "0", "[]"])
def test_a_state_that_means_nothing_equals_nothing(visitor, refused, state, started):
    if started:
        visitor.start()

    refused(visitor, visitor.come_back({"code": "x", "state": state}))


@pytest.mark.threat("A04")
@pytest.mark.parametrize("code", ["same", "new"])
def test_a_state_is_used_once(visitor, new_visitor, github, returning, code):
    cookies = visitor.attempt_cookies()
    visitor.come_back(returning)
    thief = new_visitor()  # who read the URL somewhere, and even the cookie
    thief.cookies.load(cookies)
    again = github.approve(visitor.start()["Location"])["code"] if code == "new" else returning["code"]

    answer = thief.come_back(changed(returning, code=again))

    assert (answer.status_code, code_of(answer)) == (400, "attempt_replayed")
    assert len(github.token_requests) == 1
    assert thief.user is None


@pytest.mark.threat("A04", "I13")
def test_a_reload_in_the_same_session_goes_calmly_to_the_page_without_asking_again(
    visitor, github, returning
):
    visitor.come_back(returning)
    user = visitor.user

    answer = visitor.come_back(returning)

    assert (answer.status_code, answer["Location"]) == (302, "/where/")
    assert len(github.token_requests) == 1
    assert SignIn.objects.count() == 1
    assert visitor.user == user


@pytest.mark.threat("A04", "I13")
@pytest.mark.parametrize("change", [{"code": "another"}, {"code": None}, {"code": None, "error": "x"}])
def test_a_reload_with_anything_else_is_refused_and_signs_nobody_out(visitor, github, returning, change):
    visitor.come_back(returning)
    user = visitor.user

    answer = visitor.come_back(changed(returning, **change))

    # At once, without asking for cookies that are gone for good; and the way on is not lost.
    assert (answer.status_code, code_of(answer), answer.context["next"]) == (
        400,
        "attempt_replayed",
        "/where/",
    )
    assert len(github.token_requests) == 1
    assert visitor.user == user


@pytest.mark.threat("A04")
def test_the_code_of_a_finished_attempt_is_worth_nothing_to_the_next(visitor, github, returning):
    visitor.come_back(returning)

    answer = visitor.come_back(github.approve(visitor.start()["Location"], code=returning["code"]))

    assert (answer.status_code, code_of(answer)) == (400, "code_rejected")


@pytest.mark.threat("A04")
def test_a_reload_knows_only_the_attempts_of_this_session(visitor, new_visitor, github, returning):
    visitor.come_back(returning)
    neighbour = new_visitor()
    neighbour.sign_in(github)

    answer = neighbour.come_back(returning)

    assert answer.status_code == 400


def test_the_last_five_finished_attempts_can_be_reloaded(visitor, github):
    queries = []
    for number in range(6):
        queries.append(github.approve(visitor.start(next=f"/{number}/")["Location"]))
        visitor.come_back(queries[-1])

    answers = [visitor.come_back(query) for query in queries]

    assert [answer.status_code for answer in answers] == [400, 302, 302, 302, 302, 302]
    assert [answer["Location"] for answer in answers[1:]] == [f"/{number}/" for number in range(1, 6)]


def test_of_long_pages_only_the_latest_can_be_reloaded_as_a_session_may_be_a_cookie(visitor, github):
    queries = []
    for letter in "abc":
        queries.append(github.approve(visitor.start(next=f"/{letter * 600}/")["Location"]))
        visitor.come_back(queries[-1])

    assert [visitor.come_back(query).status_code for query in queries] == [400, 400, 302]
    longest = github.approve(visitor.start(next=f"/{'d' * 1_500}/")["Location"])
    visitor.come_back(longest)
    assert visitor.come_back(longest).status_code == 302


@pytest.mark.threat("A05")
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        ({"error": "bad_verification_code"}, 400),
        ((503, {}, b""), 503),
        (TimeoutError(), 504),
        (EOFError(), 503),
        (ConnectionResetError(), 503),
    ],
    ids=["refused", "down", "timeout", "hung up", "reset"],
)
def test_an_attempt_that_failed_at_the_provider_is_spent(
    visitor, github, returning, refused, failing, failure, status
):
    good = github.token
    failing(token=failure)
    refused(visitor, visitor.come_back(returning), status, token_requests=1, sign_ins=1)

    github.token = good
    again = visitor.come_back(returning)  # a reload of the page that says so
    refused(visitor, again, token_requests=1, sign_ins=1)
    assert again.context["code"] == "attempt_replayed"


@pytest.mark.threat("A07")
@pytest.mark.parametrize(
    ("seconds", "status"), [(599, 302), (600, 302), (601, 400), (-59, 302), (-61, 400), (-3600, 400)]
)
def test_an_attempt_lives_ten_minutes_and_never_started_in_the_future(
    visitor, github, refused, seconds, status
):
    with time_machine.travel(NOW, tick=False) as clock:
        query = github.approve(visitor.start(next="/where/")["Location"])
        clock.shift(seconds)
        answer = visitor.come_back(query)

    assert answer.status_code == status
    if status == 400:
        refused(visitor, answer)
        assert code_of(answer) == ("attempt_expired" if seconds > 0 else "state_invalid")


@pytest.mark.threat("A07")
def test_the_owner_decides_how_long_an_attempt_lives(visitor, github, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ATTEMPT_MAX_AGE": 60}
    with time_machine.travel(NOW, tick=False) as clock:
        query = github.approve(visitor.start()["Location"])
        clock.shift(61)

        assert code_of(visitor.come_back(query)) == "attempt_expired"


@pytest.mark.threat("A08", "B21")
def test_a_state_of_one_provider_is_worth_nothing_at_anothers_callback(visitor, github, refused, settings):
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    ghe = providers["github"] | {"PRESET": "github", "BASE_URL": "https://ghe.example"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {**providers, "ghe": ghe}}
    query = github.approve(visitor.start("github")["Location"])

    answer = visitor.come_back(query, "ghe")

    refused(visitor, answer)
    assert code_of(answer) == "provider_mismatch"
    assert github.requests == []
    assert visitor.come_back(query, "github").status_code == 302
    assert {request.host for request in github.requests} == {"github.com", "api.github.com"}


@pytest.mark.threat("A08")
@pytest.mark.parametrize(
    "change",
    [{"CLIENT_ID": "another"}, {"ISSUER": "https://another.example"}, {"BASE_URL": "https://ghe.example"}],
)
def test_an_attempt_ends_with_the_settings_it_was_started_under(
    visitor, returning, refused, settings, change
):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | change
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    answer = visitor.come_back(returning)

    refused(visitor, answer)
    assert code_of(answer) == "provider_changed"
    assert answer.context["next"] == "/where/"


@pytest.mark.threat("A11")
def test_three_tabs_finish_in_any_order_each_where_it_wanted(visitor, github):
    tabs = [github.approve(visitor.start(next=f"/{number}/")["Location"]) for number in (1, 2, 3)]

    # The fake provider compares each verifier with the challenge of its own tab.
    for number in (2, 1, 3):
        answer = visitor.come_back(tabs[number - 1])
        assert (answer.status_code, answer["Location"]) == (302, f"/{number}/")
    assert get_user_model().objects.count() == 1


@pytest.mark.threat("A11")
def test_another_tab_may_fail_without_harm_to_the_first(visitor, github, returning):
    visitor.come_back(github.deny(visitor.start()["Location"]))

    assert visitor.come_back(returning)["Location"] == "/where/"


@pytest.mark.threat("A13")
@pytest.mark.usefixtures("unlimited")
def test_a_state_with_any_character_changed_is_refused(visitor, returning, refused):
    state = returning["state"]
    for place, char in enumerate(state):
        forged = f"{state[:place]}{'B' if char == 'A' else 'A'}{state[place + 1 :]}"
        refused(visitor, visitor.come_back(changed(returning, state=forged)))

    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("A14")
def test_a_cookie_is_no_state(visitor, returning, refused):
    (cookie,) = visitor.attempt_cookies().values()

    answer = visitor.come_back(changed(returning, state=cookie))

    refused(visitor, answer)
    assert code_of(answer) == "state_invalid"


@pytest.mark.threat("A14")
def test_a_state_is_no_cookie(visitor, returning, refused):
    (name,) = visitor.attempt_cookies()
    visitor.cookies[name] = returning["state"]

    answer = visitor.come_back(returning)

    refused(visitor, answer)
    assert code_of(answer) == "cookie_invalid"


@pytest.mark.threat("A21")
@pytest.mark.parametrize("where", ["body", "both"])
def test_the_callback_takes_no_form(visitor, github, returning, where):
    path = f"{CALLBACK}?{urlencode(returning)}" if where == "both" else CALLBACK

    answer = visitor.post(path, returning)

    assert (answer.status_code, answer["Allow"]) == (405, "GET")
    assert github.token_requests == []
    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("A22")
@pytest.mark.parametrize("method", ["head", "options", "put", "delete", "patch"])
def test_a_link_scanner_does_not_use_the_answer_up(visitor, github, returning, method):
    answer = getattr(visitor, method)(f"{CALLBACK}?{urlencode(returning)}")

    assert answer.status_code == 405
    assert github.token_requests == []
    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("A22")
@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"])
def test_fetching_ahead_does_not_use_the_answer_up(visitor, returning, refused, purpose):
    answer = visitor.come_back(returning, headers={"sec-purpose": purpose})

    refused(visitor, answer)
    assert code_of(answer) == "prefetch_refused"
    assert answer.context["next"] == "/where/"
    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("A24")
def test_code_and_error_at_once_are_refused_without_spending_the_attempt(visitor, returning, refused):
    answer = visitor.come_back(changed(returning, error="access_denied"))

    refused(visitor, answer)
    assert code_of(answer) == "code_and_error"
    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("A27")
@pytest.mark.parametrize(
    "state",
    ["%C3%A9", "%ff%fe", "%00", "x" * 100_000, "v1", "v1%20", "%F0%9F%98%80", "a%0d%0ab", "v100000000AAAA"],
    ids=["é", "invalid utf-8", "nul", "100 kB", "v1", "space", "emoji", "line break", "envelope"],
)
def test_a_state_of_odd_bytes_is_refused_like_any_other(visitor, refused, state):
    visitor.start()

    refused(visitor, visitor.come_back(f"code=x&state={state}"))


@pytest.mark.threat("A30", "GH21")
@pytest.mark.parametrize("action", ["install", "request", "update"])
def test_installing_a_github_app_leads_to_the_button_and_redeems_nothing(visitor, github, rows, action):
    query = {"code": "x", "installation_id": "1", "setup_action": action}

    answer = visitor.come_back(query)

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/github/authorize/")
    assert github.token_requests == []
    assert visitor.user is None
    assert rows() == (0, 0, 0)
    assert b"Sign in with GitHub" in visitor.get(answer["Location"]).content


@pytest.mark.threat("A30", "GH21")
def test_an_installation_with_a_state_is_checked_like_everything_else(visitor, refused):
    refused(visitor, visitor.come_back({"code": "x", "state": "y", "installation_id": "1"}))


@pytest.mark.threat("A25")
def test_no_decision_hangs_on_an_assert():
    package = Path(oauth_login.__file__).parent
    asserts = [
        f"{path.name}:{node.lineno}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]

    assert asserts == []


OPTIMIZED = """
import django
from django.conf import settings
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.oauth_login.conftest import Visitor
from tests.names import only_this_machine
from tests.oauth_login.fake_github import FakeGitHub, serving

assert False  # it is not reached, or nothing here was optimised
with only_this_machine(), serving() as server, FakeGitHub(server) as github:
    visitor, stranger = Visitor(headers={"host": "testserver"}), Visitor(headers={"host": "testserver"})
    query = github.approve(visitor.start(next="/there/")["Location"])
    answers = [
        stranger.come_back(query),
        visitor.come_back({"code": query["code"]}),
        visitor.come_back({**query, "state": query["state"][:-1]}),
        visitor.come_back({**query, "iss": "https://evil.example"}),
        visitor.come_back({**query, "error": "access_denied"}),
        visitor.come_back(query),
        stranger.come_back(query),
    ]
    print(*(answer.status_code for answer in answers), len(github.token_requests), visitor.user)
"""


@pytest.mark.threat("A25")
def test_the_checks_survive_the_optimiser():
    root = Path(oauth_login.__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-OO", "-c", OPTIMIZED],
        cwd=root,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": "sqlite://:memory:"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.split() == ["400", "400", "400", "400", "400", "302", "400", "1", "octocat"], run.stderr


# --- Group B: code, issuer, parameters ---------------------------------------------------------------


@pytest.mark.threat("B04")
def test_somebody_elses_code_is_worth_nothing_with_ones_own_state(visitor, new_visitor, github, refused):
    stolen = github.approve(new_visitor().start()["Location"])["code"]
    query = github.approve(visitor.start()["Location"], code=stolen)

    answer = visitor.come_back(query)

    refused(visitor, answer, token_requests=1, sign_ins=1)
    assert code_of(answer) == "code_rejected"


@pytest.mark.threat("B06", "GH02")
def test_the_issuer_of_another_server_is_refused_without_spending_the_attempt(visitor, returning, refused):
    answer = visitor.come_back(changed(returning, iss="https://evil.example"))

    refused(visitor, answer)
    assert code_of(answer) == "issuer_mismatch"
    assert visitor.come_back(returning).status_code == 302


@pytest.mark.threat("B09", "GH02")
@pytest.mark.parametrize(
    "iss",
    [
        "https://github.com/login/oauth/",
        "https://GITHUB.com/login/oauth",
        "https://github.com/login%2Foauth",
        "https://github.com/login",
        "https://github.com/login/oauth2",
        "http://github.com/login/oauth",
        "https://github.com:443/login/oauth",
        " https://github.com/login/oauth",
        "",
    ],
)
def test_an_issuer_that_is_almost_right_is_wrong(visitor, returning, refused, iss):
    refused(visitor, visitor.come_back(changed(returning, iss=iss)))


@pytest.mark.threat("GH02")
def test_an_answer_without_issuer_is_good_where_none_is_promised(visitor, returning):
    assert visitor.come_back(changed(returning, iss=None)).status_code == 302


@pytest.mark.threat("B07", "GH02")
@pytest.mark.parametrize("answered", ["code", "error"])
def test_an_issuer_that_is_promised_must_be_there(visitor, github, refused, settings, answered):
    promised = {"AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED": True}
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | promised
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": options}}
    location = visitor.start()["Location"]
    query = github.approve(location) if answered == "code" else github.deny(location)

    answer = visitor.come_back(changed(query, iss=None))

    refused(visitor, answer)
    assert code_of(answer) == "issuer_missing"
    assert visitor.come_back(query).status_code == 302


@pytest.mark.threat("B08")
def test_a_provider_without_a_known_issuer_may_send_one(visitor, github, settings, monkeypatch):
    odd_providers.registered(monkeypatch, settings, odd_providers.HasNoName)
    query = github.approve(visitor.start()["Location"], iss="https://x.example")

    assert visitor.come_back(query).status_code == 302
    assert visitor.user.linked_accounts.get().issuer == "https://has-no-name.example"


@pytest.mark.threat("B10")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
@pytest.mark.parametrize("second", ["same", "other", ""])
def test_a_repeated_parameter_is_refused(visitor, github, refused, name, second):
    location = visitor.start()["Location"]
    query = github.deny(location) if name == "error" else github.approve(location)
    again = query[name] if second == "same" else second

    answer = visitor.come_back(f"{urlencode(query)}&{urlencode({name: again})}")

    refused(visitor, answer)
    assert code_of(answer) == "parameter_repeated"


@pytest.mark.threat("B12")
@pytest.mark.parametrize("code", [None, "", " ", "  "])
def test_an_answer_without_a_code_is_refused(visitor, returning, refused, code):
    answer = visitor.come_back(changed(returning, code=code))

    refused(visitor, answer)
    assert code_of(answer) == "code_missing"


@pytest.mark.threat("B13")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
@pytest.mark.parametrize(
    "value",
    ["a%00b", "%80", "a%0D%0Ab", "%1b[2J", "%E2%80%AE", "x" * 100_000],
    ids=["nul", "invalid utf-8", "line break", "escape", "rtl", "100 kB"],
)
def test_hostile_bytes_are_refused_and_fill_no_log(visitor, returning, refused, caplog, name, value):
    query = urlencode(changed(returning, **{name: None}, **({"code": None} if name == "error" else {})))

    with caplog.at_level(logging.DEBUG):
        refused(visitor, visitor.come_back(f"{query}&{name}={value}"))

    ours = [record.getMessage() for record in caplog.records if record.name.startswith("oauth_login")]
    assert ours
    assert all(len(line) < 1000 and line.isprintable() for line in ours)


@pytest.mark.threat("B14")
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (TimeoutError(), 504),
        (EOFError(), 503),
        (ConnectionResetError(), 503),
        ((500, {}, b""), 503),
        ((502, {}, b""), 503),
        ((429, {"Retry-After": "30"}, b""), 503),
    ],
)
def test_a_code_is_sent_once_whatever_happens(visitor, returning, refused, failing, failure, status):
    failing(token=failure)

    refused(visitor, visitor.come_back(returning), status, token_requests=1, sign_ins=1)


@pytest.mark.threat("B17")
def test_both_legs_name_the_same_callback_url_whatever_host_it_comes_back_to(visitor, github, settings):
    settings.ALLOWED_HOSTS = ["a.example", "b.example"]
    leaving = visitor.post("/oauth2/github/authorize/", headers={"host": "a.example"})

    answer = visitor.come_back(github.approve(leaving["Location"]), headers={"host": "b.example"})

    assert answer.status_code == 302
    assert github.token_requests[0]["redirect_uri"] == "http://a.example/oauth2/github/callback/"


@pytest.mark.threat("B18")
@pytest.mark.parametrize("name", ["access_token", "id_token", "token"])
def test_tokens_in_the_url_are_not_looked_at(visitor, github, returning, refused, name):
    answer = visitor.come_back(changed(returning, code=None, **{name: "gho_x"}))

    refused(visitor, answer)
    assert code_of(answer) == "code_missing"
    assert github.api_requests == []


@pytest.mark.threat("B19")
@pytest.mark.parametrize(
    "path", ["", "login/", "logout/", "github/authorize/", "github/callback/", "sandbox/github/authorize/"]
)
def test_no_page_signs_anybody_in_from_a_raw_token(visitor, github, path):
    token = {"access_token": "gho_foreign", "token": "gho_foreign", "id_token": "x.y.z"}

    answer = visitor.post(f"/oauth2/{path}", token, headers={"authorization": "Bearer gho_foreign"})

    assert answer.status_code in {302, 404, 405}
    assert visitor.user is None
    assert github.requests == []


@pytest.mark.threat("GH06")
@pytest.mark.parametrize("error", ["application_suspended", "redirect_uri_mismatch", "invalid_scope"])
def test_an_error_that_only_the_owner_can_mend_is_said_so_and_spends_the_attempt(
    visitor, github, refused, caplog, error
):
    query = github.deny(visitor.start()["Location"]) | {"error": error}
    cookies = visitor.attempt_cookies()

    answer = visitor.come_back(query)

    refused(visitor, answer, 503, sign_ins=1)
    assert code_of(answer) == "provider_misconfigured"
    (line,) = [record for record in caplog.records if record.name == "oauth_login"]
    assert line.levelno == logging.ERROR
    assert error in line.getMessage()
    visitor.cookies.load(cookies)
    assert code_of(visitor.come_back(query)) == "attempt_replayed"


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_provider_that_says_it_is_down_is_believed(visitor, github, error):
    answer = visitor.come_back(github.deny(visitor.start()["Location"]) | {"error": error})

    assert (answer.status_code, code_of(answer)) == (503, "provider_unavailable")


# --- Who is signed in meanwhile ------------------------------------------------------------------------


@pytest.mark.threat("A09")
def test_a_sign_in_begun_by_nobody_is_not_finished_by_somebody(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    ada = password_sign_in(visitor, "ada")

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert answer.context["next"] == "/where/"
    assert github.token_requests == []
    assert LinkedAccount.objects.count() == SignIn.objects.count() == 0
    assert visitor.user == ada


@pytest.mark.threat("A09", "A10")
def test_a_sign_in_begun_by_one_is_not_finished_by_another(visitor, github):
    password_sign_in(visitor, "ada")
    query = github.approve(visitor.start()["Location"])
    kept = visitor.attempt_cookies()
    visitor.post("/oauth2/logout/")
    visitor.cookies.load(kept)  # the browser of a shared computer, at its most stubborn
    bob = password_sign_in(visitor, "bob")

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert github.token_requests == []
    assert LinkedAccount.objects.count() == 0
    assert visitor.user == bob


@pytest.mark.threat("A10")
def test_a_sign_in_begun_by_one_is_not_finished_by_another_who_came_the_same_way(visitor, github):
    visitor.sign_in(github)
    query = github.approve(visitor.start()["Location"])
    kept = visitor.attempt_cookies()
    visitor.post("/oauth2/logout/")
    github.user, github.emails = github.user | {"id": 7, "login": "mona"}, []
    visitor.sign_in(github)
    visitor.cookies.load(kept)

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert visitor.user.get_username() == "mona"


@pytest.mark.threat("A10")
def test_a_sign_in_begun_by_somebody_is_not_finished_by_nobody(visitor, github, refused):
    password_sign_in(visitor, "ada")
    query = github.approve(visitor.start()["Location"])
    del visitor.cookies["sessionid"]

    answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert github.token_requests == []
    assert visitor.user is None


@pytest.mark.threat("A09", "A11")
def test_a_password_typed_after_another_tab_signed_in_still_changes_who_it_is(visitor, github):
    first = github.approve(visitor.start()["Location"])
    visitor.sign_in(github)  # the second tab
    password_sign_in(visitor, "bob")

    answer = visitor.come_back(first)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert visitor.user.get_username() == "bob"


@pytest.mark.threat("A10", "F29")
@pytest.mark.parametrize("known", [False, True], ids=["newcomer", "somebody else's"])
def test_whoever_is_signed_in_stays_who_they_are_when_another_identity_comes_back(
    visitor, new_visitor, github, rows, known
):
    if known:
        new_visitor().sign_in(github)
    ada = password_sign_in(visitor, "ada")
    before = rows()

    answer = visitor.sign_in(github, next="/where/")

    assert (answer.status_code, code_of(answer)) == (409, "already_signed_in")
    assert visitor.user == ada
    assert rows() == before
    assert not ada.linked_accounts.exists()
    # What the page offers works: sign out, then be the other.
    assert visitor.post("/oauth2/logout/", {"next": "/where/"})["Location"] == "/where/"
    visitor.sign_in(github)
    assert visitor.user != ada


@pytest.mark.threat("A09", "A11")
def test_another_identity_in_the_second_tab_does_not_replace_the_first(visitor, github):
    first = github.approve(visitor.start()["Location"])
    visitor.sign_in(github)
    ada = visitor.user
    github.user = github.user | {"id": 7, "login": "mona"}

    answer = visitor.come_back(first)

    assert (answer.status_code, code_of(answer)) == (409, "already_signed_in")
    assert visitor.user == ada


# --- What fails on our own side --------------------------------------------------------------------------


def failing(*beginnings):
    """Make every SQL statement that begins so fail as it does when the database is locked."""

    def fail(execute, sql, params, many, context):
        if unquoted(sql).startswith(beginnings):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(fail)


@pytest.fixture
def calm_visitor(new_visitor):
    """A visitor whose browser shows what the site answers, whatever was reported to the owner."""
    return new_visitor(raise_request_exception=False)


@pytest.mark.threat("J09")
@pytest.mark.parametrize("had_session", [False, True])
def test_a_locked_database_before_the_claim_spends_nothing(calm_visitor, github, refused, heard, had_session):
    visitor = calm_visitor
    if had_session:
        session = visitor.session
        session["draft"] = "kept"
        session.save()
    query = github.approve(visitor.start(next="/where/")["Location"])
    reported = heard(got_request_exception)

    with failing("INSERT INTO oauth_login_signin"):
        answer = visitor.come_back(query)

    refused(visitor, answer, 503)
    assert code_of(answer) == "site_unavailable"
    assert answer.context["next"] == "/where/"
    assert len(reported) == 1  # the owner learns of it
    assert visitor.come_back(query)["Location"] == "/where/"
    assert visitor.user is not None


@pytest.mark.threat("J09")
def test_a_database_that_cannot_even_be_read_gives_a_page(calm_visitor, github):
    visitor = calm_visitor
    visitor.sign_in(github)
    query = github.approve(visitor.start()["Location"])

    with failing("SELECT"):
        answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    assert visitor.come_back(query).status_code == 302


@pytest.mark.threat("J09")
def test_a_database_that_cannot_tell_who_is_signed_in_gives_a_page_that_keeps_next(calm_visitor, github):
    visitor = calm_visitor
    visitor.sign_in(github)
    query = github.approve(visitor.start(next="/where/")["Location"])

    with failing("SELECT auth_user"):
        answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    assert answer.context["next"] == "/where/"


@pytest.mark.threat("J09", "F24")
@pytest.mark.parametrize(
    "table", ["auth_user", "oauth_login_linkedaccount", "oauth_login_token"], ids=lambda table: table
)
def test_a_database_that_fails_in_the_middle_leaves_no_half_user(calm_visitor, github, refused, table):
    visitor = calm_visitor
    query = github.approve(visitor.start()["Location"])

    with failing(f"INSERT INTO {table}"):
        answer = visitor.come_back(query)

    refused(visitor, answer, 503, token_requests=1, sign_ins=1)
    assert SignIn.objects.get().outcome == "site_unavailable"
    assert visitor.sign_in(github).status_code == 302


@pytest.mark.threat("J09")
@pytest.mark.django_db(transaction=True)  # a failed save() would break the transaction around a test
def test_a_log_that_cannot_be_written_costs_nobody_their_sign_in(visitor, returning, caplog):
    with failing("UPDATE oauth_login_signin"):
        answer = visitor.come_back(returning)

    assert answer["Location"] == "/where/"
    assert visitor.user is not None
    assert "the sign-in log could not be written" in caplog.text


@pytest.mark.threat("J09")
def test_a_session_store_that_fails_costs_no_visitor_their_draft(calm_visitor, github):
    visitor = calm_visitor
    session = visitor.session
    session["draft"] = "mine"
    session.save()
    query = github.approve(visitor.start()["Location"])

    with failing("INSERT INTO django_session"):
        answer = visitor.come_back(query)

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    assert visitor.session["draft"] == "mine"
    assert visitor.user is None


@pytest.mark.threat("F24")
@pytest.mark.parametrize("had_session", [False, True], ids=["no session", "session"])
def test_when_login_itself_fails_nobody_is_signed_in_and_trying_again_works(
    calm_visitor, github, heard, caplog, had_session
):
    visitor = calm_visitor
    if had_session:
        session = visitor.session
        session["draft"] = "x"
        session.save()
    heard(user_logged_in, RuntimeError("a receiver of the site's own"))
    reported = heard(got_request_exception)

    answer = visitor.sign_in(github, next="/where/")

    assert (answer.status_code, code_of(answer)) == (503, "site_unavailable")
    # Nobody is who else looks at this request: context processors, middleware.
    assert isinstance(answer.wsgi_request.user, AnonymousUser)
    assert "_auth_user_id" not in answer.wsgi_request.session
    assert visitor.user is None
    assert not any("_auth_user_id" in session.get_decoded() for session in Session.objects.all())
    assert SignIn.objects.get().outcome == "site_unavailable"
    assert "sign-in through github failed: support=" in caplog.text
    assert reported
    # The person exists, whole: nothing squats their name.
    account = LinkedAccount.objects.get()
    assert account.user.get_username() == "octocat"

    user_logged_in.receivers.pop()
    user_logged_in.sender_receivers_cache.clear()
    assert visitor.sign_in(github, next="/where/")["Location"] == "/where/"
    assert visitor.user == account.user


class FailsToCreate(OAuthBackend):
    def create_user(self, profile, username, email):
        raise RuntimeError("a backend of the site's own")


@pytest.mark.threat("F24", "I18")
def test_a_backend_with_a_mistake_gives_a_page_and_tells_the_owner(
    calm_visitor, github, refused, settings, heard
):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.FailsToCreate"]
    reported = heard(got_request_exception)

    answer = calm_visitor.sign_in(github)

    refused(calm_visitor, answer, 503, token_requests=1, sign_ins=1)
    assert code_of(answer) == "site_unavailable"
    assert [told["sender"] for told in reported] == [RuntimeError]


@pytest.mark.threat("I18")
def test_a_provider_class_with_a_mistake_gives_a_page(calm_visitor, github, refused, settings, monkeypatch):
    odd_providers.registered(monkeypatch, settings, odd_providers.HasABug)

    answer = calm_visitor.sign_in(github)

    refused(calm_visitor, answer, 503, token_requests=1, sign_ins=1)


def test_a_site_without_our_backend_refuses_rather_than_guesses(visitor, github, refused, settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]

    answer = visitor.sign_in(github)

    refused(visitor, answer, 409, token_requests=1, sign_ins=1)
    assert code_of(answer) == "backend_refused"


# --- What the site's own code is told ------------------------------------------------------------------


def test_listeners_learn_who_signed_in_and_whether_for_the_first_time(visitor, github, heard):
    told = heard(signals.signed_in)
    for _ in range(2):
        visitor.sign_in(github)

    account = LinkedAccount.objects.get()
    assert [call["created"] for call in told] == [True, False]
    for call in told:
        assert (call["sender"], call["user"], call["account"]) == (SignIn, account.user, account)
        assert call["request"].user == account.user


def test_listeners_learn_why_a_sign_in_failed(visitor, github, heard, returning):
    told = heard(signals.sign_in_failed)
    github.token = {"error": "bad_verification_code"}

    visitor.come_back(returning)
    visitor.come_back({"state": "forged"})

    assert [(call["provider"], call["code"], call["stage"]) for call in told] == [
        ("github", "code_rejected", "token"),
        ("github", "state_invalid", "attempt"),
    ]


@pytest.mark.threat("F24")
def test_listeners_that_raise_break_nothing(visitor, github, heard, returning):
    for signal in (signals.signed_in, signals.sign_in_failed, signals.account_linked):
        heard(signal, RuntimeError("a receiver of the site's own"))

    assert visitor.come_back({"state": "forged"}).status_code == 400
    assert visitor.come_back(returning)["Location"] == "/where/"
    assert visitor.user is not None


# --- Floods and anything at all ----------------------------------------------------------------------


@pytest.mark.threat("J04")
def test_a_thousand_garbage_callbacks_ask_nobody_and_write_nothing(
    visitor, github, rows, django_assert_num_queries
):
    with django_assert_num_queries(0), time_machine.travel(NOW, tick=False):
        answers = [visitor.come_back({"code": f"c{n}", "state": f"s{n}"}) for n in range(1000)]

    assert [answer.status_code for answer in answers] == [400] * 120 + [429] * 880
    assert github.requests == []
    assert rows() == (0, 0, 0)
    assert Session.objects.count() == SignIn.objects.count() == 0


@pytest.mark.threat("I18", "B13")
@pytest.mark.usefixtures("unlimited")
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from(
                ["code", "state", "iss", "error", "error_description", "installation_id", "next"]
            ),
            st.one_of(st.text(max_size=30), st.sampled_from(["GENUINE", "access_denied", "//evil.example"])),
        ),
        max_size=6,
    )
)
def test_whatever_comes_back_is_answered_by_this_site(new_visitor, github, pairs):
    visitor = new_visitor()
    genuine = github.approve(visitor.start(next="/where/")["Location"])
    query = [(name, genuine.get(name, "") if value == "GENUINE" else value) for name, value in pairs]

    answer = visitor.come_back(urlencode(query, errors="surrogatepass"))

    assert answer.status_code in {302, 400, 503}
    if answer.status_code == 302:
        assert answer["Location"] in {
            "/where/",
            "/oauth2/github/authorize/",
            "/oauth2/login/?next=/where/&denied=1",
        }
    assert b"evil.example" not in answer.content
