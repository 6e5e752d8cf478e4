"""Activity streams: periods in which a line has traffic of one kind.

A line has one stream for its ordinary life and one for each other activity: work, an event, a fraud. A stream's
parameters are the traffic's medians, varied by random factors of the line, so kinds of traffic overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from linerisk.records.simulation import hours
from linerisk.records.simulation.numbers import Floats, Ints

Place = Literal["life", "one", "roam", "hotel"]
Handset = Literal["own", "new", "box"]
PLACES: tuple[Place, ...] = ("life", "one", "roam", "hotel")
HANDSETS: tuple[Handset, ...] = ("own", "new", "box")

FOREVER = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Medians of one kind of traffic. Rates are per day; everything without a unit is a probability.

    Attributes:
        out: Outgoing call attempts.
        inn: Incoming calls that are not replies.
        texts_out: Texts sent.
        services: Texts from services and platforms.
        spread: Log-normal sigma of the rates between lines.
        jitter: Sigma of the probabilities' log-odds between lines.
        day_shape: Gamma shape of the rates between days; small values vary more.
        weekend: Rates on Saturdays, Sundays and holidays over those of working days.
        rhythm: Name of the hour-of-day rhythm.
        batch: Call belongs to one of the day's sittings (clusters of calls).
        regular: How evenly the calls are spaced, 0 to 1; machines are near 1.
        fresh: Callee is a stranger.
        again: Callee is one of the stream's recent callees; the rest are the line's contacts.
        mates: Callee is a line of the same gang.
        in_fresh: Incoming call is from a stranger.
        town: Stranger lives neither at home nor where the line is.
        focus: An out-of-town stranger lives in one of the stream's few target areas.
        fixed: Stranger has a fixed line.
        virtual: Stranger is behind a platform's privacy number.
        sweep: Stranger's number follows the one just called.
        listed: Stranger is on the gang's list, which its other lines call from too.
        answered: Stranger answers.
        ring: Mean seconds of ringing.
        talk: Median seconds of talk.
        talk_shape: Shape of the log-logistic talk time; small has a heavy tail.
        retry: Unanswered call is tried again within minutes.
        back: Stranger calls back.
        text_fresh: Text goes to a stranger.
        text_reply: Text is answered.
        place: Where the calls are made.
        handset: With which device.
    """

    out: float = 0.0
    inn: float = 0.0
    texts_out: float = 0.0
    services: float = 0.0
    spread: float = 0.8
    jitter: float = 0.45
    day_shape: float = 1.5
    weekend: float = 1.0
    rhythm: str = "life"
    batch: float = 0.3
    regular: float = 0.0
    fresh: float = 0.045
    again: float = 0.12
    mates: float = 0.0
    in_fresh: float = 0.11
    town: float = 0.2
    focus: float = 0.0
    fixed: float = 0.06
    virtual: float = 0.0
    sweep: float = 0.0
    listed: float = 0.0
    answered: float = 0.72
    ring: float = 14.0
    talk: float = 38.0
    talk_shape: float = 1.4
    retry: float = 0.15
    back: float = 0.1
    text_fresh: float = 0.1
    text_reply: float = 0.4
    place: Place = "life"
    handset: Handset = "own"


RATES = ("out", "inn", "texts_out", "services")
SHARES = (
    "batch", "regular", "fresh", "again", "mates", "in_fresh", "town", "focus", "fixed", "virtual", "sweep",
    "listed", "answered", "retry", "back", "text_fresh", "text_reply",
)  # fmt: skip
SCALES = ("ring", "talk")
PLAIN = ("day_shape", "weekend", "talk_shape")
_SCALE_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Streams:
    """Grain: one element per stream in every array.

    Attributes:
        line: Index of the line in its chunk.
        start: First day (with fraction) of the stream, days since the start of the simulation.
        until: Day on which it ends.
        values: One array per name of `RATES`, `SHARES`, `SCALES`, `PLAIN`.
        rhythm: Index into `hours.NAMES`.
        place: Index into `PLACES`.
        handset: Index into `HANDSETS`.
        area: Area of a stream that is not at the line's own place; -1 for the line's place.
        anchor: Seed of the stream's own cell and of its target areas; shared within a gang.
        fraud: Whether the stream is the fraud.
    """

    line: Ints
    start: Floats
    until: Floats
    values: dict[str, Floats]
    rhythm: Ints
    place: Ints
    handset: Ints
    area: Ints
    anchor: Ints
    fraud: Ints

    def __len__(self) -> int:  # noqa: D105
        return len(self.line)


def draw(
    traffic: Traffic,
    line: Ints,
    rng: np.random.Generator,
    *,
    start: Floats | None = None,
    until: Floats | None = None,
    area: Ints | None = None,
    anchor: Ints | None = None,
    fraud: bool = False,
) -> Streams:
    """Draw one stream of this traffic per line, with random factors per line."""
    size = len(line)
    line_factor = rng.normal(0.0, traffic.spread, size)
    values: dict[str, Floats] = {}
    for name in RATES:
        own = 0.8 * line_factor + 0.6 * rng.normal(0.0, traffic.spread, size)
        values[name] = getattr(traffic, name) * np.exp(own)
    for name in SHARES:
        share = float(getattr(traffic, name))
        odds = share * np.exp(rng.normal(0.0, traffic.jitter, size))
        values[name] = odds / (odds + 1.0 - share)
    for name in SCALES:
        values[name] = getattr(traffic, name) * np.exp(rng.normal(0.0, _SCALE_SPREAD * traffic.jitter / 0.45, size))
    for name in PLAIN:
        values[name] = np.full(size, float(getattr(traffic, name)))
    return Streams(
        line=line,
        start=np.full(size, -float(FOREVER)) if start is None else start,
        until=np.full(size, float(FOREVER)) if until is None else until,
        values=values,
        rhythm=np.full(size, hours.NAMES.index(traffic.rhythm)),
        place=np.full(size, PLACES.index(traffic.place)),
        handset=np.full(size, HANDSETS.index(traffic.handset)),
        area=np.full(size, -1) if area is None else area,
        anchor=rng.integers(0, 2**40, size) if anchor is None else anchor,
        fraud=np.full(size, int(fraud)),
    )


def gather(parts: Iterable[Streams]) -> Streams:
    """Concatenate streams in the given order."""
    every = list(parts)
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in every])
        for field in fields(Streams)
        if field.name != "values"
    }
    values = {name: np.concatenate([part.values[name] for part in every]) for name in every[0].values}
    return Streams(values=values, **columns)
