"""Load jobs: files of Parquet or JSON lines into a table, all of a file's rows or none."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.fakes.bigquery.catalog import Catalog, Resource, check_kept, quoted
from tests.fakes.bigquery.errors import ApiError, duplicate, invalid, not_found
from tests.fakes.bigquery.fields import Field, arrow_schema, fields_of, stated
from tests.fakes.bigquery.jobs import Job
from tests.fakes.bigquery.partitions import condition

Json = dict[str, Any]
_KNOWN = {
    "destinationTable",
    "sourceFormat",
    "schema",
    "writeDisposition",
    "createDisposition",
    "ignoreUnknownValues",
    "parquetOptions",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
}
_LAYOUT = ("timePartitioning", "rangePartitioning", "clustering")


def load(job: Job, catalog: Catalog, content: bytes) -> None:
    """Does the load job; raises `ApiError` with nothing written."""
    config = job.configuration["load"]
    if config.keys() - _KNOWN:
        raise invalid(f"This server does not know configuration.load.{min(config.keys() - _KNOWN)}")
    target = config["destinationTable"]
    project, dataset = target["projectId"], target["datasetId"]
    name, _, partition = target["tableId"].partition("$")
    given = [stated(one) for one in (config.get("schema") or {}).get("fields", [])]
    file = _read(config, content, given)
    table = _target(catalog, config, (project, dataset, name), given or fields_of(file.schema))
    title = f"{project}:{dataset}.{name}"
    _compare(title, table.fields, given or fields_of(file.schema))
    rows = _fitted(file, table.fields, ignore_unknown=bool(config.get("ignoreUnknownValues")))
    disposition = config.get("writeDisposition", "WRITE_APPEND")
    write(catalog, (dataset, name), rows, disposition, partition)
    job.statistics = {
        "totalBytesProcessed": "0",
        "load": {
            "inputFiles": "1",
            "inputFileBytes": str(len(content)),
            "outputRows": str(rows.num_rows),
            "outputBytes": str(rows.nbytes),
            "badRecords": "0",
        },
    }


def _read(config: Json, content: bytes, given: list[Field]) -> pa.Table:
    kind = config.get("sourceFormat", "CSV")
    if kind == "PARQUET":
        try:
            return pq.read_table(io.BytesIO(content))
        except (pa.ArrowException, OSError) as error:
            raise invalid(
                f"Error while reading data, error message: Input file is not in Parquet format. {error}"
            ) from error
    if kind == "NEWLINE_DELIMITED_JSON":
        return _of_json(content, given)
    raise invalid(f"This server does not load {kind}")


def _of_json(content: bytes, given: list[Field]) -> pa.Table:
    if not given:
        raise invalid("No schema specified on job or table.")
    try:
        rows = [json.loads(line) for line in content.splitlines() if line.strip()]
    except json.JSONDecodeError as error:
        raise invalid(f"Error while reading data, error message: Failed to parse JSON: {error}") from error
    texts = {one["name"]: [_text(row.get(one["name"])) for row in rows] for one in given}
    return pa.table({name: pa.array(column, pa.string()) for name, column in texts.items()})


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _target(catalog: Catalog, config: Json, where: tuple[str, str, str], fields: list[Field]) -> Resource:
    project, dataset, name = where
    with catalog.lock:
        catalog.dataset(project, dataset)
        if (dataset, name) not in catalog.tables:
            if config.get("createDisposition") == "CREATE_NEVER":
                raise not_found("Table", f"{project}:{dataset}.{name}")
            layout = {key: config[key] for key in _LAYOUT if key in config}
            reference = {"tableReference": {"tableId": name}}
            return catalog.make_table(project, dataset, {**reference, "schema": {"fields": fields}, **layout})
        found = catalog.table(project, dataset, name)
        if found.is_view:
            raise invalid(
                f"{project}:{dataset}.{name} is not allowed for this operation because it is currently a VIEW."
            )
        return found


def _compare(title: str, table: list[Field], given: list[Field]) -> None:
    """The schema of the job, or of its file, against the table's."""
    ours = {one["name"].lower(): one for one in given}
    for was in table:
        now = ours.get(was["name"].lower())
        if now is not None or was["mode"] == "REQUIRED":
            check_kept(title, was, now, relax=False)
    known = {one["name"].lower() for one in table}
    for one in given:
        if one["name"].lower() not in known:
            raise invalid(f"Provided Schema does not match Table {title}. Cannot add fields (field: {one['name']})")


def _fitted(file: pa.Table, fields: list[Field], *, ignore_unknown: bool) -> pa.Table:
    """The file's rows with the table's columns and types."""
    present = {name.lower(): name for name in file.column_names}
    unknown = present.keys() - {one["name"].lower() for one in fields}
    if unknown and not ignore_unknown:
        raise invalid(f"Error while reading data, error message: No such field: {present[min(unknown)]}")
    wanted = arrow_schema(fields)
    columns = [
        _column(file.column(present[one["name"].lower()]), one, kind)
        if one["name"].lower() in present
        else pa.nulls(file.num_rows, kind)
        for one, kind in zip(fields, wanted.types, strict=True)
    ]
    for one, column in zip(fields, columns, strict=True):
        if one["mode"] == "REQUIRED" and column.null_count:
            problem = f"Required field {one['name']} cannot be null"
            raise invalid(f"Error while reading data, error message: {problem}")
    return pa.table(columns, schema=wanted)


def _column(column: pa.ChunkedArray, field: Field, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) and kind != pa.string():
        return _parsed(column, field, kind)
    kept = fields_of(pa.schema([(field["name"], column.type)]))[0]["type"]
    widens = {("INTEGER", "FLOAT"), ("INTEGER", "NUMERIC"), ("STRING", "JSON"), ("BYTES", "STRING")}
    if kept != field["type"] and (kept, field["type"]) not in widens and not pa.types.is_null(column.type):
        target = f"which does not match the target cpp_type {field['type']}"
        raise invalid(
            f"Error while reading data, error message: Parquet column '{field['name']}' has type {kept} {target}."
        )
    try:
        return column.cast(kind)
    except pa.ArrowInvalid as error:
        raise invalid(f"Error while reading data, error message: {field['name']}: {error}") from error


def _parsed(column: pa.ChunkedArray, field: Field, kind: pa.DataType) -> pa.ChunkedArray:
    """Of JSON lines; records and lists are JSON inside of them."""
    try:
        if pa.types.is_nested(kind):
            return _nested(column, kind)
        if pa.types.is_timestamp(kind):
            column = pc.replace_substring_regex(column, " UTC$", "+00:00")
        return column.cast(kind)
    except (pa.ArrowException, TypeError, json.JSONDecodeError) as error:
        raise invalid(f"Error while reading data, error message: Could not parse {field['name']}: {error}") from error


def _nested(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    nothing: object = [] if pa.types.is_list(kind) else None
    values = [nothing if text is None else json.loads(text) for text in column.to_pylist()]
    return pa.chunked_array([pa.array(values, kind)])


def write(catalog: Catalog, where: tuple[str, str], rows: pa.Table, disposition: str, partition: str = "") -> None:
    """Puts rows into a table in one transaction; raises `ApiError`."""
    table = catalog.tables[where]
    only = condition(table, partition) if partition else "TRUE"
    cursor = catalog.cursor()
    try:
        cursor.execute("BEGIN")
        _put(cursor, quoted(*where), rows, disposition, only)
        cursor.execute("COMMIT")
    except duckdb.Error as error:
        raise invalid(f"Error while writing: {' '.join(str(error).split())}") from error
    finally:
        cursor.close()
    table.touch()


def _put(cursor: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, disposition: str, only: str) -> None:
    cursor.register("bq_file", rows)
    for problem in _misplaced(cursor, only):
        raise invalid(problem)
    if disposition == "WRITE_TRUNCATE":
        cursor.execute(f"DELETE FROM {table} WHERE {only}")
    elif disposition == "WRITE_EMPTY" and cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {only}").fetchall()[0][0]:
        raise duplicate("Table", table.replace('"', ""))
    elif disposition not in ("WRITE_APPEND", "WRITE_EMPTY"):
        raise ApiError(400, "invalid", f"Invalid writeDisposition: {disposition}")
    cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM bq_file").fetchall()


def _misplaced(cursor: duckdb.DuckDBPyConnection, only: str) -> Iterator[str]:
    outside = cursor.execute(f"SELECT COUNT(*) FROM bq_file WHERE NOT COALESCE({only}, FALSE)").fetchall()[0][0]
    if outside:
        yield f"Some rows belong to different partitions rather than destination partition ({outside} rows)"
