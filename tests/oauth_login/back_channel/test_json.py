"""JSON is strict, and of the type that was asked for."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oauth_login.answers import Answer
from oauth_login.errors import ProviderResponseError
from oauth_login.strict_json import parse_json
from tests.oauth_login.back_channel.enterprise import PLACES
from tests.oauth_login.http_server import reply

BROKEN = {
    "nothing": b"",
    "HTML": b"<!doctype html><title>502</title>",
    "a form": b"access_token=gho_1&scope=&token_type=bearer",
    "cut": b'{"id": 1',
    "two values": b'{"id": 1}{"id": 2}',
    "a byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": Infinity}',
    "-Infinity": b'{"id": -Infinity}',
    "depth": b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "depth with an escape": b'{"id": "\\u00e9", "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "5,000 digits": b'{"id": ' + b"1" * 5_000 + b"}",
    "half a surrogate pair": b'{"name": "\\ud83d"}',
    "a name twice": b'{"id": 1, "id": 2}',
    "a name twice, deep": b'{"a": [{"id": 1, "id": 2}]}',
}


@pytest.mark.threat("D15", "D17")
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_broken_json_is_refused(body):
    with pytest.raises(ProviderResponseError, match="json_invalid") as refusal:
        parse_json(body)
    assert refusal.value.__suppress_context__


@pytest.mark.threat("D15", "D17")
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", PLACES)
def test_broken_json_signs_nobody_in(turned_away, server, path, body):
    server.answers[path] = reply(body)

    turned_away(502)


@pytest.mark.threat("D16")
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", [], [1], {}, {"a": 1}])
@pytest.mark.parametrize("kind", [dict, list])
def test_json_of_another_type_is_refused(value, kind):
    answer = Answer(200, {}, json.dumps(value).encode())

    if isinstance(value, kind):
        assert answer.json(kind) == value
    else:
        with pytest.raises(ProviderResponseError, match=f"json_type_wrong .{type(value).__name__}."):
            answer.json(kind)


@pytest.mark.threat("D16")
@pytest.mark.parametrize("value", [None, 7, "text", True, "the other"])
@pytest.mark.parametrize("path", PLACES)
def test_json_of_another_type_signs_nobody_in(turned_away, server, path, value):
    if value == "the other":
        value = {} if isinstance(PLACES[path], list) else []
    server.answers[path] = reply(value)

    assert turned_away(502).context["code"] == "json_type_wrong"


def test_unusual_but_valid_json_is_read():
    assert parse_json(b' {"\\u00e9": "\\ud83d\\ude00", "n": 1e2, "deep": [[[{}]]]} ') == {
        "é": "😀",
        "n": 100.0,
        "deep": [[[{}]]],
    }


@pytest.mark.threat("D18")
@pytest.mark.parametrize("kind", [None, "text/html", "application/json; charset=x", ";;;", "é"])
def test_the_content_type_is_not_what_decides(enterprise, server, kind):
    headers = {"Content_Type": kind} if kind else {}
    server.answers = {path: reply(answer, **headers) for path, answer in PLACES.items()}

    assert enterprise().status_code == 302


@pytest.mark.threat("D15")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
@example(b'{"a": ["\\u00e9"]}')
@example(b"\xff")
def test_any_bytes_are_json_or_refused(body):
    try:
        value = parse_json(body)
    except ProviderResponseError:
        return
    json.dumps(value, ensure_ascii=False).encode()
