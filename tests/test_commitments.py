"""`[[commitment]]` through a whole project: prices, lines, the bill, a close, and what comes later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.close import close
from accounting.config import FILE, load_config, write_project
from accounting.errors import InputError
from accounting.inputs.importing import silent
from accounting.stores.lake import Lake
from tests.test_pipeline import NOW, Ledger

JOBS = """cluster,workload_id,team,pool,accelerator,quantity,start,end
one,a,red,p,H100-80GB,2,2025-01-30T00:00:00Z,2025-02-02T00:00:00Z
two,b,blue,q,H100-80GB,1,2025-01-30T00:00:00Z,2025-02-02T00:00:00Z
"""
CAPACITY = """cluster,pool,accelerator,quantity,purchase,provider,region,start
one,p,H100-80GB,2,on_demand,gcp,us-east4,2025-01-30T00:00:00Z
two,q,H100-80GB,2,,gcp,us-east4,2025-01-30T00:00:00Z
"""
PRICES = "accelerator,price_per_hour\nH100-80GB,10\n"
COMMITMENT = """
[[commitment]]
id = "cud-1"
kind = "resource"
provider = "gcp"
region = "us-east4"
from = 2025-01-30
to = 2026-01-30
quantity = {quantity}
prices = {{ H100-80GB = 6 }}
"""
OWNER = 'owner = "lab"\n'
SKU = "Nvidia H100 80GB GPU running in Virginia"
FEE = "Commitment v1: Nvidia H100 80GB GPU in Virginia for 1 Year"
HOURS = 56
"""Of January, which ends in the night of the Pacific."""
HEADER = (
    "provider,sku,description,usage_start,usage_end,quantity,cost,credits,commitment_credits,currency,invoice_month\n"
)


def company(folder: Path) -> Ledger:
    made = Ledger(folder)
    Lake.create(load_config(write_project(made.folder)).lake)
    for kind, text in {"jobs": JOBS, "capacity": CAPACITY, "prices": PRICES}.items():
        made.bring(kind, text)
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return company(tmp_path / "p")


def promise(ledger: Ledger, quantity: str = "2", more: str = "") -> Callable[[], None]:
    def write() -> None:
        file = ledger.folder / FILE
        text = file.read_text("utf-8").partition("\n[[commitment]]")[0]
        file.write_text(f"{text}{COMMITMENT.format(quantity=quantity)}{more}", "utf-8")

    return write


def costs(ledger: Ledger, month: str = "2025-01") -> dict[tuple[str, str], Decimal]:
    text = f"SELECT team, charge_kind, SUM(cost) FROM charges WHERE month = '{month}' GROUP BY 1, 2"
    return {(team, kind): cost for team, kind, cost in ledger.project.query(text).iter_rows()}


def test_all_clusters_share_what_nobody_owns(ledger: Ledger) -> None:
    """Two of four at 6 in place of 10: each costs 8, whoever holds it, bought on demand or not said how."""
    promise(ledger)()
    report = ledger.run()

    assert costs(ledger) == {
        ("red", "usage"): 2 * HOURS * 8,
        ("blue", "usage"): HOURS * 8,
        ("platform", "unallocated"): HOURS * 8,
    }
    kinds = ledger.project.query("SELECT DISTINCT kind, price_per_hour FROM prices").rows()
    assert kinds == [("committed", Decimal(8))]
    assert ledger.project.query("SELECT SUM(list_cost) FROM charges").item() == 4 * 72 * 10
    assert report.residual_cost == 0
    assert ledger.run().publication is None, "a second run finds nothing to do"


def test_what_nobody_used_is_the_platforms_or_the_owners(ledger: Ledger) -> None:
    promise(ledger, "5")()
    ledger.run()
    assert costs(ledger)["platform", "commitment_unused"] == HOURS * 6

    promise(ledger, "5", OWNER)()
    ledger.run()
    found = costs(ledger)
    assert found["red", "usage"] == 2 * HOURS * 10, "an owner's commitment leaves the price of others alone"
    assert found["lab", "credit"] == -4 * HOURS * 4
    assert found["lab", "commitment_unused"] == HOURS * 6
    assert not [key for key in found if key == ("platform", "commitment_unused")]
    assert sum(found.values()) == 5 * HOURS * 6


def test_a_new_commitment_does_only_its_days_again(ledger: Ledger) -> None:
    ledger.run()
    begins = COMMITMENT.format(quantity=2).replace("2025-01-30", "2025-02-01")
    changed = ledger.redone(lambda: ledger.write(FILE, (ledger.folder / FILE).read_text() + begins))
    assert changed == [date(2025, 2, 1), date(2025, 2, 1)]


def test_the_bill_and_commitments_agree_and_nothing_is_left(ledger: Ledger) -> None:
    """Usage at the list price, of which credits pay what is covered, and a fee for five, of which four are used."""
    promise(ledger, "5", OWNER)()
    bill = "".join(
        f"gcp,H,{SKU},{day}:00:00Z,{end}:00:00Z,{4 * hours},{40 * hours},-{40 * hours},-{40 * hours},USD,2025-01\n"
        f"gcp,F,{FEE},{day}:00:00Z,{end}:00:00Z,{5 * hours},{30 * hours},0,0,USD,2025-01\n"
        for day, end, hours in (
            ("2025-01-30T00", "2025-01-31T00", 24),
            ("2025-01-31T00", "2025-02-01T00", 24),
            ("2025-02-01T00", "2025-02-01T08", 8),
        )
    )
    assert ledger.bring("invoice", HEADER + bill).record.rejected == 0
    report = ledger.run()

    assert {one["status"] for one in report.reconciled} == {"matched"}
    rows = ledger.project.query("SELECT unused_cost, difference FROM reconciliation").rows()
    assert sorted(rows) == [(Decimal(48), Decimal(0)), *[(Decimal(144), Decimal(0))] * 2]
    assert not [kind for _, kind in costs(ledger) if kind == "reconciliation"]
    assert sum(costs(ledger).values()) == HOURS * 30


def test_a_bill_of_another_amount_is_matched_by_lines(ledger: Ledger) -> None:
    promise(ledger, "5")()
    bill = f"gcp,H,{SKU},2025-01-30T00:00:00Z,2025-01-31T00:00:00Z,96,700,0,0,USD,2025-01\n"
    ledger.bring("invoice", HEADER + bill)
    ledger.run()
    of_the_day = "SELECT SUM(cost) FROM charges WHERE day = '2025-01-30'"
    assert ledger.project.query(of_the_day).item() == 700


SPEND = """
[[commitment]]
id = "flex"
kind = "spend"
provider = "gcp"
from = 2025-01-01
to = 2026-01-01
per_hour = 30
prices = { H100-80GB = 6, A100-40GB = 2 }
"""


def test_a_commitment_to_spend_is_matched_by_its_fee(ledger: Ledger) -> None:
    """24 of 30 an hour are used; the fee says so by what is paid back of it."""
    ledger.write(FILE, (ledger.folder / FILE).read_text() + SPEND)
    day = "2025-01-30T00:00:00Z,2025-01-31T00:00:00Z"
    bill = (
        f"gcp,H,{SKU},{day},96,576,0,0,USD,2025-01\n"
        f"gcp,F,Commitment - dollar based v1: GCE for 1 year,{day},,720,-576,0,USD,2025-01\n"
    )
    ledger.bring("invoice", HEADER + bill)
    report = ledger.run()

    found = costs(ledger)
    assert found["platform", "commitment_unused"] == HOURS * 6
    told = {(one["status"], one["difference"]) for one in report.reconciled}
    assert {status for status, _ in told} == {"matched", "overhead"}
    assert not [kind for _, kind in found if kind == "reconciliation"]
    of_the_day = "SELECT SUM(cost) FROM charges WHERE day = '2025-01-30'"
    assert ledger.project.query(of_the_day).item() == 720


def test_a_commitment_of_a_closed_month_is_corrected_in_the_next(ledger: Ledger) -> None:
    promise(ledger, "5")()
    ledger.run()
    close(ledger.project, "2025-01", NOW, silent)
    frozen = costs(ledger)
    ledger.run()
    assert ledger.run().publication is None

    promise(ledger, "6")()
    report = ledger.run()
    assert costs(ledger) == frozen
    assert [(one["month"], one["cost"]) for one in report.corrections] == [("2025-02", HOURS * 6)]
    february = costs(ledger, "2025-02")
    assert february["platform", "correction"] == HOURS * 6
    assert february["platform", "commitment_unused"] == 2 * (72 - HOURS) * 6


def test_another_owner_of_a_closed_month_has_its_lines_in_the_next(ledger: Ledger) -> None:
    promise(ledger, "5", OWNER)()
    ledger.run()
    close(ledger.project, "2025-01", NOW, silent)
    promise(ledger, "5", OWNER.replace("lab", "studio"))()
    ledger.run()

    found = costs(ledger, "2025-02")
    worth = HOURS * 6 - 4 * HOURS * 4
    assert (found["lab", "correction"], found["studio", "correction"]) == (Decimal(-worth), Decimal(worth))


def test_a_cluster_that_tells_later_uses_what_seemed_unused(ledger: Ledger) -> None:
    promise(ledger, "5")()
    ledger.run()
    assert costs(ledger)["platform", "commitment_unused"] == HOURS * 6
    ledger.bring(
        "jobs", JOBS.splitlines()[0] + "\nthree,c,green,r,H100-80GB,1,2025-01-30T00:00:00Z,2025-02-02T00:00:00Z\n"
    )
    ledger.bring("capacity", CAPACITY.splitlines()[0] + "\nthree,r,H100-80GB,1,,gcp,us-east4,2025-01-30T00:00:00Z\n")
    ledger.run()

    assert ("platform", "commitment_unused") not in costs(ledger)
    assert costs(ledger)["green", "usage"] == HOURS * 6


def test_a_cluster_that_is_gone_keeps_nothing_from_being_told(ledger: Ledger) -> None:
    """It ended three weeks before the others, without anybody saying so of its capacity."""
    ledger.bring(
        "jobs", JOBS.splitlines()[0] + "\nold,z,green,r,H100-80GB,1,2025-01-08T00:00:00Z,2025-01-09T00:00:00Z\n"
    )
    ledger.bring("capacity", CAPACITY.splitlines()[0] + "\nold,r,H100-80GB,1,,gcp,us-east4,2025-01-08T00:00:00Z\n")
    promise(ledger, "5")()
    ledger.run()

    assert costs(ledger)["platform", "commitment_unused"] == HOURS * 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "cud-1"', 'id = ""', "commitment 1: id: is empty"),
        ("quantity = 2", "per_hour = 2", "commitment cud-1: quantity: a commitment of kind resource has `quantity`"),
        (
            'kind = "resource"',
            'kind = "spend"',
            "commitment cud-1: per_hour: a commitment of kind spend has `per_hour`",
        ),
        ('kind = "resource"', 'kind = "flex"', "kind: 'flex' is not known: write one of resource, spend, reservation"),
        ("H100-80GB = 6", "H100-80GB = 6, L4 = 1", "commitment cud-1: prices: write the price of one accelerator"),
        ("H100-80GB = 6", "H100-80GB = 0", "commitment cud-1: prices.H100-80GB: 0 is not above 0"),
        ("H100-80GB = 6", "'p4d.24xlarge' = 6", "commitment cud-1: prices.p4d.24xlarge"),
        ("quantity = 2", "quantity = 0.1234567", "commitment cud-1: quantity: 0.1234567 has more than 6 decimals"),
        ("to = 2026-01-30", "to = 2025-01-30", "commitment cud-1: to: it ends before it begins"),
        ("to = 2026-01-30", 'to = "2026"', "commitment cud-1: to: '2026' is not a date"),
        ("quantity = 2", "quantity = 2\nhours = 3", "unknown key"),
    ],
)
def test_a_commitment_that_says_too_little_or_too_much_is_refused(
    ledger: Ledger, old: str, new: str, said: str
) -> None:
    text = COMMITMENT.format(quantity=2)
    assert old in text
    ledger.write(FILE, text.replace(old, new))
    with pytest.raises(InputError) as raised:
        load_config(ledger.folder)
    assert said in str(raised.value)


def test_two_of_one_id_are_refused(ledger: Ledger) -> None:
    ledger.write(FILE, COMMITMENT.format(quantity=2) * 2)
    with pytest.raises(InputError, match="commitment cud-1: id: another one has it"):
        load_config(ledger.folder)
