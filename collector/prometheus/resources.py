"""Accelerators as Kubernetes counts them: resources, and what one unit of each is."""

from __future__ import annotations

import re

from msgspec import Struct

from collector.prometheus.labels import Labels, of_key

RESOURCES = "nvidia_com_gpu|nvidia_com_gpu_shared|nvidia_com_mig_.+|google_com_tpu|amd_com_gpu|habana_ai_gaudi"
"""As kube-state-metrics writes them. What counts memory or cores of a device (HAMi) is not an accelerator."""

_MIG = "nvidia_com_mig_"
_PRODUCTS = ("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator")
_REPLICAS = ("nvidia.com/gpu.replicas", "cloud.google.com/gke-max-shared-clients-per-gpu")


class Node(Struct):
    """What is known of a node: its pool, its labels' product, the model that its exporter names, its TPU's type.

    `replicas`: so many shares of one GPU the node counts as one GPU each. `seen_ms`: when it was told of last.
    """

    pool: str = ""
    product: str = ""
    model: str = ""
    tpu: str = ""
    replicas: int = 1
    seen_ms: int = 0


def described(labels: Labels, pools: tuple[str, ...], before: Node) -> Node:
    """The node by its `kube_node_labels`; what they do not say is as it was `before`."""
    products = [value for key in _PRODUCTS if (value := of_key(labels, key))]
    shares = [int(value) for key in _REPLICAS if (value := of_key(labels, key)).isdecimal() and int(value) > 0]
    return Node(
        pool=next((value for key in pools if (value := of_key(labels, key))), before.pool),
        product=products[0] if products else before.product,
        model=before.model,
        tpu=of_key(labels, "cloud.google.com/gke-tpu-accelerator") or before.tpu,
        replicas=shares[0] if shares else 1,
        seen_ms=before.seen_ms,
    )


def canonical(resource: str) -> str:
    """The resource as kube-state-metrics writes it."""
    return re.sub("[^a-zA-Z0-9_]", "_", resource)


def is_accelerator(resource: str) -> bool:
    """Whether a unit of it is an accelerator or a part of one."""
    return re.fullmatch(RESOURCES, canonical(resource)) is not None


def accelerator(resource: str, node: Node) -> str:
    """What one unit of a resource on a node is; the resource's own name where nothing tells."""
    if resource == "google_com_tpu":
        return node.tpu or "google.com/tpu"
    product = node.model or node.product
    if resource.startswith(_MIG):
        return f"{product.partition('-MIG-')[0] or 'nvidia.com/gpu'} MIG {profile(resource)}"
    if resource.startswith("nvidia_com_gpu"):
        # The strategy `single` of MIG: every instance is a nvidia.com/gpu, and the label says of which profile.
        whole, single, cut = node.product.partition("-MIG-")
        return f"{node.model or whole} MIG {cut}" if single else product or "nvidia.com/gpu"
    return product or resource.replace("_com_", ".com/").replace("_ai_", ".ai/")


def profile(resource: str) -> str:
    """The profile of MIG in a resource's name: `nvidia_com_mig_1g_10gb_me` is 1g.10gb+me."""
    parts = resource.removeprefix(_MIG).split("_")
    return ".".join(parts[:2]) + "".join(f"+{part}" for part in parts[2:])


def quantity_ppm(resource: str, count: float, node: Node) -> int:
    """So many units in millionths of accelerators: a share of a GPU that is cut by time is a part of it."""
    shared = resource in {"nvidia_com_gpu", "nvidia_com_gpu_shared"}
    return round(count * 1_000_000 / (node.replicas if shared else 1))
