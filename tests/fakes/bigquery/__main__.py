"""Runs the server alone: `python -m tests.fakes.bigquery [--port N] [--grpc-port M]`."""

from __future__ import annotations

import argparse
import threading

from tests.fakes.bigquery.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.bigquery", description="BigQuery on loopback.")
    parser.add_argument("--port", type=int, default=0, help="of REST; 0: any free one")
    parser.add_argument("--grpc-port", type=int, default=0, help="of the Storage Read API; 0: any free one")
    arguments = parser.parse_args()
    with serve(arguments.port, arguments.grpc_port) as loopback:
        print(f"endpoint = {loopback.url}", f"storage_endpoint = {loopback.grpc}", sep="\n", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
