"""Effects on the whole population (Spring Festival, start of term, sales day), and drift of the fraud schemes.

All are off unless selected by name. Their sizes are assumptions; the dates are real.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from linerisk.errors import UsageError
from linerisk.records.simulation import hours, numbers
from linerisk.records.simulation.activity_streams import FOREVER, Streams
from linerisk.records.simulation.call_legs import DAY_US
from linerisk.records.simulation.contacts import ContactBook
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.personas import FRAUD, LEGAL
from linerisk.records.simulation.population import NAMES, Population

EFFECTS = ("spring_festival", "september", "sales_day")
DRIFTS = ("boxes-to-relays",)

NEW_YEARS = (date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6))
"""First days of the lunar years."""
_EVE, _FESTIVAL_DAYS = timedelta(days=1), 8
_TERM_FROM, _TERM_DAYS = (8, 20), 27
_SALES_FROM, _SALES_DAYS = (11, 11), 6

# Work mostly stops, life calls less, receptions of restaurants call more. So do frauds: few answer strangers.
_FESTIVAL_LIFE, _FESTIVAL_WORK = 0.75, 0.3
_FESTIVAL_RHYTHMS = {"life": 0.75, "evening": 0.75, "morning": 0.85, "meals": 1.1, "driver": 0.8, "any": 0.75}
_HOME_TRIP = {"migrant_worker": 0.65, "student": 0.7, "elderly": 0.05, "machine": 0.0, "idle": 0.0, "reception": 0.0}
_HOME_TRIP_OTHERS = 0.25
_DAYS_AROUND = 5
_FESTIVAL_AFAR_SHARE = 0.5
_PARCELS = 1.6
_FRESHMEN = 0.2
"""Share of students who buy a line for the new term."""
_DRIFT_FROM, _DRIFT_TO = 1.7, 0.3


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects and the drift of one simulation, on its days."""

    start: date
    days: int
    names: tuple[str, ...] = ()
    drift: str | None = None

    def on(self, name: str) -> Flags | None:
        """Which days of the simulation have this effect; None if it is off."""
        if name not in self.names:
            return None
        return np.asarray([any(first <= day < end for first, end in _spans(name)) for day in self._dates()])

    def _dates(self) -> Iterator[date]:
        return (self.start + timedelta(days=day) for day in range(self.days))

    def scale_activity(self, activity: npt.NDArray[np.float32], streams: Streams) -> npt.NDArray[np.float32]:
        """Scale the daily activity of streams on the days of the effects."""
        festive, sales = self.on("spring_festival"), self.on("sales_day")
        if festive is not None:
            factors = np.asarray([_FESTIVAL_RHYTHMS.get(name, _FESTIVAL_WORK) for name in hours.NAMES])
            activity = activity * np.where(festive, factors[streams.rhythm][:, None], 1.0).astype(np.float32)
        if sales is not None:
            parcels = streams.rhythm == hours.NAMES.index("courier")
            activity = activity * np.where(parcels[:, None] & sales, _PARCELS, 1.0).astype(np.float32)
        return activity

    def add_student_lines(self, people: Population, rng: np.random.Generator) -> None:
        """Give some students a new line for the term."""
        term = self.on("september")
        if term is None:
            return
        student = np.flatnonzero(people.persona == NAMES.index("student"))
        student = student[rng.random(len(student)) < _FRESHMEN]
        people.activated[student] = rng.choice(np.flatnonzero(term), len(student)) + rng.uniform(0.3, 0.9, len(student))
        gone = people.closed[student] <= people.activated[student]
        people.closed[student[gone]] = FOREVER

    def add_journeys_home(self, where: Ints, people: Population, rng: np.random.Generator) -> Ints:
        """Replace the daily areas of lines by their hometowns during journeys home for the festival."""
        if "spring_festival" not in self.names:
            return where
        share = np.asarray([_HOME_TRIP.get(persona.name, _HOME_TRIP_OTHERS) for persona in LEGAL] + [0.0])
        leaves = rng.random(len(people)) < share[people.host]
        before, after = rng.integers(0, _DAYS_AROUND, (2, len(people)))
        day = np.arange(self.days)
        away = np.zeros(where.shape, dtype=np.bool_)
        for first, end in _spans("spring_festival"):
            from_day, to_day = ((instant - self.start).days for instant in (first, end))
            away |= (day >= (from_day - before)[:, None]) & (day < (to_day + after)[:, None])
        return np.where(away & leaves[:, None], people.hometown[:, None], where)

    def favour_distant_contacts(
        self, entry: Ints, book: ContactBook, people: Population, *, line: Ints, at: Ints, rng: np.random.Generator
    ) -> Ints:
        """Pick local contacts anew with some probability during the festival, so distant contacts are called more."""
        festive = self.on("spring_festival")
        if festive is None or len(book.number) == 0:
            return entry
        near = numbers.area_of(book.number[entry]) == people.home[line]
        again = np.flatnonzero(near & festive[np.clip(at // DAY_US, 0, self.days - 1)])
        again = again[rng.random(len(again)) < _FESTIVAL_AFAR_SHARE]
        chosen = entry.copy()
        chosen[again] = book.pick(line[again], rng.random(len(again)))
        return chosen

    def begin(self, moment: Floats, scheme: Ints) -> Floats:
        """Shift the starts of frauds in the period (0 to 1): with the drift, boxes start earlier and relays later.

        The number of each scheme is the same as without a drift.
        """
        if self.drift is None:
            return moment
        names = np.asarray([scheme.name for scheme in FRAUD])[scheme]
        fewer = np.isin(names, ["goip", "goip_camouflaged"])
        more = names == "relay"
        moved = np.where(fewer, _falling_density(moment), moment)
        return np.where(more, 1.0 - _falling_density(1.0 - moment), moved)


def _falling_density(uniform: Floats) -> Floats:
    """Transform uniform numbers so that their density falls linearly from `_DRIFT_FROM` at 0 to `_DRIFT_TO` at 1."""
    slope = _DRIFT_FROM - _DRIFT_TO
    return np.asarray((_DRIFT_FROM - np.sqrt(_DRIFT_FROM**2 - 2.0 * slope * uniform)) / slope)


def _spans(name: str) -> Iterator[tuple[date, date]]:
    """First day and the day after the last, for every tabulated year."""
    for new_year in NEW_YEARS:
        if name == "spring_festival":
            first, length = new_year - _EVE, _FESTIVAL_DAYS
        elif name == "september":
            first, length = date(new_year.year, *_TERM_FROM), _TERM_DAYS
        else:
            first, length = date(new_year.year, *_SALES_FROM), _SALES_DAYS
        yield first, first + timedelta(days=length)


def select_effects(start: date, days: int, *, effects: Sequence[str], drift: str | None) -> Effects:
    """Select effects and drift by name.

    Raises:
        UsageError: A name is unknown, or the period has no day of the effect.
    """
    for name in effects:
        if name not in EFFECTS:
            raise UsageError("unknown effect", expected=f"one of {', '.join(EFFECTS)}", found=name, field="effect")
    if drift is not None and drift not in DRIFTS:
        raise UsageError("unknown drift", expected=f"one of {', '.join(DRIFTS)}", found=drift, field="drift")
    chosen = Effects(start, days, tuple(effects), drift)
    for name in effects:
        if not np.any(chosen.on(name)):
            spans = ", ".join(f"{first} to {end - timedelta(days=1)}" for first, end in _spans(name))
            raise UsageError(
                f"the period has no day of the effect {name}",
                expected=f"a period that meets one of {spans}",
                found=f"{days} days from {start}",
                field="effect",
            )
    return chosen
