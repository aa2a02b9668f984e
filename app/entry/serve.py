"""The server: everything heavy is imported and the project opened before it listens. `chipledger app` starts it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import webbrowser
from pathlib import Path

from starlette.middleware import Middleware

from app.guard import Headers, announce
from app.warmup import warm

HERE = Path(__file__).parent


def main() -> None:
    """Serves until it is interrupted; exit status 0 then."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--address", required=True)
    arguments.add_argument("--open", action="store_true")
    asked = arguments.parse_args()
    warm()
    import streamlit

    url = f"http://{asked.address}:{asked.port}"
    seen = threading.Thread(target=_say, args=(url, asked.open), daemon=True)
    seen.start()
    app = streamlit.App(HERE / "dashboard.py", middleware=[Middleware(Headers)])
    own = {"127.0.0.1": ["127.0.0.1", "localhost"]}.get(asked.address)
    options = {"server.port": asked.port, "server.address": asked.address}
    with contextlib.suppress(KeyboardInterrupt):
        app.run(config=options if own is None else {**options, "server.allowedHosts": own})
    _leave()


def _leave() -> None:
    """Ends without taking down the interpreter: a page that is still asked for holds DuckDB, which would complain."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _say(url: str, show: bool) -> None:
    if announce(url):
        sys.stdout.write(f"dashboard: {url}  (Ctrl-C ends it)\n")
        sys.stdout.flush()
        if show:
            webbrowser.open(url)


if __name__ == "__main__":
    main()
