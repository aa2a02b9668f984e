"""Teams: rules that say who owns what."""

from __future__ import annotations

from typing import Any

import polars as pl

from accounting.core import selector
from accounting.errors import InputError
from accounting.inputs.cells import Cells
from accounting.inputs.numbers import integers
from accounting.inputs.shaping import Shaped, missing, shaped, texts, unparsed
from accounting.inputs.spans import RULE_NOTES, spanned
from accounting.inputs.times import Clock
from accounting.tables import INPUT_TEAMS


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_TEAMS`; the priority is 0 where the file does not say."""
    frame, times = spanned(cells, clock, windowed=False)
    given = integers(cells.raw("priority"), cells.dtype("priority"))
    frame = frame.with_columns(
        *texts(cells, ("selector", "team", "cost_center")),
        _canonical(cells.text("selector")).alias("_selector"),
        pl.when(cells.raw("priority").is_null()).then(0).otherwise(given).alias("priority"),
    )
    faults = [
        *times,
        missing(cells, "selector"),
        unparsed(
            cells, "selector", "_selector", f"a selector such as account=ml-*; facts are {', '.join(selector.FIELDS)}"
        ),
        missing(cells, "team"),
        unparsed(cells, "priority", "priority", "a whole number"),
    ]
    return shaped(cells, frame, INPUT_TEAMS.names[2:], faults, notes=RULE_NOTES)


def distinct(every: pl.DataFrame) -> pl.DataFrame:
    """Rows of `INPUT_TEAMS`, each rule once."""
    said = [name for name in INPUT_TEAMS.names if name not in ("import_seq", "row")]
    return every.sort("import_seq", "row", nulls_last=True).unique(said, keep="first", maintain_order=True)


def check(every: pl.DataFrame, file: str, files: dict[int, str]) -> None:
    """Raises `InputError` where rules of one selector and priority name different teams at once."""
    rows = distinct(every).with_columns(_canonical(pl.col("selector")).alias("_selector"))
    rules = rows.sort("_selector", "priority", "start_ms", nulls_last=False)
    for (said, _), group in rules.group_by("_selector", "priority", maintain_order=True):
        _check_rule(str(said), list(group.iter_rows(named=True)), file, files)


def _check_rule(said: str, rules: list[dict[str, Any]], file: str, files: dict[int, str]) -> None:
    for number, second in enumerate(rules):
        for first in rules[:number]:
            if first["team"] != second["team"] and _overlap(first, second):
                raise InputError(
                    f"two teams claim {said!r}: {_told(first, file, files)} and {_told(second, file, files)}:"
                    " end one of the rules, or give them different priorities"
                )


def _overlap(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Of two rules in order of start."""
    return first["end_ms"] is None or second["start_ms"] is None or bool(second["start_ms"] < first["end_ms"])


def _told(row: dict[str, Any], file: str, files: dict[int, str]) -> str:
    name = file if row["import_seq"] is None else files[row["import_seq"]]
    return f"row {row['row']} of {name} ({row['team']})"


def _canonical(value: pl.Expr) -> pl.Expr:
    """NULL where the text is no selector."""
    return value.map_batches(_parsed, return_dtype=pl.String(), is_elementwise=True)


def _parsed(selectors: pl.Series) -> pl.Series:
    return pl.Series(selectors.name, [_parse(s) for s in selectors], dtype=pl.String)


def _parse(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return selector.parse(text).canonical
    except ValueError:
        return None
