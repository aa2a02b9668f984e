"""What commands print: progress over two seconds, hours, money, tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from accounting.project import Project, open_project

PATIENCE_SECONDS = 2.0


def place(ctx: click.Context) -> Path | None:
    """What `--config` names; None: the current folder."""
    found: Path | None = ctx.find_root().obj
    return found


def project(ctx: click.Context) -> Project:
    """The project that `--config` or the current folder names."""
    return open_project(place(ctx))


@contextmanager
def progress() -> Iterator[Callable[[str, float | None], None]]:
    """A progress bar on standard error that appears only where a person waits longer than two seconds."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("", total=None)
    began = time.monotonic()

    def tell(text: str, done: float | None) -> None:
        bar.update(task, description=text, completed=(done or 0) * 100, total=None if done is None else 100)
        if console.is_terminal and not bar.live.is_started and time.monotonic() - began > PATIENCE_SECONDS:
            bar.start()

    try:
        yield tell
    finally:
        if bar.live.is_started:  # stopping a bar that never showed would print an empty line
            bar.stop()


def hours(seconds: Decimal | None) -> str:
    """Seconds as hours, three decimals, thousands grouped."""
    return "-" if seconds is None else f"{Decimal(seconds) / 3600:,.3f}"


def residual(seconds: Decimal, cost: Decimal) -> str:
    """What a run lost or made, with all digits that say something."""
    return f"residual: {seconds.normalize():f} accelerator-seconds, {cost.normalize():f} cost"


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount for people, to the cent; nothing is NULL, not 0."""
    return "-" if amount is None else f"{amount:,.2f} {currency or ''}".rstrip()


def total(cost: Decimal | None, currency: str | None, unpriced_seconds: Decimal | None) -> str:
    """A sum of costs, and the hours that it leaves out."""
    left_out = f" + {hours(unpriced_seconds)} unpriced hours" if unpriced_seconds else ""
    return money(cost, currency) + left_out


def instant(ms: int) -> str:
    """Milliseconds since the epoch as UTC."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def size(count: int) -> str:
    """Bytes in a unit that suits them: 999 B, 1.0 kB, 12.3 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.1f} {unit}" if unit != "B" else f"{count} B"


def age(ms: int) -> str:
    """A span of time in its two largest units; `in the future` where it is negative."""
    if ms < 0:
        return "in the future"
    minutes = ms // 60_000
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> None:
    """A table on standard output; columns numbered in `right` are numbers."""
    grid = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for i, name in enumerate(columns):
        grid.add_column(name, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("-" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(grid)
