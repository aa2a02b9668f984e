"""The server on loopback answers our own SQL, by a translation that is none of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

import sql
from accounting.schema import Table
from accounting.tables import ALL, SOURCES

pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

from accounting.stores.engine import view_texts
from tests.fakes.bigquery.execution import conformed
from tests.fakes.bigquery.parameters import Parameter
from tests.fakes.bigquery.queries import Setting, parse
from tests.fakes.bigquery.service import Service
from tests.fakes.bigquery.statements import select

CASES = sorted(Path(__file__).parents[2].joinpath("sql").glob("*/*/expect.csv"))
VIEWS = list(view_texts())
PAIRS = (("want", "got"), ("got", "want"))
RUN = """
CREATE SCHEMA run;
CREATE TABLE run.days (cluster STRING, day DATE, start_ms INT64, end_ms INT64);
CREATE TABLE run.spans (cluster STRING, event_ms INT64, watermark_ms INT64, end_ms INT64);
CREATE TABLE run.names (accelerator STRING, canonical STRING, chips_ppm INT64);
CREATE TABLE run.platforms (team STRING);
CREATE TABLE run.rates (currency STRING, ledger STRING, from_ms INT64, to_ms INT64, rate NUMERIC);
CREATE TABLE run.commitments (accelerator STRING, provider STRING, region STRING, purchase STRING,
  price_per_hour NUMERIC, from_ms INT64, to_ms INT64);
CREATE TABLE run.told_jobs (cluster STRING, pool STRING, accelerator STRING, device_id STRING, workload_id STRING,
  quantity_ppm INT64, start_ms INT64, end_ms INT64, submitted_ms INT64);
CREATE TABLE run.told_capacity (cluster STRING, pool STRING, accelerator STRING, device_id STRING, quantity_ppm INT64,
  start_ms INT64, end_ms INT64);
CREATE TABLE run.quotas (cluster STRING, queue STRING, cohort STRING, flavor STRING, accelerator STRING, start_ms INT64,
  end_ms INT64, nominal_ppm INT64, used_ppm INT64);
CREATE TABLE run.served (cluster STRING, workload_id STRING, model STRING, engine STRING, start_ms INT64, end_ms INT64,
  requests INT64, input_tokens INT64, output_tokens INT64, busy_ms INT64);
"""


def placed(name: str) -> str:
    """The file's text with names as BigQuery wants them: a view lies in dataset `d`."""
    tree = parse(sql.read(name))
    common = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not table.db and table.name in VIEWS and table.name not in common:
            table.set("db", exp.to_identifier("d"))
    return tree.sql(dialect="bigquery")


def created(dataset: str, name: str, table: Table) -> str:
    """CREATE TABLE with the columns of a table of ours."""
    columns = ", ".join(f"`{c.name}` {c.bigquery}{' NOT NULL' * c.required}" for c in table.columns)
    return f"CREATE TABLE `{dataset}`.`{name}` ({columns})"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    run(made, "CREATE SCHEMA store; CREATE SCHEMA staged; CREATE SCHEMA input; CREATE SCHEMA d; CREATE SCHEMA rebuilt")
    for table in ALL:
        run(made, created("store", table.name, table))
        run(made, created("staged", table.name, table))
    for kind, table in SOURCES.items():
        run(made, created("input", kind, table))
    run(made, RUN)
    for name in VIEWS:
        run(made, f"CREATE VIEW d.{name} AS {placed(f'views/{name}')}")
    for name in ("quantities", "jobs", "capacity", "holdings", "pool_days"):
        run(made, f"CREATE VIEW rebuilt.{name} AS {placed(f'rebuilt/{name}')}")
    yield made
    made.catalog.database.close()


def run(service: Service, script: str) -> None:
    body = {"configuration": {"query": {"query": script, "useLegacySql": False}}}
    job = service.start_query("acme", body, None)
    if job.error:
        raise job.error


FILES = [
    name
    for folder in ("views", "queries", "commands", "app", "checks", "run", "simulate")
    for name in sql.names(folder)
]


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_answered(service: Service, name: str) -> None:
    text = placed(name)
    kinds = {"from": "DATE", "to": "DATE", **dict(re.findall(r"(?m)^-- @(\w+) (\w+)", sql.read(name)))}
    asked = (
        Parameter({"name": one, "parameterType": {"type": kinds.get(one, "STRING")}})
        for one in set(re.findall(r"@(\w+)", text))
    )
    setting = Setting(service.catalog, "acme", parameters={one.name: one for one in asked})
    cursor = service.catalog.cursor()
    found = conformed(cursor.sql(select(parse(text), setting)).to_arrow_table())
    cursor.close()

    wanted = sqlglot.parse_one(sql.read(name), read="bigquery")
    assert isinstance(wanted, exp.Query)
    assert found.column_names == wanted.named_selects


@pytest.mark.parametrize("expected", CASES, ids=lambda path: f"{path.parts[-3]}/{path.parts[-2]}")
def test_a_view_gives_the_expected_rows(service: Service, expected: Path) -> None:
    header = expected.read_text().partition("\n")[0]
    files = [path for path in expected.parent.glob("*.csv") if path != expected]
    for path in files:
        columns = path.read_text().partition("\n")[0]
        for name in required(path):
            service.catalog.run(f'ALTER TABLE store."{path.stem}" ALTER COLUMN "{name}" DROP NOT NULL')
        service.catalog.run(f"COPY store.{path.stem} ({columns}) FROM '{path}' (HEADER, ALLOW_QUOTED_NULLS false)")
    query = select(parse(f"SELECT {header} FROM d.{expected.parts[-3]}"), Setting(service.catalog, "acme"))
    cursor = service.catalog.cursor()
    cursor.execute(f"CREATE TEMP TABLE got AS {query}; CREATE TEMP TABLE want AS FROM got LIMIT 0")
    cursor.execute(f"COPY want FROM '{expected}' (HEADER, ALLOW_QUOTED_NULLS false)")
    missing, more = (cursor.execute(f"FROM {one} EXCEPT ALL FROM {other}").fetchall() for one, other in PAIRS)
    cursor.close()
    for path in files:
        service.catalog.run(f"DELETE FROM store.{path.stem}")

    assert (missing, more) == ([], [])


def required(path: Path) -> list[str]:
    table = next(table for table in ALL if table.name == path.stem)
    return [column.name for column in table.columns if column.required]
