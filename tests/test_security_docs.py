"""The page about security says which test proves what, and says it of the tests that are there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import write_docs
from scripts.threats import UnreadableMarkError, groups, proofs

ROOT = Path(__file__).resolve().parent.parent
ROWS = [row for group in groups(ROOT) for row in group.threats]
PRESENT = [row for group in groups(ROOT) if not group.later for row in group.threats]
PROVED = proofs(ROOT)

THREATS = """
[A]
name = "Here"
rows = { A01 = "Steal", A02 = "Lie", A03 = "Cheat", A04 = "Come late" }
why = { A03 = "nobody plays" }

[B]
name = "There"
later = "That is not there yet."
rows = { B01 = "Rob", B02 = "Spy" }
"""
PAGE = """# Page

<!-- count -->
old
<!-- /count -->

Prose.

<!-- threats --><!-- /threats -->
The end.
"""
TESTS = """
import pytest

pytestmark = [pytest.mark.threat("B02"), pytest.mark.slow]
CASES = [1, 2]

@pytest.mark.threat("A01", "A02")
def test_one(): pass

@pytest.mark.threat("A01")
async def test_two(): pass

@pytest.mark.threat("A01")
@pytest.mark.threat("A01")
@pytest.mark.parametrize("case", [1, pytest.param(2, marks=[pytest.mark.slow, pytest.mark.threat("A02")])])
def test_three(case): pass

@pytest.mark.threat("A01")
class TestClass:
    def helper(self): pass
    def test_four(self): pass

class TestOther:
    pytestmark = pytest.mark.threat("A01")
    @pytest.mark.threat("A02")
    def test_five(self): pass

class Helper:
    def test_nothing(self): pass
"""
WRITTEN = """# Page

<!-- count -->
**2 of 4 rows are proved by 5 tests; 1 do not apply, and say why.**
Open: A04.
Another 2 rows belong to parts that are not there yet; 1 of them are proved already.
<!-- /count -->

Prose.

<!-- threats -->
### Here

| id | what is attempted | proved by |
|---|---|---|
| A01 | Steal | [`test_one`](../tests/part/test_it.py)<br>[`test_two`](../tests/part/test_it.py)<br>\
[`test_three`](../tests/part/test_it.py)<br>and 2 more |
| A02 | Lie | [`test_one`](../tests/part/test_it.py)<br>[`test_three`](../tests/part/test_it.py)<br>\
[`TestOther::test_five`](../tests/part/test_it.py) |
| A03 | Cheat | does not apply: nobody plays |
| A04 | Come late | **open** |

### There

That is not there yet.

| id | what is attempted | proved by |
|---|---|---|
| B01 | Rob | not yet |
| B02 | Spy | [`test_one`](../tests/part/test_it.py)<br>[`test_two`](../tests/part/test_it.py)<br>\
[`test_three`](../tests/part/test_it.py)<br>and 2 more |
<!-- /threats -->
The end.
"""


@pytest.fixture
def project(tmp_path):
    """A small project with threats, a page and tests."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/threats.toml").write_text(THREATS)
    (tmp_path / "docs/security.md").write_text(PAGE)
    for path in write_docs.DOCUMENTS.keys() - {"docs/security.md"} | {"docs/providers.toml"}:
        shutil.copy(ROOT / path, tmp_path / path)
    # What is written of the presets is read from where they are.
    (tmp_path / "oauth_login").symlink_to(ROOT / "oauth_login")
    people = tmp_path / write_docs.PEOPLE
    people.parent.mkdir(parents=True)
    people.symlink_to(ROOT / write_docs.PEOPLE)
    (tmp_path / "tests/part").mkdir()
    (tmp_path / "tests/part/test_it.py").write_text(TESTS)
    (tmp_path / "tests/part/conftest.py").write_text("import nothing_that_is_there")
    return tmp_path


# --- This project ----------------------------------------------------------------------------------------


def test_the_documents_are_what_would_be_written():
    assert write_docs.main(["--check"]) is None


def test_every_row_has_a_number_of_its_own():
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_every_number_that_a_test_cites_is_a_row():
    assert PROVED.keys() <= {row.id for row in ROWS}


def test_every_row_has_a_test_or_says_why_it_does_not_apply():
    assert [row.id for row in PRESENT if row.id not in PROVED and not row.why] == []


def test_no_row_that_a_test_proves_says_that_it_does_not_apply():
    assert [row.id for row in ROWS if row.id in PROVED and row.why] == []


# --- How it is written -----------------------------------------------------------------------------------


def test_what_the_files_say_is_written_between_the_prose_and_is_then_up_to_date(project):
    complaint = "Not what would be written: docs/security.md. Run: make docs"
    page = project / "docs/security.md"
    assert write_docs.main(["--check"], project) == complaint
    assert page.read_text() == PAGE

    assert write_docs.main([], project) is None

    assert page.read_text() == WRITTEN
    assert write_docs.main(["--check"], project) is None


def test_where_every_row_is_answered_none_is_said_to_be_open(project):
    (project / "docs/threats.toml").write_text(THREATS.replace(', A04 = "Come late"', ""))

    write_docs.main([], project)

    assert "Open" not in (project / "docs/security.md").read_text()


@pytest.mark.parametrize("page", ["no place", "<!-- count --><!-- /count -->" * 2])
def test_a_page_without_exactly_one_place_is_refused(project, page):
    (project / "docs/security.md").write_text(page)

    with pytest.raises(ValueError, match="<!-- count -->"):
        write_docs.main([], project)


@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        ("@pytest.mark.threat(NUMBER)\ndef test_it(): pass", "write the ids out"),
        ("@pytest.mark.threat(*NUMBERS)\ndef test_it(): pass", "write the ids out"),
        ("@pytest.mark.threat(1)\ndef test_it(): pass", "write the ids out"),
        ('@pytest.mark.threat("A01")\ndef helper(): pass', "this mark belongs to no test"),
        ('def cases(): return pytest.param(1, marks=pytest.mark.threat("A01"))', "belongs to no test"),
    ],
)
def test_a_mark_that_only_a_run_could_read_is_refused(project, mark, complaint):
    (project / "tests/test_marks.py").write_text(mark)

    with pytest.raises(UnreadableMarkError, match=rf"^tests/test_marks.py:1: .*{complaint}$"):
        proofs(project)


def test_a_reason_for_a_row_that_is_not_there_is_refused(project):
    (project / "docs/threats.toml").write_text(THREATS.replace('A03 = "nobody', 'A05 = "nobody'))

    with pytest.raises(KeyError, match="A05"):
        groups(project)


def check(directory):
    return subprocess.run(
        [sys.executable, "-m", "scripts.write_docs", "--check"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_fails_where_a_page_is_out_of_date_and_only_there(project):
    shutil.copytree(ROOT / "scripts", project / "scripts", ignore=shutil.ignore_patterns("__pycache__"))

    stale = check(project)

    assert stale.returncode == 1
    assert "make docs" in stale.stderr
    assert check(ROOT).returncode == 0
