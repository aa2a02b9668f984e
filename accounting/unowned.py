"""Spend that no team owns: by the narrowest facts that a rule could name, and what each such rule would move."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

import sql
from accounting.core import selector
from accounting.core.ownership import FACTS, FOREVER, own
from accounting.errors import InputError
from accounting.inputs.effective import effective
from accounting.project import Project
from accounting.stores.engine import open_session
from accounting.tables import INPUT_TEAMS

UNOWNED = "unowned"
_NEW = "\0"
"""The team of the rule that is tried: none can have this name."""
_UNWRITABLE = re.compile(r"[\s,;&]")


@dataclass(frozen=True, slots=True)
class Part:
    """What a rule would take from one team: `status` is what makes it theirs today (unowned, claim, fact).

    With `at_most`, a part of what is summed here would stay.
    """

    team: str
    status: str
    device_seconds: Decimal
    cost: Decimal | None
    unpriced_seconds: Decimal
    at_most: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Workloads without a team that share a fact; `place` says where they ran if they share none.

    `selector` is None where no rule can tell them from others, `workloads` 0 where nobody held anything. `moves` is
    what a rule would take, `clash` the imported rule that it would contradict.
    """

    selector: str | None
    place: str
    workloads: int
    device_seconds: Decimal
    cost: Decimal | None
    unpriced_seconds: Decimal
    currency: str | None
    moves: tuple[Part, ...] = ()
    clash: str = ""


@dataclass(frozen=True, slots=True)
class _World:
    """What is published, as rules see it, and the rules that are imported."""

    attempts: pl.DataFrame
    held: pl.DataFrame
    rules: pl.DataFrame


def unowned(project: Project, top: int | None = None) -> list[Group]:
    """What workloads without a team cost, the costliest first; rules are tried for the `top` first only."""
    lake = project.lake
    with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
        found = session.query(sql.read("commands/unowned")).to_dicts()
        if not found:
            return []
        attempts = session.query(sql.read("commands/attempts")).with_columns(pl.col("end").fill_null(FOREVER))
        world = _World(attempts, session.query(sql.read("commands/held")), effective(lake, "teams").collect())
    return [_group(world, row, tried=top is None or n < top) for n, row in enumerate(found)]


def _group(world: _World, row: dict[str, object], *, tried: bool) -> Group:
    said = _selector(row)
    measures = {name: row[name] for name in ("workloads", "device_seconds", "cost", "unpriced_seconds", "currency")}
    place = _written({"cluster": row["cluster"], "pool": row["value"] if row["fact"] is None else None})
    if said is None or not tried:
        return Group(said, place, **measures)  # type: ignore[arg-type]
    if clash := _clash(world, said):
        return Group(said, place, **measures, clash=clash)  # type: ignore[arg-type]
    said, moved = _narrowed(world, said)
    if row["fact"] == "pool" and _taken(moved):
        return Group(None, said, **measures)  # type: ignore[arg-type]
    return Group(said, place, **measures, moves=_parts(world, moved))  # type: ignore[arg-type]


def _selector(row: dict[str, object]) -> str | None:
    """What selects the group; one workload by its whole id; never all of a cluster."""
    alone = row["workloads"] == 1 and row["workload_id"] is not None
    if row["fact"] in ("workload_id", None) and alone:
        return _written({"cluster": row["cluster"], "workload_id": row["workload_id"]})
    return None if row["fact"] is None else _written({"cluster": row["cluster"], str(row["fact"]): row["value"]})


def _written(facts: dict[str, object]) -> str:
    """What cannot be written in a selector matches by `?`."""
    return " ".join(f"{name}={_UNWRITABLE.sub('?', str(said))}" for name, said in sorted(facts.items()) if said)


def _narrowed(world: _World, said: str) -> tuple[str, pl.DataFrame]:
    """The selector with as many more facts of its unowned workloads as keep it from taking what others own."""
    moved = _moved(world, said)
    while _taken(moved):
        mine = moved.filter(pl.col("was_status") == UNOWNED)
        more = [f"{said} {name}={_UNWRITABLE.sub('?', value)}" for name, value in _shared(mine, said)]
        more = [one for one in more if not _clash(world, one)]
        tries = sorted(((one, _moved(world, one)) for one in more), key=lambda pair: _taken(pair[1]))
        if not tries or _taken(tries[0][1]) >= _taken(moved):
            break
        said, moved = selector.parse(tries[0][0]).canonical, tries[0][1]
    return said, moved


def _shared(attempts: pl.DataFrame, said: str) -> list[tuple[str, str]]:
    """Facts that all of them have alike and the selector does not name, who or what before where."""
    named = {field for field, _ in selector.parse(said).fields}
    order = ("user", "namespace", "account", "model", "workload_id", "pool", "cluster", "accelerator", "node")
    values = [(name, attempts[name].unique().to_list()) for name in order if name not in named]
    return [(name, found[0]) for name, found in values if len(found) == 1 and found[0]]


def _taken(moved: pl.DataFrame) -> int:
    return moved.filter(pl.col("was_status") != UNOWNED).height


def _clash(world: _World, said: str) -> str:
    """The imported rule that the selector's would contradict; empty if there is none."""
    hit = _hit(world, said)
    for row in world.rules.iter_rows(named=True):
        both = pl.concat([pl.DataFrame([row], schema=INPUT_TEAMS.schema), _rule(said)])
        try:
            own(hit, both)
        except InputError:
            return f"{row['selector']} -> {row['team']}"
    return ""


def _rule(said: str) -> pl.DataFrame:
    return pl.DataFrame([(None, None, said, _NEW, None, None, None, 0)], schema=INPUT_TEAMS.schema, orient="row")


def _hit(world: _World, said: str) -> pl.DataFrame:
    fields = selector.parse(said).fields
    return world.attempts.filter(*(pl.col(name).str.contains(selector.regex(glob)) for name, glob in fields))


def _moved(world: _World, said: str) -> pl.DataFrame:
    """Attempts that a rule on the selector would own, with whose they were; `stays`: not all the time."""
    hit = _hit(world, said)
    was = hit.with_columns(
        was=pl.coalesce("team", pl.lit(UNOWNED)),
        was_status="owner_status",
        team=pl.when(pl.col("owner_status") == "claim").then("team"),
    )
    after = own(was.drop("owner_status"), pl.concat([world.rules, _rule(said)]))
    theirs = [*FACTS, "was", "was_status"]
    stays = after.filter(pl.col("team").ne_missing(_NEW)).select(theirs).unique().with_columns(stays=pl.lit(True))
    return after.filter(pl.col("team") == _NEW).select(theirs).unique().join(stays, theirs, "left", nulls_equal=True)


def _parts(world: _World, moved: pl.DataFrame) -> tuple[Part, ...]:
    """By former owner. Charges tell a workload by its id, or by its pool where it has none, not by its other facts."""
    owner = pl.coalesce("team", pl.lit(UNOWNED)).alias("was")
    every = world.attempts.select(*FACTS, owner).unique().group_by(*_key(), "was").agg(every=pl.len())
    mine = moved.group_by(*_key(), "was").agg(pl.col("was_status").max(), pl.len(), pl.col("stays").any())
    keys = ["cluster", "workload_id", "place", "was"]
    said = mine.join(every, on=keys, nulls_equal=True).with_columns(
        at_most=pl.col("stays") | (pl.col("len") < pl.col("every"))
    )
    held = world.held.rename({"owner_team": "was"}).with_columns(_key()[2])
    cost = pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()).alias("cost")
    sums = (pl.col("device_seconds").sum(), cost, pl.col("unpriced_seconds").sum(), pl.col("at_most").any())
    parts = held.join(said, on=keys, nulls_equal=True).group_by("was", "was_status").agg(sums)
    first = pl.col("was_status") != UNOWNED
    return tuple(Part(*row) for row in parts.sort(first, "was", "was_status").iter_rows())


def _key() -> list[pl.Expr]:
    place = pl.when(pl.col("workload_id").is_null()).then("pool").alias("place")
    return [pl.col("cluster"), pl.col("workload_id"), place]
