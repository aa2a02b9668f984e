"""The public traces, through the product's own steps, against totals recomputed from the files by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting import pipeline
from accounting.config import load_config, write_project
from accounting.errors import InputError
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import load_mapping
from accounting.project import Project
from accounting.stores.lake import Lake

Importer = Callable[[str, Path, str], Outcome]
HOUR = Decimal(3600)
NOW = 1_790_000_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Project:
    config = load_config(write_project(tmp_path / "ledger"))
    Lake.create(config.lake)
    return Project(config)


@pytest.fixture
def imported(ledger: Project, tmp_path: Path) -> Importer:
    def run(kind: str, file: Path, mapping: str) -> Outcome:
        path = tmp_path / f"{kind}.toml"
        path.write_text(mapping)
        return import_file(ledger.lake, kind, file, load_mapping(path), now=NOW)

    return run


def account(ledger: Project) -> pipeline.Report:
    config = load_config(ledger.config.folder)
    return pipeline.run(config, None, None, lambda text, done: None)


def seconds(ledger: Project, where: str) -> Decimal:
    total = ledger.query(f"SELECT SUM(device_seconds) AS s, SUM(busy_seconds) AS b FROM usage WHERE {where}")
    return Decimal(total["s"][0] or 0)


PODS = """
[time]
origin = "2023-01-01T00:00:00Z"
[columns]
workload_id = "name"
accelerator = "COALESCE(gpu_spec, 'unknown')"
quantity = "num_gpu * gpu_milli / 1000.0"
submitted = "creation_time"
start = "scheduled_time"
end = "deletion_time"
account = "qos"
"""
NODES = """
[columns]
node = "sn"
accelerator = "COALESCE(model, 'cpu only')"
quantity = "gpu"
"""


def test_openb_pods_alone_are_their_own_capacity(ledger: Project, imported: Importer, shared_data: Path) -> None:
    outcome = imported("jobs", shared_data / "alibaba_openb_2023" / "openb_pod_list_default.csv", PODS)
    assert (outcome.record.rows, outcome.record.rejected, outcome.notes["never_started"]) == (8152, 0, 897)

    report = account(ledger)

    assert report.residual_seconds == 0
    assert seconds(ledger, "state = 'allocated_unobserved'") == Decimal("185294426.970")
    assert seconds(ledger, "state <> 'allocated_unobserved'") == 0
    by_qos = ledger.query(
        "SELECT w.account, SUM(u.device_seconds) AS s FROM usage AS u "
        "JOIN (SELECT DISTINCT workload_id, account FROM workloads) AS w ON w.workload_id = u.workload_id "
        "GROUP BY w.account ORDER BY w.account"
    )
    assert dict(by_qos.iter_rows()) == {
        "BE": Decimal("4721888.880"),
        "Burstable": Decimal("26853122.000"),
        "Guaranteed": Decimal("4631320.000"),
        "LS": Decimal("149088096.090"),
    }


def test_openb_with_its_nodes_accounts_every_gpu(ledger: Project, imported: Importer, shared_data: Path) -> None:
    folder = shared_data / "alibaba_openb_2023"
    imported("jobs", folder / "openb_pod_list_default.csv", PODS)
    imported("capacity", folder / "openb_node_list_all_node.csv", NODES)

    report = account(ledger)

    stated = ledger.query("SELECT SUM(stated_seconds) AS s FROM capacity")["s"][0]
    assert stated == Decimal(6212) * 12_902_960
    assert seconds(ledger, "TRUE") == stated + Decimal("185294426.970")
    assert [f["fault"] for f in report.faults] == ["no_matching_capacity"]
    assert report.faults[0]["device_seconds"] == Decimal("185294426.970")
    assert report.residual_seconds == 0
    assert report.residual_cost == 0


def test_genai_samples_tell_busy_idle_and_gaps(
    ledger: Project, imported: Importer, shared_data: Path, tmp_path: Path
) -> None:
    duty = shared_data / "alibaba_genai_2026" / "pod_gpu_duty_cycle_anon.csv.gz"
    pods = (
        pl.read_csv(duty)
        .group_by("container_ip")
        .agg(start=pl.col("timestamp_anon").min(), end=pl.col("timestamp_anon").max() + 57)
    )
    pods.sort("container_ip").write_csv(tmp_path / "pods.csv")
    (ledger.config.folder / "chipledger.toml").write_text("[policy]\nidle_after = 0\n")
    pod = "workload_id = 'container_ip'\n"
    imported(
        "jobs",
        tmp_path / "pods.csv",
        f"[columns]\n{pod}accelerator = \"'unknown-48GB'\"\nquantity = 1\nstart = 'start'\nend = 'end'\n",
    )
    outcome = imported("samples", duty, f"[columns]\n{pod}start = 'timestamp_anon'\nduration = 57\nbusy = 'value'\n")
    assert outcome.record.rows == 157_417

    report = account(ledger)

    observed = seconds(ledger, "busy_seconds IS NOT NULL")
    assert observed == Decimal(157_417 * 57)
    assert seconds(ledger, "state = 'allocated_idle'") == Decimal(105_229 * 57)
    busy = ledger.query("SELECT SUM(busy_seconds) AS b FROM usage")["b"][0]
    assert round(busy / HOUR, 3) == Decimal("175.098")
    held = sum(Decimal(str(e)) - Decimal(str(s)) for s, e in pods.select("start", "end").iter_rows())
    assert seconds(ledger, "state = 'allocated_unobserved'") == held - observed
    assert report.residual_seconds == 0
    assert report.faults == []


def test_sacct_dumps_with_a_team_per_account(
    ledger: Project, imported: Importer, shared_data: Path, tmp_path: Path
) -> None:
    sacct = "format = 'sacct'\n[time]\nzone = 'America/New_York'\n"
    folder = shared_data / "slurm_sacct_xdmod"
    one = imported("jobs", folder / "phillips.log", sacct)
    two = imported("jobs", folder / "pozidriv.log", sacct)
    assert (one.record.rows, one.notes["no_accelerator"]) == (2, 4283)
    assert (two.record.rows, two.notes["no_accelerator"]) == (0, 11_704)
    (tmp_path / "teams.csv").write_text("selector,team\naccount=chaff,the-chaff-team\n")
    imported("teams", tmp_path / "teams.csv", "[columns]\nselector = 'selector'\nteam = 'team'\n")

    account(ledger)

    bill = ledger.query("SELECT team, SUM(device_seconds) AS s FROM charges GROUP BY team")
    assert dict(bill.iter_rows()) == {"the-chaff-team": Decimal(2 * (912_426 + 17))}


PRICES = """
where = "{where}"
[columns]
provider = "provider"
region = "region"
accelerator = "{accelerator}"
purchase = "'on_demand'"
start = "snapshot_utc"
price_per_hour = "on_demand_per_hour / accelerator_count"
"""


CAPACITY = """
[columns]
pool = "provider"
provider = "provider"
region = "region"
purchase = "'on_demand'"
accelerator = "'a100'"
start = '"from"'
end = '"to"'
"""


def test_price_histories_are_effective_dated_books(
    ledger: Project, imported: Importer, shared_data: Path, tmp_path: Path
) -> None:
    where = "instance_type = 'a2-highgpu-1g'"
    gcp = imported(
        "prices",
        shared_data / "prices" / "gcp_gpu_instances_history.csv",
        PRICES.format(where=where, accelerator="accelerator"),
    )
    where = "instance_type = 'p4d.24xlarge'"
    aws = imported(
        "prices",
        shared_data / "prices" / "aws_gpu_instances_history.csv",
        PRICES.format(where=where, accelerator="accelerator"),
    )
    assert gcp.record.rows == 2 * 54
    assert aws.record.rows == 25
    (tmp_path / "capacity.csv").write_text(
        "provider,region,from,to\n"
        "aws,us-east-1,2025-06-22T00:00:00Z,2025-06-24T00:00:00Z\n"
        "gcp,us-central1,2025-06-22T00:00:00Z,2025-06-24T00:00:00Z\n"
    )
    imported("capacity", tmp_path / "capacity.csv", CAPACITY)

    report = account(ledger)

    cut = ledger.query("SELECT DISTINCT unit_price FROM charges WHERE provider = 'aws' ORDER BY unit_price")
    assert cut["unit_price"].to_list() == [Decimal("21.957642") / 8, Decimal("32.772600") / 8]
    assert report.unpriced == []
    assert report.residual_cost == 0


CUT = datetime(2025, 6, 23, 13, 18, 30, tzinfo=UTC)
"""When the list price of AWS's p4d was first seen lower: 32.772600 before, 21.957642 from then on, for eight A100s."""


@pytest.mark.parametrize("origin", ["2025-01-01", "2025-05-01", "2025-07-01"], ids=["before", "across", "after"])
def test_openb_costs_what_the_book_says_before_and_after_a_cut(
    ledger: Project, imported: Importer, shared_data: Path, origin: str
) -> None:
    pods = shared_data / "alibaba_openb_2023" / "openb_pod_list_default.csv"
    as_a100 = PODS.replace("2023-01-01", origin).replace("COALESCE(gpu_spec, 'unknown')", "'a100'")
    imported("jobs", pods, as_a100)
    where = "instance_type = 'p4d.24xlarge' AND region = 'us-east-1'"
    lines = PRICES.format(where=where, accelerator="accelerator").splitlines()
    book = "\n".join(line for line in lines if line.partition(" ")[0] not in ("provider", "region", "purchase"))
    imported("prices", shared_data / "prices" / "aws_gpu_instances_history.csv", book)

    report = account(ledger)

    assert report.unpriced == []
    assert seconds(ledger, "TRUE") == Decimal("185294426.970")
    cost = ledger.query("SELECT SUM(cost) AS cost FROM charges")["cost"][0]
    assert abs(cost - _priced(pods, datetime.fromisoformat(f"{origin}T00:00:00Z"))) < Decimal("0.0001")


def _priced(pods: Path, origin: datetime) -> Decimal:
    """Every pod's GPU-seconds on both sides of the cut, at the price of each."""
    cut = int((CUT - origin).total_seconds())
    rows = pl.read_csv(pods).filter(pl.col("scheduled_time").is_not_null() & (pl.col("num_gpu") > 0))
    total = Decimal(0)
    for n, milli, start, end in rows.select("num_gpu", "gpu_milli", "scheduled_time", "deletion_time").iter_rows():
        before, after = max(min(end, cut) - start, 0), max(end - max(start, cut), 0)
        total += n * milli * (before * Decimal("32.772600") + after * Decimal("21.957642"))
    return total / 8 / 1000 / 3600


BOOKS = {
    "gcp": ["a2-highgpu-1g", "a2-ultragpu-1g", "a3-highgpu-8g", "a3-megagpu-8g", "g2-standard-4", "g4-standard-48"],
    "aws": ["p4d.24xlarge", "p5.48xlarge", "p5en.48xlarge", "g6.xlarge", "g6f.xlarge", "g6e.xlarge", "g4dn.xlarge"],
}
HELD = "accelerator,provider,region,purchase,start,end\n" + "".join(
    f"{name},{provider},{region},on_demand,2022-02-10T00:00:00Z,2026-07-01T00:00:00Z\n"
    for provider, region, names in (
        ("gcp", "us-central1", ["a2-highgpu-1g"]),
        ("aws", "us-east-1", ["g4dn.xlarge", "h200"]),
    )
    for name in names
)


def test_whole_histories_are_books_of_the_instance_types_that_where_chooses(
    ledger: Project, imported: Importer, shared_data: Path, tmp_path: Path
) -> None:
    files = {provider: shared_data / "prices" / f"{provider}_gpu_instances_history.csv" for provider in BOOKS}
    for provider, file in files.items():
        chosen = ", ".join(f"'{name}'" for name in BOOKS[provider])
        whole = PRICES.format(where=f"provider = '{provider}'", accelerator="instance_type")
        with pytest.raises(
            InputError, match=rf"overlap: row \d+ of {file.name} .* and row \d+ of {file.name} .*`where`"
        ):
            imported("prices", file, whole)
        book = imported(
            "prices", file, PRICES.format(where=f"instance_type IN ({chosen})", accelerator="instance_type")
        )
        if provider == "aws":
            expression = "on_demand_per_hour / accelerator_count"
            assert book.reasons == [(f"price_per_hour: `{expression}` divides by zero", 9)]
        else:
            assert book.reasons == []
    (tmp_path / "held.csv").write_text(HELD)
    columns = HELD.partition("\n")[0].split(",")
    imported("capacity", tmp_path / "held.csv", "[columns]\n" + "".join(f"{c} = '{c}'\n" for c in columns))

    report = account(ledger)

    assert report.residual_cost == 0
    a100 = ledger.query("SELECT MIN(unit_price) AS low, MAX(unit_price) AS high FROM charges WHERE provider = 'gcp'")
    assert a100.row(0) == (Decimal("3.558986"), Decimal("3.673385"))
    unpriced = {u["accelerator"] for u in report.unpriced}
    assert unpriced == {"T4", "H200"}  # before their first rows
