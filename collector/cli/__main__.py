"""`python -m collector.cli` is `chipledger-agent`."""

from collector.cli import main

main()
