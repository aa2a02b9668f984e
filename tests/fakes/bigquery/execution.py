"""Query jobs: statements and scripts run one after the other, in a transaction where the script opens one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from tests.fakes.bigquery import access, ddl, dml
from tests.fakes.bigquery.billing import Bill, priced
from tests.fakes.bigquery.catalog import Catalog, quoted
from tests.fakes.bigquery.errors import invalid, invalid_query
from tests.fakes.bigquery.faults import Faults
from tests.fakes.bigquery.fields import arrow_schema, duckdb_type, fields_of
from tests.fakes.bigquery.jobs import Job
from tests.fakes.bigquery.loads import write
from tests.fakes.bigquery.parameters import Parameter
from tests.fakes.bigquery.queries import ROWS, Setting, parse, prepared
from tests.fakes.bigquery.rules import rewrite
from tests.fakes.bigquery.scripts import Statement, statements
from tests.fakes.bigquery.statements import written
from tests.fakes.bigquery.transactions import Ledger, Transaction

Json = dict[str, Any]


class Run:
    """One query job being done, on a connection of its own."""

    def __init__(self, job: Job, catalog: Catalog, ledger: Ledger, faults: Faults, user: str | None) -> None:
        self._job = job
        self._config: Json = job.configuration["query"]
        self._catalog = catalog
        self._ledger = ledger
        self._faults = faults
        self._cursor = catalog.cursor()
        self._transaction: Transaction | None = None
        self._bill = Bill()
        parameters = [Parameter(one) for one in self._config.get("queryParameters") or []]
        self._setting = Setting(
            catalog,
            job.project,
            job.location,
            (self._config.get("defaultDataset") or {}).get("datasetId"),
            user,
            {one.name: one for one in parameters},
        )

    def __call__(self) -> None:
        """Runs it all; raises `ApiError`, and then a transaction that is open is rolled back."""
        try:
            self._prepare_rows()
            found = statements(self._config["query"])
            for statement in found:
                self._step(statement)
            if self._transaction:
                raise invalid_query("Transaction control statement: the script ended inside a transaction")
            self._job.children = len(found) if len(found) > 1 else 0
            self._tell(found)
        finally:
            self._abandon()
            self._cursor.close()

    def _prepare_rows(self) -> None:
        for one in self._setting.parameters.values():
            if one.is_rows:
                columns = ", ".join(f"{quoted(part['name'])} {duckdb_type(part)}" for part in one.field["fields"])
                self._cursor.execute(f"CREATE TEMP TABLE {quoted(ROWS + one.name)} ({columns})")
                if one.elements:
                    self._cursor.execute(f"INSERT INTO temp.{quoted(ROWS + one.name)} VALUES {', '.join(one.elements)}")

    def _tell(self, found: list[Statement]) -> None:
        kind = found[0].word if len(found) == 1 else "SCRIPT"
        if len(found) == 1 and self._job.result is not None:
            kind = "SELECT"
        query = {"statementType": kind, **self._bill.statistics()}
        if self._job.affected is not None:
            query["numDmlAffectedRows"] = str(self._job.affected)
        if self._job.fields:
            query["schema"] = {"fields": self._job.fields}
        self._job.statistics = {"totalBytesProcessed": query["totalBytesProcessed"], "query": query}

    # Statements

    def _step(self, statement: Statement) -> None:
        try:
            self._do(statement)
        except duckdb.Error as error:
            raise invalid_query(_reworded(error)) from error

    def _do(self, statement: Statement) -> None:
        if statement.word == "BEGIN":
            self._begin()
        elif statement.word == "COMMIT":
            self._faults.meanwhile()
            self._commit()
        elif statement.word == "ROLLBACK":
            self._open()
            self._abandon()
        elif statement.word == "ASSERT":
            self._assert(statement)
        elif statement.word in dml.WORDS:
            self._change(statement)
        elif access.is_policy(statement.text):
            access.change_policy(statement.text, self._catalog, self._job.project)
        elif statement.word in ddl.WORDS:
            if self._transaction:
                raise invalid_query(f"{statement.word} is not supported inside a transaction")
            ddl.run(statement.text, self._setting)
        else:
            self._select(statement)

    def _open(self) -> Transaction:
        if self._transaction is None:
            raise invalid_query("Transaction control statement: there is no active transaction")
        return self._transaction

    def _begin(self) -> None:
        if self._transaction:
            raise invalid_query("Transaction control statement: a transaction is active already")
        self._transaction = self._ledger.begin()
        self._cursor.execute("BEGIN")

    def _commit(self) -> None:
        transaction = self._open()
        self._cursor.execute("COMMIT")
        self._transaction = None
        self._ledger.end(transaction, committed=True)
        for key in transaction.mutated | transaction.appended:
            if key in self._catalog.tables:
                self._catalog.tables[key].touch()

    def _abandon(self) -> None:
        if self._transaction:
            try:
                self._cursor.execute("ROLLBACK")
            finally:
                self._ledger.end(self._transaction, committed=False)
                self._transaction = None

    def _assert(self, statement: Statement) -> None:
        condition = self._rows(parse(f"SELECT {statement.text} AS holds"))
        if condition.column(0).to_pylist() != [True]:
            raise invalid_query(statement.message or f"Assertion failed: {statement.text}")

    def _rows(self, tree: exp.Expr) -> pa.Table:
        query = prepared(tree, self._setting)
        self._bill.add(priced(query, self._setting))
        limit = self._config.get("maximumBytesBilled")
        self._bill.hold(int(limit) if limit else None)
        return conformed(self._cursor.sql(written(rewrite(query))).to_arrow_table())

    def _select(self, statement: Statement) -> None:
        rows = self._rows(parse(statement.text))
        self._job.result, self._job.fields, self._job.affected = rows, fields_of(rows.schema), None
        target = self._config.get("destinationTable")
        if target:
            self._keep(rows, target)

    def _keep(self, rows: pa.Table, target: Json) -> None:
        name, _, partition = target["tableId"].partition("$")
        where = (target["datasetId"], name)
        if where not in self._catalog.tables:
            body = {"tableReference": {"tableId": name}, "schema": {"fields": fields_of(rows.schema)}}
            self._catalog.make_table(target["projectId"], target["datasetId"], body)
        write(self._catalog, where, rows, self._config.get("writeDisposition", "WRITE_EMPTY"), partition)

    def _change(self, statement: Statement) -> None:
        change = dml.prepare(parse(statement.text), self._setting)
        alone = self._transaction is None
        transaction = self._transaction or self._ledger.begin()
        try:
            if change.appends:
                transaction.appended.add(change.table)
            else:
                self._ledger.mutate(transaction, change.table, wait=alone)
            if alone:
                self._cursor.execute("BEGIN")
                self._transaction = transaction
            count = dml.run(change, self._cursor)
            if alone:
                self._commit()
        except BaseException:
            if alone and self._transaction is None:
                self._ledger.end(transaction, committed=False)
            raise
        self._job.result, self._job.affected = None, count
        self._setting = replace(self._setting, row_count=count)


def dry_run(job: Job, catalog: Catalog, user: str | None) -> None:
    """What a query would be and read; raises `ApiError` as the query would."""
    config = job.configuration["query"]
    parameters = [Parameter(one) for one in config.get("queryParameters") or []]
    named = {one.name: one for one in parameters}
    dataset = (config.get("defaultDataset") or {}).get("datasetId")
    setting = Setting(catalog, job.project, job.location, dataset, user, named)
    found = statements(config["query"])
    query: Json = {"statementType": found[0].word if len(found) == 1 else "SCRIPT", **Bill().statistics()}
    if len(found) == 1 and found[0].word not in (*dml.WORDS, *ddl.WORDS):
        tree = prepared(parse(found[0].text), setting)
        bill = Bill()
        bill.add(priced(tree, setting))
        rows = catalog.cursor().sql(f"SELECT * FROM ({written(rewrite(tree))}) LIMIT 0").to_arrow_table()
        job.fields = fields_of(conformed(rows).schema)
        query |= {"statementType": "SELECT", **bill.statistics(), "schema": {"fields": job.fields}}
    job.statistics = {"totalBytesProcessed": query["totalBytesProcessed"], "query": query}


def conformed(rows: pa.Table) -> pa.Table:
    """Rows with the types that BigQuery's results have."""
    try:
        return rows.cast(arrow_schema(fields_of(rows.schema)))
    except pa.ArrowInvalid as error:
        raise invalid(f"Overflow in a result: {error}") from error


def _reworded(error: duckdb.Error) -> str:
    """DuckDB's message in one line, with BigQuery's words where a client may look for them."""
    text = " ".join(str(error).split())
    if isinstance(error, duckdb.TransactionException):
        return f"Transaction is aborted due to concurrent update: {text}"
    if isinstance(error, duckdb.ConstraintException) and "NOT NULL" in text:
        return f"Required field cannot be null: {text}"
    return text
