"""What can go wrong, as three exceptions.

    ChipledgerError          one line: what is wrong, where, what to do
    ├── InputError           the user's mistake: exit status 2
    ├── StoreError           the machine or the store: exit status 1
    └── Refused              a law would be broken, nothing was published: exit status 1

A bad *row* is data, not an exception: it goes to quarantine with a reason.
"""

from __future__ import annotations


class ChipledgerError(Exception):
    """Base of every error that is shown to people as one line."""

    exit_status = 1


class InputError(ChipledgerError):
    """A file, a mapping, a policy or an argument is wrong; the message names the place and the remedy."""

    exit_status = 2


class StoreError(ChipledgerError):
    """The store cannot be read or written: disk full, newer version, damaged catalog."""


class Refused(ChipledgerError):
    """A check failed on staged rows; the last published result stays up."""
