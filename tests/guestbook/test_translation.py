"""Chinese is not an afterthought: it is whole, and what is shipped is what was translated."""

from pathlib import Path

import polib  # type: ignore[import-untyped]

import guestbook
from tests.guestbook.markup import read

MESSAGES = Path(guestbook.__file__).parent / "locale/zh_Hans/LC_MESSAGES"


def test_a_chinese_visitor_reads_chinese(client, db):
    page = read(client.get("/", headers={"accept-language": "zh-Hans"}))
    assert page.one("html")["lang"] == "zh-hans"
    assert page.one("title").text == "留言簿"
    assert page.one("textarea")["placeholder"] == "朕已阅"


def test_every_message_is_translated():
    messages = polib.pofile(str(MESSAGES / "django.po"))
    assert messages.percent_translated() == 100
    assert not messages.fuzzy_entries()
    assert not messages.obsolete_entries()


def test_what_is_compiled_is_what_was_translated():
    source = polib.pofile(str(MESSAGES / "django.po"))
    compiled = polib.mofile(str(MESSAGES / "django.mo"))
    assert {(m.msgid, m.msgstr, *m.msgstr_plural.values()) for m in source} == {
        (m.msgid, m.msgstr, *m.msgstr_plural.values()) for m in compiled
    }
