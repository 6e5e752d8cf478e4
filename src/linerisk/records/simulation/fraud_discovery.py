"""Labels of simulated lines, their sources and delays, and the suspensions that follow.

Not every fraud is found: the more victims it reaches, the likelier a report. Some reports are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from linerisk.records.simulation.activity_streams import FOREVER, Streams
from linerisk.records.simulation.call_legs import CALL_OUT, DAY_US, SMS_OUT, Legs
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.personas import FRAUD, LEGAL
from linerisk.records.simulation.population import Population

_MISSED_REACH, _TEXT_REACH = 0.12, 0.15
_HALF_FOUND_REACH, _FOUND_SLOPE = 8.0, 2.5
_DELAY_DAYS, _DELAY_SIGMA, _DELAY_RANGE = 9.5, 0.75, (1.0, 30.0)
_WRONG_SHARE = 0.08
"""Wrong fraud labels on legal lines, as a share of the right ones."""
_CLEARED_SHARE = 0.5
_AUDITED_SHARE, _AUDIT_TAKES_DAYS, _SHOWS_FOR_DAYS = 0.015, 5.0, 28.0
_VERIFIED_SHARE, _PASSED_THOUGH_FRAUD = 0.006, 0.15
_SOURCES = ("police", "complaint", "verification_failed")
_SOURCE_SHARES = (0.3, 0.5, 0.2)


@dataclass(frozen=True, slots=True)
class Findings:
    """Labels of a chunk, and the days on which lines are suspended and restored (`FOREVER` for never).

    `labels` has `line` (index in the chunk), `label`, `source`, and the days `occurred` and `known`. `verified` has
    `line` and `day` of passed verifications. `reach` counts the people whom a fraud reached.
    """

    labels: pl.DataFrame
    verified: pl.DataFrame
    found: Flags
    known: Floats
    suspended: Floats
    restored: Floats
    reach: Floats


def _rows(line: Ints, label: str, source: str | list[str], occurred: Floats, known: Floats) -> pl.DataFrame:
    sources = [source] * len(line) if isinstance(source, str) else source
    return pl.DataFrame(
        {"line": line, "label": [label] * len(line), "source": sources, "occurred": occurred, "known": known},
        schema={"line": pl.Int64, "label": pl.String, "source": pl.String, "occurred": pl.Float64, "known": pl.Float64},
    )


def _delay(size: int, rng: np.random.Generator) -> Floats:
    return np.clip(_DELAY_DAYS * np.exp(_DELAY_SIGMA * rng.normal(0.0, 1.0, size)), *_DELAY_RANGE)


def _reach(people: Population, streams: Streams, legs: Legs) -> tuple[Floats, Floats]:
    """People reached by each line's fraud, and all strangers called by each line."""
    size = len(people)
    strange = legs.fresh & ((legs.kind == CALL_OUT) | (legs.kind == SMS_OUT))
    weight = np.where(legs.kind == SMS_OUT, _TEXT_REACH, np.where(legs.answered, 1.0, _MISSED_REACH))
    cheated = strange & (streams.fraud[legs.stream] > 0)
    reached = np.bincount(legs.line[cheated], weights=weight[cheated], minlength=size)
    called = np.bincount(legs.line[strange & (legs.kind == CALL_OUT)], minlength=size)
    return np.asarray(reached, dtype=np.float64), called.astype(np.float64)


def discover(people: Population, streams: Streams, legs: Legs, *, days: int, rng: np.random.Generator) -> Findings:
    """Draw the findings about the lines of a chunk."""
    size = len(people)
    reach, strangers = _reach(people, streams, legs)
    harm = np.asarray([1.0] * len(LEGAL) + [scheme.harm for scheme in FRAUD])[people.persona]
    odds = (np.maximum(reach * harm, 1e-9) / _HALF_FOUND_REACH) ** _FOUND_SLOPE
    found = people.is_fraud & (reach > 0) & (rng.random(size) < odds / (1.0 + odds))
    line = np.flatnonzero(found)
    until = np.minimum(people.fraud_until[line], days)
    occurred = people.fraud_from[line] + (until - people.fraud_from[line]) * rng.beta(1.0, 8.0, len(line))
    known_day = occurred + _delay(len(line), rng)
    source = [_SOURCES[i] for i in rng.choice(len(_SOURCES), len(line), p=_SOURCE_SHARES)]
    known, suspended, restored = (np.full(size, float(FOREVER)) for _ in range(3))
    known[line] = known_day
    suspended[line] = known_day + np.minimum(rng.exponential(1.5, len(line)), 10.0)
    parts = [_rows(line, "fraud", source, occurred, known_day)]
    wrong, verified = _mistakes(people, strangers, len(line), days, rng)
    parts.append(wrong)
    audits = _audits(people, days, rng)
    caught = audits.filter(pl.col("label") == "fraud")
    caught_line, caught_day = caught["line"].to_numpy(), caught["known"].to_numpy()
    found[caught_line] = True
    known[caught_line] = np.minimum(known[caught_line], caught_day)
    suspended[caught_line] = np.minimum(suspended[caught_line], caught_day + 1.0)
    cleared = wrong.filter(pl.col("label") == "legitimate")
    accused = wrong.filter(pl.col("label") == "fraud")
    accused_line = accused["line"].to_numpy()
    suspended[accused_line] = accused["known"].to_numpy() + 1.0
    restored[accused_line] = suspended[accused_line] + 30.0
    restored[cleared["line"].to_numpy()] = cleared["known"].to_numpy()
    checks = _checks(people, strangers, found, days, rng)
    verified = pl.concat([verified, checks.select("line", day="known")])
    labels = pl.concat([*parts, audits, checks]).filter(pl.col("known") < days).sort("line", "known", "label")
    return Findings(labels, verified.filter(pl.col("day") < days), found, known, suspended, restored, reach)


def _mistakes(
    people: Population, strangers: Floats, found: int, days: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Complaints about legal lines that call many strangers; half of them cleared on dispute."""
    count = int(np.floor(_WRONG_SHARE * found + rng.random()))
    weight = np.where(people.is_fraud, 0.0, strangers)
    count = min(count, int(np.count_nonzero(weight)))
    line = rng.choice(len(people), count, replace=False, p=weight / weight.sum()) if count else np.zeros(0, np.int64)
    since = np.maximum(people.activated[line], 0.0)
    until = np.minimum(people.closed[line], days)
    occurred = since + (until - since) * rng.random(count)
    known = occurred + _delay(count, rng)
    disputed = rng.random(count) < _CLEARED_SHARE
    cleared = known[disputed] + rng.uniform(4.0, 25.0, int(disputed.sum()))
    rows = [
        _rows(line, "fraud", "complaint", occurred, known),
        _rows(line[disputed], "legitimate", "dispute_cleared", occurred[disputed], cleared),
    ]
    return pl.concat(rows), pl.DataFrame({"line": line[disputed], "day": cleared})


def _audits(people: Population, days: int, rng: np.random.Generator) -> pl.DataFrame:
    """A small random sample of all lines, each audited on its own day, always correctly.

    A fraud is detectable from its start until some weeks after its end.
    """
    line = np.flatnonzero(rng.random(len(people)) < _AUDITED_SHARE)
    since = np.maximum(people.activated[line], 0.0)
    day = since + np.maximum(np.minimum(people.closed[line], days) - since, 0.0) * rng.random(len(line))
    known = day + 0.1 + _AUDIT_TAKES_DAYS * rng.random(len(line))
    began, ended = people.fraud_from[line], people.fraud_until[line]
    shows = people.is_fraud[line] & (began <= day) & (day < ended + _SHOWS_FOR_DAYS)
    return pl.concat(
        [
            _rows(line[shows], "fraud", "random_audit", np.minimum(day, ended)[shows], known[shows]),
            _rows(line[~shows], "legitimate", "random_audit", day[~shows], known[~shows]),
        ]
    )


def _checks(people: Population, strangers: Floats, found: Flags, days: int, rng: np.random.Generator) -> pl.DataFrame:
    """Verifications of busy lines; some frauds also pass them."""
    size = len(people)
    busy = strangers / max(float(strangers[~people.is_fraud].mean()), 1e-9)
    checked = ~people.is_fraud & (rng.random(size) < 1.0 - np.exp(-_VERIFIED_SHARE * busy))
    checked |= people.is_fraud & ~found & (rng.random(size) < _PASSED_THOUGH_FRAUD)
    line = np.flatnonzero(checked)
    since = np.maximum(np.where(people.is_fraud, people.fraud_from, people.activated)[line], 0.0)
    occurred = since + np.maximum(np.minimum(people.closed[line], days) - since, 0.0) * rng.random(len(line))
    return _rows(line, "legitimate", "verification_passed", occurred, occurred + 0.1 + rng.random(len(line)))


def drop_after_suspension(legs: Legs, findings: Findings) -> Legs:
    """Drop the legs of suspended lines; calls to them are unanswered."""
    day = legs.at / DAY_US

    def off(line: Ints) -> Flags:
        return (day >= findings.suspended[line]) & (day < findings.restored[line])

    mate = np.maximum(legs.mate, 0)
    mate_off = off(mate) & (legs.mate >= 0)
    outgoing = (legs.kind == CALL_OUT) | (legs.kind == SMS_OUT)
    answered = legs.answered & ~(mate_off & (legs.kind == CALL_OUT))
    remaining = replace(legs, answered=answered, talk=np.where(answered, legs.talk, 0).astype(np.int32))
    return remaining.take(~off(legs.line) & (outgoing | ~mate_off))
