"""The head of a stream, in whatever pieces it comes."""

import time

import pytest

from bucket_failover.transport.reading import DecodedHead, Reading
from tests.support.scripted import DELTA, ERROR_EVENT, START


def read(*pieces: bytes) -> tuple[str, int]:
    """What is found, and after how many bytes."""
    head = DecodedHead("")
    reading = Reading(head.has_begun)
    for piece in pieces:
        if reading.take(piece):
            break
    return reading.found, reading.size


def in_bytes(text: bytes) -> list[bytes]:
    """One by one."""
    return [text[at : at + 1] for at in range(len(text))]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(("event", "found"), [(ERROR_EVENT, "error"), (DELTA, "output")])
def test_byte_by_byte(end: bytes, event: bytes, found: str) -> None:
    """The first telling event is found with its end, however lines end."""
    told = (b": a comment\n\n" + START + event).replace(b"\n", end)
    of_one = read(told + DELTA)
    assert of_one[0] == found
    assert read(*in_bytes(told + DELTA))[0] == found
    assert len(told) - 1 <= read(*in_bytes(told + DELTA))[1] <= len(told)


@pytest.mark.parametrize("part", [b": ping\n\n", b"data: x\n", b"x" * 8, START])
def test_a_long_head_takes_no_long_time(part: bytes) -> None:
    """Byte by byte, up to the limit: each event is read once."""
    began = time.process_time()
    assert read(*in_bytes(part * 9_000)) == ("output", 65_536)
    assert time.process_time() - began < 5.0
