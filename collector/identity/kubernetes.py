"""Keeping the pods of this node known: LIST and WATCH at the API server, or the kubelet's `/pods`."""

from __future__ import annotations

import random
import time
from threading import Event, Thread
from urllib.parse import quote

import msgspec
from msgspec import Struct

from collector.identity.api import Api, Gone
from collector.identity.config import Keys
from collector.identity.enquiry import Unanswered
from collector.identity.pods import Metadata, PodList, PodObject, Pods, pod_of
from collector.source import Instant

WATCH_S = 240
"""A watch ends after this, and the next goes on where it ended."""

START_S = 1.0
PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KUBELET_EVERY_S = 30.0
NAMESPACE_NS = 600 * 10**9
"""Labels of a namespace are read anew after this."""


class _Change(Struct):
    type: str
    object: msgspec.Raw


class _Status(Struct):
    code: int = 0
    message: str = ""


class _Object(Struct):
    metadata: Metadata = msgspec.field(default_factory=Metadata)


class Watch:
    """Keeps `pods` as the server has them, in a thread of its own; on an outage they stay, and `status` tells the age.

    `kubelet`: the server is a kubelet, which has neither watches nor namespaces.
    """

    def __init__(self, api: Api, node: str, labels: Keys, pods: Pods, *, kubelet: bool = False) -> None:
        self._api = api
        self._labels = labels
        self._pods = pods
        self._kubelet = kubelet
        self._selector = f"fieldSelector=spec.nodeName%3D{quote(node, safe='')}"
        self._stop = Event()
        self._tried = Event()
        self._version = ""
        self._heard_ns: int | None = None
        self._error = ""
        self._namespace_error = ""
        self._namespaces_ns: dict[str, int] = {}

    def start(self) -> None:
        """Begins to list and watch, and waits a moment for the first list."""
        Thread(target=self._run, name="pods", daemon=True).start()
        self._tried.wait(START_S)

    def close(self) -> None:
        """Ends the thread, at the latest with the watch that is open."""
        self._stop.set()

    def status(self, at: Instant) -> tuple[str, str, str]:
        """Name, ok, warn or fail, and what is to be said of it."""
        if self._heard_ns is None:
            return "kubernetes", "fail", self._error or "no answer yet"
        age_s = max(0, at.boot_ns - self._heard_ns) // 10**9
        if self._error:
            return "kubernetes", "warn", f"{self._error}; pods are as of {age_s} s ago"
        if self._namespace_error:
            return "kubernetes", "warn", f"labels of namespaces are not known: {self._namespace_error}"
        return "kubernetes", "ok", "pods are known"

    def _run(self) -> None:
        pause = PAUSE_S
        while not self._stop.is_set():
            try:
                self._turn()
            except Gone:
                self._version = ""
            except Exception as error:  # noqa: BLE001 - nobody else would keep the pods known
                self._error = str(error) if isinstance(error, Unanswered) else f"{type(error).__name__}: {error}"
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                pause = PAUSE_S
            self._tried.set()
            # All nodes lose the server at once, and shall not come back at once.
            self._stop.wait(pause * random.uniform(0.5, 1))

    def _turn(self) -> None:
        if self._kubelet:
            self._list("/pods")
            self._stop.wait(KUBELET_EVERY_S)
            return
        if not self._version:
            self._list(f"/api/v1/pods?{self._selector}&resourceVersion=0")
        path = f"/api/v1/pods?{self._selector}&watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_S}"
        for name in list(self._namespaces_ns):
            self._read_namespace(name)
        for line in self._api.lines(f"{path}&resourceVersion={quote(self._version)}", WATCH_S + 30):
            self._take(line)
            if self._stop.is_set():
                return
        self._heard()

    def _list(self, path: str) -> None:
        try:
            found = msgspec.json.decode(self._api.get(path), type=PodList)
            pods = [pod_of(item, self._labels) for item in found.items]
        except (msgspec.DecodeError, ValueError) as error:
            raise Unanswered(f"{path}: not a list of pods: {error}") from error
        # First the namespaces: a pod shall not be seen with claims that change a moment later.
        for namespace in {pod.namespace for pod in pods}:
            self._read_namespace(namespace)
        self._pods.replace(pods)
        self._version = found.metadata.resource_version
        self._heard()

    def _take(self, line: bytes) -> None:
        try:
            change = msgspec.json.decode(line, type=_Change)
            if change.type == "ERROR":
                status = msgspec.json.decode(change.object, type=_Status)
                raise (Gone if status.code == 410 else Unanswered)(f"watch: {status.code} {status.message}")
            self._version = msgspec.json.decode(change.object, type=_Object).metadata.resource_version
            if change.type in {"ADDED", "MODIFIED", "DELETED"}:
                self._apply(change.type, msgspec.json.decode(change.object, type=PodObject))
        except (msgspec.DecodeError, ValueError) as error:
            raise Unanswered(f"watch: not a change: {error}") from error
        self._heard()

    def _apply(self, kind: str, item: PodObject) -> None:
        if kind == "DELETED":
            self._pods.remove(item.metadata.uid)
            return
        self._read_namespace(item.metadata.namespace)
        self._pods.put(pod_of(item, self._labels))

    def _read_namespace(self, name: str) -> None:
        """Keeps the claims of a namespace's labels and annotations; without them pods are still known."""
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if self._kubelet or now - self._namespaces_ns.get(name, -NAMESPACE_NS) < NAMESPACE_NS:
            return
        self._namespaces_ns[name] = now
        try:
            found = msgspec.json.decode(self._api.get(f"/api/v1/namespaces/{quote(name, safe='')}"), type=_Object)
        except (msgspec.DecodeError, Unanswered) as error:
            self._namespace_error = str(error)
            return
        said = {**(found.metadata.annotations or {}), **(found.metadata.labels or {})}
        self._pods.namespaces = {**self._pods.namespaces, name: self._labels.found(said)}
        self._namespace_error = ""

    def _heard(self) -> None:
        self._heard_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._error = ""
        self._tried.set()
