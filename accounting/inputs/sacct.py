"""Slurm: what `sacct -P` prints, as jobs that hold accelerators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from accounting.errors import InputError
from accounting.inputs.cells import LEFT
from accounting.inputs.mapping import Mapping, Term
from accounting.inputs.numbers import EXACT
from accounting.inputs.staged import Staged

_XDMOD = (
    "jobid jobidraw cluster partition qos account group gid user uid submit eligible start end elapsed exitcode state"
    " nnodes ncpus reqcpus reqmem reqtres alloctres timelimit nodelist jobname"
)
FIELDS = tuple(_XDMOD.split())
NULLS = ("Unknown", "None", "None assigned", "(null)")
_OURS = "workload_id user account cluster pool node accelerator quantity start end submitted outcome"
DEFAULTS = frozenset(_OURS.split())

_PLAIN = {
    "workload_id": "jobid",
    "user": "user",
    "account": "account",
    "cluster": "cluster",
    "pool": "partition",
    "start": "start",
    "end": "end",
    "submitted": "submit",
}
_COUNTS = r"gres/gpu(?::[^=,]+)?=\d+"


def names(found: tuple[str, ...], given: tuple[str, ...] | None, header: bool | None) -> tuple[tuple[str, ...], bool]:
    """Names of the columns, and whether the first line is a header."""
    lower = [name.strip().lower() for name in found]
    is_header = header if header is not None else "jobid" in lower or "jobidraw" in lower
    if given is not None:
        return given, is_header
    return (found, True) if is_header else (FIELDS, False)


def applies(mapping: Mapping, kind: str) -> bool:
    """Whether the defaults for jobs hold."""
    return mapping.format == "sacct" and kind == "jobs"


def prepared(path: Path, staged: Staged, terms: dict[str, Term]) -> tuple[Staged, dict[str, Term]]:
    """The jobs that held accelerators, one row per kind of accelerator, and the mapping with the defaults filled in.

    Steps and jobs without accelerators are left out and counted.
    """
    columns = _Columns({name.strip().lower(): name for name in reversed(staged.columns)})
    frame = staged.frame.with_columns(
        columns.get("jobid", "jobidraw").alias("_jobid"),
        _node(columns).alias("_node"),
        columns.get("state").str.extract(r"^(\S+)").alias("_outcome"),
    ).with_columns(pl.when(pl.col("_jobid").str.contains(".", literal=True)).then(pl.lit("steps")).alias(LEFT))
    if "quantity" not in terms:
        frame = _counted(path, frame, columns)
    said = {ours: columns.found[theirs] for ours, theirs in _PLAIN.items() if theirs in columns.found}
    made = {
        "workload_id": "_jobid",
        "node": "_node",
        "outcome": "_outcome",
        "accelerator": "_accelerator",
        "quantity": "_quantity",
    }
    if "end" not in said:
        said |= {"duration": columns.found["elapsed"]} if "elapsed" in columns.found else {}
    have = frame.collect_schema()
    default = {ours: Term(name, name) for ours, name in {**said, **made}.items() if name in have}
    if "end" in terms or "duration" in terms:
        default.pop("end", None)
        default.pop("duration", None)
    extra = tuple(n for n in ("_jobid", "_node", "_outcome", "_accelerator", "_quantity") if n in have)
    return replace(staged, frame=frame, extra=extra), default | terms


class _Columns:
    """The dump's columns by their lower-case names."""

    def __init__(self, found: dict[str, str]) -> None:
        self.found = found

    def get(self, *choices: str) -> pl.Expr:
        """The first of the choices that the dump has; NULL if none."""
        name = next((self.found[c] for c in choices if c in self.found), None)
        return pl.col(name) if name is not None else pl.lit(None, dtype=pl.String)


def _node(columns: _Columns) -> pl.Expr:
    nodes = columns.get("nodelist")
    return pl.when(nodes.str.contains(r"[\[,]").not_()).then(nodes)


def _counted(path: Path, frame: pl.LazyFrame, columns: _Columns) -> pl.LazyFrame:
    """Accelerator and quantity from AllocTRES, or from ReqTRES for a job that never started."""
    if "alloctres" not in columns.found:
        raise InputError(
            f"{path}: the sacct dump has no AllocTRES column: print it with --format=…,AllocTRES, or map accelerator"
            " and quantity"
        )
    held = columns.get("alloctres")
    asked = pl.when(columns.get("start").is_null()).then(columns.get("reqtres"))
    tres = pl.when(held.str.contains("gres/gpu", literal=True)).then(held).otherwise(asked)
    frame = frame.with_columns(_kinds(tres).alias("_gres"))
    frame = frame.explode("_gres", empty_as_null=True).with_columns(
        pl.col("_gres").str.extract(r":([^=]+)=").fill_null("gpu").alias("_type"),
        pl.col("_gres").str.extract(r"=(\d+)$").cast(EXACT).alias("_count"),
    )
    return frame.with_columns(
        pl.col("_type").alias("_accelerator"),
        pl.col("_count").cast(pl.String).alias("_quantity"),
        pl.coalesce(LEFT, pl.when(pl.col("_gres").is_null()).then(pl.lit("no_accelerator"))).alias(LEFT),
    )


def _kinds(tres: pl.Expr) -> pl.Expr:
    """The counts by type; `gres/gpu:a100=2,gres/gpu=4` are two of a type and two of none, not six."""
    counts = tres.str.extract_all(_COUNTS)
    typed = counts.list.filter(pl.element().str.contains(":", literal=True))
    of_type = typed.list.eval(pl.element().str.extract(r"=(\d+)$").cast(pl.Int64, strict=False)).list.sum()
    rest = tres.str.extract(r"gres/gpu=(\d+)").cast(pl.Int64, strict=False) - of_type
    others = pl.concat_list(typed, pl.format("gres/gpu={}", rest))
    return pl.when(typed.list.len() == 0).then(counts).when(rest > 0).then(others).otherwise(typed)
