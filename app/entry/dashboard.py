"""The script of the dashboard: one run for each look at a page."""

from app.shell import main

main()
