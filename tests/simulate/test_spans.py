"""The algebra of spans against counting every instant."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from accounting.simulate.spans import SPANS, clipped, cut, joined, minus, overlay, sweep, union

span = st.tuples(st.integers(0, 2), st.integers(0, 11), st.integers(1, 6)).map(lambda s: (s[0], s[1], s[1] + s[2]))
some = st.lists(span, max_size=8)


def frame(spans: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(spans, schema=SPANS, orient="row")


def instants(spans: pl.DataFrame) -> Counter[tuple[int, int]]:
    """How often each place is covered at each instant."""
    return Counter((place, at) for place, start, end in spans.select(*SPANS).iter_rows() for at in range(start, end))


@given(some, some)
def test_a_sweep_counts(one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]) -> None:
    left, right = instants(frame(one)), instants(frame(other))
    swept = sweep(one=frame(one), other=frame(other))

    assert instants(swept) == Counter(left.keys() | right.keys())
    for place, start, end, a, b in swept.iter_rows():
        assert all((left[place, at], right[place, at]) == (a, b) for at in range(start, end))


@given(some)
def test_a_union_covers_once(spans: list[tuple[int, int, int]]) -> None:
    joined = union(frame(spans))

    assert instants(joined) == Counter(instants(frame(spans)).keys())
    assert joined.filter((pl.col("start") == pl.col("end").shift().over("place")).fill_null(False)).height == 0


@given(some, some)
def test_minus_is_what_is_left(whole: list[tuple[int, int, int]], parts: list[tuple[int, int, int]]) -> None:
    left = instants(frame(whole)).keys() - instants(frame(parts)).keys()

    assert instants(minus(frame(whole), frame(parts))) == Counter(left)


@given(some, some)
def test_an_overlay_keeps_what_is_labelled(
    spans: list[tuple[int, int, int]], labels: list[tuple[int, int, int]]
) -> None:
    disjoint = union(frame(labels)).with_row_index("label")
    named = {(place, at): label for label, place, start, end in disjoint.iter_rows() for at in range(start, end)}
    found = overlay(frame(spans), disjoint)
    both = Counter({key: n for key, n in instants(frame(spans)).items() if key in named})

    assert instants(found) == both
    for place, start, end, label in found.select(*SPANS, "label").iter_rows():
        assert {named[place, at] for at in range(start, end)} == {label}


@given(some, st.lists(st.integers(-3, 20), max_size=5))
def test_a_cut_loses_nothing_and_crosses_nothing(spans: list[tuple[int, int, int]], at: list[int]) -> None:
    pieces = cut(frame(spans), at)

    assert instants(pieces) == instants(frame(spans))
    assert not [1 for _, start, end in pieces.iter_rows() if any(start < edge < end for edge in at)]


@given(some)
def test_joining_keeps_every_label(spans: list[tuple[int, int, int]]) -> None:
    """Instants modulo three are labels: pieces of one instant each, joined."""
    pieces = cut(union(frame(spans)), list(range(20))).with_columns(label=pl.col("start") // 3)
    runs = joined(pieces, "label")

    assert instants(runs) == instants(pieces)
    assert not [1 for _, start, end, label in runs.iter_rows() if {at // 3 for at in range(start, end)} != {label}]
    same = (pl.col("start") == pl.col("end").shift().over("place")) & (
        pl.col("label") == pl.col("label").shift().over("place")
    )
    assert runs.filter(same.fill_null(False)).height == 0


@given(some, st.integers(0, 8), st.integers(9, 18))
def test_clipping(spans: list[tuple[int, int, int]], first: int, last: int) -> None:
    inside = Counter({key: n for key, n in instants(frame(spans)).items() if first <= key[1] < last})

    assert instants(clipped(frame(spans), first, last)) == inside
