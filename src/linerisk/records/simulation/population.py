"""Population of one chunk: persona, dates, home area, account and handset class of each line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation.activity_streams import FOREVER
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.personas import FRAUD, LEGAL, YEAR, Persona, Scheme

Begin = Callable[[Floats, Ints], Floats]
PLANS = ("prepaid", "postpaid", "enterprise", "iot")
DEVICE_CLASSES = ("smart", "feature", "module")
NAMES = tuple(persona.name for persona in LEGAL) + tuple(scheme.name for scheme in FRAUD)

_NEW_PER_DAY = 0.00042
"""Share of an average persona's lines activated on a day, about 1.3 % a month before the personas' own factors."""
_CLOSED_PER_DAY = 0.0003
_OLDEST_YEARS = 18.0
_HOME_SHARE = 0.82
_FRAUD_PLANS = (0.8, 0.1, 0.1, 0.0)


@dataclass(slots=True)
class Population:
    """Grain: one element per line of the chunk in every array; days are counted from the simulation's start.

    `persona` indexes `NAMES` (legal first), `host` indexes `LEGAL` for the ordinary life that the line has, -1 for
    none. `fraud_from` and `fraud_until` are NaN on legal lines. `gang` is the same for lines that work together.
    """

    persona: Ints
    host: Ints
    is_fraud: Flags
    number: Ints
    home: Ints
    hometown: Ints
    activated: Floats
    closed: Floats
    fraud_from: Floats
    fraud_until: Floats
    gang: Ints
    holder: Ints
    plan: Ints
    declared: Flags
    device_class: Ints

    def __len__(self) -> int:  # noqa: D105
        return len(self.persona)


def _quota(shares: Sequence[float], size: int, rng: np.random.Generator) -> Ints:
    """Indexes in proportion to the shares: a systematic sample, so that no kind is missing by chance."""
    edges = np.cumsum(shares) / np.sum(shares)
    points = (np.arange(size) + rng.random()) / max(size, 1)
    return np.minimum(np.searchsorted(edges, points, side="right"), len(edges) - 1).astype(np.int64)


def _pick(shares: Sequence[Sequence[float]], kind: Ints, rng: np.random.Generator) -> Ints:
    """One index per element, drawn from the shares of its kind."""
    edges = np.cumsum(np.asarray(shares, dtype=np.float64), axis=1)[kind]
    return np.asarray((rng.random((len(kind), 1)) > edges[:, :-1]).sum(axis=1), dtype=np.int64)


def _column(personas: Sequence[Persona | Scheme], name: str, kind: Ints) -> Floats:
    return np.asarray([float(getattr(persona, name)) for persona in personas])[kind]


def populate(
    first: int, size: int, frauds: int, *, days: int, rng: np.random.Generator, begin: Begin | None = None
) -> Population:
    """Draw the lines `first` to `first + size`, `frauds` of them fraudulent.

    `begin` maps the start of each fraud in the period (0 to 1), given its scheme.
    """
    spot = rng.permutation(size)
    is_fraud = np.zeros(size, dtype=np.bool_)
    # Lines of a gang are adjacent in the chunk, because boxes are filled from one batch of cards.
    bad = np.sort(spot[:frauds])
    is_fraud[bad] = True
    scheme = _quota([s.share for s in FRAUD], frauds, rng)
    persona = np.zeros(size, dtype=np.int64)
    persona[~is_fraud] = rng.permutation(_quota([p.share for p in LEGAL], size - frauds, rng))
    persona[bad] = len(LEGAL) + scheme
    home = np.full(size, areas.HOME)
    elsewhere = rng.random(size) > _HOME_SHARE
    home[elsewhere] = rng.choice(np.asarray(areas.NEIGHBOURS), int(elsewhere.sum()))
    people = Population(
        persona=persona,
        host=np.where(is_fraud, -1, persona),
        is_fraud=is_fraud,
        number=numbers.own_lines(home, first + np.arange(size)),
        home=home,
        hometown=areas.area_at(rng.random(size)),
        activated=np.zeros(size),
        closed=np.full(size, float(FOREVER)),
        fraud_from=np.full(size, np.nan),
        fraud_until=np.full(size, np.nan),
        gang=np.arange(size),
        holder=first + np.arange(size),
        plan=np.zeros(size, dtype=np.int64),
        declared=np.zeros(size, dtype=np.bool_),
        device_class=np.zeros(size, dtype=np.int64),
    )
    _fill_legal(people, np.flatnonzero(~is_fraud), days, rng)
    _fill_frauds(people, bad, scheme, days, rng, begin=begin)
    return people


def _ages(years: Floats, rng: np.random.Generator) -> Floats:
    """Days since activation at the start: log-normal, at most `_OLDEST_YEARS`."""
    drawn = YEAR * years * np.exp(rng.normal(0.0, 0.8, len(years)))
    oldest = YEAR * _OLDEST_YEARS
    return np.where(drawn > oldest, oldest * rng.random(len(years)), drawn)


def _fill_legal(people: Population, legal: Ints, days: int, rng: np.random.Generator) -> None:
    kind = people.persona[legal]
    size = len(legal)
    # New lines are activated at a constant rate, from eight weeks before the start to the end.
    window = days + 56.0
    new = rng.random(size) < 1.0 - np.exp(-_NEW_PER_DAY * window * _column(LEGAL, "fresh", kind))
    age = 56.0 + _ages(_column(LEGAL, "years", kind), rng)
    people.activated[legal] = np.where(new, rng.random(size) * window - 56.0, -age)
    gone = people.activated[legal].clip(0) + rng.exponential(1.0 / _CLOSED_PER_DAY, size)
    people.closed[legal] = np.where(gone < days, gone, FOREVER)
    people.plan[legal] = _pick([p.plans for p in LEGAL], kind, rng)
    people.declared[legal] = rng.random(size) < _column(LEGAL, "declared", kind)
    device = np.asarray([DEVICE_CLASSES.index(p.device) for p in LEGAL])[kind]
    people.device_class[legal] = np.where((device == 1) & numbers.happens(0.4, size, rng), 0, device)
    shared = numbers.happens(0.2, size, rng)
    shared[:1] = False
    owner = np.maximum.accumulate(np.where(shared, 0, np.arange(size)))
    people.holder[legal] = people.holder[legal][owner]
    firm = np.isin(kind, [NAMES.index("call_centre_declared"), NAMES.index("call_centre_undeclared")])
    firm &= people.plan[legal] == PLANS.index("enterprise")
    chosen = np.flatnonzero(firm)
    people.holder[legal[chosen]] = people.holder[legal[chosen[(np.arange(len(chosen)) // 12) * 12]]]


def _fill_frauds(
    people: Population, bad: Ints, scheme: Ints, days: int, rng: np.random.Generator, *, begin: Begin | None
) -> None:
    size = len(bad)
    if size == 0:
        return
    gang_size = _column(FRAUD, "gang", scheme).astype(np.int64)
    within = np.arange(size) - np.searchsorted(scheme, scheme, side="left")
    leader = np.arange(size) - within % gang_size
    people.gang[bad] = bad[leader]
    moment = rng.random(size) if begin is None else begin(rng.random(size), scheme)
    start = (moment * days)[leader] + np.where(leader < np.arange(size), rng.exponential(4.0, size), 0.0)
    start = np.where(start > days - 0.3, rng.random(size) * (days - 0.3), start)
    length = _column(FRAUD, "days", scheme) * np.exp(_column(FRAUD, "days_sigma", scheme) * rng.normal(0.0, 1.0, size))
    people.fraud_from[bad] = start
    people.fraud_until[bad] = start + np.clip(length, 0.6, _column(FRAUD, "longest", scheme))
    new = rng.random(size) < _column(FRAUD, "new", scheme)
    lead = _column(FRAUD, "lead", scheme) * np.exp(rng.normal(0.0, 0.9, size))
    age = 60.0 + _ages(_column(FRAUD, "years", scheme), rng)
    people.activated[bad] = start - np.where(new, np.minimum(lead, 60.0), age)
    people.plan[bad] = _pick([_FRAUD_PLANS], np.zeros(size, dtype=np.int64), rng)
    people.host[bad] = _hosts(scheme, new, rng)
    # A front person holds a few lines of the gang.
    straw = numbers.happens(0.5, size, rng)
    straw[scheme != np.roll(scheme, 1)] = False
    straw[:1] = False
    owner = np.maximum.accumulate(np.where(straw, 0, np.arange(size)))
    people.holder[bad] = people.holder[bad[owner]]
    # Some fraud lines are held by people who also have an ordinary line.
    lender = numbers.happens(0.25, size, rng) & (owner == np.arange(size)) & (bad > 0)
    lender &= ~people.is_fraud[np.maximum(bad - 1, 0)]
    people.holder[bad[lender]] = people.holder[bad[lender] - 1]


def _hosts(scheme: Ints, new: Flags, rng: np.random.Generator) -> Ints:
    """The legal persona whose ordinary life the fraud line also has; -1 for none."""
    everyday = [NAMES.index(name) for name in ("ordinary", "migrant_worker", "student", "ordinary")]
    idle = NAMES.index("idle")
    hosts = np.asarray([-1 if s.host == "none" else idle if s.host == "idle" else 0 for s in FRAUD])[scheme]
    decoy = rng.random(len(scheme)) < _column(FRAUD, "decoy", scheme)
    ordinary = rng.choice(np.asarray(everyday), len(scheme))
    hosts = np.where(hosts == 0, ordinary, hosts)
    hosts = np.where(new, -1, hosts)
    return np.where((hosts < 0) & decoy, np.where(numbers.happens(0.5, len(scheme), rng), idle, ordinary), hosts)
