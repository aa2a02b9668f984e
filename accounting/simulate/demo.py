"""The demo: a simulated company as a project, from nothing to published numbers and reports; safe to run again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from accounting import pipeline
from accounting.close import close
from accounting.config import FILE, POLICIES, load_config, write_project
from accounting.errors import InputError
from accounting.inbox import open_inbox
from accounting.ingest import Tally, ingest
from accounting.inputs.importing import Progress, import_file
from accounting.inputs.mapping import load_mapping
from accounting.project import Project, open_project
from accounting.reports import report
from accounting.simulate import answer, files
from accounting.simulate.bill import invoice
from accounting.simulate.company import DAY, HOUR
from accounting.simulate.demand import Window
from accounting.simulate.faults import Wrong
from accounting.simulate.objections import object_to
from accounting.simulate.promises import promises
from accounting.simulate.remote import collecting, truth
from accounting.simulate.remote.dispute import Dispute, dispute
from accounting.simulate.remote.story import Story, story
from accounting.simulate.shipping import INBOX, INBOX_LATE
from accounting.simulate.truth import REPRICED, middle
from accounting.simulate.world import LEAST_DEVICES, World, build
from accounting.stores.lake import Lake, now_ms

INPUTS = "inputs"
INBOXES = (INBOX, INBOX_LATE)
"""Below the inputs: what agents shipped before the first run, and before the second."""
REPORTS = "reports"
PLAN = "simulated.json"
LEAST_DAYS = 3
PROMISED = 2 * DAY
"""After the beginning, commitments begin."""

POLICY = """# From this month on, everybody who holds something in a pool bears its unallocated time, by what they hold.
from = {start}

[policy]
unallocated = "allocation"
"""

GRID = """
# Made up, as is the company.
[[grid]]
from = 2020-01-01
co2e_g_per_kwh = 420
pue = 1.25

[[grid]]
from = 2020-01-01
region = "us-central1"
co2e_g_per_kwh = 390
pue = 1.09

[[grid]]
from = {start}
region = "us-central1"
co2e_g_per_kwh = 365
pue = 1.08
"""


class Plan(msgspec.Struct, frozen=True):
    """What is simulated: at least `devices`, `days` days up to and with `until`, records of `interval` seconds.

    `built`: all of it stands already.
    """

    devices: int
    days: int
    until: date
    seed: int
    interval: int
    built: bool = False

    @property
    def first(self) -> date:
        return self.until - timedelta(days=self.days - 1)

    @property
    def spread_from(self) -> date:
        """The day on which the second policy begins."""
        return max(self.until.replace(day=1), self.first + timedelta(days=1))

    @property
    def window(self) -> Window:
        return Window(self.seed, _ms(self.first), _ms(self.until + timedelta(days=1)))


@dataclass(frozen=True, slots=True)
class Built:
    """A demo that was made: its project, what was ingested before each run, and what each run reported.

    `closed` says which months were closed between the runs, or why one was not.
    """

    project: Project
    tallies: tuple[Tally, ...]
    runs: tuple[pipeline.Report, ...]
    reports: tuple[Path, ...]
    closed: str


def checked(plan: Plan) -> Plan:
    """`plan` if it can be simulated; raises `InputError`."""
    if plan.devices < LEAST_DEVICES:
        raise InputError(f"--devices {plan.devices}: the company has at least {LEAST_DEVICES}")
    if plan.days < LEAST_DAYS:
        raise InputError(f"--days {plan.days}: simulate at least {LEAST_DAYS}")
    if plan.interval < 1:
        raise InputError(f"--interval {plan.interval}: write whole seconds, at least 1")
    return plan


@dataclass(frozen=True, slots=True)
class Remote:
    """What only APIs tell: of clusters, and wrongly of a device that an agent watches."""

    story: Story
    dispute: Dispute | None


def simulate(plan: Plan, folder: Path, progress: Progress, *, inputs: bool) -> list[files.Import]:
    """Writes the company's truth, and with `inputs` its files, into `folder`; returns what to import, in order.

    Segments of agents lie in the inboxes INBOXES of the inputs, one to ingest before a first run, and one after it.
    Clusters that only APIs tell of are left out: there is no file of them.
    """
    world = _world(plan, progress)
    bill = invoice(world)
    made: tuple[list[files.Import], Wrong] = ([], Wrong())
    if inputs:
        made = files.write(world, bill, folder / INPUTS, plan.interval * 1000, progress)
    progress("integrating the truth", None)
    answer.save(world, bill, plan.interval * 1000, made[1], plan.spread_from, folder, truth.nothing())
    return made[0]


def _simulate_all(plan: Plan, folder: Path, progress: Progress) -> tuple[list[files.Import], Remote, str]:
    """As `simulate` with inputs, what APIs tell beside them, and the settings that say what was promised."""
    world = _world(plan, progress)
    world = replace(world, promises=promises(world.places, plan.window.start + PROMISED))
    remote = Remote(story(plan.window, google=collecting.can_read_google()), dispute(world))
    bill = invoice(world, remote.story.units)
    imports, wrong = files.write(world, bill, folder / INPUTS, plan.interval * 1000, progress)
    progress("integrating the truth", None)
    disputed = (remote.dispute.end - remote.dispute.start) / HOUR if remote.dispute else 0
    told = truth.truth(remote.story, middle(world) + REPRICED)
    wrong = replace(wrong, disputed=disputed)
    answer.save(world, bill, plan.interval * 1000, wrong, plan.spread_from, folder, told)
    return imports, remote, world.promises.settings() if world.promises else ""


def _world(plan: Plan, progress: Progress) -> World:
    progress("simulating the company", None)
    return build(plan.window, plan.devices)


def existing(folder: Path) -> Plan | None:
    """The plan of the demo that stands in `folder`, or None; InputError where something else stands there."""
    if not (folder / FILE).exists():
        if (folder / answer.FOLDER).exists() and not (folder / PLAN).exists():
            raise InputError(f"{folder}: holds the files of `chipledger simulate`; choose another folder with --dir")
        return None
    if not (folder / PLAN).exists():
        raise InputError(f"{folder}: a project, but not a demo; choose another folder with --dir")
    return msgspec.json.decode((folder / PLAN).read_bytes(), type=Plan)


def build_demo(plan: Plan, folder: Path, progress: Progress) -> Built:
    """Makes the demo in `folder`; after a kill it goes on, and what was imported and published already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    _note(plan, folder)
    _settle(plan, folder)
    imports, remote, promised = _simulate_all(plan, folder, progress)
    project = _promise(folder, promised)
    runs, tallies, closed = [], [], ""
    for late, inbox in enumerate(INBOXES):
        for item in imports:
            if item.late == bool(late):
                _import(project, folder / INPUTS, item, progress)
        _collect(remote, collecting.Place(folder, folder / INPUTS / inbox), progress, late=bool(late))
        tallies.append(_ingest(project, folder / INPUTS / inbox, progress))
        runs.append(pipeline.run(project.config, None, None, progress))
        if not late:
            closed = _close(project, plan, progress)
            object_to(project, max(now_ms(), plan.window.end))
    progress("writing reports", None)
    reports = tuple(_reports(project, folder / REPORTS, progress))
    _note(msgspec.structs.replace(plan, built=True), folder)
    return Built(project, tuple(tallies), tuple(runs), reports, closed)


def _close(project: Project, plan: Plan, progress: Progress) -> str:
    """Closes the months that are over, before the late inputs come."""
    months = project.query("SELECT month FROM periods WHERE state = 'open' ORDER BY month")["month"].to_list()
    said: list[str] = []
    for month in (one for one in months if one < f"{plan.until:%Y-%m}"):
        try:
            closed = close(project, month, max(now_ms(), plan.window.end), progress)
        except InputError as error:
            return ", ".join([*said, f"{month} stays open: {error}"])
        said.append(f"{month} closed, statements {closed.first} to {closed.last}")
    return ", ".join(said)


def _collect(remote: Remote, place: collecting.Place, progress: Progress, *, late: bool) -> None:
    progress("collecting what APIs tell", None)
    if late:
        collecting.collect_late(remote.story, place)
    else:
        collecting.collect(remote.story, remote.dispute, place)


def _note(plan: Plan, folder: Path) -> None:
    (folder / PLAN).write_bytes(msgspec.json.encode(plan))


def _settle(plan: Plan, folder: Path) -> None:
    """Settings, policies and an empty lake."""
    if not (folder / FILE).exists():
        file = write_project(folder)
        with file.open("a", encoding="utf-8") as settings:
            settings.write(GRID.format(start=plan.spread_from))
        Lake.create(load_config(file).lake)
    start = plan.spread_from
    (folder / POLICIES / f"{start}.toml").write_text(POLICY.format(start=start), "utf-8")


def _promise(folder: Path, promised: str) -> Project:
    file = folder / FILE
    text = file.read_text("utf-8")
    if promised not in text:
        file.write_text(text + promised, "utf-8")
    return open_project(folder)


def _import(project: Project, folder: Path, item: files.Import, progress: Progress) -> None:
    if item.source and any(one.file == item.file for one in project.lake.imports()):
        return  # a later version may have taken its place
    mapping = load_mapping(folder / item.mapping)
    import_file(
        project.lake,
        item.kind,
        folder / item.file,
        mapping,
        now=now_ms(),
        source=item.source,
        strict=True,
        progress=progress,
    )


def _ingest(project: Project, inbox: Path, progress: Progress) -> Tally:
    return ingest(project.lake, open_inbox(inbox.name, inbox.parent), now_ms(), progress=progress)


def _reports(project: Project, out: Path, progress: Progress) -> list[Path]:
    """Every format that has a way to say what each month holds; of the last month also each team's statement."""
    months = project.query(
        "SELECT month, COUNT(*) - COUNT(cost) AS unpriced FROM charges GROUP BY month ORDER BY month"
    )
    written = []
    for month, unpriced in months.iter_rows():
        wanted = [one for one in report.FORMATS if not (unpriced and one in report.PRICED)]
        written += report.write(project, month, None, wanted, out, now_ms(), progress=progress).files
    last = months["month"].item(-1)
    written += report.write(project, last, None, ("pdf",), out, now_ms(), each=True, progress=progress).files
    return sorted({path for path, _ in written})


def day_before(now: int) -> date:
    """The last whole day (UTC) before an instant in ms."""
    return datetime.fromtimestamp(now / 1000, UTC).date() - timedelta(days=1)


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
