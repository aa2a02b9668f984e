"""The agent's command line, one file per command; commands are loaded when they are asked for."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import click

from collector.config import Config, Misconfigured, load

COMMANDS = ("run", "once", "doctor")


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"collector.cli.{cmd_name}_")
        command: click.Command = module.command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: chipledger-agent doctor",
)
@click.version_option(package_name="chipledger", prog_name="chipledger-agent")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration (default: /etc/chipledger/agent.toml, where it is there).",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One key, such as node.pool=a100.")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, settings: tuple[str, ...], traceback: bool) -> None:
    """Writes down what this node's accelerators do and who holds them, and sends it to an inbox.

    Every key of the configuration has a default; without any the agent reads all devices and keeps what it finds in
    /var/lib/chipledger.
    """
    ctx.obj = load(config, settings)


def configured(ctx: click.Context) -> Config:
    """What `--config` and `--set` say."""
    found: Config = ctx.find_root().obj
    return found


def main() -> None:
    """The console script: errors are one line; exit status 2 for the user's mistakes, 1 for ours."""
    debug = "--traceback" in sys.argv
    try:
        sys.exit(cli(prog_name="chipledger-agent", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _show(error, error.format_message().rstrip("."), debug)
        sys.exit(error.exit_code)
    except Misconfigured as error:
        _show(error, str(error), debug)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is one line too
        _show(error, f"{type(error).__name__}: {error}", debug)
        sys.exit(1)


def _show(error: Exception, line: str, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    click.echo(f"error: {' '.join(line.split())}", err=True)
