"""The workbook and the journal of a month, read back from the files."""

from __future__ import annotations

import csv
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from accounting.close import close
from accounting.config import load_config, write_project
from accounting.errors import InputError
from accounting.inputs.importing import silent
from accounting.periods import period
from accounting.reports import report
from accounting.stores.lake import Lake
from tests.test_pipeline import FILES, NOW, Ledger

NAMES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
CHART = """
[gl]
expense = "7000"
cost_center = "infra"
by_kind.idle = "7001"
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "p")
    Lake.create(load_config(write_project(made.folder)).lake)
    for kind, text in FILES.items():
        made.bring(kind, text.replace("long,red", "=1+1,red"))
    made.run()
    return made


def sheet(path: Path, number: int) -> list[dict[str, tuple[str, str]]]:
    """Rows of cells by column (A, B, …) as (type, text); of a number the type is `n`, of a text `inlineStr`."""
    with zipfile.ZipFile(path) as book:
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    return [
        {
            cell.attrib["r"].rstrip("0123456789"): (cell.get("t", "n"), "".join(cell.itertext()))
            for cell in row.iterfind("m:c", NAMES)
        }
        for row in root.iterfind(".//m:row", NAMES)
    ]


def written(ledger: Ledger, form: str, team: str | None = None) -> Path:
    out = ledger.folder / "out"
    report.write(ledger.project, "2025-01", team, (form, "csv"), out, NOW)
    return out


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_lines_have_every_charge_with_typed_and_exact_cells(ledger: Ledger) -> None:
    out = written(ledger, "xlsx")
    charges = read(out / "2025-01-charges.csv")
    head, *rows = sheet(out / "2025-01-statement.xlsx", 2)
    at = {text: column for column, (_, text) in head.items()}

    assert list(at)[: len(charges[0])] == list(charges[0])
    assert [row[at["cost_exact"]] for row in rows] == [("inlineStr", charge["cost"]) for charge in charges]
    assert [row[at["cost"]] for row in rows] == [("n", charge["cost"]) for charge in charges]
    assert {row[at["day"]][0] for row in rows} == {"n"}
    assert not any(at["model"] in row for row in rows)
    with zipfile.ZipFile(out / "2025-01-statement.xlsx") as book:
        text = book.read("xl/worksheets/sheet2.xml").decode()
    assert "<f>" not in text
    assert 'state="frozen"' in text
    assert "=1+1" in text


def test_the_summary_adds_up_to_what_is_paid(ledger: Ledger) -> None:
    rows = sheet(written(ledger, "xlsx") / "2025-01-statement.xlsx", 1)
    texts = [[text for _, text in row.values()] for row in rows]
    begin = next(n for n, row in enumerate(texts) if row[:2] == ["statement", "team"])
    end = next(n for n, row in enumerate(texts) if row[0] == "total")

    paid = [Decimal(row[2]) for row in texts[begin + 1 : end]]
    assert len(paid) > 2
    assert sum(paid) == Decimal(texts[end][1])


def test_the_same_month_is_the_same_workbook(ledger: Ledger) -> None:
    path = written(ledger, "xlsx") / "2025-01-statement.xlsx"
    before = path.read_bytes()

    assert written(ledger, "xlsx") is not None
    assert path.read_bytes() == before


@pytest.mark.parametrize("closed", [False, True])
def test_a_journal_balances_and_says_what_statements_say(ledger: Ledger, closed: bool) -> None:
    ledger.write(
        "chipledger.toml", re.sub(r"(?s)\[gl\].*", "", (ledger.folder / "chipledger.toml").read_text()) + CHART
    )
    if closed:
        close(ledger.project, "2025-01", NOW, silent)
    lines = read(written(ledger, "gl") / "2025-01-gl.csv")
    paid = {x.team: x.amount for x in period(ledger.project, "2025-01").statements}

    debits, credits = (sum(Decimal(line[side]) for line in lines) for side in ("debit", "credit"))
    assert debits == credits > 0
    assert {line["date"] for line in lines} == {"2025-01-31"}
    assert {line["journal_id"] for line in lines} == {"CL-2025-01-0001" if closed else "DRAFT-2025-01"}
    assert {line["account"] for line in lines} <= {"7000", "7001", "6900"}
    assert {line["account"] for line in lines if line["description"].endswith(": idle")} == {"7001", "6900"}
    assert {line["cost_center"] for line in lines if line["account"] == "6900"} == {"infra"}
    for team, amount in paid.items():
        mine = [line for line in lines if line["description"].startswith(f"{team}: ")]
        assert sum(Decimal(line["debit"]) - Decimal(line["credit"]) for line in mine) == amount
    assert not closed or paid


def test_a_journal_refuses_charges_without_a_price(ledger: Ledger) -> None:
    ledger.bring("capacity", "pool,accelerator,quantity,start\nnew,B200,1,2025-01-30T00:00:00Z\n")
    ledger.run()

    with pytest.raises(InputError, match=r"2025-01: \d+ charges have no price, and a journal has no line"):
        written(ledger, "gl")
    assert written(ledger, "pdf").exists()


def test_an_unknown_kind_in_the_chart_is_told(ledger: Ledger) -> None:
    ledger.write("chipledger.toml", '[gl]\nby_kind.idel = "1"\n')

    with pytest.raises(InputError, match=r"gl\.by_kind\.idel: is not a kind of charge; there are usage, idle"):
        load_config(ledger.folder)
