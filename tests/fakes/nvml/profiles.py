"""What devices are: numbers of nvidia-smi captures where there is one, of NVIDIA's data sheets otherwise."""

from __future__ import annotations

from typing import NamedTuple

MIB = 1 << 20


class Slice(NamedTuple):
    """A MIG instance as `nvidia-smi -L` and `-q` show it; `ci` above 0: several share one GPU instance."""

    profile: str
    gi: int
    ci: int
    memory_mib: int


class Profile(NamedTuple):
    """A device; `capture` names the recording that its numbers are of."""

    name: str
    driver: str
    total_mib: int
    reserved_mib: int
    idle_mw: int
    limit_mw: int
    gpm: bool
    mig: bool
    slices: tuple[Slice, ...] = ()
    capture: str = ""


H100 = Profile(
    name="NVIDIA H100 80GB HBM3",
    driver="590.48.01",
    total_mib=81559,
    reserved_mib=479,
    idle_mw=69_850,
    limit_mw=700_000,
    gpm=True,
    mig=True,
    capture="linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01.txt",
)
H100_MIG = H100._replace(
    idle_mw=71_270,
    slices=(
        Slice("3g.40gb", 2, 0, 40448),
        Slice("2g.20gb", 3, 0, 20096),
        Slice("1g.10gb", 9, 0, 9984),
        Slice("1g.10gb", 10, 0, 9984),
    ),
    capture="linux-x86_64__nvidia-h100-mig__590.48.01.txt",
)
H200 = H100._replace(
    name="NVIDIA H200",
    total_mib=143771,
    reserved_mib=614,
    idle_mw=77_670,
    capture="linux-x86_64__nvidia-h200__590.48.01.txt",
)
H200_MIG = H200._replace(
    idle_mw=78_280,
    slices=(
        Slice("1c.3g.71gb", 2, 0, 71424),
        Slice("2c.3g.71gb", 2, 1, 71424),
        Slice("2g.35gb", 3, 0, 33280),
        Slice("1g.18gb", 9, 0, 16384),
        Slice("1g.18gb", 10, 0, 16384),
    ),
    capture="linux-x86_64__nvidia-h200-mig__590.48.01.txt",
)
L40S = Profile(
    name="NVIDIA L40S",
    driver="595.80",
    total_mib=46068,
    reserved_mib=609,
    idle_mw=35_000,
    limit_mw=350_000,
    gpm=False,
    mig=False,
    capture="linux-x86_64__nvidia-l40s__595.80.txt",
)
# Of these there is no capture: memory and limits are of the data sheets, the rest is of the same order.
A100 = Profile(
    name="NVIDIA A100-SXM4-80GB",
    driver="515.65.01",
    total_mib=81920,
    reserved_mib=634,
    idle_mw=60_000,
    limit_mw=400_000,
    gpm=False,
    mig=True,
)
A100_MIG = A100._replace(slices=(Slice("3g.40gb", 1, 0, 40192), Slice("3g.40gb", 2, 0, 40192)))
T4 = Profile(
    name="Tesla T4",
    driver="470.82.01",
    total_mib=15360,
    reserved_mib=450,
    idle_mw=10_000,
    limit_mw=70_000,
    gpm=False,
    mig=False,
)
L4 = L40S._replace(name="NVIDIA L4", total_mib=23034, idle_mw=12_000, limit_mw=72_000, capture="")
