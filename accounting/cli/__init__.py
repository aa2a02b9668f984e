"""The command line, one file per command; commands are loaded when they are asked for."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import click

from accounting.errors import ChipledgerError

COMMANDS = (
    "init",
    "import",
    "imports",
    "prices",
    "ingest",
    "run",
    "copy",
    "check",
    "query",
    "explain",
    "status",
    "owners",
    "doctor",
    "close",
    "reopen",
    "dispute",
    "resolve",
    "verify",
    "report",
    "app",
    "demo",
    "simulate",
    "judge",
)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"accounting.cli.{cmd_name}_")
        command: click.Command = module.command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: chipledger init mycluster",
)
@click.version_option(package_name="chipledger", prog_name="chipledger")
@click.option(
    "--config", type=click.Path(path_type=Path), help="chipledger.toml, or its folder (default: the current folder)."
)
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, traceback: bool) -> None:
    """Cost and utilization accounting for GPUs and TPUs.

    Import what you have (job logs, capacity, prices, teams, samples), run, and ask in SQL who held every
    accelerator-second, what it did, what it cost, and who bears it.
    """
    ctx.obj = config


def main() -> None:
    """The console script: errors are one line; exit status 2 for the user's mistakes, 1 for ours."""
    debug = "--traceback" in sys.argv
    try:
        cli(prog_name="chipledger", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _show(error, f"{error.format_message().rstrip('.')}{_hint(error)}", debug)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("aborted: nothing that was not finished counts; run it again", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except ChipledgerError as error:
        _show(error, str(error), debug)
        sys.exit(error.exit_status)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is one line too, and never half a publication
        _show(error, f"internal error, please report it: {type(error).__name__}: {error}", debug)
        sys.exit(1)


def _show(error: Exception, line: str, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    click.echo(f"error: {' '.join(line.split())}", err=True)


def _hint(error: click.ClickException) -> str:
    """Where to read on after a wrong argument."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"; see: {context.command_path} --help" if context else ""
