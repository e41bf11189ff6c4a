"""Writes into the documents what the code knows: ``make docs``, or ``python -m scripts.write_docs``.

A document is prose, written by hand, around places that begin with ``<!-- name -->`` and end with
``<!-- /name -->``. One function per document says what goes there. ``--check`` writes nothing and fails
if a document is not what would be written; a test does so, too.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from oauth_login import providers
from oauth_login.causes import CAUSES
from oauth_login.providers import table
from oauth_login.providers.definition import WORDS
from oauth_login.providers.plain_grants import BEARING
from scripts.threats import Group, Proof, Threat, groups, proofs

ROOT: Final = Path(__file__).resolve().parent.parent
OF_THEIR_OWN: Final = frozenset(module.__name__.rpartition(".")[2] for module in table.OF_THEIR_OWN)
MOST_SHOWN: Final = 4  # tests per row; of more, one less is shown


def filled(text: str, **contents: str) -> str:
    """Return *text* with the places of those names filled anew.

    :raises ValueError: a place is not there, or there twice.
    """
    for name, content in contents.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        parts = re.split(f"{begin}.*?{end}", text, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"{begin}…{end} is there {len(parts) - 1} times")
        text = f"{begin}\n{content}\n{end}".join(parts)
    return text


# --- docs/security.md ------------------------------------------------------------------------------------


def security(root: Path) -> str:
    """Return ``docs/security.md`` with the threats and the tests that are there now."""
    threats, proved = groups(root), proofs(root)
    return filled(
        (root / "docs/security.md").read_text(),
        count=_count(threats, proved),
        threats="\n\n".join(_section(group, proved) for group in threats),
    )


def _count(threats: Sequence[Group], proved: Mapping[str, Sequence[Proof]]) -> str:
    """Say how much is proved; a test with many cases is one test."""
    present = [row for group in threats if not group.later for row in group.threats]
    later = [row for group in threats if group.later for row in group.threats]
    shown = [row for row in present if row.id in proved]
    tests = {proof for row in shown for proof in proved[row.id]}
    waived = [row for row in present if row.why]
    open_rows = [row.id for row in present if row.id not in proved and not row.why]
    lines = [
        f"**{len(shown)} of {len(present)} rows are proved by {len(tests)} tests; "
        f"{len(waived)} do not apply, and say why.**"
    ]
    if open_rows:
        lines.append(f"Open: {', '.join(open_rows)}.")
    if later:
        lines.append(
            f"Another {len(later)} rows belong to parts that are not there yet; "
            f"{sum(row.id in proved for row in later)} of them are proved already."
        )
    return "\n".join(lines)


def _section(group: Group, proved: Mapping[str, Sequence[Proof]]) -> str:
    lines = [f"### {group.name}", ""]
    if group.later:
        lines += [group.later, ""]
    lines += ["| id | what is attempted | proved by |", "|---|---|---|"]
    lines += [
        f"| {row.id} | {row.title} | {_answer(group, row, proved.get(row.id, ()))} |" for row in group.threats
    ]
    return "\n".join(lines)


def _answer(group: Group, row: Threat, found: Sequence[Proof]) -> str:
    if not found:
        return f"does not apply: {row.why}" if row.why else "not yet" if group.later else "**open**"
    shown = found if len(found) <= MOST_SHOWN else found[: MOST_SHOWN - 1]
    # The name and no line: a line would have to be written anew whenever something above it changes.
    links = [f"[`{proof.name}`](../{proof.path})" for proof in shown]
    if len(shown) < len(found):
        links.append(f"and {len(found) - len(shown)} more")
    return "<br>".join(links)


# --- docs/refusals.md ------------------------------------------------------------------------------------


def refusals(root: Path) -> str:
    """Return ``docs/refusals.md`` with the codes that are there now."""
    lines = ["| code | status | what is behind it | what to do |", "|---|---|---|---|"]
    lines += [
        f'| <a id="{code}"></a>`{code}` | {cause.status} | {cause.cause} | {cause.cure} |'
        for code, cause in CAUSES.items()
    ]
    return filled((root / "docs/refusals.md").read_text(), codes="\n".join(lines))


# --- docs/providers.md, docs/providers-from-data.md ------------------------------------------------------


def presets(root: Path) -> str:
    """Return ``docs/providers.md`` with the presets that are there now."""
    facts = tomllib.loads((root / "docs/providers.toml").read_text())
    sections = [_preset(name, providers.row(name), facts[name]) for name in providers.names()]
    lengths = sorted(row_lengths(root).values())
    return filled(
        (root / "docs/providers.md").read_text(),
        count=f"There are {len(sections)}. {len(lengths)} are rows: {lengths[-1]} lines at most, with their "
        f"braces, and {median(lengths):g} in the middle. With a quirk they have a file of 60 lines at most: "
        f"{_listed(file_lengths(root))}. GitHub is a class in {_listed(class_lengths(root))}.",
        presets="\n\n".join(sections),
    )


def _listed(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}.py` ({lines} lines)" for name, lines in lengths.items())


def row_lengths(root: Path) -> dict[str, int]:
    """Return how many lines each preset that is a row has, in all tables together.

    From its name to its closing brace, and of the constants those that no other preset uses.
    """
    found: dict[str, int] = defaultdict(int)
    for path in sorted((root / "oauth_login/providers").glob("*.py")):
        if path.stem not in OF_THEIR_OWN:
            for name, lines in _rows(ast.parse(path.read_text())).items():
                found[name] += lines
    return found


def file_lengths(root: Path) -> dict[str, int]:
    """Return how many lines the file has of each provider that is a row with a quirk."""
    return _lengths(root, *(f"{name}.py" for name in sorted(OF_THEIR_OWN)))


def class_lengths(root: Path) -> dict[str, int]:
    """Return how many lines the files have of the one provider that is no row: all of what is GitHub's."""
    return _lengths(root, "github*.py")


def _lengths(root: Path, *patterns: str) -> dict[str, int]:
    paths = [path for pattern in patterns for path in sorted((root / "oauth_login/providers").glob(pattern))]
    return {path.stem: len(path.read_text().splitlines()) for path in paths}


def _rows(module: ast.Module) -> dict[str, int]:
    """Return the lines of each preset in a module."""
    constants = {
        node.target.id: node
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id != "ROWS"
    }
    found: dict[str, int] = defaultdict(int)
    users: dict[str, set[str]] = defaultdict(set)
    for rows in (node for node in ast.walk(module) if isinstance(node, ast.Dict)):
        for key, row in zip(rows.keys, rows.values, strict=True):
            if isinstance(key, ast.Constant) and providers.row(key.value):
                found[str(key.value)] += _lines(key, row)
                for name in _named(row, constants):
                    users[name].add(str(key.value))
    for name, presets_ in users.items():
        if len(presets_) == 1:
            found[presets_.pop()] += _lines(constants[name])
    return found


def _named(node: ast.AST | None, constants: Mapping[str, ast.AnnAssign]) -> set[str]:
    """Return the constants that a row is made of, those of which they are made among them."""
    nodes = ast.walk(node) if node else ()
    names = {each.id for each in nodes if isinstance(each, ast.Name) and each.id in constants}
    return names.union(*(_named(constants[name].value, constants) for name in names))


def _lines(first: ast.expr | ast.stmt, last: ast.expr | ast.stmt | None = None) -> int:
    last = last or first
    return (last.end_lineno or last.lineno) - first.lineno + 1


def _preset(name: str, row: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    registration = row.get("REGISTRATION") or facts.get("registration")
    cells = [
        ("preset", f"`{name}`, {_kind(row)}"),
        ("register at", f"<{registration}>" if registration else "your own server"),
        ("callback URL", f"`https://<your host>/oauth2/{name}/callback/`"),
        (", ".join(f"`{key}`" for key in to_be_set(name)), facts["credentials"]),
        *_asked(name),
        ("e-mail", facts["email"]),
        ("refresh", _refresh(row, facts)),
        ("revocation", _revocation(row) if row else facts["revocation"]),
        ("asks anew", _reauthentication(row)),
        *(("note", note) for note in facts.get("notes", ())),
        *(("*unverified*", doubt) for doubt in facts.get("unverified", ())),
    ]
    lines = [f"## {row.get('LABEL') or facts['label']}", "", "| | |", "|---|---|"]
    return "\n".join(lines + [f"| {what} | {said} |" for what, said in cells])


def to_be_set(name: str) -> list[str]:
    """Return the keys without which a preset is no provider."""
    row = providers.row(name)
    return [key for key in providers.kind(name, {}).required(row) if key not in row]


def _asked(name: str) -> list[tuple[str, str]]:
    """Say what is asked for by a provider of the preset with nothing set but what has to be."""
    provider = providers.build(name, dict.fromkeys(to_be_set(name), "x"), transport=None)
    return [
        ("`SCOPE`", f"`{provider.scope}`" if provider.scope else "none"),
        ("PKCE", "yes" if provider.pkce else "not sent"),
    ]


def _refresh(row: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    way = "With a refresh token, if it gives one." if row.get("REFRESHES", True) else "None."
    return f"{way} {facts.get('refresh', '')}".rstrip()


def _revocation(row: Mapping[str, Any]) -> str:
    """Say what is sent to give a grant back: the classes of the two kinds of rows do it so."""
    endpoint = row.get("REVOCATION_ENDPOINT")
    if "CLAIMS" not in row:
        return "RFC 7009, where the server's discovery document names an endpoint."
    if not endpoint:
        return "None is known: the visitor removes the grant in the provider's settings."
    request, names = row.get("REVOCATION_REQUEST", "form"), row.get("REVOCATION_NAMES", {})
    method = {"query": "GET", "delete": "DELETE"}.get(request, "POST")
    if request in BEARING:
        shown = "the access token in a header"
    elif "token" not in names:
        return f"RFC 7009: {method} {endpoint}."
    else:
        client = "" if names.get("client_id") == "" else " and the client's credentials"
        where = {"query": " in the query", "json": " as JSON"}.get(request, "")
        shown = f"the access token{client}{where}"
    return f"{method} {endpoint} with {shown}."


def _reauthentication(row: Mapping[str, Any]) -> str:
    """Say what a confirmation through the provider is worth (docs/asking-later.md)."""
    if row.get("REAUTHENTICATES"):
        return "yes, by `prompt=login`; the ID Token has to say when (`auth_time`)."
    return "not known to: a confirmation says that the visitor is signed in there, and no more."


def _kind(row: Mapping[str, Any]) -> str:
    if "CLAIMS" in row:
        return "OAuth 2.0"
    return "OpenID Connect" if row else "a class of its own"


def definitions(root: Path) -> str:
    """Return ``docs/providers-from-data.md`` with the words that are there now."""
    lines = ["| key | default | is | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key}` | {_default(word.default)} | {word.expected} | {word.meaning} |"
        for key, word in WORDS.items()
    ]
    return filled((root / "docs/providers-from-data.md").read_text(), words="\n".join(lines))


def _default(value: object) -> str:
    return f"`{value!r}`" if value not in ("", (), {}) else ""


# --- docs/custom-users.md --------------------------------------------------------------------------------

PEOPLE: Final = "tests/oauth_login/people"


def custom_users(root: Path) -> str:
    """Return ``docs/custom-users.md`` with the examples as they are where they are tested."""
    text = (root / "docs/custom-users.md").read_text()
    names = re.findall(r"<!-- ([a-z]+/[\w/.]+) -->", text)
    return filled(text, **{name: _example(root / PEOPLE / name) for name in names})


def _example(path: Path) -> str:
    """Return an example as a site would write it: its app at the top, and of settings what is about users."""
    text = path.read_text().replace(f"{PEOPLE}/".replace("/", "."), "").strip()
    if path.name == "settings.py":
        text = text[text.index("AUTH_USER_MODEL") : text.index("INSTALLED_APPS")].strip()
    language = {".py": "python", ".html": "django"}[path.suffix]
    return f"```{language}\n{text}\n```"


# --- All of them -----------------------------------------------------------------------------------------

DOCUMENTS: Final[Mapping[str, Callable[[Path], str]]] = {
    "docs/custom-users.md": custom_users,
    "docs/providers-from-data.md": definitions,
    "docs/providers.md": presets,
    "docs/refusals.md": refusals,
    "docs/security.md": security,
}


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> str | None:
    """Write every document that is stale; with ``--check``, return what is wrong instead."""
    parser = argparse.ArgumentParser(prog="python -m scripts.write_docs", description="Write the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is stale")
    check = parser.parse_args(arguments).check
    written = {name: write(root) for name, write in DOCUMENTS.items()}
    stale = [name for name, text in written.items() if (root / name).read_text() != text]
    if check and stale:
        return f"Not what would be written: {', '.join(stale)}. Run: make docs"
    for name in stale:
        (root / name).write_text(written[name])
    return None


if __name__ == "__main__":
    sys.exit(main())
