"""Times and durations of foreign files, as integer milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Literal

import polars as pl

from accounting.inputs.numbers import EXACT, decimals

Unit = Literal["s", "ms", "us", "ns"]
Ambiguous = Literal["earliest", "latest"]

_PER_SECOND: dict[Unit, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400_000
_FIRST, _LAST = -62_135_596_800_000 - _DAY, 253_402_300_799_999 + _DAY  # years 1 to 9999, in any zone

_DATES = ("%Y-%m-%d", "%Y/%m/%d")
_HOURS = ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M")
_LOCAL = (*(d + s + h for d, s, h in product(_DATES, "T ", _HOURS)), *_DATES)
_OFFSET = tuple(d + s + h + z for d, s, h, z in product(_DATES, "T ", _HOURS[1:], ("%#z", " %#z")))
# strptime takes `01:4` for four minutes past; in a file that was cut there it was forty-something.
_DIGITS = r"^\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[+-]\d\d(?::?\d\d)?| ?[Zz]| UTC)?)?$"
_NAMED = tuple(d + s + h + " UTC" for d, s, h in product(_DATES, "T ", _HOURS[1:]))


@dataclass(frozen=True, slots=True)
class Clock:
    """How a file tells time: `origin` and the window in ms; `zone` is for timestamps without an offset.

    `now` is when the file is imported (None: not told, so nothing lies too far ahead of it).
    """

    zone: str = "UTC"
    origin: int = 0
    unit: Unit = "s"
    window_start: int | None = None
    window_end: int | None = None
    now: int | None = None


def instants(value: pl.Expr, dtype: pl.DataType, clock: Clock, ambiguous: Ambiguous = "earliest") -> pl.Expr:
    """Milliseconds since the epoch (Int64), floored; NULL where the value is none or is not a time."""
    if dtype == pl.String:
        read = partial(_batch, parsers=_parsers(clock, ambiguous))
        return value.map_batches(read, return_dtype=pl.Int64(), is_elementwise=True)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return _sane(value.dt.epoch("ms"))
    if dtype.is_temporal():
        return _sane(_zoned(value.cast(pl.Datetime("ms")), clock, ambiguous))
    return _sane(_count(value, dtype, clock.unit) + clock.origin)


def durations(value: pl.Expr, dtype: pl.DataType, unit: Unit) -> pl.Expr:
    """Milliseconds (Int64): a number counts `unit`, a text may be `[D-]HH:MM:SS`; NULL where it is neither."""
    if dtype == pl.String:
        counts: list[_Parser] = [
            partial(_counted, unit=unit, origin=0),
            partial(_decimal, unit=unit, origin=0),
            _clock_face,
        ]
        return value.map_batches(partial(_batch, parsers=counts), return_dtype=pl.Int64(), is_elementwise=True)
    if dtype == pl.Duration:
        return value.dt.total_milliseconds()
    return _count(value, dtype, unit)


def to_ms(text: str | None, clock: Clock) -> int | None:
    """One text as milliseconds since the epoch; None where it is none or is not a time."""
    if text is None:
        return None
    value: int | None = _batch(pl.Series([text]), parsers=_parsers(clock, "earliest"))[0]
    return value


_Parser = Callable[[pl.Series], pl.Series]


def _parsers(clock: Clock, ambiguous: Ambiguous) -> list[_Parser]:
    return [
        partial(_counted, unit=clock.unit, origin=clock.origin),
        *(partial(_timestamp, form=form, clock=clock, ambiguous=ambiguous) for form in _LOCAL),
        *(partial(_timestamp, form=form, clock=clock, ambiguous=ambiguous) for form in (*_OFFSET, *_NAMED)),
        partial(_decimal, unit=clock.unit, origin=clock.origin),
    ]


def _batch(texts: pl.Series, parsers: list[_Parser]) -> pl.Series:
    """No two parsers read the same text, so trying the likely one first changes the speed and not the result."""
    texts = texts.str.strip_chars()
    sample = texts.drop_nulls().head(1)
    likely = next((p for p in parsers if len(sample) and p(sample)[0] is not None), parsers[0])
    result = likely(texts)
    for parser in parsers:
        missing = (result.is_null() & texts.is_not_null()).arg_true()
        if not len(missing):
            break
        result = result.scatter(missing, parser(texts.gather(missing)))
    return result.rename(texts.name)


def _timestamp(texts: pl.Series, form: str, clock: Clock, ambiguous: Ambiguous) -> pl.Series:
    read = texts.str.to_datetime(form, strict=False, time_unit="ms")
    read = read.zip_with(texts.str.contains(_DIGITS).fill_null(False), pl.Series([None], dtype=read.dtype))
    if form.endswith(("z", "UTC")):
        return _select(read, pl.col("v").dt.epoch("ms"))
    return _select(read, _sane(_zoned(pl.col("v"), clock, ambiguous)))


def _counted(texts: pl.Series, unit: Unit, origin: int) -> pl.Series:
    return _select(texts.cast(pl.Int64, strict=False), _sane(_whole(pl.col("v"), unit) + origin))


def _decimal(texts: pl.Series, unit: Unit, origin: int) -> pl.Series:
    return _select(texts.cast(EXACT, strict=False), _sane(_fraction(pl.col("v"), unit) + origin))


def _clock_face(texts: pl.Series) -> pl.Series:
    parts = pl.col("v").str.extract_groups(
        r"^(?:(?<d>\d{1,6})-)?(?<h>\d{1,4}):(?<m>[0-5]\d):(?<s>[0-5]\d)(?:\.(?<f>\d{1,9}))?$"
    )
    field = {name: parts.struct.field(name) for name in "dhmsf"}
    seconds = (
        field["d"].cast(pl.Int64).fill_null(0) * 86_400
        + field["h"].cast(pl.Int64) * 3_600
        + field["m"].cast(pl.Int64) * 60
        + field["s"].cast(pl.Int64)
    )
    return _select(texts, seconds * 1_000 + field["f"].str.pad_end(9, "0").str.slice(0, 3).cast(pl.Int64).fill_null(0))


def _select(series: pl.Series, expression: pl.Expr) -> pl.Series:
    return pl.DataFrame({"v": series}).select(expression.alias("v")).to_series()


def _zoned(naive: pl.Expr, clock: Clock, ambiguous: Ambiguous) -> pl.Expr:
    if clock.zone == "UTC":
        return naive.dt.epoch("ms")
    return naive.dt.replace_time_zone(clock.zone, ambiguous=ambiguous, non_existent="null").dt.epoch("ms")


def _sane(ms: pl.Expr) -> pl.Expr:
    return pl.when(ms.is_between(_FIRST, _LAST)).then(ms)


def _count(value: pl.Expr, dtype: pl.DataType, unit: Unit) -> pl.Expr:
    if dtype.is_integer():
        return _whole(value.cast(pl.Int64, strict=False), unit)
    if dtype.is_numeric():
        return _fraction(decimals(value, dtype), unit)
    return pl.lit(None, dtype=pl.Int64())


def _whole(count: pl.Expr, unit: Unit) -> pl.Expr:
    per = _PER_SECOND[unit]
    if per > 1_000:
        return count.floordiv(per // 1_000)
    scale = 1_000 // per
    limit = _LAST // scale * 2
    return pl.when(count.is_between(-limit, limit)).then(count) * scale


def _fraction(count: pl.Expr, unit: Unit) -> pl.Expr:
    per = _PER_SECOND[unit]
    limit = pl.lit(_LAST * per // 1_000 * 2)
    bounded = pl.when(count.is_between(-limit, limit)).then(count)
    ms = bounded * (1_000 // per) if per <= 1_000 else bounded / (per // 1_000)
    return ms.floor().cast(pl.Int64)
