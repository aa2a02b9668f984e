"""A provider's bill through a whole project: imported, reconciled, closed, and corrected afterwards."""

from __future__ import annotations

from contextlib import closing as closed_after
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting.close import close
from accounting.errors import InputError
from accounting.inputs.importing import Outcome, silent
from accounting.reports import report
from accounting.verify import verified
from tests.test_pipeline import NOW, Ledger

JANUARY, FEBRUARY = "2025-01", "2025-02"
HEADER = (
    "provider,sku,description,project,usage_start,usage_end,quantity,cost,credits,commitment_credits,currency,"
    "invoice_month,export_time,label_team\n"
)
SPOT = "Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in Americas"
JANUARY_BILL = HEADER + (
    f"gcp,S1,{SPOT},ml,2025-01-30T00:00:00Z,2025-01-31T00:00:00Z,96,120,0,0,USD,2025-01,2025-02-02T00:00:00Z,\n"
    f"gcp,S1,{SPOT},ml,2025-01-31T00:00:00Z,2025-02-01T00:00:00Z,96,124.5,-0.5,0,USD,202501,2025-02-02T00:00:00Z,\n"
    f"gcp,S1,{SPOT},ml,2025-02-01T00:00:00Z,2025-02-01T08:00:00Z,32,40,0,0,USD,2025-01,2025-02-02T00:00:00Z,\n"
    "gcp,C1,A3 Instance Core running in Americas,ml,2025-01-30T00:00:00Z,2025-01-30T01:00:00Z,4,7.25,0,0,USD,2025-01,"
    "2025-02-02T00:00:00Z,\n"
    "gcp,L1,Nvidia L4 GPU running in Iowa,lost,2025-01-31T00:00:00Z,2025-01-31T01:00:00Z,1,0.71,0,0,USD,2025-01,"
    "2025-02-02T00:00:00Z,\n"
    "gcp,F1,Commitment v1: Nvidia L4 GPU in Iowa for 1 Year,ml,2025-01-31T00:00:00Z,2025-01-31T01:00:00Z,1,0.4,0,0,USD,"
    "2025-01,2025-02-02T00:00:00Z,red\n"
)


def asked(ledger: Ledger, text: str) -> pl.DataFrame:
    with closed_after(ledger.project.lake_reader()) as reader:
        return reader.query(text)


def total(ledger: Ledger, month: str = JANUARY) -> Decimal:
    found: Decimal = asked(
        ledger, f"SELECT SUM(cost) AS c FROM charges WHERE month = '{month}' AND provider = 'gcp'"
    ).item()
    return found


def bring(ledger: Ledger, text: str = JANUARY_BILL) -> Outcome:
    return ledger.bring("invoice", text)


def test_charges_of_a_month_are_its_invoice(ledger: Ledger) -> None:
    assert bring(ledger).record.rejected == 0
    report = ledger.run()

    assert total(ledger) == Decimal("292.36")
    assert {one["status"] for one in report.reconciled} >= {"matched", "billed_not_seen", "overhead"}
    kinds = dict(
        asked(ledger, "SELECT charge_kind, SUM(cost) AS c FROM charges WHERE state IS NULL GROUP BY 1").iter_rows()
    )
    assert kinds["overhead"] == Decimal("7.25")
    assert kinds["credit"] == Decimal("-0.5")
    assert kinds["commitment_unused"] == Decimal("0.4")
    unseen = asked(ledger, "SELECT projects, difference FROM reconciliation WHERE status = 'billed_not_seen'").rows()
    assert unseen == [("lost, ml", Decimal("0.71"))]
    assert ledger.run().publication is None, "a second run finds nothing to do"


def test_undone_the_bill_takes_its_lines_along(ledger: Ledger) -> None:
    before = total(ledger)
    seq = bring(ledger).record.seq
    ledger.run()
    ledger.lake.undo_import(seq)
    ledger.run()

    assert total(ledger) == before
    assert asked(ledger, "SELECT COUNT(*) AS n FROM reconciliation").item() == 0


def test_an_overlapping_export_counts_once(ledger: Ledger) -> None:
    bring(ledger)
    more = JANUARY_BILL.splitlines(keepends=True)
    late = more[1].replace("2025-02-02", "2025-02-05").replace(",120,", ",1,")
    bring(ledger, "".join([*more, late]))
    ledger.run()

    assert total(ledger) == Decimal("293.36")


def test_a_duplicate_row_of_an_export_is_quarantined(ledger: Ledger) -> None:
    rows = JANUARY_BILL.splitlines(keepends=True)
    outcome = bring(ledger, "".join([*rows, rows[1]]))

    assert outcome.record.rejected == 1
    ledger.run()
    assert total(ledger) == Decimal("292.36")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((",USD,2025-01,", ",usd$,2025-01,"), "currency is not a currency of three letters"),
        ((",USD,2025-01,", ",USD,2025-13,"), "invoice_month is not a month such as 2026-10 or 202610"),
        ((",USD,2025-01,", ",USD,2023-01,"), "invoice_month is more than 13 months off the usage"),
        ((",96,120,", ",96,free,"), "cost is not a number"),
        (("2025-01-30T00:00:00Z,2025-01-31T00:00:00Z", "2025-01-30T00:00:00Z,2025-01-29T00:00:00Z"),
         "usage_end is before usage_start"),
    ],
)  # fmt: skip
def test_bad_rows_are_quarantined_with_their_reason(ledger: Ledger, change: tuple[str, str], reason: str) -> None:
    outcome = bring(ledger, JANUARY_BILL.replace(*change, 1))

    assert outcome.reasons == [(reason, 1)]


def test_a_bill_in_another_currency_is_refused(ledger: Ledger) -> None:
    bring(ledger, JANUARY_BILL.replace(",USD,", ",EUR,"))
    with pytest.raises(InputError, match=r"the bill of gcp for 2025-01 and its charges are in EUR and USD"):
        ledger.run()


def test_a_bill_that_is_too_far_off_is_not_closed(ledger: Ledger) -> None:
    bring(ledger, JANUARY_BILL.replace(",124.5,", ",725,"))
    ledger.run()
    with pytest.raises(
        InputError, match=r"the bill of gcp and the charges differ by 603\.57 USD, more than the 500\.00"
    ):
        close(ledger.project, JANUARY, NOW, silent)
    text = (ledger.folder / "chipledger.toml").read_text()
    (ledger.folder / "chipledger.toml").write_text(text.replace("# tolerance_amount = 500", "tolerance_amount = 606"))
    close(ledger.project, JANUARY, NOW, silent)


def test_after_the_close_the_month_stays_and_the_next_one_corrects(ledger: Ledger) -> None:
    bring(ledger)
    ledger.run()
    close(ledger.project, JANUARY, NOW, silent)
    frozen = asked(ledger, f"SELECT * FROM charges WHERE month = '{JANUARY}' ORDER BY charge_id")
    late = JANUARY_BILL.splitlines(keepends=True)[1].replace("2025-02-02", "2025-03-05").replace(",96,120,", ",8,10,")
    bring(ledger, HEADER + late)
    ledger.run()

    assert asked(ledger, f"SELECT * FROM charges WHERE month = '{JANUARY}' ORDER BY charge_id").equals(frozen)
    corrections = asked(ledger, "SELECT * FROM charges WHERE charge_kind = 'correction'")
    assert set(corrections["month"]) == {FEBRUARY}
    assert sum(corrections["cost"].to_list()) == Decimal(10)
    assert set(corrections["corrects"]) <= set(frozen["charge_id"]) | set(corrections["corrects"])
    close(ledger.project, FEBRUARY, NOW, silent)
    assert verified(ledger.lake) == []


def test_a_late_job_moves_cost_between_teams_and_not_the_invoice(ledger: Ledger) -> None:
    bring(ledger)
    ledger.run()
    close(ledger.project, JANUARY, NOW, silent)
    ledger.bring(
        "jobs",
        "workload_id,team,pool,accelerator,quantity,start,end\n"
        "late,blue,train,H100-80GB,1,2025-01-31T20:00:00Z,2025-01-31T22:00:00Z\n",
    )
    ledger.run()

    corrections = asked(
        ledger, "SELECT team, SUM(cost) AS cost FROM charges WHERE charge_kind = 'correction' GROUP BY team"
    )
    assert sum(corrections["cost"].to_list()) == 0
    assert corrections.filter(team="blue")["cost"].item() > 0


def test_a_months_files_have_every_kind(ledger: Ledger, tmp_path: Path) -> None:
    bring(ledger)
    ledger.run()
    written = report.write(ledger.project, JANUARY, None, ("csv", "focus"), tmp_path, NOW)

    focus = pl.read_csv(tmp_path / "2025-01-focus-1.2.csv", infer_schema=False)
    assert set(focus["ChargeCategory"]) == {"Usage", "Credit", "Adjustment"}
    assert sum(map(Decimal, focus["BilledCost"])) == written.cost
    usage = focus.filter(pl.col("ChargeCategory") == "Usage")
    for row in usage.iter_rows(named=True):
        assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])
    (unused,) = usage.filter(pl.col("x_ChargeKind") == "commitment_unused").to_dicts()
    assert (unused["CommitmentDiscountStatus"], unused["ConsumedQuantity"]) == ("Unused", None)
    credit = focus.filter(pl.col("ChargeCategory") == "Credit").row(0, named=True)
    assert (credit["PricingQuantity"], credit["SkuId"], credit["ListCost"]) == (None, None, credit["BilledCost"])


RULES = """
[[billing.gcp.overhead]]
match = "*INSTANCE core*"
team = "hosting"
"""


def test_a_rule_moves_a_line_and_the_bill_stays_the_same(ledger: Ledger) -> None:
    ledger.bring("invoice", JANUARY_BILL)
    ledger.run()
    text = "SELECT team, SUM(cost) FROM charges WHERE price_id = 'sku:C1' GROUP BY team"
    assert len(asked(ledger, text)) > 1
    before = asked(ledger, "SELECT month, SUM(cost) FROM charges GROUP BY month ORDER BY month").rows()
    file = ledger.folder / "chipledger.toml"
    file.write_text(file.read_text("utf-8") + RULES, "utf-8")
    ledger.run()

    assert asked(ledger, text).rows() == [("hosting", Decimal("7.25"))]
    assert asked(ledger, "SELECT month, SUM(cost) FROM charges GROUP BY month ORDER BY month").rows() == before
    assert ledger.run().publication is None


def test_a_month_whose_bill_is_below_zero_closes_and_its_statements_add_up(ledger: Ledger) -> None:
    """A refund that is larger than all that was used."""
    refund = (
        "gcp,R1,Refund,ml,2025-01-31T00:00:00Z,2025-01-31T01:00:00Z,,-1000.01,0,0,USD,2025-01,2025-02-02T00:00:00Z,\n"
    )
    bring(ledger, JANUARY_BILL + refund)
    ledger.run()
    assert total(ledger) == Decimal("292.36") - Decimal("1000.01")

    close(ledger.project, JANUARY, NOW, silent)
    statements = asked(ledger, "SELECT SUM(amount) AS amount, SUM(cost) AS cost FROM statements").row(0)
    assert statements[0] == round(statements[1], 2) < 0
    assert verified(ledger.lake) == []


def test_credits_of_a_commitment_without_its_fee_leave_nothing_unused(ledger: Ledger) -> None:
    """The fee is on another account's bill: what it paid is a difference, and of what it cost nothing is known."""
    rows = JANUARY_BILL.splitlines(keepends=True)
    covered = rows[1].replace(",96,120,0,0,", ",96,120,-120,-120,")
    bring(ledger, "".join([rows[0], covered, *rows[2:6]]))
    ledger.run()

    assert total(ledger) == Decimal("292.36") - Decimal("0.4") - 120
    told = asked(
        ledger, "SELECT difference, unused_cost FROM reconciliation WHERE day = DATE '2025-01-30' AND sku IS NULL"
    )
    assert told.rows() == [(Decimal(-120), Decimal(0))]


def test_a_closed_month_whose_only_bill_is_undone_is_corrected_in_the_next(ledger: Ledger) -> None:
    ledger.run()
    before = total(ledger)
    seq = bring(ledger).record.seq
    ledger.run()
    close(ledger.project, JANUARY, NOW, silent)
    frozen = total(ledger)
    ledger.lake.undo_import(seq)
    ledger.run()

    assert total(ledger) == frozen
    corrected = asked(ledger, f"SELECT SUM(cost) AS c FROM charges WHERE month = '{FEBRUARY}' AND corrects IS NOT NULL")
    assert corrected.item() == before - frozen
