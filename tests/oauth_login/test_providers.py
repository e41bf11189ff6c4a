"""What every provider is made of, and the cleaning of what they say about people."""

from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import find

from oauth_login import providers
from oauth_login.errors import ProviderResponseError
from oauth_login.providers.base import Provider, https_url, positive_integer_subject, text


@pytest.mark.parametrize("name", providers.names())
def test_every_preset_is_a_provider(name):
    assert issubclass(providers.kind(name, {}), Provider)


@pytest.mark.parametrize("name", sorted({*providers.names()} - {"github"}))
def test_every_preset_has_a_colour(name):
    stylesheet = Path(str(find("oauth_login/oauth_login.css"))).read_text()
    assert f'[data-provider="{name}"] {{ --oauth-login-brand: #' in stylesheet


@pytest.mark.parametrize("options", [{}, {"PRESET": "nobody"}, {"PRESET": "nobody", "ISSUER": "https://x"}])
def test_there_is_no_other_preset(options):
    with pytest.raises(KeyError):
        providers.kind("nobody", options)


@pytest.mark.threat("I14")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("The Octocat", "The Octocat"),
        ("  Ōtomo 友  ", "Ōtomo 友"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}nimda", "animda"),
        ("ad\N{ZERO WIDTH SPACE}min", "admin"),
        ("a\nb\r\tc\0d\x1b", "abcd"),
        ("a\N{LINE SEPARATOR}b\N{NO-BREAK SPACE}c", "abc"),
        ("a\ud83db", "ab"),
        ("\N{ZERO WIDTH JOINER} \N{ZERO WIDTH NON-JOINER}", ""),
        ("क्\N{ZERO WIDTH JOINER}ष", "क्\N{ZERO WIDTH JOINER}ष"),
        ("x" * 151, "x" * 150),
        ("", ""),
        (None, ""),
        (7, ""),
        (True, ""),
        (["x"], ""),
        ({}, ""),
    ],
    ids=ascii,
)
def test_a_name_is_one_line_that_hides_nothing(value, shown):
    assert text(value) == shown


def test_a_name_is_cut_where_it_is_asked_to_be():
    assert text("abc", 2) == "ab"


@pytest.mark.threat("I02")
@pytest.mark.parametrize(
    "url",
    [
        "https://avatars.githubusercontent.com/u/583231?v=4",
        "https://ghe.example:8443/avatars/u/7?#x",
        "https://[2001:db8::1]/a",
        f"https://a.example/{'x' * 482}",
    ],
    ids=len,
)
def test_an_https_url_is_shown(url):
    assert https_url(url) == url


@pytest.mark.threat("I02")
@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://github.com/%0aalert(1)",
        "data:text/html,<script>",
        "http://github.com/octocat",
        "//github.com/octocat",
        "/octocat",
        "https:octocat",
        "https://",
        "https://[",
        "https://user@github.com/",
        "https://:password@github.com/",
        "https://github.com/ x",
        'https://github.com/"onerror="x',
        "https://github.com/'x",
        "https://github.com/<x>",
        "https://github.com\\@evil.example/",
        "https://github.com/`x",
        "https://github.com/\nx",
        "https://github.com/\x7f",
        "https://g\N{LATIN SMALL LETTER DOTLESS I}thub.com/",
        f"https://a.example/{'x' * 483}",
        "",
        None,
        7,
        ["https://github.com/"],
    ],
    ids=ascii,
)
def test_any_other_link_is_not_shown(value):
    assert https_url(value) == ""


@pytest.mark.threat("F01", "F02", "GH08")
@pytest.mark.parametrize("value", [1, 583231, (1 << 63) - 1])
def test_a_positive_integer_is_a_subject(value):
    assert positive_integer_subject(value) == str(value)


BAD_IDS = [
    *(None, True, False, 0, -1, 1 << 63, 10**300, 1.0, 1e400, [], [1], {}, {"id": 1}),
    *("", "None", "null", "undefined", "1", "01", " 1", "\N{FULLWIDTH DIGIT ONE}"),
]


@pytest.mark.threat("F01", "F02", "GH08")
@pytest.mark.parametrize("value", BAD_IDS, ids=lambda value: f"{type(value).__name__} {value!a:.20}")
def test_anything_else_is_no_subject(value):
    with pytest.raises(ProviderResponseError, match=f"subject_invalid .{type(value).__name__}."):
        positive_integer_subject(value)
