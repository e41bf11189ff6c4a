"""Providers that are nothing but settings: a company's own, and whatever else settings can say."""

import gzip
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login import conf
from oauth_login.answers import Answer
from oauth_login.causes import CAUSES
from oauth_login.errors import OAuthLoginError, ProviderResponseError
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers import claims
from oauth_login.providers.plain import OAuth2
from tests.oauth_login.http_server import HANG_UP, reply

pytestmark = pytest.mark.provider

TOKEN = {"access_token": "the-token", "token_type": "Bearer"}
FORM_TOKEN = b"access_token=the-token&token_type=bearer"
#: As the README says it, line by line.
FORGE = {
    "CLIENT_ID": "the-client",
    "CLIENT_SECRET": "the-secret",
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "USERINFO_ENDPOINT": "https://forge.example/user",
    "CLAIMS": {"sub": "id", "preferred_username": "login"},
}


class Site:
    """A site with one provider called forge, and that provider's server."""

    def __init__(self, server, visitor, settings):
        self.server, self.visitor, self.settings = server, visitor, settings
        self.say(token=TOKEN, user={"id": 7, "login": "mona"})
        self.define()

    def define(self, **changes):
        """Define the provider anew; what is ``...`` is left out."""
        options = {
            key: value.replace("https://forge.example", self.server.url) if isinstance(value, str) else value
            for key, value in {**FORGE, **changes}.items()
            if value is not ...
        }
        self.settings.OAUTH_LOGIN = {"PROVIDERS": {"forge": options}}

    def say(self, **answers):
        self.server.answers.update(
            {f"/{place}": answer if callable(answer) else reply(answer) for place, answer in answers.items()}
        )

    def sign_in(self, **callback):
        self.asked = dict(parse_qsl(urlsplit(self.visitor.start("forge")["Location"]).query))
        return self.visitor.come_back({"code": "c", **callback, "state": self.asked["state"]}, "forge")

    def requests(self, path):
        return [request for request in self.server.requests if urlsplit(request.path).path == path]


@pytest.fixture
def site(servers, visitor, settings, unlimited):
    return Site(servers(), visitor, settings)


def code_of(answer):
    assert answer.status_code == CAUSES[answer.context["code"]].status
    return answer.context["code"]


@pytest.mark.threat("F05")
def test_a_company_server_is_a_few_settings(site, new_visitor):
    assert site.sign_in().status_code == 302
    mona = LinkedAccount.objects.get()
    assert (mona.provider, mona.issuer, mona.subject) == ("forge", site.server.url, "7")
    assert site.visitor.user.get_username() == "mona"
    assert site.asked["code_challenge_method"] == "S256"
    (asked,) = site.requests("/user")
    assert asked.headers["authorization"] == "Bearer the-token"

    site.say(user={"id": 7, "login": "mona-lisa"})
    site.visitor = new_visitor()
    site.sign_in()
    assert LinkedAccount.objects.get().user == mona.user  # renamed, and the same person

    site.say(user={"id": 8, "login": "mona"})
    site.visitor = new_visitor()
    site.sign_in()
    assert LinkedAccount.objects.count() == 2  # who took the name, is somebody else


@pytest.mark.django_db
def test_its_button_bears_its_label(client, site):
    site.define()
    assert "Sign in with Forge" in client.get("/oauth2/login/").content.decode()
    site.define(LABEL="The forge")
    assert "Sign in with The forge" in client.get("/oauth2/login/").content.decode()


def test_an_issuer_is_the_namespace_and_what_iss_has_to_be(site):
    site.define(ISSUER="https://sso.example")

    assert code_of(site.sign_in(iss="https://other.example")) == "issuer_mismatch"
    assert site.sign_in(iss="https://sso.example").status_code == 302
    assert LinkedAccount.objects.get().issuer == "https://sso.example"


def test_without_an_issuer_nobody_knows_what_iss_should_be(site):
    assert site.sign_in(iss="https://whatever.example").status_code == 302


def test_a_token_answer_is_a_form_where_the_settings_say_so(site):
    site.define(TOKEN_ANSWER="form")
    site.say(token=b"access_token=the-token&token_type=bearer&expires_in=3600&scope=")

    assert site.sign_in().status_code == 302


@pytest.mark.threat("D17")
@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"access_token",
        b"access_token=a&access_token=b",
        b"access_token=%ff&token_type=bearer",
        b"access_token=\xff&token_type=bearer",
        b"&".join(b"a%d=1" % number for number in range(51)),
        b'{"access_token": "a", "token_type": "bearer"}',
    ],
    ids=lambda form: f"{form!a:.20}",
)
def test_a_form_is_read_to_the_letter(site, form):
    site.define(TOKEN_ANSWER="form")
    site.say(token=form)

    assert code_of(site.sign_in()) == "token_answer_invalid"


@pytest.mark.parametrize(
    "answer",
    [
        b'callback( {"access_token": "the-token", "token_type": "bearer"} );',
        b' _cb$1({"access_token": "the-token", "token_type": "bearer"})\n',
        b"access_token=the-token&token_type=bearer",
        b'{"access_token": "the-token", "token_type": "bearer"}',
    ],
    ids=lambda answer: f"{answer!a:.20}",
)
def test_any_is_json_a_form_or_a_callback(site, answer):
    site.define(TOKEN_ANSWER="any")
    site.say(token=answer)

    assert site.sign_in().status_code == 302


@pytest.mark.parametrize(
    "answer", [b'alert(1);callback({"a": 1});', b"callback(alert(1));", b"callback({});x", b"9({})"]
)
def test_what_only_looks_like_a_callback_is_refused(site, answer):
    site.define(TOKEN_ANSWER="any")
    site.say(token=answer)

    assert code_of(site.sign_in()) in {"json_invalid", "token_answer_invalid"}


def test_a_code_in_a_query_is_sent_once_even_if_the_line_breaks(site):
    site.define(TOKEN_REQUEST="query")
    site.say(token=lambda _: [HANG_UP])

    assert code_of(site.sign_in()) == "connection_failed"
    assert len(site.requests("/token")) == 1


@pytest.mark.threat("H07")
@pytest.mark.parametrize("place", ["token", "user"])
def test_secrets_that_a_server_repeats_do_not_reach_the_log(site, caplog, place):
    words = "the-secret and the-token and the-code are wrong"
    site.define(ERRORS={"fault": None})
    site.say(**{place: {"fault": 7, "message": words}})
    site.sign_in(code="the-code")

    assert "are wrong" in caplog.text
    assert "the-secret" not in caplog.text
    assert ("the-code" if place == "token" else "the-token") not in caplog.text


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"fault": 1}, "code_rejected"),
        ({"fault": 2}, "provider_misconfigured"),
        ({"fault": 3}, "provider_unavailable"),
        ({"fault": 4}, "provider_rate_limited"),
        ({"fault": "five"}, "profile_refused"),
        ({"fault": 6}, "token_answer_invalid"),
        ({"fault": True}, "token_answer_invalid"),
        ({"fault": [1]}, "token_answer_invalid"),
        ({"fault": 10**19}, "token_answer_invalid"),
        ({"fault": "invalid_grant"}, "code_rejected"),
        ({"fault": "server_error"}, "provider_unavailable"),
        ({"fault": "whatever"}, "provider_misconfigured"),
        ({"fault": 0, "error": "invalid_grant"}, "code_rejected"),
    ],
    ids=str,
)
def test_an_error_means_what_the_settings_say(site, said, code):
    site.define(
        ERRORS={"fault": 0},
        ERROR_CODES={
            1: "code_rejected",
            2: "provider_misconfigured",
            3: "provider_unavailable",
            4: "provider_rate_limited",
            "five": "profile_refused",
        },
    )
    site.say(token={**said, "message": "Because."})

    assert code_of(site.sign_in()) == code


def test_somebody_who_said_no_may_be_told_by_the_token_endpoint(site):
    site.define(ERROR_CODES={"no": "access_denied"})
    site.say(token={"error": "no"})

    answer = site.sign_in()
    assert (answer.status_code, site.visitor.user) == (302, None)
    assert answer["Location"].startswith("/oauth2/login/")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"code=100020&msg=code+is+reused", "code_rejected"),
        (b"error=100019&error_description=x", "code_rejected"),
        (b"error=slow&error_description=x", "provider_rate_limited"),
        (b'{"error": "100019"}', "code_rejected"),
        (b'{"error": 100019, "code": 0}', "code_rejected"),
        (b'{"error": "7"}', "provider_misconfigured"),
        (b'{"error": 7}', "provider_misconfigured"),
    ],
    ids=repr,
)
def test_a_number_is_the_same_error_as_text(site, said, code):
    known = {100019: "code_rejected", 100020: "code_rejected", "slow": "provider_rate_limited"}
    site.define(
        TOKEN_ANSWER="any",
        ERRORS={"error": None, "code": None},
        ERROR_CODES={**known, "7": "provider_misconfigured"},
    )
    site.say(token=said)

    assert code_of(site.sign_in()) == code


@pytest.mark.parametrize("said", [b"%s&ret=0&ok=yes" % FORM_TOKEN, b"%s&ok=yes" % FORM_TOKEN])
def test_a_form_says_in_text_that_all_is_well(site, said):
    site.define(TOKEN_ANSWER="form", ERRORS={"ret": 0, "ok": "yes"})
    site.say(token=said, user={"id": 7, "ret": 0, "ok": "yes"})

    assert site.sign_in().status_code == 302


@pytest.mark.parametrize(
    ("well", "ok", "status"),
    [(True, True, 302), (True, 1, 502), (True, "True", 502), (True, False, 502), ("True", True, 502)],
    ids=repr,
)
def test_a_flag_that_says_that_all_is_well_is_that_flag(site, well, ok, status):
    site.define(ERRORS={"ok": well})
    site.say(user={"id": 7, "ok": ok})

    assert site.sign_in().status_code == status


def test_no_error_is_what_says_that_all_is_well(site):
    site.define(ERRORS={"fault": 0, "status.code": "ok"})
    site.say(
        token={**TOKEN, "fault": 0},
        user={"id": 7, "fault": 0, "status": {"code": "ok"}},
    )

    assert site.sign_in().status_code == 302


@pytest.mark.threat("F01")
@pytest.mark.parametrize("value", [0.0, False, "00", "", [0]], ids=repr)
def test_what_only_equals_it_in_python_is_an_error(site, value):
    site.define(ERRORS={"fault": 0})
    site.say(user={"id": 7, "fault": value})

    assert code_of(site.sign_in()) == "profile_refused"


@pytest.mark.parametrize("client", ["another-client", None, 7, ["the-client"]], ids=str)
def test_a_token_of_another_client_is_refused(site, client):
    site.define(
        IDENTITY_ENDPOINT="https://forge.example/me",
        IDENTITY_CLIENT="client.id",
        USERINFO_PARAMS={"id": "{identity.id}"},
    )
    site.say(me={"id": "7", "client": {"id": client}})

    assert code_of(site.sign_in()) == "token_audience_wrong"
    assert site.requests("/user") == []


def test_an_identity_step_may_say_no_more_than_an_id(site):
    site.define(
        IDENTITY_ENDPOINT="https://forge.example/me",
        USERINFO_ENDPOINT=...,
        CLAIMS={"sub": "identity.id"},
    )
    site.say(me={"id": "7"})

    assert site.sign_in().status_code == 302
    assert LinkedAccount.objects.get().subject == "7"


@pytest.mark.threat("F01")
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"uid": "7", "who": {"id": 7}}, ""),
        ({"uid": 7, "who": {"id": "7"}}, ""),
        ({"uid": "7", "who": {"id": "8"}}, "userinfo_of_another"),
        ({"uid": "7", "who": {"id": None}}, "userinfo_of_another"),
        ({"uid": "7", "who": {"id": [7]}}, "userinfo_of_another"),
        ({"uid": "7"}, "userinfo_of_another"),
        ({"uid": None, "who": {"id": ""}}, "profile_refused"),
        ({}, "profile_refused"),
    ],
    ids=str,
)
def test_a_profile_repeats_whose_it_is_where_the_settings_say_so(site, rows, told, code):
    site.define(USERINFO_ROOT="data", USERINFO_MATCHES={"who.id": "{token.uid}"})
    site.say(token={**TOKEN, "uid": told.get("uid")}, user={"data": {"id": 7, **told}})
    answer = site.sign_in()

    assert answer.status_code == 302 if not code else code_of(answer) == code
    assert rows() == ((1, 1, 1) if not code else (0, 0, 0))


def test_a_profile_cannot_pretend_to_be_the_answers_before_it(site):
    site.define(CLAIMS={"sub": "token.uid"})
    site.say(token={**TOKEN, "uid": "7"}, user={"token": {"uid": "8"}, "identity": {"uid": "9"}})

    site.sign_in()
    assert LinkedAccount.objects.get().subject == "7"


def test_a_listed_address_is_verified_only_by_what_it_says(site):
    listed = [{"email": "a@example.com", "ok": False}, {"email": "b@example.com", "ok": True}]
    site.define(EMAILS_ENDPOINT="https://forge.example/emails", EMAILS_WHERE={"ok": True})
    site.say(emails=listed)
    site.sign_in()
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("b@example.com", True)


def test_a_list_that_says_nothing_of_addresses_proves_none(site):
    site.define(EMAILS_ENDPOINT="https://forge.example/emails")
    site.say(emails=[{"email": "a@example.com"}])
    site.sign_in()
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("a@example.com", False)


@pytest.mark.parametrize("value", [1, "true", [1], None], ids=repr)
def test_a_list_proves_an_address_by_the_very_value_that_is_wanted(site, value):
    site.define(EMAILS_ENDPOINT="https://forge.example/emails", EMAILS_WHERE={"verified": True})
    site.say(emails=[{"email": "a@example.com", "verified": value}])
    site.sign_in()
    assert LinkedAccount.objects.get().email == ""


def test_a_version_may_be_a_header(site):
    site.define(USERINFO_HEADERS={"X-Version": "2026-01-01"}, USERINFO_TOKEN="header:X-Token")
    site.sign_in()

    (asked,) = site.requests("/user")
    assert (asked.headers["x-version"], asked.headers["x-token"]) == ("2026-01-01", "the-token")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("carrier", "sent"),
    [
        ("Bearer", ("GET", {}, "")),
        ("header:X-Token", ("GET", {}, "")),
        ("query:t", ("GET", {"t": "the-token"}, "")),
        ("form:t", ("POST", {}, "t=the-token")),
    ],
)
def test_every_endpoint_is_asked_with_the_headers_and_the_token_where_it_belongs(site, carrier, sent):
    site.define(
        USERINFO_HEADERS={"X-Version": "2026-01-01"},
        USERINFO_TOKEN=carrier,
        IDENTITY_ENDPOINT="https://forge.example/identity",
        EMAILS_ENDPOINT="https://forge.example/emails",
    )
    site.say(identity={}, emails=[])
    site.sign_in()

    for place in ("identity", "user", "emails"):
        (asked,) = site.requests(f"/{place}")
        assert asked.headers["x-version"] == "2026-01-01"
        assert (asked.method, dict(parse_qsl(urlsplit(asked.path).query)), asked.body) == sent


def test_a_token_among_the_parameters_is_in_json_where_the_profile_is_asked_for_so(site):
    site.define(USERINFO_TOKEN="form:t", USERINFO_REQUEST="json")
    site.sign_in()

    (asked,) = site.requests("/user")
    assert (asked.method, asked.path, json.loads(asked.body)) == ("POST", "/user", {"t": "the-token"})


@pytest.mark.parametrize("error", [None, "", False])
def test_an_error_that_says_nothing_is_none(site, error):
    site.say(token={**TOKEN, "error": error}, user={"id": 7, "login": "mona", "error": error})

    assert site.sign_in().status_code == 302


@pytest.mark.threat("D19")
@pytest.mark.parametrize("error", [0, "0", True, [], {}], ids=repr)
def test_any_other_error_is_one(site, error):
    site.say(user={"id": 7, "login": "mona", "error": error})

    assert code_of(site.sign_in()) == "profile_refused"


def test_a_query_that_an_endpoint_has_already_is_kept(site):
    site.define(
        USERINFO_ENDPOINT="https://forge.example/user?v=2", USERINFO_PARAMS={"a": "b&c", "left_out": ""}
    )
    site.sign_in()

    (asked,) = site.requests("/user")
    assert asked.path == "/user?v=2&a=b%26c"


def test_a_preset_is_changed_name_by_name(settings):
    unionid = {"CLAIMS": {"sub": "identity.unionid"}, "IDENTITY_PARAMS": {"unionid": "1"}}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"qq": {"CLIENT_ID": "7", "CLIENT_SECRET": "s", **unionid}}}
    qq = conf.provider("qq")

    assert isinstance(qq, OAuth2)
    assert qq.words["CLAIMS"]["sub"] == "identity.unionid"
    assert qq.words["CLAIMS"]["name"] == "nickname"
    assert qq.words["IDENTITY_PARAMS"] == {"fmt": "json", "unionid": "1"}


@pytest.mark.parametrize(("callback", "sent"), [({}, None), ({"device": "7"}, "7"), ({"device": ""}, None)])
def test_the_token_request_repeats_what_the_callback_has(site, callback, sent):
    site.define(CALLBACK_PARAMS=["device"])
    site.sign_in(**callback)

    (asked,) = site.requests("/token")
    assert dict(parse_qsl(asked.body)).get("device") == sent


@pytest.mark.threat("B02")
@pytest.mark.parametrize("device", [["a", "b"], "a\nb", "x" * 2049], ids=lambda value: f"{value!a:.12}")
def test_what_it_repeats_is_as_strict_as_the_rest(site, device):
    site.define(CALLBACK_PARAMS=["device"])

    assert code_of(site.sign_in(device=device)) in {"parameter_repeated", "parameter_malformed"}
    assert site.requests("/token") == []


@pytest.mark.threat("B03", "B11")
def test_nothing_replaces_what_the_protocol_sends(site):
    names = ["code", "code_verifier", "client_id", "redirect_uri", "grant_type"]
    site.define(TOKEN_PARAMS=dict.fromkeys(names, "forged"))
    site.sign_in()

    (asked,) = site.requests("/token")
    assert "forged" not in asked.body


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        ({"code": "", "no": "1", "error": "server_error"}, "provider_unavailable"),
        ({"code": "c", "no": "1"}, "code_and_error"),
        ({"code": "", "no": "0"}, "code_missing"),
        ({"code": "", "no": ["1", "1"]}, "parameter_repeated"),
    ],
    ids=str,
)
def test_what_only_resembles_a_no_is_none(site, callback, code):
    site.define(CANCEL_PARAMS={"no": "1"})

    assert code_of(site.sign_in(**callback)) == code
    assert site.requests("/token") == []


def test_a_server_may_have_a_word_of_its_own_for_a_visitor_who_says_no(site):
    site.define(CANCEL_PARAMS={"cancelled": "yes", "no": "1"})
    answer = site.sign_in(code="", no="1")

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert SignIn.objects.get().outcome == "access_denied"
    assert site.requests("/token") == []


@pytest.mark.threat("A20")
def test_what_the_token_request_needs_is_led_home_too(site, settings):
    site.define(CODE_PARAM="authCode", CALLBACK_PARAMS=["device"], CANCEL_PARAMS={"no": "1"})
    settings.ALLOWED_HOSTS = ["www.example.com", "example.com"]
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://www.example.com"}
    apex, www = ({"host": host} for host in ("example.com", "www.example.com"))
    start = site.visitor.post("/oauth2/forge/authorize/", headers=apex, secure=True)
    state = dict(parse_qsl(urlsplit(start["Location"]).query))["state"]
    site.visitor.cookies.clear()

    query = {"authCode": "c", "device": "7", "no": "2", "other": "x", "state": state}
    answer = site.visitor.come_back(query, "forge", headers=www, secure=True)

    home = urlsplit(answer["Location"])
    assert home.netloc == "example.com"
    assert dict(parse_qsl(home.query)) == {
        "authCode": "c",
        "device": "7",
        "no": "2",
        "state": state,
        "oauth_login_relayed": "1",
    }


@pytest.mark.threat("A26", "B03", "B11")
@pytest.mark.parametrize(
    "changes",
    [
        {"AUTHORIZATION_NAMES": {"state": ""}},
        {"AUTHORIZATION_NAMES": {"code_challenge": ""}},
        {"AUTHORIZATION_NAMES": {"state": "client_id"}},
        {"TOKEN_REQUEST_NAMES": {"code": ""}},
        {"CALLBACK_PARAMS": ["code_verifier"]},
        {"CODE_PARAM": "state"},
        {"AUTHORIZATION_ENDPOINT": "https://forge.example/authorize?response_type=token"},
        {"AUTHORIZATION_ENDPOINT": "https://forge.example/authorize?v=2&state=fixed"},
    ],
    ids=str,
)
def test_a_definition_that_gives_the_protocol_away_sends_nobody_anywhere(site, changes):
    site.define(**changes)

    assert code_of(site.visitor.start("forge")) == "settings_invalid"


def test_a_query_that_the_authorization_endpoint_has_already_is_kept(site):
    site.define(AUTHORIZATION_ENDPOINT="https://forge.example/authorize?v=2")
    site.sign_in()

    assert site.asked["v"] == "2"


@pytest.mark.parametrize(
    "changes",
    [
        {"CODE_PARAM": 7, "CALLBACK_PARAMS": "device", "CANCEL_PARAMS": "no"},
        {"CALLBACK_PARAMS": [["device"]], "CANCEL_PARAMS": {("no",): "1", "no": 1}},
        {"LABEL": "\ud800"},
        {"CALLBACK_PARAMS": ["\ud800"]},
    ],
    ids=ascii,
)
def test_wrong_settings_do_not_break_a_callback(site, changes):
    state = dict(parse_qsl(urlsplit(site.visitor.start("forge")["Location"]).query))["state"]
    site.define(**changes)

    assert code_of(site.visitor.come_back({"code": "c", "state": state}, "forge")) == "settings_invalid"


# --- Compressed answers --------------------------------------------------------------------------------


@pytest.mark.threat("D05", "D06")
@pytest.mark.parametrize("request_", ["form", "query"])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (gzip.compress(b'{"id": 7}'), ""),
        (gzip.compress(b" " * (20 << 20)), "answer_too_large"),
        (gzip.compress(b'{"id": 7}')[:-4], "answer_too_large"),
        (gzip.compress(b'{"id": 7}') + b"more", "answer_too_large"),
        (b'{"id": 7}', "encoding_unasked"),
        (b"", "answer_too_large"),
    ],
    ids=["well", "a bomb", "cut off", "more", "none", "nothing"],
)
def test_a_server_that_always_compresses_is_understood_and_bounded(site, said, code, request_):
    site.define(USERINFO_ENCODING="gzip", TOKEN_REQUEST=request_)
    site.say(user=lambda _: reply(said, Content_Encoding="gzip"))
    answer = site.sign_in()

    assert site.requests("/user")[0].headers["accept-encoding"] == "gzip"
    assert site.requests("/token")[0].headers["accept-encoding"] == "identity"
    assert code_of(answer) == code if code else answer.status_code == 302


def test_no_other_server_may(site):
    site.say(user=lambda _: reply(gzip.compress(b'{"id": 7}'), Content_Encoding="gzip"))

    assert code_of(site.sign_in()) == "encoding_unasked"


def test_what_compresses_may_also_not(site):
    site.define(USERINFO_ENCODING="gzip")

    assert site.sign_in().status_code == 302


# --- Paths and templates ---------------------------------------------------------------------------------

ANSWER = {
    "a": {"b": [{"c": "x"}, 7]},
    "first": "Mona",
    "last": "",
    "n": 7,
    "t": True,
    "s": "a/b ?&#é",
    "r": "a\rb",
    "dot": ".",
    "up": "..",
    "climb": "../../x",
}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("a.b.0.c", "x"),
        ("a.b.1", 7),
        ("a.b.2", None),
        ("a.b.-1", None),
        ("a.b.c", None),
        ("a.b.0000", None),
        ("first.0", None),
        ("nobody", None),
        ("t", True),
        (True, True),
        (False, False),
        ("{first} {n}", "Mona 7"),
        ("{first} {last}", ""),
        ("{first} {t}", ""),
        ("{a}", ""),
        ("{r}", ""),
        ("https://a.example/{s}", "https://a.example/a%2Fb%20%3F%26%23%C3%A9"),
        ("http://a.example/{s}", "http://a.example/a%2Fb%20%3F%26%23%C3%A9"),
        ("https://a.example/{+s}", "https://a.example/a/b%20%3F%26%23%C3%A9"),
        ("https://a.example/{+climb}", ""),
        ("{+first} {s}", "Mona a/b ?&#é"),
        ("https://a.example/{up}/x", ""),
        ("https://a.example/{dot}", ""),
        ("https://a.example/{dot}{dot}", ""),
        ("https://a.example/{dot}?x", ""),
        ("https://a.example/{dot}.{n}", "https://a.example/..7"),
        ("https://a.example/{climb}", "https://a.example/..%2F..%2Fx"),
        ("https://a.example/?q={s}", "https://a.example/?q=a%2Fb%20%3F%26%23%C3%A9"),
        (["last", "{first} {last}", "first"], "Mona"),
        (["last", "nobody"], None),
    ],
    ids=str,
)
def test_an_expression_says_what_is_there(expression, said):
    assert claims.say(expression, ANSWER) == said


class Repeats:
    """A transport on which every GET is answered by one value."""

    def __init__(self, value):
        self.value = value

    def get(self, url, **_):
        return Answer(200, {}, self.value)


def forge(value, **options):
    transport: Any = Repeats(value)
    written = {**FORGE, "CLAIMS": {"sub": "id", **dict.fromkeys(claims.NAMES[1:4], "a"), "picture": "{b}"}}
    return OAuth2.from_options("forge", {**written, **options}, transport)


TOKEN_RESPONSE = TokenResponse.from_answer(200, TOKEN)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "a", "b", "error"]) | st.text(max_size=3), children, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.mark.threat("D15", "D16", "F01")
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40))
@example(b'{"id": 7}')
@example(b'{"id": "\\u0000"}')
def test_whatever_a_server_says_is_a_profile_or_a_typed_error(said):
    assert outcome(said) in {"a profile", *CAUSES}


def outcome(said):
    try:
        profile = forge(said).fetch_profile(TOKEN_RESPONSE)
    except OAuthLoginError as error:
        return error.code
    return "a profile" if profile.subject.isprintable() and 0 < len(profile.subject) <= 255 else profile


@pytest.mark.parametrize("kind", ["int", "str"])
def test_an_id_has_the_type_that_the_settings_say(kind):
    said = {"int": b'{"id": 7}', "str": b'{"id": "7"}'}
    other = {"int": "str", "str": "int"}[kind]

    assert forge(said[kind], SUBJECT_TYPE=kind).fetch_profile(TOKEN_RESPONSE).subject == "7"
    with pytest.raises(ProviderResponseError, match="subject_invalid"):
        forge(said[kind], SUBJECT_TYPE=other).fetch_profile(TOKEN_RESPONSE)
