from __future__ import annotations

import csv
import re
import tomllib
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.accelerators import Accelerator, canonical, near

ONE_CHIP = [
    ("NVIDIA H100 80GB HBM3", "H100-80GB"),
    ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
    ("NVIDIA A100 80GB PCIe", "A100-80GB"),
    ("Tesla T4", "T4"),
    ("Tesla V100-SXM2-32GB", "V100-32GB"),
    ("nvidia-h100-80gb", "H100-80GB"),
    ("nvidia-h100-mega-80gb", "H100-80GB-MEGA"),
    ("nvidia-tesla-a100", "A100-40GB"),
    ("nvidia-tesla-v100", "V100-16GB"),
    ("a100", "A100-40GB"),
    ("h100-80gb", "H100-80GB"),
    ("v100", "V100-16GB"),
    ("p100", "P100-16GB"),
    ("V100M16", "V100-16GB"),
    ("V100M32", "V100-32GB"),
    ("A10", "A10"),
    ("tpu-v5-lite-podslice", "TPU-v5e"),
    ("TPU v5p", "TPU-v5p"),
    ("TPU v2 pod", "TPU-v2-pod"),
]
COUNTED = [
    ("v2-8", "TPU-v2", "4"),
    ("v3-32", "TPU-v3", "16"),
    ("v4-8", "TPU-v4", "4"),
    ("v5p-128", "TPU-v5p", "64"),
    ("v5litepod-16", "TPU-v5e", "16"),
    ("v5e-4", "TPU-v5e", "4"),
    ("v6e-8", "TPU-v6e", "8"),
    ("ct5lp-hightpu-4t", "TPU-v5e", "4"),
    ("a2-highgpu-1g", "A100-40GB", "1"),
    ("a2-ultragpu-8g", "A100-80GB", "8"),
    ("p4d.24xlarge", "A100-40GB", "8"),
    ("p4de.24xlarge", "A100-80GB", "8"),
    ("g4-standard-6", "RTX-PRO-6000", "0.125"),
    ("g6f.xlarge", "L4", "0.125"),
    ("Standard_ND96isr_H100_v5", "H100-80GB", "8"),
]


@pytest.mark.parametrize(("name", "expected"), ONE_CHIP)
def test_names_of_one_chip(name: str, expected: str) -> None:
    found = canonical(name, {})

    assert (found.name, found.chips) == (expected, Decimal(1))
    assert found.memory_gib


@pytest.mark.parametrize(("name", "expected", "chips"), COUNTED)
def test_names_that_count(name: str, expected: str, chips: str) -> None:
    found = canonical(name, {})

    assert (found.name, found.chips) == (expected, Decimal(chips))


@pytest.mark.parametrize("name", ["nvidia_H100_80GB", "NVIDIA-H100 80gb", "nvidiah10080gb"])
def test_case_spaces_dashes_and_underscores_do_not_matter(name: str) -> None:
    assert canonical(name, {}).name == "H100-80GB"


@pytest.mark.parametrize("name", ["G2", "G3", "unknown-48GB", "v9-8", "v4-8x", "  Odd Name_", ""])
def test_other_names_are_kept(name: str) -> None:
    assert canonical(name, {}) == Accelerator(name)


def test_configured_aliases_go_first_and_keep_the_count() -> None:
    extra = {"A100": "A100-80GB", "gpu_large": "p5.48xlarge", "v3-32": "TPU-v3-pod", "odd": "Ours"}

    assert canonical("a100", extra) == Accelerator("A100-80GB", Decimal(1), 80)
    assert canonical("GPU-large", extra) == Accelerator("H100-80GB", Decimal(8), 80)
    assert canonical("v3-32", extra) == Accelerator("TPU-v3-pod", Decimal(16), 32)
    assert canonical("odd", extra) == Accelerator("Ours")
    assert canonical("h100", extra).name == "H100-80GB"


def test_canonical_names_stand_for_themselves(root: Path) -> None:
    table = tomllib.loads((root / "accounting" / "accelerators.toml").read_text("utf-8"))

    assert [canonical(name, {}).name for name in table["accelerators"]] == list(table["accelerators"])
    assert {kind["name"] for kind in table["tpu_types"].values()} <= set(table["accelerators"])


def test_no_alias_stands_for_two(root: Path) -> None:
    table = tomllib.loads((root / "accounting" / "accelerators.toml").read_text("utf-8"))
    owners = defaultdict(list)
    for name, entry in table["accelerators"].items():
        for alias in (name, *entry.get("aliases", ()), *entry.get("machines", ())):
            owners[re.sub(r"[\s_-]", "", alias).casefold()].append(name)

    assert {alias: names for alias, names in owners.items() if len(names) > 1} == {}


def test_near_names() -> None:
    names = ["A100-40GB", "A100-80GB", "H100-80GB", "L4", "P100-16GB"]

    assert near("h100", names) == ["H100-80GB"]
    assert near("A100-SXM4-40", names)[:1] == ["A100-40GB"]
    assert near("P100-SXM2", names)[:1] == ["P100-16GB"]
    assert near("Gaudi 3", names) == []
    assert near("", names) == []


@pytest.mark.parametrize("file", ["gcp_gpu_instances_2026-07-30.csv", "gcp_gpu_instances_history.csv"])
def test_google_price_lists_agree_with_the_table(shared_data: Path, file: str) -> None:
    with (shared_data / "prices" / file).open(encoding="utf-8", newline="") as rows:
        wrong = [
            row["instance_type"]
            for row in csv.DictReader(rows)
            if canonical(row["instance_type"], {}).name != canonical(row["accelerator"], {}).name
            or canonical(row["instance_type"], {}).chips != Decimal(row["accelerator_count"])
        ]

    assert wrong == []


def test_amazon_price_list_agrees_with_the_table(shared_data: Path) -> None:
    with (shared_data / "prices" / "aws_gpu_instances_latest.csv").open(encoding="utf-8", newline="") as rows:
        wrong = [
            row["instance_type"]
            for row in csv.DictReader(rows)
            # The list has no count for machines with a part of one L4.
            if row["accelerator_count"] != "0"
            and canonical(row["instance_type"], {}).chips != Decimal(row["accelerator_count"])
        ]

    assert wrong == []


@pytest.mark.parametrize(
    ("name", "accelerator", "share"),
    [
        ("a100_1g.5gb", "A100-40GB", "0.142857143"),
        ("a100_3g.20gb", "A100-40GB", "0.5"),
        ("a100_3g.40gb", "A100-80GB", "0.5"),
        ("nvidia_h100_1g.20gb", "H100-80GB", "0.25"),
        ("h200_7g.141gb", "H200", "1"),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "A100-40GB", "0.5"),
        ("A100-SXM4-40GB MIG 1g.5gb", "A100-40GB", "0.142857143"),
        ("NVIDIA H100 80GB HBM3 MIG 2g.20gb", "H100-80GB", "0.285714286"),
        ("nvidia-a100-80gb-1g.10gb", "A100-80GB", "0.142857143"),
        ("1g.5gb", "1g.5gb", "1"),
        ("x1_2g.10gb", "x1_2g.10gb", "1"),
    ],
)
def test_a_mig_slice_is_its_share_of_the_device(name: str, accelerator: str, share: str) -> None:
    """max(compute ÷ 7, memory ÷ 8); a profile alone, or of a device nobody knows, stays a name."""
    found = canonical(name, {})
    assert (found.name, str(found.chips.normalize())) == (accelerator, share)
