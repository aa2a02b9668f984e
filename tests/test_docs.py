"""The documents say what is so: their commands are run, their outputs compared, their tables held against the code.

`python tests/test_docs.py` writes the outputs anew.

Blocks of a document share one folder and run in order: ```console runs its `$ ` lines (`> ` continues one), ```sql is a
query, and a block with a name after its language (```toml pods.toml) is a file. `<!-- setup: checkout -->` begins in a
folder that holds docs/examples, `<!-- setup: company -->` in a project with all of them imported and run,
`<!-- setup: node -->` on a machine with GPUs, whose driver is the stub of tests/fakes: it needs a C compiler;
`<!-- setup: prometheus -->` beside a Prometheus on port 19090, which has a day of tests/fakes: 2026-03-01;
`<!-- setup: bigquery -->` beside an empty BigQuery on ports 19050 (REST) and 19060 (Storage API).
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import click
import msgspec
import polars as pl
import pytest

import sql
from accounting import commitments, config, currencies, grid, pipeline, policy
from accounting.cli import cli
from accounting.config import load_config, write_project
from accounting.core.faults import KINDS
from accounting.errors import InputError
from accounting.inputs.importing import Outcome, import_file, silent
from accounting.inputs.mapping import Mapping, Settings, TimeSettings, check_kind, columns_of, kinds, load_mapping
from accounting.project import open_project
from accounting.simulate.apis.prometheus import Prometheus
from accounting.stores.lake import Lake
from accounting.tables import STATES
from collector.cli import cli as agent
from tests.fakes import vllm
from tests.fakes.node import Node
from tests.fakes.prometheus import day

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
ORDER = ("capacity", "prices", "teams", "jobs", "samples")
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")),
]
HOME = "/home/ana/chipledger"
NOW = 1_775_000_000_000

PUBLICATION = r"\d{8}T\d{6}Z-[0-9a-f]{8}"
INSTANT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
OF_THE_MACHINE = r"(?m)^(?:ok|warn) +(clock|PID namespace): .*(?:\n +→ .*)?"
AGE = r"\b(\d+ d \d+ h|\d+ h \d+ min|\d+ min)\b"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block or a setup comment; `line` counts from 0 and is that of the first line inside."""

    language: str
    name: str
    line: int
    lines: list[str]


@dataclass(slots=True)
class Step:
    """A command of a console block and what the document shows of it."""

    command: list[str]
    shown: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    found, inside = [], None
    for number, line in enumerate(text.splitlines()):
        setup = re.fullmatch(r"<!-- setup: (\w+) -->", line)
        if setup:
            found.append(Block("setup", setup[1], number, []))
        elif line.startswith("```") and inside is None:
            language, _, name = line.removeprefix("```").partition(" ")
            inside = Block(language, name, number + 1, [])
            found.append(inside)
        elif line == "```":
            inside = None
        elif inside is not None:
            inside.lines.append(line)
    return found


def steps(block: Block) -> list[Step]:
    found: list[Step] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append(Step([line.removeprefix("$ ")]))
        elif line.startswith("> ") and not found[-1].shown:
            found[-1].command.append(line.removeprefix("> "))
        else:
            found[-1].shown.append(line)
    return found


class Reader:
    """Somebody who reads a document from its top and does what stands there, in `home`."""

    def __init__(self, folder: Path) -> None:
        self.home = self.here = folder / "home"
        self.state, self.status = folder / "state", 0
        self.node: Node | None = None
        self.prometheus: Prometheus | None = None
        self.opened = ExitStack()
        shutil.copytree(EXAMPLES, self.home / "docs" / "examples")
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.install("chipledger", "chipledger.command")
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(self.home), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}

    def install(self, name: str, module: str, arguments: str = "") -> None:
        program = self.programs / name
        script = f"exec {sys.executable} -P -c 'from {module} import main; main()' {arguments} \"$@\""
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def close(self) -> None:
        self.opened.close()
        for server in (self.node, self.prometheus):
            if server:
                server.close()

    def set_up(self, name: str) -> None:
        if name == "node":
            self.node = Node(self.state.with_name("node"))
            self.environment |= self.node.environment
            settings = " ".join(f"--set {key}={value}" for key, value in self.node.settings.items())
            self.install("chipledger-agent", "collector.cli", settings)
        if name == "prometheus":
            self.prometheus = Prometheus([*day.fleet(), *vllm.stored(day.START_MS // 1000, 30)], port=19090)
        if name == "bigquery":
            pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")
            from tests.fakes.bigquery.serving import serve

            self.opened.enter_context(serve(19050, 19060))
        if name == "company":
            shutil.copytree(company(), self.home / "mycluster")
            self.here = self.home / "mycluster"

    def does(self, block: Block) -> None:
        """Everything but console blocks."""
        if block.language == "setup":
            self.set_up(block.name)
        elif block.name:
            (self.here / block.name).write_text("\n".join(block.lines) + "\n", "utf-8")
        elif block.language == "sql":
            open_project(self.here).query("\n".join(block.lines))

    def types(self, command: str) -> list[str]:
        script = f"cd {self.here}\n(exit {self.status})\n{command}\ns=$?; pwd > {self.state}; exit $s"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.here, self.status = Path(self.state.read_text().strip()), done.returncode
        return [line.rstrip() for line in done.stdout.replace(str(self.home), HOME).rstrip().splitlines()]


@cache
def company() -> Path:
    """A project with the example company imported and run."""
    kept = tempfile.mkdtemp(prefix="chipledger-docs-")
    atexit.register(shutil.rmtree, kept)
    folder = Path(kept) / "mycluster"
    settings = load_config(write_project(folder))
    lake = Lake.create(settings.lake)
    for number, kind in enumerate(ORDER):
        imported(lake, kind, NOW + number * 1000)
    pipeline.run(settings, None, None, silent)
    return folder


def imported(lake: Lake, kind: str, now: int) -> Outcome:
    return import_file(lake, kind, EXAMPLES / f"{kind}.csv", load_mapping(EXAMPLES / f"{kind}.toml"), now=now)


def masked(command: str, lines: list[str]) -> list[str]:
    """What differs from one run to the next, and only that, made equal."""
    text = re.sub(PUBLICATION, "PUBLICATION", "\n".join(lines).rstrip())
    text = re.sub(r"[\d,]+ bytes; generation", "N bytes; generation", text)
    if re.search("chipledger (close|verify)", command):
        text = re.sub("SHA-256 [0-9a-f]{64}", "SHA-256", text)  # of the instant, too
    if "chipledger imports" in command:
        text = re.sub(INSTANT, "INSTANT", text)
    if "chipledger status" in command:
        text = re.sub(AGE, "AGE", re.sub(f"(?<=last run: ){INSTANT}", "INSTANT", text))
        text = re.sub(r"─+", "─", re.sub(r" {2,}", "  ", text))
    if "chipledger explain" in command:
        text = re.sub(f"(?<=run of ){INSTANT}; digest of the day's inputs: [0-9a-f]{{32}}", "INSTANT, DIGEST", text)
        text = re.sub(r"(?<=, numbers )\d+", "N", text)
    if "chipledger demo" in command:
        text = re.sub(r"made in \d+ s", "made in N s", text)
    if re.match(r"chipledger .*\bingest", command):
        text = re.sub(AGE, "AGE", re.sub(r"[\d,]+ (?=records of)", "N ", text))
    if re.match(r"chipledger-agent .*doctor", command):
        text = re.sub(OF_THE_MACHINE, r"\1: …", text)
    if "doctor" in command:
        text = re.sub(r"[\d.,]*\d", "N", text)
    return [line.rstrip() for line in text.splitlines()]


def read_through(document: Path, folder: Path) -> Iterator[tuple[Block, Step, list[str], int]]:
    """Every command of a document with what it printed and its exit status."""
    with closing(Reader(folder)) as reader:
        for block in blocks(document.read_text("utf-8")):
            if block.language != "console":
                reader.does(block)
                continue
            for step in steps(block):
                yield block, step, reader.types("\n".join(step.command)), reader.status


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_print_what_stands_there(document: str, tmp_path: Path) -> None:
    if "<!-- setup: node -->" in (ROOT / document).read_text("utf-8") and shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) for the stub of libnvidia-ml.so.1")
    unexpected: str | None = None
    for _, step, printed, status in read_through(ROOT / document, tmp_path):
        command = "\n".join(step.command)

        assert unexpected is None or command == "echo $?", f"{unexpected}: failed, and the document does not say so"
        assert masked(command, printed) == masked(command, step.shown), f"{document}: $ {command}"

        unexpected = command if status and command != "echo $?" else None
    assert unexpected is None


def commands(group: click.Command = cli, name: str = "chipledger") -> dict[str, click.Command]:
    found = {name: group}
    if isinstance(group, click.Group):
        context = click.Context(group)
        for word in group.list_commands(context):
            found |= commands(group.get_command(context, word) or group, f"{name} {word}")
    return found


def code(text: str) -> str:
    """What a document sets in code: blocks and spans."""
    fences = re.findall(r"(?ms)^```.*?^```", text)
    return "\n".join([*fences, *re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))])


def written() -> dict[str, str]:
    return {name: (ROOT / name).read_text("utf-8") for name in DOCUMENTS}


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(code(t) for t in written().values())
    both = commands() | commands(agent, "chipledger-agent")
    missing = [name for name in both if not re.search(rf"\b{name}\b", text)]
    for name, command in both.items():
        options = [o for p in command.params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")]
        missing += [f"{name} {o}" for o in options if not re.search(rf"(?<![\w-]){o}(?![\w-])", text)]

    assert missing == []


@pytest.mark.parametrize(("program", "group"), [("chipledger", cli), ("chipledger-agent", agent)])
def test_every_documented_command_exists(program: str, group: click.Group) -> None:
    known = {name.split()[1] for name in commands(group, program) if " " in name}
    used = {
        (name, word)
        for name, text in written().items()
        for word in re.findall(rf"(?m)(?:^|[`$;&|(/] ?){program}(?: --\w+(?: \S+)?)* ([a-z]+)\b", code(text))
    }

    assert {(name, word) for name, word in used if word not in known} == set()


def test_settings_are_documented() -> None:
    text = "\n".join(code(t) for t in written().values())
    structs = (
        config.ConfigFile,
        config.LakeTable,
        config.InboxTable,
        config.BillingTable,
        config.OverheadTable,
        config.BigQueryTable,
        currencies.RatesTable,
        grid.GridTable,
        commitments.CommitmentTable,
        policy.PolicyKeys,
        policy.DatedPolicy,
    )
    keys = [f.encode_name for struct in structs for f in msgspec.structs.fields(struct)]

    assert [key for key in keys if not re.search(rf"\b{key}\b", text)] == []


def test_mapping_keys_are_documented() -> None:
    text = code((ROOT / "docs" / "importing.md").read_text("utf-8"))
    keys = [f.encode_name for struct in (Settings, TimeSettings) for f in msgspec.structs.fields(struct)]

    assert [key for key in keys if not re.search(rf"\b{key}\b", text)] == []


@pytest.mark.parametrize("kind", kinds())
def test_columns_are_documented(kind: str) -> None:
    text = (ROOT / "docs" / "importing.md").read_text("utf-8")
    section = text.split(f"\n### {kind}\n")[1].split("\n## ")[0].split("\n### ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in section.splitlines() if line.startswith("| `")]
    default = {name: cell for names, cell in rows for name in re.findall(r"`(\w+)`", names)}

    assert sorted(default) == sorted(columns_of(kind))
    assert {n for n, cell in default.items() if cell == "required"} == {n for n in default if is_needed(kind, n)}


def is_needed(kind: str, column: str) -> bool:
    rest = dict.fromkeys((name for name in columns_of(kind) if name != column), "x")
    try:
        check_kind(Mapping(Path("map.toml"), Settings(columns=rest)), kind, frozenset())
    except InputError:
        return True
    return False


def anchors(text: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def test_links_resolve() -> None:
    broken = []
    for name, text in written().items():
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?ms)^```.*?^```", "", text)):
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            if "://" in target:
                continue
            if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
                broken.append(f"{name}: {target}")

    assert broken == []


def test_every_view_is_in_the_guide_to_queries() -> None:
    text = code((ROOT / "docs" / "queries.md").read_text("utf-8"))

    assert [name for path in sql.names("views") if (name := path.rpartition("/")[2]) not in text] == []


def test_states_and_faults_are_explained() -> None:
    text = (ROOT / "docs" / "semantics.md").read_text("utf-8")

    assert [name for name in (*STATES, *KINDS) if f"`{name}`" not in text] == []


def test_the_examples_import_without_a_rejected_row(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    outcomes = {kind: imported(lake, kind, NOW) for kind in ORDER}

    assert {file.stem for file in EXAMPLES.glob("*.csv")} == set(ORDER)
    assert set(kinds()) == {*ORDER, "invoice"}
    assert {kind: o.record.rejected for kind, o in outcomes.items()} == dict.fromkeys(ORDER, 0)
    assert all(o.record.rows == pl.read_csv(EXAMPLES / f"{kind}.csv").height for kind, o in outcomes.items())


def refresh(document: Path) -> None:
    """Writes the outputs of a document anew where they differ in more than what is masked."""
    lines = document.read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        done: dict[int, tuple[Block, list[str]]] = {}
        for block, step, printed, _ in read_through(document, Path(folder)):
            command = "\n".join(step.command)
            same = masked(command, printed) == masked(command, step.shown)
            typed = [f"{'>' if i else '$'} {line}" for i, line in enumerate(step.command)]
            done.setdefault(block.line, (block, []))[1].extend([*typed, *(step.shown if same else printed)])
    for start, (block, new) in sorted(done.items(), reverse=True):
        lines[start : start + len(block.lines)] = new
    document.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or DOCUMENTS:
        refresh(ROOT / name)
