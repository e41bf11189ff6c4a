"""Which ids are somebody: one rule for every provider (threats F01, F02)."""

import pytest

from oauth_login.errors import ProviderResponseError
from oauth_login.providers.subjects import positive_integer_subject, subject


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


NOBODIES = [
    *("", " ", "  ", "x ", " x", "a\nb", "\u00e9", "x" * 256),
    *(
        "null",
        "None",
        "NULL",
        "(null)",
        "<nil>",
        "nil",
        "undefined",
        "NaN",
        "N/A",
        "n/a",
        "unknown",
        "Unknown",
    ),
    *(
        "anonymous",
        "true",
        "False",
        "[object Object]",
        '"null"',
        "[ null ]",
        "{}",
        "[]",
        "-",
        "?",
        "...",
        "DBNull",
    ),
    *("none.", "null,", "*None*", "-undefined-", "'nil'.", "%", "=/+", "NULL!"),
    *("0x0", "0X00", "0-0", "0.0.0", "{00000000-0000-0000-0000-000000000000}"),
    *("00000000-0000-0000-0000-000000000000", "urn:uuid:00000000-0000-0000-0000-000000000000"),
    *("0", "00", "-0", "+0", "0.0", "000.000", "0.", "-1", "-2", "+1", "-1.5", "-Infinity"),
]


@pytest.mark.threat("F01", "F02")
@pytest.mark.parametrize("kind", ["", "str", "int"])
@pytest.mark.parametrize("value", NOBODIES, ids=ascii)
def test_words_of_nobody_are_nobody(value, kind):
    with pytest.raises(ProviderResponseError, match="subject_invalid"):
        subject(value, kind)


@pytest.mark.parametrize(
    "value",
    [
        "7",
        "07",
        "7.0",
        "x",
        "null-island",
        "Nil Armstrong",
        "001234.ab12.0987",
        "00000000-0000-0000-0000-000000000001",
        "0x1",
        "0x",
        "null.o",
        "-7-",
        "{3f6c}",
        "a" * 255,
        "1" * 255,
    ],
)
def test_an_opaque_id_is_itself(value):
    assert subject(value, "str") == value


@pytest.mark.threat("F02")
@pytest.mark.parametrize("value", ["01", "007", "7.0", "7.", "1.50"])
def test_where_numbers_are_ids_a_number_has_one_spelling(value):
    assert subject(7) == subject("7") == "7"
    with pytest.raises(ProviderResponseError, match="subject_invalid"):
        subject(value)
