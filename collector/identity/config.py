"""Where the agent asks whose a device is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

MOST_CHARACTERS = 128


class Keys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that say the same, the first that is there counts; labels of a pod or namespace, or environment names."""

    team: tuple[str, ...] = ()
    cost_center: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()

    def found(self, values: dict[str, str]) -> dict[str, str]:
        """What `values` say, by team, cost_center, model, purpose and queue.

        What they do not say, or not in printable characters, is left out; after 128 characters they are cut.
        """
        usable = {key: value[:MOST_CHARACTERS] for key, value in values.items() if value and value.isprintable()}
        chosen = {
            name: [usable[key] for key in getattr(self, name) if key in usable] for name in self.__struct_fields__
        }
        return {name: said[0] for name, said in chosen.items() if said}


class Labels(Keys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labels and annotations of pods and namespaces; a key that is left out keeps its default."""

    team: tuple[str, ...] = ("team", "owner", "department")
    cost_center: tuple[str, ...] = ("cost-center", "costCenter", "cost_center", "billing")
    model: tuple[str, ...] = ("model", "model-name", "llm-d.ai/model", "serving.kserve.io/inferenceservice")
    purpose: tuple[str, ...] = ("purpose",)
    queue: tuple[str, ...] = ("kueue.x-k8s.io/queue-name", "runai/queue")


class Environment(Keys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names in the environment of processes: hints; a key that is left out keeps its default."""

    team: tuple[str, ...] = ("TEAM", "SLURM_JOB_ACCOUNT")
    cost_center: tuple[str, ...] = ("COST_CENTER",)
    model: tuple[str, ...] = ("MODEL", "MODEL_NAME", "MODEL_ID")
    purpose: tuple[str, ...] = ("PURPOSE",)


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`node` is the node's name in Kubernetes. What is `auto` is asked where it is found; every path may be absent.

    `kubernetes`: `api` lists and watches the pods of this node at the API server, `kubelet` asks the kubelet's
    `/pods`; `auto` is `api` where a service account's token is mounted. `kubernetes_url` is either's address.
    `slurm_bin` is the folder of squeue and scontrol ('': the search path). `prolog` has a file per device, written by
    a prolog of `prolog_owner`.
    """

    node: str = ""
    proc: str = "/proc"
    kubelet_roots: tuple[str, ...] = ("", "kubelet")
    environment: Environment = Environment()
    podresources: str = "/var/lib/kubelet/pod-resources/kubelet.sock"
    kubernetes: Literal["auto", "off", "api", "kubelet"] = "auto"
    kubernetes_url: str = "https://kubernetes.default.svc"
    service_account: str = "/var/run/secrets/kubernetes.io/serviceaccount"
    labels: Labels = Labels()
    slurm: Literal["auto", "off"] = "auto"
    slurm_node: str = ""
    slurm_bin: str = ""
    prolog: str = "/run/chipledger/jobs"
    prolog_owner: int = 0
