"""Every OAuth 2.0 preset against a server that behaves as its documentation says, through the real views."""

import base64
import hashlib
import json
from copy import deepcopy
from urllib.parse import parse_qsl, urlsplit

import pytest

from oauth_login import providers
from oauth_login.models import LinkedAccount, SignIn
from scripts import write_docs
from tests.oauth_login.http_server import reply
from tests.oauth_login.presets import chinese, elsewhere
from tests.oauth_login.presets.case import CLIENT_ID, CLIENT_SECRET, TOKEN

CASES = {**chinese.CASES, **elsewhere.CASES}
ENDPOINTS = ("AUTHORIZATION", "TOKEN", "IDENTITY", "USERINFO", "EMAILS")
SHOWN = ("preferred_username", "name", "email", "picture", "profile")

pytestmark = [pytest.mark.provider, pytest.mark.django_db]
RATE = "provider_rate_limited"
every_preset = pytest.mark.parametrize("name", CASES)


def among(known, *names):
    """Return *names*, each of which is among *known*: with a slip, less would be tried unseen."""
    unknown = sorted({*names} - {*known})
    assert unknown == [], f"nothing is called {', '.join(unknown)}"
    return {*names}


#: Those whose answers are read in a way of their own, and some of each type of id; the others are read alike.
ODD = {
    name
    for name in CASES
    if {"TOKEN_ANSWER", "USERINFO_ANSWER", "USERINFO_ENCODING"} & {*providers.row(name)}
    or CASES[name].emails
    or CASES[name].identity
    or name in among(CASES, "weibo", "strava", "mediawiki", "linear")
}


def with_some(values, *for_all):
    """Return a mark that tries every preset with the values *for_all*, and the odd ones with all."""
    meant = among(values, *for_all)
    return pytest.mark.parametrize(
        ("name", "value"),
        [
            pytest.param(name, value, id=f"{name}-{what}")
            for name in CASES
            for what, value in values.items()
            if name in ODD or what in meant
        ],
    )


class Preset:
    """One preset, its documented server, and a visitor who signs in with it."""

    def __init__(self, name, server, visitor, settings):
        self.name, self.case, self.server, self.visitor = name, CASES[name], server, visitor
        self.row = providers.row(name)
        public = self.row.get("TOKEN_ENDPOINT_AUTH_METHOD") == "none"
        self.options = {
            "CLIENT_ID": CLIENT_ID,
            **({} if public else {"CLIENT_SECRET": CLIENT_SECRET}),
            **{
                f"{place}_ENDPOINT": f"{server.url}/{place.lower()}"
                for place in ENDPOINTS
                if f"{place}_ENDPOINT" in self.row
            },
        }
        settings.OAUTH_LOGIN = {"PROVIDERS": {name: self.options}}
        self.answers = {
            place: deepcopy(getattr(self.case, place))
            for place in ("token", "identity", "userinfo", "emails")
        }

    def sign_in(self):
        """Start, approve, come back; return the callback's response."""
        for place, answer in self.answers.items():
            self.server.answers[f"/{place}"] = as_reply(answer)
        self.asked = dict(parse_qsl(urlsplit(self.visitor.start(self.name)["Location"]).query))
        return self.visitor.come_back({**self.case.callback, "state": self.asked["state"]}, self.name)

    def place_of(self, claim):
        """Return which answer has a claim, and where in it."""
        expression = self.row["CLAIMS"][claim]
        place, _, path = expression.partition(".")
        if place in {"token", "identity"}:
            return place, path
        return "userinfo", ".".join(filter(None, [self.row.get("USERINFO_ROOT"), expression]))

    def change(self, claim, value):
        """Have the server say *value* where it says *claim*; nothing at all for ``...``."""
        place, path = self.place_of(claim)
        *steps, last = path.split(".")
        parent = self.answers[place]
        for step in steps:
            parent = parent[int(step) if isinstance(parent, list) else step]
        if value is ...:
            del parent[last]
        else:
            parent[last] = value
            if claim == "sub" and "USERINFO_MATCHES" in self.row:
                self.answers["userinfo"].update(dict.fromkeys(self.row["USERINFO_MATCHES"], value))

    def come_back(self, **callback):
        """Start, and come back with that; return the callback's response."""
        asked = dict(parse_qsl(urlsplit(self.visitor.start(self.name)["Location"]).query))
        return self.visitor.come_back({**callback, "state": asked["state"]}, self.name)


def as_reply(answer):
    status, content = answer if isinstance(answer, tuple) else (200, answer)
    # Several of them call JSON text/plain.
    return reply(content, status, Content_Type="text/plain;charset=UTF-8")


def filled_in(value, name):
    return {key: text.replace("{alias}", name) for key, text in value.items()}


@pytest.fixture
def preset(servers, visitor, settings, unlimited):
    """A way to set one up."""
    return lambda name: Preset(name, servers(), visitor, settings)


@pytest.fixture
def turned_away(rows):
    """Assert that nobody is signed in and nothing is written, but a line of the log."""

    def check(preset, answer, *codes):
        assert (answer.status_code, answer.context["code"]) in {(status_of(code), code) for code in codes}
        assert preset.visitor.user is None
        assert rows() == (0, 0, 0)
        assert [log.outcome for log in SignIn.objects.all()] == [answer.context["code"]]

    return check


def status_of(code):
    from oauth_login.causes import CAUSES

    return CAUSES[code].status


def test_every_row_of_the_table_has_a_case():
    assert set(CASES) == {name for name in providers.names() if "CLAIMS" in providers.row(name)}


def test_a_value_that_is_called_otherwise_is_missed_at_once():
    with pytest.raises(AssertionError, match=r"^nothing is called nul\b"):
        with_some({"null": None, "true": True}, "nul", "true")


def test_a_preset_is_at_most_twelve_lines_of_all_tables_together_or_a_short_file():
    lengths, files = write_docs.row_lengths(write_docs.ROOT), write_docs.file_lengths(write_docs.ROOT)
    assert {*lengths, *files, "lark", "github"} == set(providers.names()), "Lark is in Feishu's file"
    assert {name: length for name, length in lengths.items() if length > 12} == {}
    assert {name: length for name, length in files.items() if length > 60} == {}


def test_github_alone_is_a_class_and_all_of_it_is_shorter_than_one_long_module():
    lengths = write_docs.class_lengths(write_docs.ROOT)

    assert set(providers.KINDS) == {"github"}
    assert {*lengths} == {"github", "github_scopes", "github_webhook"}
    assert sum(lengths.values()) < 300


def test_a_row_is_counted_in_every_table_and_with_the_constants_that_are_its_own(tmp_path):
    path = tmp_path / "oauth_login/providers/rows.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        'BASE: Final = "https://box.example"\n'
        'ENDS: Final = {\n    "TOKEN_ENDPOINT": f"{BASE}/token",\n}\n'
        'OLD: Final = {"PKCE": False}\n'
        'ROWS: Final = {\n    "box": {\n        "LABEL": "Box", **OLD, **ENDS,\n    },\n'
        '    "vk": {"LABEL": "VK", **OLD},\n}\n'
    )
    path.with_name("more_rows.py").write_text(
        'HOST: str\nROWS: Final = {\n    "vk": {"SCOPE": HOST,\n           "PKCE": ""},\n}\n'
    )

    assert write_docs.row_lengths(tmp_path) == {"box": 3 + 3 + 1, "vk": 1 + 2 + 1}


# --- As documented ------------------------------------------------------------------------------------


@every_preset
def test_who_it_is_comes_of_the_documented_answers(preset, name):
    preset = preset(name)

    answer = preset.sign_in()

    assert answer.status_code == 302, answer.context["code"]
    account = LinkedAccount.objects.get()
    expected = dict.fromkeys(SHOWN, "") | {"email_verified": False} | preset.case.profile
    assert {
        "subject": account.subject,
        "preferred_username": account.username,
        "name": account.name,
        "email": account.email,
        "email_verified": account.email_verified,
        "picture": account.picture,
        "profile": account.profile_url,
    } == expected
    assert account.issuer == preset.row.get("ISSUER", preset.server.url)


@every_preset
def test_the_authorization_request_is_the_documented_one(preset, name):
    preset = preset(name)
    location = preset.visitor.start(name)["Location"]

    asked = dict(parse_qsl(urlsplit(location).query))

    dynamic = {"state", "redirect_uri"} | (
        {"code_challenge", "code_challenge_method"} if preset.case.pkce else set()
    )
    assert set(asked) >= dynamic
    client = {} if "appid" in asked or "client_key" in asked else {"client_id": CLIENT_ID}
    assert {key: value for key, value in asked.items() if key not in dynamic} == {
        "response_type": "code",
        **client,
        **preset.case.authorize,
    }
    assert urlsplit(location).fragment == preset.row.get("AUTHORIZATION_FRAGMENT", "")


@pytest.mark.threat("B15", "D17")
@every_preset
def test_the_code_is_exchanged_as_documented_and_once(preset, name):
    preset = preset(name)
    preset.sign_in()

    asked = [request for request in preset.server.requests if request.path.startswith("/token")]
    assert len(asked) == 1
    kind, expected = preset.case.token_request
    request, expected = asked[0], filled_in(expected, name)
    if kind == "query":
        sent = dict(parse_qsl(urlsplit(request.path).query))
    else:
        assert request.path == "/token"
        sent = json.loads(request.body) if kind == "json" else dict(parse_qsl(request.body))
    assert request.method == ("GET" if kind == "query" else "POST")
    verifier = sent.pop("code_verifier", None)
    assert bool(verifier) == preset.case.pkce
    if verifier:
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        assert digest == preset.asked["code_challenge"]
    if name == "vk":
        assert sent.pop("state") == preset.asked["state"]
    assert sent == expected
    assert request.headers.get("authorization") == preset.case.token_header
    assert request.headers["accept"] == "application/json"


@pytest.mark.threat("B15")
def test_secrets_are_in_a_query_only_where_a_provider_documents_no_other_way():
    rows = {name: providers.row(name) for name in CASES}
    codes = {name for name, row in rows.items() if row.get("TOKEN_REQUEST") == "query"}
    tokens = {name for name, row in rows.items() if row.get("USERINFO_TOKEN", "").startswith("query:")}

    assert codes == {"qq", "weixin"}
    assert tokens == {"weibo", "qq", "weixin", "baidu", "stackexchange"}


@pytest.mark.threat("B15")
@every_preset
def test_the_profile_is_asked_for_as_documented(preset, name):
    preset = preset(name)
    preset.sign_in()

    asked = [request for request in preset.server.requests if request.path.startswith("/userinfo")]
    assert len(asked) == ("USERINFO_ENDPOINT" in preset.row)
    for request in asked:
        assert f"{request.method} {request.path}" == preset.case.userinfo_request
        assert request.body == preset.case.userinfo_body
        carried = {key: value for key, value in request.headers.items() if TOKEN in value}
        assert carried == dict([preset.case.userinfo_header] if preset.case.userinfo_header else [])


# --- As nobody documents --------------------------------------------------------------------------------

NO_SUBJECTS = {
    "missing": ...,
    "null": None,
    "true": True,
    "false": False,
    "a list": ["1"],
    "an object": {"id": "1"},
    "a float": 1.0,
    "huge": int("9" * 19),
    "long": "x" * 256,
    "negative": -1,
    "zero": 0,
    "empty": "",
    "None": "None",
    "the word null": "null",
    "undefined": "undefined",
    "padded": " 1",
    "another digit": "\N{FULLWIDTH DIGIT ONE}",
    "two lines": "1\n",
}


@pytest.mark.threat("F01", "F02", "F03")
@with_some(NO_SUBJECTS, "missing", "null", "true", "a list", "a float", "huge", "empty", "None")
def test_somebody_without_an_id_is_nobody(preset, turned_away, name, value):
    preset = preset(name)
    preset.change("sub", value)

    # Some need the id to ask for the profile, and find that they have none to send.
    turned_away(preset, preset.sign_in(), "subject_invalid", "profile_refused")


@pytest.mark.threat("F01", "F02")
@pytest.mark.parametrize(("kind", "value"), [("int", "7"), ("int", "01"), ("str", 7)])
@every_preset
def test_the_type_of_an_id_does_not_change(preset, turned_away, name, kind, value):
    preset = preset(name)
    preset.change("sub", value)
    answer = preset.sign_in()

    if preset.row.get("SUBJECT_TYPE", "") in {kind, *([""] if value == "01" else [])}:
        turned_away(preset, answer, "subject_invalid")
    else:
        assert LinkedAccount.objects.get().subject == str(value)


with_an_address = pytest.mark.parametrize(
    "name", [name for name in CASES if "email" in providers.row(name)["CLAIMS"]]
)
with_a_proof = pytest.mark.parametrize(
    "name", [name for name in CASES if isinstance(providers.row(name)["CLAIMS"].get("email_verified"), str)]
)
with_a_list = pytest.mark.parametrize("name", [name for name in CASES if CASES[name].emails])


@pytest.mark.parametrize(
    "value", [..., None, "", True, 7, ["a@example.com"], "no address", "a@b c"], ids=ascii
)
@with_an_address
def test_without_an_address_one_still_signs_in(preset, name, value):
    preset = preset(name)
    preset.change("email", value)

    assert preset.sign_in().status_code == 302
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("", False)
    assert preset.visitor.user.email == ""


@pytest.mark.parametrize("value", [..., None, False, "true", 1, "yes", ["true"]], ids=ascii)
@with_a_proof
def test_only_true_vouches_for_an_address(preset, name, value):
    preset = preset(name)
    preset.change("email_verified", value)

    assert preset.sign_in().status_code == 302
    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == (CASES[name].profile["email"], False)
    assert preset.visitor.user.email == ""


@pytest.mark.parametrize("status", [403, 404])
@with_a_list
def test_whoever_withholds_the_list_of_addresses_still_signs_in(preset, name, status):
    preset = preset(name)
    preset.answers["emails"] = (status, {"message": "no such scope"})

    assert preset.sign_in().status_code == 302
    assert LinkedAccount.objects.get().email == ""


@with_a_list
def test_two_primary_addresses_are_none(preset, name):
    preset = preset(name)
    emails = preset.answers["emails"]
    listed = emails["values"] if isinstance(emails, dict) else emails
    listed.append({**listed[-1], "email": "another@example.com"})

    assert preset.sign_in().status_code == 302
    assert LinkedAccount.objects.get().email == ""


@pytest.mark.parametrize("value", [{"values": 7}, [7], {}, {"values": [None]}], ids=ascii)
@with_a_list
def test_a_list_of_addresses_that_is_none_is_refused(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["emails"] = value

    turned_away(preset, preset.sign_in(), "emails_invalid")


@pytest.mark.threat("D19")
@every_preset
def test_a_refused_code_is_told_whatever_the_status(preset, turned_away, name):
    preset = preset(name)
    preset.answers["token"], code = preset.case.error

    turned_away(preset, preset.sign_in(), code)


@pytest.mark.threat("D19")
@pytest.mark.parametrize(
    ("name", "place", "said", "code"),
    [
        ("qq", "token", b"code=100020&msg=code+is+reused+error", "code_rejected"),
        ("qq", "token", b"error=100019&error_description=x", "code_rejected"),
        ("qq", "token", b'callback( {"error":"100019","error_description":"x"} );', "code_rejected"),
        ("weibo", "userinfo", {"error": "User requests out of rate limit!", "error_code": "10023"}, RATE),
    ],
)
def test_a_providers_number_means_the_same_in_each_of_its_forms(preset, turned_away, name, place, said, code):
    preset = preset(name)
    preset.answers[place] = said

    turned_away(preset, preset.sign_in(), code)


@pytest.mark.threat("F01")
@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        *(("weibo", "idstr", value) for value in ("1404376561", "", None, ...)),
        *(("weixin", "openid", value) for value in ("o6_another", None, ...)),
    ],
    ids=repr,
)
def test_a_profile_of_another_than_the_token_is_nobodys(preset, turned_away, name, path, value):
    preset = preset(name)
    changed = {**preset.answers["userinfo"], path: value}
    preset.answers["userinfo"] = {key: said for key, said in changed.items() if said is not ...}

    turned_away(preset, preset.sign_in(), "userinfo_of_another")


@pytest.mark.threat("A23")
def test_who_cancels_at_qq_on_a_phone_is_calmly_back(preset, rows):
    preset = preset("qq")

    answer = preset.come_back(usercancel="1")

    assert (answer.status_code, answer["Location"]) == (302, "/oauth2/login/?denied=1")
    assert SignIn.objects.get().outcome == "access_denied"
    assert preset.server.requests == []
    assert rows() == (0, 0, 0)


@pytest.mark.threat("D20")
@every_preset
def test_an_error_next_to_a_token_is_an_error(preset, turned_away, name):
    preset = preset(name)
    preset.answers["token"]["error"] = "invalid_grant"

    turned_away(preset, preset.sign_in(), "code_rejected")


@pytest.mark.threat("D19", "D24")
@every_preset
def test_an_error_of_the_profile_is_told_whatever_the_status(preset, turned_away, name):
    preset = preset(name)
    place = "userinfo" if "USERINFO_ENDPOINT" in preset.row else "token"
    preset.answers[place], code = preset.case.profile_error

    turned_away(preset, preset.sign_in(), code, "provider_misconfigured")


PLACES = [
    (name, place)
    for name in CASES
    for place in ("token", "identity", "userinfo", "emails")
    if getattr(CASES[name], place)
]
BROKEN = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Sorry</title>",
    "cut off": b'{"id": 1',
    "NaN": b'{"id": NaN}',
    "repeated": b'{"id": 1, "id": 2}',
    "Latin": b'{"id": "\xff"}',
    "deep": b"[" * 100_000,
    "half a pair": b'{"id": "\\ud83d"}',
    "a list": [],
    "a number": 7,
    "a string": "text",
    "null": None,
    "half a callback": b'callback( {"id": 1',
    "another callback": b'callback( {"id": 1} ); alert(1);',
}


@pytest.mark.threat("D15", "D16", "D17", "D18")
@pytest.mark.parametrize(
    ("name", "place", "content"),
    [
        pytest.param(*where, content, id=f"{'-'.join(where)}-{what}")
        for where in PLACES
        for what, content in BROKEN.items()
        if where[0] in ODD or what in among(BROKEN, "nothing", "a page", "repeated", "a list", "null")
        if (where, what) != (("gitee", "emails"), "a list")  # an empty list of addresses is one
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(preset, turned_away, name, place, content):
    preset = preset(name)
    preset.answers[place] = content

    turned_away(
        preset, preset.sign_in(), "json_invalid", "json_type_wrong", "token_answer_invalid", "emails_invalid"
    )


@pytest.mark.threat("D24")
@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "profile_refused"), (429, "provider_rate_limited"), (500, "provider_unavailable")],
)
@pytest.mark.parametrize(("name", "place"), [pair for pair in PLACES if pair[1] != "token"])
def test_a_status_that_is_no_success_is_none(preset, turned_away, name, place, status, code):
    preset = preset(name)
    preset.answers[place] = (status, b"Sorry")

    turned_away(preset, preset.sign_in(), code)


@pytest.mark.threat("D21")
@pytest.mark.parametrize(
    "value", [None, "", 7, ["t"], "a b", "a\r\nb", "ü", "x" * 8193], ids=lambda v: f"{v!a:.12}"
)
@every_preset
def test_a_token_that_is_none_is_never_sent_anywhere(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["token"][preset.row.get("TOKEN_NAMES", {}).get("access_token", "access_token")] = value

    turned_away(preset, preset.sign_in(), "token_invalid")
    assert {urlsplit(request.path).path for request in preset.server.requests} == {"/token"}


@pytest.mark.threat("D22")
@pytest.mark.parametrize("value", ["mac", None, 1, "DPoP"])
@every_preset
def test_only_a_bearer_token_can_be_used(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["token"]["token_type"] = value

    turned_away(preset, preset.sign_in(), "token_type_unsupported")


NO_LIFETIMES: list[object] = [-1, 1.5, True, "soon", 10**19, [], None]


@pytest.mark.threat("D23")
@with_some({ascii(value): value for value in NO_LIFETIMES}, "-1", "None")
def test_a_lifetime_that_is_none_does_no_harm(preset, name, value):
    preset = preset(name)
    preset.answers["token"][preset.row.get("TOKEN_NAMES", {}).get("expires_in", "expires_in")] = value

    assert preset.sign_in().status_code == 302
