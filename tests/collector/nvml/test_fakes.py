"""The stub against what was recorded of real machines."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.nvml.profiles import H100, H100_MIG, H200, H200_MIG, L40S, Profile

RECORDED = (H100, H100_MIG, H200, H200_MIG, L40S)


def idle(shared_data: Path, profile: Profile) -> str:
    file = shared_data / "nvidia_smi_captures" / profile.capture
    if not file.exists():
        pytest.skip(f"no capture {profile.capture}")
    return file.read_text("utf-8", errors="replace")


def value(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found, pattern
    return found[1].strip()


@pytest.mark.parametrize("profile", RECORDED, ids=lambda profile: profile.capture[14:-4])
def test_profiles_are_what_nvidia_smi_printed(shared_data: Path, profile: Profile) -> None:
    text = idle(shared_data, profile)
    query = text[text.index("==============NVSMI LOG") :]
    frame = query[query.rindex("\n    FB Memory Usage", 0, query.index("BAR1 Memory Usage")) :]

    assert value(query, r"Product Name +: ([^\n]+)") == profile.name
    assert value(query, r"Driver Version +: ([^\n]+)") == profile.driver
    assert value(frame, r"Total +: (\d+) MiB") == str(profile.total_mib)
    assert value(frame, r"Reserved +: (\d+) MiB") == str(profile.reserved_mib)
    assert value(query, r"Current Power Limit +: ([\d.]+) W") == f"{profile.limit_mw / 1000:.2f}"
    assert (value(query, r"MIG Mode\n +Current +: (\S+)") != "N/A") == profile.mig
    if profile.gpm:  # the L40S was not idle when it was recorded
        assert value(query, r"Average Power Draw +: ([\d.]+) W") == f"{profile.idle_mw / 1000:.2f}"


@pytest.mark.parametrize("profile", [H100_MIG, H200_MIG], ids=lambda profile: profile.capture[14:-4])
def test_instances_are_what_nvidia_smi_printed(shared_data: Path, profile: Profile) -> None:
    text = idle(shared_data, profile)
    query = text[text.index("==============NVSMI LOG") :]
    query = query[: query.index("\n    Accounting Mode")]
    listed = re.findall(r"(?m)^  MIG (\S+) +Device", text)
    ids = re.findall(r"GPU Instance ID +: (\d+)\s+Compute Instance ID +: (\d+)", query)
    memory = re.findall(r"Shared FB Memory Usage\s+Total +: (\d+) MiB", query)

    assert listed[: len(profile.slices)] == [part.profile for part in profile.slices]
    assert ids == [(str(part.gi), str(part.ci)) for part in profile.slices]
    assert memory == [str(part.memory_mib) for part in profile.slices]


def test_a_partitioned_board_has_no_utilization(shared_data: Path) -> None:
    text = idle(shared_data, H100_MIG)

    assert value(text, r"Utilization\n +GPU +: (\S+)") == "N/A"


@pytest.mark.parametrize(
    ("driver", "capture"),
    [(590, H100.capture), (610, "linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04.txt")],
)
def test_the_stub_exports_what_that_driver_exports(
    shared_data: Path, stubs: Callable[[int], Path], driver: int, capture: str
) -> None:
    text = idle(shared_data, H100._replace(capture=capture))
    section = text[text.index("capabilities :: nvml-symbols") :]
    real = set(re.findall(r"(?m)^(nvml\w+)$", section))
    dump = subprocess.run(
        ["nm", "-D", "--defined-only", str(stubs(driver))], check=True, capture_output=True, text=True
    )
    ours = set(re.findall(r" T (nvml(?!stub)\w+)", dump.stdout))

    assert ours <= real
    assert ("nvmlDeviceGetAccountingStats_v2" in ours) == ("nvmlDeviceGetAccountingStats_v2" in real)
