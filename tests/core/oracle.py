"""The answer by brute force: what SEMANTICS says of a world, in exact fractions, one elementary interval at a time.

Nothing of the core is used. Time is cut at every edge there is; in between everything is constant.
Where SEMANTICS leaves a choice, the choice is named here: whole devices that nobody holds belong to the pool in the
hours in which holders without a device draw on it, whatever their health; a pool bought in several lots gives everyone
a proportional part of each; time beyond all capacity belongs to the place's least lot of that day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from accounting.policy import Policy
from tests.core.reckoning import (
    FOREVER,
    NOTHING,
    Answer,
    Key,
    Lot,
    Place,
    Pool,
    Row,
    Told,
    Who,
    grouped,
    less,
    lot_of,
    lot_order,
    once,
    total_of,
)
from tests.worlds import DAY, HOUR, ONE, START, World


def answer(world: World) -> Answer:
    """What the world's days come to."""
    return _Reading(world).answer()


@dataclass(frozen=True)
class Seen:
    """A sample after cutting: what was observed over `[start, end)`."""

    start: int
    end: int
    busy: int
    active: bool
    idle: bool


class _Reading:
    """A world as SEMANTICS reads it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.disagreements: dict[int, int] = defaultdict(int)
        self.jobs = [self.job(j) for j in world.full("jobs") if j["start_ms"] is not None]
        self.capacity = [c for c in map(self.online, world.full("capacity")) if c["start_ms"] < c["end_ms"]]
        self.all_capacity = list(map(self.online, world.full("capacity")))
        self.devices = {c["device_id"] for c in self.all_capacity} - {None}
        self.prices = self.price_book()
        self.rules = world.full("teams")
        self.stated = {(c["pool"], c["accelerator"]) for c in self.all_capacity}
        self.named_pools = {c["pool"] for c in self.all_capacity}
        part_rows = [s for s in world.full("samples") if s["part"]]
        device_rows = [s for s in world.full("samples") if s["device_id"] is not None and not s["part"]]
        workload_rows = [s for s in world.full("samples") if s["device_id"] is None]
        self.broken = grouped(self.world.health, "device_id")
        self.of_device = {k: self.seen(v, self.broken.get(k, [])) for k, v in grouped(device_rows, "device_id").items()}
        self.of_part = {
            (device, workload): self.seen(rows, self.broken.get(device, []))
            for device, of_one in grouped(part_rows, "device_id").items()
            for workload, rows in grouped(of_one, "workload_id").items()
        }
        self.of_workload = {k: self.seen(v) for k, v in grouped(workload_rows, "workload_id").items()}

    def job(self, row: Row) -> Row:
        return {**row, "end_ms": self.world.watermark if row["end_ms"] is None else row["end_ms"]}

    def online(self, row: Row) -> Row:
        start = self.world.event if row["start_ms"] is None else row["start_ms"]
        end = self.world.watermark if row["end_ms"] is None else min(row["end_ms"], self.world.watermark)
        return {**row, "start_ms": start, "end_ms": end}

    def price_book(self) -> list[Row]:
        """A price without an end ends where the next of its SKU starts."""
        book = []
        for i, p in enumerate(self.world.full("prices")):
            book.append(
                {
                    **p,
                    "key": f"row {i}",
                    "from": -FOREVER if p["start_ms"] is None else p["start_ms"],
                    "to": FOREVER if p["end_ms"] is None else p["end_ms"],
                }
            )
        return book

    # -- samples -----------------------------------------------------------------------------------------------------

    def seen(self, rows: list[Row], broken: Sequence[Row] = ()) -> list[Seen]:
        return self.with_idle_runs(less(self.agreed(rows), [(b["start_ms"], b["end_ms"]) for b in broken]))

    def agreed(self, rows: list[Row]) -> list[Told]:
        """Of several sources the best present one at every instant; how often a worse one says something else."""
        best: list[Told] = []
        for _, same in sorted(grouped(rows, "rank").items()):
            worse = self.told(same)
            for start, end, busy, _ in worse:
                for day in range(start // DAY, (end - 1) // DAY + 1):
                    spans = [(max(start, a, day * DAY), min(end, b, (day + 1) * DAY), told) for a, b, told, _ in best]
                    time = sum(b - a for a, b, _ in spans if a < b)
                    off = sum((told - busy) * (b - a) for a, b, told in spans if a < b)
                    self.disagreements[day] += abs(off) > 100_000 * time
            best = sorted([*best, *less(worse, [(a, b) for a, b, _, _ in best])], key=lambda t: t[0])
        return best

    def told(self, rows: list[Row]) -> list[Told]:
        best: dict[int, Row] = {}
        for row in sorted(rows, key=lambda r: (r["start_ms"], r["busy_ppm"], r["end_ms"] or -1)):
            best[row["start_ms"]] = row
        starts = sorted(best)
        cut: list[Told] = []
        for i, start in enumerate(starts):
            following = starts[i + 1] if i + 1 < len(starts) else None
            end: int | None = best[start]["end_ms"]
            if end is None:
                end = self.held_until(start, following, starts)
            if end is not None and following is not None:
                end = min(end, following)
            if end is not None and end > start:
                cut.append((start, end, best[start]["busy_ppm"], self.policy(start)))
        return cut

    def held_until(self, start: int, following: int | None, starts: list[int]) -> int | None:
        hold: int | None = self.policy(start).hold_ms
        if hold is None:
            steps = [b - a for a, b in pairwise(starts) if a // DAY == b // DAY == start // DAY]
            if not steps and following is not None and following - start <= DAY // 2:
                steps = [following - start]
            if not steps:
                return None
            hold = min(int(median(steps)) * 2, DAY // 2)
        return start + hold if following is None else min(start + hold, following)

    def with_idle_runs(self, cut: list[Told]) -> list[Seen]:
        result: list[Seen] = []
        i = 0
        while i < len(cut):
            j = i
            active = cut[i][2] > cut[i][3].active_above_ppm
            while (
                j + 1 < len(cut)
                and cut[j + 1][0] == cut[j][1]
                and (cut[j + 1][2] > cut[j + 1][3].active_above_ppm) == active
            ):
                j += 1
            length = cut[j][1] - cut[i][0]
            result += [
                Seen(a, b, busy, active, not active and length >= p.idle_after_ms) for a, b, busy, p in cut[i : j + 1]
            ]
            i = j + 1
        return result

    def observed(self, device: str | None, workload: str | None, t: int) -> tuple[str, Seen] | None:
        """Who tells at an instant, and what."""
        tellers = {
            "part": self.of_part.get((device or "", workload or ""), []),
            "device": self.of_device.get(device or "", []),
            "workload": self.of_workload.get(workload or "", []),
        }
        return next(((who, s) for who, told in tellers.items() for s in told if s.start <= t < s.end), None)

    def teller(self, job: Row, t: int) -> str | None:
        found = self.observed(job["device_id"], job["workload_id"], t)
        return None if found is None else found[0]

    def busy(self, job: Row, held: list[Row], shared: int | None, a: int, b: int) -> Fraction | None:
        """Milliseconds of use: a part is the holder's, what is left of a device is shared by those without a part."""
        found = self.observed(job["device_id"], job["workload_id"], a)
        if found is None:
            return None
        who, seen = found
        level, scale = seen.busy, Fraction(job["quantity_ppm"], ONE)
        if who == "part":
            names = ("device_id", "workload_id")
            mine = [j for j in self.holding(a, b) if all(j[n] == job[n] for n in names)]
            scale = Fraction(job["quantity_ppm"], total_of(mine))
        elif who == "device":
            parts = (s for (device, _), told in self.of_part.items() if device == job["device_id"] for s in told)
            level = max(0, level - sum(s.busy for s in parts if s.start <= a < s.end))
            others = [j for j in held if self.teller(j, a) == "device"]
            scale = Fraction(1) if shared is None else Fraction(job["quantity_ppm"], total_of(others))
        return Fraction(level, ONE) * scale * (b - a)

    def unhealthy(self, place: Place, t: int) -> bool:
        return any(b["start_ms"] <= t < b["end_ms"] for b in self.broken.get(place[1] or "", []))

    def known(self, place: Place, t: int) -> bool:
        """Whether anybody tells if the place is held."""
        spans = (w for w in self.world.watched if w["device_id"] == place[1])
        return self.world.scheduled or any(w["start_ms"] <= t < w["end_ms"] for w in spans)

    # -- what holds at an instant ------------------------------------------------------------------------------------

    def policy_index(self, t: int) -> int:
        return max(i for i, p in enumerate(self.world.policies) if p.start_ms is None or p.start_ms <= t)

    def policy(self, t: int) -> Policy:
        return self.world.policies[self.policy_index(t)]

    def month(self, lot: Lot, t: int) -> str:
        zone = ZoneInfo(self.world.zones.get(lot[0] or "", "UTC"))
        return datetime.fromtimestamp(t / 1000, UTC).astimezone(zone).strftime("%Y-%m")

    def price(self, accelerator: str, lot: Lot, t: int) -> str | None:
        provider, region, purchase, _ = lot
        wanted = {"purchase": purchase, "region": region, "provider": provider}
        fits = [
            p
            for p in self.prices
            if p["accelerator"] == accelerator
            and p["from"] <= t < p["to"]
            and all(p[f] is None or p[f] == v for f, v in wanted.items())
        ]
        ranked = sorted(
            fits,
            key=lambda p: (
                sum(p[f] is not None for f in wanted),
                *(p[f] is not None for f in wanted),
                p["kind"] == "negotiated",
            ),
        )
        return ranked[-1]["key"] if ranked else None

    def owner(self, job: Row, t: int) -> tuple[str | None, str, str | None]:
        """Team, status, cost center."""
        found = []
        for rule in self.rules:
            if (rule["start_ms"] or -FOREVER) <= t < (rule["end_ms"] or FOREVER):
                parts = [p.split("=") for p in rule["selector"].split()]
                if all(job[f] is not None and fnmatchcase(job[f], glob) for f, glob in parts):
                    who = sum(f in ("namespace", "account", "user", "workload_id", "model") for f, _ in parts)
                    plain = sum("*" not in g and "?" not in g for _, g in parts)
                    letters = sum(c not in "*?" for _, g in parts for c in g)
                    found.append(((rule["priority"], who, len(parts), plain, letters), rule))
        if found:
            best = max(found, key=lambda f: f[0])[1]
            return best["team"], "fact", best["cost_center"]
        return job["team"], "claim" if job["team"] else "unowned", None

    def place(self, job: Row, t: int) -> Place:
        device = job["device_id"]
        pool = (job["pool"], job["accelerator"])
        if device in self.devices:
            home = next(
                (c for c in self.capacity if c["device_id"] == device and c["start_ms"] <= t < c["end_ms"]), None
            )
            return (pool, None) if home is None else ((home["pool"], home["accelerator"]), device)
        return pool, device if device is not None and job["pool"] not in self.named_pools else None

    # -- the walk ----------------------------------------------------------------------------------------------------

    @cached_property
    def edges(self) -> list[int]:
        found = set(range(START, self.world.end + 1, HOUR))
        rows = [*self.jobs, *self.capacity, *self.world.full("prices"), *self.rules, *self.world.full("jobs")]
        for row in [*rows, *self.world.health, *self.world.watched]:
            found |= {t for c in ("start_ms", "end_ms", "submitted_ms") if (t := row.get(c)) is not None}
        for line in [*self.of_device.values(), *self.of_part.values(), *self.of_workload.values()]:
            found |= {t for s in line for t in (s.start, s.end)}
        found |= {p.start_ms for p in self.world.policies if p.start_ms is not None}
        # Every zone's month begins at a whole half hour.
        found |= set(range(START, self.world.end, HOUR // 2))
        return sorted(t for t in found if START <= t <= self.world.end)

    def answer(self) -> Answer:
        result = Answer(
            disagreements={d: n for d, n in self.disagreements.items() if n},
            prices={p["key"]: int(p["price_per_hour"] * Decimal(10**9)) for p in self.prices},
        )
        moved = self.hours_drawn_on()
        for a, b in pairwise(self.edges):
            self.account(result, a, b, moved)
        return result

    def hours_drawn_on(self) -> set[tuple[Pool, int]]:
        """Pools and hours in which holders without a device draw on the pool."""
        found = set()
        for a, b in pairwise(self.edges):
            for job in self.holding(a, b):
                pool, device = self.place(job, a)
                if device is None:
                    found.add((pool, a // HOUR))
        return found

    def holding(self, a: int, b: int) -> Iterator[Row]:
        here = [j for j in self.jobs if j["start_ms"] <= a and b <= j["end_ms"] and j["quantity_ppm"] > 0]
        return iter(once(here))

    def account(self, result: Answer, a: int, b: int, moved: set[tuple[Pool, int]]) -> None:
        held: dict[Place, list[Row]] = defaultdict(list)
        for job in self.holding(a, b):
            held[self.place(job, a)].append(job)
        there: dict[Place, list[Row]] = defaultdict(list)
        for row in self.capacity:
            if row["start_ms"] <= a and b <= row["end_ms"]:
                pool = (row["pool"], row["accelerator"])
                result.stated[pool, (a - START) // DAY] += Fraction(row["quantity_ppm"], ONE) * (b - a)
                home: Place = (pool, row["device_id"])
                alone = row["device_id"] is not None and home not in held
                there[(pool, None) if alone and (pool, a // HOUR) in moved else home].append(row)
        left = {p: total_of(there[p]) - self.taken(p, held[p], there[p]) for p in {*held, *there}}
        free = {p: (quantity, not self.unhealthy(p, a) and self.known(p, a)) for p, quantity in left.items()}
        for place in sorted({*held, *there}, key=repr):
            self.account_place(result, a, b, place, held[place], there[place], free)

    def taken(self, place: Place, held: Sequence[Row], there: Sequence[Row]) -> int:
        most = max(total_of(there), ONE) if place[1] is not None else FOREVER
        return min(total_of(held), most)

    def account_place(
        self, result: Answer, a: int, b: int, place: Place, held: list[Row], there: list[Row],
        free: Mapping[Place, tuple[int, bool]],
    ) -> None:  # fmt: skip
        taken, total = self.taken(place, held, there), total_of(held)
        result.raised[place[0], (a - START) // DAY] += Fraction(max(taken, total_of(there)), ONE) * (b - a)
        for job in held:
            part = (
                Fraction(job["quantity_ppm"], ONE)
                if total <= taken
                else Fraction(job["quantity_ppm"] * taken, total * ONE)
            )
            several = place[1] is not None and (len(held) > 1 or total > taken)
            busy = self.busy(job, held, total if several else None, a, b)
            self.account_holder(result, a, b, place, there, job, part, busy)
        if free[place][0] > 0:
            self.account_free(result, a, b, place, there, held, free)

    def account_holder(
        self,
        result: Answer,
        a: int,
        b: int,
        place: Place,
        there: list[Row],
        job: Row,
        part: Fraction,
        busy: Fraction | None,
    ) -> None:
        found = self.observed(job["device_id"], job["workload_id"], a)
        state = "allocated_unobserved"
        if found is not None:
            state = "allocated_idle" if found[1].idle else "allocated_active"
        if self.unhealthy(place, a):
            state, busy = "unhealthy", None
        team, status, center = self.owner(job, a)
        who = (job["workload_id"], team, status, center)
        self.book(result, a, place, there, who, state, part * (b - a), busy)

    def account_free(
        self, result: Answer, a: int, b: int, place: Place, there: list[Row], held: list[Row],
        free: Mapping[Place, tuple[int, bool]],
    ) -> None:  # fmt: skip
        time = Fraction(free[place][0], ONE) * (b - a)
        device = place[1]
        if self.unhealthy(place, a):
            self.book(result, a, place, there, (None, None, None, None), "unhealthy", time, None)
            return
        found = self.observed(device, None, a) if device and not held else None
        if found is not None and found[1].active:
            seen = found[1]
            who = (None, None, "unowned", None)
            self.book(result, a, place, there, who, "allocated_active", time, Fraction(seen.busy, ONE) * (b - a))
            return
        usable = sum(q for p, (q, counts) in free.items() if p[0] == place[0] and q > 0 and counts)
        state = self.free_state(place[0], usable, a) if self.known(place, a) else "unobserved"
        self.book(result, a, place, there, (None, None, None, None), state, time, None)

    def free_state(self, pool: Pool, quantity: int, t: int) -> str:
        waiting: dict[Any, int] = defaultdict(int)
        jobs = self.world.full("jobs")
        for job in once([j for j in jobs if self.waits(j, t)]):
            if (job["pool"], job["accelerator"]) == pool:
                named = (job["workload_id"], job["submitted_ms"], self.waits_until(job))
                waiting[id(job) if job["workload_id"] is None else named] += job["quantity_ppm"]
        if any(size <= quantity for size in waiting.values()):
            return "unallocated_queued"
        sizes = self.sizes[pool, t // DAY]
        return "unallocated_stranded" if sizes and quantity < min(sizes) else "unallocated_free"

    def waits_until(self, job: Row) -> int:
        return next((x for x in (job["start_ms"], job["end_ms"], self.world.watermark) if x is not None), 0)

    def waits(self, job: Row, t: int) -> bool:
        asked = job["submitted_ms"] is not None and job["quantity_ppm"] > 0
        return asked and job["submitted_ms"] <= t < self.waits_until(job)

    @cached_property
    def sizes(self) -> dict[tuple[Pool, int], list[int]]:
        """Sizes of the requests held in a pool on a day; in small worlds every size is at least one in twenty."""
        rows: dict[tuple[Pool, int], dict[Any, dict[Any, int]]] = defaultdict(lambda: defaultdict(dict))
        for a, b in pairwise(self.edges):
            for job in self.holding(a, b):
                begun = (job["workload_id"] or id(job), job["start_ms"])
                rows[self.place(job, a)[0], a // DAY][begun][job["node"], job["device_id"]] = job["quantity_ppm"]
        found: dict[tuple[Pool, int], list[int]] = {}
        for scope, attempts in rows.items():
            largest: dict[Any, int] = defaultdict(int)
            for (workload, _), held in attempts.items():
                for named in (True, False):
                    told = sum(q for (_, device), q in held.items() if (device is not None) == named)
                    largest[workload] = max(largest[workload], told)
            found[scope] = list(largest.values())
        return defaultdict(list, found)

    def book(
        self, result: Answer, a: int, place: Place, there: list[Row], who: Who, state: str, time: Fraction,
        busy: Fraction | None,
    ) -> None:  # fmt: skip
        lots = self.lots(place, there, a)
        for lot, quantity in lots.items():
            share = Fraction(quantity, sum(lots.values()))
            said = state
            if lot[2] == "reservation" and state.startswith("unallocated"):
                said = "unallocated_reserved"
            price = self.price(place[0][1], lot, a)
            workload, team, status, center = who
            hour, month, policy = a // HOUR * HOUR, self.month(lot, a), self.policy_index(a)
            key = Key(hour, place, lot, month, price, workload, team, status, center, said, policy)
            result.usage[key].add(time * share, None if busy is None else busy * share)
            if (time * share).denominator != 1:
                result.rounded.add((place, key.hour))

    def lots(self, place: Place, there: list[Row], t: int) -> dict[Lot, int]:
        found: dict[Lot, int] = defaultdict(int)
        for row in there:
            found[lot_of(row)] += row["quantity_ppm"]
        if found:
            return found
        return {min(self.lots_of_day.get((place, t // DAY), {NOTHING}), key=lot_order): 1}

    @cached_property
    def lots_of_day(self) -> dict[tuple[Place, int], set[Lot]]:
        """The lots a place had at any time of a day, whole devices that belonged to the pool for an hour among them."""
        moved = self.hours_drawn_on()
        found: dict[tuple[Place, int], set[Lot]] = defaultdict(set)
        for a, b in pairwise(self.edges):
            held = {self.place(j, a) for j in self.holding(a, b)}
            for row in self.capacity:
                if row["start_ms"] <= a and b <= row["end_ms"]:
                    pool, device = (row["pool"], row["accelerator"]), row["device_id"]
                    found[(pool, device), a // DAY].add(lot_of(row))
                    if device is not None and (pool, device) not in held and (pool, a // HOUR) in moved:
                        found[(pool, None), a // DAY].add(lot_of(row))
        return found
