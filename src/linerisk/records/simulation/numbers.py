"""Number plan: one integer encodes area, kind and block of a number; output ids are permuted forms of it.

Area `a` owns the numbers [a, a + 1) x `SPAN`; parts of that range are mobiles, the operator's own lines, privacy
numbers of platforms, and fixed lines. Services and foreign numbers own ranges after the last area.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from linerisk.records.simulation import areas

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SPAN = 10**9
OWN_FROM, _VIRTUAL, _FIXED = 600_000_000, 700_000_000, 800_000_000
_VIRTUAL_POOL = 20_000
SERVICE = len(areas.CODES) * SPAN
FOREIGN = SERVICE + SPAN
SHORT_CODE = FOREIGN + SPAN
EMERGENCY = SHORT_CODE + SPAN

KINDS = ("mobile", "fixed", "virtual", "service", "international", "short_code", "emergency")
_DIGITS = 12
_MASK = np.uint64(2**48 - 1)
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_HEX = np.frombuffer(b"".join(b"%02x" % octet for octet in range(256)), dtype=np.uint16)
"""The two hexadecimal digits of every octet, as stored in memory."""


def scramble(values: Ints, salt: int) -> npt.NDArray[np.uint64]:
    """A deterministic 64-bit hash (splitmix64) of values and a salt."""
    start = (salt * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
    mixed = values.astype(np.uint64) + np.uint64(start)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def uniform(values: npt.NDArray[np.int64], salt: int) -> Floats:
    """`scramble` as numbers uniform in [0, 1)."""
    return (scramble(values, salt) >> np.uint64(11)).astype(np.float64) / 2.0**53


def happens(share: float | Floats, size: int, rng: np.random.Generator) -> Flags:
    """Draw True with this probability for each of `size` elements."""
    return np.asarray(rng.random(size) < share)


def among(share: float, values: Ints, salt: int) -> Flags:
    """Whether each value is in a fixed pseudo-random share of all values."""
    return np.asarray(uniform(values, salt) < share)


def mobiles(area: Ints, rng: np.random.Generator) -> Ints:
    """Random mobile numbers of the areas."""
    return area * SPAN + rng.integers(0, OWN_FROM, len(area))


def fixed(area: Ints, rng: np.random.Generator) -> Ints:
    """Random fixed lines of the areas."""
    return area * SPAN + rng.integers(_FIXED, SPAN, len(area))


def virtual(area: Ints, rng: np.random.Generator) -> Ints:
    """Random privacy numbers of the areas, from small pools, so they recur."""
    return area * SPAN + _VIRTUAL + rng.integers(0, _VIRTUAL_POOL, len(area))


def own_lines(area: Ints, index: Ints) -> Ints:
    """Numbers of the operator's own lines, one per line index."""
    return area * SPAN + OWN_FROM + index


def area_of(number: Ints) -> Ints:
    """Index of the number's home area; -1 for services, short codes and foreign numbers."""
    return np.where(number < SERVICE, number // SPAN, -1)


def kind_of(number: Ints) -> Ints:
    """Index into `KINDS`."""
    span = number // SPAN
    within = number - span * SPAN
    domestic = np.asarray([0, 2, 1])[(within >= _VIRTUAL).astype(np.int64) + (within >= _FIXED)]
    return np.where(number < SERVICE, domestic, 3 + np.minimum(span - SERVICE // SPAN, 3))


def permute(values: Ints, seed: int) -> npt.NDArray[np.uint64]:
    """A permutation of the 48-bit integers: distinct numbers stay distinct, and no digit of the number is visible."""
    mixed = (values.astype(np.uint64) ^ scramble(np.asarray([seed % 2**62]), 1)) & _MASK
    for multiplier in _MULTIPLIERS:
        mixed = (mixed * multiplier) & _MASK
        mixed ^= mixed >> np.uint64(23)
    return mixed


def as_text(values: npt.NDArray[np.uint64]) -> pl.Series:
    """Twelve hexadecimal digits per 48-bit integer."""
    octets = values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    digits = _HEX[octets]
    offsets = np.arange(0, _DIGITS * (len(values) + 1), _DIGITS, dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digits)]
    return pl.Series(pa.LargeStringArray.from_buffers(len(values), buffers[1], buffers[2]))


def id_text(numbers: Ints, seed: int) -> pl.Series:
    """The pseudonymous ids of numbers."""
    return as_text(permute(numbers, seed))
