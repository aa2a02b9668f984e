"""A synthetic job log: N jobs over a year in four pools, about six usage hours a job; deterministic by seed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

YEAR_MS = 365 * 86_400_000
BEGIN_MS = 1_735_689_600_000  # 2025-01-01
POOLS = 4
CAPACITY = 4_000

MAPPINGS = {
    "jobs": """[time]
unit = "ms"
[columns]
workload_id = "job"
team = "team"
model = "model"
user = "user"
account = "account"
cluster = "cluster"
pool = "pool"
accelerator = "gpu"
quantity = "gpus"
start = "start_ms"
end = "end_ms"
outcome = "state"
""",
    "capacity": """[columns]
cluster = "cluster"
pool = "pool"
accelerator = "gpu"
quantity = "n"
provider = "provider"
""",
    "prices": """[columns]
accelerator = "gpu"
price_per_hour = "price"
""",
}


def write(folder: Path, jobs: int) -> None:
    """jobs.csv, capacity.csv, prices.csv and their mappings in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log(jobs).write_csv(folder / "jobs.csv")
    pools = [f"train,pool-{i},{_gpu(i)},{CAPACITY},gcp" for i in range(POOLS)]
    (folder / "capacity.csv").write_text("cluster,pool,gpu,n,provider\n" + "\n".join(pools) + "\n")
    (folder / "prices.csv").write_text("gpu,price\nH100-80GB,2.123456789\nA100-80GB,1.5\n")
    for kind, text in MAPPINGS.items():
        (folder / f"{kind}.toml").write_text(text)


def log(jobs: int, seed: int = 7) -> pl.DataFrame:
    """The job log as a frame, in order of submission."""
    n = pl.int_range(jobs, dtype=pl.UInt64)

    def draw(name: str, upper: int) -> pl.Expr:
        return (n.hash(seed=seed + sum(name.encode())) % upper).cast(pl.Int64)

    start = BEGIN_MS + draw("start", YEAR_MS - 40 * 3_600_000)
    length = 60_000 + draw("length", 10 * 3_600_000)
    pool = draw("pool", POOLS)
    frame = pl.select(
        job=pl.format("job-{}", n.cast(pl.String).str.zfill(8)),
        team=pl.format("team-{}", draw("team", 40)),
        model=pl.format("model-{}", draw("model", 90)),
        user=pl.format("user-{}", draw("user", 400)),
        account=pl.format("account-{}", draw("account", 60)),
        cluster=pl.lit("train"),
        pool=pl.format("pool-{}", pool),
        gpu=pl.when(pool % 2 == 0).then(pl.lit("H100-80GB")).otherwise(pl.lit("A100-80GB")),
        gpus=pl.lit(2, pl.Int64).pow(draw("gpus", 4)).cast(pl.Int64),
        start_ms=start,
        end_ms=start + length,
        state=pl.lit("COMPLETED"),
    )
    return frame.sort("start_ms")


def _gpu(pool: int) -> str:
    return "A100-80GB" if pool % 2 else "H100-80GB"
