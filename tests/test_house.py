"""The house rules that no linter holds: lengths, names, silence, and what the lock promises."""

from __future__ import annotations

import ast
import re
import tomllib
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

import pytest

PACKAGES = ("collector", "accounting", "app", "sql", "chipledger")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, str]:
    files = (file for package in PACKAGES for file in sorted((root / package).rglob("*.py")))
    return {str(file.relative_to(root)): file.read_text("utf-8") for file in files}


def nodes(sources: dict[str, str]) -> list[tuple[str, ast.AST]]:
    return [(name, node) for name, text in sources.items() for node in ast.walk(ast.parse(text, name))]


def test_files_are_short(sources: dict[str, str]) -> None:
    lines = {name: text.count("\n") for name, text in sources.items()}

    assert {name: n for name, n in lines.items() if n > 500} == {}
    assert median(lines.values()) <= 150


def test_functions_are_short(sources: dict[str, str]) -> None:
    lengths = {
        f"{name}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, node in nodes(sources)
        if isinstance(node, FUNCTIONS)
    }
    longest = sorted(lengths.items(), key=lambda item: -item[1])[:10]

    assert median(lengths.values()) <= 10, longest
    assert quantiles(lengths.values(), n=10)[8] <= 35, longest


def test_modules_are_named_by_noun(sources: dict[str, str]) -> None:
    vague = {"utils", "util", "helpers", "common", "misc"}

    assert [name for name in sources if vague & set(Path(name).with_suffix("").parts)] == []


def test_no_error_is_swallowed(sources: dict[str, str]) -> None:
    silent = [
        f"{name}:{node.lineno}"
        for name, node in nodes(sources)
        if isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
    ]

    assert silent == []


def test_packages_hold_their_docstring(sources: dict[str, str]) -> None:
    bare = [name for name, text in sources.items() if text.strip() and not ast.get_docstring(ast.parse(text))]

    assert bare == []


def test_the_lock_is_hashed_and_names_no_host(root: Path) -> None:
    lock = (root / "requirements.lock").read_text("utf-8")
    entries = re.split(r"\n(?=\S)", lock.strip())

    assert "://" not in lock
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_every_dependency(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *chain.from_iterable(extras.values()),
        *project["dependency-groups"]["dev"],
    ]
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", (root / "requirements.lock").read_text("utf-8")))

    assert {re.split(r"[<>=]", name)[0] for name in wanted} <= locked


def test_the_changelog_says_which_numbers_change(root: Path) -> None:
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    releases = re.split(r"(?m)^## ", changelog)[1:]

    assert [release.splitlines()[0] for release in releases if "### Numbers that change" not in release] == []
