from __future__ import annotations

from accounting import dictionary
from accounting.tables import ALL, STATES


def test_the_committed_dictionary_is_the_generated_one() -> None:
    assert dictionary.PATH.read_text(encoding="utf-8") == dictionary.text(), "run `python -m accounting.dictionary`"


def test_the_dictionary_names_every_column_and_state() -> None:
    text = dictionary.text()
    assert all(f"| `{c.name}` | {c.bigquery}" in text for table in ALL for c in table.columns)
    assert all(f"| `{state}` |" in text for state in STATES)
