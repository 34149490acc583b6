"""The repacked picture has every pixel of the one before, however its rows were predicted."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from scripts.png import repacked

CHANNELS = 3


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows: bytes, width: int, height: int, colour_type: int = 2) -> bytes:
    """A PNG of rows that already have their filters, in two chunks of data and with a comment."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    packed = zlib.compress(rows)
    parts = (b"IHDR", header), (b"tEXt", b"Comment\0x"), (b"IDAT", packed[:9]), (b"IDAT", packed[9:]), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def filtered(pixels: np.ndarray, kinds: list[int]) -> bytes:
    """Rows of (H, W, 3) pixels, each less the prediction of its kind, by the specification's definitions."""
    padded = np.pad(pixels.astype(int), ((1, 0), (1, 0), (0, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    estimate = left + above - corner
    neighbours = np.stack([left, above, corner])
    nearest = np.abs(neighbours - estimate).argmin(axis=0)
    paeth = np.take_along_axis(neighbours, nearest[None], axis=0)[0]
    predictions = [np.zeros_like(left), left, above, (left + above) // 2, paeth]
    rows = [((pixels[y] - predictions[kind][y]) % 256).astype(np.uint8) for y, kind in enumerate(kinds)]
    return b"".join(bytes([kind]) + row.tobytes() for kind, row in zip(kinds, rows, strict=True))


def unfiltered_rows(picture: bytes, width: int, height: int) -> np.ndarray:
    """Filter numbers (H,) and pixels (H, W, 3) of a picture without prediction, read chunk by chunk."""
    at, body = 8, b""
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        name, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert picture[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(name + content))
        body += content if name == b"IDAT" else b""
        at += length + 12
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + CHANNELS * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, CHANNELS)


@pytest.mark.parametrize("first", range(5))
def test_every_pixel_survives_all_filters(first: int) -> None:
    height, width = 10, 7
    pixels = np.random.default_rng(first).integers(0, 256, (height, width, CHANNELS))
    kinds = [(first + y) % 5 for y in range(height)]
    found = repacked(png(filtered(pixels, kinds), width, height))
    np.testing.assert_array_equal(unfiltered_rows(found, width, height), pixels)


def test_a_flat_picture_gets_smaller_and_stays_so() -> None:
    pixels = np.full((40, 30, CHANNELS), 200)
    before = png(filtered(pixels, [4] * 40), 30, 40)
    once = repacked(before)
    assert len(once) < len(before)
    assert repacked(once) == once


def test_what_is_no_png_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a PNG"):
        repacked(b"GIF89a")


def test_transparency_is_refused() -> None:
    with pytest.raises(ValueError, match=r"without transparency.*got \(8, 6, 0, 0, 0\)"):
        repacked(png(bytes(5), 1, 1, colour_type=6))
