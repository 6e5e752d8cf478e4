"""Areas, cells and handsets of legs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation.activity_streams import HANDSETS, PLACES, Streams
from linerisk.records.simulation.call_legs import DAY_US, Legs
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.personas import LEGAL
from linerisk.records.simulation.population import NAMES, Population

CELLS_AN_AREA = 10_000
MODELS = (900, 60, 40)
"""Numbers of distinct models of smart phones, feature phones and modules."""

_LINES_A_CELL = 45
_FEWEST_CELLS = 40
_FOREIGN_CELLS = 80
_TRIPS_A_DAY = 1 / 70
_TRAVELLERS_TRIPS_A_DAY = 1 / 12
_HANDSET_DAYS = 900.0
_CHANNELS = 12
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Locations:
    """Area and cell of every leg, and its device. `cell` is unique over areas; `model` indexes the device's class."""

    area: Ints
    cell: Ints
    device: Ints
    model: Ints


def daily_areas(people: Population, *, days: int, rng: np.random.Generator) -> Ints:
    """Area of each line on each day: home except for trips, some of them to the hometown. Shape (lines, days)."""
    size = len(people)
    where = np.repeat(people.home[:, None], days, axis=1)
    often = np.isin(people.host, [NAMES.index(name) for name in ("traveller", "salesperson", "drive")])
    trips = rng.poisson(np.where(often, _TRAVELLERS_TRIPS_A_DAY, _TRIPS_A_DAY) * days, size)
    still = np.isin(people.host, [NAMES.index(name) for name in ("machine", "idle", "reception")])
    trips[still] = 0
    line = np.repeat(np.arange(size), trips)
    start = rng.integers(0, days, len(line))
    length = 1 + np.floor(rng.exponential(3.0, len(line))).astype(np.int64).clip(0, 20)
    nearby, homebound = numbers.happens(0.35, len(line), rng), numbers.happens(0.54, len(line), rng)
    near = rng.choice(np.asarray([*areas.NEIGHBOURS, areas.HOME]), len(line))
    area = np.select([nearby, homebound], [near, people.hometown[line]], areas.area_at(rng.random(len(line))))
    step = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    day = np.repeat(start, length) + step
    within = day < days
    where[np.repeat(line, length)[within], day[within]] = np.repeat(area, length)[within]
    return where


def _life_cells(people: Population, legs: Legs, area: Ints, rng: np.random.Generator) -> Ints:
    """Rank of the place among the line's places: 0 home, 1 work, then others; one of four places when away."""
    size = len(legs)
    count = np.asarray([persona.cells for persona in LEGAL] + [1])[people.host][legs.line]
    hour = (legs.at % DAY_US) / 3.6e9
    working = (hour > 8.5) & (hour < 18.0) & ((legs.at // DAY_US) % 7 < 5)  # noqa: PLR2004
    draw, other = rng.random(size), 2 + np.floor((count + 4) * rng.random(size) ** 1.5).astype(np.int64)
    usual = np.where(working, 1, 0)
    rank = np.where(draw < 0.72, usual, np.where(draw < 0.84, 1 - usual, other))  # noqa: PLR2004
    rank = np.where(count == 1, np.where(draw < 0.97, 0, other), rank)  # noqa: PLR2004
    away = area != people.home[legs.line]
    return np.where(away, np.floor(4.0 * draw).astype(np.int64), rank)


def _cell_number(seed: Ints, area: Ints, lines: int) -> Ints:
    """Map seeds to cells of the area; some cells are far busier than others."""
    at_home = np.isin(area, [areas.HOME])
    count = np.where(at_home, max(_FEWEST_CELLS, lines // _LINES_A_CELL), _FOREIGN_CELLS)
    count = np.minimum(count, CELLS_AN_AREA)
    return area * CELLS_AN_AREA + np.floor(count * numbers.uniform(seed, 41) ** 1.5).astype(np.int64)


def assign_locations(
    people: Population, streams: Streams, legs: Legs, where: Ints, *, lines: int, first: int, rng: np.random.Generator
) -> Locations:
    """Assign an area, a cell and a handset to every leg.

    Args:
        people: The lines of the chunk.
        streams: Their streams.
        legs: Their legs.
        where: From `daily_areas`.
        lines: Lines of the whole simulation; they determine the number of cells.
        first: Index of the chunk's first line.
        rng: Randomness.
    """
    stream, line = legs.stream, legs.line
    day = np.clip(legs.at // DAY_US, 0, where.shape[1] - 1)
    place = streams.place[stream]
    fixed_area = np.where(streams.area[stream] >= 0, streams.area[stream], people.home[line])
    area = np.where(place == PLACES.index("life"), where[line, day], fixed_area)
    away = (area != people.home[line]) & (place == PLACES.index("life"))
    seed = ((first + line) * CELLS_AN_AREA + np.where(away, area + 500, 0)) * 64
    seed += _life_cells(people, legs, area, rng)
    rounds = (first + line) * CELLS_AN_AREA * 64 + 7 + np.floor(18 * rng.random(len(legs)) ** 1.4).astype(np.int64)
    lodging = streams.anchor[stream] * 64 + 1 + day // (1 + streams.anchor[stream] % 3)
    seed = np.where(place == PLACES.index("roam"), rounds, seed)
    seed = np.where(place == PLACES.index("hotel"), lodging, seed)
    seed = np.where(place == PLACES.index("one"), streams.anchor[stream] * 64, seed)
    device, model = _handsets(people, streams, legs, first, rng)
    return Locations(area=area, cell=_cell_number(seed, area, lines), device=device, model=model)


def _own_handset(people: Population, legs: Legs, first: int, rng: np.random.Generator) -> Ints:
    """The line's own handset, its successor after a change, or the second handset that some lines have."""
    size = len(people)
    index = first + np.arange(size)
    changed = (numbers.uniform(index, 51) * _HANDSET_DAYS * DAY_US).astype(np.int64)
    era = legs.at > changed[legs.line]
    second: Flags = numbers.among(0.07, index, 52)[legs.line] & numbers.happens(0.3, len(legs), rng)
    # A dual-SIM phone: two lines of a holder have one device.
    with_last = np.zeros(size, dtype=np.bool_)
    with_last[1:] = people.holder[1:] == people.holder[:-1]
    with_last &= numbers.among(0.4, index, 53)
    owner = np.where(with_last, index - 1, index)
    era &= ~with_last[legs.line]
    return owner[legs.line] * 4 + np.where(second, 2, era.astype(np.int64))


def _handsets(
    people: Population, streams: Streams, legs: Legs, first: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    device = _own_handset(people, legs, first, rng)
    kind = people.device_class[legs.line]
    # A box rotates its cards over its channels.
    boxed = np.flatnonzero(streams.handset[legs.stream] == HANDSETS.index("box"))
    anchor, line, at = streams.anchor[legs.stream[boxed]], first + legs.line[boxed], legs.at[boxed]
    turn = at // ((6 + 30 * (anchor % 5)) * _HOUR_US)
    channel = numbers.scramble(line * 997 + turn, 54) % np.uint64(_CHANNELS)
    device[boxed] = anchor * 16 + channel.astype(np.int64) + (1 << 50)
    kind[boxed] = np.where(numbers.among(0.6, anchor, 56), 0, 2)
    # Other frauds rotate a few handsets.
    bought = np.flatnonzero(streams.handset[legs.stream] == HANDSETS.index("new"))
    anchor, line, at = streams.anchor[legs.stream[bought]], first + legs.line[bought], legs.at[bought]
    device[bought] = line * 4096 + (at // (4 * DAY_US)) % (1 + anchor % 3) + (1 << 49)
    kind[bought] = 0
    popular: Floats = numbers.uniform(device, 55) ** 2.0
    return device, kind * 1000 + np.floor(np.asarray(MODELS)[kind] * popular).astype(np.int64)
