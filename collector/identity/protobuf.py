"""Fields of a protobuf message, without its schema."""

from __future__ import annotations

from collections.abc import Iterator


class Truncated(Exception):
    """Bytes that are no protobuf message, or only the beginning of one."""


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of the length-delimited fields (texts, messages) in their order; raises `Truncated`.

    Fields of other kinds are passed over, as are those that a newer server knows.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        start, at = _content(message, at, key & 7)
        if at > len(message):
            raise Truncated(f"field {key >> 3} ends behind the message")
        if key & 7 == 2:
            yield key >> 3, message[start:at]


def texts(message: bytes) -> dict[int, str]:
    """The last text of each field; raises `Truncated`."""
    return {number: content.decode("utf-8", "replace") for number, content in fields(message)}


def _content(message: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where a field's content begins and ends."""
    if kind == 0:
        return at, _varint(message, at)[1]
    if kind == 2:
        length, at = _varint(message, at)
        return at, at + length
    if kind in {1, 5}:
        return at, at + (8 if kind == 1 else 4)
    raise Truncated(f"no field is of kind {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise Truncated("cut off in a number")
        byte = message[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value, at
    raise Truncated("a number without end")
