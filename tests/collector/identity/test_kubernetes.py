"""Pods of a node: LIST, WATCH, what is kept on an outage, what labels claim."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.identity import kubernetes
from collector.identity.api import Api
from collector.identity.config import Labels
from collector.identity.enquiry import Unanswered
from collector.identity.kubernetes import Watch
from collector.identity.pods import Pods
from collector.source import Instant
from tests.collector.identity.apiserver import ApiServer, pod

ID = "d" * 64


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "PAUSE_S", 0.02)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    made = ApiServer()
    yield made
    made.close()


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\n", "ascii")
    return tmp_path


def eventually(true: Callable[[], object]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass within 5 s")


def now(more_s: int = 0) -> Instant:
    boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + more_s * 10**9
    return Instant(boot_ns=boot_ns, wall_ms=time.time_ns() // 10**6)


@pytest.fixture
def watching(server: ApiServer, account: Path) -> Iterator[Callable[[], tuple[Watch, Pods]]]:
    made: list[Watch] = []

    def start() -> tuple[Watch, Pods]:
        pods = Pods()
        made.append(Watch(Api(server.url, account), "node1", Labels(), pods))
        made[-1].start()
        return made[-1], pods

    yield start
    for watch in made:
        watch.close()


Watching = Callable[[], tuple[Watch, Pods]]


def test_pods_are_listed_by_node(server: ApiServer, watching: Watching) -> None:
    status = {"containerStatuses": [{"name": "main", "containerID": f"containerd://{ID}", "ready": True}]}
    owners = [
        {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "x"},
        {"apiVersion": "batch/v1", "kind": "Job", "name": "train", "uid": "y", "controller": True},
    ]
    labels = {"team": "search", "kueue.x-k8s.io/queue-name": "gpu", "model": "llama"}
    server.pods = [pod("train-0", "u1", labels=labels, ownerReferences=owners, status=status)]
    watch, pods = watching()
    eventually(lambda: pods.named("ml", "train-0"))

    found = pods.of_cgroup("u1")

    assert found is not None
    assert found is pods.of_container(ID)
    assert (found.owner, found.containers, found.ended) == ("Job/train", {ID: "main"}, False)
    assert found.start_ms == 1_795_514_400_000
    assert pods.claims(found) == {"team": "search", "model": "llama", "queue": "gpu"}
    assert server.asked[0][1] == {"fieldSelector": ["spec.nodeName=node1"], "resourceVersion": ["0"]}
    eventually(lambda: server.asked[-1][1].get("watch"))
    assert server.asked[-1][1]["resourceVersion"] == ["100"]
    assert watch.status(now())[1] == "warn"  # namespaces are not allowed here


def test_namespace_labels_stand_over_a_pods_own(server: ApiServer, watching: Watching) -> None:
    server.namespaces["ml"] = {
        "kind": "Namespace",
        "metadata": {"name": "ml", "labels": {"team": "platform"}, "annotations": {"cost-center": "42"}},
    }
    server.pods = [pod("a", "u1", labels={"team": "search", "purpose": "training"})]
    watch, pods = watching()
    eventually(lambda: pods.namespaces)

    found = pods.named("ml", "a")

    assert found is not None
    assert pods.claims(found) == {"team": "platform", "purpose": "training", "cost_center": "42"}
    eventually(lambda: watch.status(now()) == ("kubernetes", "ok", "pods are known"))


def test_changes_are_followed(server: ApiServer, watching: Watching) -> None:
    server.pods = [pod("a", "u1")]
    _, pods = watching()
    server.change("ADDED", pod("b", "u2", version="101"))
    eventually(lambda: pods.named("ml", "b"))
    server.change("MODIFIED", pod("b", "u2", version="102", status={"phase": "Succeeded"}))
    eventually(lambda: (found := pods.named("ml", "b")) and found.ended)
    server.change("DELETED", pod("b", "u2", version="103"))
    eventually(lambda: pods.named("ml", "b") is None)

    gone = pods.of_cgroup("u2")
    assert gone is not None
    assert gone.name == "b"
    assert pods.named("ml", "a") is not None


def test_a_name_that_came_again_is_the_new_pod(server: ApiServer, watching: Watching) -> None:
    server.pods = [pod("db-0", "u1")]
    _, pods = watching()
    server.change("DELETED", pod("db-0", "u1", version="101"))
    server.change("ADDED", pod("db-0", "u2", version="102"))
    eventually(lambda: pods.of_cgroup("u2"))

    found = pods.named("ml", "db-0")
    assert found is not None
    assert found.uid == "u2"
    assert pods.of_cgroup("u1") is not None


def test_a_watch_goes_on_where_it_ended(server: ApiServer, watching: Watching) -> None:
    _, pods = watching()
    server.change("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "555"}})
    server.end()
    server.change("ADDED", pod("b", "u2", version="556"))
    eventually(lambda: pods.named("ml", "b"))

    watches = [query["resourceVersion"] for _, query in server.asked if "watch" in query]
    assert watches == [["100"], ["555"]]
    assert server.lists() == 1


def test_what_is_too_old_is_listed_anew(server: ApiServer, watching: Watching) -> None:
    server.pods = [pod("a", "u1")]
    _, pods = watching()
    eventually(lambda: pods.named("ml", "a"))
    server.pods = [pod("b", "u2")]
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    server.change("ERROR", status)
    eventually(lambda: pods.named("ml", "b"))

    assert server.lists() == 2
    assert pods.named("ml", "a") is None


def test_a_410_to_the_watch_itself_lists_anew(server: ApiServer, watching: Watching) -> None:
    _, _ = watching()
    eventually(lambda: server.asked and "watch" in server.asked[-1][1])
    server.refuse = (410, "Gone")
    server.end()
    eventually(lambda: server.lists() >= 2)


def test_the_token_is_read_anew(server: ApiServer, watching: Watching, account: Path) -> None:
    watch, pods = watching()
    eventually(lambda: watch.status(now())[1] == "ok")
    server.token = "second"
    server.end()
    eventually(lambda: "401" in watch.status(now())[2])
    (account / "token").write_text("second", "ascii")
    server.change("ADDED", pod("b", "u2", version="101"))
    eventually(lambda: pods.named("ml", "b"))


def test_a_token_that_is_none_is_a_failure_and_not_the_end(
    server: ApiServer, watching: Watching, account: Path
) -> None:
    (account / "token").write_bytes(b"two\nlines\xff")
    watch, pods = watching()
    eventually(lambda: watch.status(now())[1] == "fail")
    (account / "token").write_text("first", "ascii")
    server.change("ADDED", pod("b", "u2", version="101"))
    eventually(lambda: pods.named("ml", "b"))


@pytest.mark.parametrize("line", [b"{\n", b'{"type":"ADDED","object":{"metadata":7}}\n', b"cut off"])
def test_a_line_that_is_no_change_is_a_failure_and_not_the_end(
    server: ApiServer, watching: Watching, line: bytes
) -> None:
    watch, pods = watching()
    server.changes.put(line)
    if not line.endswith(b"\n"):
        server.end()
    eventually(lambda: "watch: not a change" in watch.status(now())[2] or "cut off" in watch.status(now())[2])
    server.end()
    server.change("ADDED", pod("b", "u2", version="101"))
    eventually(lambda: pods.named("ml", "b"))


def test_an_outage_keeps_what_is_known_and_tells_its_age(server: ApiServer, watching: Watching) -> None:
    server.pods = [pod("a", "u1")]
    watch, pods = watching()
    eventually(lambda: pods.named("ml", "a"))
    server.refuse = (503, "etcd is away")
    server.end()
    eventually(lambda: "etcd is away" in watch.status(now())[2])

    assert pods.named("ml", "a") is not None
    name, state, text = watch.status(now(120))
    assert (name, state) == ("kubernetes", "warn")
    assert "pods are as of 120 s ago" in text or "pods are as of 121 s ago" in text


def test_nobody_there_is_a_failure(account: Path) -> None:
    watch = Watch(Api("http://127.0.0.1:9", account), "node1", Labels(), Pods())
    assert watch.status(now()) == ("kubernetes", "fail", "no answer yet")
    watch.start()
    eventually(lambda: "refused" in watch.status(now())[2])
    watch.close()


def test_a_static_pod_is_found_by_the_hash_of_its_manifest(server: ApiServer, watching: Watching) -> None:
    key = "0123456789abcdef0123456789abcdef"
    notes = {"kubernetes.io/config.hash": key, "kubernetes.io/config.mirror": key}
    server.pods = [pod("proxy-node1", "u9", annotations=notes)]
    _, pods = watching()
    eventually(lambda: pods.of_cgroup(key))

    found = pods.of_cgroup(key)
    assert found is not None
    assert found.uid == "u9"


def test_the_kubelets_own_list(server: ApiServer, account: Path) -> None:
    server.pods = [pod("a", "u1")]
    pods = Pods()
    watch = Watch(Api(server.url, account), "node1", Labels(), pods, kubelet=True)
    watch.start()
    eventually(lambda: pods.named("ml", "a"))
    watch.close()

    assert [path for path, _ in server.asked] == ["/pods"]


def test_a_hash_is_not_another_pods_uid(server: ApiServer, watching: Watching) -> None:
    victim = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340"
    server.pods = [
        pod("victim", victim),
        pod("forger", "u2", annotations={"kubernetes.io/config.hash": victim}),
        pod("early", "u4", annotations={"kubernetes.io/config.hash": victim.replace("2", "3")}),
        pod("other", "u3", annotations={"kubernetes.io/config.hash": "f" * 32}),
        pod("static", "f" * 32),
    ]
    _, pods = watching()
    eventually(lambda: pods.named("ml", "static"))

    found = [pods.of_cgroup(key) for key in (victim, "u2", "f" * 32)]
    assert [one.name for one in found if one] == ["victim", "forger", "static"]
    assert pods.of_cgroup(victim.replace("2", "3")) is None


def test_long_or_odd_claims_are_not_kept_whole(server: ApiServer, watching: Watching) -> None:
    server.pods = [pod("a", "u1", annotations={"team": "t" * 5000, "model": "bad\x1b[0m"})]
    _, pods = watching()
    eventually(lambda: pods.named("ml", "a"))

    found = pods.named("ml", "a")
    assert found is not None
    assert pods.claims(found) == {"team": "t" * 128}


def test_an_owner_that_somebody_made_up_is_cut_or_left_out(server: ApiServer, watching: Watching) -> None:
    def owned(name: str) -> list[dict[str, object]]:
        return [{"apiVersion": "v1", "kind": "Job", "name": name, "uid": "x", "controller": True}]

    server.pods = [
        pod("a", "u1", ownerReferences=owned("n" * 100_000)),
        pod("b", "u2", ownerReferences=owned("\x1b]0;owned\x07")),
    ]
    _, pods = watching()
    eventually(lambda: pods.named("ml", "b"))

    assert [len(one.owner) for name in "ab" if (one := pods.named("ml", name))] == [256, 0]


@pytest.fixture
def signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's context whose certificate is its own authority, as `ca.crt` beside the token."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api -addext"
    command = ["openssl", *words.split(), "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.crt"]
    try:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.crt", tmp_path / "key.pem")
    return context


def test_tls_is_checked_before_the_token_is_shown(signed: ssl.SSLContext, tmp_path: Path) -> None:
    server = ApiServer(signed)
    account, other = tmp_path, tmp_path / "other"
    other.mkdir()
    for folder in (account, other):
        (folder / "token").write_text("first", "ascii")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=evil"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", "key.pem", "-out", "ca.crt"], cwd=other, check=True, capture_output=True
    )

    assert b"PodList" in Api(server.url, account).get("/api/v1/pods")
    with pytest.raises(Unanswered, match="certificate verify failed"):
        Api(server.url, other).get("/api/v1/pods")
    assert len(server.asked) == 1
    server.close()
