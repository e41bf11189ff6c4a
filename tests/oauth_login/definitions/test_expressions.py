"""Paths and templates, and whatever a server says to them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oauth_login.answers import Answer
from oauth_login.causes import CAUSES
from oauth_login.errors import OAuthLoginError, ProviderResponseError
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers import claims
from oauth_login.providers.plain import OAuth2
from tests.oauth_login.definitions.forge import FORGE, TOKEN

pytestmark = pytest.mark.provider

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
