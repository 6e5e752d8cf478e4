"""Draws the activity streams of every line of a chunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linerisk.records.simulation import areas
from linerisk.records.simulation.activity_streams import FOREVER, HANDSETS, PLACES, Streams, draw, gather
from linerisk.records.simulation.numbers import Floats, happens
from linerisk.records.simulation.personas import AWAKENED, DRIVE, EVENT, FRAUD, LEGAL, NEW_HIRE
from linerisk.records.simulation.population import NAMES, Population

_OWN_HANDSET_SHARES = {"new": 0.55, "box": 0.3, "own": 1.0}
"""Handset of a scheme -> share of its frauds that use the line's own handset instead."""
_MOVING_SHARE, _ONE_PLACE_SHARE = 0.3, 0.5
"""Shares of frauds made at the places of daily life, and of legal bursts made from one place."""
_AWAKENED_SHARE = 0.12
_EVENT_DAYS, _DRIVE_DAYS = (1.0, 4.0), (2.0, 12.0)


def make_streams(people: Population, *, days: int, rng: np.random.Generator) -> Streams:
    """All streams of the chunk; the first one of a line is its ordinary life, if it has one."""
    parts = [*_lives(people, rng), *_works(people, rng), *_events(people, days, rng), _awakenings(people, days, rng)]
    parts += [_new_hires(people, days, rng), *_frauds(people, rng)]
    return gather(part for part in parts if len(part) > 0)


def _lives(people: Population, rng: np.random.Generator) -> list[Streams]:
    parts = []
    silent, handed_over = _host_ends(people, rng)
    for index, persona in enumerate(LEGAL):
        line = np.flatnonzero(people.host == index)
        if persona.life is None or len(line) == 0:
            continue
        until = np.minimum(people.closed, np.minimum(silent, handed_over))[line]
        life = draw(persona.life, line, rng, start=people.activated[line], until=until)
        decoy = people.is_fraud[line]
        # The ordinary life of a fraud line is reduced.
        for rate in ("out", "inn", "texts_out"):
            life.values[rate][decoy] *= 0.7
        parts.append(life)
    return parts


def _host_ends(people: Population, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """When the former life of a fraudulent line ends: at the hand-over, or months of silence before it."""
    silent = np.full(len(people), float(FOREVER))
    handed_over = np.full(len(people), float(FOREVER))
    for index, scheme in enumerate(FRAUD):
        line = np.flatnonzero(people.persona == len(LEGAL) + index)
        began = people.fraud_from[line]
        if scheme.host == "silent":
            silent[line] = began - rng.uniform(30.0, 180.0, len(line))
        elif scheme.host != "none" and not scheme.keeps_life:
            kept = happens(0.35, len(line), rng)
            handed_over[line] = np.where(kept, FOREVER, began - rng.exponential(2.0, len(line)))
    return silent, handed_over


def _works(people: Population, rng: np.random.Generator) -> list[Streams]:
    parts = []
    for index, persona in enumerate(LEGAL):
        line = np.flatnonzero(people.persona == index)
        if persona.work is not None and len(line) > 0:
            parts.append(draw(persona.work, line, rng, start=people.activated[line], until=people.closed[line]))
    return parts


def _events(people: Population, days: int, rng: np.random.Generator) -> list[Streams]:
    """One burst per line: a class, a wedding, a reunion, a job search; or a longer drive of calls to strangers."""
    parts = []
    for name, traffic, length in (("event", EVENT, _EVENT_DAYS), ("drive", DRIVE, _DRIVE_DAYS)):
        line = np.flatnonzero(people.persona == NAMES.index(name))
        start = np.maximum(np.floor(rng.random(len(line)) * days), people.activated[line] + 1.0)
        start = np.floor(start) + rng.uniform(0.3, 0.6, len(line))
        until = np.minimum(start + rng.uniform(*length, len(line)), people.closed[line])
        part = draw(traffic, line, rng, start=start, until=until)
        part.place[happens(_ONE_PLACE_SHARE, len(line), rng)] = PLACES.index("one")
        parts.append(part)
    return parts


def _awakenings(people: Population, days: int, rng: np.random.Generator) -> Streams:
    line = np.flatnonzero(people.persona == NAMES.index("idle"))
    line = line[rng.random(len(line)) < _AWAKENED_SHARE * days / 30.0]
    start = np.maximum(rng.random(len(line)) * days, people.activated[line] + 1.0)
    return draw(AWAKENED, line, rng, start=start, until=start + rng.uniform(2.0, 15.0, len(line)))


def _new_hires(people: Population, days: int, rng: np.random.Generator) -> Streams:
    """Sales calls from the third day of a new line, or from a random day of an old line."""
    line = np.flatnonzero(people.persona == NAMES.index("new_hire"))
    fresh = people.activated[line] > 0
    start = np.where(fresh, people.activated[line] + 2.0, rng.random(len(line)) * days)
    return draw(NEW_HIRE, line, rng, start=start, until=start + rng.exponential(60.0, len(line)))


def _frauds(people: Population, rng: np.random.Generator) -> list[Streams]:
    parts = []
    for index, scheme in enumerate(FRAUD):
        line = np.flatnonzero(people.persona == len(LEGAL) + index)
        if len(line) == 0:
            continue
        count = len(line)
        seeds = rng.integers(0, 2**40, len(people))
        area = people.home[line]
        moved = rng.random(count) < (0.75 if scheme.traffic.place == "hotel" else 0.15)
        away = np.where(
            happens(0.35, count, rng), rng.choice(np.asarray(areas.BORDER), count), areas.area_at(rng.random(count))
        )
        traffic = scheme.traffic
        own = rng.random(count) < _OWN_HANDSET_SHARES[traffic.handset]
        part = draw(
            traffic, line, rng,
            start=people.fraud_from[line], until=np.minimum(people.fraud_until[line], people.closed[line]),
            area=np.where(moved, away, area), anchor=seeds[people.gang[line]], fraud=True,
        )  # fmt: skip
        part.handset[own] = HANDSETS.index("own")
        part.place[happens(_MOVING_SHARE, count, rng)] = PLACES.index("life")
        # All lines of a gang's box are in one area.
        if scheme.gang > 1:
            part = replace(part, area=people.home[people.gang[line]])
        parts.append(part)
    return parts
