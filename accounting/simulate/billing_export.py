"""Google's detailed billing export as BigQuery extracts it: JSON lines with records and lists."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from accounting.simulate.company import DAY

Json = dict[str, Any]
_NANO = Decimal("1e-9")
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TYPES = {"usage": "regular", "commitment_fee": "regular", "rounding": "rounding_error"}
_CREDITS = {"commitment_credits": "COMMITTED_USAGE_DISCOUNT", "fee_offset": "FEE_UTILIZATION_OFFSET"}
_DEFAULT, _FLEXIBLE = "Default", "Compute Flexible CUDs"


def exported(line: Mapping[str, Any], days: int) -> Json:
    """The row of a line: what it costs before credits, and each credit on its own; written `days` after it."""
    return {
        "billing_account_id": "01A2B3-C4D5E6-F70819",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": line["sku"], "description": line["description"]},
        "usage_start_time": _time(line["start"]),
        "usage_end_time": _time(line["end"]),
        "project": {"id": line["project"], "number": "1071284184436", "name": line["project"], "labels": []},
        "labels": [{"key": "team", "value": line["label_team"]}] if line.get("label_team") else [],
        "system_labels": [],
        "location": {"location": "us", "country": "US"},
        "resource": {},
        "cost": line["cost"].quantize(_NANO),
        "currency": "USD",
        "currency_conversion_rate": 1.0,
        "usage": _usage(line.get("quantity")),
        "credits": list(_credits(line)),
        "invoice": {"month": line["month"].replace("-", "")},
        "cost_type": _TYPES.get(line["charge_type"], line["charge_type"]),
        "adjustment_info": _adjustment(line),
        "export_time": _time(line["start"] + days * DAY),
        "consumption_model": _model(line),
    }


def write_lines(rows: Iterable[Json], path: Path) -> None:
    """Compressed JSON lines; the same rows are the same bytes."""
    content = b"".join(_ENCODER.encode(row) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(content, mtime=0))


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def _usage(hours: Decimal | None) -> Json:
    if hours is None:
        return {"amount": 0, "unit": "requests", "amount_in_pricing_units": None, "pricing_unit": "count"}
    rounded = hours.quantize(_NANO)
    return {
        "amount": (hours * 3600).quantize(_NANO),
        "unit": "seconds",
        "amount_in_pricing_units": rounded,
        "pricing_unit": "hour",
    }


def _credits(line: Mapping[str, Any]) -> Iterable[Json]:
    of_commitments = Decimal(0)
    for name, kind in _CREDITS.items():
        if amount := line[name]:
            of_commitments += amount
            yield {"name": kind.replace("_", " ").capitalize(), "amount": amount.quantize(_NANO), "type": kind}
    if other := line["credits"] - of_commitments:
        yield {"name": "Growth program", "amount": other.quantize(_NANO), "type": "PROMOTION"}


def _adjustment(line: Mapping[str, Any]) -> Json | None:
    if line["charge_type"] != "adjustment":
        return None
    return {"id": "adj-1", "description": line["description"], "mode": "PARTIAL_CORRECTION", "type": "GOODWILL"}


def _model(line: Mapping[str, Any]) -> Json:
    """Usage under a commitment of the newer kind has a model of its own; its fee has not."""
    commitment = line.get("commitment_id")
    flexible = commitment is not None and line["charge_type"] == "usage"
    return {
        "id": "CUD-FLEX" if flexible else "7754-699E-0EBF",
        "description": _FLEXIBLE if flexible else _DEFAULT,
        "applied_subscription_instance_id": commitment,
    }
