from __future__ import annotations

import pytest

from accounting.stores.lint import lint

GOOD = "-- Grain: team.\nSELECT charges.team, SUM(charges.cost) AS cost FROM charges GROUP BY charges.team"


def test_a_good_file_passes() -> None:
    assert lint(GOOD) == []
    assert lint(GOOD.replace("Grain", "fail")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD.partition("\n")[2], "first line: write `-- Grain: …`"),
        ("-- Grain: all.\nSELECT * FROM charges", "SELECT *:"),
        ("-- Grain: all.\nSELECT charges.* FROM charges", "SELECT *:"),
        ("-- Grain: all.\nSELECT team FROM charges LIMIT 3", "LIMIT without ORDER BY"),
        ("-- Grain: all.\nSELECT FORMAT('%t', cost) AS x FROM charges", "FORMAT:"),
        ("-- Grain: all.\nSELECT BIGNUMERIC '1' AS x", "BIGNUMERIC:"),
        ("-- Grain: all.\nSELECT APPROX_COUNT_DISTINCT(team) AS x FROM charges", "APPROX_COUNT_DISTINCT:"),
        ("-- Grain: all.\nSELECT team FROM `charges_*`", "wildcard table:"),
        ("-- Grain: all.\nSELECT EPOCH_MS(hour) AS x FROM usage", "EPOCH_MS: not proven"),
        ("-- Grain: all.\nSELECT list_sum(team) AS x FROM charges", "LIST_SUM: not proven"),
        ("-- Grain: all.\nDELETE FROM charges WHERE TRUE", "query is read-only"),
        ("-- Grain: all.\nSELECT team FROM (", "query, line 2"),
    ],
)
def test_a_bad_construct_is_named_with_a_reason(text: str, found: str) -> None:
    assert any(line.startswith(found) for line in lint(text))
