"""The part of GoogleSQL that gives the same answer on both stores, and what to write instead of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import sqlglot
from sqlglot import Token, exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from accounting.errors import InputError

DIALECT = "bigquery"

# Functions whose result was compared on both engines, as they are or after the rewrites of `googlesql`.
_PROVEN: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Sum, exp.Count, exp.CountIf, exp.Avg, exp.Min, exp.Max, exp.AnyValue,
        exp.LogicalAnd, exp.LogicalOr, exp.GroupConcat, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance,
        exp.VariancePop, exp.Corr, exp.PercentileCont, exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank,
        exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Case, exp.If,
        exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Cast, exp.TryCast, exp.SafeDivide, exp.IntDiv, exp.Mod,
        exp.Abs, exp.Sign, exp.Round, exp.Trunc, exp.Ceil, exp.Floor, exp.Pow, exp.Sqrt, exp.Exp, exp.Ln, exp.Log,
        exp.Extract, exp.Date, exp.DateAdd, exp.DateSub, exp.DateDiff, exp.DateTrunc, exp.DatetimeAdd,
        exp.DatetimeSub, exp.DatetimeDiff, exp.DatetimeTrunc, exp.LastDay, exp.Timestamp, exp.TimestampAdd,
        exp.TimestampSub, exp.TimestampDiff, exp.TimestampTrunc, exp.Datetime, exp.UnixToTime, exp.UnixSeconds,
        exp.UnixMillis, exp.UnixMicros, exp.StrToTime, exp.StrToDate, exp.ParseDatetime, exp.TimeToStr,
        exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime, exp.TsOrDsAdd, exp.CurrentDate,
        exp.CurrentTimestamp, exp.GenerateSeries, exp.GenerateDateArray, exp.GenerateTimestampArray, exp.Concat,
        exp.DPipe, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.StrPosition, exp.StartsWith,
        exp.EndsWith, exp.Replace, exp.Pad, exp.Split, exp.Reverse, exp.RegexpLike, exp.RegexpReplace,
        exp.RegexpExtract, exp.Left, exp.Right, exp.Array, exp.Struct, exp.Exists, exp.And, exp.Or, exp.Xor,
        exp.Unnest, exp.DateFromParts, exp.WeekStart,
        exp.CovarPop, exp.CovarSamp, exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.Grouping, exp.ArraySize,
        exp.ArrayToString, exp.UnixDate, exp.DateFromUnixDate, exp.Repeat,
        exp.PercentileDisc,
    }
)  # fmt: skip

# Construct -> why it is refused, what to write instead.
REFUSED: dict[str, str] = {
    "APPROX_COUNT_DISTINCT": "each engine approximates in its own way: write COUNT(DISTINCT x)",
    "APPROX_QUANTILES": "each engine approximates in its own way: write PERCENTILE_CONT(x, 0.5) OVER ()",
    "APPROX_TOP_COUNT": "it gives another type on each engine: write GROUP BY, COUNT(*), ORDER BY and LIMIT",
    "APPROX_TOP_SUM": "it gives another type on each engine: write GROUP BY, SUM(x), ORDER BY and LIMIT",
    "FORMAT": "the embedded store knows other patterns: write CONCAT and CAST(x AS STRING)",
    "FARM_FINGERPRINT": "only BigQuery has it: compare or group by the text itself",
    "PARSE_NUMERIC": "only BigQuery has it: write CAST(x AS NUMERIC)",
    "IEEE_DIVIDE": "only BigQuery has it: write SAFE_DIVIDE(a, b)",
    "TIMESTAMP_BUCKET": "only BigQuery has it: write TIMESTAMP_TRUNC(x, HOUR)",
    "ARRAY_AGG": "NULL and LIMIT are treated differently: write STRING_AGG(x ORDER BY x)",
    "MAX_BY": "NULL is treated differently: write QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY … DESC) = 1",
    "MIN_BY": "NULL is treated differently: write QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) = 1",
    "HAVING MAX": "NULL is treated differently: write QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY … DESC) = 1",
    "RAND": "a query gives the same answer each time: write an ORDER BY over columns",
    "GENERATE_UUID": "a query gives the same answer each time: use a column of the table's grain",
    "CURRENT_DATETIME": "it has no zone: write CURRENT_TIMESTAMP()",
    "INFORMATION_SCHEMA": "only BigQuery has it: docs/data-dictionary.md lists tables and columns",
    "BIGNUMERIC": "the embedded store has 38 digits: write NUMERIC",
    "FLOAT": "it is no type of GoogleSQL: write FLOAT64, or NUMERIC for money",
    "TO_CHAR": "it is no function of GoogleSQL: write FORMAT_DATE, FORMAT_TIMESTAMP or CAST(x AS STRING)",
    "SAFE.": "only BigQuery has it: write SAFE_CAST, SAFE_DIVIDE or IF",
    "EXTRACT(WEEK)": "weeks start on another day: write EXTRACT(ISOWEEK FROM x)",
    "wildcard table": "only BigQuery has it: name one table",
    "FOR SYSTEM_TIME AS OF": "only BigQuery has it: choose a publication in store.<table>",
    "TABLESAMPLE": "a query gives the same answer each time: write a WHERE over columns",
    "format element": "both have %Y %y %m %d %H %M %S %F %T %b %B %a %A %j %p %I %%, to read %z, to write %G %V",
    "ESCAPE": r"only the embedded store has it: write \\ before % and _ in a pattern, or r'\%'",
    "INTERVAL": "it is no result of a query: add it to a day or an instant, or write DATE_DIFF or TIMESTAMP_DIFF",
    "STRING_AGG(… LIMIT n)": "only BigQuery has it: write a subquery with ORDER BY and LIMIT, STRING_AGG over its rows",
    "INSTR(x, y, position)": "the embedded store knows no position and occurrence: write STRPOS(SUBSTR(x, n), y)",
    "ROUND mode": "only half away from zero is on both engines: write ROUND(x, n)",
    "positional parameter": "parameters have names: write @name",
    "date part": "write MICROSECOND … HOUR, DAY, WEEK, ISOWEEK, WEEK(MONDAY), MONTH, QUARTER or YEAR",
}

_TYPES = {"BIGNUMERIC": exp.DType.BIGDECIMAL, "FLOAT": exp.DType.FLOAT}
_SETS = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_DUPLICATES = frozenset({"ALL", "DISTINCT"})
_OPENING = frozenset({"SELECT", "WITH", "FROM", "("})
_READ_ONLY = "query is read-only: write SELECT, WITH … SELECT or FROM … |>"
_MIXED = "BigQuery gives UNION, INTERSECT and EXCEPT no order: put one of them in parentheses"
_WRITTEN = re.compile(r"%([^YymdHMSFTbBaAjpIGV%]|$)")
_FORMAT = re.compile(r"%([^YymdHMSFTbBaAjpIz%]|$)")
_UNITS = frozenset(
    ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR"]
)
_EXTRACTED = (_UNITS - {"WEEK"}) | {"DATE", "DAYOFWEEK", "DAYOFYEAR", "ISOYEAR"}
_CLAUSES: dict[type[exp.Expr], str] = {
    exp.HavingMax: "HAVING MAX",
    exp.TableSample: "TABLESAMPLE",
    exp.Placeholder: "positional parameter",
    exp.Escape: "ESCAPE",
}
_MOVED = (exp.Add, exp.Sub, exp.GenerateDateArray, exp.GenerateTimestampArray)
_FORMATTED = (exp.TimeToStr, exp.StrToTime, exp.StrToDate, exp.ParseDatetime)
_TRUNCATED = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc, exp.DateDiff, exp.DatetimeDiff, exp.TimestampDiff)


def parse(sql: str) -> exp.Query:
    """One GoogleSQL query as a tree; raises `InputError` on a syntax error, several statements, or a write."""
    try:
        tokens = sqlglot.tokenize(sql, read=DIALECT)
        if tokens and tokens[0].text.upper() not in _OPENING:
            raise InputError(_READ_ONLY)
        if _mixed(tokens):
            raise InputError(f"query mixes set operations: {_MIXED}")
        trees = [tree for tree in sqlglot.parse(sql, read=DIALECT) if tree is not None]
    except ParseError as error:
        raise InputError(_syntax(error)) from error
    except (TokenError, RecursionError) as error:
        raise InputError(f"query cannot be read: {one_line(error)}") from error
    if not trees:
        raise InputError("query is empty: write SELECT … FROM charges")
    if len(trees) > 1:
        raise InputError("query has several statements: write one SELECT, without `;` inside")
    if not isinstance(trees[0], exp.Query) or any(trees[0].find_all(exp.Into, exp.DML, exp.Lock)):
        raise InputError(_READ_ONLY)
    return trees[0]


def _mixed(tokens: Sequence[Token]) -> bool:
    """Whether different set operations stand beside each other without parentheses, which the tree does not tell."""
    groups: list[set[str]] = [set()]
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if token.text == "(":
            groups.append(set())
        elif token.text == ")" and len(groups) > 1:
            groups.pop()
        elif before and before.text != "|>" and token.text.upper() in _SETS and after.text.upper() in _DUPLICATES:
            groups[-1].add(f"{token.text} {after.text}".upper())
        if len(groups[-1]) > 1:
            return True
    return False


def objections(tree: exp.Expr) -> list[str]:
    """Why the query would not give the same answer on both stores, one line each; empty if it would."""
    found = (line for node in tree.walk() for line in _against(node))
    return list(dict.fromkeys(found))


def one_line(error: BaseException) -> str:
    """The message of a parser's or an engine's error without line breaks and terminal colors."""
    return " ".join(re.sub(r"\x1b\[\d+m", "", str(error)).split())


def _syntax(error: ParseError) -> str:
    if not error.errors:
        return f"query has a syntax error: {one_line(error)}"
    first = error.errors[0]
    near = one_line(Exception(first["highlight"] or ""))
    what = re.sub(r"( but got)? <(Token|class).*$|^Required keyword.*$", "", str(first["description"])).rstrip(".")
    place = f"line {first['line']}, column {first['col']}"
    return f"query, {place}: {what or 'something is missing'}" + f", near {near!r}" * bool(near)


def _against(node: exp.Expr) -> Iterator[str]:
    name = _construct(node)
    if name:
        yield f"{name}: {REFUSED[name]}"
    elif isinstance(node, exp.Func) and type(node) not in _PROVEN:
        name = _name(node)
        yield f"{name}: {REFUSED.get(name, 'not proven equal on both stores, see `sql/README.md`')}"


def _construct(node: exp.Expr) -> str | None:
    """The key in REFUSED of a construct that is no function of its own."""
    if isinstance(node, exp.Table):
        return _table(node)
    if isinstance(node, exp.DataType):
        return next((name for name, kind in _TYPES.items() if node.is_type(kind)), None)
    if (isinstance(node, exp.Dot) and node.this.name.upper() == "SAFE") or isinstance(node, exp.SafeFunc):
        return "SAFE."
    if isinstance(node, exp.Interval) and not isinstance(node.parent, _MOVED):
        return "INTERVAL"
    return next((name for kind, name in _CLAUSES.items() if isinstance(node, kind)), None) or _argument(node)


def _table(node: exp.Table) -> str | None:
    if node.args.get("version") or node.args.get("when"):
        return "FOR SYSTEM_TIME AS OF"
    if "INFORMATION_SCHEMA" in node.sql().upper():
        return "INFORMATION_SCHEMA"
    return "wildcard table" if {"*", "$"} & set(node.name) else None


def _argument(node: exp.Expr) -> str | None:
    """Functions that are proven, but not with this argument."""
    if isinstance(node, exp.Extract):
        unit = _unit(node.this)
        return None if unit in _EXTRACTED else "EXTRACT(WEEK)" if unit.startswith("WEEK") else "date part"
    if isinstance(node, _TRUNCATED):
        unit = _unit(node.args.get("unit"))
        return None if unit in _UNITS or unit == "WEEK(MONDAY)" else "date part"
    if isinstance(node, _FORMATTED):
        pattern = node.args.get("format")
        known = _WRITTEN if isinstance(node, exp.TimeToStr) else _FORMAT
        ok = isinstance(pattern, exp.Literal) and not known.search(pattern.name)
        return None if ok else "format element"
    return next((name for name, against in _ARGUMENTS.items() if against(node)), None)


_ARGUMENTS: dict[str, Callable[[exp.Expr], bool]] = {
    "STRING_AGG(… LIMIT n)": lambda n: isinstance(n, exp.GroupConcat) and isinstance(n.this, exp.Limit),
    "INSTR(x, y, position)": lambda n: isinstance(n, exp.StrPosition) and bool(n.args.get("position")),
    "ROUND mode": lambda n: isinstance(n, exp.Round) and bool(n.args.get("truncate")),
}


def _unit(node: exp.Expr | None) -> str:
    return "DAY" if node is None else node.sql(dialect=DIALECT).upper().strip("'")


def _name(node: exp.Func) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    try:
        text = node.sql(dialect=DIALECT, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError:
        text = node.sql_name()
    return text.split("(")[0].upper()
