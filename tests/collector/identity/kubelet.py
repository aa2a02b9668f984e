"""A kubelet's podresources service, as kubernetes/kubelet pkg/apis/podresources/v1/api.proto describes it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

Device = tuple[str, Sequence[str]]


def field(number: int, content: bytes | str) -> bytes:
    """A length-delimited field."""
    data = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def devices(resource: str, ids: Sequence[str], numa: int = 0) -> bytes:
    """ContainerDevices: resource_name, device_ids, topology."""
    topology = field(3, field(1, b"\x08" + varint(numa)))
    return field(1, resource) + b"".join(field(2, name) for name in ids) + topology


def claim(name: str, driver: str, pool: str, device: str) -> bytes:
    """DynamicResource: claim_name, claim_namespace, claim_resources."""
    cdi = field(1, field(1, f"k8s.{driver}/device={device}"))
    return field(2, name) + field(3, "ns") + field(4, cdi + field(2, driver) + field(3, pool) + field(4, device))


def pod(namespace: str, name: str, containers: dict[str, Sequence[bytes]], claims: Sequence[bytes] = ()) -> bytes:
    """PodResources: name, namespace, containers with name, devices, cpu_ids, memory, dynamic_resources."""
    body = field(1, name) + field(2, namespace)
    for container, given in containers.items():
        cpus = field(3, b"\x00\x01\x02")
        memory = field(4, field(1, "memory") + b"\x10" + varint(1 << 34))
        parts = b"".join(field(2, one) for one in given) + cpus + memory + b"".join(field(5, one) for one in claims)
        body += field(3, field(1, container) + parts)
    return body


def listed(pods: Sequence[bytes]) -> bytes:
    """ListPodResourcesResponse."""
    return b"".join(field(1, one) for one in pods)


def allocatable(given: Sequence[bytes]) -> bytes:
    """AllocatableResourcesResponse: devices, cpu_ids, memory."""
    return b"".join(field(1, one) for one in given) + field(2, b"\x00\x01")


class Kubelet:
    """Answers at a unix socket by grpcio; `fail` and `delay_s` say how badly. `asked` are the methods in order."""

    def __init__(self, path: Path) -> None:
        self.pods: list[bytes] = []
        self.allocatable: list[bytes] = []
        self.fail: tuple[Any, str] | None = None
        self.delay_s = 0.0
        self.asked: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        handlers = {
            "List": self._handler("List", lambda: listed(self.pods)),
            "GetAllocatableResources": self._handler("GetAllocatableResources", lambda: allocatable(self.allocatable)),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("v1.PodResourcesLister", handlers),)
        )
        self._server.add_insecure_port(f"unix:{path}")
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait()

    def _handler(self, name: str, answer: Callable[[], bytes]) -> Any:  # noqa: ANN401 - grpcio has no types
        def serve(_request: bytes, context: Any) -> bytes:  # noqa: ANN401
            self.asked.append(name)
            time.sleep(self.delay_s)
            if self.fail is not None:
                context.abort(*self.fail)
            return answer()

        return grpc.unary_unary_rpc_method_handler(serve)


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


@contextlib.contextmanager
def raw_server(path: Path, answer: bytes, pause_s: float = 0) -> Iterator[bytearray]:
    """A server that writes `answer`, with a pause before each byte if told, and closes; gives what it received."""
    received = bytearray()

    def serve() -> None:
        link, _ = listener.accept()
        with link, contextlib.suppress(ConnectionError):
            received.extend(link.recv(1 << 16))
            for part in [answer[n : n + 1] for n in range(len(answer))] if pause_s else [answer]:
                time.sleep(pause_s)
                link.sendall(part)
            link.shutdown(socket.SHUT_WR)
            while data := link.recv(1 << 16):
                received.extend(data)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield received
        thread.join(5)
