"""The provider says that somebody has signed out there: what counts, and whose sessions end."""

import base64
import itertools
import json
import logging
import sys
import time
from collections.abc import Callable

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from oauth_login.documents import MEMORY
from oauth_login.models import LinkedAccount, Notice, SignIn, Token
from oauth_login.sealing import PREFIX_LENGTH
from tests.oauth_login.oidc.fake_openid import (
    CLIENT_ID,
    CLIENT_SECRET,
    EC_KEY,
    ISSUER,
    MISSING,
    RSA_KEYS,
    SUBJECT,
    WELL_KNOWN,
    at_hash,
)

pytestmark = [pytest.mark.django_db, pytest.mark.provider]

PATH = "/oauth2/acme/backchannel-logout/"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
ENGINES = ["db", "cache", "cached_db", "file"]


@pytest.fixture(autouse=True)
def on(openid, configure):
    """A site that listens to the provider."""
    configure(BACKCHANNEL_LOGOUT=True)


@pytest.fixture
def engine(request, settings, tmp_path):
    """The session engine of a parametrized test."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    cache.clear()
    yield request.param
    cache.clear()


class Ago(int):
    """A moment, in seconds before a token is made: tests are collected long before they run."""

    def __repr__(self):
        return f"{int(self)} s ago"


def claims_of(**changes):
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": "jti-1",
        "sub": SUBJECT,
        "sid": "sid-1",
        "events": {EVENT: {}},
    }
    return {
        name: now - value if isinstance(value, Ago) else value
        for name, value in (good | changes).items()
        if value is not MISSING
    }


def token_of(signer=RSA_KEYS[0], header=None, **changes):
    return signer.sign(claims_of(**changes), **({"typ": "logout+jwt"} if header is None else header))


@pytest.fixture
def tell(client):
    """A way to send what the provider sends."""

    def send(token=None, **changes):
        return client.post(
            PATH,
            f"logout_token={token or token_of(**changes)}",
            "application/x-www-form-urlencoded",
        )

    return send


@pytest.fixture
def arrive(openid):
    """A way to sign in as somebody, in a session that the provider knows by a name."""

    def sign_in(visitor, sid="sid-1", subject=SUBJECT, alias="acme"):
        openid.claims = {
            "sid": sid,
            "sub": subject,
            "preferred_username": f"u{subject}",
            "email": f"u{subject}@op.example",
        }
        openid.userinfo["sub"] = subject
        assert visitor.sign_in(openid, alias).status_code == 302
        return visitor

    return sign_in


def refused(answer, status=400, code="logout_token_invalid"):
    assert (answer.status_code, answer.json()) == (status, {"error": code})
    assert "no-store" in answer["Cache-Control"]


def accepted(answer):
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer["Cache-Control"]


# --- Whose word it is --------------------------------------------------------------------------------


def unsigned(signature):
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "typ": "logout+jwt"}, claims_of())
    )
    return f"{header}.{payload}.{signature}"


FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned(""),
    "alg none, with a signature": lambda: unsigned("AA"),
    "HS256": lambda: jwt.encode(claims_of(), CLIENT_SECRET, "HS256", {"kid": "rsa-0"}),
    "another algorithm": lambda: token_of(EC_KEY),
    "another key": lambda: token_of(RSA_KEYS[1], {"kid": "rsa-0"}),
    "no such kid": lambda: token_of(header={"kid": "unknown"}),
    "no token": lambda: "x",
}


@pytest.mark.threat("K12")
@pytest.mark.parametrize("name", FORGED)
def test_oidcc_client_test_rp_backchannel_rpinitlogout_alg_none_and_wrong_alg(visitor, arrive, tell, name):
    arrive(visitor)

    refused(tell(FORGED[name]()))

    assert visitor.user is not None
    assert Notice.objects.count() == 0


@pytest.mark.threat("K12")
def test_a_key_that_is_new_is_looked_for(visitor, arrive, tell, openid):
    arrive(visitor)
    openid.rotate()

    accepted(tell(token_of(RSA_KEYS[1])))

    assert visitor.user is None


@pytest.mark.threat("K12", "E17")
def test_unknown_keys_of_strangers_do_not_use_up_what_visitors_need(visitor, tell, openid, settings):
    cache.clear()
    before = openid.hits("/jwks")
    for number in range(20):
        refused(tell(token_of(header={"kid": f"unknown-{number}"})))
    assert openid.hits("/jwks") - before <= 2

    openid.rotate()

    assert visitor.sign_in(openid, "acme").status_code == 302


@pytest.mark.threat("K12")
def test_keys_that_cannot_be_had_are_asked_for_later(visitor, arrive, tell, openid):
    arrive(visitor)
    cache.clear()
    MEMORY.clear()
    openid.answers = {"/jwks": lambda _: (500, {}, b"")}

    answer = tell()
    refused(answer, 503, "keys_unavailable")
    assert answer["Retry-After"] == "60"
    assert visitor.user is not None

    cache.clear()
    MEMORY.clear()
    openid.answers = {}
    accepted(tell())
    assert visitor.user is None


@pytest.mark.threat("D01")
def test_one_deadline_is_for_all_that_has_to_be_asked(visitor, arrive, tell, openid, monkeypatch):
    arrive(visitor)
    cache.clear()
    MEMORY.clear()

    clock, late = time.monotonic, itertools.count(6, 6)

    def slowly(answer):
        """Take six seconds, which is in time for one request; the answer is too long to be read at once."""
        seconds = next(late)
        monkeypatch.setattr(time, "monotonic", lambda: clock() + seconds)
        return {**answer, "more": "x" * 50_000}

    openid.answers = {
        WELL_KNOWN: lambda _: slowly(openid.configuration),
        "/jwks": lambda _: slowly({"keys": openid.keys}),
    }

    refused(tell(), 503, "keys_unavailable")

    assert next(late) == 18, "both were asked"
    assert visitor.user is not None


@pytest.mark.threat("D28")
@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_keys_are_asked_for(visitor, arrive, tell, openid, caplog, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    arrive(visitor)
    openid.rotate()
    seen = []

    def look(_):
        seen.append(connection.in_atomic_block)
        return True

    library = logging.getLogger("urllib3.connectionpool")
    monkeypatch.setattr(library, "filters", [look])
    with caplog.at_level(logging.DEBUG, library.name):
        accepted(tell(token_of(RSA_KEYS[1])))

    assert seen == [False]
    assert visitor.user is None


WRONG: dict[str, list[object]] = {
    "iss": [MISSING, None, f"{ISSUER}/", "https://evil.example", [ISSUER]],
    "aud": [MISSING, None, "another", [], ["another"], [CLIENT_ID + " "], {CLIENT_ID: 1}],
    "iat": [MISSING, None, "0", True, 1.5, Ago(400), Ago(-900)],
    "exp": [MISSING, None, "9999999999", True, Ago(900)],
    "jti": [MISSING, None, "", 7, "j" * 256, "j\n"],
}


@pytest.mark.threat("K13")
@pytest.mark.parametrize(
    ("claim", "value"), [(claim, value) for claim, values in WRONG.items() for value in values], ids=repr
)
def test_a_token_of_another_place_or_time_is_refused(visitor, arrive, tell, claim, value):
    arrive(visitor)

    refused(tell(**{claim: value}))

    assert visitor.user is not None


@pytest.mark.threat("K13")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID]},
        {"iat": Ago(200)},
        {"iat": Ago(-30)},
        {"exp": Ago(30)},
    ],
    ids=repr,
)
def test_a_clock_that_is_a_little_wrong_and_other_audiences_are_fine(visitor, arrive, tell, changes):
    arrive(visitor)

    accepted(tell(**changes))

    assert visitor.user is None


@pytest.mark.threat("K14")
@pytest.mark.parametrize(
    "events",
    [
        MISSING,
        None,
        {},
        EVENT,
        [EVENT],
        {"http://schemas.openid.net/event/other": {}},
        {EVENT: None},
        {EVENT: "x"},
        {EVENT: []},
        {EVENT: True},
    ],
    ids=repr,
)
def test_a_token_without_that_event_is_none(visitor, arrive, tell, events):
    arrive(visitor)

    refused(tell(events=events))

    assert visitor.user is not None


@pytest.mark.threat("K15")
def test_an_id_token_is_no_logout_token(visitor, arrive, tell, openid):
    arrive(visitor)
    id_token = RSA_KEYS[0].sign(
        openid.new_claims("n") | {"sid": "sid-1", "jti": "x", "at_hash": at_hash("x")}
    )

    refused(tell(id_token))

    assert visitor.user is not None


@pytest.mark.threat("K15")
@pytest.mark.parametrize("nonce", ["n", "", None])
def test_a_nonce_is_prohibited(visitor, arrive, tell, nonce):
    arrive(visitor)

    refused(tell(nonce=nonce))

    assert visitor.user is not None


@pytest.mark.threat("K15")
@pytest.mark.parametrize("kind", ["at+jwt", "secevent+jwt", "JOSE", 7])
def test_a_token_of_another_type_is_none(visitor, arrive, tell, kind):
    arrive(visitor)

    refused(tell(token_of(header={"typ": kind})))

    assert visitor.user is not None


@pytest.mark.threat("K15")
@pytest.mark.parametrize("kind", ["logout+jwt", "LOGOUT+JWT", "JWT", None])
def test_a_logout_token_of_its_own_type_or_none_is_one(visitor, arrive, tell, kind):
    arrive(visitor)
    token = jwt.encode(claims_of(), RSA_KEYS[0].private, "RS256", {"kid": "rsa-0", "typ": kind})

    accepted(tell(token))

    assert visitor.user is None


@pytest.mark.threat("K15")
def test_a_logout_token_is_no_id_token(visitor, openid, rejected):
    openid.header = {"typ": "logout+jwt"}

    rejected("id_token_invalid")


# --- Whose sessions end ------------------------------------------------------------------------------


@pytest.mark.threat("K16")
@pytest.mark.parametrize(
    "changes",
    [
        {"sub": MISSING, "sid": MISSING},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "ü"},
        {"sid": None},
        {"sid": ""},
        {"sid": 7},
        {"sid": "s" * 256},
    ],
    ids=repr,
)
def test_a_token_that_means_nobody_is_refused(visitor, arrive, tell, changes):
    arrive(visitor)

    refused(tell(**changes))

    assert visitor.user is not None


@pytest.mark.threat("K16")
@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "somebody else"},
        {"sid": "sid-2"},
        {"sid": "SID-1"},
        {"sid": "sid-2", "sub": MISSING},
        {"sid": MISSING, "sub": "somebody else"},
    ],
    ids=repr,
)
def test_a_token_about_another_session_ends_none(visitor, arrive, tell, changes):
    arrive(visitor)

    accepted(tell(**changes))

    assert visitor.user is not None


@pytest.mark.threat("K16")
@pytest.mark.parametrize("changes", [{"sub": MISSING}, {"sid": MISSING}, {}], ids=repr)
def test_a_session_of_another_issuer_or_another_way_in_goes_on(visitor, arrive, tell, changes):
    arrive(visitor)
    LinkedAccount.objects.update(issuer="https://other.example")
    accepted(tell(**changes))
    assert visitor.user is not None

    LinkedAccount.objects.update(issuer=ISSUER)
    SignIn.objects.update(provider="other")
    accepted(tell(jti="jti-2", **changes))
    assert visitor.user is not None


@pytest.mark.threat("K17")
def test_a_token_counts_once(visitor, new_visitor, arrive, tell):
    arrive(visitor)
    token = token_of()
    accepted(tell(token))

    again = arrive(new_visitor())
    refused(tell(token), code="logout_token_replayed")

    assert visitor.user is None
    assert again.user is not None


@pytest.mark.threat("K18")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_one_session_ends_or_all_of_one_person_and_nobody_elses(new_visitor, arrive, tell, engine):
    first, second = arrive(new_visitor(), "sid-1"), arrive(new_visitor(), "sid-2")
    other = arrive(new_visitor(), "sid-1", subject="other")

    accepted(tell(sid="sid-1"))
    assert (first.user, second.user is None, other.user is None) == (None, False, False)

    arrive(first, "sid-3")
    accepted(tell(sid=MISSING, jti="jti-2"))
    assert (first.user, second.user, other.user is None) == (None, None, False)

    accepted(tell(sub=MISSING, sid="sid-1", jti="jti-3"))
    assert other.user is None
    assert set(SignIn.objects.values_list("session", flat=True)) == {""}
    assert get_user_model().objects.count() == LinkedAccount.objects.count() == Token.objects.count() == 2


@pytest.mark.threat("K18")
@pytest.mark.parametrize(
    "again", [{"alias": "again"}, {"sid": "sid-2"}, {"alias": "again", "sid": "sid-2"}, {}]
)
@pytest.mark.parametrize("changes", [{"sub": MISSING}, {"sid": MISSING}, {}], ids=repr)
def test_a_session_still_ends_after_a_later_sign_in_in_it(
    visitor, new_visitor, arrive, tell, configure, again, changes
):
    configure("again", BACKCHANNEL_LOGOUT=True)
    bystander = arrive(new_visitor(), "sid-3", subject="other")
    arrive(visitor)
    key = visitor.session.session_key
    arrive(visitor, **again)
    assert visitor.session.session_key != key

    accepted(tell(**changes))

    assert visitor.user is None
    assert bystander.user is not None


@pytest.mark.threat("K18")
def test_a_session_of_two_accounts_ends_with_either(visitor, new_visitor, arrive, tell, configure):
    configure("again", BACKCHANNEL_LOGOUT=True)
    arrive(new_visitor(), "sid-0", subject="other")
    arrive(visitor)
    LinkedAccount.objects.update(user=visitor.user)
    arrive(visitor, "sid-2", subject="other", alias="again")

    accepted(tell(sid="sid-1"))

    assert visitor.user is None


@pytest.mark.threat("K18")
def test_a_session_still_ends_after_a_sign_in_through_a_provider_that_is_not_listened_to(
    visitor, arrive, tell, configure
):
    configure("again")
    arrive(visitor)
    arrive(visitor, alias="again")
    assert SignIn.objects.get(provider="again").session == ""

    accepted(tell())

    assert visitor.user is None


def test_a_session_knows_its_last_twenty_sign_ins(visitor, arrive, tell, unlimited):
    for number in range(1, 22):
        arrive(visitor, f"sid-{number}")

    accepted(tell(sid="sid-1"))
    assert visitor.user is not None
    accepted(tell(sid="sid-2", jti="jti-2"))
    assert visitor.user is None


@pytest.mark.django_db(transaction=True)
def test_a_log_that_cannot_be_written_stands_in_no_sign_ins_way(visitor, arrive, caplog):
    def broken(execute, sql, *arguments):
        if "oauth_login_signin" in sql and "CASE" in sql:
            raise OperationalError("read only")
        return execute(sql, *arguments)

    arrive(visitor)
    with connection.execute_wrapper(broken):
        arrive(visitor)

    assert visitor.user is not None
    assert "some do not know their session any more" in caplog.text


@pytest.mark.threat("K18")
def test_a_session_that_has_become_somebody_elses_goes_on(visitor, arrive, tell):
    arrive(visitor)
    other = get_user_model().objects.create_user("other")
    session = visitor.session
    session["_auth_user_id"] = str(other.pk)
    session.save()

    accepted(tell())

    assert visitor.user == other


@pytest.mark.threat("K18")
def test_a_session_that_is_over_already_or_whose_key_is_gone_is_no_mistake(
    visitor, new_visitor, arrive, tell, settings
):
    arrive(visitor)
    visitor.post("/oauth2/logout/")
    arrive(new_visitor())
    settings.SECRET_KEY = "another-secret-key-of-the-site-that-nobody-knows-0123456789"

    accepted(tell())


@pytest.mark.threat("K18")
@pytest.mark.parametrize(
    ("changes", "ends"),
    [({}, True), ({"sub": MISSING}, True), ({"sid": "sid-2"}, False), ({"sid": MISSING}, False)],
    ids=["both", "its name", "another's", "the person"],
)
def test_a_session_is_known_by_its_name_alone_once_its_account_is_unlinked(
    visitor, arrive, tell, changes, ends
):
    arrive(visitor)
    LinkedAccount.objects.all().delete()

    accepted(tell(**changes))

    assert (visitor.user is None) is ends


@pytest.mark.threat("K18")
def test_sessions_in_cookies_cannot_be_ended_and_nobody_says_they_can(visitor, arrive, tell, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    arrive(visitor)

    refused(tell(), 404, "not_found")
    assert visitor.user is not None
    assert SignIn.objects.get().session == ""


@pytest.mark.threat("K18", "J11")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_log_keeps_what_a_live_session_needs(new_visitor, arrive, tell, purge, engine):
    live, over, newest = arrive(new_visitor(), "sid-1"), arrive(new_visitor(), "sid-2"), new_visitor()
    over.post("/oauth2/logout/")
    SignIn.objects.update(claimed_at="2026-01-01T00:00:00Z", finished_at="2026-01-01T00:00:00Z")
    arrive(newest, "sid-3")

    assert "1 deleted, 0 kept as the last of an account, 1 for a session that goes on." in purge()

    accepted(tell(sid="sid-1"))
    assert live.user is None
    assert newest.user is not None


@pytest.mark.threat("K18")
def test_no_table_and_no_page_has_the_key_of_a_session(visitor, arrive, admin_client):
    arrive(visitor, "the-name-of-the-session")
    key = visitor.cookies["sessionid"].value
    row = SignIn.objects.values_list().get()  # what of it is sealed would do with sessions in a cache

    page = admin_client.get(f"/admin/oauth_login/signin/{row[0]}/change/").content.decode()

    assert key not in repr(row)
    assert key not in page
    assert "the-name-of-the-session" not in page
    assert "icon-yes" in page


@pytest.mark.threat("K18", "A14")
def test_the_key_is_sealed_by_a_key_that_seals_nothing_else(visitor, arrive):
    visitor.start("acme")
    (cookie,) = visitor.attempt_cookies().values()
    arrive(visitor)

    sealed = [cookie, SignIn.objects.get().session, Token.objects.get().access_token.envelope]

    assert len({envelope[:PREFIX_LENGTH] for envelope in sealed}) == 3


@pytest.mark.threat("K18")
def test_the_key_of_one_sign_in_opens_in_no_other_row(visitor, new_visitor, arrive, tell):
    arrive(visitor)
    other = arrive(new_visitor(), "sid-2", subject="other")
    sealed = SignIn.objects.get(sid="sid-2").session
    SignIn.objects.filter(sid="sid-1").update(session=sealed, account=LinkedAccount.objects.latest("pk"))

    accepted(tell(sub="other", sid="sid-1"))

    assert other.user is not None


@pytest.mark.threat("K18")
def test_a_session_store_that_fails_shows_no_key_and_the_token_counts_when_it_comes_again(
    visitor, arrive, tell, client, settings
):
    reports = []

    def report(**_):
        reports.append(ExceptionReporter(None, *sys.exc_info()).get_traceback_html())

    settings.SESSION_ENGINE = "tests.oauth_login.undying_sessions"
    cache.clear()
    arrive(visitor)
    key = visitor.cookies[settings.SESSION_COOKIE_NAME].value
    client.raise_request_exception = False
    got_request_exception.connect(report)
    assert tell().status_code == 500
    got_request_exception.disconnect(report)

    assert "ConnectionRefusedError" in reports[0]
    assert key not in reports[0]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    accepted(tell())
    assert visitor.user is None
    cache.clear()


@pytest.mark.threat("L13")
def test_a_site_that_does_not_listen_notes_no_session(visitor, arrive, configure):
    configure()
    arrive(visitor)

    assert SignIn.objects.values_list("sid", "session").get() == ("", "")


@pytest.mark.parametrize("sid", [None, 7, "", "s" * 256, "s\u200b", ["sid-1"]], ids=repr)
def test_a_name_that_cannot_be_kept_is_not_kept_and_the_person_still_signs_out(visitor, arrive, tell, sid):
    arrive(visitor, sid)
    assert SignIn.objects.get().sid == ""

    accepted(tell(sid=MISSING))

    assert visitor.user is None


def test_noting_the_session_costs_no_statement(visitor, new_visitor, arrive, openid, configure):
    arrive(visitor)

    def cost():
        query = openid.approve(stranger.start("acme")["Location"])
        with CaptureQueriesContext(connection) as queries:
            assert stranger.come_back(query, "acme").status_code == 302
        return len(queries)

    stranger = new_visitor()
    with_it = cost()
    configure()
    stranger = new_visitor()
    assert cost() == with_it


# --- How it is said ----------------------------------------------------------------------------------


@pytest.mark.threat("K19")
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_nothing_but_a_post_is_taken(client, visitor, arrive, method):
    arrive(visitor)

    answer = client.generic(method, f"{PATH}?logout_token={token_of()}")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert visitor.user is not None


@pytest.mark.threat("K19")
@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ('{"logout_token": "TOKEN"}', "application/json", "content_type_invalid"),
        ("logout_token=TOKEN", "text/plain", "content_type_invalid"),
        ("logout_token=TOKEN&logout_token=TOKEN", None, "form_invalid"),
        ("logout_token=&logout_token=TOKEN", None, "form_invalid"),
        ("token=TOKEN", None, "form_invalid"),
        ("logout_token=TOKEN&x=\xff", None, "form_invalid"),
        ("a=1&" * 11 + "logout_token=TOKEN", None, "form_invalid"),
        ("logout_token=", None, "logout_token_invalid"),
    ],
)
def test_nothing_but_a_form_with_one_token_is_taken(client, visitor, arrive, body, content_type, code):
    arrive(visitor)

    sent = body.replace("TOKEN", token_of()).encode("latin-1")
    answer = client.post(PATH, sent, content_type or "application/x-www-form-urlencoded")

    refused(answer, 400, code)
    assert visitor.user is not None


@pytest.mark.threat("K19", "J13")
def test_a_large_form_is_refused(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.post(PATH, "x" * 200_000, "application/x-www-form-urlencoded")

    refused(answer, 413, "body_too_large")


@pytest.mark.threat("K19")
def test_other_fields_mean_nothing_and_no_cookie_is_set_or_read(visitor, arrive):
    arrive(visitor)
    visitor.handler.enforce_csrf_checks = True

    answer = visitor.post(PATH, f"logout_token={token_of()}&x=1", "application/x-www-form-urlencoded")

    accepted(answer)
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies
    assert visitor.user is None


@pytest.mark.threat("K19", "K21")
@pytest.mark.parametrize("alias", ["acme", "github", "nobody"])
def test_who_does_not_listen_is_not_there(client, configure, alias):
    configure()

    answer = client.post(
        f"/oauth2/{alias}/backchannel-logout/",
        f"logout_token={token_of()}",
        "application/x-www-form-urlencoded",
    )

    refused(answer, 404, "not_found")
