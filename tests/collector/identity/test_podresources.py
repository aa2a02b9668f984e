"""The kubelet's podresources: against grpcio's own server, and against servers that misbehave byte by byte."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from collector.identity.grpc import CallFailed, call
from collector.identity.podresources import Assignment, assignments, replicas
from tests.collector.identity.kubelet import Kubelet, allocatable, claim, devices, field, frame, pod, raw_server

GPU = "GPU-8f6f1c2e-0000-4000-8000-00000000000"
LIST = "/v1.PodResourcesLister/List"

SETTINGS = frame(4, 0, 0, b"")
# As Go's encoder writes them: Huffman-coded, in the dynamic table.
HEADERS = bytes.fromhex("885f8b1d75d0620d263d4c4d6564")
RATE_LIMIT = bytes.fromhex("40889acac8b21234da8f817b40899acac8b5254207317f90b0bd0a44964523f4a5834954a0d4993f")


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[Kubelet]:
    server = Kubelet(tmp_path / "kubelet.sock")
    yield server
    server.close()


def test_three_pods(kubelet: Kubelet, tmp_path: Path) -> None:
    kubelet.pods = [
        pod("ml", "train-0", {"main": [devices("nvidia.com/gpu", [GPU + "1", GPU + "2"])], "sidecar": []}),
        pod("kube-system", "dns", {"dns": [devices("vendor.example/nic", ["eth1"])]}),
        pod("ml", "tpu-0", {"main": [devices("google.com/tpu", ["0", "1"])]}),
    ]

    assert assignments(tmp_path / "kubelet.sock", 5) == [
        Assignment(
            namespace="ml", pod="train-0", container="main", resource="nvidia.com/gpu", devices=(GPU + "1", GPU + "2")
        ),
        Assignment(namespace="ml", pod="tpu-0", container="main", resource="google.com/tpu", devices=("0", "1")),
    ]


def test_a_resource_of_two_numa_nodes_is_one(kubelet: Kubelet, tmp_path: Path) -> None:
    parts = [devices("nvidia.com/gpu", ["a", "b"], 0), devices("nvidia.com/gpu", ["c", "a"], 1)]
    kubelet.pods = [pod("ml", "p", {"main": [*parts, devices("nvidia.com/gpumem", ["0", "1"])]})]

    assert [found.devices for found in assignments(tmp_path / "kubelet.sock", 5)] == [("a", "b", "c")]


def test_claims_of_dynamic_allocation(kubelet: Kubelet, tmp_path: Path) -> None:
    claims = [claim("c", "gpu.nvidia.com", "node1", "gpu-0"), claim("n", "nic.example", "node1", "eth0")]
    kubelet.pods = [pod("ml", "p", {"main": []}, claims)]

    found = assignments(tmp_path / "kubelet.sock", 5)

    assert [(one.resource, one.devices) for one in found] == [("dra", ("gpu.nvidia.com/node1/gpu-0",))]


def test_a_large_answer_comes_through_flow_control(kubelet: Kubelet, tmp_path: Path) -> None:
    ids = [f"{GPU}{n}-{'x' * 200}" for n in range(40)]
    kubelet.pods = [pod("ml", f"p-{n}", {"main": [devices("nvidia.com/gpu", ids)]}) for n in range(250)]

    found = assignments(tmp_path / "kubelet.sock", 20)

    assert [one.pod for one in found] == [f"p-{n}" for n in range(250)]
    assert {one.devices for one in found} == {tuple(ids)}


def test_replicas_are_counted_by_device(kubelet: Kubelet, tmp_path: Path) -> None:
    kubelet.allocatable = [
        devices("nvidia.com/gpu.shared", [f"{GPU}1::{n}" for n in range(4)]),
        devices("nvidia.com/gpu", [f"nvidia0/vgpu{n}" for n in range(2)], 1),
        devices("vendor.example/nic", ["eth1"]),
    ]

    assert replicas(tmp_path / "kubelet.sock", 5) == {GPU + "1": 4, "nvidia0": 2}


@pytest.mark.parametrize(
    ("code", "text"),
    [("NOT_FOUND", "no pod"), ("RESOURCE_EXHAUSTED", "rejected by rate limit"), ("INTERNAL", "é 100%")],
)
def test_a_refusal_has_its_status_and_text(kubelet: Kubelet, tmp_path: Path, code: str, text: str) -> None:
    kubelet.fail = (grpc.StatusCode[code], text)

    with pytest.raises(CallFailed, match=text) as failed:
        assignments(tmp_path / "kubelet.sock", 5)
    assert failed.value.status == code


def test_a_method_that_an_old_kubelet_lacks(kubelet: Kubelet, tmp_path: Path) -> None:
    with pytest.raises(CallFailed) as failed:
        call(tmp_path / "kubelet.sock", "/v1.PodResourcesLister/Get", b"", 5)
    assert failed.value.status == "UNIMPLEMENTED"


def test_a_slow_kubelet_is_left_in_time(kubelet: Kubelet, tmp_path: Path) -> None:
    kubelet.delay_s = 1.0
    began = time.monotonic()

    with pytest.raises(CallFailed) as failed:
        assignments(tmp_path / "kubelet.sock", 0.2)
    assert failed.value.status == "DEADLINE_EXCEEDED"
    assert time.monotonic() - began < 0.8


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(CallFailed, match="No such file"):
        assignments(tmp_path / "none.sock", 1)


def answered(path: Path, *frames: bytes) -> bytes:
    with raw_server(path, SETTINGS + b"".join(frames)):
        return call(path, LIST, b"", 2)


def refused(path: Path, *frames: bytes) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        answered(path, *frames)
    return failed.value


def message(body: bytes) -> bytes:
    return b"\0" + len(body).to_bytes(4, "big") + body


OK = frame(1, 5, 1, b"\x00\x0bgrpc-status\x010")


def test_headers_in_pieces_padding_and_house_keeping(tmp_path: Path) -> None:
    frames = (
        frame(6, 0, 0, b"12345678"),
        frame(1, 8 | 32, 1, b"\x02" + b"\0\0\0\0\x10" + HEADERS[:4] + b"\0\0"),
        frame(9, 4, 1, HEADERS[4:]),
        frame(7, 0, 0, (2**31 - 1).to_bytes(4, "big") + bytes(4)),
        frame(200, 0, 0, b"unknown"),
        frame(0, 8, 1, b"\x03" + message(b"hello")[:6] + bytes(3)),
        frame(0, 0, 1, message(b"hello")[6:]),
        OK,
    )

    with raw_server(tmp_path / "s", SETTINGS + b"".join(frames)) as received:
        assert call(tmp_path / "s", LIST, b"", 2) == b"hello"
    assert frame(4, 1, 0, b"") + frame(6, 1, 0, b"12345678") in received


@pytest.mark.parametrize("pause_s", [0.05, 1.0])
def test_an_answer_that_trickles_is_left_in_time(tmp_path: Path, pause_s: float) -> None:
    began = time.monotonic()

    with raw_server(tmp_path / "s", SETTINGS * 20, pause_s):
        with pytest.raises(CallFailed) as failed:
            call(tmp_path / "s", LIST, b"", 0.3)
        assert time.monotonic() - began < 0.8
    assert failed.value.status == "DEADLINE_EXCEEDED"


def test_the_rate_limit_of_a_go_server_is_read(tmp_path: Path) -> None:
    failed = refused(tmp_path / "s", frame(1, 4, 1, HEADERS), frame(1, 5, 1, RATE_LIMIT))

    assert (failed.status, str(failed)) == ("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED: rejected by rate limit")


@pytest.mark.parametrize(
    ("frames", "status", "text"),
    [
        ([frame(1, 4, 1, HEADERS), frame(0, 0, 1, message(b"hello")[:7])], "UNAVAILABLE", "closed within the answer"),
        ([frame(1, 4, 1, HEADERS), frame(0, 0, 1, message(b"hello"))[:11]], "UNAVAILABLE", "closed within the answer"),
        ([frame(3, 0, 1, (7).to_bytes(4, "big"))], "UNAVAILABLE", "reset the stream, code 7"),
        ([frame(7, 0, 0, bytes(8) + b"too_many_pings")], "UNAVAILABLE", "too_many_pings"),
        ([frame(1, 4, 1, HEADERS), frame(0, 0, 1, message(b"hello")[:7]), OK], "INTERNAL", "5 bytes with 2"),
        ([frame(1, 4, 1, HEADERS), OK], "INTERNAL", "no message"),
        ([frame(1, 4, 1, HEADERS), frame(0, 0, 1, b"\1" + bytes(4)), OK], "INTERNAL", "compressed"),
        ([frame(1, 5, 1, b"\x8d")], "UNKNOWN", "HTTP status 404"),
        ([frame(1, 5, 1, b"\xff")], "INTERNAL", "do not decode"),
        ([frame(0, 8, 1, b"\x09x")], "INTERNAL", "padding"),
        ([(1 << 20).to_bytes(3, "big") + bytes(6)], "INTERNAL", "a frame of"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path: Path, frames: list[bytes], status: str, text: str) -> None:
    failed = refused(tmp_path / "s", *frames)

    assert failed.status == status
    assert text in str(failed)


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_message_that_is_cut_off_is_an_error(tmp_path: Path, cut: int) -> None:
    body = field(1, pod("ml", "p", {"main": [devices("nvidia.com/gpu", [GPU])]}))[:-cut]
    answer = SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 0, 1, message(body)) + OK

    with raw_server(tmp_path / "s", answer), pytest.raises(CallFailed, match="ends behind the message"):
        assignments(tmp_path / "s", 2)


def test_a_name_that_is_no_text_is_an_error(kubelet: Kubelet, tmp_path: Path) -> None:
    kubelet.pods = [field(1, b"\xff") + field(2, "ml")]

    with pytest.raises(CallFailed, match=r"List: .*utf-8"):
        assignments(tmp_path / "kubelet.sock", 5)


def test_a_replica_count_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    body = allocatable([devices("nvidia.com/gpu", [GPU])])[:-1]
    answer = SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 0, 1, message(body)) + OK

    with raw_server(tmp_path / "s", answer), pytest.raises(CallFailed, match="GetAllocatableResources"):
        replicas(tmp_path / "s", 2)
