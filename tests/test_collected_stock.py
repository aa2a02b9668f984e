"""Accelerators that collectors count: beside named devices, out of service, while nobody tells."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from collector.central.findings import Findings
from collector.slurm.nodes import Listed, node
from collector.slurm.told import Site
from collector.slurm.told import stocked as stocked_by_slurm
from tests.collected import HOUR, allocated, device, group, put, stocked, watched
from tests.test_collected import A, B, at, bring, hours, run
from tests.test_ingest import made
from tests.test_pipeline import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return made(tmp_path / "p")


def test_a_cluster_is_known_by_counts_alone(ledger: Ledger) -> None:
    """Eight accelerators for ten hours; four are held for two, and eight are asked for in the last hour."""
    found = Findings(
        stocked=[stocked(8, at(0), at(10))],
        allocated=[
            allocated(A, 4, at(1), at(3), node="n1"),
            allocated(B, 8, None, at(10), submitted=at(9), closed=False),
        ],
    )
    bring(ledger, "prometheus", found)
    run(ledger)

    assert hours(ledger) == {"allocated_unobserved": 8, "unallocated_free": 64, "unallocated_queued": 8}
    assert hours(ledger, "source") == {"prometheus": 8, "capacity": 72}
    cost = dict(ledger.project.query("SELECT team, SUM(cost) FROM charges GROUP BY team").rows())
    assert cost == {"red": Decimal(16), "platform": Decimal(144)}


def test_while_a_source_is_away_its_machines_are_there_and_nobody_knows_whether_they_are_free(ledger: Ledger) -> None:
    bring(
        ledger,
        "prometheus",
        Findings(stocked=[stocked(8, at(0), at(4))], allocated=[allocated(A, 2, at(3), at(4), closed=False)]),
        Findings(stocked=[stocked(8, at(6), at(8))], allocated=[allocated(A, 2, at(3), at(7))]),
    )
    run(ledger)

    assert hours(ledger) == {"allocated_unobserved": 8, "unallocated_free": 6 * 8 - 4, "unobserved": 2 * 6}


def test_a_node_that_went_while_its_source_went_on_is_gone(ledger: Ledger) -> None:
    other = stocked(8, at(0), at(8), node="n2")
    bring(ledger, "scheduler", Findings(stocked=[stocked(8, at(0), at(4)), stocked(8, at(6), at(8)), other]))
    run(ledger)

    assert hours(ledger) == {"unallocated_free": 14 * 8}


def test_a_node_that_is_switched_off_over_night_is_not_there(ledger: Ledger) -> None:
    """The only one of its cluster, so that its scheduler tells of nothing else."""
    nodes = {at(i): "IDLE+CLOUD+POWERED_DOWN" if 2 <= i < 6 else "IDLE+CLOUD" for i in range(8)}
    site = Site(cluster="east", pool="train")
    for start, state in nodes.items():
        listed = Listed(name="n1", state=state.split("+"), partitions=["gpu"], gres="gpu:h100:8")
        bring(ledger, "scheduler", Findings(stocked=list(stocked_by_slurm([node(listed)], site, start, start + HOUR))))
    run(ledger)

    assert hours(ledger) == {"unallocated_free": 4 * 8}


@pytest.mark.parametrize("condition", ["maintenance", "unhealthy"])
def test_what_is_out_of_service_is_overhead(ledger: Ledger, condition: str) -> None:
    bring(
        ledger,
        "scheduler",
        Findings(
            stocked=[stocked(4, at(0), at(10)), stocked(4, at(2), at(5), condition, node="n2")],
            allocated=[allocated(A, 4, at(0), at(10), node="n1")],
        ),
    )
    run(ledger)

    assert hours(ledger) == {"allocated_unobserved": 40, condition: 12}
    kinds = dict(ledger.project.query("SELECT charge_kind, SUM(cost) FROM charges GROUP BY charge_kind").rows())
    assert kinds == {"usage": Decimal(80), "overhead": Decimal(24)}


@pytest.mark.parametrize(("condition", "state"), [("maintenance", "maintenance"), ("unhealthy", "unhealthy")])
def test_a_node_out_of_service_has_its_named_devices_out_of_service(ledger: Ledger, condition: str, state: str) -> None:
    devices = [device(0), device(1)]
    bring(ledger, "agent", Findings(activity=[watched(d, at(0), at(4), busy=0) for d in devices]))
    bring(ledger, "scheduler", Findings(stocked=[stocked(2, at(0), at(2)), stocked(2, at(2), at(4), condition)]))
    run(ledger)

    assert hours(ledger) == {"unallocated_free": 4, state: 4}


def test_devices_with_a_name_are_among_those_that_are_counted(ledger: Ledger) -> None:
    """Six of eight are named, by an agent and by another collector; the scheduler calls them otherwise."""
    named = [device(i) for i in range(6)]
    bring(ledger, "agent", Findings(activity=[watched(d, at(0), at(2), busy=0) for d in named[:4]]))
    bring(ledger, "prometheus", Findings(activity=[watched(d, at(0), at(2), busy=0) for d in named[2:]]))
    unknown = structs.replace(stocked(8, at(0), at(2)), group=group("n1", accelerator="gpu"))
    bring(ledger, "scheduler", Findings(stocked=[unknown]))
    run(ledger)

    assert hours(ledger, "accelerator") == {"H100-80GB": 16}
    assert ledger.project.query("SELECT COUNT(DISTINCT device_id) FROM usage").item() == 6


def test_a_node_that_comes_back_with_other_devices_has_no_more_than_these(ledger: Ledger) -> None:
    """Its scheduler knows only `gpu`, and the better count is away for an hour; ten minutes pass between the two."""
    old, new = device(0), structs.replace(device(1), name="NVIDIA A100-SXM4-40GB")
    vague = structs.replace(stocked(1, at(0), at(6)), group=group("n1", accelerator="gpu"))
    better = structs.replace(stocked(1, at(3), at(5)), group=group("n1", accelerator="A100-40GB"))
    bring(
        ledger, "agent", Findings(activity=[watched(old, at(0), at(2), busy=0), watched(new, at(2.2), at(6), busy=0)])
    )
    bring(ledger, "prometheus", Findings(stocked=[better]))
    bring(ledger, "scheduler", Findings(stocked=[vague]))
    run(ledger)

    assert hours(ledger, "accelerator") == {"H100-80GB": 2.2, "A100-40GB": 3.8}


def test_a_pool_counts_its_devices_too(ledger: Ledger) -> None:
    """A slice of sixteen chips, of which one host with four tells nothing."""
    chips = [device(i, node=f"s1-{i // 4}", pool="s1") for i in range(12)]
    slice_ = structs.replace(stocked(16, at(0), at(3)), group=group(pool="s1"))
    bring(
        ledger,
        "cloud_monitoring",
        Findings(activity=[watched(c, at(0), at(3), busy=0) for c in chips], stocked=[slice_]),
    )
    run(ledger)

    assert sum(hours(ledger).values()) == 48


def test_an_accelerator_that_nobody_names_takes_no_place_of_another_cluster(ledger: Ledger) -> None:
    put(ledger.folder / "inbox", "prometheus", Findings(stocked=[stocked(2, at(0), at(1))]), cluster="west")
    put(ledger.folder / "inbox", "scheduler", Findings(stocked=[stocked(3, at(0), at(1))]), cluster="east")
    run(ledger)

    assert hours(ledger, "cluster") == {"west": 2, "east": 3}


def test_of_two_counts_of_one_node_the_better_counts_while_it_tells(ledger: Ledger) -> None:
    bring(ledger, "prometheus", Findings(stocked=[stocked(4, at(1), at(2))]))
    bring(ledger, "scheduler", Findings(stocked=[stocked(2, at(0), at(3))]))
    run(ledger)

    assert sum(hours(ledger).values()) == 2 + 4 + 2


def test_stock_that_is_told_again_in_part_is_no_less(ledger: Ledger) -> None:
    """An hour of the past is collected once more, of one node with another number; a second collector looks later."""
    bring(ledger, "prometheus", Findings(stocked=[stocked(8, at(0), at(8), node=n) for n in ("n1", "n2", "n3")]))
    again = [stocked(8, at(2), at(3)), stocked(4, at(2), at(3), node="n2"), stocked(8, at(0.1), at(5), node="n3")]
    bring(ledger, "prometheus", Findings(stocked=again), name="again")
    run(ledger)

    assert hours(ledger) == {"unallocated_free": 3 * 64}


def test_the_place_of_a_device_is_its_own(ledger: Ledger) -> None:
    bring(ledger, "prometheus", Findings(activity=[watched(device(0, "n7", "serve"), at(0), at(1), busy=0)]))
    run(ledger)

    (row,) = ledger.project.query("SELECT DISTINCT cluster, pool, node FROM usage").rows()
    assert row == ("east", "serve", "n7")


def test_of_two_monitoring_systems_of_a_cluster_one_may_be_away(ledger: Ledger) -> None:
    """Its machines are there; and those that it does not tell of any more, while it tells of others, are gone."""
    there = [stocked(8, at(0), at(2)), stocked(8, at(4), at(6)), stocked(1, at(0), at(1), node="n3")]
    bring(ledger, "prometheus", Findings(stocked=there), name="one")
    bring(ledger, "prometheus", Findings(stocked=[stocked(2, at(0), at(6), node="n2")]), name="two")
    run(ledger)

    assert sum(hours(ledger).values()) == 6 * 8 + 6 * 2 + 1
