"""Which Prometheus is asked, how, and which labels say what."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from collector.central.polling import Polling
from collector.identity.config import Labels


class Prometheus(Polling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is what stands before `/api/v1`. A token, or a user with a password, is read anew for every request.

    `headers` go with every request (X-Scope-OrgID of Mimir). `timeout`: seconds for one answer. `selector`: label
    matchers such as `cluster="a"`, added to every question. `cluster_label` names the label that says the cluster
    ('': all is of `cluster`). `labels` are the keys of pods' and namespaces' labels that are claims, `pools` those of
    nodes that name their pool, the first that is there counts; all as Kubernetes has them.
    """

    url: Annotated[str, Meta(pattern="^https?://[^/]")]
    token_file: str = ""
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    timeout: Annotated[float, Meta(ge=1, le=600)] = 30
    selector: str = ""
    cluster_label: str = ""
    labels: Labels = Labels()
    pools: tuple[str, ...] = (
        "cloud.google.com/gke-nodepool",
        "eks.amazonaws.com/nodegroup",
        "kubernetes.azure.com/agentpool",
        "karpenter.sh/nodepool",
    )
