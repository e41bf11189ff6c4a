"""The owner sees how tokens are doing, renews and withdraws them, and never sees one."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from oauth_login import providers, transport
from oauth_login.models import LinkedAccount, Revocation, Token
from tests.oauth_login.grants.conftest import fails
from tests.oauth_login.odd_providers import ForgetsWithABug

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()
ACCOUNTS = "/admin/oauth_login/linkedaccount/"
SECRETS = ("gho_", "ghr_")


@pytest.fixture
def owner(db):
    return User.objects.create_superuser("owner", password=None)


def signed_in(user):
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def act():
    """Do one of the actions to accounts; return what is said about it."""

    def post(client, action, *accounts):
        chosen = {"action": action, "_selected_action": [account.pk for account in accounts]}
        answer = client.post(ACCOUNTS, chosen)
        assert answer.status_code in {200, 302}
        return [str(message) for message in get_messages(answer.wsgi_request)]

    return post


@pytest.fixture
def everything(person, revoking, owner):
    """A row of every kind: accounts with tokens, and one that is still to be withdrawn. As the owner."""
    revoking.says = fails()
    person().delete()
    person()
    assert Revocation.objects.count() == Token.objects.count() == 1
    return signed_in(owner)


def pages():
    """Every page of every model in the admin: list, each row's own, its history, its deletion."""
    yield "/admin/"
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_add")
        for row in model._base_manager.all():
            for page in ("change", "history", "delete"):
                yield reverse(f"{name}_{page}", args=[row.pk])


@pytest.mark.threat("H05")
def test_no_page_of_any_model_shows_a_secret_or_its_ciphertext(everything):
    kept = [*Token.objects.values_list("access_token", "refresh_token")]
    kept += Revocation.objects.values_list("access_token", "refresh_token")
    envelopes = [envelope for pair in kept for envelope in pair]
    looked_at = 0

    for page in pages():
        answer = everything.get(page)
        shown = answer.content.decode()
        assert not [secret for secret in (*SECRETS, *envelopes) if secret in shown], page
        looked_at += answer.status_code == 200

    assert len(envelopes) == 4
    assert looked_at > 15
    assert Token not in admin.site._registry


@pytest.mark.threat("H05")
@pytest.mark.parametrize("model", ["linkedaccount", "revocation"])
@pytest.mark.parametrize(
    "query",
    ["q=gho_1", "token__access_token__startswith=v1", "access_token__startswith=v1", "o=99", "_facets=True"],
)
def test_nobody_is_found_by_a_secret(everything, model, query):
    answer = everything.get(f"/admin/oauth_login/{model}/?{query}")

    assert answer.status_code in {200, 302, 400}
    assert "v1" not in re.sub(r'value="[^"]*"|href="[^"]*"', "", answer.content.decode())


@pytest.mark.threat("H05")
@pytest.mark.parametrize(
    ("model", "lookup", "status"),
    [
        ("revocation", "access_token", 302),
        ("revocation", "access_token__startswith", 302),
        ("revocation", "refresh_token__gt", 302),
        ("linkedaccount", "token__access_token__startswith", 400),
        ("signin", "sid", 400),
        ("signin", "sid__startswith", 400),
        ("signin", "session__startswith", 400),
        ("signin", "account__token__access_token__startswith", 400),
    ],
)
@pytest.mark.parametrize("guess", ["v1", "wrong"])
def test_no_url_tells_how_a_secret_begins(everything, model, lookup, status, guess):
    answer = everything.get(f"/admin/oauth_login/{model}/", {lookup: guess})

    assert answer.status_code == status
    assert answer.headers.get("Location", "?e=1").endswith("?e=1")


@pytest.mark.threat("H05")
def test_what_is_to_be_withdrawn_can_be_looked_at_only(everything, revoking):
    row = Revocation.objects.get()
    page = reverse("admin:oauth_login_revocation_change", args=[row.pk])

    assert "provider_unavailable" in everything.get(page).content.decode()
    assert everything.post(page, {"reason": "x"}).status_code == 403
    assert everything.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert everything.get("/admin/oauth_login/revocation/add/").status_code == 403


@pytest.mark.threat("H05", "H06")
def test_what_is_dumped_is_ciphertext(everything, capsys):
    call_command("dumpdata", "oauth_login")

    dumped = capsys.readouterr().out
    secrets = [row["fields"]["access_token"] for row in json.loads(dumped) if "access_token" in row["fields"]]
    assert [secret[:2] for secret in secrets] == ["v1", "v1"]
    assert not any(secret in dumped for secret in SECRETS)


def test_the_list_says_how_each_token_is_doing(person, owner):
    person()
    page = signed_in(owner).get(ACCOUNTS).content.decode()

    assert '<td class="field-token_health">fresh</td>' in page


def test_the_page_of_an_account_says_what_is_kept_under_which_key_and_until_when(person, owner):
    account = person()
    Token.objects.update(expires_at=datetime(2030, 1, 2, tzinfo=UTC), reason="provider_timeout")
    key = Token.objects.get().access_token.envelope[2:10]

    page = signed_in(owner).get(f"{ACCOUNTS}{account.pk}/change/").content.decode()

    for shown in ("fresh", "access token, refresh token", "Jan. 2, 2030", "provider_timeout", key):
        assert f'<div class="readonly">{shown}' in page


def test_an_account_without_a_token_says_so(person, owner):
    account = person()
    account.token.delete()

    page = signed_in(owner).get(f"{ACCOUNTS}{account.pk}/change/").content.decode()

    assert '<div class="readonly">none kept' in page


@pytest.mark.parametrize("health", ["fresh", "expiring", "sign_in", "revoked", "none", "x"])
def test_accounts_are_found_by_how_their_token_is_doing(person, owner, health):
    accounts = {name: person() for name in ("fresh", "expiring", "sign_in", "revoked", "none")}
    over = datetime.now(UTC) - timedelta(seconds=1)
    Token.objects.filter(pk=accounts["expiring"].pk).update(expires_at=over)
    Token.objects.filter(pk=accounts["sign_in"].pk).update(state="reauthorize")
    Token.objects.filter(pk=accounts["revoked"].pk).update(state="revoked")
    accounts["none"].token.delete()

    answer = signed_in(owner).get(f"{ACCOUNTS}?health={health}")

    found = {account.pk for account in answer.context["cl"].result_list}
    everybody = {account.pk for account in accounts.values()}
    assert found == ({accounts[health].pk} if health in accounts else everybody)


# --- Renewing ---------------------------------------------------------------------------------------------


def test_tokens_are_renewed_now_and_that_is_logged(person, revoking, owner, act):
    account = person()

    assert act(signed_in(owner), "renew_tokens", account) == ["1 token was renewed."]

    assert revoking.refreshed == ["ghr_1"]
    assert Token.objects.get().access_token.reveal() == "gho_renewed"
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.change_message) == (str(account.pk), "Its token was renewed.")


def test_one_answer_that_is_none_says_nothing_of_the_next(person, revoking, owner, act):
    accounts = [person(), person()]
    answers = [{"access_token": 7}, revoking.renews]
    revoking.renews = lambda _: answers.pop(0)

    told = act(signed_in(owner), "renew_tokens", *accounts)

    assert told == ["1 token was renewed.", "1 token of ghe was not renewed: token_type_unsupported"]


def test_one_client_that_is_gone_says_nothing_of_another_of_its_server(person, owner, act, settings):
    accounts = first, _there, last = person(), person(), person()
    Token.objects.filter(pk__in=[first.pk, last.pk]).update(provider="gone")
    providers = settings.OAUTH_LOGIN["PROVIDERS"]
    other = providers["ghe"] | {"CLIENT_ID": "another-client"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": providers | {"other": other}}

    told = act(signed_in(owner), "renew_tokens", *accounts)

    assert told == ["1 token was renewed.", "2 tokens of ghe were not renewed: settings_invalid"]


def test_what_cannot_be_renewed_is_told_by_provider_and_code(person, owner, act):
    renewable, final, gone = (
        person(),
        person(refresh_token=""),
        person(provider="gone", issuer="https://gone.example"),
    )

    told = act(signed_in(owner), "renew_tokens", renewable, final, gone)

    assert told == [
        "1 token was renewed.",
        "1 token of gone was not renewed: settings_invalid",
        "1 token of ghe was not renewed: reauthorization_required",
    ]
    assert Token.objects.get(pk=final.pk).state == "active"


def test_a_provider_that_fails_is_asked_once_and_named(person, revoking, owner, act):
    accounts = [person() for _ in range(3)]
    revoking.renews = fails()

    assert act(signed_in(owner), "renew_tokens", *accounts) == [
        "3 tokens of ghe were not renewed: provider_unavailable"
    ]
    assert len(revoking.requests) == 1


def test_a_mistake_in_a_class_of_the_sites_own_is_a_provider_that_fails(
    person, owner, act, settings, monkeypatch
):
    monkeypatch.setitem(providers.KINDS, "buggy", f"{ForgetsWithABug.__module__}.ForgetsWithABug")
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["PRESET"] = "buggy"

    assert act(signed_in(owner), "renew_tokens", person()) == [
        "1 token of ghe was not renewed: settings_invalid"
    ]


def test_there_is_an_end_to_it_and_what_remains_is_told(person, revoking, owner, act, monkeypatch):
    accounts = [person() for _ in range(2)]
    monkeypatch.setattr(transport, "DEADLINE", 0.0)

    assert act(signed_in(owner), "renew_tokens", *accounts) == [
        "2 tokens of ghe were not renewed: no_time_left"
    ]
    assert revoking.requests == []


# --- Withdrawing ------------------------------------------------------------------------------------------


def test_grants_are_withdrawn_and_that_is_logged(person, revoking, owner, act):
    account, without = person(), person("", "")

    assert act(signed_in(owner), "withdraw_grants", account, without) == [
        "1 grant was withdrawn.",
        "1 account has no grant that this site could withdraw.",
    ]

    assert revoking.revoked == ["gho_1"]
    assert LinkedAccount.objects.get(pk=account.pk).health == "revoked"
    assert set(LogEntry.objects.values_list("object_id", "change_message")) == {
        (str(account.pk), "Its grant was withdrawn."),
        (str(without.pk), "Its grant was withdrawn."),
    }


@pytest.mark.parametrize("action", ["withdraw_grants", "delete_selected"])
def test_a_provider_that_is_down_is_told_of(person, revoking, owner, act, action):
    revoking.says = fails()
    accounts = [person() for _ in range(3)]

    told = act(signed_in(owner), action, *accounts)

    assert told[-1] == "3 grants remain to be withdrawn when their providers answer: see the revocations."
    assert len(revoking.requests) == 1


@pytest.mark.parametrize(
    ("codename", "actions"),
    [
        ("change_token", {"renew_tokens"}),
        ("delete_token", {"withdraw_grants"}),
        ("delete_linkedaccount", {"delete_selected"}),
    ],
)
def test_each_action_takes_a_permission(person, revoking, act, codename, actions):
    account = person()
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(
        Permission.objects.filter(
            codename__in=["view_linkedaccount", codename], content_type__app_label="oauth_login"
        )
    )
    client = signed_in(staff)

    page = client.get(ACCOUNTS).content.decode()

    assert set(re.findall(r'<option value="(\w+)">', page)) == actions
    for action in {"renew_tokens", "withdraw_grants"} - actions:
        act(client, action, account)
    assert revoking.requests == []
    assert Token.objects.get().state == "active"
