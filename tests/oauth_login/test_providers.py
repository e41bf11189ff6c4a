"""What every provider is made of, and the cleaning of what they say about people."""

import pytest

from oauth_login import providers
from oauth_login.providers.base import Provider
from oauth_login.providers.display import https_url, text


@pytest.mark.parametrize("name", providers.names())
def test_every_preset_is_a_provider(name):
    assert issubclass(providers.kind(name, {}), Provider)


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
