from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from accounting.errors import InputError
from accounting.inputs.mapping import check_kind, load_mapping
from tests.inputs.conftest import Desk

JOBS = """
[columns]
accelerator = "'p100'"
quantity = 1
start = "a"
end = "b"
"""


def load(folder: Path, text: str) -> str:
    path = folder / "map.toml"
    path.write_text(text)
    mapping = load_mapping(path)
    check_kind(mapping, "jobs", frozenset())
    return mapping.digest


def test_the_digest_is_of_what_is_said(tmp_path: Path) -> None:
    first = load(tmp_path, JOBS)
    assert first == load(tmp_path, "# a comment\nformat='csv'\n" + JOBS.replace(" = ", "="))
    assert first != load(tmp_path, JOBS.replace("p100", "p200"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = ", "not TOML"),
        ("sepparator = ';'\n" + JOBS, "no key 'sepparator': did you mean 'separator'"),
        ("[time]\nzon = 'UTC'\n" + JOBS, r"\[time\]: no key 'zon': did you mean 'zone'"),
        ("[time]\nzone = 'Mars'\n" + JOBS, r"\[time\]: zone: 'Mars' is no time zone"),
        ("[time]\norigin = 'then'\n" + JOBS, r"\[time\]: origin: 'then' is not a time"),
        ("[time]\nunit = 'h'\n" + JOBS, "unit"),
        ("[time]\nwindow_start = 2025-01-02\nwindow_end = 2025-01-01\n" + JOBS, "window_end is not after"),
        ("format = 'cvs'\n" + JOBS, "no format 'cvs': did you mean 'csv'"),
        ("separator = '||'\n" + JOBS, "not one character"),
        ("encoding = 'utf-9'\n" + JOBS, "encoding: 'utf-9' is unknown"),
        ("names = ['a', 'a']\n" + JOBS, "'a' stands twice"),
        ("nulls = 'x'\n" + JOBS, r"nulls"),
        (JOBS + 'stat = "a"', r"\[columns\]: no column of jobs 'stat': did you mean 'start'"),
        (JOBS.replace('start = "a"', ""), "jobs need 'start'"),
        (JOBS.replace('end = "b"', ""), "jobs need 'end' or 'duration'"),
        (JOBS.replace('"a"', '"a +"'), r"\[columns\]: start: 'a \+' is no expression"),
        ("where = 'a >'\n" + JOBS, "where: 'a >' is no expression"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        load(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "map.toml"))
    assert "\n" not in str(error.value)


PRICES = "accelerator,price,n\nh100,{},{}\n"
PRICE_MAP = '[columns]\naccelerator = "accelerator"\nprice_per_hour = "{}"\n'


@pytest.mark.parametrize(
    ("price", "count", "expression", "result"),
    [
        ("10.00", "3", "price / n", "3.333333333"),
        ("2", "3", "price * 0.1", "0.200000000"),
        ("1", "3", "price / 3.0", "0.333333333"),
        ("98.32", "8", "price", "98.320000000"),
        ("5e-06", "1", "price", "0.000005000"),
        ("7", "1", "CASE WHEN n = 1 THEN price END", "7.000000000"),
    ],
)
def test_money_stays_exact(desk: Desk, price: str, count: str, expression: str, result: str) -> None:
    desk.bring("prices", PRICES.format(price, count), PRICE_MAP.format(expression))
    assert desk.taken("prices")["price_per_hour"].to_list() == [Decimal(result)]


@pytest.mark.parametrize("expression", ["price / n", "CAST(price AS DOUBLE)", "sqrt(price)"])
def test_money_is_no_float(desk: Desk, expression: str) -> None:
    with pytest.raises(InputError, match=r"\[columns\]: price_per_hour: .* gives a float"):
        desk.bring("prices", PRICES.format("10", "3"), PRICE_MAP.format(expression))


def test_numbers_inside_expressions_and_texts_outside(desk: Desk) -> None:
    text = "node,gpu,n\nn1,007,2\nn2,8,1\n"
    mapping = (
        '[columns]\nnode = "upper(node)"\ndevice_id = "node || \'/\' || gpu"\naccelerator = "gpu"\nquantity = "n * 2"\n'
    )
    desk.bring("capacity", text, mapping)
    rows = desk.taken("capacity").select("node", "device_id", "accelerator", "quantity_ppm").rows()
    assert rows == [("N1", "n1/7", "007", 4_000_000), ("N2", "n2/8", "8", 2_000_000)]


def test_text_functions_hold_where_all_values_are_numbers(desk: Desk) -> None:
    desk.bring("capacity", "node,gpu\n1,a\n2,b\n", '[columns]\nnode = "lower(node)"\naccelerator = "gpu"\n')
    assert desk.taken("capacity")["node"].to_list() == ["1", "2"]


@pytest.mark.parametrize("expression", ["gpu * 2", "sum(n)", "nosuch"])
def test_expressions_that_cannot_work(desk: Desk, expression: str) -> None:
    mapping = f'[columns]\naccelerator = "gpu"\nquantity = "{expression}"\n'
    with pytest.raises(InputError, match=r"map.toml: \[columns\]: quantity: "):
        desk.bring("capacity", "gpu,n\na,1\n", mapping)


@pytest.mark.parametrize("expression", ["CAST(gpu AS INT)", "8.0 / gpu"])
def test_a_row_that_an_expression_fails_on_is_rejected(desk: Desk, expression: str) -> None:
    mapping = f'where = "n < 2"\n[columns]\naccelerator = "n"\nquantity = "{expression}"\n'
    bad = "a" if "CAST" in expression else "0"
    outcome = desk.bring("capacity", f"gpu,n\n1,1\n{bad},1\n2,1\n{bad},2\n", mapping)
    how = "fails on these values" if "CAST" in expression else "divides by zero"
    assert outcome.reasons == [(f"quantity: `{expression}` {how}", 1)]
    assert desk.rejected()[0][1:] == ("quantity", f"quantity: `{expression}` {how}")
    assert outcome.notes == {"filtered": 1}
    assert desk.taken("capacity")["row"].to_list() == [1, 3]
