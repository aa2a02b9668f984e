"""A pod that asks for accelerators, as kube-state-metrics describes it."""

from __future__ import annotations

from msgspec import Struct

from collector.wire import Group, Workload


class Pod(Struct, kw_only=True):
    """Instants in Unix ms, None where nothing tells. `requests`: units by resource.

    Between `first_ms` and `last_ms` it was seen, last
    by the instance `target` of kube-state-metrics. `ended_ms`: it succeeded, failed, or (`gone`) was there no more
    after that. `queued`: by resource, for what it
    waited. `waited`: it was seen waiting, and that it started is not told; `told`: that it ended is.
    """

    cluster: str
    namespace: str
    name: str
    first_ms: int
    last_ms: int
    target: str = ""
    uid: str = ""
    node: str = ""
    address: str = ""
    owner: str = ""
    claims: dict[str, str] = {}
    requests: dict[str, float] = {}
    created_ms: int | None = None
    scheduled_ms: int | None = None
    started_ms: int | None = None
    completed_ms: int | None = None
    ended_ms: int | None = None
    outcome: str = ""
    gone: bool = False
    queued: dict[str, Group] = {}
    waited: bool = False
    told: bool = False

    @property
    def since_ms(self) -> int | None:
        """When it was given what it asks for; None: it waits."""
        if self.scheduled_ms is not None or self.started_ms is not None:
            return self.scheduled_ms if self.scheduled_ms is not None else self.started_ms
        return self.first_ms if self.node else None

    def holds(self, at_ms: int) -> bool:
        """Whether it has what it asks for at an instant."""
        since = self.since_ms
        return since is not None and since <= at_ms and (self.ended_ms is None or at_ms < self.ended_ms)

    def workload(self) -> Workload:
        """The pod as the wire has it."""
        return Workload(
            id=f"{self.namespace}/{self.name}",
            kind="kubernetes",
            uid=self.uid,
            namespace=self.namespace,
            owner=self.owner,
            claims=self.claims,
            cluster=self.cluster,
        )
