"""Chinese is not an afterthought: it is whole, and what is shipped is what was translated."""

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

import guestbook
import oauth_login

CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "pgettext"}


@pytest.fixture(params=[guestbook, oauth_login], ids=lambda app: app.__name__)
def app(request):
    return Path(request.param.__file__).parent


@pytest.fixture
def translated(app):
    return polib.pofile(str(app / "locale/zh_Hans/LC_MESSAGES/django.po"))


def written(app):
    """Return every message of the app's source and templates, as gettext would collect them."""
    found = set()
    for source in app.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
                found.add(ast.literal_eval(node.args[0]))
    for template in [*app.rglob("templates/**/*.html"), *app.rglob("templates/**/*.txt")]:
        # It leaves calls of gettext() behind, and crosses out the rest.
        for message in re.findall(
            r"gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", templatize(template.read_text())
        ):
            found.add(ast.literal_eval(message).replace("%%", "%"))
    return found


def test_every_message_is_translated(app, translated):
    assert {message.msgid for message in translated} == written(app)
    assert translated.percent_translated() == 100
    assert not translated.fuzzy_entries()
    assert not translated.obsolete_entries()


def test_placeholders_and_markup_survive_translation(translated):
    for message in translated:
        for text in [message.msgstr, *message.msgstr_plural.values()]:
            if text:
                pattern = r"%\(\w+\)[sd]|%[sd]|</?\w+>"
                assert sorted(re.findall(pattern, text)) == sorted(re.findall(pattern, message.msgid)), text


def test_what_is_compiled_is_what_was_translated(app, translated):
    compiled = polib.mofile(str(app / "locale/zh_Hans/LC_MESSAGES/django.mo"))
    assert {(m.msgid, m.msgstr, *m.msgstr_plural.values()) for m in translated} == {
        (m.msgid, m.msgstr, *m.msgstr_plural.values()) for m in compiled
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "text"),
    [("/", "朕已阅"), ("/oauth2/login/", "使用 GitHub 登录"), ("/oauth2/github/callback/", "登录没有成功")],
)
def test_a_chinese_visitor_reads_chinese(client, path, text):
    page = client.get(path, headers={"accept-language": "zh-Hans"}).content.decode()
    assert '<html lang="zh-hans"' in page
    assert text in page
