"""What keeps the agent from seeing, naming, or sending: each finding with its remedy."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from collector import node
from collector.central.sources import is_central, sources
from collector.clock import boot_ns, now_ms, wall_ns
from collector.config import Config, Misconfigured, address
from collector.finding import Finding, Grade
from collector.identity.resolver import Resolver
from collector.inbox import Unavailable, open_inbox
from collector.nvml.errors import Restart
from collector.nvml.facts import DeviceFacts, DriverFacts, facts
from collector.source import Instant
from collector.spool.errors import SpoolError
from collector.spool.lock import lock
from collector.wire import Device

HOST_PIDS = "pid:[4026531836]"
"""What the kernel calls the first PID namespace (PROC_PID_INIT_INO)."""

MOST_SKEW_MS = 2_000


def examine(config: Config) -> Iterator[Finding]:
    """All findings, in the order in which the agent depends on them."""
    if is_central(config):
        yield from _central(config)
        return
    driver = _facts()
    yield from _driver(driver)
    yield _pids()
    yield from _clock()
    yield _spool(Path(config.spool.path))
    yield _metrics(config.metrics.listen)
    yield from _inbox(config)
    yield from _identity(config, tuple(device for gpu in driver.devices for device in gpu.told))


def _central(config: Config) -> Iterator[Finding]:
    """Of a collector that reads no device of this machine."""
    yield from _clock()
    yield _spool(Path(config.spool.path))
    yield _metrics(config.metrics.listen)
    yield from _inbox(config)
    for source, _ in sources(config, now_ms):
        yield from source.examine()
        source.close()


def _facts() -> DriverFacts:
    try:
        return facts()
    except Restart as error:
        return DriverFacts(trouble=f"{error}: restart the agent, and this container if it has one")


def _driver(found: DriverFacts) -> Iterator[Finding]:
    if found.trouble:
        remedy = (
            "install the driver, or run the container with the NVIDIA runtime and NVIDIA_DRIVER_CAPABILITIES=utility"
        )
        yield Finding("fail", "driver", found.trouble, remedy)
        return
    yield Finding("ok", "driver", f"{found.driver}, NVML {found.nvml}, {len(found.devices)} devices")
    for device in found.devices:
        yield from _device(device)


def _device(device: DeviceFacts) -> Iterator[Finding]:
    about = f"GPU {device.index}"
    if device.trouble:
        yield Finding(
            "fail", about, device.trouble, "see the kernel's log (dmesg, Xid), then reset or replace the device"
        )
        return
    signals = "GPM" if device.gpm else "no GPM: SM, tensor and DRAM activity stay unknown (Hopper and later have it)"
    yield Finding("ok", about, f"{device.name}, {'MIG on, ' if device.mig else ''}{signals}")
    if device.mig and not device.gpm:
        yield Finding("warn", about, "MIG without GPM: the driver tells no activity of instances", "it stays unknown")
    if device.persistence is False:
        remedy = "nvidia-smi -pm 1, or run nvidia-persistenced"
        yield Finding("warn", about, "persistence mode is off: counters restart when nobody uses the device", remedy)
    if device.accounting is False and not device.mig:
        remedy = "run the agent as root, or nvidia-smi -am 1 as root before it starts"
        grade: Grade = "ok" if node.is_root() else "warn"
        yield Finding(grade, about, "accounting mode is off: processes shorter than a look are not seen", remedy)


def _pids() -> Finding:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError as error:
        return Finding("warn", "PID namespace", f"cannot be told: {error.strerror}", "check that /proc is mounted")
    if namespace == HOST_PIDS:
        return Finding("ok", "PID namespace", "the host's: the driver's process ids can be named")
    remedy = "hostPID: true in the pod, or --pid=host"
    return Finding("warn", "PID namespace", f"{namespace} is not the host's: processes cannot be named", remedy)


def _clock() -> Iterator[Finding]:
    synchronized = node.clock_synchronized()
    if synchronized is None:
        yield Finding("warn", "clock", "the kernel does not tell whether it is synchronized", "run chrony or ntpd")
    elif not synchronized:
        yield Finding("warn", "clock", "not synchronized: time may be told at the wrong hour", "run chrony or ntpd")
    else:
        yield Finding("ok", "clock", "synchronized")


def _spool(folder: Path) -> Finding:
    try:
        return _room(folder)
    except OSError as error:
        says = f"{error.filename or folder}: {error.strerror}"
        return Finding("fail", "spool", says, "look as the agent's user, or set spool.path")


def _room(folder: Path) -> Finding:
    there = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    if not os.access(there, os.W_OK):
        return Finding("fail", "spool", f"{there} is not writable", "give it to this user, or set spool.path")
    free = os.statvfs(there)
    says = f"{folder}, {free.f_bavail * free.f_frsize / 1e9:.1f} GB free"
    try:
        if folder.exists():
            os.close(lock(folder))
    except SpoolError:
        return Finding("ok", "spool", f"{says}, in use by a running agent")
    return Finding("ok", "spool", says)


def _metrics(listen: str) -> Finding:
    if not listen:
        return Finding("ok", "metrics", "metrics.listen is empty: none are served")
    try:
        with socket.create_server(address(listen)):
            return Finding("ok", "metrics", f"{listen} is free")
    except Misconfigured as error:
        return Finding("fail", "metrics", str(error), "correct it: the agent does not start with it")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Finding("warn", "metrics", f"{listen} is in use", "by a running agent? else choose another port")
        return Finding(
            "fail", "metrics", f"{listen}: {error.strerror}", "choose another address: the agent does not start"
        )


def _inbox(config: Config) -> Iterator[Finding]:
    if not config.inbox.url:
        yield Finding(
            "warn", "inbox", "inbox.url is not set: segments stay in the spool", "set it to a folder or bucket"
        )
        return
    try:
        inbox = open_inbox(config.inbox.url)
        name = f"doctor/{node.agent_id(config.node_name, config.node.cluster)}"
        new = inbox.put(name, b"chipledger-agent doctor\n")
    except (ValueError, Unavailable) as error:
        yield Finding(
            "fail", "inbox", str(error), "check the address, the credentials, and the right to create objects"
        )
        return
    yield Finding("ok", "inbox", f"{config.inbox.url} takes objects" if new else f"{config.inbox.url} answers")
    if new:
        yield from _skew(inbox.modified_ms(name))


def _skew(modified_ms: int | None) -> Iterator[Finding]:
    """How far this node's clock is from the one that dated what was just stored."""
    if modified_ms is None:
        return
    skew = wall_ns() // 1_000_000 - modified_ms
    if abs(skew) > MOST_SKEW_MS:
        yield Finding("warn", "clock", f"{skew / 1000:+.1f} s from the inbox's", "run chrony or ntpd on both")
    else:
        yield Finding("ok", "clock", "within two seconds of the inbox's")


def _identity(config: Config, devices: tuple[Device, ...]) -> Iterator[Finding]:
    resolver = Resolver(config.resolving)
    at = Instant(boot_ns(), wall_ns() // 1_000_000)
    resolver.held(devices, at)
    for name, said, says in resolver.status(at):
        grade: Grade = "fail" if said == "fail" else "warn" if said == "warn" else "ok"
        yield Finding(grade, name, says, "" if grade == "ok" else "see docs/agent.md, Who holds a device")
    resolver.close()
