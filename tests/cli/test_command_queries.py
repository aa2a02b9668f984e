from __future__ import annotations

import pytest

import sql
from accounting.stores.lint import lint


@pytest.mark.parametrize("name", sql.names("commands"))
def test_our_queries_keep_to_the_subset(name: str) -> None:
    assert lint(sql.read(name)) == []
