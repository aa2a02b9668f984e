"""Google's clients of BigQuery, and what their errors mean to the user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounting.config import BigQueryTable
from accounting.errors import InputError, StoreError

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud import bigquery
    from google.cloud.bigquery_storage import BigQueryReadClient

NO_STORAGE = "none"


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A project's clients: `reader` is None where rows are read without the Storage API; threads may share it."""

    settings: BigQueryTable
    client: bigquery.Client
    reader: BigQueryReadClient | None


def connect(settings: BigQueryTable) -> Warehouse:
    """Raises `InputError` where the extra is not installed or no credentials are found; nothing is asked yet."""
    try:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import bigquery
    except ImportError as error:
        raise InputError("BigQuery needs the extra gcp: pip install 'chipledger[server,gcp]'") from error
    options = {"api_endpoint": settings.endpoint} if settings.endpoint else None
    try:
        client = bigquery.Client(
            project=settings.project,
            location=settings.location,
            credentials=AnonymousCredentials() if settings.endpoint else None,  # type: ignore[no-untyped-call]
            client_options=options,
        )
    except DefaultCredentialsError as error:
        raise InputError(
            "BigQuery: no credentials: run `gcloud auth application-default login`,"
            " or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
    return Warehouse(settings, client, _reader(settings))


def _reader(settings: BigQueryTable) -> BigQueryReadClient | None:
    if settings.storage_endpoint == NO_STORAGE or (settings.endpoint and not settings.storage_endpoint):
        return None
    from google.cloud.bigquery_storage import BigQueryReadClient

    if not settings.storage_endpoint:
        return BigQueryReadClient()  # type: ignore[no-untyped-call]
    import grpc
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    channel = grpc.insecure_channel(settings.storage_endpoint)
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]


@contextmanager
def answered(doing: str) -> Iterator[None]:
    """Errors of Google's clients as one line: what was being done, what was said, what to do."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except exceptions.Forbidden as error:
        section = "Quotas" if "quota" in reason(error).lower() else "Access"
        raise StoreError(f"BigQuery, {doing}: {said(error)}; see docs/bigquery.md, {section}") from error
    except exceptions.GoogleAPICallError as error:
        raise StoreError(f"BigQuery, {doing}: {said(error)}") from error
    except (GoogleAuthError, RequestException, exceptions.RetryError) as error:
        raise StoreError(f"BigQuery, {doing}: no answer ({_cause(error)}); run it again") from error


def said(error: GoogleAPICallError) -> str:
    """BigQuery's own words, without the request and the job around them."""
    words = next((one["message"] for one in error.errors or () if isinstance(one, dict) and one.get("message")), None)
    return " ".join(str(words or error.message or error).split())


def reason(error: GoogleAPICallError) -> str:
    """The short words by which BigQuery tells errors apart."""
    return " ".join(str(one.get("reason", "")) for one in error.errors or () if isinstance(one, dict))


def _cause(error: Exception) -> str:
    """What the system said, without the addresses and the retries around it."""
    text = " ".join(str(error).split())
    errno = re.search(r"\[Errno -?\d+\] ([^)\"']+)", text)
    return errno[1] if errno else text
