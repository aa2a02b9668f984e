"""Datasets, tables and tabledata of the REST reference."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.fakes.bigquery import access, ddl, fields
from tests.fakes.bigquery.catalog import Resource, quoted
from tests.fakes.bigquery.errors import ApiError
from tests.fakes.bigquery.partitions import condition
from tests.fakes.bigquery.queries import Setting
from tests.fakes.bigquery.requests import Request, route
from tests.fakes.bigquery.results import page
from tests.fakes.bigquery.service import Service

Json = dict[str, Any]
_DATASETS = "/projects/{project}/datasets"
_TABLES = _DATASETS + "/{dataset}/tables"


def _hold(resource: Resource, request: Request) -> None:
    """If-Match: the change is of the state that the client knows."""
    expected = request.headers.get("if-match")
    if expected not in (None, "*", resource.etag):
        raise ApiError(412, "conditionNotMet", "Precondition Failed")


@route("GET", _DATASETS)
def list_datasets(service: Service, request: Request, project: str) -> Json:
    names = [
        name for name, one in service.catalog.datasets.items() if one.body["datasetReference"]["projectId"] == project
    ]
    shown = [service.catalog.show_dataset(project, name) for name in names]
    keys = ("kind", "id", "datasetReference", "labels", "location")
    return {"kind": "bigquery#datasetList", "datasets": [{k: one[k] for k in keys if k in one} for one in shown]}


@route("POST", _DATASETS)
def insert_dataset(service: Service, request: Request, project: str) -> Json:
    body = request.json
    access.require_project(request.user, project, "bigquery.datasets.create")
    service.catalog.make_dataset(project, body)
    return service.catalog.show_dataset(project, body["datasetReference"]["datasetId"])


@route("GET", _DATASETS + "/{dataset}")
def get_dataset(service: Service, request: Request, project: str, dataset: str) -> Json:
    access.require(service.catalog, request.user, (project, dataset), "bigquery.datasets.get")
    return service.catalog.show_dataset(project, dataset)


@route("PATCH", _DATASETS + "/{dataset}")
def patch_dataset(service: Service, request: Request, project: str, dataset: str) -> Json:
    access.require(service.catalog, request.user, (project, dataset), "bigquery.datasets.update")
    with service.catalog.lock:
        found = service.catalog.dataset(project, dataset)
        _hold(found, request)
        found.patch(request.json)
    return service.catalog.show_dataset(project, dataset)


@route("DELETE", _DATASETS + "/{dataset}")
def delete_dataset(service: Service, request: Request, project: str, dataset: str) -> Json:
    service.catalog.drop_dataset(project, dataset, contents=request.flag("deleteContents"))
    return {}


@route("GET", _TABLES)
def list_tables(service: Service, request: Request, project: str, dataset: str) -> Json:
    service.catalog.dataset(project, dataset)
    names = [name for of, name in service.catalog.tables if of == dataset]
    shown = [service.catalog.show_table(project, dataset, name) for name in names]
    keys = ("kind", "id", "tableReference", "type", "labels", "timePartitioning", "clustering", "creationTime")
    tables = [{key: one[key] for key in keys if key in one} for one in shown]
    return {"kind": "bigquery#tableList", "tables": tables, "totalItems": len(tables)}


@route("POST", _TABLES)
def insert_table(service: Service, request: Request, project: str, dataset: str) -> Json:
    body = request.json
    access.require(service.catalog, request.user, (project, dataset), "bigquery.tables.create")
    if "view" in body:
        body = {**body, "schema": {"fields": _view_fields(service, project, dataset, body)}}
    service.catalog.make_table(project, dataset, body)
    return service.catalog.show_table(project, dataset, body["tableReference"]["tableId"])


def _view_fields(service: Service, project: str, dataset: str, body: Json) -> list[fields.Field]:
    location = service.catalog.dataset(project, dataset).body["location"]
    found = ddl.view_fields(body["view"]["query"], Setting(service.catalog, project, location))
    stated = {one["name"]: one for one in body.get("schema", {}).get("fields", [])}
    return [{**one, **{k: v for k, v in stated.get(one["name"], {}).items() if k == "description"}} for one in found]


@route("GET", _TABLES + "/{table}")
def get_table(service: Service, request: Request, project: str, dataset: str, table: str) -> Json:
    access.require(service.catalog, request.user, (project, dataset), "bigquery.tables.get")
    return service.catalog.show_table(project, dataset, table.partition("$")[0])


@route("PATCH", _TABLES + "/{table}")
def patch_table(service: Service, request: Request, project: str, dataset: str, table: str) -> Json:
    change = request.json
    access.require(service.catalog, request.user, (project, dataset), "bigquery.tables.update")
    with service.catalog.lock:
        found = service.catalog.table(project, dataset, table)
        _hold(found, request)
        if "view" in change:
            change = {**change, "schema": {"fields": _view_fields(service, project, dataset, change)}}
        service.catalog.patch_table(project, dataset, table, change)
    return service.catalog.show_table(project, dataset, table)


@route("DELETE", _TABLES + "/{table}")
def delete_table(service: Service, request: Request, project: str, dataset: str, table: str) -> Json:
    name, _, partition = table.partition("$")
    access.require(service.catalog, request.user, (project, dataset), "bigquery.tables.delete")
    if partition:
        only = condition(service.catalog.table(project, dataset, name), partition)
        service.catalog.run(f"DELETE FROM {quoted(dataset, name)} WHERE {only}")
        service.catalog.tables[dataset, name].touch()
    else:
        service.catalog.drop_table(project, dataset, name)
    return {}


@route("GET", _TABLES + "/{table}/data")
def list_rows(service: Service, request: Request, project: str, dataset: str, table: str) -> Json:
    if dataset == "_anonymous":
        rows, columns = service.result(table)
    else:
        access.check(service.catalog, request.user, (project, dataset, table.partition("$")[0]), None)
        rows, columns = _stored(service, project, dataset, table)
    chosen = request.query.get("selectedFields")
    if chosen:
        columns = [one for one in columns if one["name"] in chosen.split(",")]
        rows = rows.select([one["name"] for one in columns])
    skip = int(request.query.get("startIndex") or 0)
    whole = request.flag("formatOptions.useInt64Timestamp")
    answer = page(
        rows.slice(skip), columns, request.query.get("pageToken"), request.query.get("maxResults"), whole=whole
    )
    return {"kind": "bigquery#tableDataList", **answer}


def _stored(service: Service, project: str, dataset: str, table: str) -> tuple[pa.Table, list[fields.Field]]:
    name, _, partition = table.partition("$")
    found = service.catalog.table(project, dataset, name)
    if found.is_view:
        raise ApiError(400, "invalid", "Cannot list a table of type VIEW.")
    only = condition(found, partition) if partition else "TRUE"
    cursor = service.catalog.cursor()
    try:
        rows = cursor.sql(f"SELECT * FROM {quoted(dataset, name)} WHERE {only}").to_arrow_table()
    finally:
        cursor.close()
    return rows.cast(fields.arrow_schema(found.fields)), found.fields
