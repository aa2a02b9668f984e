"""Mapping files: which column of a foreign file is which column of ours.

Every value under `[columns]` is a Polars SQL expression over the file's columns.
"""

from __future__ import annotations

import codecs
import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import polars as pl

from accounting.errors import InputError
from accounting.inputs.names import unknown
from accounting.inputs.times import Clock, Unit, to_ms

Format = Literal["csv", "parquet", "jsonl", "sacct", "gcp_billing", "focus", "gcp_pricing"]

FORMATS: dict[str, Format] = {
    "csv": "csv",
    "parquet": "parquet",
    "json lines": "jsonl",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "sacct": "sacct",
    "gcp_billing": "gcp_billing",
    "focus": "focus",
    "gcp_pricing": "gcp_pricing",
}
BILLS: tuple[Format, ...] = ("gcp_billing", "focus")
"""Formats of providers' bills, whatever file they are in."""
PRICE_LISTS: tuple[Format, ...] = ("gcp_pricing",)
"""Formats of providers' prices, likewise."""
TEAM_LABEL = "team"

# `!` marks a required column; `a|b` one of which is required.
_COLUMNS: dict[str, str] = {
    "jobs": "workload_id team model purpose user account namespace cluster pool node device_id accelerator! quantity!"
    " start! end|duration submitted outcome priority",
    "capacity": "cluster pool node device_id accelerator! quantity purchase region provider start end duration"
    " owner_team",
    "prices": "accelerator! provider region purchase start end price_per_hour! currency covers kind",
    "teams": "selector! team! cost_center start end priority",
    "invoice": "provider invoice_id invoice_month! sku! description service project resource region usage_start!"
    " usage_end! quantity unit list_cost cost! credits commitment_credits fee_offset currency! export_time accelerator"
    " purchase charge_type commitment_id label_team",
    "samples": "cluster device_id|workload_id start! end duration busy sm_active tensor_active memory_bytes"
    " power_w energy_j",
}


class TimeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[time]` table."""

    zone: str = "UTC"
    origin: str | None = None
    unit: Unit = "s"
    window_start: str | None = None
    window_end: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mapping file says."""

    format: str = "csv"
    separator: str | None = None
    header: bool | None = None
    names: tuple[str, ...] | None = None
    nulls: tuple[str, ...] = ()
    encoding: str = "utf-8"
    where: str | None = None
    team_label: str = TEAM_LABEL
    time: TimeSettings = TimeSettings()
    columns: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Term:
    """One mapped column: `bare` is the file's column where the text is nothing but its name."""

    text: str
    bare: str | None

    @property
    def expression(self) -> pl.Expr:
        return pl.col(self.bare) if self.bare is not None else pl.sql_expr(self.text)

    @property
    def roots(self) -> list[str]:
        """The file's columns that the expression reads."""
        return list(dict.fromkeys(self.expression.meta.root_names()))


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping file; `digest` is equal for files that say the same.

    `trusting`: prices that are hardly right are taken.
    """

    path: Path
    settings: Settings
    trusting: bool = False

    @property
    def format(self) -> Format:
        return FORMATS[self.settings.format]

    @property
    def digest(self) -> str:
        """SHA-256 of what the file says: comments, order and white space do not count."""
        canonical = msgspec.to_builtins(msgspec.structs.replace(self.settings, format=self.format))
        if self.settings.team_label == TEAM_LABEL:
            del canonical["team_label"]  # digests are as they were before there was one
        told = msgspec.json.encode(canonical, order="sorted")
        return hashlib.sha256(told + b" trusting" * self.trusting).hexdigest()

    @property
    def clock(self) -> Clock:
        said = self.settings.time
        local = Clock(said.zone)
        return Clock(
            zone=said.zone,
            origin=to_ms(said.origin, local) or 0,
            unit=said.unit,
            window_start=to_ms(said.window_start, local),
            window_end=to_ms(said.window_end, local),
        )

    def terms(self) -> dict[str, Term]:
        """The mapped columns by our names."""
        return {name: term(text) for name, text in self.settings.columns.items()}


def term(text: str) -> Term:
    """Raises a Polars error where the text is neither a column's name nor an expression."""
    stripped = text.strip()
    if stripped.isidentifier() and stripped.lower() not in ("true", "false", "null"):
        return Term(text, stripped)
    if len(stripped) > 2 and stripped[0] == stripped[-1] == '"' and '"' not in stripped[1:-1]:
        return Term(text, stripped[1:-1])
    pl.sql_expr(text)
    return Term(text, None)


def kinds() -> list[str]:
    """Kinds of files that can be imported."""
    return list(_COLUMNS)


def columns_of(kind: str) -> list[str]:
    """Names that a mapping of that kind may give."""
    return _COLUMNS[kind].replace("!", "").replace("|", " ").split()


def load_mapping(path: Path) -> Mapping:
    """Reads and checks a mapping file; raises `InputError` naming file, table and key."""
    try:
        raw = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give the mapping file with --mapping") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    _check_keys(path, raw)
    try:
        settings = msgspec.convert(_texts(raw), Settings)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {_explained(str(error))}") from error
    mapping = Mapping(path, settings)
    _check_values(mapping)
    _check_times(mapping)
    _check_expressions(mapping)
    return mapping


def check_kind(mapping: Mapping, kind: str, given: frozenset[str]) -> None:
    """Raises `InputError` where a column is unknown for the kind, or a required one is neither mapped nor `given`."""
    if mapping.format in BILLS and kind != "invoice":
        raise InputError(f"{mapping.path}: format: {mapping.format} is of invoices: chipledger import invoice FILE")
    if mapping.format in PRICE_LISTS and kind != "prices":
        raise InputError(f"{mapping.path}: format: {mapping.format} is of prices: chipledger import prices FILE")
    known = columns_of(kind)
    for name in mapping.settings.columns:
        if name not in known:
            raise InputError(f"{mapping.path}: [columns]: {unknown(f'column of {kind}', name, known)}")
    have = given | set(mapping.settings.columns)
    for spec in _COLUMNS[kind].split():
        choices = spec.rstrip("!").split("|")
        if (spec.endswith("!") or len(choices) > 1) and not have & set(choices):
            wanted = " or ".join(repr(c) for c in choices)
            raise InputError(
                f'{mapping.path}: [columns]: {kind} need {wanted}: add `{choices[0]} = "…"`,'
                " a column of the file or an expression"
            )


def _explained(message: str) -> str:
    """The words of msgspec with the place in front, and what may stand there."""
    what, _, place = message.partition(" - at `$.")
    table, _, key = place.rstrip("`").rpartition(".")
    where = f"[{table}]: {key}" if table else key
    if what.startswith("Invalid enum value") and key == "unit":
        return f"{where}: {what.rpartition(' ')[2]} is no unit: write one of {', '.join(get_args(Unit))}"
    return f"{where}: {what[:1].lower()}{what[1:]}: see docs/importing.md, mapping files"


def _check_keys(path: Path, raw: dict[str, Any]) -> None:
    tables = {"": (raw, Settings), "[time]: ": (raw.get("time", {}), TimeSettings)}
    for place, (table, struct) in tables.items():
        for key in table if isinstance(table, dict) else ():
            if key not in struct.__struct_fields__:
                raise InputError(f"{path}: {place}{unknown('key', key, struct.__struct_fields__)}")


def _texts(raw: dict[str, Any]) -> dict[str, Any]:
    """Numbers under `[columns]` and dates under `[time]` as their text."""
    result = dict(raw)
    for table in ("columns", "time"):
        if isinstance(raw.get(table), dict):
            result[table] = {key: _text(value) for key, value in raw[table].items()}
    return result


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (int, float)) else value


def _check_values(mapping: Mapping) -> None:
    said, path = mapping.settings, mapping.path
    if said.format not in FORMATS:
        raise InputError(f"{path}: format: {unknown('format', said.format, FORMATS)}")
    if said.team_label != TEAM_LABEL and FORMATS[said.format] not in BILLS:
        raise InputError(f"{path}: team_label: only formats gcp_billing and focus read labels: map label_team instead")
    if said.separator is not None and (len(said.separator) != 1 or said.separator in '"\r\n'):
        raise InputError(f"{path}: separator: {said.separator!r} is not one character")
    if said.names is not None and (duplicate := next((n for n in said.names if said.names.count(n) > 1), None)):
        raise InputError(f"{path}: names: {duplicate!r} stands twice: every column needs its own name")
    try:
        codecs.lookup(said.encoding)
    except LookupError as error:
        raise InputError(
            f"{path}: encoding: {said.encoding!r} is unknown: try utf-8, latin-1, cp1252 or utf-16"
        ) from error


def _check_times(mapping: Mapping) -> None:
    said, path = mapping.settings.time, mapping.path
    try:
        ZoneInfo(said.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: [time]: zone: {said.zone!r} is no time zone: use a name such as Europe/Berlin"
        ) from error
    for key in ("origin", "window_start", "window_end"):
        value = getattr(said, key)
        if value is not None and to_ms(value, Clock(said.zone)) is None:
            raise InputError(f"{path}: [time]: {key}: {value!r} is not a time: write it as 2025-01-31T00:00:00Z")
    clock = mapping.clock
    if clock.window_start is not None and clock.window_end is not None and clock.window_end <= clock.window_start:
        raise InputError(f"{path}: [time]: window_end is not after window_start")


def _check_expressions(mapping: Mapping) -> None:
    texts = {f"[columns]: {name}": text for name, text in mapping.settings.columns.items()}
    if mapping.settings.where is not None:
        texts["where"] = mapping.settings.where
    for place, text in texts.items():
        try:
            term(text)
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{mapping.path}: {place}: {text!r} is no expression ({reason}):"
                " write a column, a Polars SQL expression, or a 'constant'; names with spaces go in \"double quotes\""
            ) from error
