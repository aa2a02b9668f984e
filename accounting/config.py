"""The project: chipledger.toml and the policies beside it, decoded and checked."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import zoneinfo
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct, field

from accounting.commitments import CommitmentKind, CommitmentTable, commitments
from accounting.core.carbon import Grid
from accounting.core.commitments import Commitment
from accounting.core.exchange import Rates
from accounting.currencies import RatesTable, rates
from accounting.errors import InputError, StoreError
from accounting.grid import GridTable, grid
from accounting.kinds import NAMES
from accounting.policy import DatedPolicy, IdleBearer, Policy, PolicyKeys, UnallocatedBearer, base_policy, timeline

FILE = "chipledger.toml"
POLICIES = "policies"

Text = Annotated[str, Meta(min_length=1)]
T = TypeVar("T", bound=Struct)

_SHAPES = {"dataset": "letters, digits and _ only", "endpoint": "a URL such as http://127.0.0.1:9050"}
"""In words, of the keys that have a pattern."""


class LakeTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[lake]`: where results are kept (relative to the file) and for how many days replaced publications stay."""

    path: Text = "lake"
    keep_days: Annotated[int, Meta(ge=0)] = 30


class InboxTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[inbox]`: where agents put segments (a folder, relative to the file, or a URL), and whether they stay there."""

    path: Text = "inbox"
    keep: bool = False


OverheadBasis = Literal["cost", "time", "platform"]


class OverheadTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[billing.PROVIDER.overhead]]`: SKUs like `match`, where `*` is anything, and who bears them: `by` or `team`."""

    match: Text
    by: OverheadBasis | None = None
    team: Text | None = None


class BillingTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[billing.PROVIDER]`: the zone in which that provider's billing months begin and end.

    A month whose bill is further from the charges than `tolerance` percent of it, and than `tolerance_amount`, is not
    closed. `overhead` says who bears what is billed beside accelerators; the first rule that matches holds.
    """

    zone: Text = "UTC"
    tolerance: Decimal = Decimal("0.5")
    tolerance_amount: Decimal = Decimal(500)
    overhead: list[OverheadTable] = field(default_factory=list)


class BigQueryTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[bigquery]`: the warehouse that people read; the lake is this host's working copy of it then.

    `maximum_bytes_billed` is of one query. `endpoint` is a URL and `storage_endpoint` a host:port in Google's place,
    asked without credentials; "none": rows are read without the Storage API.
    """

    project: Text
    dataset: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{1,1000}$")]
    location: Text = "US"
    maximum_bytes_billed: Annotated[int, Meta(ge=1)] = 100_000_000_000
    endpoint: Annotated[str, Meta(pattern="^(https?://.+)?$")] = ""
    storage_endpoint: str = ""


class GlTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[gl]`: accounts of the journal; `by_kind` has an account of its own for kinds of charges."""

    expense: Text = "6100"
    recovery: Text = "6900"
    cost_center: Text = "platform"
    by_kind: dict[str, Text] = field(default_factory=dict)


class ConfigFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """chipledger.toml as people write it."""

    lake: LakeTable = LakeTable()
    inbox: InboxTable = InboxTable()
    bigquery: BigQueryTable | None = None
    billing: dict[str, BillingTable] = field(default_factory=dict)
    accelerators: dict[str, Text] = field(default_factory=dict)
    policy: PolicyKeys = PolicyKeys()
    gl: GlTable = GlTable()
    rates: RatesTable | None = None
    grid: list[GridTable] = field(default_factory=list)
    commitment: list[CommitmentTable] = field(default_factory=list)


class Config(Struct, frozen=True, kw_only=True):
    """A project, ready for use: absolute paths, valid zones, policies in order of their start."""

    folder: Path
    lake: Path
    keep_days: int
    inbox: str
    keep_inbox: bool
    bigquery: BigQueryTable | None
    zones: dict[str, str]
    billing: dict[str, BillingTable]
    aliases: dict[str, str]
    policies: tuple[Policy, ...]
    gl: GlTable = GlTable()
    rates: Rates = Rates()
    grid: Grid = ()
    commitments: tuple[Commitment, ...] = ()


def load_config(path: Path | None) -> Config:
    """The project at `path` (a file or a folder; None: the current folder); InputError names the file and the key."""
    file = _find(path)
    raw = decode(ConfigFile, read_toml(file), file.name)
    folder = file.parent.resolve()
    return Config(
        folder=folder,
        lake=folder / raw.lake.path,
        keep_days=raw.lake.keep_days,
        inbox=raw.inbox.path,
        keep_inbox=raw.inbox.keep,
        bigquery=raw.bigquery,
        zones={provider: _zone(table.zone, provider) for provider, table in raw.billing.items()},
        billing={provider: _tolerant(table, provider) for provider, table in raw.billing.items()},
        aliases=raw.accelerators,
        policies=timeline(base_policy(raw.policy, file.name), _dated(folder / POLICIES)),
        gl=_gl(raw.gl),
        rates=rates(raw.rates, file.name),
        grid=grid(raw.grid, file.name),
        commitments=commitments(raw.commitment, raw.accelerators, file.name),
    )


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file, decimals exact; InputError where it cannot be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: is not valid TOML: {error}") from error


def decode(struct: type[T], tables: dict[str, Any], where: str) -> T:
    """`tables` as a `struct`; InputError "WHERE: key.path: what is wrong" where they do not fit."""
    try:
        return msgspec.convert(tables, struct)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {_explain(str(error), struct)}") from error


def write_project(folder: Path, bigquery: BigQueryTable | None = None) -> Path:
    """Write chipledger.toml (its path is returned) and `policies/` into `folder`, made where missing.

    With `bigquery` these settings are in force in it.
    Raises InputError where a chipledger.toml stands already; it is never overwritten.
    """
    file = folder / FILE
    if file.exists():
        raise InputError(f"{file}: exists already; choose another folder")
    try:
        (folder / POLICIES).mkdir(parents=True, exist_ok=True)
        (folder / POLICIES / "README.md").write_text(_template("policies.md"), "utf-8")
        file.write_text(_settings(bigquery), "utf-8")
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{folder}: is not a folder; choose another one") from error
    except OSError as error:
        raise StoreError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return file


def _settings(bigquery: BigQueryTable | None) -> str:
    """The template; of `[bigquery]` the keys that say other than their default are in force."""
    text = _template(FILE)
    if bigquery is None:
        return text
    before, heading, after = text.partition("# [bigquery]\n")
    lines = after.splitlines(keepends=True)
    for number, info in enumerate(msgspec.structs.fields(BigQueryTable)):
        value = getattr(bigquery, info.name)
        if value != info.default:
            lines[number] = f"{info.name} = {json.dumps(value)}\n"
    return f"{before}{heading.removeprefix('# ')}{''.join(lines)}"


def _find(path: Path | None) -> Path:
    file = path or Path()
    if file.is_dir():
        file = file / FILE
    if not file.exists():
        raise InputError(f"{file.absolute()}: not found; run `chipledger init DIR`, or name the project with --config")
    return file


def _dated(folder: Path) -> list[tuple[str, DatedPolicy]]:
    files = sorted(folder.glob("*.toml"))
    return [
        (name, decode(DatedPolicy, read_toml(file), name)) for file in files for name in [f"{POLICIES}/{file.name}"]
    ]


def _zone(zone: str, provider: str) -> str:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(zone, zoneinfo.available_timezones(), n=1)
        remedy = f"did you mean {near[0]}?" if near else "write an IANA name such as Europe/Berlin"
        raise InputError(f"{FILE}: billing.{provider}.zone: {zone!r} is not a time zone; {remedy}") from error
    return zone


def _gl(table: GlTable) -> GlTable:
    for kind in table.by_kind:
        if kind not in NAMES:
            raise InputError(f"{FILE}: gl.by_kind.{kind}: is not a kind of charge; there are {', '.join(NAMES)}")
    return table


def _tolerant(table: BillingTable, provider: str) -> BillingTable:
    for key in ("tolerance", "tolerance_amount"):
        value = getattr(table, key)
        if not value.is_finite() or value < 0:
            raise InputError(f"{FILE}: billing.{provider}.{key}: {value} is not a tolerance; write 0 or more")
    for number, rule in enumerate(table.overhead, 1):
        if (rule.by is None) == (rule.team is None):
            raise InputError(f"{FILE}: billing.{provider}.overhead {number}: needs `by` or `team`, and not both")
    return table


def _explain(message: str, struct: type[Struct]) -> str:
    what, _, path = message.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").removeprefix(".")
    missing = re.search(r"missing required field `(.+)`", what)
    if missing is not None:
        return f"{'.'.join(filter(None, (key, missing[1])))}: is missing: add `{missing[1]} = …`"
    if what.startswith("Invalid enum value"):
        return f"{key}: {what.rpartition(' ')[2]} is not known: write one of {', '.join(_choices(key))}"
    if "matching regex" in what:
        return f"{key}: write {_SHAPES[key.rpartition('.')[2]]}"
    unknown = re.search(r"unknown field `(.+)`", what)
    if unknown is None:
        return f"{key}: {what}" if key else what
    here = ".".join(filter(None, (key, unknown[1])))
    near = difflib.get_close_matches(unknown[1], _keys(struct), n=1)
    return f"{here}: unknown key" + (f"; did you mean {near[0]}?" if near else "; remove it or correct its name")


def _choices(key: str) -> tuple[str, ...]:
    """What the key may be."""
    known = {"idle": IdleBearer, "unallocated": UnallocatedBearer, "by": OverheadBasis, "kind": CommitmentKind}
    return get_args(known[key.rpartition(".")[2]])


def _keys(struct: type[Struct]) -> list[str]:
    tables = (
        LakeTable,
        InboxTable,
        BigQueryTable,
        BillingTable,
        OverheadTable,
        PolicyKeys,
        GlTable,
        RatesTable,
        GridTable,
        CommitmentTable,
    )
    return [info.encode_name for part in (struct, *tables) for info in msgspec.structs.fields(part)]


def _template(name: str) -> str:
    return files("accounting").joinpath("templates", name).read_text("utf-8")
