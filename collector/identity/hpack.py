"""Header blocks of HTTP/2 (HPACK, RFC 7541): what a gRPC client of few requests needs.

Headers are sent as literals that nobody stores. What a server sends may use both tables and the Huffman code.
"""

from __future__ import annotations

from collections import deque

_WORDS = """
:authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https :status=200 :status=204
:status=206 :status=304 :status=400 :status=404 :status=500 accept-charset accept-encoding=gzip,deflate
accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
content-disposition content-encoding content-language content-length content-location content-range content-type
cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since
last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh
retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate
"""
_STATIC = [(name, value.replace(",", ", ")) for name, _, value in (word.partition("=") for word in _WORDS.split())]
_TABLE_BYTES = 4096
_ENTRY_BYTES = 32

# The code is canonical (ordered by length, then by symbol), so that the lengths say it all: A is 5 bits, Z is 30.
_LENGTHS = (
    "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABA"
    "BABBBACCBBBABCBAABCCCCCKGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRSVVPORSRU"
    "VVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ"
)


class Damaged(Exception):
    """A header block that does not follow RFC 7541."""


def _codes() -> dict[tuple[int, int], int]:
    codes: dict[tuple[int, int], int] = {}
    code = length = 0
    for symbol, letter in sorted(enumerate(_LENGTHS), key=lambda item: (item[1], item[0])):
        bits = ord(letter) - 60
        code <<= bits - length
        codes[bits, code] = symbol
        code, length = code + 1, bits
    return codes


_CODES = _codes()


def huffman_decoded(data: bytes) -> bytes:
    """The text that was Huffman-coded; raises `Damaged`."""
    text = bytearray()
    code = bits = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, bits = code << 1 | byte >> shift & 1, bits + 1
            symbol = _CODES.get((bits, code))
            if symbol is None:
                continue
            if symbol > 255:
                raise Damaged("the end of a string inside of it")
            text.append(symbol)
            code = bits = 0
    # What is left pads the last byte with the first bits of the end's code, all ones.
    if bits > 7 or code != (1 << bits) - 1:
        raise Damaged("a string with odd padding")
    return bytes(text)


def encoded(headers: list[tuple[str, str]]) -> bytes:
    """A header block of literals."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in headers)


def _string(text: str) -> bytes:
    data = text.encode()
    return _integer(len(data)) + data


def _integer(value: int) -> bytes:
    """An integer with a prefix of seven bits."""
    if value < 127:
        return bytes((value,))
    value, out = value - 127, bytearray((127,))
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes((value,))


class Decoder:
    """Decodes the header blocks of one connection, in their order."""

    def __init__(self) -> None:
        self._dynamic: deque[tuple[str, str]] = deque()
        self._limit = _TABLE_BYTES
        self._block = b""
        self._at = 0

    def decoded(self, block: bytes) -> list[tuple[str, str]]:
        """The headers of a block; raises `Damaged`."""
        self._block, self._at = block, 0
        headers: list[tuple[str, str]] = []
        while self._at < len(block):
            first = block[self._at]
            if first & 0x80:
                headers.append(self._entry(self._number(7)))
            elif first & 0xE0 == 0x20:
                self._resize(self._number(5))
            else:
                headers.append(self._literal(first & 0x40 != 0))
        return headers

    def _literal(self, stored: bool) -> tuple[str, str]:
        index = self._number(6 if stored else 4)
        name = self._entry(index)[0] if index else self._text()
        header = (name, self._text())
        if stored:
            self._dynamic.appendleft(header)
            self._evict()
        return header

    def _entry(self, index: int) -> tuple[str, str]:
        if 1 <= index <= len(_STATIC):
            return _STATIC[index - 1]
        if not 0 <= index - len(_STATIC) - 1 < len(self._dynamic):
            raise Damaged(f"no header {index}")
        return self._dynamic[index - len(_STATIC) - 1]

    def _resize(self, limit: int) -> None:
        if limit > _TABLE_BYTES:
            raise Damaged(f"a table of {limit} bytes")
        self._limit = limit
        self._evict()

    def _evict(self) -> None:
        while sum(len(name) + len(value) + _ENTRY_BYTES for name, value in self._dynamic) > self._limit:
            self._dynamic.pop()

    def _number(self, prefix: int) -> int:
        value = self._byte() & ((1 << prefix) - 1)
        if value < (1 << prefix) - 1:
            return value
        for shift in range(0, 35, 7):
            byte = self._byte()
            value += (byte & 127) << shift
            if byte < 128:
                return value
        raise Damaged("a number without end")

    def _byte(self) -> int:
        if self._at >= len(self._block):
            raise Damaged("cut off")
        self._at += 1
        return self._block[self._at - 1]

    def _text(self) -> str:
        coded = self._at < len(self._block) and self._block[self._at] & 0x80 != 0
        length = self._number(7)
        data = self._block[self._at : self._at + length]
        if len(data) < length:
            raise Damaged("cut off in a string")
        self._at += length
        return (huffman_decoded(data) if coded else data).decode("latin-1")
