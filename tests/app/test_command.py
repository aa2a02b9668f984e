"""`chipledger app` as people start it: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from app.guard import announce
from tests.e2e.conftest import COMMAND, Server, environment


def refused(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_quietly(company: Path, number: signal.Signals) -> None:
    with Server(company) as server:
        assert server.process is not None
        with urllib.request.urlopen(f"{server.url}/_stcore/health") as answer:
            assert answer.status == 200
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        server.process.send_signal(number)
        out, err = server.process.communicate(timeout=20)

    assert (out, err) == ("", "")
    assert server.process.returncode in (0, -number)


def test_it_starts_anywhere_whatever_lies_there(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app.py", "streamlit.py", "sql.py"):
        (tmp_path / name).write_text("raise RuntimeError('a stranger')\n")
    monkeypatch.chdir(tmp_path)
    with Server(company) as server:
        assert announce(server.url)


def test_a_taken_port_is_one_line(company: Path) -> None:
    with Server(company) as server:
        line = refused("--config", str(company), "app", "--port", str(server.port))

    assert line == (
        f"error: 127.0.0.1:{server.port} cannot be used (Address already in use): "
        f"choose another with --port, such as --port {server.port + 1}\n"
    )


def test_an_address_of_another_machine_is_one_line(company: Path) -> None:
    line = refused("--config", str(company), "app", "--address", "192.0.2.1")

    assert line.startswith("error: 192.0.2.1:8501 cannot be used")
    assert line.count("\n") == 1


def test_nobody_answers() -> None:
    assert not announce("http://127.0.0.1:9", patience=0.2)
