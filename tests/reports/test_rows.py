from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from accounting.errors import InputError
from accounting.reports.rows import Format, write_rows

FRAME = pl.DataFrame(
    {
        "team": ['nlp, "big"', None, ""],
        "cost": [Decimal("12345678901234567890.000000001"), Decimal("0.000000001"), None],
        "n": [1, None, -3],
        "f": [0.1, float("nan"), None],
        "hour": [datetime(2025, 1, 1, 10, 17, 23, 456000, UTC), datetime(2025, 1, 1, tzinfo=UTC), None],
        "day": [date(2025, 1, 1), None, None],
        "live": [True, False, None],
    },
    schema_overrides={"cost": pl.Decimal(38, 9)},
)


def written(frame: pl.DataFrame, format: Format) -> bytes:
    out = io.BytesIO()
    write_rows(frame, format, out)
    return out.getvalue()


def test_csv_is_exact_and_tells_null_from_empty() -> None:
    assert written(FRAME, "csv").decode() == (
        "team,cost,n,f,hour,day,live\n"
        '"nlp, ""big""",12345678901234567890.000000001,1,0.1,2025-01-01T10:17:23.456Z,2025-01-01,true\n'
        ",0.000000001,,NaN,2025-01-01T00:00:00Z,,false\n"
        '"",,-3,,,,\n'
    )


def test_json_has_numerals_with_all_digits() -> None:
    text = written(FRAME, "json").decode()
    found = json.loads(text, parse_float=Decimal)
    assert [r["cost"] for r in found] == [Decimal("12345678901234567890.000000001"), Decimal("0.000000001"), None]
    assert '"cost": 0.000000001' in text
    assert found[0] | {"cost": 0} == {
        "team": 'nlp, "big"', "cost": 0, "n": 1, "f": Decimal("0.1"), "hour": "2025-01-01T10:17:23.456Z",
        "day": "2025-01-01", "live": True,
    }  # fmt: skip
    assert found[1]["f"] is None
    assert json.loads(written(FRAME.clear(), "json")) == []


def test_json_holds_lists_and_structs_which_csv_refuses() -> None:
    frame = pl.DataFrame(
        {"l": [[Decimal("1.50"), None]], "s": [{"at": datetime(2025, 1, 1, tzinfo=UTC), "d": date(2025, 1, 1)}]}
    )
    assert json.loads(written(frame, "json")) == [
        {"l": [1.5, None], "s": {"at": "2025-01-01T00:00:00Z", "d": "2025-01-01"}}
    ]
    with pytest.raises(InputError, match="column 'l' is a list or a struct"):
        written(frame, "csv")


def test_a_table_shows_every_column_at_full_width_and_null_as_null() -> None:
    wide = FRAME.with_columns(pl.lit("x" * 300).alias("long"), *(pl.lit(i).alias(f"column_{i}") for i in range(30)))
    lines = written(wide, "table").decode().splitlines()
    assert all(name in lines[0] for name in wide.columns)
    assert "x" * 300 in lines[2]
    assert "12345678901234567890.000000001" in lines[2]
    assert "                   0.000000001" in lines[3], "numbers stand to the right"
    assert "NULL" in lines[3]
    assert len(lines) == 2 + FRAME.height


def test_a_table_takes_no_markup_from_values() -> None:
    assert "[bold]x[/bold]" in written(pl.DataFrame({"[red]a": ["[bold]x[/bold]"]}), "table").decode()


def test_parquet_is_the_frame() -> None:
    assert pl.read_parquet(io.BytesIO(written(FRAME, "parquet"))).equals(FRAME)


def test_json_holds_bytes_in_base64() -> None:
    frame = pl.DataFrame({"b": [b"\x00\xff"], "s": [{"b": b"a"}]})
    assert json.loads(written(frame, "json")) == [{"b": "AP8=", "s": {"b": "YQ=="}}]
