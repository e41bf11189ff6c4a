"""The sandbox: every situation of a real sign-in without a provider, as strict as one, in DEBUG only."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from oauth_login import conf
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.oauth2 import code_challenge
from oauth_login.sandbox.back_channel import InProcessAdapter
from oauth_login.sandbox.github import GitHubFlavour
from oauth_login.sandbox.personas import PERSONAS

HOST = "https://github.sandbox.invalid"
ISSUER = f"{HOST}/login/oauth"
CALLBACK = "http://testserver/oauth2/github/callback/"
PAGE = "/oauth2/sandbox/github/authorize/"
VERIFIER = "v" * 43


@pytest.fixture(autouse=True)
def sandbox(settings):
    """A new project: DEBUG, and a provider that nobody has registered yet."""
    settings.DEBUG = True
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {}}, "SANDBOX": True}
    cache.clear()
    yield
    cache.clear()


def sign_in_as(visitor, persona, **fields):
    """Walk from the button over the sandbox's page to the callback; return the callback's answer."""
    location = visitor.start(**fields)["Location"]
    assert visitor.get(location).status_code == 200
    back = visitor.post(location, {"persona": persona})["Location"]
    assert back.startswith(CALLBACK)
    return visitor.get(back)


def reasons(answer):
    """Return the error that the sandbox's page of refusal names, and why."""
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    return answer.context["refused"].error, answer.context["refused"].description


# --- Who one can be ------------------------------------------------------------------------------------


def test_the_first_sign_in_needs_no_registration(visitor):
    leaving = visitor.start(next="/where/")
    assert leaving["Location"].startswith(f"{PAGE}?")

    page = visitor.get(leaving["Location"]).content.decode()
    assert "this is not GitHub" in page
    assert "read:user user:email" in page
    for persona in PERSONAS.values():
        assert f'name="persona" value="{persona.key}"' in page
        assert str(persona.description) in page
        assert f"/static/oauth_login/sandbox/{persona.key}.svg" in page

    answer = visitor.get(visitor.post(leaving["Location"], {"persona": "octocat"})["Location"])
    assert (answer.status_code, answer["Location"]) == (302, "/where/")


@pytest.mark.parametrize(
    ("persona", "username", "name", "email", "verified"),
    [
        ("octocat", "octocat", "The Octocat", "octocat@example.com", True),
        ("hubot", "hubot", "Hubot", "hubot@example.com", True),
        ("private", "quiet-visitor", "", "quiet@example.com", True),
        ("unverified", "unverified-visitor", "Not Verified", "", False),
    ],
)
def test_each_persona_is_a_situation_that_a_site_should_have_seen(
    visitor, persona, username, name, email, verified
):
    sign_in_as(visitor, persona)

    account = visitor.user.linked_accounts.get()
    assert visitor.user.get_username() == account.username == username
    assert account.name == name
    assert visitor.user.email == account.email == email  # never one that is not verified (F06)
    assert account.email_verified is verified
    assert account.picture == f"/static/oauth_login/sandbox/{persona}.svg"
    assert account.profile_url == PERSONAS[persona].profile
    assert not visitor.user.has_usable_password()
    assert not visitor.user.is_staff


def test_no_page_leads_to_a_host_that_cannot_exist(visitor):
    location = visitor.start()["Location"]
    answers = [visitor.get(location), visitor.get("/oauth2/login/")]
    sign_in_as(visitor, "octocat")

    for answer in (*answers, visitor.get("/oauth2/")):
        assert ".invalid" not in answer.content.decode()


def test_a_persona_who_comes_back_is_the_same_user(visitor, new_visitor):
    sign_in_as(visitor, "octocat")
    other_browser = new_visitor()
    sign_in_as(other_browser, "octocat")

    assert visitor.user == other_browser.user


def test_a_newcomer_is_somebody_new_every_time(new_visitor):
    first, second = new_visitor(), new_visitor()
    for visitor in (first, second):
        assert sign_in_as(visitor, "newcomer").status_code == 302

    assert first.user != second.user
    assert get_user_model().objects.count() == 2
    assert {user.email.partition("@")[2] for user in get_user_model().objects.all()} == {"example.com"}
    assert all(user.get_username().startswith("newcomer-") for user in get_user_model().objects.all())


def test_saying_no_ends_calmly(visitor):
    location = visitor.start(next="/where/")["Location"]

    back = visitor.post(location, {"persona": "deny"})["Location"]

    answered = dict(parse_qsl(urlsplit(back).query))
    assert answered["error"] == "access_denied"
    assert "code" not in answered
    assert visitor.get(back)["Location"] == "/oauth2/login/?next=/where/&denied=1"
    assert visitor.user is None


@pytest.mark.parametrize("persona", ["", "nobody", "OCTOCAT"])
def test_nobody_can_be_somebody_who_is_not_there(visitor, persona):
    location = visitor.start()["Location"]

    assert visitor.post(location, {"persona": persona}).status_code == 404


def test_with_another_scope_no_address_is_given_away(visitor, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": {"SCOPE": "read:user"}}, "SANDBOX": True}

    assert sign_in_as(visitor, "octocat").status_code == 302
    assert visitor.user.email == ""
    assert visitor.user.linked_accounts.get().scope == "read:user"


def test_another_alias_is_another_provider(visitor, settings):
    ours = {"PRESET": "github", "LABEL": "Our <own>"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"our_own": ours, "github": {}}, "SANDBOX": True}
    location = visitor.start("our_own")["Location"]
    page = visitor.get(location).content.decode()

    assert "this is not Our &lt;own&gt;" in page
    assert visitor.get(visitor.post(location, {"persona": "octocat"})["Location"]).status_code == 302
    assert LinkedAccount.objects.get().issuer == "https://our.own.sandbox.invalid/login/oauth"
    # A code of one is worth nothing at the other.
    code = authorize("github")["code"]
    assert (
        exchange(GitHubFlavour("https://our.own.sandbox.invalid"), code=code)["error"]
        == "bad_verification_code"
    )
    assert exchange(code=code)["token_type"] == "bearer"


# --- When there is none ----------------------------------------------------------------------------------


@pytest.mark.threat("L03")
@pytest.mark.parametrize(
    "change",
    [
        {"DEBUG": False},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {}}, "SANDBOX": False}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {}}}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {}}, "SANDBOX": "yes"}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {"CLIENT_ID": "x", "CLIENT_SECRET": "y"}}, "SANDBOX": True}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {"CLIENT_ID": "x"}}, "SANDBOX": True}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": {"CLIENT_SECRET": "y"}}, "SANDBOX": True}},
        {"OAUTH_LOGIN": {"PROVIDERS": {}, "SANDBOX": True}},
        {"OAUTH_LOGIN": {"PROVIDERS": {"github": None}, "SANDBOX": True}},
    ],
    ids=[
        "DEBUG off",
        "off",
        "not said",
        "not True",
        "credentials",
        "id only",
        "secret only",
        "none",
        "no dict",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_in_any_other_case_there_is_no_sandbox(new_visitor, settings, change, method):
    visitor = new_visitor(raise_request_exception=False)
    location = visitor.start()["Location"]
    for name, value in change.items():
        setattr(settings, name, value)

    for page in (location, "/oauth2/sandbox/github/grants/"):
        assert getattr(visitor, method)(page, {"persona": "octocat"}).status_code == 404


@pytest.mark.threat("L03")
def test_outside_debug_the_sandbox_is_a_mistake_and_the_start_is_closed(visitor, settings):
    settings.DEBUG = False

    with pytest.raises(SystemCheckError, match=r"oauth_login\.E011"):
        call_command("check")
    assert visitor.start().status_code == 503


@pytest.mark.threat("L03")
def test_a_sandboxed_attempt_is_not_finished_once_the_sandbox_is_off(visitor, settings):
    location = visitor.start()["Location"]
    back = visitor.post(location, {"persona": "octocat"})["Location"]
    settings.DEBUG = False

    assert visitor.get(back).status_code == 503
    credentials = {"CLIENT_ID": "client-id", "CLIENT_SECRET": "client-secret"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": credentials}}
    answer = visitor.get(back)
    assert (answer.status_code, answer.context["code"]) == (400, "provider_changed")
    assert visitor.user is None
    assert SignIn.objects.count() == 0


# --- The front door is strict --------------------------------------------------------------------------


def request(**changes):
    """Return a good authorization request as a URL, changed; None leaves a parameter out."""
    asked = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": CALLBACK,
        "scope": "read:user user:email",
        "state": "s",
        "code_challenge": code_challenge(VERIFIER),
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{PAGE}?{urlencode({name: value for name, value in asked.items() if value is not None})}"


def test_a_good_request_is_answered_with_its_own_state_and_the_sandboxes_name(visitor):
    for answer in ("octocat", "deny"):
        back = visitor.post(request(state="a b&c=d"), {"persona": answer})["Location"]

        answered = parse_qs(urlsplit(back).query)
        assert answered["state"] == ["a b&c=d"]
        assert answered["iss"] == [ISSUER]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "another"}, "unknown_client"),
        ({"client_id": None}, "unknown_client"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": f"{CALLBACK}deeper/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK.rstrip("/")}, "redirect_uri_mismatch"),
        ({"redirect_uri": f"{CALLBACK}?x=y"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_a_bad_request_is_refused_without_a_redirect(visitor, method, changes, error):
    answer = getattr(visitor, method)(
        request(**changes), {"persona": "octocat"} if method == "post" else None
    )

    assert reasons(answer)[0] == error


def test_a_repeated_parameter_is_refused(visitor):
    assert reasons(visitor.get(f"{request()}&state=again"))[0] == "invalid_request"


# --- The back door is, too --------------------------------------------------------------------------------


def authorize(alias="github", persona="octocat", scope="read:user user:email", **changes):
    """Return what the sandbox's answer to the browser carries."""
    flavour = GitHubFlavour(f"https://{alias}.sandbox.invalid")
    query = dict(parse_qsl(urlsplit(request(scope=scope, **changes)).query))
    authorization = flavour.server.authorize({name: [value] for name, value in query.items()}, CALLBACK)
    return dict(parse_qsl(urlsplit(flavour.server.approve(authorization, PERSONAS[persona])).query))


def exchange(flavour=None, accept="application/json", **changes):
    """Redeem a code as ``requests`` does; return the JSON, or the response if it is none."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    response = over_http(
        "POST",
        "/login/oauth/access_token",
        flavour,
        data={name: value for name, value in form.items() if value is not None},
        headers={"Accept": accept} if accept else {},
    )
    return response.json() if accept else response


def over_http(method, path, flavour=None, headers=None, **kwargs):
    """Send a request to the sandbox's servers through the library that the site uses."""
    flavour = flavour or GitHubFlavour(HOST)
    with requests.Session() as session:
        session.headers.clear()
        session.mount(flavour.base_url, InProcessAdapter(flavour))
        return session.request(
            method, f"{flavour.base_url}{path}", headers={"User-Agent": "tests", **(headers or {})}, **kwargs
        )


def test_a_code_is_worth_one_token(visitor):
    code = authorize()["code"]

    answer = exchange(code=code)
    assert answer["token_type"] == "bearer"
    assert answer["scope"] == "read:user,user:email"  # as GitHub separates them
    assert exchange(code=code) == {
        "error": "bad_verification_code",
        "error_description": "The code was used before.",
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_secret": None}, "incorrect_client_credentials"),
        ({"client_secret": "é"}, "incorrect_client_credentials"),
        ({"client_id": "wrong"}, "incorrect_client_credentials"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"code": "made-up"}, "bad_verification_code"),
        ({"code": None}, "bad_verification_code"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
        ({"code_verifier": "w" * 43}, "bad_verification_code"),
        ({"code_verifier": None}, "bad_verification_code"),
    ],
)
def test_a_wrong_token_request_is_an_error_with_status_200_and_uses_nothing_up(changes, error):
    code = authorize()["code"]

    assert exchange(**{"code": code, **changes})["error"] == error
    assert "access_token" in exchange(code=code)


def test_a_code_lives_ten_minutes():
    with time_machine.travel(1_790_000_000, tick=False) as clock:
        code = authorize()["code"]
        clock.shift(601)

        assert exchange(code=code)["error_description"] == "The code is incorrect or expired."


def test_without_asking_for_json_the_answer_is_a_form():
    response = exchange(accept=None, code=authorize()["code"])

    assert response.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert parse_qs(response.text)["token_type"] == ["bearer"]
    refused = exchange(accept=None, code="made-up")
    assert refused.status_code == 200
    assert parse_qs(refused.text)["error"] == ["bad_verification_code"]


def test_a_token_is_good_for_eight_hours_as_a_bearer_token_at_this_provider_only():
    with time_machine.travel(1_790_000_000, tick=False) as clock:
        token = exchange(code=authorize()["code"])["access_token"]

        def status(authorization, flavour=None):
            headers = {"Authorization": authorization} if authorization else None
            return over_http("GET", "/api/v3/user", flavour, headers=headers).status_code

        assert status(f"Bearer {token}") == 200
        assert status(f"Bearer {token}", GitHubFlavour("https://another.sandbox.invalid")) == 401
        assert status(f"Basic {token}") == status(token) == status("Bearer x") == status("") == 401
        clock.shift(8 * 3600 + 1)
        assert status(f"Bearer {token}") == 401


def test_the_api_answers_as_githubs_does():
    code = authorize(persona="private")["code"]
    headers = {"Authorization": f"Bearer {exchange(code=code)['access_token']}"}

    user = over_http("GET", "/api/v3/user", headers=headers).json()
    assert (user["id"], user["login"], user["name"], user["email"]) == (1024025, "quiet-visitor", None, None)
    emails = over_http("GET", "/api/v3/user/emails", headers=headers).json()
    assert [(entry["email"], entry["primary"], entry["visibility"]) for entry in emails] == [
        ("quiet@example.com", True, "private"),
        ("1024025+quiet-visitor@users.noreply.github.com", False, None),
    ]
    assert over_http("GET", "/api/v3/nothing", headers=headers).status_code == 404
    assert over_http("POST", "/api/v3/user", headers=headers).status_code == 404
    nameless = over_http("GET", "/api/v3/user", headers=headers | {"User-Agent": ""})
    assert nameless.status_code == 403


def test_without_the_scope_the_addresses_are_not_there():
    token = exchange(code=authorize(scope="read:user")["code"])["access_token"]

    headers = {"Authorization": f"Bearer {token}"}
    assert over_http("GET", "/api/v3/user/emails", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("persona", "path", "status"),
    [
        ("octocat", "memberships/orgs/acme", 200),
        ("octocat", "memberships/orgs/ACME", 200),
        ("octocat", "memberships/orgs/other", 404),
        ("hubot", "memberships/orgs/acme", 404),
        ("hubot", "memberships/orgs/", 404),
        ("octocat", "teams", 200),
        ("hubot", "teams", 200),
    ],
)
def test_organisations_and_teams_are_shown_to_whoever_may_see_them(persona, path, status):
    def answer(scope):
        token = exchange(code=authorize(persona=persona, scope=scope)["code"])["access_token"]
        return over_http("GET", f"/api/v3/user/{path}", headers={"Authorization": f"Bearer {token}"})

    assert answer("user:email read:org").status_code == status
    blind = answer("user:email")
    assert (blind.status_code, blind.headers["X-Accepted-OAuth-Scopes"][:8]) == (403, "read:org")


def with_teams(settings, **rules):
    options = {"SCOPE": "read:user read:org"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": options}, **rules}


@pytest.mark.parametrize(("persona", "names"), [("octocat", ["Editors"]), ("hubot", [])])
def test_groups_by_teams_can_be_tried_out(visitor, settings, persona, names):
    Group.objects.create(name="Editors")
    rules = {"TEAMS": True, "GROUPS": {"acme/editors": "Editors"}, "STAFF": ["acme/admins"]}
    with_teams(settings, MEMBERSHIPS={"github": rules})
    sign_in_as(visitor, persona)

    assert list(visitor.user.groups.values_list("name", flat=True)) == names
    assert visitor.user.is_staff == bool(names)


@pytest.mark.parametrize(("persona", "names"), [("octocat", ["Editors"]), ("hubot", [])])
def test_groups_by_a_claim_can_be_tried_out(visitor, settings, persona, names):
    Group.objects.create(name="Editors")
    options = {"ISSUER": "https://op.example", "KEEP_CLAIMS": ["groups", "amr", "sub"]}
    rules = {"CLAIM": "groups", "GROUPS": {"editors": "Editors"}}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"acme": options}, "MEMBERSHIPS": {"acme": rules}, "SANDBOX": True}
    location = visitor.start("acme")["Location"]
    visitor.get(visitor.post(location, {"persona": persona})["Location"])

    assert list(visitor.user.groups.values_list("name", flat=True)) == names
    assert LinkedAccount.objects.get().claims.keys() == {"groups", "sub"}


@pytest.mark.threat("L03")
def test_nobody_who_signed_in_here_can_be_anybody_there(visitor, new_visitor, github, settings):
    sign_in_as(visitor, "octocat")
    settings.DEBUG = False
    settings.OAUTH_LOGIN = {
        "PROVIDERS": {
            "github": {"CLIENT_ID": "client-id-of-the-tests", "CLIENT_SECRET": "client-secret-of-the-tests"}
        },
    }
    github.emails = []
    real = new_visitor()
    real.sign_in(github)  # the same id, at the real provider

    assert real.user != visitor.user
    issuers = set(LinkedAccount.objects.values_list("issuer", flat=True))
    assert issuers == {ISSUER, "https://github.com/login/oauth"}
    assert urlsplit(ISSUER).hostname is not None
    assert re.search(r"\.invalid$", urlsplit(ISSUER).hostname or "")  # RFC 2606: never anybody's


@pytest.mark.threat("L03")
def test_no_request_of_the_sandbox_leaves_the_process(visitor, github):
    assert sign_in_as(visitor, "octocat").status_code == 302

    assert github.requests == []


def test_the_sandbox_checks_the_sites_pkce_and_the_site_the_sandboxes_answers(visitor):
    location = visitor.start()["Location"]
    back = visitor.post(location, {"persona": "octocat"})["Location"]
    stolen = authorize()["code"]  # bound to another verifier
    forged = dict(parse_qsl(urlsplit(back).query)) | {"code": stolen}

    answer = visitor.come_back(forged)

    assert (answer.status_code, answer.context["code"]) == (400, "code_rejected")


def test_the_sandboxed_provider_is_the_real_class_with_other_servers():
    provider = conf.provider("github")

    assert (provider.server.issuer, provider.label) == (ISSUER, "GitHub")
    assert provider.server.authorization_endpoint == PAGE
    assert replace(provider, alias="x").alias == "x"
    assert "sandbox-secret" not in repr(provider)


def test_a_sandboxed_provider_whose_preset_is_not_known_has_no_page(visitor, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {"ours": {"PRESET": "githup"}}, "SANDBOX": True}

    assert visitor.get("/oauth2/sandbox/ours/authorize/").status_code == 404
