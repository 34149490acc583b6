"""Repack the PNG of a screenshot: the same pixels in fewer bytes.

A browser compresses its screenshots fast, and predicts each pixel from its neighbours. A page of text, flat colours and
heatmaps compresses better without prediction: zlib finds the repetitions by itself.

Source: PNG specification (third edition), section 9 (filtering) and section 10 (compression).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# 8 bits for each of red, green and blue; the usual compression and filtering; no interlacing.
TRUE_COLOUR = (8, 2, 0, 0, 0)
CHANNELS = 3


def repacked(png: bytes) -> bytes:
    """Return the same picture in fewer bytes, without comments and other metadata.

    Args:
        png: of true colour, 8 bits a channel, without transparency.

    Raises:
        ValueError: it is not such a picture.
    """
    if not png.startswith(SIGNATURE):
        raise ValueError("the picture must be a PNG; got something else")
    chunks = list(_chunks(png))
    header = chunks[0][1]
    width, height, *form = struct.unpack(">IIBBBBB", header)
    if tuple(form) != TRUE_COLOUR:
        raise ValueError(f"the picture must be of true colour without transparency, {TRUE_COLOUR}; got {tuple(form)}")
    packed = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    rows = _unfiltered(packed, CHANNELS * width, height)
    harder = zlib.compressobj(level=9, memLevel=9)
    body = harder.compress(b"".join(b"\0" + row for row in rows)) + harder.flush()
    return SIGNATURE + b"".join(_chunk(*part) for part in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _unfiltered(packed: bytes, row_length: int, height: int) -> Iterator[bytes]:
    """The bytes of each row, from what is left of them when their prediction is taken away."""
    above = bytes(row_length)
    for start in range(0, height * (row_length + 1), row_length + 1):
        predict = PREDICTIONS[packed[start]]
        # Before the first pixel there is a black one.
        row, up = bytearray(CHANNELS), bytes(CHANNELS) + above
        for i, rest in enumerate(packed[start + 1 : start + 1 + row_length]):
            row.append((rest + predict(row[i], up[i + CHANNELS], up[i])) & 255)
        above = bytes(row[CHANNELS:])
        yield above


def _paeth(left: int, above: int, corner: int) -> int:
    """The neighbour nearest to left + above - corner; in a draw, the first of these."""
    to_left, to_above = abs(above - corner), abs(left - corner)
    to_corner = abs(left + above - 2 * corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


# By the number that stands before each row.
PREDICTIONS: tuple[Callable[[int, int, int], int], ...] = (
    lambda left, above, corner: 0,
    lambda left, above, corner: left,
    lambda left, above, corner: above,
    lambda left, above, corner: (left + above) // 2,
    _paeth,
)
