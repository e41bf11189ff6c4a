"""Which threats there are, and which tests prove that nothing comes of them: both read from the files."""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TEST_FUNCTION, TEST_CLASS = "test", "Test"  # what pytest collects unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Threat:
    """One row: what is attempted, and why that does not apply here, if it does not."""

    id: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Threats of one kind; ``later`` says which part they belong to if that part is not there yet."""

    name: str
    threats: Sequence[Threat]
    later: str


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """A test by its place: the file below the root, and the name as pytest writes it."""

    path: str
    name: str


class UnreadableMarkError(Exception):
    """A mark from which no reader of the source could tell which test proves what."""


def groups(root: Path) -> list[Group]:
    """Return the groups of ``docs/threats.toml`` in their order.

    :raises KeyError: a reason is given for an id that is no row of its group.
    """
    return [_group(written) for written in tomllib.loads((root / "docs/threats.toml").read_text()).values()]


def _group(written: Mapping[str, dict[str, str]]) -> Group:
    reasons = dict(written.get("why", {}))
    threats = [Threat(row, title, reasons.pop(row, "")) for row, title in written["rows"].items()]
    if reasons:
        raise KeyError(*reasons)
    return Group(str(written["name"]), threats, str(written.get("later", "")))


def proofs(root: Path) -> dict[str, list[Proof]]:
    """Return the tests that cite each id, found in the source: nothing is imported or run.

    :raises UnreadableMarkError: see :func:`cited`; or a mark that belongs to no test.
    """
    found = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        place = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(), filename=place)
        unclaimed = set(_marks(tree))
        for name, marks in _tests(tree.body):
            unclaimed -= marks
            for row in dict.fromkeys(row for mark in _in_order(marks) for row in cited(mark, place)):
                found[row].append(Proof(place, name))
        for mark in _in_order(unclaimed):
            raise UnreadableMarkError(f"{place}:{mark.lineno}: this mark belongs to no test")
    return dict(found)


def cited(mark: ast.Call, place: str) -> Iterator[str]:
    """Yield the ids of one mark.

    :raises UnreadableMarkError: an id is not written out, so that only a run would tell which it is.
    """
    for argument in mark.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise UnreadableMarkError(f"{place}:{mark.lineno}: write the ids out")
        yield argument.value


def _tests(
    body: Sequence[ast.stmt], inherited: frozenset[ast.Call] = frozenset(), owner: str = ""
) -> Iterator[tuple[str, frozenset[ast.Call]]]:
    """Yield every test with the marks it has itself, or from its class or module."""
    inherited = inherited.union(*(_marks(node) for node in body if _is_pytestmark(node)))
    for node in body:
        match node:
            case ast.ClassDef(name=name) if name.startswith(TEST_CLASS):
                own = inherited.union(*map(_marks, node.decorator_list))
                yield from _tests(node.body, own, f"{owner}{name}::")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith(TEST_FUNCTION):
                    # The cases of a parametrized test, which may have marks of their own, are among them.
                    yield f"{owner}{name}", inherited.union(*map(_marks, node.decorator_list))


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


def _marks(tree: ast.AST) -> frozenset[ast.Call]:
    """Return every ``pytest.mark.threat(…)`` in *tree*."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return frozenset(call for call in calls if ast.unparse(call.func) == "pytest.mark.threat")


def _in_order(marks: frozenset[ast.Call] | set[ast.Call]) -> list[ast.Call]:
    return sorted(marks, key=lambda mark: (mark.lineno, mark.col_offset))
