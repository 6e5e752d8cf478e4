"""Archetypes: legal lines that were or could be suspended by mistake, which no model may flag.

Each archetype is a persona of the simulated city at its most suspicious moment: the teacher in the week of the calls,
the second phone in the days after it came back into use. The simulator's own mechanisms draw the lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.records.simulation import accounts, areas, numbers, table_writer
from linerisk.records.simulation.activity_streams import FOREVER, PLACES, Streams, Traffic, draw, gather
from linerisk.records.simulation.batches import Plan
from linerisk.records.simulation.behaviour import make_streams
from linerisk.records.simulation.call_legs import DAY_US, daily_activity
from linerisk.records.simulation.contacts import draw_contacts
from linerisk.records.simulation.effects import select_effects
from linerisk.records.simulation.fraud_discovery import Findings
from linerisk.records.simulation.numbers import Floats, Ints
from linerisk.records.simulation.personas import AWAKENED, EVENT, LEGAL
from linerisk.records.simulation.places import assign_locations, daily_areas
from linerisk.records.simulation.population import NAMES, Population, populate
from linerisk.records.simulation.table_writer import Calendar
from linerisk.records.simulation.traffic import Scene, all_legs

DAYS = 60
"""Length of the period: the look-back of features, plus a margin."""
START = date(2024, 5, 24)
_FIRST = 80_000_000
"""First line index, above those of any simulation and below the story's."""
_CELLS_OF_LINES = 40_000
_BEGAN_BEFORE_END = (1.0, 10.0)
"""Range of days before the end at which a burst began or a traveller returned."""
_DECLARED_AFTER_DAYS = 100.0
"""Line age by which nearly every declared business use has been declared."""
_ONE_PLACE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Archetype:
    """One kind of line that is easily mistaken for fraud.

    Attributes:
        persona: The persona whose lines it takes.
        en: Description in English.
        zh: Description in Chinese.
        burst: Traffic that begins shortly before the end, if the archetype has one.
        burst_days: Shortest and longest length of the burst.
        declared: Whether only lines with a declared business use are taken.
    """

    persona: str
    en: str
    zh: str
    burst: Traffic | None = None
    burst_days: tuple[float, float] = (0.0, 0.0)
    declared: bool = False


ARCHETYPES: Mapping[str, Archetype] = {
    "redialling_lawyer": Archetype("redialler", "redials one office that does not answer", "反复拨打同一单位的律师"),
    "courier": Archetype("courier", "a courier on an own line", "快递员"),
    "teacher": Archetype(
        "event", "one burst: rings the parents of a new class", "集中联系家长的教师", EVENT, (1.0, 4.0)
    ),
    "returning_traveller": Archetype("traveller", "back from a border area", "从边境地区返回的旅客"),
    "elderly": Archetype("elderly", "an elderly person", "老年人"),
    "idle_number_woken": Archetype(
        "idle", "a second number, taken out of the drawer", "重新启用的闲置号码", AWAKENED, (2.0, 15.0)
    ),
    "small_business": Archetype("small_business", "the owner of a small business", "小店店主"),
    "declared_call_centre": Archetype(
        "call_centre_declared", "a call centre with a declared use", "已登记的呼叫中心", declared=True
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArchetypeLines:
    """What `write_archetypes` wrote.

    Attributes:
        as_of: The instant at which the lines are to be scored, UTC.
        lines: `line_id` and `archetype`, the `persona` of `ARCHETYPES`' keys. Grain: one row per line.
    """

    as_of: datetime
    lines: pl.DataFrame


def write_archetypes(out: Path, *, lines_each: int, seed: int) -> ArchetypeLines:
    """Write a source folder with call records and accounts of `lines_each` lines per archetype.

    The same arguments write the same bytes.

    Args:
        out: Folder to write to.
        lines_each: Lines per archetype.
        seed: Seed of all randomness.
    """
    rng = np.random.default_rng([seed, _FIRST])
    calendar = Calendar(START)
    plan = Plan(
        len(ARCHETYPES) * lines_each, DAYS, seed, 0.0, calendar, select_effects(START, DAYS, effects=(), drift=None)
    )
    people, kind = _people(lines_each, rng)
    streams = gather([make_streams(people, days=DAYS, rng=rng), *_bursts(kind, rng)])
    book = draw_contacts(people, rng)
    legs = all_legs(Scene(people, streams, book, daily_activity(streams, plan.days_off, rng), rng, plan.effects))
    legs = legs.take((legs.at >= 0) & (legs.at < DAYS * DAY_US))
    legs = legs.take(np.argsort(legs.line * (1 << 46) + legs.at, kind="stable"))
    where = _add_border_trips(daily_areas(people, days=DAYS, rng=rng), kind, rng)
    places = assign_locations(people, streams, legs, where, lines=_CELLS_OF_LINES, first=_FIRST, rng=rng)
    records = table_writer.record_frame(legs, places, people.number, calendar=calendar, seed=seed, rng=rng)
    changes = accounts.account_changes(people, _no_findings(len(people)), days=DAYS, rng=rng)
    # Expired declarations are renewed: this archetype keeps its declaration valid.
    renewed = pl.max_horizontal("declared_until", pl.lit(DAYS + 90.0))
    changes = changes.with_columns(declared_until=pl.when(pl.col("declared_use").is_not_null()).then(renewed))
    facts = accounts.constants(people, rng)
    known = table_writer.account_frame(changes, facts, people.number, people.holder, calendar=calendar, seed=seed)
    table_writer.write(records, out / "call_records" / "archetypes.parquet")
    table_writer.write(known, out / "accounts" / "archetypes.parquet")
    names = pl.Series("archetype", list(ARCHETYPES)).gather(kind)
    lines = pl.DataFrame({"line_id": numbers.id_text(people.number, seed), "archetype": names})
    return ArchetypeLines(as_of=calendar.midnight + timedelta(days=DAYS), lines=lines)


def _people(lines_each: int, rng: np.random.Generator) -> tuple[Population, Ints]:
    """Lines of each archetype, taken from a city large enough to have them, and which archetype each is."""
    shares = {persona.name: persona.share / sum(p.share for p in LEGAL) for persona in LEGAL}
    city = populate(_FIRST, _city_size(lines_each, shares), 0, days=DAYS, rng=rng)
    in_service = (city.activated < DAYS - _BEGAN_BEFORE_END[1] - 1) & (city.closed > DAYS)
    chosen, kind = [], []
    for index, archetype in enumerate(ARCHETYPES.values()):
        fits = in_service & (city.persona == NAMES.index(archetype.persona))
        if archetype.declared:
            fits &= city.declared & (city.activated < DAYS - _DECLARED_AFTER_DAYS)
        own = np.flatnonzero(fits)[:lines_each]
        chosen.append(own)
        kind.append(np.full(len(own), index))
    lines = np.concatenate(chosen)
    people = Population(**{field.name: getattr(city, field.name)[lines] for field in fields(Population)})
    people.gang = np.arange(len(people))
    # The persona would draw a burst at a random time. Replace it: the burst is added at the end, the life stays.
    for archetype in ARCHETYPES.values():
        if archetype.burst is not None:
            people.persona[people.persona == NAMES.index(archetype.persona)] = NAMES.index("ordinary")
    return people, np.concatenate(kind)


def _city_size(lines_each: int, shares: Mapping[str, float]) -> int:
    """Number of lines that has enough of the rarest archetype; half may be too new, closed or undeclared."""
    return int(2 * lines_each / min(shares[archetype.persona] for archetype in ARCHETYPES.values()))


def _bursts(kind: Ints, rng: np.random.Generator) -> list[Streams]:
    parts = []
    for index, archetype in enumerate(ARCHETYPES.values()):
        if archetype.burst is None:
            continue
        line = np.flatnonzero(kind == index)
        start = np.floor(DAYS - rng.uniform(*_BEGAN_BEFORE_END, len(line))) + rng.uniform(0.3, 0.6, len(line))
        part = draw(
            archetype.burst, line, rng, start=start, until=start + rng.uniform(*archetype.burst_days, len(line))
        )
        part.place[numbers.happens(_ONE_PLACE_SHARE, len(line), rng)] = PLACES.index("one")
        parts.append(part)
    return parts


def _add_border_trips(where: Ints, kind: Ints, rng: np.random.Generator) -> Ints:
    """Move each traveller to a border area for some days, until shortly before the end of the period."""
    index = list(ARCHETYPES).index("returning_traveller")
    for line in np.flatnonzero(kind == index):
        until = int(DAYS - rng.uniform(*_BEGAN_BEFORE_END))
        where[line, until - int(rng.integers(3, 15)) : until] = rng.choice(np.asarray(areas.BORDER))
    return where


def _no_findings(size: int) -> Findings:
    """Findings without any report, suspension or verification."""
    never: Floats = np.full(size, float(FOREVER))
    none = pl.DataFrame(schema={"line": pl.Int64, "day": pl.Float64})
    found = np.zeros(size, dtype=np.bool_)
    return Findings(none, none, found=found, known=never, suspended=never, restored=never, reach=np.zeros(size))
