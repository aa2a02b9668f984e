"""The Storage Read API over gRPC, on the same state; rows as Arrow."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from tests.fakes.bigquery.billing import priced
from tests.fakes.bigquery.errors import ApiError
from tests.fakes.bigquery.execution import conformed
from tests.fakes.bigquery.queries import Setting, parse, prepared
from tests.fakes.bigquery.rules import rewrite
from tests.fakes.bigquery.service import Service
from tests.fakes.bigquery.statements import written

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
_STREAMS = 4
_BATCH = 10_000
_CODES = {404: grpc.StatusCode.NOT_FOUND, 403: grpc.StatusCode.PERMISSION_DENIED}


class Storage:
    """Sessions are snapshots, cut into streams."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._streams: dict[str, pa.Table] = {}

    def create_read_session(
        self, request: types.CreateReadSessionRequest, context: grpc.ServicerContext
    ) -> types.ReadSession:
        asked = request.read_session
        if asked.data_format != types.DataFormat.ARROW:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "This server gives ARROW only")
        try:
            rows = self._rows(asked, _user(context))
        except ApiError as error:
            _abort(context, error)
        name = f"{request.parent}/locations/us/sessions/{uuid.uuid4().hex}"
        count = min(request.max_stream_count or _STREAMS, _STREAMS, max(rows.num_rows, 0))
        size = -(-rows.num_rows // count) if count else 0
        streams = [f"{name}/streams/{n}" for n in range(count) if n * size < rows.num_rows]
        for n, stream in enumerate(streams):
            self._streams[stream] = rows.slice(n * size, size)
        return types.ReadSession(
            name=name,
            table=asked.table,
            data_format=asked.data_format,
            read_options=asked.read_options,
            arrow_schema=_schema(rows),
            streams=[types.ReadStream(name=stream) for stream in streams],
            estimated_row_count=rows.num_rows,
        )

    def _rows(self, asked: types.ReadSession, user: str | None) -> pa.Table:
        _, project, _, dataset, _, table = asked.table.split("/")
        wanted = list(asked.read_options.selected_fields)
        if dataset == "_anonymous":
            rows, _ = self._service.result(table)
            return rows.select(wanted) if wanted else rows
        catalog = self._service.catalog
        if catalog.table(project, dataset, table).is_view:
            raise ApiError(400, "invalid", "request failed: only tables of type TABLE can be read, this is a VIEW")
        setting = Setting(catalog, project, catalog.dataset(project, dataset).body["location"], user=user)
        return _read(setting, f"`{project}`.`{dataset}`.`{table}`", wanted, asked.read_options.row_restriction)

    def read_rows(
        self, request: types.ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[types.ReadRowsResponse]:
        if request.read_stream not in self._streams:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: {request.read_stream}")
        breaks = self._service.faults.stream_breaks()
        rows = self._streams[request.read_stream].slice(request.offset).combine_chunks()
        for n, batch in enumerate(rows.to_batches(max_chunksize=_BATCH)):
            message = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
            schema = _schema(rows) if n == 0 else None
            yield types.ReadRowsResponse(row_count=batch.num_rows, arrow_record_batch=message, arrow_schema=schema)
            if breaks:
                context.abort(grpc.StatusCode.UNAVAILABLE, "This went wrong on request")


def _schema(rows: pa.Table) -> types.ArrowSchema:
    return types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes())


def _user(context: grpc.ServicerContext) -> str | None:
    metadata = dict(context.invocation_metadata())
    return str(metadata.get("authorization", "")).removeprefix("Bearer ") or None


def _read(setting: Setting, table: str, wanted: list[str], restriction: str) -> pa.Table:
    columns = ", ".join(f"`{name}`" for name in wanted) or "*"
    only = f" WHERE {restriction}" if restriction else ""
    query = prepared(parse(f"SELECT {columns} FROM {table}{only}"), setting)
    priced(query, setting)  # a table that wants a filter on its partitions wants one here too
    cursor = setting.catalog.cursor()
    try:
        return conformed(cursor.sql(written(rewrite(query))).to_arrow_table())
    finally:
        cursor.close()


def _abort(context: grpc.ServicerContext, error: ApiError) -> NoReturn:
    context.abort(_CODES.get(error.code, grpc.StatusCode.INVALID_ARGUMENT), error.message)
    raise error


def start(service: Service, port: int = 0) -> tuple[Any, str]:
    """A gRPC server that runs, and its address."""
    storage = Storage(service)
    methods = {
        "CreateReadSession": grpc.unary_unary_rpc_method_handler(
            storage.create_read_session, types.CreateReadSessionRequest.deserialize, types.ReadSession.serialize
        ),
        "ReadRows": grpc.unary_stream_rpc_method_handler(
            storage.read_rows, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
        ),
    }
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, f"127.0.0.1:{bound}"
