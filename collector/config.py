"""The agent's configuration: a TOML file, decoded and checked."""

from __future__ import annotations

import difflib
import re
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from collector.central.polling import Polling
from collector.cloud.config import CloudMonitoring
from collector.identity.config import Config as Identity
from collector.prometheus.config import Prometheus
from collector.slurm.config import Slurm

FILE = Path("/etc/chipledger/agent.toml")
SPOOL = Path("/var/lib/chipledger/spool")

Text = Annotated[str, Meta(min_length=1)]


class Misconfigured(Exception):
    """What is wrong in the configuration, where, and what to do: one line."""


class NodeTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[node]`: where this node's accelerators are accounted."""

    name: str = ""
    cluster: Text = "default"
    pool: str = ""
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None


class SampleTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sample]`: seconds between readings, of one record, and between looks at processes."""

    period: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    window: Annotated[int, Meta(ge=1, le=3600)] = 10
    processes: Annotated[float, Meta(ge=0.1, le=300)] = 5.0


class SpoolTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[spool]`: where records wait on this node's disk, how much room they may take, and when they are sent off."""

    path: Text = str(SPOOL)
    max_mb: Annotated[int, Meta(ge=1)] = 256
    keep_free: Annotated[float, Meta(ge=0, le=50)] = 5.0
    seal_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0


class InboxTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[inbox]`: where segments go: a folder, gs://, s3:// or az://; '' keeps them in the spool."""

    url: str = ""


class MetricsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[metrics]`: address and port of the Prometheus endpoint; '' serves none."""

    listen: str = "127.0.0.1:9477"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.toml as people write it; every key of a node's agent has a default.

    With a block of `cloud_monitoring`, `prometheus` or `slurm` it is a collector that reads these, and no device.
    """

    node: NodeTable = NodeTable()
    sample: SampleTable = SampleTable()
    spool: SpoolTable = SpoolTable()
    inbox: InboxTable = InboxTable()
    metrics: MetricsTable = MetricsTable()
    identity: Identity = Identity()
    cloud_monitoring: tuple[CloudMonitoring, ...] = ()
    prometheus: tuple[Prometheus, ...] = ()
    slurm: tuple[Slurm, ...] = ()

    @property
    def node_name(self) -> str:
        return self.node.name or socket.gethostname()

    @property
    def resolving(self) -> Identity:
        """`[identity]` with this node's name."""
        return msgspec.structs.replace(self.identity, node=self.identity.node or self.node_name)


def load(file: Path | None, settings: tuple[str, ...] = ()) -> Config:
    """The configuration of `file` (None: FILE where it is there), then of `settings` such as `node.pool=a100`.

    Raises `Misconfigured`.
    """
    tables = _read(file) if file is not None or FILE.exists() else {}
    found = _converted(tables, str(file or FILE))
    if not settings:
        return found
    for setting in settings:
        _set(tables, setting)
    return _converted(tables, "--set")


def _converted(tables: dict[str, Any], where: str) -> Config:
    try:
        return msgspec.convert(tables, Config, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(_explained(str(error), where)) from error


def address(listen: str) -> tuple[str, int]:
    """Host and port of `metrics.listen`; raises `Misconfigured`."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise Misconfigured(
            f"metrics.listen: {listen!r} is not an address; write such as 127.0.0.1:9477, or '' for none"
        )
    return host.strip("[]") or "0.0.0.0", int(port)


def _read(file: Path | None) -> dict[str, Any]:
    path = file or FILE
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path}: is not valid TOML: {error}") from error


def _set(tables: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    *path, name = key.strip().split(".")
    if not equals or not path or not all((*path, name)):
        raise Misconfigured(f"--set {setting}: write such as node.pool=a100")
    for table in path:
        tables = _inner(tables, table, setting)
    tables[name] = _value(value.strip())


def _inner(tables: dict[str, Any], name: str, setting: str) -> dict[str, Any]:
    """The table of that name; of a list of blocks the last one, so that one block can be given by settings alone."""
    found = tables.setdefault(name, [{}] if name in _BLOCKS else {})
    inner = found[-1] if isinstance(found, list) and found else found
    if not isinstance(inner, dict):
        raise Misconfigured(f"--set {setting}: {name} is not a table")
    return inner


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML has
    """A list as TOML has it; anything else is text, which the key's own type is made of."""
    if not text.startswith("["):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"--set: {text} is not a list as TOML has it: {error}") from error


def _explained(message: str, where: str) -> str:
    what, _, path = message.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").removeprefix(".")
    unknown = re.search(r"unknown field `(.+)`", what)
    if unknown is None:
        return f"{where}: {key}: {what}" if key else f"{where}: {what}"
    here = ".".join(filter(None, (key, unknown[1])))
    near = difflib.get_close_matches(unknown[1], keys(), n=1)
    return f"{where}: {here}: unknown key" + (f"; did you mean {near[0]}?" if near else "; remove it")


_BLOCKS: dict[str, type[Polling]] = {"cloud_monitoring": CloudMonitoring, "prometheus": Prometheus, "slurm": Slurm}
"""Tables that may come several times."""


def keys() -> list[str]:
    """Every table, and every key in one."""
    tables = {f.name: _BLOCKS.get(f.name, f.type) for f in msgspec.structs.fields(Config)}
    return [*tables, *(f.name for table in tables.values() for f in msgspec.structs.fields(table))]
