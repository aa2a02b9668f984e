"""Header blocks: the examples of RFC 7541, and all that a damaged one may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity.hpack import Damaged, Decoder, encoded, huffman_decoded

# RFC 7541, C.6: three answers on one connection, Huffman-coded, with a table of 256 bytes (the first three octets).
FIRST = (
    "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"
)
SECOND = "4883640effc1c0bf"
THIRD = (
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f36"
    "72c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
)
COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"


def test_the_answers_of_the_rfc_are_read() -> None:
    decoder = Decoder()
    common = [
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ]

    assert decoder.decoded(bytes.fromhex(FIRST)) == [(":status", "302"), *common]
    assert decoder.decoded(bytes.fromhex(SECOND)) == [(":status", "307"), *common]
    assert decoder.decoded(bytes.fromhex(THIRD)) == [
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", COOKIE),
    ]


def test_an_entry_that_was_evicted_is_not_there() -> None:
    decoder = Decoder()
    for block in (FIRST, SECOND, THIRD):
        decoder.decoded(bytes.fromhex(block))

    with pytest.raises(Damaged, match="no header 65"):
        decoder.decoded(b"\xc1")


def test_what_is_sent_can_be_read() -> None:
    headers = [("te", "trailers"), ("long", "x" * 500), ("empty", "")]

    assert Decoder().decoded(encoded(headers)) == headers


@pytest.mark.parametrize("block", ["80", "ff", "ffffffffffff", "3fe2ff03", "00", "0005616263", "008200", "0001610582"])
def test_damaged_blocks_say_so(block: str) -> None:
    with pytest.raises(Damaged):
        Decoder().decoded(bytes.fromhex(block))


@given(st.binary(max_size=60))
def test_any_bytes_are_headers_or_damaged(block: bytes) -> None:
    try:
        headers = Decoder().decoded(block)
    except Damaged:
        return
    assert all(isinstance(name, str) for name, _ in headers)


def test_padding_is_the_beginning_of_the_end() -> None:
    assert huffman_decoded(bytes.fromhex("64 02")) == b"302"
    with pytest.raises(Damaged, match="padding"):
        huffman_decoded(bytes.fromhex("64"))
    with pytest.raises(Damaged, match="end of a string"):
        huffman_decoded(b"\xff\xff\xff\xff")
