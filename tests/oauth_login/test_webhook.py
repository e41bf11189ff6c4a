"""GitHub says that somebody has withdrawn the grant: what counts, what does not, and what it changes."""

import hashlib
import hmac
import io
import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oauth_login import notices, signals
from oauth_login.models import LinkedAccount, Notice, SignIn, Token
from oauth_login.providers.github_webhook import is_signed

pytestmark = pytest.mark.django_db

SECRET = "the secret of the webhook, newest"
OLD_SECRET = "the secret of the webhook, before"
PATH = "/oauth2/github/webhook/"
EVENT = "github_app_authorization"


@pytest.fixture
def configure(settings):
    """A way to say what the site expects of the webhook."""

    def configured(top=None, **options):
        github = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"WEBHOOK_SECRETS": [SECRET]} | options
        settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": github}} | (top or {})

    configured()
    return configured


def signature_of(body, secret=SECRET):
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def revoked(person=583231, **changes):
    return json.dumps({"action": "revoked", "sender": {"id": person, "login": "octocat"}} | changes).encode()


@pytest.fixture
def deliver(client, configure):
    """A way to send what GitHub sends; a header that is None is left out."""

    def send(body=None, *, content_type="application/json", event=EVENT, delivery="d-1", **headers):
        body = revoked() if body is None else body
        everything = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": signature_of(body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in everything.items() if value is not None}
        return client.generic("POST", PATH, body, content_type, headers=kept)

    return send


@pytest.fixture
def linked(visitor, github, configure):
    """A visitor who has signed in, and whose tokens are kept."""
    visitor.sign_in(github)
    return LinkedAccount.objects.get()


@pytest.fixture
def heard():
    """What receivers of the signal were told."""
    told = []

    def receive(sender, account, reason, **_):
        told.append((sender, account.pk, reason, account.token.state))

    signals.reauthorization_required.connect(receive)
    yield told
    signals.reauthorization_required.disconnect(receive)


def is_kept():
    token = Token.objects.get()
    return token.state == Token.State.ACTIVE and bool(token.access_token)


def refused(answer, status, code):
    assert (answer.status_code, json.loads(answer.content)) == (status, {"error": code})
    assert "no-store" in answer["Cache-Control"]
    assert Notice.objects.count() == 0


# --- The signature -----------------------------------------------------------------------------------


@pytest.mark.threat("K01")
@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        signature_of(revoked()).removeprefix("sha256="),
        signature_of(revoked()).upper(),
        f"sha256={signature_of(revoked())[7:].upper()}",
        signature_of(revoked()) + " ",
        signature_of(revoked())[:-1],
        signature_of(revoked(), "another secret, as long as it"),
        f"sha1={hmac.new(SECRET.encode(), revoked(), hashlib.sha1).hexdigest()}",
        "sha256=" + "é" * 64,
        "sha256=" + "0" * 1_000_000,
    ],
    ids=[
        "none",
        "empty",
        "no digits",
        "no name",
        "upper case",
        "upper case digits",
        "a space more",
        "a digit less",
        "another secret",
        "SHA-1",
        "not ASCII",
        "a megabyte",
    ],
)
def test_a_delivery_that_is_not_signed_changes_nothing(deliver, linked, signature):
    refused(deliver(X_Hub_Signature_256=signature), 403, "signature_invalid")

    assert is_kept()


@pytest.mark.threat("K02")
def test_the_outdated_signature_alone_is_none(deliver, linked):
    outdated = f"sha1={hmac.new(SECRET.encode(), revoked(), hashlib.sha1).hexdigest()}"

    refused(deliver(X_Hub_Signature_256=None, X_Hub_Signature=outdated), 403, "signature_invalid")
    assert is_kept()


@pytest.mark.threat("K03")
def test_githubs_own_example_of_a_signature_is_right():
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert is_signed(b"Hello, World!", signature, ["It's a Secret to Everybody"])
    assert not is_signed(b"Hello, World! ", signature, ["It's a Secret to Everybody"])


@pytest.mark.threat("K03")
def test_the_body_is_verified_as_it_came(deliver, linked):
    body = '{ "action" : "revoked",\n "note": "Grüße, \\u4f60好",  "sender": {"id": 583231} }'.encode()

    assert deliver(body).json() == {"result": "revoked"}
    assert not is_kept()


@pytest.mark.threat("K03")
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_of_another_type_is_not_read(deliver, linked, content_type):
    refused(deliver(content_type=content_type), 415, "content_type_invalid")

    assert is_kept()


@pytest.mark.threat("K04")
@pytest.mark.parametrize("secrets", [(), [""], ["short"], [SECRET, ""], ""], ids=repr)
def test_without_a_good_secret_there_is_no_webhook(client, configure, linked, secrets):
    configure(WEBHOOK_SECRETS=secrets)

    for key in ("", "short"):
        answer = client.post(
            PATH,
            revoked(),
            "application/json",
            headers={"X-GitHub-Event": EVENT, "X-Hub-Signature-256": signature_of(revoked(), key)},
        )
        refused(answer, 404, "not_found")
    assert is_kept()


@pytest.mark.threat("K04")
@pytest.mark.parametrize("alias", ["nobody", "forge"])
def test_only_github_has_one(client, settings, alias):
    forge = {"ISSUER": "https://op.example", "CLIENT_ID": "x", "CLIENT_SECRET": "y"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"forge": forge}}

    refused(client.post(f"/oauth2/{alias}/webhook/", revoked(), "application/json"), 404, "not_found")


@pytest.mark.threat("K09")
def test_two_secrets_hold_while_one_takes_the_place_of_the_other(deliver, linked, configure):
    ping = {"event": "ping", "X_Hub_Signature_256": signature_of(revoked(), OLD_SECRET)}

    configure(WEBHOOK_SECRETS=[SECRET, OLD_SECRET])
    assert deliver(event="ping").status_code == deliver(**ping).status_code == 200

    configure(WEBHOOK_SECRETS=[SECRET])
    assert deliver(event="ping").status_code == 200
    refused(deliver(**ping), 403, "signature_invalid")


# --- What it changes ---------------------------------------------------------------------------------


@pytest.mark.threat("K06")
def test_the_tokens_of_that_very_person_are_gone_and_the_user_stays(
    deliver, linked, visitor, new_visitor, github, heard, django_capture_on_commit_callbacks
):
    github.user |= {"id": 7, "login": "hubot"}
    github.emails = []
    new_visitor().sign_in(github)
    now = timezone.now()
    Token.objects.update(lease_until=now, expires_at=now, refresh_expires_at=now)
    before = Token.objects.get(account=linked).version

    with django_capture_on_commit_callbacks(execute=True):
        answer = deliver()

    assert (answer.status_code, answer.json()) == (200, {"result": "revoked"})
    token, other = Token.objects.get(account=linked), Token.objects.exclude(account=linked).get()
    assert (token.state, bool(token.access_token), bool(token.refresh_token)) == ("revoked", False, False)
    assert (token.expires_at, token.refresh_expires_at, token.lease_until) == (None, None, None)
    assert token.version == before + 1
    assert (other.state, bool(other.access_token)) == ("active", True)
    assert LinkedAccount.objects.count() == 2
    assert visitor.user == linked.user
    assert heard == [(LinkedAccount, linked.pk, "revoked_there", "revoked")]


@pytest.mark.threat("K06")
@pytest.mark.parametrize(
    "person", [None, True, "583231", 583231.0, 0, -1, [583231], {"id": 583231}], ids=repr
)
def test_a_sender_that_is_no_number_is_nobody(deliver, linked, person):
    refused(deliver(revoked(person)), 400, "payload_invalid")

    assert is_kept()


@pytest.mark.threat("K06")
@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "revoked", "installation": {"id": 583231}}',
        b'{"action": "revoked", "sender": 583231}',
        b'{"action": "revoked", "sender": null, "user": {"id": 583231}}',
        b'{"action": "revoked", "sender": {"login": "octocat"}}',
        b'["revoked"]',
        b"{",
        b"\xff",
        b" ",
        b'{"action": "revoked", "sender": {"id": 7}, "sender": {"id": 583231}}',
    ],
    ids=repr,
)
def test_a_payload_that_names_no_sender_changes_nothing(deliver, linked, body):
    refused(deliver(body), 400, "payload_invalid")

    assert is_kept()


@pytest.mark.threat("K06", "GH24")
def test_a_person_that_nobody_knows_is_no_mistake(deliver, linked, rows):
    before = rows()

    answer = deliver(revoked(999))

    assert (answer.status_code, answer.json()) == (202, {"result": "ignored"})
    assert (rows(), is_kept()) == (before, True)


@pytest.mark.threat("K06")
def test_a_namesake_at_another_provider_keeps_the_tokens(deliver, linked):
    LinkedAccount.objects.update(issuer="https://ghe.example/login/oauth")

    assert deliver().status_code == 202
    assert is_kept()


@pytest.mark.threat("K06")
@pytest.mark.parametrize("engine", ["db", "cache", "cached_db"])
@pytest.mark.parametrize("stored", [True, False], ids=["tokens", "no tokens"])
def test_sessions_end_with_the_grant_if_the_site_says_so(
    deliver, visitor, new_visitor, github, configure, settings, engine, stored
):
    cache.clear()
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    configure({"SESSIONS_END_ON_REVOCATION": True, "STORE_TOKENS": stored})
    elsewhere, somebody = new_visitor(), new_visitor()
    visitor.sign_in(github)
    elsewhere.sign_in(github)
    github.user |= {"id": 7, "login": "hubot"}
    github.emails = []
    somebody.sign_in(github)

    assert deliver().json() == {"result": "revoked"}

    assert (visitor.user, elsewhere.user) == (None, None)
    assert somebody.user.get_username() == "hubot"
    assert set(SignIn.objects.values_list("sid", flat=True)) == {""}
    cache.clear()


@pytest.mark.threat("K06")
def test_sessions_end_although_this_site_has_withdrawn_the_grant_before(
    deliver, visitor, github, configure, heard, django_capture_on_commit_callbacks
):
    configure({"SESSIONS_END_ON_REVOCATION": True})
    visitor.sign_in(github)
    assert Token.objects.get().revoke("revoked_here")

    with django_capture_on_commit_callbacks(execute=True):
        assert deliver().json() == {"result": "revoked"}

    assert visitor.user is None
    assert heard == []


@pytest.mark.threat("K06")
def test_sessions_that_were_noted_go_on_if_the_site_says_so_by_now(deliver, visitor, github, configure):
    configure({"SESSIONS_END_ON_REVOCATION": True})
    visitor.sign_in(github)
    configure({"SESSIONS_END_ON_REVOCATION": False})

    assert deliver().json() == {"result": "revoked"}

    assert visitor.user is not None


def test_without_tokens_nobody_is_asked_to_sign_in_again(
    deliver, linked, heard, django_capture_on_commit_callbacks
):
    Token.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):
        assert deliver().json() == {"result": "revoked"}
    assert heard == []


# --- The same again ----------------------------------------------------------------------------------


@pytest.mark.threat("K05")
def test_a_delivery_that_comes_again_leaves_newer_tokens_alone(deliver, linked, visitor, github):
    assert deliver().json() == {"result": "revoked"}
    visitor.sign_in(github)

    again = deliver()

    assert (again.status_code, again.json()) == (200, {"result": "seen_before"})
    assert is_kept()


@pytest.mark.threat("K05")
def test_two_deliveries_of_one_withdrawal_have_one_effect(
    deliver, linked, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert deliver(delivery="d-1").json() == deliver(delivery="d-2").json() == {"result": "revoked"}

    assert len(heard) == 1


@pytest.mark.threat("K05")
def test_a_delivery_for_somebody_unknown_does_not_count_once_they_are_known(
    deliver, visitor, github, configure
):
    assert deliver().status_code == 202
    visitor.sign_in(github)

    assert deliver().json() == {"result": "seen_before"}
    assert is_kept()


@pytest.mark.threat("K05")
def test_tokens_that_were_written_while_the_delivery_was_worked_on_stay(linked):
    token = linked.token
    Token.objects.update(version=token.version + 1)

    assert not token.revoke("revoked_there")
    assert is_kept()


@pytest.mark.threat("K05")
def test_what_another_provider_has_called_so_is_no_delivery_of_this_one(deliver, linked):
    assert Notice.objects.is_new(provider="another", id="d-1")

    assert deliver(delivery="d-1").json() == {"result": "revoked"}


@pytest.mark.threat("K05")
@pytest.mark.parametrize("delivery", [None, "", " ", "d 1", "é", "d" * 101])
def test_a_delivery_without_a_name_of_its_own_changes_nothing(deliver, linked, delivery):
    refused(deliver(delivery=delivery), 400, "delivery_invalid")

    assert is_kept()


@pytest.mark.threat("K05")
def test_a_delivery_that_failed_half_way_counts_when_it_comes_again(deliver, linked):
    with CaptureQueriesContext(connection), connection.execute_wrapper(_locked):
        answer = deliver()

    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    refused(answer, 503, "site_unavailable")
    assert is_kept()
    assert deliver().json() == {"result": "revoked"}


def _locked(execute, sql, *arguments):
    if sql.startswith("UPDATE"):
        raise OperationalError("database is locked")
    return execute(sql, *arguments)


def test_what_was_heard_is_forgotten_after_a_week(deliver, linked, purge):
    deliver()
    deliver(delivery="d-2")
    Notice.objects.filter(pk=Notice.objects.earliest("pk").pk).update(
        received_at=timezone.now() - timedelta(days=7, seconds=1)
    )

    purge("--dry-run")
    assert Notice.objects.count() == 2
    purge()

    assert deliver(delivery="d-2").json() == {"result": "seen_before"}
    assert str(Notice.objects.get()).startswith("github: ")


# --- What is not for us ------------------------------------------------------------------------------


@pytest.mark.threat("K07")
@pytest.mark.parametrize(
    ("event", "body", "status"),
    [
        ("ping", b'{"zen": "Design for failure."}', 200),
        ("installation", revoked(), 202),
        ("push", b"no JSON at all", 202),
        (None, revoked(), 202),
        (EVENT, revoked(action="created"), 202),
        (EVENT, revoked(action=None), 202),
        (EVENT, revoked(action=["revoked"]), 202),
    ],
)
def test_other_events_and_actions_are_no_mistakes_and_change_nothing(deliver, linked, event, body, status):
    assert deliver(body, event=event).status_code == status
    assert is_kept()
    assert Notice.objects.count() == 0


@pytest.mark.threat("K08")
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE"])
def test_a_browser_finds_nothing_there(client, configure, linked, method):
    answer = client.generic(method, PATH)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert is_kept()


@pytest.mark.threat("K08")
def test_no_session_is_read_and_no_cookie_set(visitor, configure, linked):
    visitor.handler.enforce_csrf_checks = True

    with CaptureQueriesContext(connection) as queries:
        answer = visitor.post(
            PATH,
            revoked(),
            "application/json",
            headers={
                "X-GitHub-Event": EVENT,
                "X-GitHub-Delivery": "d-1",
                "X-Hub-Signature-256": signature_of(revoked()),
            },
        )

    assert answer.json() == {"result": "revoked"}
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies
    assert not [query for query in queries if "django_session" in query["sql"]]


@pytest.mark.threat("K08")
def test_a_site_where_everybody_must_sign_in_still_hears_of_it(deliver, linked, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]

    assert deliver().json() == {"result": "revoked"}


@pytest.mark.threat("K10")
@pytest.mark.parametrize(("target", "status"), [("7", 200), ("8", 202), ("", 202), (None, 202), ("07", 202)])
def test_what_is_meant_for_another_application_changes_nothing(deliver, linked, configure, target, status):
    configure(WEBHOOK_TARGET_ID="7")

    answer = deliver(X_GitHub_Hook_Installation_Target_ID=target)

    assert answer.status_code == status
    assert is_kept() == (status == 202)


@pytest.mark.threat("K11")
def test_nobody_is_asked_anything_meanwhile(deliver, linked, github, failing):
    failing(token=ConnectionError(), user=ConnectionError())
    before = len(github.requests)

    assert deliver().json() == {"result": "revoked"}
    assert len(github.requests) == before


@pytest.mark.threat("J13")
def test_a_large_body_is_not_read(client, configure, django_assert_num_queries):
    body = io.BytesIO(b"x" * 200_000)

    with django_assert_num_queries(0):
        answer = client.generic(
            "POST",
            PATH,
            **{"wsgi.input": body, "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "200000"},
        )

    refused(answer, 413, "body_too_large")
    assert body.tell() == 0


@pytest.mark.threat("J13")
def test_a_length_that_is_too_long_to_be_a_number_is_too_large(client, configure):
    refused(
        client.generic("POST", PATH, b"{}", "application/json", CONTENT_LENGTH="9" * 5_000),
        413,
        "body_too_large",
    )


@pytest.mark.threat("J13")
@pytest.mark.parametrize("length", ["", "x"])
def test_a_large_body_that_does_not_say_so_is_read_no_further(rf, configure, length):
    request = rf.post(PATH, b"x", "application/json", CONTENT_LENGTH=length)
    body = request._stream = io.BytesIO(b"x" * 200_000)

    refused(notices.webhook(request, "github"), 413, "body_too_large")
    assert body.tell() == notices.LIMIT + 1


@pytest.mark.threat("J13", "K01")
def test_a_thousand_forged_deliveries_cost_no_sql(deliver, configure, django_assert_num_queries):
    with django_assert_num_queries(0):
        answers = {deliver(X_Hub_Signature_256="sha256=" + "0" * 64).status_code for _ in range(1000)}

    assert answers == {403}


def test_a_body_that_breaks_off_is_refused(client, configure):
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError("the connection is gone")

    broken = {"wsgi.input": Broken(), "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "9"}
    answer = client.generic("POST", PATH, **broken)

    refused(answer, 400, "body_unreadable")


def test_no_secret_and_no_forged_word_is_in_the_log(deliver, linked, caplog):
    deliver(X_Hub_Signature_256="sha256=forged\n")
    deliver()

    assert "signature_invalid" in caplog.text
    assert SECRET not in caplog.text
    assert "forged" not in caplog.text


@pytest.mark.threat("D25")
def test_a_provider_that_nobody_has_writes_one_line_and_no_long_one(client, caplog):
    client.post(f"/oauth2/gh%0Aforged%E2%80%AE{'x' * 400}/webhook/")

    (said,) = [record.getMessage() for record in caplog.records if record.name == "oauth_login"]
    assert said.startswith("notice refused: code=not_found provider=gh\ufffdforged\ufffdxxx")
    assert len(said) < 200
