"""The story of July 2024: the same burst of calls from a line of four weeks and from one of nearly nine years.

Both holders were notified of frequent calls to numbers of other cities; the young line was in the highest tier, the old
one below it. Here both bursts are identical call by call, but have different parties.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.errors import InputError
from linerisk.records.simulation import areas, numbers, table_writer
from linerisk.records.simulation.activity_streams import FOREVER, Streams, Traffic, draw, gather
from linerisk.records.simulation.call_legs import DAY_US, Legs, daily_activity, gather_legs
from linerisk.records.simulation.contacts import draw_contacts
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.places import assign_locations
from linerisk.records.simulation.population import NAMES, Population
from linerisk.records.simulation.table_writer import Calendar
from linerisk.records.simulation.traffic import Scene, all_legs

DAYS = 98
_FIRST = 90_000_000
"""First line index of the story, above those of any simulation."""
_CELLS_OF_LINES = 40_000
_YOUNG, _OLD, _ORDINARY = range(3)


_BURST = Traffic(
    out=104.0, spread=0.0, jitter=0.0, day_shape=30.0, rhythm="dialler", fresh=0.94, again=0.06, town=0.92,
    fixed=0.03, answered=0.19, talk=15.0, retry=0.04, back=0.02, batch=0.3, regular=0.3, place="one", sweep=0.15,
)  # fmt: skip
_SPARSE = Traffic(
    out=0.25, inn=0.25, texts_out=0.02, services=0.6, spread=0.0, jitter=0.0, day_shape=2.0, fresh=0.03, town=0.1
)
_ORDINARY_LIFE = Traffic(
    out=1.6, inn=1.4, texts_out=0.1, services=1.2, spread=0.0, jitter=0.0, day_shape=2.0, fresh=0.06
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTraffic:
    """Traffic of the story's lines; change it here.

    Attributes:
        burst: The traffic of the burst, the same on both lines.
        burst_days: How long before `as_of` it began.
        sparse: The old line's ordinary life, before and during the burst.
        ordinary: The third line's life.
        young_since: Activation of the young line.
        old_since: Activation of the old line.
        ordinary_since: Activation of the third line.
    """

    burst: Traffic = _BURST
    burst_days: float = 6.0
    sparse: Traffic = _SPARSE
    ordinary: Traffic = _ORDINARY_LIFE
    young_since: date = date(2024, 6, 30)
    old_since: date = date(2015, 9, 15)
    ordinary_since: date = date(2018, 3, 12)


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of the story and its description."""

    line_id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Story:
    """The story's three lines."""

    young: StoryLine
    old: StoryLine
    ordinary: StoryLine


def write_story(out: Path, *, as_of: datetime, seed: int, traffic: StoryTraffic | None = None) -> Story:
    """Add the story's lines to a source folder, as files of their own.

    Args:
        out: A folder written by `simulate`.
        as_of: The instant at which the story ends, UTC; 25 July 2024 or a few days later for the real story.
        seed: Seed of all randomness; the ids follow from it, too.
        traffic: Traffic of the lines; default: that of the real story.

    Raises:
        InputError: The folder has no call records or no accounts, or a line would be activated after `as_of`.
    """
    chosen = StoryTraffic() if traffic is None else traffic
    for name in ("call_records", "accounts"):
        if not (out / name).is_dir():
            raise InputError(
                "this is not a simulated source folder",
                expected=f"a folder `{name}` in it",
                found=str(out),
                todo="simulate into it first",
                field="out",
            )
    calendar = Calendar((as_of - timedelta(days=DAYS)).date())
    end = (as_of - calendar.midnight) / timedelta(days=1)
    people = _people(chosen, calendar)
    if people.activated.max() > end - chosen.burst_days:
        raise InputError(
            "the story has not begun at this instant",
            expected=f"an instant at least {chosen.burst_days:g} days after {chosen.young_since}",
            found=as_of.isoformat(),
            field="as_of",
        )
    rng = np.random.default_rng([seed, _FIRST])
    streams, legs = _draw_legs(people, chosen, end, rng)
    where = np.repeat(people.home[:, None], DAYS + 2, axis=1)
    places = assign_locations(people, streams, legs, where, lines=_CELLS_OF_LINES, first=_FIRST, rng=rng)
    records = table_writer.record_frame(legs, places, people.number, calendar=calendar, seed=seed, rng=rng)
    table_writer.write(records, out / "call_records" / "story.parquet")
    table_writer.write(_accounts(people, calendar, seed), out / "accounts" / "story.parquet")
    return _describe(numbers.id_text(people.number, seed).to_list(), chosen)


def _people(chosen: StoryTraffic, calendar: Calendar) -> Population:
    """Three lines whose accounts differ only in age."""
    since = (chosen.young_since, chosen.old_since, chosen.ordinary_since)
    activated = np.asarray([(day - calendar.start).days + 0.45 for day in since])
    same: Ints = np.full(3, areas.HOME)
    ordinary = NAMES.index("ordinary")
    never: Flags = np.zeros(3, dtype=np.bool_)
    unset: Floats = np.full(3, np.nan)
    return Population(
        persona=np.full(3, ordinary),
        host=np.full(3, ordinary),
        is_fraud=never,
        number=numbers.own_lines(same, _FIRST + 10 * np.arange(3)),
        home=same,
        hometown=same,
        activated=activated,
        closed=np.full(3, float(FOREVER)),
        fraud_from=unset,
        fraud_until=unset,
        gang=np.arange(3),
        holder=_FIRST + np.arange(3),
        plan=np.zeros(3, dtype=np.int64),
        declared=never,
        device_class=np.zeros(3, dtype=np.int64),
    )


def _draw_legs(people: Population, chosen: StoryTraffic, end: float, rng: np.random.Generator) -> tuple[Streams, Legs]:
    lives = [
        draw(traffic, np.asarray([line]), rng, start=people.activated[[line]], until=np.full(1, end))
        for line, traffic in ((_OLD, chosen.sparse), (_ORDINARY, chosen.ordinary))
    ]
    began = np.full(1, end - chosen.burst_days)
    burst = draw(chosen.burst, np.asarray([_YOUNG]), rng, start=began, until=np.full(1, end))
    twin = replace(burst, line=np.asarray([_OLD]), anchor=burst.anchor + 1)
    days_off: Flags = np.zeros(DAYS + 1, dtype=np.bool_)
    book = draw_contacts(people, rng, same_operator=0.0)
    living, bursting = gather(lives), burst
    legs = [
        all_legs(Scene(people, part, book, daily_activity(part, days_off, rng), rng)) for part in (living, bursting)
    ]
    shifted = replace(legs[1], stream=legs[1].stream + len(living))
    copied = replace(
        shifted, line=np.full(len(shifted), _OLD), stream=shifted.stream + 1, number=_other_numbers(shifted.number)
    )
    every = gather_legs([legs[0], shifted, copied])
    every = every.take((every.mate < 0) & (every.at >= 0) & (every.at < end * DAY_US))
    order = np.argsort(every.line * (1 << 46) + every.at, kind="stable")
    return gather([living, burst, twin]), every.take(order)


def _other_numbers(number: Ints) -> Ints:
    """Other numbers of the same areas and kinds, in the same order of blocks."""
    mobile = number % numbers.SPAN < numbers.OWN_FROM
    base = number - number % numbers.SPAN
    return np.where(mobile, base + (number % numbers.SPAN + 123_456_700) % numbers.OWN_FROM, number + 100)


def _accounts(people: Population, calendar: Calendar, seed: int) -> pl.DataFrame:
    every = np.arange(len(people))
    nothing = pl.repeat(None, len(people), dtype=pl.Float64, eager=True)
    changes = pl.DataFrame(
        {
            "line": every,
            "day": people.activated,
            "status": ["active"] * len(people),
            "verified": nothing,
            "declared_use": pl.Series([None] * len(people), dtype=pl.String),
            "declared_until": nothing,
        }
    )
    facts = pl.DataFrame(
        {
            "line": every,
            "activated": people.activated,
            "number_since": people.activated,
            "ported_in": nothing,
            "customer_since": people.activated,
            "home_area": [areas.CODES[areas.HOME]] * len(people),
            "plan_kind": ["prepaid"] * len(people),
        }
    )
    return table_writer.account_frame(changes, facts, people.number, people.holder, calendar=calendar, seed=seed)


def _describe(ids: list[str], chosen: StoryTraffic) -> Story:
    young, old, ordinary = chosen.young_since, chosen.old_since, chosen.ordinary_since
    return Story(
        young=StoryLine(
            ids[_YOUNG],
            f"{young.year}年{young.month}月{young.day}日入网的新号码，近日高频拨打异地号码",
            f"activated on {young}; lately many calls to numbers of other cities",
        ),
        old=StoryLine(
            ids[_OLD],
            f"{old.year}年{old.month}月入网的老号码，平时很少使用，近日有同样的高频异地呼出",
            f"activated in {old:%B %Y}, seldom used; lately the same many calls to numbers of other cities",
        ),
        ordinary=StoryLine(
            ids[_ORDINARY],
            f"{ordinary.year}年{ordinary.month}月入网的普通号码，使用情况正常",
            f"activated in {ordinary:%B %Y}; an ordinary line in ordinary use",
        ),
    )
