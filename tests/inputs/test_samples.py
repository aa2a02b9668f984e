from __future__ import annotations

from pathlib import Path

from tests.inputs.conftest import Desk

MAP = """
[columns]
device_id = "d"
workload_id = "w"
start = "s"
duration = "60"
busy = "b"
power_w = "p"
memory_bytes = "m"
"""


def test_samples(desk: Desk) -> None:
    rows = "d1,,1,99.67,300.5,47.0\n,w1,1,0,,\n,,1,1,,\nd2,,1,100.1,,\nd3,,1,-0.1,,\nd4,,,1,,\nd5,,1,x,,\n"
    outcome = desk.bring("samples", "d,w,s,b,p,m\n" + rows, MAP)

    first = desk.taken("samples").row(0, named=True)
    assert (first["busy_ppm"], first["power_mw"], first["memory_bytes"], first["sm_active_ppm"]) == (
        996_700,
        300_500,
        47,
        None,
    )
    assert first["end_ms"] - first["start_ms"] == 60_000
    assert outcome.record.rows == 2
    assert [reason for _, _, reason in desk.rejected()] == [
        "neither device_id nor workload_id",
        "busy: '100.1' is above 100",
        "busy: '-0.1' is negative",
        "start is missing",
        "busy: 'x' is not a number",
    ]


def test_shared_genai(desk: Desk, shared_data: Path) -> None:
    mapping = '[columns]\nworkload_id = "container_ip"\nstart = "timestamp_anon"\nduration = 57\nbusy = "value"\n'
    outcome = desk.bring("samples", shared_data / "alibaba_genai_2026" / "pod_gpu_duty_cycle_anon.csv.gz", mapping)
    taken = desk.taken("samples")

    assert (outcome.record.rows, outcome.record.rejected) == (157_417, 0)
    assert taken["workload_id"].n_unique() == 143
    assert (taken["busy_ppm"] == 0).sum() == 105_229
    assert (taken["end_ms"] - taken["start_ms"]).sum() == 8_972_769_000
