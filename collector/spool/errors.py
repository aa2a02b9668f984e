"""What an append can meet, and what the caller does then."""

from __future__ import annotations


class SpoolError(Exception):
    """Any of the errors below; the message is one line for people."""


class Locked(SpoolError):
    """Another agent writes to this folder: nothing was opened."""


class Full(SpoolError):
    """The batch was not written and cannot be: even the last step of the ladder leaves no room within the bound."""


class Uncertain(SpoolError):
    """Whether the batch is on disk is unknown; where it may be, a new stream has begun.

    Make the batch anew, with the names of the new segment, and append it again: records have keys of their own.
    """
