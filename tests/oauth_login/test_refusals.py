"""A refusal has one code and one support id, and page, log, signal and row agree on both."""

import html
import inspect
import re
from io import BytesIO
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection

from oauth_login import errors
from oauth_login.causes import CAUSES, cause_of
from oauth_login.errors import OAuthLoginError
from oauth_login.models import SignIn
from oauth_login.signals import sign_in_failed
from tests.oauth_login import odd_providers

SUPPORT_ID = re.compile(r"[2-9A-HJKMNP-TV-Z]{4}-[2-9A-HJKMNP-TV-Z]{4}")


@pytest.fixture
def heard():
    """What the signal told."""
    told = []

    def receiver(**arguments):
        told.append(arguments)

    sign_in_failed.connect(receiver)
    yield told
    sign_in_failed.disconnect(receiver)


def support_ids(text):
    """Return the support ids in *text*, each once."""
    return set(SUPPORT_ID.findall(text))


# --- The support id -------------------------------------------------------------------------------------


def test_page_log_signal_and_row_carry_one_support_id(visitor, github, heard, caplog):
    github.token = {"error": "bad_verification_code"}

    answer = visitor.sign_in(github)

    (support_id,) = support_ids(answer.content.decode())
    (told,) = heard
    assert told["support_id"] == SignIn.objects.get().support_id == support_id
    assert (told["code"], told["stage"], told["provider"]) == ("code_rejected", "token", "github")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert f"support={support_id} " in line


@pytest.mark.parametrize(
    "query",
    ["", "code=x&state=forged", "code=x&code=y", "error=access_denied"],
    ids=lambda query: query or "none",
)
def test_what_is_refused_before_a_row_has_one_too(visitor, heard, caplog, query):
    answer = visitor.come_back(query)

    (support_id,) = support_ids(answer.content.decode())
    assert heard[0]["support_id"] == support_id
    assert f"support={support_id} " in caplog.text
    assert SignIn.objects.count() == 0


def test_who_says_no_is_told_it_with_the_message(visitor, github, heard):
    answer = visitor.come_back(github.deny(visitor.start()["Location"]))

    (support_id,) = support_ids(visitor.get(answer["Location"]).content.decode())
    assert heard[0]["support_id"] == SignIn.objects.get().support_id == support_id


def test_no_two_refusals_share_a_support_id():
    ids = {OAuthLoginError("some_code").support_id for _ in range(1000)}

    assert len(ids) == 1000
    assert all(SUPPORT_ID.fullmatch(support_id) for support_id in ids)


def test_a_sign_in_that_succeeds_has_none(visitor, github):
    visitor.sign_in(github)

    assert SignIn.objects.get().support_id == ""


def test_the_owner_finds_the_row_by_what_the_visitor_reads_out(visitor, github, admin_client):
    github.token = {"error": "bad_verification_code"}
    visitor.sign_in(github)
    visitor.sign_in(github)
    first, second = SignIn.objects.order_by("pk").values_list("support_id", flat=True)

    page = admin_client.get("/admin/oauth_login/signin/", {"q": first}).content.decode()

    assert first in page
    assert second not in page


# --- What is told to whoever builds the site ------------------------------------------------------------


def test_in_debug_the_page_adds_cause_cure_evidence_and_where_to_read_on(visitor, github, settings):
    settings.DEBUG = True
    query = github.approve(visitor.start()["Location"])

    answer = visitor.come_back(query | {"iss": "https://evil.example"})

    page = html.unescape(answer.content.decode())
    cause = CAUSES["issuer_mismatch"]
    assert cause.cause in page
    assert cause.cure in page
    assert "https://evil.example" in page
    assert "<dd>http://testserver</dd>" in page
    assert "<dd>1 of sign-ins, 0 others</dd>" in page
    assert re.search(r"<dd>\d seconds ago, at http://testserver</dd>", page)
    assert 'href="/oauth2/codes/#issuer_mismatch"' in page
    for secret in (query["code"], query["state"], *visitor.attempt_cookies().values()):
        assert secret not in page


def test_in_debug_a_forged_state_tells_nothing_of_a_start(visitor, settings):
    settings.DEBUG = True

    page = visitor.come_back("code=x&state=forged").content.decode()

    assert CAUSES["state_invalid"].cause in page
    assert "seconds ago" not in page


@pytest.mark.threat("I05", "I18")
def test_without_debug_the_page_says_nothing_of_the_kind(visitor, github):
    query = github.approve(visitor.start()["Location"])

    page = visitor.come_back(query | {"iss": "https://evil.example"}).content.decode()

    assert "evil.example" not in page
    assert CAUSES["issuer_mismatch"].cause not in page
    assert "/oauth2/codes/" not in page


def test_in_debug_a_providers_words_are_still_escaped(visitor, github, settings):
    settings.DEBUG = True
    github.token = {"error": "odd", "error_description": "<script>alert(1)</script>"}

    page = visitor.sign_in(github).content.decode()

    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_the_page_of_codes_is_there_in_debug_only(client, settings):
    assert client.get("/oauth2/codes/").status_code == 404

    settings.DEBUG = True
    page = client.get("/oauth2/codes/").content.decode()
    for code in CAUSES:
        assert f'id="{code}"' in page


def test_every_code_has_a_cause_and_a_cure_and_the_status_of_its_kind():
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, OAuthLoginError) and hasattr(kind, "default_code")
    ]
    for kind in kinds:
        assert CAUSES[kind.default_code].status == kind.status
    for code, cause in CAUSES.items():
        assert cause.cause.endswith("."), code
        assert cause.cure.endswith((".", "?")), code
        assert cause.status in {kind.status for kind in kinds}


def test_a_code_of_a_sites_own_is_said_to_be_one():
    assert "own code" in cause_of("closed_on_sundays", 403).cause


# --- Answers that are no pages of a sign-in -------------------------------------------------------------


@pytest.mark.threat("A19", "I07", "I08")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("page", ["authorize", "callback"])
def test_an_unknown_provider_is_answered_by_a_page_with_every_header(client, db, method, page):
    answer = getattr(client, method)(f"/oauth2/nobody/{page}/")

    assert answer.status_code == 404
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not answer.cookies


@pytest.mark.threat("J12")
@pytest.mark.parametrize(
    "fields", [{"next": "/" + "a" * 3_000_000}, dict.fromkeys(map(str, range(2000)), "x")]
)
def test_a_form_that_is_too_large_is_told_so_by_a_page_with_every_header(visitor, fields):
    answer = visitor.start(**fields)

    assert (answer.status_code, answer.context["code"]) == (413, "body_too_large")
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not visitor.attempt_cookies()


@pytest.mark.threat("J12")
def test_too_many_files_are_too_much_as_well(visitor):
    files = {f"file{number}": BytesIO(b"x") for number in range(200)}
    assert visitor.post("/oauth2/github/authorize/", files).status_code == 413


@pytest.mark.parametrize("cookies", [True, False])
def test_a_start_without_a_token_is_told_what_is_in_the_way(new_visitor, cookies):
    visitor = new_visitor(enforce_csrf_checks=True)
    if cookies:
        visitor.cookies["theme"] = "dark"

    answer = visitor.start(next="/where/")

    assert answer.status_code == 403
    assert answer.context["code"] == ("form_stale" if cookies else "form_without_cookies")
    assert answer.context["next"] == "/where/"


# --- When the site's own database fails ----------------------------------------------------------------


class Down:
    """A database that answers nothing, while it is switched on."""

    def __call__(self, *_args):
        raise DatabaseError("the database is down")


@pytest.mark.threat("J09", "I18")
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_start_without_a_database_is_refused_or_works_but_never_breaks(new_visitor, github, signed_in):
    visitor = new_visitor(raise_request_exception=False)
    if signed_in:
        visitor.sign_in(github)

    with connection.execute_wrapper(Down()):
        answer = visitor.start(next="/where/")

    # A stranger's start asks the database nothing.
    assert answer.status_code == (503 if signed_in else 302)
    if signed_in:
        assert answer.context["code"] == "site_unavailable"
        assert answer.context["next"] == "/where/"


@pytest.mark.threat("J09", "I18")
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_callback_without_a_database_is_refused_and_can_be_used_later(new_visitor, github, signed_in):
    visitor = new_visitor(raise_request_exception=False)
    if signed_in:
        visitor.sign_in(github)
    asked = len(github.token_requests)
    query = github.approve(visitor.start(next="/where/")["Location"])

    with connection.execute_wrapper(Down()):
        answer = visitor.come_back(query)

    assert (answer.status_code, answer.context["code"]) == (503, "site_unavailable")
    assert len(github.token_requests) == asked
    assert visitor.come_back(query)["Location"] == "/where/"
    assert get_user_model().objects.count() == 1


# --- Another account ------------------------------------------------------------------------------------


@pytest.mark.threat("GH18")
def test_after_saying_no_the_provider_is_asked_for_a_choice_of_accounts(visitor, github):
    answer = visitor.come_back(github.deny(visitor.start()["Location"]))

    page = visitor.get(answer["Location"]).content.decode()

    assert '<input type="hidden" name="prompt" value="select_account">' in page
    assert 'name="prompt"' not in visitor.get("/oauth2/login/").content.decode()
    assert (
        "&prompt=select_account&"
        in "&" + visitor.start(prompt="select_account")["Location"].partition("?")[2]
    )


@pytest.mark.threat("GH17", "B11")
@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        ({"prompt": "select_account"}, {"prompt": "select_account"}),
        ({"login": "octocat"}, {"login": "octocat"}),
        (
            {"login": "Octo-Cat-9", "prompt": "select_account"},
            {"login": "Octo-Cat-9", "prompt": "select_account"},
        ),
        ({"prompt": "none"}, {}),
        ({"prompt": "select_account consent"}, {}),
        ({"login": "a" * 200}, {}),
        ({"login": "a\r\nb"}, {}),
        ({"login": "a&scope=repo"}, {}),
        ({"login": "octocat\n"}, {}),
        ({"login": ""}, {}),
        ({"allow_signup": "true", "scope": "delete_repo", "state": "x", "redirect_uri": "https://evil"}, {}),
    ],
)
def test_of_a_visitors_wishes_only_two_reach_the_provider(visitor, asked, passed_on):
    def parameters(answer):
        return dict(parse_qsl(urlsplit(answer["Location"]).query))

    clean, wished = parameters(visitor.start()), parameters(visitor.start(**asked))

    for random in ("state", "code_challenge"):
        del clean[random], wished[random]
    assert wished == clean | passed_on


@pytest.mark.threat("GH17")
def test_what_the_site_has_set_wins_over_a_visitors_wish(visitor, settings):
    options = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"AUTHORIZATION_PARAMS": {"login": "company"}}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": options}}

    assert "login=company" in visitor.start(login="octocat")["Location"]


@pytest.mark.threat("GH17", "B11")
def test_a_provider_that_says_nothing_of_wishes_is_passed_none(visitor, settings, monkeypatch):
    odd_providers.registered(monkeypatch, settings, odd_providers.TakesNoWishes)

    location = visitor.start(prompt="select_account", login="octocat")["Location"]

    assert "prompt" not in location
    assert "login=octocat" not in location


# --- When to try again ----------------------------------------------------------------------------------


@pytest.mark.threat("GH20")
@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ("0", "Please try again in 0 seconds."),
        ("30", "Please try again in 30 seconds."),
        ("90", "Please try again in 2 minutes."),
        ("600", "Please try again in 10 minutes."),
    ],
)
def test_a_provider_that_is_down_may_say_until_when(visitor, github, seconds, told):
    github.token = (503, {"Retry-After": seconds}, b"")

    answer = visitor.sign_in(github)

    assert (answer.status_code, answer["Retry-After"]) == (503, seconds)
    assert told in answer.content.decode()
