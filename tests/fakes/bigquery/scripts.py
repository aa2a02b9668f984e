"""Scripts: text cut into statements, and what each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import Token
from sqlglot.errors import SqlglotError

from tests.fakes.bigquery.errors import invalid_query
from tests.fakes.bigquery.queries import DIALECT

_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass(frozen=True)
class Statement:
    """One statement: its first word that matters, its text; of an ASSERT the condition and the message."""

    word: str
    text: str
    message: str = ""


def statements(sql: str) -> list[Statement]:
    """The statements of a script; raises `ApiError` where there is none."""
    try:
        tokens = sqlglot.tokenize(sql, read=DIALECT)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {' '.join(str(error).split())}") from error
    ends = [n for n, token in enumerate(tokens) if token.text == ";"]
    parts = [tokens[start + 1 : end] for start, end in pairwise([-1, *ends, len(tokens)])]
    found = [_statement(sql, part) for part in parts if part]
    if not found:
        raise invalid_query("Syntax error: Unexpected end of script")
    return found


def _statement(sql: str, tokens: list[Token]) -> Statement:
    word = tokens[0].text.upper()
    # The tokenizer gives some statements as one token of their whole text.
    word = word.split()[0]
    if word == "ASSERT":
        return _assertion(sql, tokens)
    text = sql[tokens[0].start : tokens[-1].end + 1]
    if word in _TRANSACTION and text.upper().split() not in ([word], [word, "TRANSACTION"]):
        raise invalid_query(f"This server has no blocks: {' '.join(text.split())[:40]}")
    if word in ("DECLARE", "SET", "IF", "LOOP", "WHILE", "CALL", "EXECUTE", "EXPORT", "LOAD"):
        raise invalid_query(f"This server has no {word}")
    return Statement(word, text)


def _assertion(sql: str, tokens: list[Token]) -> Statement:
    message, last = "", tokens[-1]
    if len(tokens) > 3 and tokens[-2].text.upper() == "AS" and sql[last.start] in "'\"":
        message, last = last.text, tokens[-3]
    return Statement("ASSERT", sql[tokens[1].start : last.end + 1], message)
