"""Why something has no price, as `run` says it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

JOBS = "workload_id,pool,accelerator,quantity,start,end\nj,a,{name},1,2025-01-01T00:00:00Z,2025-01-01T02:00:00Z\n"
CAPACITY = "pool,accelerator,provider,region,purchase\na,{name},{sku}\n"


@pytest.mark.parametrize(
    ("name", "sku", "prices", "why"),
    [
        (
            "T4", "aws,,", ["T4,aws,us-east-1,on_demand,"],
            ("the price of T4 needs region us-east-1 and purchase on_demand, the capacity has none: "
            "import capacity with region us-east-1 and purchase on_demand, or a price without region and purchase"),
        ),
        (
            "T4", "aws,eu-west-1,", ["T4,aws,us-east-1,,", "T4,gcp,us-east-1,spot,"],
            ("the price of T4 (nearest of 2) needs region us-east-1, the capacity has region eu-west-1: "
            "import capacity with region us-east-1, or a price without region"),
        ),
        ("T4", "aws,,", ["Tesla T4,,,,2025-01-02T00:00:00Z"], "its price holds from 2025-01-02: import one"),
        (
            "my-h100", ",,", ["H100-80GB,,,,"],
            "the price book has H100-80GB: import a price for my-h100, or, if one of them is the same chip by another",
        ),
        ("zzz", ",,", ["T4,,,,"], "the price book has nothing like it: chipledger import prices FILE"),
    ],
)  # fmt: skip
def test_a_missing_price_says_why_and_what_to_do(
    empty: Shell, name: str, sku: str, prices: list[str], why: str
) -> None:
    book = "accelerator,provider,region,purchase,start,price_per_hour\n" + "".join(f"{line},1\n" for line in prices)
    files = {"jobs": JOBS.format(name=name), "capacity": CAPACITY.format(name=name, sku=sku), "prices": book}
    for kind, csv in files.items():
        assert empty(*empty.put(kind, csv)).returncode == 0

    done = empty("run")

    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"no price: {name}")
    assert f"2.000 hours from 2025-01-01 to 2025-01-01; {why}" in line


def test_the_alarm_stays_on_while_anything_published_has_no_price(empty: Shell) -> None:
    """A second run with nothing to do, and one of another cluster, priced, still say so and end with 3."""
    late = "cluster,accelerator,quantity,start,end\nwest,T4,1,2025-01-02T00:00:00Z,2025-01-02T02:00:00Z\n"
    for kind, csv in (("jobs", JOBS.format(name="A10")), ("prices", "accelerator,price_per_hour\nT4,1\n")):
        assert empty(*empty.put(kind, csv)).returncode == 0
    assert empty("run").returncode == 3

    again = empty("run")
    assert again.returncode == 3
    assert "in all: 1 cluster-days, cost - + 2.000 unpriced hours" in again.stdout

    assert empty(*empty.put("jobs", late)).returncode == 0
    priced = empty("run")
    assert priced.returncode == 3
    assert "cost 2.00 USD\n" in priced.stdout
    assert "in all: 2 cluster-days, cost 2.00 USD + 2.000 unpriced hours" in priced.stdout
