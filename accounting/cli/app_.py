"""chipledger app."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path

import click

from accounting.cli import screen
from accounting.errors import InputError

PROJECT = "CHIPLEDGER_PROJECT"
PARTS = ("app", "streamlit")
LOCAL, PORT = "127.0.0.1", 8501


@click.command("app")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port to listen on.")
@click.option("--address", default=LOCAL, show_default=True, help="Address to listen on; others have no login.")
@click.option("--open/--no-open", "show", default=False, show_default=True, help="Open it in the browser.")
@click.pass_context
def command(ctx: click.Context, port: int, address: str, show: bool) -> None:
    """Serve the dashboard of the project: overview, idle waste, chargeback. Ctrl-C ends it.

    It shows what is published, and follows new publications on the next click. There is no login: on another address
    than 127.0.0.1 everybody who reaches the port sees everything.

    \b
    Examples:
      chipledger app
      chipledger --config mycluster app --port 8600 --open
    """
    check(port, address)
    serve(screen.place(ctx), port, address, show=show)


def check(port: int, address: str = LOCAL) -> None:
    """Raises `InputError` where a dashboard could not be served: a part is not installed, or the port is taken."""
    missing = [name for name in PARTS if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"{', '.join(missing)} not installed: install the server part with: pip install 'chipledger[server]'"
        )
    _check_port(address, port)


def serve(folder: Path | None, port: int, address: str = LOCAL, *, show: bool = False) -> None:
    """Becomes the server of the project in `folder`; does not return."""
    found = importlib.util.find_spec("app")
    assert found is not None
    assert found.origin is not None
    script = Path(found.origin).parent / "entry" / "serve.py"
    project = str((folder or Path()).absolute())
    environment = {**os.environ, PROJECT: project}  # noqa: TID251 - handed over to the server
    asked = ["--port", str(port), "--address", address, *(["--open"] if show else [])]
    os.execve(sys.executable, [sys.executable, "-P", str(script), *asked], environment)


def _check_port(address: str, port: int) -> None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except socket.gaierror as error:
        raise InputError(f"--address {address}: is not an address of this machine") from error
    except OSError as error:
        other = f"choose another with --port, such as --port {port % 65535 + 1}"
        raise InputError(f"{address}:{port} cannot be used ({error.strerror}): {other}") from error
