"""One file into the lake: read, shape, check, and let it count, all of it or nothing."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Table
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from accounting.errors import InputError, StoreError
from accounting.inputs import capacity, invoice, jobs, presets, prices, quarantine, reading, samples, teams
from accounting.inputs.cells import LEFT, Cells, bind
from accounting.inputs.doubtful import apart, doubtful
from accounting.inputs.duplicates import losers
from accounting.inputs.mapping import Mapping, Term, check_kind, kinds
from accounting.inputs.names import unknown
from accounting.inputs.scratch import Scratch, scratch
from accounting.inputs.shaping import FAULT, NOTE, Shaped
from accounting.inputs.staged import ROW, Staged
from accounting.inputs.times import Clock
from accounting.stores.lake import Import, Lake, StagedFile, disk, full
from accounting.tables import INPUTS, QUARANTINE

Aliases = Table[str, str]
Progress = Callable[[str, float | None], None]

_SHAPES: dict[str, Callable[[Cells, Clock], Shaped]] = {
    "prices": prices.shape,
    "invoice": invoice.shape,
    "teams": teams.shape,
    "samples": samples.shape,
}
_COUNTED: dict[str, Callable[[Cells, Clock, Aliases], Shaped]] = {"jobs": jobs.shape, "capacity": capacity.shape}
_DUPLICATE = "duplicate key in the file"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did; `reasons` are the rejected rows by reason, biggest first, `notes` what else was counted.

    `unchanged`: nothing was read, it was there already; `named`: it has got the name of a source, or another.
    """

    record: Import
    unchanged: bool
    reasons: list[tuple[str, int]] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """One file on its way in."""

    lake: Lake
    kind: str
    path: Path
    mapping: Mapping
    now: int
    aliases: Aliases
    scratch: Scratch
    progress: Progress


def silent(text: str, fraction: float | None) -> None:
    """No progress shown."""


def import_file(
    lake: Lake,
    kind: str,
    path: Path,
    mapping: Mapping,
    *,
    now: int,
    source: str | None = None,
    aliases: Aliases | None = None,
    strict: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Imports a file in one transaction; the same bytes with the same mapping, live already, change nothing.

    Bad rows go to quarantine; with `strict` they raise `InputError` and nothing is imported. `now` is in ms;
    `aliases` are the project's own names of accelerators.
    """
    if kind not in kinds():
        raise InputError(f"import: {unknown('kind', kind, kinds())}")
    reading.check_readable(path)
    check_kind(mapping, kind, presets.given(mapping, kind))
    progress("checking what is there", None)
    sha256 = _sha256(path)
    with disk(lake.folder), _alone(lake):
        live = [i for i in lake.imports(live_only=True) if i.kind == kind]
        same = next((i for i in live if (i.file_sha256, i.mapping_sha256) == (sha256, mapping.digest)), None)
        replaces = [i.seq for i in live if _replaced(i, sha256, mapping.digest, source)]
        if same is not None and source not in (None, same.source):
            return _named(lake, same, source or "", replaces)
        if same is not None and replaces == [same.seq]:
            return Outcome(same, True, notes=same.notes)
        with scratch(lake) as made, _room(lake):
            job = _Job(lake, kind, path, mapping, now, aliases or {}, made, progress)
            return _imported(job, sha256, source or "", replaces, strict)


def _named(lake: Lake, same: Import, source: str, replaces: list[int]) -> Outcome:
    """What counts already becomes the newest version of `source`; the versions before it no longer count."""
    lake.name_import(same.seq, source, [seq for seq in replaces if seq != same.seq])
    return Outcome(dataclasses.replace(same, source=source), True, notes=same.notes, named=True)


def _replaced(known: Import, sha256: str, digest: str, source: str | None) -> bool:
    """One file may count twice only under two names and two mappings: list and spot prices, for example."""
    if known.file_sha256 == sha256 and (known.mapping_sha256 == digest or source is None or not known.source):
        return True
    return source is not None and known.source == source


def _imported(job: _Job, sha256: str, source: str, replaces: list[int], strict: bool) -> Outcome:
    job.progress("reading", None)
    staged = reading.read(job.path, job.mapping, job.scratch)
    staged, terms = presets.prepared(job.path, staged, job.mapping, job.kind)
    cells, shaped, rows = _checked(job, staged, terms)
    beside = losers(rows, shaped).with_columns(title=pl.lit(_DUPLICATE), reason=pl.lit(_DUPLICATE))
    beside = pl.concat([beside, _doubtful(job, _good(rows, beside), replaces)])
    reasons = _reasons(rows, shaped, staged, beside)
    if strict and reasons:
        raise InputError(
            f"{job.path}: {sum(n for _, n in reasons)} rows are bad ({_listed(reasons)}): nothing was imported"
        )
    good = _good(rows, beside)
    _cross_checked(job, good, replaces)
    notes = _notes(rows, shaped, good) | _apart(job, good)
    job.progress("storing", None)
    lake, kind = job.lake, job.kind
    seq = lake.reserve_import(kind, source, job.path.name, sha256, job.mapping.digest, job.now)
    table = INPUTS[kind]
    rejected = sum(n for _, n in reasons)
    files: list[StagedFile] = []
    try:
        taken = good.select(pl.lit(seq, dtype=pl.Int64).alias("import_seq"), pl.col(ROW).alias("row"), *table.names[2:])
        files.append(lake.stage(table, taken))
        if rejected:
            bad = quarantine.rows(rows, shaped, staged, cells, beside)
            files.append(lake.stage(QUARANTINE, quarantine.stamped(bad, seq, kind, job.path.name)))
    except BaseException:
        lake.discard(files)
        raise
    lake.commit_import(seq, files[0].rows, rejected, notes, files, replaces)
    record = next(i for i in lake.imports(live_only=True) if i.seq == seq)
    return Outcome(record, False, reasons, notes)


def _checked(job: _Job, staged: Staged, terms: dict[str, Term]) -> tuple[Cells, Shaped, pl.LazyFrame]:
    """The shaped rows in a file of their own, so that the source is read and parsed once."""
    job.progress("checking rows", None)
    try:
        return _written(job, bind(job.path, staged, job.mapping, terms))
    except pl.exceptions.PolarsError:
        job.progress("checking rows one by one", None)
    try:
        return _written(job, bind(job.path, staged, job.mapping, terms, guarded=True))
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{job.path}: cannot be read to its end ({reason}): export it again") from error


def _written(job: _Job, cells: Cells) -> tuple[Cells, Shaped, pl.LazyFrame]:
    clock = dataclasses.replace(job.mapping.clock, now=job.now)
    counted = _COUNTED.get(job.kind)
    shaped = counted(cells, clock, job.aliases) if counted else _SHAPES[job.kind](cells, clock)
    target = job.scratch.path(".parquet")
    shaped.frame.sink_parquet(target, compression="lz4", statistics=False, row_group_size=131_072)
    return cells, shaped, pl.scan_parquet(target, glob=False)


def _good(rows: pl.LazyFrame, beside: pl.DataFrame) -> pl.LazyFrame:
    good = rows.filter(pl.col(LEFT).is_null() & pl.col(FAULT).is_null())
    if beside.is_empty():
        return good
    return good.filter(pl.col(ROW).is_in(beside[ROW].implode()).not_())


def _reasons(rows: pl.LazyFrame, shaped: Shaped, staged: Staged, beside: pl.DataFrame) -> list[tuple[str, int]]:
    counted: Counter[str] = Counter()
    faulty = rows.filter(pl.col(FAULT).is_not_null()).group_by(FAULT).agg(pl.col(ROW).n_unique().alias("n"))
    for fault, count in faulty.collect(engine="streaming").iter_rows():
        counted[shaped.faults[fault].title] += count
    counted.update(staged.rejects["title"].to_list())
    counted.update(beside["title"].to_list())
    return sorted(((r, n) for r, n in counted.items() if n), key=lambda pair: (-pair[1], pair[0]))


def _listed(reasons: list[tuple[str, int]]) -> str:
    return "; ".join(f"{reason}: {count}" for reason, count in reasons[:5])


def _notes(rows: pl.LazyFrame, shaped: Shaped, good: pl.LazyFrame) -> dict[str, int]:
    left = rows.filter(pl.col(LEFT).is_not_null()).group_by(LEFT).agg(pl.len()).collect(engine="streaming")
    notes = dict(left.iter_rows())
    if shaped.notes:
        said = good.select(pl.col(NOTE + n).sum() for n in shaped.notes).collect(engine="streaming").row(0)
        notes |= dict(zip(shaped.notes, said, strict=True))
    return {name: int(count) for name, count in sorted(notes.items()) if count}


def _cross_checked(job: _Job, good: pl.LazyFrame, replaces: list[int]) -> None:
    """Refuses prices that overlap and teams that contradict each other, here or with what counts already."""
    if job.kind not in ("prices", "teams"):
        return
    names = {i.seq: i.file for i in job.lake.imports(live_only=True)}
    every = _every(job, good, replaces)
    if job.kind == "prices":
        prices.check(every, job.path.name, names, job.aliases)
    else:
        teams.check(every, job.path.name, names)


def _every(job: _Job, good: pl.LazyFrame, replaces: list[int]) -> pl.DataFrame:
    """What would count: the rows of the other imports, and those of the file, which have no `import_seq` yet."""
    others = job.lake.scan_input(job.kind).filter(pl.col("import_seq").is_in(replaces).not_())
    return pl.concat([others, _mine(job, good)]).collect()


def _mine(job: _Job, good: pl.LazyFrame) -> pl.LazyFrame:
    seq, row = pl.lit(None, dtype=pl.Int64).alias("import_seq"), pl.col(ROW).alias("row")
    return good.select(seq, row, *INPUTS[job.kind].names[2:])


def _doubtful(job: _Job, good: pl.LazyFrame, replaces: list[int]) -> pl.DataFrame:
    """Prices (`_row`, title, reason) that are hardly right beside others."""
    if job.kind != "prices" or job.mapping.trusting:
        return pl.DataFrame(schema={ROW: pl.Int64, "title": pl.String, "reason": pl.String})
    names = {i.seq: i.file for i in job.lake.imports(live_only=True)}
    return doubtful(_every(job, good, replaces), job.path.name, names, job.aliases).rename({"row": ROW})


def _apart(job: _Job, good: pl.LazyFrame) -> dict[str, int]:
    count = apart(_mine(job, good).collect(), job.aliases) if job.kind == "prices" else 0
    return {"SKUs more than twice as dear in one region as in another": count} if count else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _room(lake: Lake) -> Iterator[None]:
    """A full disk as one line, whoever notices it."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, InputError) as error:
        if (reason := full(error)) is None:
            raise
        raise StoreError(f"{lake.folder}: {reason}; nothing was imported: make room and import again") from error


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """One import at a time, so that two of one file cannot both count."""
    with (lake.folder / "import.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
