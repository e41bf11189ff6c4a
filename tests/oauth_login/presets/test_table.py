"""Every OAuth 2.0 preset is a few lines, and has a case."""

import pytest

from oauth_login import providers
from scripts import write_docs
from tests.oauth_login.presets.site import CASES, with_some

pytestmark = [pytest.mark.provider, pytest.mark.django_db]


def test_every_row_of_the_table_has_a_case():
    assert set(CASES) == {name for name in providers.names() if "CLAIMS" in providers.row(name)}


def test_a_value_that_is_called_otherwise_is_missed_at_once():
    with pytest.raises(ValueError, match=r"^nothing is called nul\b"):
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
