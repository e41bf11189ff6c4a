"""In which forms an answer may come, where settings say so: a form, a callback, compressed."""

import gzip

import pytest

from tests.oauth_login.definitions.forge import code_of
from tests.oauth_login.http_server import HANG_UP, reply

pytestmark = pytest.mark.provider


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
