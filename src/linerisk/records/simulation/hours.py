"""Hour-of-day rhythms, local time: the distribution of calls over the day for each kind of life or work."""

from __future__ import annotations

import numpy as np

from linerisk.records.simulation.numbers import Floats, Ints

# Weight of each hour 0-23.
_WEIGHTS: dict[str, tuple[float, ...]] = {
    "life": (2, 1, 1, 1, 1, 2, 8, 20, 38, 52, 62, 60, 48, 40, 44, 48, 54, 66, 68, 56, 46, 34, 18, 7),
    "evening": (4, 2, 1, 1, 1, 1, 4, 12, 20, 26, 32, 42, 46, 30, 28, 30, 36, 54, 70, 80, 82, 70, 42, 15),
    "morning": (1, 1, 1, 2, 4, 12, 34, 62, 80, 84, 74, 54, 30, 20, 28, 40, 42, 38, 34, 26, 14, 5, 2, 1),
    "office": (0, 0, 0, 0, 0, 0, 1, 5, 30, 92, 100, 76, 22, 40, 88, 96, 90, 60, 22, 12, 7, 3, 1, 0),
    "courier": (0, 0, 0, 0, 0, 0, 2, 14, 50, 84, 100, 90, 52, 40, 66, 80, 86, 78, 60, 32, 14, 4, 1, 0),
    "driver": (10, 6, 4, 3, 3, 10, 36, 80, 90, 60, 42, 40, 44, 40, 38, 42, 56, 86, 88, 66, 56, 54, 44, 22),
    "shop": (0, 0, 0, 0, 0, 1, 4, 16, 44, 66, 70, 66, 50, 46, 52, 58, 60, 60, 56, 48, 38, 24, 8, 2),
    "meals": (0, 0, 0, 0, 0, 0, 1, 6, 20, 44, 90, 100, 60, 24, 16, 24, 68, 98, 80, 44, 20, 8, 3, 1),
    "seller": (2, 1, 0, 0, 0, 0, 2, 6, 22, 50, 70, 66, 44, 52, 66, 70, 66, 52, 50, 58, 62, 52, 26, 8),
    "dialler": (0, 0, 0, 0, 0, 0, 1, 6, 44, 92, 100, 66, 24, 62, 92, 94, 82, 52, 18, 14, 9, 4, 1, 0),
    "relay": (1, 0, 0, 0, 0, 0, 1, 6, 36, 78, 90, 74, 40, 56, 80, 84, 76, 62, 46, 38, 28, 14, 5, 2),
    "night": (60, 44, 28, 16, 8, 4, 4, 6, 10, 16, 20, 22, 22, 22, 24, 26, 30, 38, 48, 58, 66, 76, 84, 76),
    "any": (20, 14, 10, 8, 8, 10, 20, 36, 50, 60, 62, 60, 56, 56, 58, 60, 60, 60, 60, 56, 52, 46, 38, 28),
}

NAMES: tuple[str, ...] = tuple(_WEIGHTS)
_EDGES: Floats = np.arange(25, dtype=np.float64) * 3600.0
_CUMULATIVE: tuple[Floats, ...] = tuple(
    np.concatenate([[0.0], np.cumsum(weights) / np.sum(weights)]) for weights in _WEIGHTS.values()
)


def second_of_day(uniform: Floats, rhythm: Ints) -> Floats:
    """Seconds after local midnight, for numbers uniform in [0, 1) and indexes into `NAMES`."""
    seconds = np.empty_like(uniform)
    for index, cumulative in enumerate(_CUMULATIVE):
        chosen = rhythm == index
        seconds[chosen] = np.interp(uniform[chosen], cumulative, _EDGES)
    return seconds
