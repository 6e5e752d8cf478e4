"""Call legs and texts as flat arrays, and their random times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from linerisk.records.simulation import hours, numbers
from linerisk.records.simulation.activity_streams import Streams
from linerisk.records.simulation.numbers import Flags, Floats, Ints

DAY_US = 86_400_000_000
SECOND_US = 1_000_000
CALL_OUT, CALL_IN, CALL_FORWARDED, SMS_OUT, SMS_IN = range(5)
RECORD_TYPES = ("call_out", "call_in", "call_forwarded", "sms_out", "sms_in")

_SITTINGS = 4
_SITTING_S = 480.0
_SHIFT_S = 2400.0


@dataclass(frozen=True, slots=True)
class Legs:
    """Grain: one element per leg or text seen by a line.

    Attributes:
        line: Index of the line in its chunk.
        stream: Index of its stream, which gives its place and handset.
        kind: Index into `RECORD_TYPES`.
        at: Start, microseconds after local midnight of the first day.
        number: The other party.
        mate: Index of the other party's line in the chunk, -1 if it is none.
        fresh: The other party is a stranger.
        answered: Whether the call was answered; always true for texts.
        ring: Seconds of ringing.
        talk: Seconds of talk.
    """

    line: Ints
    stream: Ints
    kind: npt.NDArray[np.int8]
    at: Ints
    number: Ints
    mate: Ints
    fresh: Flags
    answered: Flags
    ring: npt.NDArray[np.float32]
    talk: npt.NDArray[np.int32]

    def __len__(self) -> int:  # noqa: D105
        return len(self.line)

    def take(self, chosen: Flags | Ints) -> Legs:
        """The legs selected by a mask or by positions."""
        return Legs(*(getattr(self, field.name)[chosen] for field in fields(Legs)))


def gather_legs(parts: Sequence[Legs]) -> Legs:
    """Concatenate legs in the given order."""
    return Legs(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Legs)))


def make_legs(
    streams: Streams,
    stream: Ints,
    at: Ints,
    *,
    kind: int,
    number: Ints,
    mate: Ints,
    fresh: Flags,
    answered: Flags | None = None,
    ring: Floats | None = None,
    talk: Floats | None = None,
) -> Legs:
    """Legs of one kind; texts need no outcome."""
    size = len(stream)
    was_answered = np.ones(size, dtype=np.bool_) if answered is None else answered
    return Legs(
        line=streams.line[stream],
        stream=stream,
        kind=np.full(size, kind, dtype=np.int8),
        at=at,
        number=number,
        mate=mate,
        fresh=fresh,
        answered=was_answered,
        ring=np.zeros(size, dtype=np.float32) if ring is None else ring.astype(np.float32),
        talk=np.zeros(size, dtype=np.int32) if talk is None else np.where(was_answered, talk, 0).astype(np.int32),
    )


def daily_activity(streams: Streams, days_off: Flags, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Activity factor of each stream on each day: share of the day, random mood, day of week. Shape (streams, days)."""
    day = np.arange(len(days_off), dtype=np.float64)
    present = np.minimum(streams.until[:, None], day + 1.0) - np.maximum(streams.start[:, None], day)
    mood = rng.standard_gamma(streams.values["day_shape"][:, None], (len(streams), len(day)))
    mood /= streams.values["day_shape"][:, None]
    rest = np.where(days_off, streams.values["weekend"][:, None], 1.0)
    return np.asarray(np.clip(present, 0.0, 1.0) * mood * rest, dtype=np.float32)


def event_times(
    streams: Streams, rate: Floats, activity: npt.NDArray[np.float32], rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Draw Poisson events at a rate per day: their streams and instants, sorted by both."""
    counts = rng.poisson(rate[:, None] * activity)
    flat, days = counts.ravel(), counts.shape[1]
    cell = np.repeat(np.arange(counts.size), flat)
    stream = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    day = cell - stream * days
    within = np.arange(len(cell)) - np.repeat(np.cumsum(flat) - flat, flat)
    spread_evenly = (within + rng.random(len(cell))) / flat[cell]
    regular = streams.values["regular"][stream]
    machine = regular * spread_evenly + (1 - regular) * rng.random(len(cell))
    chosen = np.where(regular > 0, machine, rng.random(len(cell)))
    sitting = rng.random(len(cell)) < streams.values["batch"][stream]
    seat = numbers.uniform(cell * _SITTINGS + np.floor(chosen * _SITTINGS).astype(np.int64), 11)
    second = hours.second_of_day(np.where(sitting, seat, chosen), streams.rhythm[stream])
    habit = (numbers.uniform(streams.line, 12) - 0.5) * 2.0 * _SHIFT_S
    second += habit[stream] + np.where(sitting, rng.exponential(_SITTING_S, len(cell)), 0.0)
    at = day * DAY_US + (second * SECOND_US).astype(np.int64)
    inside = (at >= streams.start[stream] * DAY_US) & (at < streams.until[stream] * DAY_US) & (at >= 0)
    stream, at = stream[inside], at[inside]
    order = np.argsort(stream * (days + 2) * DAY_US + at, kind="stable")
    return stream[order], at[order]
