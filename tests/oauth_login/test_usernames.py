"""Names for newcomers: their own if harmless, else a neutral one, and never one that passes for another."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oauth_login.providers.base import Profile
from oauth_login.usernames import (
    LONGEST,
    RESERVED,
    SAFE,
    alternatives,
    folded,
    skeleton,
    username_for,
)

NEUTRAL = re.compile(r"user-[0-9a-f]{8}")


def named(name, subject="583231"):
    return Profile("https://github.com/login/oauth", subject, preferred_username=name)


@pytest.mark.parametrize("name", ["octocat", "Octo-Cat", "octo_cat", "o", "42", "o" * 60, "admiral", "rooty"])
def test_a_harmless_name_is_kept_as_it_is(name):
    assert username_for(named(name)) == name


@pytest.mark.threat("F13")
@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_reserved_name_is_given_in_any_case(name):
    for spelling in (name, name.upper(), name.capitalize()):
        given_name = username_for(named(spelling))
        assert re.fullmatch(rf"{spelling}-[0-9a-f]{{4}}", given_name)


@pytest.mark.threat("F13")
@pytest.mark.parametrize(
    "name",
    [
        *("admin", "administrator", "root", "staff", "support", "system", "moderator", "security"),
        *("null", "none", "undefined", "anonymous", "me", "settings", "login", "logout", "wellknown"),
    ],
)
def test_whoever_speaks_for_a_site_or_is_a_path_of_it_is_among_the_reserved(name):
    assert username_for(named(name)) != name


@pytest.mark.threat("F13", "F15")
@pytest.mark.parametrize(
    "name",
    [
        "adm1n",
        "admln",
        "ad-min",
        "admin1",
        "admin_01",
        "admin2026",
        "4dm1n",
        "adrnin",
        "r00t",
        "roo7",
        "new5",
        "no-reply",
        "SUPP0RT",
        "supp0rt9",
        "5taff",
        "vvebmaster",
        "AnonymousUser",
    ],
)
def test_a_name_that_looks_reserved_is_told_apart_by_a_suffix(name):
    assert re.fullmatch(rf"{name}-[0-9a-f]{{4}}", username_for(named(name)))


@pytest.mark.threat("F15")
@pytest.mark.parametrize(
    "name",
    [
        "\N{CYRILLIC SMALL LETTER A}dmin",
        "adm\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}n",
        "adm\N{LATIN SMALL LETTER DOTLESS I}n",
        "ad\N{ZERO WIDTH SPACE}min",
        "admin\N{ZERO WIDTH JOINER}",
        "admin\N{GRINNING FACE}",
        "\N{FULLWIDTH LATIN SMALL LETTER A}\N{FULLWIDTH LATIN SMALL LETTER D}min",
        "\N{RIGHT-TO-LEFT OVERRIDE}nimda",
        "a\N{COMBINING ACUTE ACCENT}dmin",
        "\N{GREEK SMALL LETTER ALPHA}dmin",
        "admin\N{NO-BREAK SPACE}",
        "@dmin",
        "admin.",
        "admin ",
        "admin\n",
        "admin-",
        "-admin",
    ],
)
def test_a_name_that_would_need_mending_is_replaced(name):
    assert NEUTRAL.fullmatch(username_for(named(name)))


@pytest.mark.threat("F16")
@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "a/b", "../admin", ".well-known", "<img src=x>", "a b", "é", "李雷", "%00", "a\\b"],
)
def test_what_is_no_name_is_replaced(name):
    assert NEUTRAL.fullmatch(username_for(named(name)))


@pytest.mark.threat("F16")
@pytest.mark.parametrize("length", [61, 255, 10_000])
def test_a_name_of_any_length_is_replaced_not_cut(length):
    assert NEUTRAL.fullmatch(username_for(named("o" * length)))


@pytest.mark.threat("F16")
def test_a_name_leaves_room_for_a_suffix_in_a_short_column():
    assert username_for(named("o" * 23), longest=30) == "o" * 23
    assert NEUTRAL.fullmatch(username_for(named("o" * 24), longest=30))
    assert NEUTRAL.fullmatch(username_for(named("administrator"), longest=20))


def test_a_long_column_is_no_reason_for_a_long_name():
    assert NEUTRAL.fullmatch(username_for(named("o" * 61), longest=150))


def test_who_signs_up_again_gets_the_same_name_and_nobody_else_does():
    assert username_for(named("")) == username_for(named(""))
    assert username_for(named("admin")) == username_for(named("admin"))
    assert username_for(named("")) != username_for(named("", subject="583232"))
    assert username_for(named("admin")) != username_for(named("admin", subject="583232"))


@pytest.mark.threat("F13", "F15", "F16")
@given(
    name=st.one_of(
        st.text(max_size=80),
        st.from_regex(r"[A-Za-z0-9._-]{0,70}", fullmatch=True),
        st.sampled_from(sorted(RESERVED)),
    ),
    subject=st.text(min_size=1),
    longest=st.integers(min_value=20, max_value=200),
)
@example(name="administrators", subject="1", longest=20)
@example(name="a" * 60, subject="1", longest=67)
def test_whatever_the_provider_says_the_name_is_safe(name, subject, longest):
    for tried in alternatives(username_for(named(name, subject), longest)):
        assert SAFE.fullmatch(tried)
        assert len(tried) <= min(longest, LONGEST)
        assert tried.casefold() not in RESERVED
        assert tried.isascii()


@pytest.mark.threat("F15")
@given(st.text())
def test_a_skeleton_is_small_letters_and_knows_no_case(name):
    assert re.fullmatch("[a-z]*", skeleton(name))
    assert skeleton(name) == skeleton(name.casefold())


@pytest.mark.threat("F15")
@pytest.mark.parametrize(
    ("one", "other"),
    [("admin", "ADM1N"), ("modem", "rnodern"), ("wow", "vvovv"), ("bill", "8i|!"), ("costa", "c0$t@")],
)
def test_names_that_a_hasty_reader_confuses_have_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.threat("F14")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("octocat", "OctoCat"),
        ("octocat", "óctocât"),
        ("strasse", "straße"),
        ("file", "\N{LATIN SMALL LIGATURE FI}le"),
    ],
)
def test_names_that_some_database_thinks_the_same_are_folded_into_one(one, other):
    assert folded(one) == folded(other)


@pytest.mark.threat("F17")
def test_the_alternatives_are_few_readable_and_end_in_one_that_cannot_be_foreseen():
    first, second = alternatives("octocat"), alternatives("octocat")

    assert first[:4] == ["octocat", "octocat-2", "octocat-3", "octocat-4"]
    assert re.fullmatch(r"octocat-[0-9a-f]{6}", first[4])
    assert len(first) == 5
    assert first[4] != second[4]
